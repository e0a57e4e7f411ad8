package store_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/store"
)

const ttl = 900 * time.Millisecond

func lease(pool *pgxpool.Pool, holder string, alone bool, now func() time.Time) *store.Lease {
	return store.NewLease(pool, store.LeaseOptions{Holder: holder, Alone: alone, TTL: ttl, Now: now, Log: slog.New(slog.DiscardHandler)})
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
	require.Equal(t, int64(2), epoch(t, second))
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
		return store.NewLease(pool, store.LeaseOptions{Holder: holder, Alone: alone, TTL: time.Hour, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
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

// After a restart of the database the old holder has a whole TTL to renew before a standby may take over (R4).
func TestF12StandbyWaitsAfterARestart(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	var up time.Duration
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT clock_timestamp() - pg_postmaster_start_time()`).Scan(&up))
	_, err := pool.Exec(t.Context(), `UPDATE controller SET holder = 'a', epoch = 7, renewed_at = 'epoch'`)
	require.NoError(t, err)
	wait := func(ttl time.Duration) error {
		l := store.NewLease(pool, store.LeaseOptions{Holder: "b", TTL: ttl, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		return l.Take(ctx)
	}
	require.Error(t, wait(up+time.Hour), "the database is up for less than a TTL")
	require.NoError(t, wait(min(up, time.Second)/2))
}
