package migrations_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations"
	"hotline/deploy/migrations/pgtest"
)

func TestMigratedDatabaseIsAtTheEnd(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.As(t, migrations.RoleMigrate, pgtest.URL(t)))
	have, want, err := migrations.Version(t.Context(), conn)
	require.NoError(t, err)
	require.Positive(t, want)
	require.Equal(t, want, have)
	require.NoError(t, migrations.Migrate(t.Context(), conn), "a second time changes nothing")
}

// The grants keep the server from it; the triggers keep the owner from it, who has to switch them off first.
func TestFactLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	_, err := pool.Exec(t.Context(), `INSERT INTO fact (at, kind, subject, topics, actor) VALUES (now(), 'a.b', 's', '{}', 'test')`)
	require.NoError(t, err)
	super := pgtest.Super(t, pool)
	for _, sql := range []string{`UPDATE fact SET actor = 'x'`, `DELETE FROM fact`, `TRUNCATE fact`} {
		_, err := super.Exec(t.Context(), sql)
		require.ErrorContains(t, err, "append-only", sql)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}
