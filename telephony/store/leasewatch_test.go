package store_test

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations/pgtest"
	"hotline/telephony/store"
)

// stopwatch shows a time that only the test moves, and counts how often it was looked at.
type stopwatch struct {
	passed atomic.Int64
	looked atomic.Int64
}

func (w *stopwatch) now() time.Time {
	w.looked.Add(1)
	return at.Add(time.Duration(w.passed.Load()))
}

// looks waits until the lease has been looked at so often from now on; each takes two looks at the clock at most.
func (w *stopwatch) looks(t *testing.T, n int64) {
	t.Helper()
	from := w.looked.Load()
	require.Eventually(t, func() bool { return w.looked.Load() >= from+2*n+1 }, 20*time.Second, time.Millisecond)
}

// taking waits for a lease; what it returns says whether it was taken.
func taking(t *testing.T, l *store.Lease) func() bool {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = l.Take(t.Context()) // it has taken it, or the test is over
	}()
	t.Cleanup(func() { <-done })
	return func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
}

// Whoever comes, or comes back to the database with it, watches for a whole TTL first, however old the lease looks: the holder has
// that long to renew (R4).
func TestF12StandbyWatchesBeforeItTakes(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	_, err := pool.Exec(t.Context(), `UPDATE controller SET holder = 'a', epoch = 7, renewed_at = 'epoch'`)
	require.NoError(t, err)
	cfg := pool.Config().ConnConfig
	cfg.RuntimeParams["application_name"] = "b"
	var watch stopwatch
	var away atomic.Bool
	dial := cfg.DialFunc
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if away.Load() {
			return nil, syscall.ECONNREFUSED
		}
		return dial(ctx, network, addr)
	}
	b := store.NewLease(cfg, store.LeaseOptions{Holder: "b", TTL: ttl, Now: watch.now, Log: slog.New(slog.DiscardHandler)})
	taken := taking(t, b)
	watch.looks(t, 2)
	require.False(t, taken(), "an old one is watched first")
	away.Store(true)
	_, err = pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'b' AND datname = current_database()`)
	require.NoError(t, err)
	watch.looks(t, 1)
	watch.passed.Add(int64(ttl))
	away.Store(false)
	watch.looks(t, 3)
	require.False(t, taken(), "and anew after the database was out of sight")
	watch.passed.Add(int64(ttl))
	require.Eventually(t, taken, 20*time.Second, time.Millisecond)
	require.Equal(t, int64(8), epoch(t, b))
}

// F26: a database whose clock is set an hour on takes the lease from nobody, and one that is set back keeps it from nobody.
func TestF26NoClockTakesTheLease(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]string{"on": `renewed_at - interval '1 hour'`, "back": `renewed_at + interval '1 hour'`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t)
			var watch stopwatch
			a, b := lease(pool, "a", false, time.Now), lease(pool, "b", false, watch.now)
			require.NoError(t, a.Take(t.Context()))
			taken := taking(t, b)
			watch.looks(t, 2)
			_, err := pool.Exec(t.Context(), `UPDATE controller SET renewed_at = `+set)
			require.NoError(t, err)
			watch.passed.Add(int64(ttl)) // and what was there before had been seen long enough
			watch.looks(t, 2)
			require.False(t, taken())
			watch.passed.Add(int64(ttl))
			require.Eventually(t, taken, 20*time.Second, time.Millisecond, "nobody has renewed it")
			require.Equal(t, int64(2), epoch(t, b))
		})
	}
}
