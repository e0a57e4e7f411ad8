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
	"hotline/realtime/factlog"
)

// RT12: who may hear what is found out with one query for everybody, and says the same as before: one's own seat, at either place.
func TestHearingCostsOneQuery(t *testing.T) {
	t.Parallel()
	pool, count := pgtest.Counted(t, pgtest.New(t))
	hall := agentstore.New(pool, nil)
	units, err := agentstore.SampleUnits()
	require.NoError(t, err)
	require.NoError(t, hall.PutUnits(t.Context(), units))
	require.NoError(t, hall.PutLine(t.Context(), agentstore.Line{ID: "session", Name: "接热线", Number: "12345"}))
	var all []realtime.Subject
	person := func(role agent.Role) agent.PersonID {
		id := uuid.Must(uuid.NewV7()).String()
		p := agent.Person{ID: agent.PersonID(id), LoginName: "p" + id[24:], Name: "某人", Roles: []agent.Role{role}, CreatedAt: time.Now()}
		require.NoError(t, hall.CreatePerson(t.Context(), p, "hash", "test"))
		all = append(all, realtime.Subject{ID: id, Login: "login-" + id})
		return p.ID
	}
	for i := range 20 {
		seat := agent.SeatID(fmt.Sprintf("A%02d", i+1))
		require.NoError(t, hall.PutSeats(t.Context(), time.Now(), agentstore.Seat{ID: seat, Line: "session", Kind: agent.SeatOfficial}))
		official, recorder := person(agent.RoleOfficial), person(agent.RoleRecorder)
		_, err := pool.Exec(t.Context(), `UPDATE seat_state SET person = $2, recorder = $3 WHERE seat = $1`, seat, official, recorder)
		require.NoError(t, err)
		_, err = pool.Exec(t.Context(), `INSERT INTO assignment (id, seat, place, person, made_at) VALUES (gen_random_uuid(), $1, 'official', $2, now()),
			(gen_random_uuid(), $1, 'recorder', $3, now())`, seat, official, recorder)
		require.NoError(t, err)
		_, err = pool.Exec(t.Context(), `INSERT INTO sitting (seat, place, person, began_at) VALUES ($1, 'official', $2, now())`, seat, official)
		require.NoError(t, err)
		_, err = pool.Exec(t.Context(), `UPDATE person SET unit = 'EDU' WHERE id = $1`, official)
		require.NoError(t, err)
	}
	person(agent.RoleOfficial) // sits nowhere
	person(agent.RoleSupervisor)

	count.Take()
	told, err := hearing{hall}.Rule(t.Context(), all...)
	require.NoError(t, err)
	rule := func(who realtime.Subject, topic string) bool {
		_, ok := told(who, topic)
		return ok
	}
	for i, who := range all {
		for seat := range 20 {
			topic := fmt.Sprintf("seat:A%02d", seat+1)
			want := i/2 == seat || i == len(all)-1 // official and recorder sit in pairs, the supervisor hears everybody
			require.Equal(t, want, rule(who, topic), "%d hears %s", i, topic)
		}
		require.Equal(t, i == len(all)-1, rule(who, "seat:"), "no name is nobody's seat")
		require.Equal(t, i < 40 || i == len(all)-1, rule(who, "waiting:session"), "%d hears how many wait: whose line it is, and who looks after all", i)
		require.Equal(t, i == len(all)-1, rule(who, "waiting:"), "no name is nobody's line")
		require.Equal(t, i == len(all)-1, rule(who, "waiting:other"))
		require.Equal(t, i == len(all)-1, rule(who, "line:session"), "%d hears of everybody's calls (RS5)", i)
		require.Equal(t, i == len(all)-1, rule(who, "tickets"), "%d hears of everybody's tickets (RS5)", i)
		require.Equal(t, i%2 == 0 && i < 40 || i == len(all)-1, rule(who, "tickets:EDU"), "%d hears of a unit's tickets", i)
		require.Equal(t, i == len(all)-1, rule(who, "tickets:TAX") || rule(who, "tickets:"), "%d hears of another unit's tickets", i)
		require.False(t, rule(who, "call:x") || rule(who, "ticket:x") || rule(who, "x"))
		require.False(t, rule(who, "audit"))
	}
	asked, _ := count.Take()
	require.Len(t, asked, 1)

	// RS5: one's seat is heard from when one sat down, what one hears of all from the beginning.
	var began uint64
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT xid::text::bigint FROM sitting WHERE person = $1`, all[0].ID).Scan(&began))
	from, _ := told(all[0], "seat:A01")
	require.Equal(t, factlog.Position{XID: began}, from)
	from, _ = told(all[0], "tickets:EDU")
	require.Zero(t, from)
	from, _ = told(all[len(all)-1], "seat:A01")
	require.Zero(t, from)

	// RS6: what a socket was opened with counts no more than what is true now.
	boss := all[len(all)-1]
	require.True(t, rule(boss, "board"))
	_, err = pgtest.Super(t, pool).Exec(t.Context(), `UPDATE person_role SET role = 'unit' WHERE person = $1`, boss.ID)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `UPDATE person SET disabled_at = now() WHERE id = $1`, all[0].ID)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `DELETE FROM assignment WHERE person = $1`, all[2].ID)
	require.NoError(t, err)
	told, err = hearing{hall}.Rule(t.Context(), all...)
	require.NoError(t, err)
	require.False(t, rule(boss, "board"))
	require.False(t, rule(all[0], "seat:A01"), "who may not sign in hears nothing")
	require.True(t, rule(all[1], "seat:A01"))
	require.False(t, rule(all[2], "seat:A02"), "whose assignment is taken back hears the seat no more (RS4)")
}

// RG3: a kind of topic for which nobody has said who hears it lets the server not start.
func TestTopicWithoutAnActionIsRefused(t *testing.T) {
	t.Parallel()
	require.NoError(t, checkTopics(published()))
	require.ErrorContains(t, checkTopics(append(published(), "payroll")), "payroll")
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
			require.NoError(t, c.Do(t.Context(), http.MethodPost, "/api/v1/seats/A01/sign-out", map[string]any{"place": "official"}, nil))
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
