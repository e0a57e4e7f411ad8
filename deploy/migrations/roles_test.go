package migrations_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations"
	"hotline/deploy/migrations/pgtest"
)

var update = flag.Bool("update", false, "write the golden file of the grants anew")

// RS3: whoever has the server's connection cannot take away what guards the log. Each way is refused by the database itself.
func TestServerCanNotBypass(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	seed := connect(t, pgtest.As(t, "", url))
	_, err := seed.Exec(t.Context(), `INSERT INTO fact (at, kind, subject, topics, actor) VALUES (now(), 'a.b', 's', '{}', 'test')`)
	require.NoError(t, err)
	var day string
	require.NoError(t, seed.QueryRow(t.Context(), `SELECT tableoid::regclass::text FROM fact`).Scan(&day))
	for _, role := range []string{migrations.RoleApp, migrations.RoleController, migrations.RoleReactions, migrations.RoleReport} {
		conn := connect(t, pgtest.As(t, role, url))
		for _, sql := range []string{`GRANT UPDATE ON fact TO CURRENT_USER`, `VACUUM FULL fact`, `ANALYZE fact`} { // that nothing was done is a mere warning
			_, _ = conn.Exec(t.Context(), sql)
		}
		for _, sql := range []string{
			// the log
			`ALTER TABLE fact DISABLE TRIGGER ALL`, `ALTER TABLE fact DISABLE TRIGGER fact_append_only`, `SET session_replication_role = replica`,
			`DROP TRIGGER fact_append_only ON fact`, `UPDATE fact SET actor = 'x'`, `DELETE FROM fact`, `TRUNCATE fact`, `SELECT FROM fact FOR UPDATE`,
			`INSERT INTO fact (id, at, kind, subject, topics, actor) OVERRIDING SYSTEM VALUE VALUES (1, now(), 'a.b', 's', '{}', 'x')`,
			`INSERT INTO fact (xid, at, kind, subject, topics, actor) VALUES ('3', now(), 'a.b', 's', '{}', 'x')`,
			`MERGE INTO fact USING (SELECT 1) AS s ON true WHEN MATCHED THEN UPDATE SET actor = 'x'`,
			`CREATE RULE quiet AS ON INSERT TO fact DO INSTEAD NOTHING`,
			`CREATE OR REPLACE FUNCTION fact_is_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
			`ALTER FUNCTION fact_is_append_only() OWNER TO CURRENT_USER`, `SELECT setval('fact_id_seq', 1)`,
			`INSERT INTO fact (stored_at, at, kind, subject, topics, actor) VALUES (now(), now(), 'a.b', 's', '{}', 'x')`, `DO 'BEGIN LOCK TABLE fact IN SHARE UPDATE EXCLUSIVE MODE; END'`,
			// its days
			`SELECT FROM fact_default`, `SELECT FROM fact_before`, `INSERT INTO fact_default (at, kind, subject, topics, actor) VALUES (now(), 'a.b', 's', '{}', 'x')`,
			`UPDATE ` + day + ` SET actor = 'x'`, `DELETE FROM ` + day, `TRUNCATE ` + day, `DROP TABLE ` + day, `ALTER TABLE fact DETACH PARTITION ` + day,
			`ALTER TABLE fact DETACH PARTITION ` + day + ` CONCURRENTLY`, `ALTER TABLE ` + day + ` DISABLE TRIGGER ALL`, `DROP TRIGGER fact_no_truncate ON ` + day,
			`ALTER TABLE ` + day + ` NO INHERIT fact`, `CREATE TABLE fact_2000_01_01 PARTITION OF fact FOR VALUES FROM ('2000-01-01') TO ('2000-01-02')`,
			`ALTER TABLE fact ATTACH PARTITION command DEFAULT`, `DO 'BEGIN LOCK TABLE fact_default IN ACCESS SHARE MODE; END'`, `COPY ` + day + ` TO STDOUT`,
			`SELECT fact_make_day('2000-01-01')`, `SELECT fact_settle()`, `SELECT fact_rights()`, `ALTER FUNCTION fact_days(int) RESET ALL`,
			`ALTER FUNCTION fact_days(int) SECURITY INVOKER`, `ALTER FUNCTION fact_days(int) OWNER TO CURRENT_USER`,
			`CREATE OR REPLACE FUNCTION fact_make_day(day date) RETURNS boolean LANGUAGE sql AS 'SELECT true'`,
			// the audit trail
			`UPDATE audit SET actor = 'x'`, `DELETE FROM audit`, `TRUNCATE audit`, `UPDATE audit_seal SET n = n + 1`, `DELETE FROM audit_seal`, `TRUNCATE audit_seal`,
			`ALTER TABLE audit DISABLE TRIGGER ALL`, `DROP TABLE audit_seal`, `ALTER TABLE audit ALTER actor SET DEFAULT 'x'`, `SELECT setval('audit_id_seq', 1)`,
			`INSERT INTO audit (stored_at, at, actor, action, subject, outcome, address, reason, data) VALUES (now(), now(), 'x', 'a.b', 's', 'done', '', '', '{}')`,
			`INSERT INTO audit (id, at, actor, action, subject, outcome, address, reason, data) OVERRIDING SYSTEM VALUE VALUES (1, now(), 'x', 'a.b', 's', 'done', '', '', '{}')`,
			`INSERT INTO audit (xid, at, actor, action, subject, outcome, address, reason, data) VALUES ('3', now(), 'x', 'a.b', 's', 'done', '', '', '{}')`,
			// history
			`UPDATE ticket_event SET actor = 'x'`, `DELETE FROM call_line`, `DELETE FROM call`, `TRUNCATE ticket CASCADE`,
			`ALTER TABLE call DISABLE TRIGGER call_keeps_its_place`, `UPDATE schema_version SET version = 0`,
			// what there is
			`DROP TABLE ticket`, `ALTER TABLE ticket ADD COLUMN x int`, `DROP SCHEMA public CASCADE`, `CREATE TABLE x (y int)`,
			`CREATE TEMPORARY TABLE fact (id int)`, `CREATE SCHEMA x`, `CREATE EXTENSION dblink`, `ALTER TABLE fact OWNER TO CURRENT_USER`,
			`CREATE FUNCTION x() RETURNS int LANGUAGE sql AS 'SELECT 1'`, `CREATE TRIGGER x BEFORE INSERT ON call EXECUTE FUNCTION call_keeps_its_place()`,
			`CREATE POLICY x ON call`, `CREATE PUBLICATION x FOR ALL TABLES`, `ALTER DATABASE postgres SET session_replication_role = replica`,
			// whose rows
			`ALTER TABLE ticket DISABLE ROW LEVEL SECURITY`, `ALTER TABLE ticket NO FORCE ROW LEVEL SECURITY`, `DROP POLICY reads ON ticket`,
			`ALTER POLICY reads ON ticket USING (true)`, `CREATE OR REPLACE FUNCTION reader_calls() RETURNS SETOF uuid LANGUAGE sql AS 'SELECT id FROM call'`,
			`ALTER FUNCTION reader_calls() OWNER TO CURRENT_USER`, `ALTER FUNCTION reach(text) RENAME TO x`, `ALTER VIEW served SET (security_invoker = false)`,
			`CREATE VIEW x AS SELECT * FROM ticket`, `SET ROLE tests_of_hotline`,
			// who there is
			`SET ROLE hotline_owner`, `SET ROLE hotline_migrate`, `SET SESSION AUTHORIZATION hotline_owner`, `GRANT hotline_owner TO CURRENT_USER`,
			`ALTER ROLE CURRENT_USER SUPERUSER`, `CREATE ROLE x`, `SELECT rolpassword FROM pg_authid`,
			`SELECT * FROM pg_shadow`, `UPDATE pg_trigger SET tgenabled = 'D'`, `UPDATE pg_class SET relowner = 0`,
			// the machine
			`COPY fact TO '/tmp/fact'`, `COPY call FROM '/etc/passwd'`, `COPY fact TO PROGRAM 'cat'`, `SELECT pg_read_file('/etc/passwd')`,
			`SELECT lo_import('/etc/passwd')`, `ALTER SYSTEM SET fsync = off`, `SELECT pg_reload_conf()`, `CHECKPOINT`, `SELECT pg_switch_wal()`,
			`CREATE FUNCTION x() RETURNS int LANGUAGE c AS 'libc', 'abs'`, `LOAD '/tmp/x.so'`,
		} {
			_, err := conn.Exec(t.Context(), sql)
			var refused *pgconn.PgError
			require.ErrorAs(t, err, &refused, "%s: %s", role, sql)
			require.Contains(t, []string{"42501", "58P01"}, refused.Code, "%s: %s: %s", role, sql, refused.Message)
		}
	}
	var left string
	require.NoError(t, seed.QueryRow(t.Context(), `SELECT string_agg(f.actor || t.tgname || t.tgenabled::text, ' ' ORDER BY t.tgname)
FROM fact f, pg_trigger t WHERE t.tgrelid = 'fact'::regclass AND NOT tgisinternal`).Scan(&left))
	require.Equal(t, "testfact_append_onlyO testfact_no_truncateO", left)
	_, err = connect(t, pgtest.As(t, migrations.RoleReport, url)).Exec(t.Context(), `SELECT fact_days(30)`)
	require.ErrorContains(t, err, "permission denied", "days are the server's to prepare")
}

// Every privilege of every role on every table, view, sequence and function stands in a file that a reviewer reads: a new table without
// grants shows there, and so does one with too many. `go test ./deploy/migrations -run Grants -update` writes it anew.
func TestGrantsAreTheWrittenOnes(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.As(t, "", pgtest.URL(t)))
	rows, err := conn.Query(t.Context(), `
WITH what AS (
  SELECT c.relname::text AS name, a.grantee, a.privilege_type AS privilege FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) a
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND a.grantee <> c.relowner
  UNION ALL
  SELECT c.relname, a.grantee, a.privilege_type || ' (' || string_agg(t.attname, ', ' ORDER BY t.attnum) || ')' FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
  WHERE c.relnamespace = 'public'::regnamespace GROUP BY 1, 2, a.privilege_type
  UNION ALL
  SELECT p.proname || '()', a.grantee, a.privilege_type FROM pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
  WHERE p.pronamespace = 'public'::regnamespace AND a.grantee <> p.proowner
  UNION ALL
  SELECT 'schema ' || n.nspname, a.grantee, a.privilege_type FROM pg_namespace n, aclexplode(n.nspacl) a
  WHERE n.nspname = 'public' AND a.grantee <> n.nspowner
), named AS (
  SELECT name, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS role, string_agg(privilege, ', ' ORDER BY privilege) AS privileges FROM what GROUP BY 1, 2
)
SELECT name || ': ' || role || ' ' || privileges FROM named
UNION ALL
SELECT relname || ': nobody' FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') AND NOT relispartition AND NOT EXISTS (SELECT FROM named WHERE name = relname)
ORDER BY 1`)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	got := strings.Join(lines, "\n") + "\n"
	const golden = "testdata/grants.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
	require.NotContains(t, got, "PUBLIC", "nobody has anything for being there")
	require.NotContains(t, strings.Replace(got, "command: nobody\n", "", 1), "nobody", "a table that nobody may read is no use to the server")
	require.NotContains(t, got, "TRUNCATE")

	var others []string
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT array_agg(relname::text) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relowner <> 'hotline_owner'::regrole`).Scan(&others))
	require.Empty(t, others, "everything is the owner's")
	require.NotRegexp(t, `(?m)^fact_(default|before|2)`, got, "a day of the log is reached through the log alone")
}

