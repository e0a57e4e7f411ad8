package store_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"hotline/deploy/migrations/pgtest"
	"hotline/realtime/factlog"
	"hotline/telephony"
	"hotline/ticketing"
	"hotline/ticketing/store"
)

// I7: one ticket of the first kinds per call, whatever repeats and races.
func TestOneTicketPerCall(t *testing.T) {
	t.Parallel()
	h := setup(t)
	calls := []telephony.CallID{h.admitted("a"), h.admitted("b"), h.admitted("")}
	h.talking(calls[0], "A01", "official")
	var racers errgroup.Group
	for i := range 24 {
		racers.Go(func() error {
			call := calls[i%len(calls)]
			switch i % 4 {
			case 0:
				_, err := h.store.Sweep(t.Context(), rand.Reader, at)
				return err
			case 1:
				return h.handle("call.talking", call)
			}
			return h.handle("call.admitted", call)
		})
	}
	require.NoError(t, racers.Wait())
	require.Equal(t, 3, h.count(`SELECT count(*) FROM ticket`))
	require.Equal(t, 3, h.count(`SELECT count(*) FROM ticket_event WHERE what = 'opened'`))
	require.Equal(t, 3, h.count(`SELECT count(*) FROM fact WHERE kind = 'ticket.opened'`))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM ticket WHERE seat = 'A01' AND official = $1`, string(h.who["official"].Person)))
}

func TestDraftFollowsItsCall(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call := h.admitted("a")
	require.NoError(t, h.handle("call.admitted", call))
	d := h.draft(call)
	require.Equal(t, ticketing.KindCall, d.Kind)
	require.Equal(t, h.session, d.Session)
	require.Equal(t, 41, d.Origin.SessionNumber)
	require.Equal(t, "138****5678", d.Origin.Masked)
	require.Empty(t, d.Seat)

	h.talking(call, "A01", "official")
	for range 2 { // the second time is a repetition
		require.NoError(t, h.handle("call.talking", call))
	}
	d = h.draft(call)
	require.EqualValues(t, "A01", d.Seat)
	require.Equal(t, h.who["official"].Person, d.Official)
	require.Equal(t, "official", d.Origin.OfficialName)
	require.EqualValues(t, 2, d.Version)

	h.ended(call, telephony.OutcomeAnsweredOfficial)
	require.NoError(t, h.handle("call.ended", call))
	require.Equal(t, ticketing.KindCall, h.draft(call).Kind)

	require.Equal(t, 1, h.count(`SELECT count(*) FROM fact WHERE kind = 'ticket.drafted' AND subject = $1::text
		AND topics @> ARRAY['tickets', 'ticket:' || $1::text, 'call:' || $2::text, 'seat:A01'] AND (data->>'version')::int = 2`, string(d.ID), string(call)))
}

func TestUnansweredCallLeavesAMissedTicket(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call := h.admitted("a")
	require.NoError(t, h.handle("call.admitted", call))
	h.ended(call, telephony.OutcomeAbandonedInQueue)
	require.NoError(t, h.handle("call.ended", call))
	require.NoError(t, h.handle("call.ended", call))
	require.Equal(t, ticketing.KindMissed, h.draft(call).Kind)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM ticket_event WHERE what = 'missed'`))

	// The fact of the admission may come after the end: same ticket.
	late := h.admitted("b")
	h.ended(late, telephony.OutcomeAbandonedRinging)
	require.NoError(t, h.handle("call.admitted", late))
	require.NoError(t, h.handle("call.ended", late))
	require.Equal(t, ticketing.KindMissed, h.draft(late).Kind)

	// Who hung up during the notice was never admitted.
	notice := h.admitted("c")
	h.exec(`UPDATE call SET queued_at = NULL WHERE id = $1`, string(notice))
	h.ended(notice, telephony.OutcomeAbandonedShort)
	require.NoError(t, h.handle("call.ended", notice))
	opened, err := h.store.Sweep(t.Context(), rand.Reader, at)
	require.NoError(t, err)
	require.Zero(t, opened)
	require.Equal(t, 2, h.count(`SELECT count(*) FROM ticket`))
}

