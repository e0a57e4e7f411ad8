package store_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/store"
)

const ttl = 900 * time.Millisecond

func lease(pool *pgxpool.Pool, holder string, alone bool, now func() time.Time) *store.Lease {
	return store.NewLease(pool.Config().ConnConfig, store.LeaseOptions{Holder: holder, Alone: alone, TTL: ttl, Now: now, Log: slog.New(slog.DiscardHandler)})
}

func epoch(t *testing.T, l *store.Lease) int64 {
	t.Helper()
	n, ok := l.Epoch()
	require.True(t, ok)
	return n
}

func TestF7OneMaster(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	first, second := lease(pool, "a", false, time.Now), lease(pool, "b", false, time.Now)
	_, ok := first.Epoch()
	require.False(t, ok, "nothing is held yet")
	require.NoError(t, first.Take(t.Context()))
	require.Equal(t, int64(1), epoch(t, first))

	renewing, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- first.Run(renewing) }()
	impatient, cancel := context.WithTimeout(t.Context(), 2*ttl)
	defer cancel()
	require.ErrorIs(t, second.Take(impatient), context.DeadlineExceeded, "a renewed lease is not taken")

	stop()
	require.NoError(t, <-ran)
	_, ok = first.Epoch()
	require.False(t, ok, "given back")
	require.NoError(t, second.Take(t.Context()))
	require.Greater(t, epoch(t, second), int64(1)) // the question that was given up may have been answered after all, to nobody
}

func TestF6LostLeaseEndsTheHolder(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	first, second := lease(pool, "a", false, time.Now), lease(pool, "b", false, time.Now)
	require.NoError(t, first.Take(t.Context()))
	require.NoError(t, second.Take(t.Context())) // first renewed nothing for a TTL: it was stopped
	require.ErrorIs(t, first.Run(t.Context()), telephony.ErrNotMaster)
	_, ok := first.Epoch()
	require.False(t, ok)
	require.Equal(t, int64(2), epoch(t, second))
}

func TestHoldOnlyBeyondSixTenths(t *testing.T) {
	t.Parallel()
	clock := at
	l := lease(pgtest.New(t), "a", false, func() time.Time { return clock })
	require.NoError(t, l.Take(t.Context()))
	clock = at.Add(ttl*6/10 - 1)
	_, ok := l.Epoch()
	require.True(t, ok)
	clock = at.Add(ttl * 6 / 10)
	n, ok := l.Epoch()
	require.False(t, ok, "R4")
	require.Equal(t, int64(1), n)
}

func TestF1RestartedHolderNeedNotWait(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	hour := func(holder string, alone bool) *store.Lease {
		return store.NewLease(pool.Config().ConnConfig, store.LeaseOptions{Holder: holder, Alone: alone, TTL: time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	}
	require.NoError(t, hour("a", false).Take(t.Context()))
	for _, other := range []*store.Lease{hour("b", true), hour("a", false)} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		require.Error(t, other.Take(ctx))
		cancel()
	}
	restarted := hour("a", true)
	require.NoError(t, restarted.Take(t.Context()))
	require.Equal(t, int64(2), epoch(t, restarted))
}

// RT7: the calls' connections are all busy, as when eight saves wait for a row, and the master renews its lease.
func TestRenewalWaitsForNoOtherConnection(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	l := lease(pool, "a", false, time.Now)
	require.NoError(t, l.Take(t.Context()))
	var busy *pgxpool.Conn
	for range pool.Config().MaxConns {
		var err error
		busy, err = pool.Acquire(t.Context())
		require.NoError(t, err)
		defer busy.Release()
	}
	defer running(t, l)()
	renewed(t, busy, 3)
}

// A database that has ended our connection costs no renewal.
func TestRenewalGoesOnAfterALostConnection(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	cfg := pool.Config().ConnConfig
	cfg.RuntimeParams["application_name"] = "the lease"
	var log strings.Builder
	l := store.NewLease(cfg, store.LeaseOptions{Holder: "a", TTL: ttl, Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, l.Take(t.Context()))
	_, err := pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'the lease' AND datname = current_database()`)
	require.NoError(t, err)
	stop := running(t, l)
	renewed(t, pool, 2)
	stop()
	require.NotContains(t, log.String(), "lease not renewed")
}

// running runs a lease that is held; call what it returns to end it.
func running(t *testing.T, l *store.Lease) func() {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- l.Run(ctx) }()
	return func() {
		stop()
		require.NoError(t, <-ran)
	}
}

// renewed waits for so many renewals.
func renewed(t *testing.T, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, times int,
) {
	t.Helper()
	at := func() time.Time {
		var at time.Time
		require.NoError(t, db.QueryRow(t.Context(), `SELECT renewed_at FROM controller`).Scan(&at))
		return at
	}
	last := at()
	require.Eventually(t, func() bool {
		if now := at(); now.After(last) {
			last, times = now, times-1
		}
		return times == 0
	}, 20*time.Second, 20*time.Millisecond, "renewals")
}

// A connection whose network swallows everything is given up, and the next renewal is on another one.
func TestRenewalLeavesADeadConnection(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	cfg := pool.Config().ConnConfig
	var dialled swallower
	dial := cfg.DialFunc
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return dialled.watch(c), nil
	}
	l := store.NewLease(cfg, store.LeaseOptions{Holder: "a", TTL: ttl, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, l.Take(t.Context()))
	dialled.swallow()
	defer running(t, l)()
	fresh := func() bool {
		_, ok := l.Epoch()
		return ok
	}
	require.Eventually(t, func() bool { return !fresh() }, 10*time.Second, time.Millisecond, "hold-only while nothing comes back")
	require.Eventually(t, fresh, 10*time.Second, 10*time.Millisecond, "before the 15 s in which the dead one is cleared away")
}

// swallower makes the connections that stand now lead nowhere.
type swallower struct {
	mu    sync.Mutex
	conns []*swallowed // guarded by mu
}

func (s *swallower) watch(c net.Conn) net.Conn {
	w := &swallowed{Conn: c}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = append(s.conns, w)
	return w
}

func (s *swallower) swallow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.lost.Store(true)
	}
}

type swallowed struct {
	net.Conn

	lost atomic.Bool
}

func (c *swallowed) Write(b []byte) (int, error) {
	if c.lost.Load() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}
