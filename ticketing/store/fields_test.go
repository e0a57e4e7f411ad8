package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/ticketing"
)

// RC6: official and recorder type in two fields of one draft, at two servers and all on the version that they have opened: nobody is in
// anybody's way. In one field exactly one of them is first, and the other is told what stands there, whose it is and of which version.
func TestTwoPeopleInOneDraft(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call, d := h.atSeat("a")
	servers := map[string]desk{"official": h.desk, "recorder": h.otherServer()}
	const rounds = 20
	var people errgroup.Group
	for who, server := range servers {
		people.Go(func() error {
			seen := map[ticketing.Field]int64{}
			for i := range rounds {
				text := fmt.Sprintf("%s %d", who, i)
				p, field := ticketing.Patch{Version: d.Version, Seen: seen, Answer: &text}, ticketing.FieldAnswer
				if who == "recorder" {
					p.Answer, p.Content, field = nil, &text, ticketing.FieldContent
				}
				after, err := server.Patch(t.Context(), h.who[who], d.ID, p)
				if err != nil {
					return err
				}
				seen[field] = after.Version
			}
			return nil
		})
	}
	require.NoError(t, people.Wait())
	now := h.draft(call)
	require.Equal(t, []string{"official 19", "recorder 19"}, []string{now.Answer, now.Content})
	require.Equal(t, d.Version+2*rounds, now.Version)
	require.Equal(t, "official", now.Written[ticketing.FieldAnswer].Name)
	require.Equal(t, "recorder", now.Written[ticketing.FieldContent].Name)

	told := make(chan *ticketing.StaleError, len(servers))
	for who, server := range servers {
		people.Go(func() error {
			_, err := server.Patch(t.Context(), h.who[who], d.ID, ticketing.Patch{Version: now.Version, Title: &who, EventPlace: new(who)})
			if stale, ok := errors.AsType[*ticketing.StaleError](err); ok {
				told <- stale
				return nil
			}
			return err
		})
	}
	require.NoError(t, people.Wait())
	close(told)
	stale := <-told
	require.NotNil(t, stale)
	require.Nil(t, <-told, "one was first")
	require.Equal(t, []ticketing.Field{ticketing.FieldTitle, ticketing.FieldEventPlace}, stale.Fields)
	last := h.draft(call)
	require.Equal(t, last, stale.Now)
	require.Equal(t, last.Title, last.Written[ticketing.FieldTitle].Name)
	require.Equal(t, now.Version+1, last.Written[ticketing.FieldTitle].Version)
	require.Equal(t, now.Version+1, last.Version, "nothing of the other's is stored")

	last, err := h.Patch(t.Context(), h.who["recorder"], d.ID, ticketing.Patch{Version: last.Version, Outcome: new(ticketing.OutcomeNoContent)})
	require.NoError(t, err)
	last, err = h.Register(t.Context(), h.who["recorder"], d.ID, last.Version)
	require.NoError(t, err)
	require.Empty(t, last.Written)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM ticket WHERE id = $1 AND written = '{}'`, string(d.ID)), "kept as long as it is a draft")
}

// What the upgrade finds in drafts is whose the history says; the way back is open.
func TestWritersOfBefore(t *testing.T) {
	t.Parallel()
	const before, fields = 15, 16
	const li, wang = "019be6a4-5c1f-7000-8000-000000000001", "019be6a4-5c1f-7000-8000-000000000002"
	pool, migrate := pgtest.At(t, before)
	_, err := pool.Exec(t.Context(), `INSERT INTO line (id, name) VALUES ('session', 'l');
INSERT INTO call (id, channel, line, dialled, phase, seq, arrived_at, epoch) VALUES (gen_random_uuid(), 'c', 'session', '12345', 'waiting', 1, now(), 0);
INSERT INTO ticket (id, query_code, kind, call, state, opened_at, number, title, outcome, registered_at, closed_at)
  SELECT gen_random_uuid(), code, kind, id, state, now(), number, 't', 'answered', at, at
  FROM call, (VALUES ('ACDEFG', 'draft', 'call', NULL, NULL), ('ACDEFH', 'closed', 'appeal', 'n', now())) AS t (code, state, kind, number, at);
INSERT INTO ticket_event (ticket, version, at, actor, what, data)
  SELECT t.id, e.version, '2026-11-26Z', e.actor, e.what, e.data::jsonb FROM ticket t, (VALUES (1, 'reactions', 'opened', '{"kind": "call"}'),
    (2, 'person:`+li+`', 'drafted', '{"fields": ["title", "content"]}'), (3, 'reactions', 'seated', '{"seat": "A01"}'),
    (4, 'person:`+wang+`', 'drafted', '{"fields": ["title"]}')) AS e (version, actor, what, data)`)
	require.NoError(t, err)
	for range 2 {
		migrate(fields)
		for state, want := range map[string]string{
			"draft":  `{"title": {"at": "2026-11-26T00:00:00+00:00", "by": "` + wang + `", "version": 4}, "content": {"at": "2026-11-26T00:00:00+00:00", "by": "` + li + `", "version": 2}}`,
			"closed": `{}`,
		} {
			var got string
			require.NoError(t, pool.QueryRow(t.Context(), `SELECT written FROM ticket WHERE state = $1`, state).Scan(&got))
			require.JSONEq(t, want, got, state)
		}
		var both int
		require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM ticket WHERE writers @> ARRAY[$1, $2]::uuid[] AND cardinality(writers) = 2`, li, wang).Scan(&both))
		require.Equal(t, 2, both, "whoever has written is known for good")
		migrate(before)
	}
}

// RU11: what registration asks of a call's drafts, for whom they are.
func TestDraftsOfACall(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call, d := h.atSeat("a")
	further, err := h.AddAppeal(t.Context(), h.who["recorder"], call)
	require.NoError(t, err)
	_, err = h.Patch(t.Context(), h.who["recorder"], d.ID, ticketing.Patch{
		Version: d.Version, Title: new("学籍"), Class: new(ticketing.ClassOther), Outcome: new(ticketing.OutcomeAnswered), Answer: new("已告知"),
	})
	require.NoError(t, err)
	of := func(who string) []ticketing.Ticket {
		drafts, err := h.of.Store.Drafts(h.as(who), call)
		require.NoError(t, err)
		return drafts
	}
	require.Equal(t, []ticketing.Ticket{
		{ID: d.ID, Call: call, State: ticketing.StateDraft, Title: "学籍", Class: ticketing.ClassOther, Outcome: ticketing.OutcomeAnswered, Answer: "已告知"},
		{ID: further.ID, Call: call, State: ticketing.StateDraft},
	}, of("official"))
	require.Empty(t, of("other recorder"))
	h.exec(`UPDATE ticket SET state = 'closed', number = 'n', registered_at = opened_at, closed_at = opened_at WHERE id = $1`, string(d.ID))
	require.Len(t, of("supervisor"), 1)
	h.exec(`UPDATE ticket SET kind = 'appeal' WHERE id = $1`, string(d.ID))
	h.exec(`UPDATE ticket SET kind = 'missed' WHERE id = $1`, string(further.ID))
	require.Empty(t, of("supervisor"))
	_, err = h.of.Store.Drafts(h.as("supervisor"), "nonsense")
	require.ErrorIs(t, err, ticketing.ErrNotFound)
}

func (h *hall) as(who string) context.Context { return agent.NewContext(h.t.Context(), h.who[who]) }
