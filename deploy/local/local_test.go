package local_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
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
	u, err := url.Parse(pg.URL(local.Database))
	require.NoError(t, err)
	require.NoDirExists(t, u.Query().Get("host"), "nothing is left outside of its folder, where the socket's path is too long for one inside")
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
	require.NoDirExists(t, filepath.Dir(r.Socket()))
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

// A clone under /root is nobody else's to walk to: the program is handed over open, and its folder by a power that is lent.
func TestAProgramInAClosedHome(t *testing.T) {
	t.Parallel()
	require.Zero(t, os.Geteuid(), "another user takes root")
	who, err := local.ServerUser("nobody")
	require.NoError(t, err)
	dir, again := t.TempDir(), t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o700))
	for _, where := range []string{dir, again} {
		if where == again { // and where everybody may walk nothing is lent
			require.NoError(t, os.Chmod(filepath.Dir(where), 0o711))
		}
		program := filepath.Join(where, "grep")
		content, err := os.ReadFile("/bin/grep")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(program, content, 0o755))
		user, log := local.User{Name: who.Name, UID: who.UID, GID: who.GID}, filepath.Join(where, "log")
		user.Reach(program)
		p, err := local.StartProcess(t.Context(), local.ProcessSpec{
			Name: "grep", Path: program, Args: []string{"-E", "^(Uid|CapEff)", "/proc/self/status"}, Dir: "/", User: &user, Log: log,
		})
		require.NoError(t, err)
		<-p.Done()
		said, err := os.ReadFile(log)
		require.NoError(t, err)
		require.Contains(t, string(said), "Uid:\t65534\t65534")
		require.Equal(t, where == dir, strings.Contains(string(said), "CapEff:\t0000000000000002"), "%s", said)
	}
}

// What a server's user has left in its folders leads root nowhere else.
func TestRootFollowsNoLinks(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		require.NotZero(t, os.Geteuid(), "only root gives files away")
		return
	}
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("root's"), 0o600))
	data := filepath.Join(dir, "data")
	require.NoError(t, os.Mkdir(data, 0o700))
	for _, name := range []string{"pg_hba.conf", "pg_ident.conf", "shared"} {
		require.NoError(t, os.Symlink(secret, filepath.Join(data, name)))
	}
	u := &local.User{Name: "nobody", UID: 65534, GID: 65534}
	require.NoError(t, local.Admit(data, u))
	require.Error(t, u.Share(filepath.Join(data, "shared"), u, 0o666))
	text, err := os.ReadFile(secret)
	require.NoError(t, err)
	require.Equal(t, "root's", string(text))
	info, err := os.Stat(secret)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.Zero(t, info.Sys().(*syscall.Stat_t).Uid)
}
