package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The stores, as metrics, /readyz and boards name them.
const (
	storePostgres = "postgres"
	storeRedis    = "redis"
)

const watchEvery = time.Second

// storeWatch knows which store is away since when, and tells the log once each time.
type storeWatch struct {
	up  *prometheus.GaugeVec
	now func() time.Time
	log *slog.Logger

	mu   sync.Mutex // guards away
	away map[string]time.Time
}

func newStoreWatch(r prometheus.Registerer, now func() time.Time, log *slog.Logger) *storeWatch {
	w := &storeWatch{
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "hotline", Name: "store_up", Help: "1: the store answers. Calls go on without Redis (F10).",
		}, []string{"store"}),
		now: now, log: log, away: make(map[string]time.Time),
	}
	r.MustRegister(w.up)
	return w
}

// saw notes whether a store answers; since tells, if somebody knows it better than we do.
func (w *storeWatch) saw(ctx context.Context, store string, err error, since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was, wasAway := w.away[store]
	switch {
	case err == nil && wasAway:
		delete(w.away, store)
		w.log.InfoContext(ctx, "a store is back", slog.String("store", store), slog.Duration("after", w.now().Sub(was)))
	case err != nil && !wasAway:
		if since.IsZero() {
			since = w.now()
		}
		w.away[store] = since
		w.log.WarnContext(ctx, "a store is away; it is asked until it answers", slog.String("store", store), slog.String("meanwhile", meanwhile(store)), slog.Any("err", err))
	}
	up := 1.0
	if err != nil {
		up = 0
	}
	w.up.WithLabelValues(store).Set(up)
}

// meanwhile says what a store's absence means.
func meanwhile(store string) string {
	if store == storeRedis {
		return "calls are offered in order by the lines in memory"
	}
	return "conversations go on, and nothing is decided"
}

// since says since when a store is away; nil: it answers.
func (w *storeWatch) since(store string) *time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	since, away := w.away[store]
	if !away {
		return nil
	}
	since = since.UTC()
	return &since
}

// watchStores asks each store whether it answers, again and again.
func (s *server) watchStores(ctx context.Context) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		s.lookAtStores(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// lookAtStores asks Redis only while nobody else does: the controller knows better what its queue is worth.
func (s *server) lookAtStores(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, watchEvery)
	defer cancel()
	postgres := s.web.Ping(limited)
	var since time.Time
	var queue error
	if s.master.Load() {
		since, queue = s.controller.QueueAway()
	} else {
		queue = s.redis.Ping(limited).Err()
	}
	if ctx.Err() != nil {
		return
	}
	s.stores.saw(ctx, storePostgres, postgres, time.Time{})
	s.stores.saw(ctx, storeRedis, queue, since)
}
