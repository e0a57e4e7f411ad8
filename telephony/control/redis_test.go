package control_test

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"hotline/deploy/local"
	"hotline/telephony"
	"hotline/telephony/line"
)

// redisServer is a Redis of a test's own: it may be killed, stopped, and given an old file to start with.
type redisServer struct {
	t   *testing.T
	cfg local.RedisConfig
	now *local.Redis
	rdb *redis.Client
}

// ownRedis gives the hall a Redis of its own; before a controller starts.
func (h *hall) ownRedis() *redisServer {
	h.t.Helper()
	r := &redisServer{t: h.t, cfg: local.RedisConfig{Dir: h.t.TempDir()}}
	r.start()
	options, err := redis.ParseURL(r.now.URL())
	require.NoError(h.t, err)
	options.MaxRetries, options.DialerRetries, options.ContextTimeoutEnabled = -1, 1, true
	r.rdb = redis.NewClient(options)
	h.t.Cleanup(func() { _ = r.rdb.Close() })
	h.rdb = r.rdb
	h.queue, err = line.New(h.rdb, h.prefix)
	require.NoError(h.t, err)
	return r
}

func (r *redisServer) start() {
	r.t.Helper()
	s, err := local.StartRedis(r.t.Context(), r.cfg)
	require.NoError(r.t, err)
	r.now = s
	r.t.Cleanup(s.Kill)
}

func (r *redisServer) kill() { r.now.Kill() }

func (r *redisServer) signal(sig syscall.Signal) {
	r.t.Helper()
	require.NoError(r.t, syscall.Kill(r.now.PID(), sig))
}

// keep copies what is on the disk; putBack makes it what is on the disk.
func (r *redisServer) keep()    { r.copy("data", "kept") }
func (r *redisServer) putBack() { r.copy("kept", "data") }

func (r *redisServer) copy(from, to string) {
	r.t.Helper()
	from, to = filepath.Join(r.cfg.Dir, from), filepath.Join(r.cfg.Dir, to)
	require.NoError(r.t, exec.CommandContext(r.t.Context(), "rm", "-rf", to).Run())
	require.NoError(r.t, exec.CommandContext(r.t.Context(), "cp", "-a", from, to).Run())
}

// refuseWrites lets a snapshot fail, after which Redis takes no writes (MISCONF), as on a full disk; takeWrites mends that.
func (r *redisServer) refuseWrites() {
	r.t.Helper()
	inTheWay := filepath.Join(r.cfg.Dir, "data", "dump.rdb")
	require.NoError(r.t, exec.CommandContext(r.t.Context(), "mkdir", inTheWay).Run())
	require.NoError(r.t, r.rdb.ConfigSet(r.t.Context(), "save", "3600 1").Err())
	require.NoError(r.t, r.rdb.BgSave(r.t.Context()).Err())
	require.Eventually(r.t, func() bool {
		return redis.HasErrorPrefix(r.rdb.Incr(r.t.Context(), "anything").Err(), "MISCONF")
	}, patience, 5*time.Millisecond)
}

func (r *redisServer) takeWrites() {
	r.t.Helper()
	require.NoError(r.t, r.rdb.ConfigSet(r.t.Context(), "save", "").Err())
}

// Redis is harmed while people wait and are served, is away while more are served, and comes back: the order is kept, nobody is
// lost or offered twice, and what it holds then is what it would be rebuilt to (I13).
func TestRedisHarmed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		harm, mend func(*redisServer)
	}{
		{"F8 killed, back with its file", (*redisServer).kill, (*redisServer).start},
		{"F10 hangs", func(r *redisServer) { r.signal(syscall.SIGSTOP) }, func(r *redisServer) { r.signal(syscall.SIGCONT) }},
		{"F11 back with an old file", (*redisServer).kill, func(r *redisServer) { r.putBack(); r.start() }},
		{"F28 takes no writes", (*redisServer).refuseWrites, (*redisServer).takeWrites},
		{"knows no script", func(r *redisServer) { require.NoError(r.t, r.rdb.ScriptFlush(r.t.Context()).Err()) }, func(*redisServer) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const callers = 12
			h := newHall(t, seats(2))
			r := h.ownRedis()
			s := h.start()
			h.wait(callers)
			r.keep()
			h.sit(seats(2)...)
			h.serveUntil(4)
			c.harm(r)
			h.serveUntil(8)
			c.mend(r)
			h.serve()
			h.inOrder(callers)
			require.Equal(t, callers, h.count(`SELECT count(*) FROM offer`), "one offer each")
			h.until("the queue is not away any more", func() bool { since, _ := s.QueueAway(); return since.IsZero() })
			h.tidy()
		})
	}
}

// serveUntil serves until so many have ended.
func (h *hall) serveUntil(n int) {
	h.t.Helper()
	h.until("some have been served", func() bool {
		h.serveSome()
		return h.count(`SELECT count(*) FROM call WHERE phase = 'ended'`) >= n
	})
}

// F9, F11: what Redis loses while nothing happens that it would hear of is found all the same.
func TestRedisLosesInSilence(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(*redisServer){
		"everything":      func(r *redisServer) { require.NoError(r.t, r.rdb.FlushAll(r.t.Context()).Err()) },
		"the last second": func(r *redisServer) { r.kill(); r.putBack(); r.start() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHall(t, seats(1))
			r := h.ownRedis()
			s := h.start()
			h.wait(3)
			h.tidy()
			r.keep()
			last, _ := h.call("13812349999")
			h.becomes(last, telephony.WordQueued)
			h.tidy()
			filled := s.watch.rebuilt.Load()
			lose(r)
			h.until("it is filled again", func() bool { return s.watch.rebuilt.Load() > filled })
			h.tidy()
		})
	}
}
