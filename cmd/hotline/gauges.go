package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"hotline/agent"
)

// gauge is what a board and the seats of a line show between two facts; worth only its latest value.
type gauge struct {
	Waiting     int   `json:"waiting"`
	LongestMS   int64 `json:"longest_wait_ms"`
	Ready       int   `json:"ready"`
	Talking     int   `json:"talking"`
	HoldOnly    bool  `json:"hold_only"`
	ExchangeUp  bool  `json:"exchange_up"`
	SeatsSeated int   `json:"seats"`
	// QueueAwaySince: Redis does not answer, and the lines in memory decide alone (F10). Nil: it answers.
	QueueAwaySince *time.Time `json:"queue_away_since"`
	// LedgerAwaySince: Postgres does not answer: calls go on, nothing is decided, and the figures are those of before (F13). Nil: it answers.
	LedgerAwaySince *time.Time `json:"ledger_away_since"`
	// PagesAway are seats whose person has had no page open for a while; on the board only (F22).
	PagesAway []pageAway `json:"pages_away,omitempty"`
}

func isGauge(topic string) bool {
	return topic == agent.TopicBoard || strings.HasPrefix(topic, agent.TopicWaiting+":")
}

// sampleGauges reads every line once a second and sends it whole, as long as anybody hears it.
func (s *server) sampleGauges(ctx context.Context) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		s.pages.look(s.hub.Hearers(isSeat), s.now())
		if !s.hub.Heard(isGauge) {
			continue
		}
		err := s.sample(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			s.log.WarnContext(ctx, "gauges not sampled", slog.Any("err", err))
		}
		failed = err != nil
	}
}

func (s *server) sample(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	all := gauge{
		HoldOnly: s.controller.HoldOnly(), ExchangeUp: s.ari.Connected(), QueueAwaySince: s.stores.since(storeRedis), LedgerAwaySince: s.stores.since(storePostgres),
	}
	lines, err := s.overview.Gauges(ctx, s.now())
	if err != nil {
		s.hub.Gauge("board", all.figuresOf(s.gauged))
		return err
	}
	for _, l := range lines {
		g := gauge{
			Waiting: l.Waiting, LongestMS: l.Longest.Milliseconds(), Ready: l.Ready, Talking: l.Talking, SeatsSeated: l.Seated,
			HoldOnly: all.HoldOnly, ExchangeUp: all.ExchangeUp, QueueAwaySince: all.QueueAwaySince, LedgerAwaySince: all.LedgerAwaySince,
		}
		all.Waiting += g.Waiting
		all.LongestMS = max(all.LongestMS, g.LongestMS)
		all.Ready += g.Ready
		all.Talking += g.Talking
		all.SeatsSeated += g.SeatsSeated
		s.hub.Gauge(agent.TopicWaiting+":"+string(l.Line), g)
	}
	if all.PagesAway, err = s.pagesAway(ctx); err != nil {
		return err
	}
	s.gauged = all
	s.hub.Gauge("board", all)
	return nil
}

// figuresOf is the state of now with the figures of an earlier one.
func (g gauge) figuresOf(earlier gauge) gauge {
	earlier.HoldOnly, earlier.ExchangeUp, earlier.QueueAwaySince, earlier.LedgerAwaySince = g.HoldOnly, g.ExchangeUp, g.QueueAwaySince, g.LedgerAwaySince
	return earlier
}
