package realtime

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"hotline/realtime/factlog"
)

const (
	wakeTopic = "facts"
	wakeGap   = 100 * time.Millisecond // from one PUBLISH to the next
	wakeLimit = 500 * time.Millisecond
	wakeRetry = time.Second
	wakeProbe = 2 * time.Second // silence after which the subscription is looked after
)

// Wake spreads the news of new facts: at once to the readers of this process, and by Redis PUBLISH to those of others. It carries no
// fact. With Redis away nothing is lost and nobody waits: the readers are told that they do not hear all wakes, and poll more often.
type Wake struct {
	local   *factlog.Signal
	redis   redis.UniversalClient
	channel string
	name    string // of this process: its own wakes are no news to it
	log     *slog.Logger
	dirty   chan struct{} // holds one: wakes that come while one is being published become one
}

var _ factlog.Waker = (*Wake)(nil)

// NewWake joins the signal of this process with those of the others on the same Redis and prefix. Run it once.
func NewWake(local *factlog.Signal, client redis.UniversalClient, prefix string, log *slog.Logger) *Wake {
	return &Wake{local: local, redis: client, channel: prefix + wakeTopic, name: rand.Text(), log: log, dirty: make(chan struct{}, 1)}
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
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			w.hear(ctx)
			w.local.Hears(false)
			rest(ctx, wakeRetry)
		}
	}()
	defer func() { <-ended }()
	for told := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-w.dirty:
		}
		gap := wakeGap
		err := w.publish(ctx)
		if err != nil && ctx.Err() == nil {
			if !told {
				w.log.WarnContext(ctx, "other processes are not woken and will poll", slog.Any("err", err))
			}
			gap = wakeRetry // wakes meanwhile become one
		}
		told = err != nil
		rest(ctx, gap)
	}
}

// hear wakes the readers here at what others publish, until the connection fails. Silence proves nothing, so it is broken by a PING.
func (w *Wake) hear(ctx context.Context) {
	sub := w.redis.Subscribe(ctx, w.channel)
	end := func() { _ = sub.Close() } // only says that it was closed before
	defer end()
	defer context.AfterFunc(ctx, end)()
	for asked := false; ; {
		got, err := sub.ReceiveTimeout(ctx, wakeProbe)
		var silence net.Error
		switch {
		case err == nil:
			asked = false
		case errors.As(err, &silence) && silence.Timeout() && !asked && sub.Ping(ctx) == nil:
			asked = true
		default:
			return
		}
		switch got := got.(type) {
		case *redis.Subscription:
			w.local.Hears(true)
		case *redis.Message:
			if got.Payload != w.name {
				w.local.Wake()
			}
		}
	}
}

func (w *Wake) publish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, wakeLimit)
	defer cancel()
	return w.redis.Publish(ctx, w.channel, w.name).Err()
}

func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
