package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/realtime/factlog"
	ticketstore "hotline/ticketing/store"
)

// reaction is how tickets follow from facts.
func (s *server) reaction() factlog.Reaction {
	return factlog.Reaction{
		Consumer: ticketstore.Consumer, Kinds: ticketstore.Kinds(), Wants: ticketstore.Wants, Apply: s.follows.Handler(rand.Reader),
		Feed: s.feed, Wake: s.spread, Gather: gatherTickets, Now: s.now, Log: s.log,
	}
}

// mendFacts gives the facts that were set aside another try, and shows how many are left.
func (s *server) mendFacts(ctx context.Context) error {
	mended, err := factlog.Mend(ctx, s.follow, s.reaction())
	if mended > 0 {
		s.log.WarnContext(ctx, "facts that were set aside have taken effect", slog.Int("facts", mended))
	}
	left, countErr := factlog.CountParked(ctx, s.follow)
	if countErr == nil {
		s.parked.Set(float64(left))
	}
	return errors.Join(err, countErr)
}

// parkedGauge is a figure of the database's: every server shows the same.
func parkedGauge(r prometheus.Registerer) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: "hotline", Subsystem: "facts", Name: "parked", Help: "Facts that were set aside and have taken no effect: 0, or somebody has to look.",
	})
	r.MustRegister(g)
	return g
}

// checkParked : what a fact should have led to is missing until it has taken effect.
func checkParked(ctx context.Context, db factlog.DB) finding {
	const name = "facts"
	n, err := factlog.CountParked(ctx, db)
	switch {
	case err != nil:
		return finding{name, err.Error(), "run 'hotline migrate'"}
	case n > 0:
		return finding{
			name, fmt.Sprintf("%d were set aside: what should have followed from them is missing", n),
			"look into the server's log for 'fact parked'; a running server tries them again every ten seconds",
		}
	}
	return finding{name: name, detail: "none is set aside"}
}
