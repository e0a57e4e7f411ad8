package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"hotline/cmd/sim/seat"
)

// RS6: a right that is taken away closes what it opened, push and softphone, whoever takes it away and however; and the seat is free.
func TestLostRightsCloseWhatTheyOpened(t *testing.T) {
	t.Parallel()
	const me = `(SELECT id FROM person WHERE login_name = 'jieting')`
	for name, c := range map[string]struct {
		lost  string
		code  int
		seats bool // the seat is taken back at once: a fact tells of it
	}{
		"role, on the bare table":       {`DELETE FROM person_role WHERE person = ` + me, 3501, false},
		"assignment, on the bare table": {`DELETE FROM assignment WHERE person = ` + me, 3501, false},
		"barred, on the bare table":     {`UPDATE person SET disabled_at = now() WHERE id = ` + me, 3500, true},
		"login":                         {`DELETE FROM login WHERE person = ` + me, 3500, true},
		"assignment, by command":        {"", 3501, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(s *server) { s.sip.proxy = newSIPProxy(exchange(t), nil, s.agentStore, s.log).proxy })
			b.sit(t, "jieting", "A01")
			client, err := seat.SignIn(t.Context(), b.base, "jieting", password)
			require.NoError(t, err)
			push, phone := b.hears(t, client, "seat:A01"), b.softphone(t, b.signIn(t, "jieting"))
			beside, err := seat.SignIn(t.Context(), b.base, "jilu", password)
			require.NoError(t, err)
			require.NoError(t, beside.Do(t.Context(), http.MethodPost, "/api/v1/seats/A01/take", map[string]any{"place": "recorder"}, nil))
			other := b.hears(t, beside, "seat:A01")

			began := time.Now()
			if c.lost != "" {
				_, err = b.db.Exec(t.Context(), c.lost)
			} else {
				all, listed := b.srv.agentStore.Assignments(t.Context())
				require.NoError(t, listed)
				for _, a := range all {
					if a.LoginName == "jieting" {
						err = b.srv.agentStore.Unassign(t.Context(), a.ID, "test", time.Now())
					}
				}
			}
			require.NoError(t, err)
			require.NoError(t, push.SetReadDeadline(began.Add(10*time.Second)))
			for err == nil {
				_, _, err = push.ReadMessage()
			}
			require.True(t, websocket.IsCloseError(err, c.code), "%v", err)
			ends(t, phone)
			if c.seats {
				require.Eventually(t, func() bool {
					var free bool
					err := b.db.QueryRow(t.Context(), `SELECT person IS NULL AND recorder IS NOT NULL FROM seat_state WHERE seat = 'A01'
						AND NOT EXISTS (SELECT 1 FROM sitting WHERE person = `+me+` AND ended_at IS NULL)`).Scan(&free)
					return err == nil && free
				}, 10*time.Second, 10*time.Millisecond, "the seat is taken back, and its recorder stays")
				heard := collect(t, other, ofKind("seat.signed_out"))
				require.NotEmpty(t, heard, "who has lost nothing hears on")
			}
		})
	}
}

// A conversation ends first: its push and its telephone stay, and nothing that its person does keeps the seat beyond it (RS4, RS6).
func TestAConversationEndsBeforeTheSeatIsLost(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *server) { s.sip.proxy = newSIPProxy(exchange(t), nil, s.agentStore, s.log).proxy })
	b.sit(t, "jieting", "A01")
	client, err := seat.SignIn(t.Context(), b.base, "jieting", password)
	require.NoError(t, err)
	push, phone := b.hears(t, client, "seat:A01"), b.softphone(t, b.signIn(t, "jieting"))
	work := func(sql string) {
		_, err := b.db.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	work(`WITH c AS (INSERT INTO call (id, channel, line, dialled, phase, seq, arrived_at, epoch)
		VALUES (gen_random_uuid(), 'c', 'session', '12345', 'serving', nextval('call_seq'), now(), 0) RETURNING id)
		UPDATE seat_work w SET work = 'engaged', call = c.id, version = version + 1 FROM c WHERE seat = 'A01'`)
	all, err := b.srv.agentStore.Assignments(t.Context())
	require.NoError(t, err)
	for _, a := range all {
		if a.LoginName == "jieting" {
			require.NoError(t, b.srv.agentStore.Unassign(t.Context(), a.ID, "test", time.Now()))
		}
	}
	state := func() (string, int64) {
		var pending string
		var version int64
		require.NoError(t, b.db.QueryRow(t.Context(), `SELECT pending, version FROM seat_state WHERE seat = 'A01'`).Scan(&pending, &version))
		return pending, version
	}
	for range 3 {
		require.Eventually(t, func() bool { pending, _ := state(); return pending == "sign_out" }, 10*time.Second, 10*time.Millisecond)
		_, version := state()
		require.NoError(t, client.Do(t.Context(), http.MethodPost, "/api/v1/seats/A01/cancel-pending", map[string]any{"version": version}, nil), "and again")
	}
	open := b.srv.hub.Open().Logins()
	require.Len(t, open, 1, "its page hears on")
	require.Len(t, b.srv.sip.Open(), 1, "its telephone works on")
	work(`UPDATE seat_work SET work = 'idle', call = NULL, version = version + 1 WHERE seat = 'A01'`)
	ends(t, phone)
	require.NoError(t, push.SetReadDeadline(time.Now().Add(10*time.Second)))
	for err == nil {
		_, _, err = push.ReadMessage()
	}
	require.True(t, websocket.IsCloseError(err, 3501), "%v", err)
}
