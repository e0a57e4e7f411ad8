package migrations_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations"
	"hotline/deploy/migrations/pgtest"
)

func TestMigratedDatabaseIsAtTheEnd(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), pgtest.URL(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	have, want, err := migrations.Version(t.Context(), conn)
	require.NoError(t, err)
	require.Positive(t, want)
	require.Equal(t, want, have)
	require.NoError(t, migrations.Migrate(t.Context(), conn), "a second time changes nothing")
}

func TestFactLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	_, err := pool.Exec(t.Context(), `INSERT INTO fact (at, kind, subject, topics, actor) VALUES (now(), 'a.b', 's', '{}', 'test')`)
	require.NoError(t, err)
	for _, sql := range []string{`UPDATE fact SET actor = 'x'`, `DELETE FROM fact`, `TRUNCATE fact`} {
		_, err := pool.Exec(t.Context(), sql)
		require.ErrorContains(t, err, "append-only", sql)
	}
}
