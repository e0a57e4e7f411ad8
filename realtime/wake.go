package realtime

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"hotline/realtime/factlog"
)

const (
	wakeChannel = "hotline:facts"
	wakeLimit   = 500 * time.Millisecond
	wakeRetry   = time.Second
)

// Wake spreads the news of new facts: at once to the readers of this process, and by Redis PUBLISH to those of others. It carries no
// fact. With Redis away nothing is lost and nobody waits: the others find the facts by polling.
type Wake struct {
	local *factlog.Signal
	redis redis.UniversalClient
	log   *slog.Logger
	dirty chan struct{} // holds one: wakes that come while one is being published become one
}

var _ factlog.Waker = (*Wake)(nil)

// NewWake joins the signal of this process with those of the others on the same Redis. Run it once.
func NewWake(local *factlog.Signal, client redis.UniversalClient, log *slog.Logger) *Wake {
	return &Wake{local: local, redis: client, log: log, dirty: make(chan struct{}, 1)}
}

// Wake never blocks: call it after every commit that wrote facts.
func (w *Wake) Wake() {
	w.local.Wake()
	select {
	case w.dirty <- struct{}{}:
	default:
	}
}

// Run publishes and hears until ctx ends.
func (w *Wake) Run(ctx context.Context) error {
	sub := w.redis.Subscribe(ctx, wakeChannel)
	heard := sub.Channel() // reconnects by itself, and is closed with sub
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range heard {
			w.local.Wake()
		}
	}()
	defer func() {
		_ = sub.Close() // only says that it was closed before
		<-ended
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.dirty:
		}
		if err := w.publish(ctx); err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "other processes are not woken and will poll", slog.Any("err", err))
			rest(ctx, wakeRetry) // wakes meanwhile become one
		}
	}
}

func (w *Wake) publish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, wakeLimit)
	defer cancel()
	return w.redis.Publish(ctx, wakeChannel, "").Err()
}

func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
