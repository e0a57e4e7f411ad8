package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations"
	"hotline/deploy/migrations/pgtest"
)

// forgetDays takes away the tables of days from so many after today on, as if nobody had prepared them.
func forgetDays(t *testing.T, super *pgxpool.Pool, from int) {
	t.Helper()
	_, err := super.Exec(t.Context(), fmt.Sprintf(`DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' AND relname >= 'fact_' || to_char(now() AT TIME ZONE 'Asia/Shanghai' + %d * interval '1 day', 'YYYY_MM_DD')
                AND relname < 'fact_3' LOOP
    EXECUTE format('DROP TABLE %%I', name);
  END LOOP;
END $$`, from))
	require.NoError(t, err)
}

// Who operates it hears of days that nobody has prepared while weeks are left, and of facts that such a day has cost their place; hotline
// migrate is the mend of both.
func TestDoctorLooksAtTheDaysOfTheFactLog(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	args := files(t, url, "secret")
	app, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(app.Close)
	super := pgtest.Super(t, app)
	path := filepath.Join(t.TempDir(), "migrate-url")
	require.NoError(t, os.WriteFile(path, []byte(pgtest.As(t, migrations.RoleMigrate, url)), 0o600))
	doctor := func() string {
		_, said := command(t, nil, append([]string{"doctor", "--ari-url=http://127.0.0.1:1"}, args...)...)
		return said
	}
	migrate := func() string {
		code, said := command(t, nil, "migrate", "--database-url-file="+path)
		require.Zero(t, code, said)
		return said
	}
	migrate() // the template may be of yesterday
	require.NotContains(t, migrate(), "facts")
	require.Regexp(t, `ok   fact log +prepared for 31 days`, doctor())

	forgetDays(t, super, 7)
	require.Regexp(t, `ok   fact log +prepared for 7 days`, doctor())
	forgetDays(t, super, 6)
	require.Regexp(t, `BAD  fact log +only 6 days .*\n.*hotline migrate`, doctor())
	require.Contains(t, migrate(), "facts: 25 days prepared")
	require.Regexp(t, `ok   fact log +prepared for 31 days`, doctor())

	forgetDays(t, super, 0)
	_, err = app.Exec(t.Context(), `INSERT INTO fact (at, kind, subject, topics, actor) VALUES (now(), 'a.b', 's', '{}', 'test')`)
	require.NoError(t, err)
	require.Regexp(t, `BAD  fact log +1 facts are of days .*\n.*hotline migrate`, doctor())
	said := migrate()
	require.Contains(t, said, "facts: 1 that had no day have one now")
	require.Contains(t, said, "facts: 30 days prepared")
	require.Regexp(t, `ok   fact log +prepared for 31 days`, doctor())
}

// A server prepares the days to come when it starts.
func TestServerPreparesTheFactLog(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *server) { forgetDays(t, pgtest.Super(t, s.web), 1) })
	require.Eventually(t, func() bool {
		var ready int
		err := b.db.QueryRow(t.Context(), `SELECT ready FROM fact_days_state()`).Scan(&ready)
		return err == nil && ready == 31
	}, 20*time.Second, 10*time.Millisecond)
}
