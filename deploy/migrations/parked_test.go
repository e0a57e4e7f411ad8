package migrations_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations/pgtest"
)

// What was set aside before facts were kept whole gets its fact; whose day has gone from the log stops no upgrade.
func TestFactsSetAsideBefore(t *testing.T) {
	t.Parallel()
	const before, whole = 15, 16
	pool, to := pgtest.At(t, before)
	for _, sql := range []string{
		`INSERT INTO fact (at, kind, subject, topics, actor, data) VALUES (now(), 'call.ended', 'call:1', '{}', 'system', '{"a": 1}')`,
		`INSERT INTO fact_parked (consumer, xid, id, at, attempts, error) SELECT 'there', xid, id, now(), 1, 'e' FROM fact`,
		`INSERT INTO fact_parked (consumer, xid, id, at, attempts, error) VALUES ('gone', '7', 7, now(), 1, 'e')`,
	} {
		_, err := pool.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	to(whole)
	var kept string
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT string_agg(concat_ws(' ', consumer, kind, subject, data), ';') FROM fact_parked`).Scan(&kept))
	require.Equal(t, `there call.ended call:1 {"a": 1}`, kept)
}
