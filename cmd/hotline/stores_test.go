package main

import (
	"context"
	"errors"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"hotline/deploy/local"
	"hotline/telephony/line"
)

// F10: the client heeds the end of its caller's patience. By itself it would wait for half a second, with a pair in its hands.
func TestHungRedisIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	r, err := local.StartRedis(t.Context(), local.RedisConfig{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(r.Kill)
	rdb, err := newRedis(r.URL())
	require.NoError(t, err)
	t.Cleanup(func() { _ = rdb.Close() })
	queue, err := line.New(rdb, "")
	require.NoError(t, err)
	pair := func() (time.Duration, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, _, _, err := queue.Pair(ctx, "session", nil, "request", began)
		return time.Since(began), err
	}
	require.Eventually(t, func() bool { _, err := pair(); return err == nil }, 10*time.Second, time.Millisecond, "it answers")

	require.NoError(t, syscall.Kill(r.PID(), syscall.SIGSTOP))
	quickest := time.Hour // of several: the machine is shared
	for range 5 {
		took, err := pair()
		require.Error(t, err)
		quickest = min(quickest, took)
	}
	require.Less(t, quickest, rdb.Options().ReadTimeout/2)
}

// The identity of the exchange outlives Redis, and only the holder of the lease writes it (RT3).
func TestExchangeIsRememberedInPostgres(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	require.Eventually(t, func() bool {
		known, err := b.srv.ledger.Exchange(ctx)
		return err == nil && known != ""
	}, 10*time.Second, 10*time.Millisecond, "the seats of this run were pushed")
	run, err := b.srv.ledger.Exchange(ctx)
	require.NoError(t, err)
	restarted, err := b.srv.exchangeRestarted(ctx, run)
	require.NoError(t, err)
	require.False(t, restarted)
	restarted, err = b.srv.exchangeRestarted(ctx, "another run")
	require.NoError(t, err)
	require.True(t, restarted)
	epoch, _ := b.srv.lease.Epoch()
	require.Error(t, b.srv.ledger.RememberExchange(ctx, epoch-1, "another run"))
	known, err := b.srv.ledger.Exchange(ctx)
	require.NoError(t, err)
	require.Equal(t, run, known)
}

// F13: while Postgres is away boards hear of it, with the figures of before: no figure is made up, and none looks fresh.
func TestBoardHearsThatTheLedgerIsAway(t *testing.T) {
	t.Parallel()
	w := newStoreWatch(prometheus.NewRegistry(), time.Now, slog.New(slog.DiscardHandler))
	require.Nil(t, w.since(storePostgres))
	w.saw(t.Context(), storePostgres, errors.New("no answer"), time.Time{})
	since := w.since(storePostgres)
	require.NotNil(t, since)
	was := gauge{Waiting: 3, Talking: 2, ExchangeUp: true}
	shown := gauge{HoldOnly: true, ExchangeUp: true, LedgerAwaySince: since}.figuresOf(was)
	require.Equal(t, gauge{Waiting: 3, Talking: 2, HoldOnly: true, ExchangeUp: true, LedgerAwaySince: since}, shown)
	w.saw(t.Context(), storePostgres, nil, time.Time{})
	require.Nil(t, w.since(storePostgres))
}
