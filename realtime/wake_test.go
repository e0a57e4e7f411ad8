package realtime_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"hotline/deploy/local"
	"hotline/deploy/migrations/pgtest"
	"hotline/realtime"
	"hotline/realtime/factlog"
)

func runWake(t *testing.T, client redis.UniversalClient, prefix string) (*realtime.Wake, *factlog.Signal) {
	t.Helper()
	signal := factlog.NewSignal()
	w := realtime.NewWake(signal, client, prefix, slog.New(slog.DiscardHandler))
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
	client, prefix := pgtest.Redis(t)
	here, _ := runWake(t, client, prefix)
	_, there := runWake(t, client, prefix)
	requireWoken(t, here, there)
}

// F10: Redis is away when both processes start, and they find each other when it comes.
func TestWakeWhenRedisComesLater(t *testing.T) {
	t.Parallel()
	cfg := local.RedisConfig{Dir: t.TempDir()}
	r, err := local.StartRedis(t.Context(), cfg) // to know its address
	require.NoError(t, err)
	opt, err := redis.ParseURL(r.URL())
	require.NoError(t, err)
	r.Kill()
	opt.MaxRetries, opt.DialerRetries, opt.ContextTimeoutEnabled = -1, 1, true
	client := redis.NewClient(opt)
	t.Cleanup(func() { _ = client.Close() })
	here, _ := runWake(t, client, "late:")
	_, there := runWake(t, client, "late:")
	here.Wake()
	r, err = local.StartRedis(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(r.Kill)
	requireWoken(t, here, there)
}

func requireWoken(t *testing.T, here *realtime.Wake, there *factlog.Signal) {
	t.Helper()
	woken := there.Wait()
	again := time.NewTicker(10 * time.Millisecond) // the other may not have subscribed yet
	defer again.Stop()
	for limit := time.After(20 * time.Second); ; {
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

// RH6: a process wakes itself once, not again by its own PUBLISH, and other prefixes are other systems. While it hears the others its
// readers poll slowly.
func TestOwnWakeIsNotHeardAgain(t *testing.T) {
	t.Parallel()
	client, prefix := pgtest.Redis(t)
	here, mine := runWake(t, client, prefix)
	there, theirs := runWake(t, client, prefix)
	foreign, _ := runWake(t, client, prefix+"other:")
	heard := func(s *factlog.Signal) bool {
		select {
		case <-s.Wait():
			return true
		case <-time.After(50 * time.Millisecond):
			return false
		}
	}
	for _, pair := range []struct {
		to *factlog.Signal
		by *realtime.Wake
	}{{theirs, here}, {mine, there}} { // both have subscribed
		woken := pair.to.Wait()
		require.Eventually(t, func() bool {
			pair.by.Wake()
			select {
			case <-woken:
				return true
			default:
				return false
			}
		}, 10*time.Second, 10*time.Millisecond)
	}
	for heard(mine) || heard(theirs) { // what is still on its way
	}
	foreign.Wake()
	require.False(t, heard(mine))
	other := theirs.Wait()
	here.Wake()
	woken := mine.Wait()
	<-other // the PUBLISH has gone round
	select {
	case <-woken:
		require.Fail(t, "woken by the own PUBLISH")
	case <-time.After(50 * time.Millisecond):
	}
}

// F10: with Redis away the readers of this process are woken at once, and the writer does not wait.
func TestWakeWithoutRedis(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	w, signal := runWake(t, client, "")
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

// F10: readers poll slowly while all wakes are heard, and are woken to poll fast when Redis has gone.
func TestReadersLearnWhetherAllWakesAreHeard(t *testing.T) {
	t.Parallel()
	r, err := local.StartRedis(t.Context(), local.RedisConfig{Dir: t.TempDir()})
	require.NoError(t, err)
	opt, err := redis.ParseURL(r.URL())
	require.NoError(t, err)
	opt.MaxRetries, opt.DialerRetries, opt.ContextTimeoutEnabled = -1, 1, true
	client := redis.NewClient(opt)
	t.Cleanup(func() { _ = client.Close() })
	signal := factlog.NewSignal()
	woken := func(ch <-chan struct{}) {
		t.Helper()
		select {
		case <-ch:
		case <-time.After(20 * time.Second):
			require.Fail(t, "not woken")
		}
	}
	changed := signal.Wait()
	w := realtime.NewWake(signal, client, "alone:", slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	woken(changed)
	changed = signal.Wait()
	r.Kill()
	woken(changed)
	stop()
	require.NoError(t, <-ended)
}
