package main

import (
	"context"
	"log/slog"
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
}

// sampleGauges reads every line once a second and sends it whole.
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
	rows, err := s.web.Query(ctx, `SELECT l.id,
  (SELECT count(*) FROM call c WHERE c.line = l.id AND c.state IN ('screening', 'queued', 'offered')),
  coalesce((SELECT min(c.queued_at) FROM call c WHERE c.line = l.id AND c.state IN ('queued', 'offered')), $1::timestamptz),
  (SELECT count(*) FROM seat_live s WHERE s.line = l.id AND s.routable),
  (SELECT count(*) FROM seat_live s WHERE s.line = l.id AND s.work = 'engaged'),
  (SELECT count(*) FROM seat_live s WHERE s.line = l.id AND s.person IS NOT NULL)
FROM line l ORDER BY l.id`, s.now())
	if err != nil {
		return err
	}
	defer rows.Close()
	var all gauge
	for rows.Next() {
		var line agent.LineID
		var oldest time.Time
		g := gauge{HoldOnly: s.controller.HoldOnly(), ExchangeUp: s.ari.Connected()}
		if err := rows.Scan(&line, &g.Waiting, &oldest, &g.Ready, &g.Talking, &g.SeatsSeated); err != nil {
			return err
		}
		g.LongestMS = max(0, s.now().Sub(oldest).Milliseconds())
		all = gauge{
			Waiting: all.Waiting + g.Waiting, LongestMS: max(all.LongestMS, g.LongestMS), Ready: all.Ready + g.Ready,
			Talking: all.Talking + g.Talking, HoldOnly: g.HoldOnly, ExchangeUp: g.ExchangeUp, SeatsSeated: all.SeatsSeated + g.SeatsSeated,
		}
		s.hub.Gauge("line:"+string(line), g)
	}
	s.hub.Gauge("board", all)
	return rows.Err()
}
