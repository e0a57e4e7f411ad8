// Package pgtest gives each test a migrated database and a Redis prefix of its own, on real servers. The servers are those named
// by HOTLINE_TEST_DATABASE_URL and HOTLINE_TEST_REDIS_URL, or private ones that this test binary starts and that end with it.
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"hotline/deploy/local"
	"hotline/deploy/migrations"
)

// The names of the settings by which a test run shares its servers.
const (
	DatabaseEnv = "HOTLINE_TEST_DATABASE_URL"
	RedisEnv    = "HOTLINE_TEST_REDIS_URL"
)

// everything is a login that has what the server's three roles have together, for tests that look at all that stores have written.
const everything = "tests_of_hotline"

// New returns a pool on a database of this test's own, cloned from a migrated template, with what the server's three roles have together.
// It is dropped when the test ends.
func New(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	return Open(tb, As(tb, everything, URL(tb)))
}

// Open returns a pool that is closed when the test ends.
func Open(tb testing.TB, databaseURL string) *pgxpool.Pool {
	tb.Helper()
	pool, err := pgxpool.New(tb.Context(), databaseURL)
	require.NoError(tb, err)
	tb.Cleanup(pool.Close)
	return pool
}

// URL is a database as New makes it, for whom the server acts as for people: hotline_app.
func URL(tb testing.TB) string {
	tb.Helper()
	s := servers(tb)
	id, err := uuid.NewV7()
	require.NoError(tb, err)
	name := "test_" + strings.ReplaceAll(id.String(), "-", "")
	admin(tb, s, "CREATE DATABASE "+name+" TEMPLATE "+s.template+" OWNER "+migrations.RoleOwner+" STRATEGY wal_log",
		"REVOKE ALL ON DATABASE "+name+" FROM PUBLIC",
		"GRANT CONNECT ON DATABASE "+name+" TO "+strings.Join(append(migrations.Logins(), everything), ", "))
	tb.Cleanup(func() { admin(tb, s, "DROP DATABASE "+name+" WITH (FORCE)") })
	return s.url(migrations.RoleApp, name)
}

// As is the URL of the same database for another role; "" is the superuser.
func As(tb testing.TB, role, databaseURL string) string {
	tb.Helper()
	u, err := url.Parse(databaseURL)
	require.NoError(tb, err)
	return servers(tb).url(role, strings.TrimPrefix(u.Path, "/"))
}

// Super is a superuser's pool on the database of another: for what no server may do, which a test does to it all the same.
func Super(tb testing.TB, of *pgxpool.Pool) *pgxpool.Pool {
	tb.Helper()
	return Open(tb, servers(tb).url("", of.Config().ConnConfig.Database))
}

// At returns a superuser's pool on a database of this test's own as an earlier version of the schema made it, and what brings it to
// another version.
func At(tb testing.TB, version int) (*pgxpool.Pool, func(version int)) {
	tb.Helper()
	s := servers(tb)
	id, err := uuid.NewV7()
	require.NoError(tb, err)
	name := "test_" + strings.ReplaceAll(id.String(), "-", "")
	admin(tb, s, "CREATE DATABASE "+name+" OWNER "+migrations.RoleOwner)
	tb.Cleanup(func() { admin(tb, s, "DROP DATABASE "+name+" WITH (FORCE)") })
	to := func(version int) {
		tb.Helper()
		conn, err := pgx.Connect(tb.Context(), s.url("", name))
		require.NoError(tb, err)
		defer func() { _ = conn.Close(context.WithoutCancel(tb.Context())) }()
		require.NoError(tb, migrations.MigrateTo(tb.Context(), conn, version))
	}
	to(version)
	return Open(tb, s.url("", name)), to
}

// Redis returns a client as the product uses it, and a key prefix that no other test has.
func Redis(tb testing.TB) (*redis.Client, string) {
	tb.Helper()
	options, err := redis.ParseURL(servers(tb).redis)
	require.NoError(tb, err)
	options.MaxRetries = -1
	c := redis.NewClient(options)
	id, err := uuid.NewV7()
	require.NoError(tb, err)
	prefix := "test:" + id.String() + ":"
	tb.Cleanup(func() {
		forget(tb, c, prefix)
		_ = c.Close()
	})
	return c, prefix
}

// forget removes the test's keys; a test may have closed or killed its Redis, and then there is nothing to remove.
func forget(tb testing.TB, c *redis.Client, prefix string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	keys := c.Scan(ctx, 0, prefix+"*", 1000).Iterator()
	for keys.Next(ctx) {
		_ = c.Unlink(ctx, keys.Val()).Err() // a leftover key harms nobody: the prefix is never used again
	}
}

