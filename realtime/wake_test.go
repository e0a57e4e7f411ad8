package realtime_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations/pgtest"
	"hotline/realtime"
	"hotline/realtime/factlog"
)

func runWake(t *testing.T, client redis.UniversalClient) (*realtime.Wake, *factlog.Signal) {
	t.Helper()
	signal := factlog.NewSignal()
	w := realtime.NewWake(signal, client, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return w, signal
}

func TestWakeReachesOtherProcesses(t *testing.T) {
	t.Parallel()
	client, _ := pgtest.Redis(t)
	here, _ := runWake(t, client)
	_, there := runWake(t, client)
	woken := there.Wait()
	again := time.NewTicker(10 * time.Millisecond) // the other may not have subscribed yet
	defer again.Stop()
	for limit := time.After(10 * time.Second); ; {
		select {
		case <-woken:
			return
		case <-again.C:
			here.Wake()
		case <-limit:
			t.Fatal("the other process was not woken")
		}
	}
}

// F10: with Redis away the readers of this process are woken at once, and the writer does not wait.
func TestWakeWithoutRedis(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	w, signal := runWake(t, client)
	for range 100 {
		woken := signal.Wait()
		w.Wake()
		select {
		case <-woken:
		default:
			t.Fatal("woken only later")
		}
	}
}
