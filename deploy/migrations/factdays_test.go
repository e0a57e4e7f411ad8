package migrations_test

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations"
	"hotline/deploy/migrations/pgtest"
)

const (
	addFact = `INSERT INTO fact (at, kind, subject, topics, actor, epoch, data) VALUES ($1, 'a.b', $2, '{board,call:x}', 'test', 3, '{"a": 1}') RETURNING id`
	theLog  = `SELECT concat_ws(' ', id, xid, at, kind, subject, topics, actor, epoch, data) FROM fact ORDER BY xid, id`
	theDays = `SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'fact'::regclass ORDER BY 1`
	// What stands on a table, whatever its kind is.
	theRights = `SELECT concat_ws(' ', (SELECT string_agg(a.grantee::regrole || a.privilege_type, ' ' ORDER BY 1) FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner),
  (SELECT string_agg(t.attname || t.attacl::text, ' ' ORDER BY t.attname) FROM pg_attribute t WHERE t.attrelid = c.oid), c.relrowsecurity, c.relforcerowsecurity,
  (SELECT string_agg(to_jsonb(p)::text || d.description, ' ' ORDER BY p.policyname) FROM pg_policies p, pg_policy o JOIN pg_description d ON d.objoid = o.oid
   WHERE p.tablename = c.relname AND o.polname = p.policyname AND o.polrelid = c.oid),
  (SELECT string_agg(tgname || pg_get_triggerdef(oid), ' ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)) FROM pg_class c WHERE c.oid = 'fact'::regclass`
)

// version is the number of the migration by which the log lies in days.
func version(t *testing.T) int {
	t.Helper()
	found, err := filepath.Glob("*_fact_by_day.sql")
	require.NoError(t, err)
	require.Len(t, found, 1)
	number, _, _ := strings.Cut(found[0], "_")
	n, err := strconv.Atoi(number)
	require.NoError(t, err)
	return n
}

func all(t *testing.T, pool *pgxpool.Pool, sql string) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), sql)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return lines
}

