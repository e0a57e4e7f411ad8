package migrations_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations/pgtest"
)

// What the lines' columns said is the first version of each setting, and what is in force stands in the columns again after a step back.
func TestSettingsKeepWhatLinesHad(t *testing.T) {
	t.Parallel()
	const before, settings = 16, 17
	pool, to := pgtest.At(t, before)
	said := func(sql string) []string {
		rows, err := pool.Query(t.Context(), sql)
		require.NoError(t, err)
		all, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return all
	}
	exec := func(sql string) {
		_, err := pool.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	exec(`INSERT INTO line (id, name, ring_seconds, wrapup_seconds, grace_seconds, notice) VALUES ('session', 'l', 15, 0, 30, ''), ('ordinary', 'o', 20, 120, 20, 'hotline/recording-notice')`)
	to(settings)
	const rules = `SELECT concat_ws(' ', line, ring_seconds, wrapup_seconds, grace_seconds, '"' || notice || '"') FROM line_rule ORDER BY line`
	require.Equal(t, []string{`ordinary 20 120 20 "hotline/recording-notice"`, `session 15 0 30 ""`}, said(rules))
	require.Equal(t, []string{"1 system 8"}, said(`SELECT concat_ws(' ', version, author, count(*)) FROM setting WHERE in_force_from <= now() GROUP BY version, author`))
	exec(pgtest.SetLines("wrapup", "45"))
	to(before)
	require.Equal(t, []string{"45", "45"}, said(`SELECT wrapup_seconds::text FROM line`))
	require.Equal(t, []string{"15"}, said(`SELECT ring_seconds::text FROM line WHERE id = 'session'`))
	to(settings)
	require.Equal(t, []string{`ordinary 20 45 20 "hotline/recording-notice"`, `session 15 45 30 ""`}, said(rules))
}