type shared struct {
	database string // URL of any database of the server
	redis    string
	template string
}

// url is the server's URL with another database in it, and another role unless that is "".
func (s *shared) url(role, database string) string {
	u, err := url.Parse(s.database)
	if err != nil {
		return s.database // pgx says what is wrong with it
	}
	u.Path = "/" + database
	if role != "" {
		u.User = url.User(role)
	}
	return u.String()
}

//nolint:gochecknoglobals // one pair of servers for a test binary is the point
var once = sync.OnceValues(start)

func servers(tb testing.TB) *shared {
	tb.Helper()
	s, err := once()
	require.NoError(tb, err)
	return s
}

// admin runs statements outside any test's database; the context is not the test's, which is over in clean-ups.
func admin(tb testing.TB, s *shared, statements ...string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url("", "postgres"))
	require.NoError(tb, err)
	defer func() { _ = conn.Close(ctx) }()
	for _, sql := range statements {
		_, err = conn.Exec(ctx, sql)
		require.NoError(tb, err)
	}
}

func start() (*shared, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	s := &shared{database: os.Getenv(DatabaseEnv), redis: os.Getenv(RedisEnv)}
	if s.database == "" || s.redis == "" {
		if err := s.private(ctx); err != nil {
			return nil, err
		}
	}
	return s, s.prepareTemplate(ctx)
}

// private starts servers that die with this process, in a slot below .cache/test that later runs find initialised.
func (s *shared) private(ctx context.Context) error {
	root, err := local.ModuleRoot()
	if err != nil {
		return err
	}
	pair, err := local.StartPair(ctx, filepath.Join(root, ".cache", "test"), nil)
	if err != nil {
		return fmt.Errorf("start private test servers: %w", err)
	}
	s.database, s.redis = pair.Postgres.URL(local.Database), pair.Redis.URL()
	return nil
}

// prepareTemplate makes the migrated template once per server and history, under a lock that other test binaries heed.
func (s *shared) prepareTemplate(ctx context.Context) error {
	hash, err := migrations.Hash()
	if err != nil {
		return err
	}
	s.template = "template_" + hash
	conn, err := pgx.Connect(ctx, s.url("", "postgres"))
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(7071)`); err != nil {
		return fmt.Errorf("lock the template: %w", err)
	}
	var ready bool
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)`, s.template).Scan(&ready)
	if err != nil || ready {
		return err
	}
	fresh := s.template + "_new"
	for _, sql := range []string{"DROP DATABASE IF EXISTS " + fresh, "CREATE DATABASE " + fresh} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("make the template: %w", err)
		}
	}
	if err := migrate(ctx, s.url("", fresh)); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+fresh+" RENAME TO "+s.template)
	return err
}

func migrate(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to the template: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := migrations.Bootstrap(ctx, conn); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `DO $$ BEGIN
  IF to_regrole('`+everything+`') IS NULL THEN
    CREATE ROLE `+everything+` LOGIN IN ROLE hotline_app, hotline_controller, hotline_reactions;
  END IF;
END $$`)
	if err != nil {
		return fmt.Errorf("make the role of the tests: %w", err)
	}
	return migrations.Migrate(ctx, conn)
}

// SetLines is a statement that sets what all lines go by, at once, as an installation does: SetLines("wrapup", "0", "notice", "").
func SetLines(pairs ...string) string {
	rows := make([]string, 0, len(pairs)/2)
	for pair := range slices.Chunk(pairs, 2) {
		rows = append(rows, "('line."+pair[0]+"', '"+pair[1]+"')")
	}
	return `WITH installation AS (SELECT set_config('hotline.settings', 'propose', true), set_config('hotline.actor', 'system', true))
INSERT INTO setting (key, scope, version, value, effective_from, in_force_from, author, proposed_at)
SELECT v.key, l.id, 1 + coalesce((SELECT max(s.version) FROM setting s WHERE s.key = v.key AND s.scope = l.id), 0), v.value, now(), now(), 'system', now()
FROM installation, line l, (VALUES ` + strings.Join(rows, ", ") + `) AS v (key, value)`
}

// DropToday lets the day go from the fact log as days go that are not kept any more. For Super alone.
const DropToday = `DO $$
DECLARE
  day text := to_char(now() AT TIME ZONE 'Asia/Shanghai', 'YYYY_MM_DD');
BEGIN
  EXECUTE format('DROP TABLE public.%I', 'fact_' || day);
END $$`
