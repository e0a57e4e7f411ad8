package local_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"hotline/deploy/local"
)

func TestPostgresKeepsItsDataThroughACrashAndASecondStart(t *testing.T) {
	t.Parallel()
	cfg := local.PostgresConfig{Dir: filepath.Join(t.TempDir(), "a folder, with a name")} // below 0700: the server's user could not walk there
	pg := startPostgres(t, cfg)
	conn := connect(t, pg)
	_, err := conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 12345 AS n")
	require.NoError(t, err)
	require.Equal(t, "C.UTF-8 UTF8 on on", one(t, conn, `SELECT concat_ws(' ', datcollate, pg_encoding_to_char(encoding),
		current_setting('fsync'), current_setting('synchronous_commit')) FROM pg_database WHERE datname = current_database()`))

	_, err = local.LockDir(expired(t), cfg.Dir)
	require.ErrorIs(t, err, local.ErrInUse, "one server for a directory")

	pg.Kill()
	pg = startPostgres(t, cfg)
	require.Equal(t, "12345", one(t, connect(t, pg), "SELECT n::text FROM kept"))
	require.NoError(t, pg.Stop(t.Context()))
	require.NoError(t, pg.Stop(t.Context()), "twice does no harm")
}

func TestRedisKeepsItsDataThroughACrash(t *testing.T) {
	t.Parallel()
	cfg := local.RedisConfig{Dir: t.TempDir()}
	r := startRedis(t, cfg)
	require.NoError(t, client(t, r).Set(t.Context(), "k", "kept", 0).Err())
	r.Kill()
	r = startRedis(t, cfg)
	require.Equal(t, "kept", client(t, r).Get(t.Context(), "k").Val())
	require.Equal(t, map[string]string{"appendfsync": "everysec"}, client(t, r).ConfigGet(t.Context(), "appendfsync").Val())
	require.Equal(t, map[string]string{"maxmemory-policy": "noeviction"}, client(t, r).ConfigGet(t.Context(), "maxmemory-policy").Val())
	require.NoError(t, r.Stop(t.Context()))
}

func TestSlotsAreTakenInTurnAndGivenBack(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	first, lock, err := local.Slot(base)
	require.NoError(t, err)
	second, other, err := local.Slot(base)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	require.NoError(t, lock.Close())
	again, lock, err := local.Slot(base)
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.NoError(t, lock.Close())
	require.NoError(t, other.Close())
}

// Nobody needs to hold on to a pair: its servers hold the slot.
func TestAPairKeepsItsSlotWhileItsServersRun(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	postgres, redis := startPair(t, base)
	runtime.GC() // would close a lock that only the pair held
	runtime.GC()
	dir, lock, err := local.Slot(base)
	require.NoError(t, err)
	require.Equal(t, "1", filepath.Base(dir))
	require.NoError(t, lock.Close())
	require.NoError(t, redis.Stop(t.Context()))
	require.NoError(t, postgres.Stop(t.Context()))
	dir, lock, err = local.Slot(base)
	require.NoError(t, err)
	require.Equal(t, "0", filepath.Base(dir))
	require.NoError(t, lock.Close())
}

func TestAServerThatCannotStartTellsWhy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "data"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("9.6\n"), 0o600))
	_, err := local.StartPostgres(t.Context(), local.PostgresConfig{Dir: dir})
	require.ErrorContains(t, err, "Postgres 9.6, which is not installed")

	p, err := local.StartProcess(t.Context(), local.ProcessSpec{
		Name: "liar", Path: "/bin/sh", Args: []string{"-c", "echo port taken; exit 3"}, Log: filepath.Join(dir, "log"), DeathSignal: syscall.SIGKILL,
	})
	require.NoError(t, err)
	err = p.WaitReady(t.Context(), func(context.Context) error { return os.ErrNotExist })
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "port taken")
}

func TestStopKillsWhoDoesNotListen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, err := local.StartProcess(t.Context(), local.ProcessSpec{
		Name: "deaf", Path: "/bin/sh", Args: []string{"-c", `trap "" TERM; echo up; exec tail -f /dev/null`},
		Log: filepath.Join(dir, "log"), DeathSignal: syscall.SIGKILL,
	})
	require.NoError(t, err)
	require.NoError(t, p.WaitReady(t.Context(), func(context.Context) error {
		log, err := os.ReadFile(filepath.Join(dir, "log"))
		if err == nil && len(log) == 0 {
			err = os.ErrNotExist
		}
		return err
	}))
	require.ErrorIs(t, p.Stop(expired(t), syscall.SIGTERM), context.DeadlineExceeded)
	<-p.Done()
}

func expired(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func startPostgres(t *testing.T, cfg local.PostgresConfig) *local.Postgres {
	t.Helper()
	pg, err := local.StartPostgres(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(pg.Kill)
	return pg
}

// startPair forgets the pair itself, as its users do.
func startPair(t *testing.T, base string) (*local.Postgres, *local.Redis) {
	t.Helper()
	pair, err := local.StartPair(t.Context(), base, nil)
	require.NoError(t, err)
	return pair.Postgres, pair.Redis
}

func startRedis(t *testing.T, cfg local.RedisConfig) *local.Redis {
	t.Helper()
	r, err := local.StartRedis(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(r.Kill)
	return r
}

func connect(t *testing.T, pg *local.Postgres) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pg.URL(local.Database))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func one(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	var s string
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&s))
	return s
}

func client(t *testing.T, r *local.Redis) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(r.URL())
	require.NoError(t, err)
	options.MaxRetries = -1
	c := redis.NewClient(options)
	t.Cleanup(func() { _ = c.Close() })
	return c
}