func TestHandleRefusesAFactWithoutACall(t *testing.T) {
	t.Parallel()
	h := setup(t)
	require.ErrorContains(t, h.handle("call.admitted", "nonsense"), "call.admitted")
	require.NoError(t, h.handle("call.admitted", telephony.CallID(id(t))))
	require.Zero(t, h.count(`SELECT count(*) FROM ticket`))
}

// Two people type at once: each keeps trying with what it last read, and no field of either is lost.
func TestEditorsLoseNothing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call, d := h.atSeat("a")
	const rounds = 15
	type field func(text string) ticketing.Patch
	write := func(who string, f field) func() error {
		return func() error {
			mine := d
			for i := 0; i < rounds; {
				p := f(fmt.Sprintf("%s %d", who, i))
				p.Version = mine.Version
				next, err := h.Patch(t.Context(), h.who[who], d.ID, p)
				switch {
				case errors.Is(err, ticketing.ErrStale):
					if mine, _, err = h.Ticket(t.Context(), h.who[who], d.ID); err != nil {
						return err
					}
				case err != nil:
					return err
				default:
					mine, i = next, i+1
				}
			}
			return nil
		}
	}
	var editors errgroup.Group
	editors.Go(write("official", func(s string) ticketing.Patch { return ticketing.Patch{Answer: &s} }))
	editors.Go(write("recorder", func(s string) ticketing.Patch { return ticketing.Patch{Content: &s} }))
	require.NoError(t, editors.Wait())
	d = h.draft(call)
	require.Equal(t, "official 14", d.Answer)
	require.Equal(t, "recorder 14", d.Content)
	require.EqualValues(t, 2+2*rounds, d.Version)
	require.Equal(t, 2*rounds, h.count(`SELECT count(*) FROM ticket_event WHERE what = 'drafted'`))
	require.Zero(t, h.count(`SELECT count(*) FROM fact WHERE data::text LIKE '%recorder 14%'`), "the log knows nothing of what was said")
	require.Zero(t, h.count(`SELECT count(*) FROM ticket_event WHERE data::text LIKE '%recorder 14%'`))
}

