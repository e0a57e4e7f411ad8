package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	agentstore "hotline/agent/store"
	"hotline/deploy/migrations/pgtest"
	"hotline/realtime"
)

// counter counts the queries of a pool.
type counter struct{ queries atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.queries.Add(1)
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// RT12: who may hear what is found out with one query for everybody, and says the same as before: one's own seat, at either place.
func TestHearingCostsOneQuery(t *testing.T) {
	t.Parallel()
	cfg, err := pgxpool.ParseConfig(pgtest.URL(t))
	require.NoError(t, err)
	count := &counter{}
	cfg.ConnConfig.Tracer = count
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
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

	before := count.queries.Load()
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
	require.EqualValues(t, 1, count.queries.Load()-before)
}
