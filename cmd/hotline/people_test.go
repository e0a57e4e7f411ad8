package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	agentstore "hotline/agent/store"
	"hotline/cmd/sim/seat"
	"hotline/deploy/migrations/pgtest"
	"hotline/realtime"
)

// RT12: who may hear what is found out with one query for everybody, and says the same as before: one's own seat, at either place.
func TestHearingCostsOneQuery(t *testing.T) {
	t.Parallel()
	pool, count := pgtest.Counted(t, pgtest.New(t))
	hall := agentstore.New(pool, nil)
	require.NoError(t, hall.PutLine(t.Context(), agentstore.Line{ID: "session", Name: "接热线", Number: "12345"}))
	var all []realtime.Subject
	person := func(role agent.Role) agent.PersonID {
		id := uuid.Must(uuid.NewV7()).String()
		p := agent.Person{ID: agent.PersonID(id), LoginName: "p" + id[24:], Name: "某人", Roles: []agent.Role{role}, CreatedAt: time.Now()}
		require.NoError(t, hall.CreatePerson(t.Context(), p, "hash", "test"))
		all = append(all, realtime.Subject{ID: id, Login: "login-" + id, Value: agent.Identity{Person: p.ID, Roles: p.Roles}})
		return p.ID
	}
	for i := range 20 {
		seat := agent.SeatID(fmt.Sprintf("A%02d", i+1))
		require.NoError(t, hall.PutSeats(t.Context(), time.Now(), agentstore.Seat{ID: seat, Line: "session", Kind: agent.SeatOfficial}))
		_, err := pool.Exec(t.Context(), `UPDATE seat_state SET person = $2, recorder = $3 WHERE seat = $1`,
			seat, person(agent.RoleOfficial), person(agent.RoleRecorder))
		require.NoError(t, err)
	}
	person(agent.RoleOfficial) // sits nowhere
	person(agent.RoleSupervisor)

	count.Take()
	rule, err := hearing{hall}.Rule(t.Context(), all...)
	require.NoError(t, err)
	for i, who := range all {
		for seat := range 20 {
			topic := fmt.Sprintf("seat:A%02d", seat+1)
			want := i/2 == seat || i == len(all)-1 // official and recorder sit in pairs, the supervisor hears everybody
			require.Equal(t, want, rule(who, topic), "%d hears %s", i, topic)
		}
		require.Equal(t, i == len(all)-1, rule(who, "seat:"), "no name is nobody's seat")
		require.True(t, rule(who, "line:session"))
		require.False(t, rule(who, "audit"))
	}
	asked, _ := count.Take()
	require.Len(t, asked, 1)
}

// hears opens a push socket of the topic, and waits for its hello.
func (b *bundle) hears(t *testing.T, c *seat.Client, topic string) *websocket.Conn {
	t.Helper()
	conn, err := c.Listen(t.Context(), topic)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// V8.3.1: who has left a seat no longer hears it, also while the log is held back and nobody is told of the leaving: the seat's next call
// is told early all the same. The seat is taken without a fact, for one would have everybody looked at for some seconds.
func TestWhoHasLeftASeatHearsItNoMore(t *testing.T) {
	t.Parallel()
	for name, held := range map[string]bool{"told by the log": false, "while the log is held back": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			c, err := seat.SignIn(t.Context(), b.base, "jieting", password)
			require.NoError(t, err)
			_, err = b.db.Exec(t.Context(), `UPDATE seat_state SET person = (SELECT id FROM person WHERE login_name = 'jieting') WHERE seat = 'A01'`)
			require.NoError(t, err)
			conn := b.hears(t, c, "seat:A01")
			if held {
				_, err = b.db.Exec(t.Context(), `BEGIN; SELECT pg_current_xact_id()`)
				require.NoError(t, err)
			}
			require.NoError(t, c.Do(t.Context(), http.MethodPost, "/api/seats/A01/sign-out", map[string]any{"place": "official"}, nil))
			require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second))) // everybody is looked at each half minute all the same
			for err == nil {
				_, _, err = conn.ReadMessage()
			}
			require.True(t, websocket.IsCloseError(err, 3501), "%v", err)
			if held {
				_, err = b.db.Exec(t.Context(), `ROLLBACK`)
				require.NoError(t, err)
			}
		})
	}
}