// What an earlier version has written stays what and where it is, up and down again, and so does whatever was allowed on the log.
func TestLogOfBeforeIsKept(t *testing.T) {
	t.Parallel()
	days := version(t)
	pool, to := pgtest.At(t, days-1)
	for _, sql := range []string{
		`GRANT SELECT (at, kind) ON fact TO hotline_report`,
		`DROP POLICY IF EXISTS reads ON fact`, `CREATE POLICY reads ON fact FOR SELECT TO hotline_app USING (fact.actor <> 'x' AND 'board' = ANY (topics))`,
		`CREATE POLICY odd ON fact AS RESTRICTIVE FOR INSERT TO hotline_app, hotline_report WITH CHECK (fact.subject <> '')`,
		`COMMENT ON POLICY reads ON fact IS 'it''s so'`, `COMMENT ON POLICY odd ON fact IS 'odd'`,
		`ALTER TABLE fact ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
		`INSERT INTO fact_cursor VALUES ('c', '5', 7)`,
	} {
		_, err := pool.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	last := 0
	add := func(n int) {
		t.Helper()
		for i := range n {
			var id int
			require.NoError(t, pool.QueryRow(t.Context(), addFact, strconv.Itoa(1990+i)+"-05-01", strconv.Itoa(i)).Scan(&id))
			require.Greater(t, id, last, "no number comes twice")
			last = id
		}
		require.NoError(t, pool.QueryRow(t.Context(), `SELECT nextval('fact_id_seq')`).Scan(&last)) // what was rolled back
	}
	add(60)
	before, rights := all(t, pool, theLog), all(t, pool, theRights)
	require.Len(t, before, 60)
	require.Contains(t, rights[0], "board")

	to(days)
	require.Equal(t, before, all(t, pool, theLog))
	require.Equal(t, rights, all(t, pool, theRights))
	require.Equal(t, []string{"fact_before"}, all(t, pool, `SELECT DISTINCT tableoid::regclass::text FROM fact`))
	require.Empty(t, all(t, pool, `SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' AND (relrowsecurity OR EXISTS (SELECT FROM aclexplode(relacl) a WHERE a.grantee <> relowner))`))
	require.Empty(t, all(t, pool, `SELECT polname FROM pg_policy WHERE polrelid <> 'fact'::regclass AND polrelid::regclass::text LIKE 'fact\__%' AND polrelid::regclass::text !~ 'cursor|parked'`))
	add(40)
	after := all(t, pool, theLog)
	require.Equal(t, before, after[:60])
	require.Len(t, all(t, pool, `SELECT DISTINCT tableoid::regclass::text FROM fact`), 2)

	to(days - 1)
	require.Equal(t, after, all(t, pool, theLog))
	require.Equal(t, rights, all(t, pool, theRights))
	add(1)
	to(days)
	require.Len(t, all(t, pool, theLog), 101)
	require.Equal(t, []string{"c 5 7"}, all(t, pool, `SELECT concat_ws(' ', consumer, xid, id) FROM fact_cursor WHERE consumer = 'c'`))
}

// The guards are on the day itself, too, and on one that is made later: whoever owns it has to switch them off first.
func TestEachDayIsAppendOnly(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	super := pgtest.Super(t, pool)
	var made int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT fact_days(40)`).Scan(&made))
	require.GreaterOrEqual(t, made, 9)
	days := all(t, super, theDays)
	require.GreaterOrEqual(t, len(days), 43, "40 and today, before and default")
	for _, day := range days {
		_, err := super.Exec(t.Context(), `INSERT INTO fact (at, kind, subject, topics, actor, stored_at) VALUES (now(), 'a.b', $1, '{}', 'test', CASE $1
  WHEN 'fact_before' THEN '1999-01-01' WHEN 'fact_default' THEN now() + interval '9 years' ELSE (replace(substr($1, 6), '_', '-') || ' 12:00+08')::timestamptz END)`, day)
		require.NoError(t, err)
		for _, sql := range []string{`UPDATE ` + day + ` SET actor = 'x'`, `DELETE FROM ` + day, `TRUNCATE ` + day} {
			_, err := super.Exec(t.Context(), sql)
			require.ErrorContains(t, err, "append-only", sql)
		}
	}
	require.Empty(t, all(t, super, `SELECT subject FROM fact WHERE subject <> tableoid::regclass::text`), "each lies in its day, which is Shanghai's")
	require.Len(t, all(t, super, theLog), len(days))
}

// Who asks second waits and makes nothing twice, and nobody who writes waits for either.
func TestDaysAreMadeOnce(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	super := pgtest.Super(t, pool)
	_, err := super.Exec(t.Context(), `SELECT fact_days(30)`) // the template may be of yesterday
	require.NoError(t, err)
	for _, day := range all(t, super, theDays)[20:30] {
		_, err := super.Exec(t.Context(), `DROP TABLE `+day)
		require.NoError(t, err)
	}
	first, err := pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = first.Rollback(context.WithoutCancel(t.Context())) }) // again, when all went well
	impatient := connect(t, pool.Config().ConnString())
	_, err = impatient.Exec(t.Context(), `SET lock_timeout = 1`)
	require.NoError(t, err)
	var made int
	require.NoError(t, first.QueryRow(t.Context(), `SELECT fact_days(30)`).Scan(&made))
	require.Equal(t, 10, made)
	second := make(chan int, 1)
	go func() {
		n := -1
		_ = impatient.QueryRow(t.Context(), `SELECT fact_days(30)`).Scan(&n)
		second <- n
	}()
	require.Eventually(t, func() bool {
		var waits bool
		err := super.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'fact'::regclass AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waits)
		return err == nil && waits
	}, 4*time.Second, time.Millisecond)
	_, err = pool.Exec(t.Context(), addFact, "2026-05-01", "meanwhile")
	require.NoError(t, err)
	require.NoError(t, first.Commit(t.Context()))
	require.Zero(t, <-second)
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT fact_days(30)`).Scan(&made))
	require.Zero(t, made)
}