func TestRegister(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call, d := h.atSeat("a")
	recorder := h.who["recorder"]
	_, err := h.Register(t.Context(), recorder, d.ID, d.Version)
	fields, ok := ticketing.Invalid(err)
	require.True(t, ok, err)
	require.Equal(t, []ticketing.FieldError{{Field: "title", Code: "required"}, {Field: "class", Code: "required"}, {Field: "outcome", Code: "required"}}, fields)
	require.Zero(t, h.count(`SELECT count(*) FROM ticket_counter`), "no number is used up")

	d, err = h.Patch(t.Context(), recorder, d.ID, ticketing.Patch{
		Version: d.Version, Title: new("学籍转移"), Class: new(ticketing.ClassOther), Outcome: new(ticketing.OutcomeTicket),
	})
	require.NoError(t, err)
	_, err = h.Register(t.Context(), recorder, d.ID, d.Version-1)
	require.ErrorIs(t, err, ticketing.ErrStale)
	h.later(time.Minute)
	h.ended(call, telephony.OutcomeAnsweredOfficial)
	h.later(20 * time.Hour) // typed up the next day: the promise runs from the call
	d, err = h.Register(t.Context(), h.who["official"], d.ID, d.Version)
	require.NoError(t, err)
	require.Equal(t, ticketing.Number(2026, ticketing.SourceCall, 1), d.Number)
	require.Equal(t, "2026-12-10", d.Promise.LastDay())

	read, history, err := h.Ticket(t.Context(), h.who["official"], d.ID)
	require.NoError(t, err)
	require.Equal(t, ticketing.StateRegistered, read.State)
	require.Equal(t, d.Promise.DueAt.UTC(), read.Promise.DueAt.UTC())
	require.Equal(t, d.Promise.StartsOn, read.Promise.StartsOn)
	what := make([]string, len(history))
	for i, e := range history {
		what[i] = e.What + " " + e.ActorName
	}
	require.Equal(t, []string{"opened ", "seated ", "drafted recorder", "registered official"}, what)
	require.Equal(t, []any{"title", "class", "outcome"}, history[2].Data["fields"])
	require.Equal(t, d.Number, history[3].Data["number"])

	_, err = h.Register(t.Context(), h.who["official"], d.ID, d.Version)
	require.ErrorIs(t, err, ticketing.ErrNotDraft)
	_, err = h.Patch(t.Context(), h.who["office"], d.ID, ticketing.Patch{Version: d.Version, Title: new("改")})
	require.ErrorIs(t, err, ticketing.ErrNotDraft)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM fact WHERE kind = 'ticket.registered' AND data->>'number' = $1 AND data->>'class' = 'other'
		AND (data->>'due_at')::timestamptz = $2`, d.Number, d.Promise.DueAt))
}

func TestNumbersAreDenseUnderConcurrency(t *testing.T) {
	t.Parallel()
	h := setup(t)
	var drafts []ticketing.Ticket
	for range 12 {
		_, d := h.atSeat("a")
		drafts = append(drafts, d)
	}
	numbers := make([]string, len(drafts))
	var all errgroup.Group
	for i, d := range drafts {
		all.Go(func() error {
			d, err := h.Patch(t.Context(), h.who["recorder"], d.ID, ticketing.Patch{
				Version: d.Version, Title: new("无声"), Outcome: new(ticketing.OutcomeNoContent),
			})
			if err != nil {
				return err
			}
			d, err = h.Register(t.Context(), h.who["recorder"], d.ID, d.Version)
			numbers[i] = d.Number
			return err
		})
	}
	require.NoError(t, all.Wait())
	slices.Sort(numbers)
	for i, n := range numbers {
		require.Equal(t, ticketing.Number(2026, ticketing.SourceCall, int64(i+1)), n)
	}
	require.Equal(t, 12, h.count(`SELECT count(*) FROM ticket WHERE state = 'closed' AND closed_at = registered_at`))
	require.Equal(t, 12, h.count(`SELECT count(*) FROM fact WHERE kind = 'ticket.closed' AND data->>'outcome' = 'no_content'`))
}

func TestAppealsInheritConfidence(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call, d := h.atSeat("a")
	_, err := h.Patch(t.Context(), h.who["recorder"], d.ID, ticketing.Patch{Version: d.Version, Confidential: new(true), ContactName: new("李女士")})
	require.NoError(t, err)
	appeal, err := h.AddAppeal(t.Context(), h.who["recorder"], call)
	require.NoError(t, err)
	require.Equal(t, ticketing.KindAppeal, appeal.Kind)
	require.True(t, appeal.Confidential)
	require.Equal(t, "李女士", appeal.ContactName)
	require.EqualValues(t, "A01", appeal.Seat)
	tickets, position, err := h.OfCall(t.Context(), h.who["official"], call)
	require.NoError(t, err)
	require.Len(t, tickets, 2)
	require.Equal(t, appeal.ID, tickets[1].ID)
	require.NotEmpty(t, position)

	_, err = h.AddAppeal(t.Context(), h.who["other official"], call)
	require.ErrorIs(t, err, ticketing.ErrNotFound)
	_, err = h.AddAppeal(t.Context(), h.who["office"], telephony.CallID(id(t)))
	require.ErrorIs(t, err, ticketing.ErrNotFound)
}

func TestRightsOverARunningCall(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call := h.admitted("a")
	h.exec(`INSERT INTO offer (id, call, grp, participant, seat, person, state, offered_at, expires_at, epoch)
		VALUES ($1::uuid, $2, $1::uuid, $1::uuid, 'A01', $3, 'open', $4, $4, 0)`,
		id(t), string(call), string(h.who["official"].Person), at)
	want := map[string]error{
		"official": nil, "recorder": nil, "operator": nil, "supervisor": nil, "office": nil,
		"other official": ticketing.ErrNotFound, "other recorder": ticketing.ErrNotFound, "clerk": ticketing.ErrNotFound, "admin": ticketing.ErrNotAllowed,
	}
	for name, err := range want { // while it rings, before the draft is there
		_, got := h.Pop(t.Context(), h.who[name], call)
		require.ErrorIs(t, got, err, name)
		tickets, _, got := h.OfCall(t.Context(), h.who[name], call)
		require.ErrorIs(t, got, err, name)
		require.Empty(t, tickets)
	}
	h.exec(`UPDATE offer SET state = 'expired', closed_at = $1`, at)
	_, err := h.Pop(t.Context(), h.who["recorder"], call)
	require.ErrorIs(t, err, ticketing.ErrNotFound, "the offer is over")
}

// RS4: a seat changes hands; its tickets do not, not even to who sits down a minute later.
func TestSeatForgetsOldCalls(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call, d := h.atSeat("a")
	d, err := h.Patch(t.Context(), h.who["recorder"], d.ID, ticketing.Patch{Version: d.Version, Title: new("学籍")})
	require.NoError(t, err)
	h.ended(call, telephony.OutcomeAnsweredOfficial)
	h.handedOver(call)
	h.leaves("A02", "official")
	h.leaves("A02", "recorder")
	h.later(time.Minute)
	h.sits("A01", "official", "other official")
	h.sits("A01", "recorder", "other recorder")
	for name, want := range map[string]error{"official": nil, "recorder": nil, "other official": ticketing.ErrNotFound, "other recorder": ticketing.ErrNotFound} {
		_, _, err := h.Ticket(t.Context(), h.who[name], d.ID)
		require.ErrorIs(t, err, want, name)
		page, err := h.List(t.Context(), h.who[name], ticketing.Query{})
		require.NoError(t, err)
		require.Equal(t, want == nil, page.Count == 1, name)
	}
}

// RS4: who sat at the seat while it had the call has to do with it, work after the call included; who sat there before or after has not.
func TestAccessFollowsTheSitting(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to time.Duration // of the sitting; the call is served from 10 to 20 minutes, and written up until 25
		want     error
	}{
		"before":                     {0, 9 * time.Minute, ticketing.ErrNotFound},
		"until it began":             {0, 10 * time.Minute, ticketing.ErrNotFound},
		"came in the middle":         {15 * time.Minute, time.Hour, nil},
		"left in the middle":         {0, 11 * time.Minute, nil},
		"while it was written up":    {22 * time.Minute, time.Hour, nil},
		"when all was done":          {25 * time.Minute, time.Hour, ticketing.ErrNotFound},
		"sits there since last week": {-7 * 24 * time.Hour, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			h.leaves("A01", "recorder")
			h.leaves("A02", "recorder")
			h.later(10 * time.Minute)
			call, d := h.atSeat("a")
			h.later(10 * time.Minute)
			h.exec(`UPDATE segment SET ended_at = $1, why = 'finished', wrapup_until = $2, wrapup_ended_at = $3`,
				h.clock(), h.clock().Add(time.Hour), h.clock().Add(5*time.Minute))
			h.ended(call, telephony.OutcomeAnsweredOfficial)
			var to *time.Time
			if c.to != 0 {
				to = new(at.Add(c.to))
			}
			h.exec(`INSERT INTO sitting (seat, place, person, began_at, ended_at) VALUES ('A01', 'recorder', $1, $2, $3)`,
				string(h.who["other recorder"].Person), at.Add(c.from), to)
			_, _, err := h.Ticket(t.Context(), h.who["other recorder"], d.ID)
			require.ErrorIs(t, err, c.want)
			_, err = h.Pop(t.Context(), h.who["other recorder"], call)
			require.ErrorIs(t, err, c.want)
			page, err := h.List(t.Context(), h.who["other recorder"], ticketing.Query{})
			require.NoError(t, err)
			require.Equal(t, c.want == nil, page.Count == 1, "the list says the same")
		})
	}
}

func TestListByReader(t *testing.T) {
	t.Parallel()
	h := setup(t)
	_, open := h.atSeat("a")
	_, second := h.atSeat("b")
	h.registered(open, "公开的事", ticketing.OutcomeTicket)
	second, err := h.Patch(t.Context(), h.who["recorder"], second.ID, ticketing.Patch{Version: second.Version, Confidential: new(true)})
	require.NoError(t, err)
	h.registered(second, "举报", ticketing.OutcomeTicket)
	call, _ := h.atSeat("c")
	h.ended(call, telephony.OutcomeAnsweredOfficial)
	for name, want := range map[string]int{
		"official": 3, "recorder": 3, "operator": 3, "office": 3, "clerk": 1, "other clerk": 0, "other official": 0, "other recorder": 0,
	} {
		page, err := h.List(t.Context(), h.who[name], ticketing.Query{})
		require.NoError(t, err)
		require.Equal(t, want, page.Count, name)
		require.Len(t, page.Tickets, want, name)
		for _, line := range page.Tickets {
			ticket, _, err := h.store.Ticket(t.Context(), line.ID)
			require.NoError(t, err)
			require.True(t, ticketing.Access{Who: h.who[name]}.Read(ticket), name)
		}
	}
	_, err = h.List(t.Context(), h.who["admin"], ticketing.Query{})
	require.ErrorIs(t, err, ticketing.ErrNotAllowed)
}

// RG1, P-02: a ticket is its host's and its helpers', but never read by whom it is about; its news goes to who may read it.
func TestUnitsOfATicket(t *testing.T) {
	t.Parallel()
	h := setup(t)
	_, draft := h.atSeat("a")
	require.Empty(t, draft.Units)
	d := h.registered(draft, "公开的事", ticketing.OutcomeTicket)
	require.Equal(t, []string{"EDU"}, d.Units)
	_, secret := h.atSeat("b")
	secret, err := h.Patch(t.Context(), h.who["recorder"], secret.ID, ticketing.Patch{Version: secret.Version, Confidential: new(true)})
	require.NoError(t, err)
	h.registered(secret, "举报", ticketing.OutcomeTicket)
	told := func(topic string) int { return h.count(`SELECT count(*) FROM fact WHERE $1 = ANY (topics)`, topic) }
	require.Equal(t, 1, told("tickets:EDU"), "its registration; no draft and nothing confidential")
	require.Zero(t, told("tickets:TAX"))

	reads := func(name string, want bool) {
		t.Helper()
		_, _, err := h.Ticket(t.Context(), h.who[name], d.ID)
		if want {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, ticketing.ErrNotFound)
		}
		page, err := h.List(t.Context(), h.who[name], ticketing.Query{})
		require.NoError(t, err)
		require.Equal(t, want, page.Count == 1, "the list says the same")
	}
	reads("clerk", true)
	reads("other clerk", false)
	h.exec(`INSERT INTO ticket_unit (ticket, unit, role) VALUES ($1, 'TAX', 'co'), ($1, 'EDU', 'accused')`, string(d.ID))
	reads("clerk", false)
	reads("other clerk", true)
	h.exec(`INSERT INTO ticket_unit (ticket, unit, role, round) VALUES ($1, 'EDU', 'host', 2)`, string(d.ID))
	reads("clerk", false)
}

func TestPop(t *testing.T) {
	t.Parallel()
	h := setup(t)
	first, d := h.atSeat("citizen")
	h.registered(d, "异地就医", ticketing.OutcomeTicket)
	h.ended(first, telephony.OutcomeAnsweredOfficial)
	h.later(time.Hour)
	second, d := h.atSeat("citizen")
	d, err := h.Patch(t.Context(), h.who["recorder"], d.ID, ticketing.Patch{Version: d.Version, Confidential: new(true)})
	require.NoError(t, err)
	h.registered(d, "举报", ticketing.OutcomeTicket)
	h.ended(second, telephony.OutcomeAnsweredOfficial)
	h.later(time.Hour)
	missed := h.admitted("citizen")
	require.NoError(t, h.handle("call.admitted", missed))
	h.ended(missed, telephony.OutcomeAbandonedInQueue)
	_, _ = h.atSeat("somebody else")
	h.later(time.Hour)

	now, _ := h.atSeat("citizen")
	pop, err := h.Pop(t.Context(), h.who["official"], now)
	require.NoError(t, err)
	require.Equal(t, "138****5678", pop.Origin.Masked)
	require.Equal(t, 3, pop.Count)
	require.Equal(t, []telephony.CallID{missed, second, first}, []telephony.CallID{pop.Calls[0].ID, pop.Calls[1].ID, pop.Calls[2].ID})
	require.Equal(t, telephony.OutcomeAbandonedInQueue, pop.Calls[0].Outcome)
	require.Len(t, pop.Open, 1, "what is confidential stays with the desks; the empty draft tells nothing")
	require.Equal(t, "异地就医", pop.Open[0].Title)
	require.NotNil(t, pop.Open[0].Promise)
	require.Equal(t, "异地就医", pop.Last.Title)

	pop, err = h.Pop(t.Context(), h.who["operator"], now)
	require.NoError(t, err)
	require.Len(t, pop.Open, 2)
	require.Equal(t, "举报", pop.Last.Title)

	anonymous, _ := h.atSeat("")
	another, _ := h.atSeat("")
	for _, call := range []telephony.CallID{anonymous, another} {
		pop, err = h.Pop(t.Context(), h.who["official"], call)
		require.NoError(t, err)
		require.Zero(t, pop.Count)
		require.Nil(t, pop.Last)
	}
}

func TestSweepOpensWhatTheReactionMissed(t *testing.T) {
	t.Parallel()
	h := setup(t)
	talked, gone := h.admitted("a"), h.admitted("b")
	h.talking(talked, "A01", "official")
	h.ended(gone, telephony.OutcomeAbandonedInQueue)
	without, several, err := h.store.Breaches(t.Context(), at.Add(-time.Hour))
	require.NoError(t, err)
	require.ElementsMatch(t, []string{string(talked), string(gone)}, without, "I7")
	require.Empty(t, several)
	opened, err := h.store.Sweep(t.Context(), rand.Reader, at)
	require.NoError(t, err)
	require.Equal(t, 2, opened)
	h.exec(`DROP INDEX ticket_call`)
	h.exec(`UPDATE ticket SET call = $1`, string(talked))
	without, several, err = h.store.Breaches(t.Context(), at.Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, []string{string(gone)}, without, "I7")
	require.Equal(t, []string{string(talked)}, several, "I7")
	h.exec(`UPDATE ticket SET call = $1 WHERE kind = 'missed'`, string(gone))
	require.EqualValues(t, "A01", h.draft(talked).Seat)
	require.Equal(t, ticketing.KindMissed, h.draft(gone).Kind)
	opened, err = h.store.Sweep(t.Context(), rand.Reader, at)
	require.NoError(t, err)
	require.Zero(t, opened)
}

// RC3: so does a seat that the draft was never given, because the fact of it was set aside; the day of that fact may have gone meanwhile.
func TestFactSetAsideIsMended(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call := h.admitted("a")
	require.NoError(t, h.handle("call.admitted", call))
	h.talking(call, "A01", "official")
	h.exec(`WITH f AS (INSERT INTO fact (at, kind, subject, topics, actor) VALUES ($1, 'call.talking', $2, '{t}', 'test') RETURNING *)
		INSERT INTO fact_parked (consumer, xid, id, at, attempts, error, told_at, kind, subject, topics, actor, data)
		SELECT $3, xid, id, $1, 1, '', at, kind, subject, topics, actor, data FROM f`, at, string(call), store.Consumer)
	require.Empty(t, h.draft(call).Seat)
	h.exec(pgtest.DropToday)
	mended, err := factlog.Mend(t.Context(), h.pool, factlog.Reaction{Consumer: store.Consumer, Apply: h.store.Handler(rand.Reader)})
	require.NoError(t, err)
	require.Equal(t, 1, mended)
	require.EqualValues(t, "A01", h.draft(call).Seat)
	require.Zero(t, h.count(`SELECT count(*) FROM fact_parked`))
}

// The last segment says whose the ticket is; who served before still has to do with it.
func TestLastSegmentOwnsTheTicket(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call, d := h.atSeat("a")
	h.handedOver(call)
	h.later(time.Minute)
	h.talking(call, "A02", "other official")
	require.NoError(t, h.handle("call.talking", call))
	d2 := h.draft(call)
	require.Equal(t, d.ID, d2.ID)
	require.EqualValues(t, "A02", d2.Seat)
	require.Equal(t, h.who["other official"].Person, d2.Official)
	for _, name := range []string{"official", "other official"} {
		_, _, err := h.Ticket(t.Context(), h.who[name], d.ID)
		require.NoError(t, err, name)
	}
}

// I7: who rings again goes on with the draft; the call before has none from then on, and nothing opens another.
func TestResumedCallTakesTheDraftOver(t *testing.T) {
	t.Parallel()
	h := setup(t)
	old := h.admitted("a")
	require.NoError(t, h.handle("call.admitted", old))
	h.ended(old, telephony.OutcomeAbandonedInQueue)
	require.NoError(t, h.handle("call.ended", old))
	d := h.draft(old)
	require.Equal(t, ticketing.KindMissed, d.Kind)

	call := h.resumes(old)
	for range 2 {
		require.NoError(t, h.handle("call.admitted", call))
		require.NoError(t, h.handle("call.admitted", old), "late or repeated")
		require.NoError(t, h.handle("call.ended", old))
		opened, err := h.store.Sweep(t.Context(), rand.Reader, at)
		require.NoError(t, err)
		require.Zero(t, opened)
	}
	taken := h.draft(call)
	require.Equal(t, d.ID, taken.ID)
	require.Equal(t, ticketing.KindCall, taken.Kind)
	require.Equal(t, d.Version+1, taken.Version)
	require.Equal(t, d.QueryCode, taken.QueryCode)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM ticket`))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM ticket_event WHERE what = 'resumed' AND data->>'resumes' = $1::text AND data->>'call' = $2::text`, string(old), string(call)))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM fact WHERE kind = 'ticket.drafted' AND topics @> ARRAY['call:' || $1::text, 'call:' || $2::text]`, string(old), string(call)))

	// They are not admitted the next time, and then they are: the draft goes on all the same.
	h.ended(call, telephony.OutcomeAbandonedInQueue)
	require.NoError(t, h.handle("call.ended", call))
	notice := h.resumes(call)
	h.exec(`UPDATE call SET queued_at = NULL WHERE id = $1`, string(notice))
	h.ended(notice, telephony.OutcomeAbandonedShort)
	require.NoError(t, h.handle("call.ended", notice))
	require.Equal(t, ticketing.KindMissed, h.draft(call).Kind)
	last := h.resumes(notice)
	h.talking(last, "A01", "official")
	require.NoError(t, h.handle("call.talking", last))
	require.Equal(t, d.ID, h.draft(last).ID)
	require.EqualValues(t, "A01", h.draft(last).Seat)
	opened, err := h.store.Sweep(t.Context(), rand.Reader, at)
	require.NoError(t, err)
	require.Zero(t, opened)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM ticket`))
}

// What was registered already stays with the call in which it was said.
func TestResumedCallLeavesARegisteredTicket(t *testing.T) {
	t.Parallel()
	h := setup(t)
	old, d := h.atSeat("a")
	h.registered(d, "学籍", ticketing.OutcomeAnswered)
	h.ended(old, telephony.OutcomeAnsweredOfficial)
	call := h.resumes(old)
	require.NoError(t, h.handle("call.admitted", call))
	require.NotEqual(t, d.ID, h.draft(call).ID)
	require.Equal(t, d.ID, h.draft(old).ID)
	require.Equal(t, 2, h.count(`SELECT count(*) FROM ticket`))
}

// The sweep finds a redial whose reaction was lost, and takes the draft over as well.
func TestSweepTakesOverToo(t *testing.T) {
	t.Parallel()
	h := setup(t)
	old := h.admitted("a")
	require.NoError(t, h.handle("call.admitted", old))
	h.ended(old, telephony.OutcomeAbandonedInQueue)
	call := h.resumes(old)
	_, err := h.store.Sweep(t.Context(), rand.Reader, at)
	require.NoError(t, err)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM ticket WHERE call = $1`, string(call)))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM ticket`))
}