// A report tells what happened, and nothing by which a citizen or an official is known.
func TestReportsReadNothingPersonal(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.As(t, migrations.RoleReport, pgtest.URL(t)))
	for _, sql := range []string{
		`SELECT count(*), outcome FROM call GROUP BY 2`, `SELECT count(*), avg(ended_at - began_at) FROM segment`, `SELECT state, due_at FROM ticket JOIN promise p ON p.ticket = id`,
	} {
		_, err := conn.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	for _, column := range []string{
		"num_enc FROM call", "num_idx FROM call", "num_tail FROM call", "channel FROM call", "place FROM call", "title FROM ticket", "content FROM ticket",
		"answer FROM ticket", "contact_name FROM ticket", "event_place FROM ticket", "query_code FROM ticket", "official FROM ticket", "name FROM person",
		"password_hash FROM person", "data FROM login", "made FROM command", "data FROM fact", "person FROM segment", "ha1 FROM seat_state", "* FROM call",
	} {
		_, err := conn.Exec(t.Context(), `SELECT `+column)
		require.ErrorContains(t, err, "permission denied", column)
	}
}

// An installation of before has tables that a superuser made: the bootstrap hands them over, and only then the schema moves on.
func TestOldInstallationIsHandedOver(t *testing.T) {
	t.Parallel()
	pool, _ := pgtest.At(t, 8)
	super := connect(t, pool.Config().ConnString())
	for _, sql := range []string{
		`ALTER TABLE fact OWNER TO CURRENT_USER`, `ALTER VIEW seat_live OWNER TO CURRENT_USER`, `ALTER SEQUENCE call_seq OWNER TO CURRENT_USER`,
		`ALTER FUNCTION must(boolean, text) OWNER TO CURRENT_USER`, `CREATE EXTENSION pg_stat_statements`,
	} {
		_, err := super.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	migrate := connect(t, pgtest.As(t, migrations.RoleMigrate, pool.Config().ConnString()))
	require.ErrorIs(t, migrations.Migrate(t.Context(), migrate), migrations.ErrNoOwner)
	require.NoError(t, migrations.Bootstrap(t.Context(), super))
	require.NoError(t, migrations.Bootstrap(t.Context(), super), "again changes nothing")
	require.NoError(t, migrations.Migrate(t.Context(), migrate))
	var who string
	require.NoError(t, migrate.QueryRow(t.Context(), `SELECT current_user || ' ' || string_agg(DISTINCT relowner::regrole::text, ' ') FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relname !~ '^pg_stat'`).Scan(&who))
	require.Equal(t, "hotline_migrate hotline_owner", who)
	app := connect(t, pgtest.As(t, migrations.RoleApp, pool.Config().ConnString()))
	_, err := app.Exec(t.Context(), `INSERT INTO fact (at, kind, subject, topics, actor) VALUES (now(), 'a.b', 's', '{}', 'test')`)
	require.NoError(t, err)
	require.ErrorIs(t, migrations.Migrate(t.Context(), app), migrations.ErrNoOwner)
}

// Whatever somebody has given the roles by hand, the bootstrap takes it away again.
func TestBootstrapTakesPowersAway(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.As(t, "", pgtest.URL(t)))
	for _, sql := range []string{
		`BEGIN`, // the roles are everybody's on this server: what is done to them here is never committed
		`GRANT hotline_owner TO hotline_app`, `GRANT pg_read_all_data TO hotline_report`, `ALTER ROLE hotline_app CREATEROLE BYPASSRLS`, `ALTER ROLE hotline_owner LOGIN`,
		`REVOKE hotline_owner FROM hotline_migrate`, `GRANT ALL ON DATABASE ` + conn.Config().Database + ` TO PUBLIC`,
	} {
		_, err := conn.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	require.NoError(t, migrations.Bootstrap(t.Context(), conn))
	var held, odd []string
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT array_agg(member::regrole || ' in ' || roleid::regrole), (SELECT array_agg(rolname::text) FROM pg_roles
  WHERE rolname ~ '^hotline_' AND (rolcanlogin <> (rolname <> 'hotline_owner') OR rolsuper OR rolbypassrls OR rolcreaterole))
FROM pg_auth_members WHERE member::regrole::text ~ '^hotline_'`).Scan(&held, &odd))
	require.Equal(t, []string{"hotline_migrate in hotline_owner"}, held)
	require.Empty(t, odd)
	var temporary bool
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT has_database_privilege('hotline_app', current_database(), 'TEMPORARY')`).Scan(&temporary))
	require.False(t, temporary)
	_, err := conn.Exec(t.Context(), `ROLLBACK`)
	require.NoError(t, err)
}

func TestPowersAreSeen(t *testing.T) {
	t.Parallel()
	const another = "is another of the hotline's roles as well"
	url := pgtest.URL(t)
	for role, want := range map[string][]string{
		migrations.RoleApp: nil, migrations.RoleController: {"is not hotline_app", another}, migrations.RoleReport: {"is not hotline_app", another},
		migrations.RoleMigrate: {"may act as hotline_owner", "is not hotline_app", another},
		"":                     {"is a superuser", "passes by row-level security", "may make roles", "may replicate"},
	} {
		got, err := migrations.Powers(t.Context(), connect(t, pgtest.As(t, role, url)), migrations.RoleApp)
		require.NoError(t, err)
		require.ElementsMatch(t, want, got, role)
	}
}