// A day that nobody has prepared refuses nothing. Its facts get its table when the owner says so, and stay what they are.
func TestDayWithoutATableRefusesNothing(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	super := pgtest.Super(t, pool)
	state := func() string {
		return all(t, pool, `SELECT concat_ws(' ', ready > 30, strays) FROM fact_days_state()`)[0]
	}
	where := func() []string { return all(t, super, `SELECT tableoid::regclass::text FROM fact ORDER BY id`) }
	_, err := pool.Exec(t.Context(), `SELECT fact_days(31)`)
	require.NoError(t, err)
	require.Equal(t, "t 0", state())
	var id int
	require.NoError(t, pool.QueryRow(t.Context(), addFact, "2026-05-01", "1").Scan(&id))
	today := where()[0]
	_, err = super.Exec(t.Context(), `DROP TABLE `+today)
	require.NoError(t, err)
	require.NoError(t, pool.QueryRow(t.Context(), addFact, "2026-05-01", "2").Scan(&id))
	_, err = super.Exec(t.Context(), `INSERT INTO fact (at, kind, subject, topics, actor, stored_at) VALUES (now(), 'a.b', 's', '{}', 'test', '2099-01-01 00:00+08')`)
	require.NoError(t, err)
	require.Equal(t, []string{"fact_default", "fact_default"}, where())
	require.Equal(t, "f 2", state())
	_, err = pool.Exec(t.Context(), `SELECT fact_days(31)`)
	require.NoError(t, err, "the other days go on being prepared")
	require.Equal(t, "f 2", state())

	before := all(t, super, theLog)
	var settled int
	owner := connect(t, pgtest.As(t, migrations.RoleMigrate, pool.Config().ConnString()))
	for _, want := range []int{2, 0} {
		require.NoError(t, owner.QueryRow(t.Context(), `SELECT fact_settle()`).Scan(&settled))
		require.Equal(t, want, settled)
	}
	require.Equal(t, before, all(t, super, theLog))
	require.Equal(t, []string{today, "fact_2099_01_01"}, where())
	require.Equal(t, "t 0", state())
	require.Equal(t, []string{"hotline_owner"}, all(t, super, `SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relname LIKE 'fact%'`))
	_, err = super.Exec(t.Context(), `TRUNCATE fact_default`)
	require.ErrorContains(t, err, "append-only")
}

// The function that makes tables does so for the log alone, whatever the caller has put in its way.
func TestDaysAreTheLogsWhateverStandsInTheWay(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	super := pgtest.Super(t, pool)
	for _, sql := range []string{
		`DROP TABLE ` + all(t, super, theDays)[20],
		`CREATE SCHEMA evil`, `GRANT USAGE, CREATE ON SCHEMA evil TO PUBLIC`, // the owner would find what lies there
	} {
		_, err := super.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	app := connect(t, pool.Config().ConnString())
	for _, sql := range []string{
		`CREATE TABLE evil.fact (stored_at timestamptz) PARTITION BY RANGE (stored_at)`, `CREATE TABLE evil.fact_default PARTITION OF evil.fact DEFAULT`,
		`INSERT INTO evil.fact SELECT now() + n * interval '1 day' FROM generate_series(0, 40) AS n`,
		`CREATE FUNCTION evil.to_char(date, text) RETURNS text LANGUAGE sql AS $$ SELECT 'x; DROP TABLE public.fact' $$`,
		`CREATE FUNCTION evil.fact_make_day(date) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'evil, as %', current_user; END $$`,
		`CREATE FUNCTION evil.fact_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$`,
		`CREATE FUNCTION evil.plus(date, int) RETURNS date LANGUAGE plpgsql AS $$ BEGIN RAISE 'evil, as %', current_user; END $$`,
		`CREATE OPERATOR evil.+ (LEFTARG = date, RIGHTARG = int, FUNCTION = evil.plus)`,
		`SET search_path = evil, pg_catalog, public`, `SET timezone = 'Pacific/Kiritimati'`, `SET datestyle = 'SQL, DMY'`, `SET lock_timeout = 1`,
	} {
		_, err := app.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	var made, ready int
	require.NoError(t, app.QueryRow(t.Context(), `SELECT public.fact_days(30)`).Scan(&made))
	require.Positive(t, made)
	require.NoError(t, app.QueryRow(t.Context(), `SELECT ready FROM public.fact_days_state()`).Scan(&ready))
	require.Equal(t, 31, ready)
	require.Empty(t, all(t, super, `SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'evil.fact'::regclass AND inhrelid <> 'evil.fact_default'::regclass`))
	require.Empty(t, all(t, super, `SELECT c.relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'public.fact'::regclass
  AND (c.relowner <> 'hotline_owner'::regrole OR c.relname LIKE 'fact\_2%' AND pg_get_expr(c.relpartbound, c.oid) !~ '16:00:00\+00|00:00:00\+08')`))
	owner := connect(t, pgtest.As(t, migrations.RoleMigrate, pool.Config().ConnString()))
	_, err := owner.Exec(t.Context(), `SET search_path = evil, pg_catalog, public`)
	require.NoError(t, err)
	_, err = owner.Exec(t.Context(), `SELECT public.fact_make_day('2050-01-01')`)
	require.NoError(t, err)
	require.Contains(t, all(t, super, theDays), "fact_2050_01_01")
	for _, n := range []any{-1, 61, 1 << 30, nil} {
		_, err := app.Exec(t.Context(), `SELECT public.fact_days($1)`, n)
		var refused *pgconn.PgError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, "22023", refused.Code)
	}
}
