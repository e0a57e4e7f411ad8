package migrations_test

import (
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations"
	"hotline/deploy/migrations/pgtest"
)

// Whose rows each role sees of each table stands in a file that a reviewer reads: a new table without policies shows there. What shows a
// role all rows says why. `go test ./deploy/migrations -run Policies -update` writes it anew.
func TestPoliciesAreTheWrittenOnes(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.As(t, "", pgtest.URL(t)))
	lines := texts(t, conn, `
SELECT c.relname || ': ' || coalesce(r.rolname, 'PUBLIC') || ' ' || CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'all' END
  || coalesce(' where ' || regexp_replace(pg_get_expr(p.polqual, p.polrelid), '\s+', ' ', 'g'), '')
  || coalesce(' check ' || regexp_replace(pg_get_expr(p.polwithcheck, p.polrelid), '\s+', ' ', 'g'), '') || coalesce(' -- ' || obj_description(p.oid, 'pg_policy'), '')
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid LEFT JOIN pg_roles r ON r.oid = ANY (p.polroles) WHERE p.polname <> 'owner' ORDER BY 1`)
	got := strings.Join(lines, "\n") + "\n"
	const golden = "testdata/policies.golden"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got)

	require.Empty(t, texts(t, conn, `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
  AND NOT (relrowsecurity AND relforcerowsecurity)`), "every table, its owner's too")
	require.Empty(t, texts(t, conn, `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'
  AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)`), "a view shows what its reader may see")
	require.Empty(t, texts(t, conn, `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relispartition
  AND EXISTS (SELECT FROM aclexplode(relacl) a WHERE a.grantee <> relowner)`), "nobody reads a partition past its table")
	require.Empty(t, texts(t, conn, `SELECT polrelid::regclass::text || ' ' || polname FROM pg_policy
WHERE polpermissive AND pg_get_expr(polqual, polrelid) = 'true' AND obj_description(oid, 'pg_policy') IS NULL OR 0 = ANY (polroles) OR NOT polpermissive`), "why all rows are shown")
	require.Empty(t, texts(t, conn, `SELECT c.relname || ' ' || a.grantee::regrole || ' ' || a.privilege_type
FROM pg_class c, LATERAL (SELECT * FROM aclexplode(c.relacl) UNION SELECT (aclexplode(t.attacl)).* FROM pg_attribute t WHERE t.attrelid = c.oid) a
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.grantee <> c.relowner AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
  AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND a.grantee = ANY (p.polroles)
    AND p.polcmd IN ('*', CASE a.privilege_type WHEN 'SELECT' THEN 'r' WHEN 'INSERT' THEN 'a' WHEN 'UPDATE' THEN 'w' ELSE 'd' END))`), "what is granted has rows")
}

// A reader who is told of no rights sees nothing of a citizen, and row-level security can not be asked away.
func TestNobodySeesNoCitizen(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	seed := connect(t, pgtest.As(t, "", url))
	_, err := seed.Exec(t.Context(), `INSERT INTO line (id, name) VALUES ('session', 'l');
INSERT INTO call (id, channel, entity, line, dialled, num_tail, place, phase, seq, arrived_at, epoch)
  VALUES ('00000000-0000-7000-8000-000000000001', 'c', 'e', 'session', '12345', '138****0000', '', 'arrived', 1, now(), 1);
INSERT INTO callback (id, call, reason, created_at) VALUES (gen_random_uuid(), '00000000-0000-7000-8000-000000000001', 'abandoned_in_queue', now());
INSERT INTO ticket (id, query_code, kind, call, state, opened_at)
  VALUES ('00000000-0000-7000-8000-000000000002', '1234567890', 'call', '00000000-0000-7000-8000-000000000001', 'draft', now());
INSERT INTO ticket_event (ticket, version, at, actor, what, data) VALUES ('00000000-0000-7000-8000-000000000002', 1, now(), 'reactions', 'opened', '{}');
INSERT INTO fact (at, kind, subject, topics, actor) VALUES (now(), 'a.b', 's', '{}', 'test');
INSERT INTO audit (at, actor, action, subject, outcome, address, reason, data) VALUES (now(), 'x', 'a.b', 's', 'done', '', '', '{}')`)
	require.NoError(t, err)
	app := connect(t, pgtest.As(t, migrations.RoleApp, url))
	for _, table := range []string{"call", "callback", "ticket", "ticket_event", "fact", "audit"} {
		require.Equal(t, []string{"0"}, texts(t, app, `SELECT count(*)::text FROM `+table), table)
		require.Equal(t, []string{"1"}, texts(t, seed, `SELECT count(*)::text FROM `+table), table)
	}
	for _, table := range []string{"ticket"} {
		tag, err := app.Exec(t.Context(), `UPDATE `+table+` SET version = version`)
		require.NoError(t, err)
		require.Zero(t, tag.RowsAffected())
	}
	_, err = app.Exec(t.Context(), `INSERT INTO ticket (id, query_code, kind, call, state, opened_at)
  VALUES (gen_random_uuid(), '1234567891', 'appeal', '00000000-0000-7000-8000-000000000001', 'draft', now())`)
	require.ErrorContains(t, err, "row-level security")
	for _, role := range []string{migrations.RoleApp, migrations.RoleReport} {
		conn := connect(t, pgtest.As(t, role, url))
		_, err = conn.Exec(t.Context(), `SET row_security = off`)
		require.NoError(t, err)
		if role == migrations.RoleApp {
			_, err = conn.Exec(t.Context(), `SELECT id FROM ticket`)
			require.ErrorContains(t, err, "row-level security")
		}
	}
}

func texts(t *testing.T, conn *pgx.Conn, sql string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return found
}
