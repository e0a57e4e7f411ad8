package main

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/agent"
)

// RS3: each part of the server has the rows of its work and no others: the web's those of whom it reads for, the controller calls, what
// follows from facts everybody's but no password.
func TestRecordsAreTheReaders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.twoUnits(t)
	for i, s := range []*side{one, two} {
		b.sitDown(t, s)
		b.serve(t, s, []string{"13800000001", "13800000002"}[i])
	}
	count := func(ctx context.Context, pool *pgxpool.Pool, table string) int {
		t.Helper()
		var n int
		require.NoError(t, pool.QueryRow(ctx, `SELECT count(*) FROM `+table).Scan(&n))
		return n
	}
	as := func(name string) context.Context {
		t.Helper()
		people, err := b.srv.agentStore.People(t.Context())
		require.NoError(t, err)
		for _, p := range people {
			if p.LoginName == name {
				return agent.NewContext(t.Context(), agent.Identity{Person: p.ID, Unit: p.Unit, Roles: p.Roles})
			}
		}
		require.Fail(t, "no such person", name)
		return nil
	}
	for _, table := range []string{"ticket", "call"} {
		require.Equal(t, 1, count(as("u-official-2"), b.srv.records, table), table)
		require.Equal(t, 1, count(as("u-recorder-3"), b.srv.records, table), table)
		require.Zero(t, count(as("u-unit-2"), b.srv.records, table), "%s: a draft is no unit's yet", table)
		require.Zero(t, count(t.Context(), b.srv.records, table), "%s for nobody", table)
		require.Zero(t, count(as("u-official-2"), b.srv.web, table), "%s where people are looked after", table)
		require.Equal(t, 2, count(t.Context(), b.srv.follow, table), table)
	}
	require.Equal(t, 2, count(t.Context(), b.srv.calls, "call"))
	for _, c := range []struct {
		pool *pgxpool.Pool
		sql  string
	}{
		{b.srv.calls, `SELECT id FROM ticket`},
		{b.srv.calls, `SELECT id FROM person`},
		{b.srv.calls, `SELECT id FROM audit`},
		{b.srv.calls, `SELECT ha1 FROM seat_state`},
		{b.srv.follow, `SELECT ha1 FROM seat_state`},
		{b.srv.follow, `SELECT ha1 FROM sitting`},
		{b.srv.calls, `UPDATE seat_state SET intent = 'rest'`},
		{b.srv.follow, `SELECT password_hash FROM person`},
		{b.srv.follow, `SELECT token FROM login`},
		{b.srv.follow, `DELETE FROM login`},
		{b.srv.follow, `UPDATE call SET phase = 'ended'`},
		{b.srv.follow, `INSERT INTO audit (at, actor, action, subject, outcome, address, reason, data) VALUES (now(), 'x', 'a.b', 's', 'done', '', '', '{}')`},
		{b.srv.records, `UPDATE call SET phase = 'ended'`},
		{b.srv.web, `INSERT INTO audit_seal (n, id, xid, digest, hash) VALUES (1, 1, '1', '', '')`},
		{b.srv.web, `SELECT fingerprint FROM vault_key`},
	} {
		_, err := c.pool.Exec(as("u-official-2"), c.sql)
		require.ErrorContains(t, err, "permission denied", c.sql)
	}
}
