package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/telephony"
	"hotline/telephony/control"
)

// callMetrics counts what the controller tells.
type callMetrics struct {
	offered    prometheus.Histogram
	offers     *prometheus.CounterVec
	ended      *prometheus.CounterVec
	failed     *prometheus.CounterVec
	alarmed    *prometheus.CounterVec
	reconciled prometheus.Histogram
	mended     prometheus.Counter
	rebuilt    prometheus.Counter
	overflowed prometheus.Counter
	strange    *prometheus.CounterVec
}

var _ control.Observer = (*callMetrics)(nil)

func newCallMetrics(r prometheus.Registerer) *callMetrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "hotline", Subsystem: "calls", Name: name, Help: help}, labels)
	}
	m := &callMetrics{
		offered: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "hotline", Subsystem: "calls", Name: "offer_seconds",
			Help:    "From the matcher's wake-up until the seat's telephone was asked to ring. Goal: p99 of 10 ms (B1).",
			Buckets: []float64{.001, .002, .003, .005, .0075, .01, .02, .05, .1, .5, 1},
		}),
		offers:  counter("offers_total", "Offers by their end.", "state"),
		ended:   counter("ended_total", "Calls by outcome and cause.", "outcome", "cause"),
		failed:  counter("failed_total", "Acts on neighbours that failed.", "what"),
		alarmed: counter("alarms_total", "Calls that could not go on: a row that nothing can be stored in, or an error of ours (F34).", "what"),
		reconciled: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "hotline", Subsystem: "calls", Name: "reconcile_seconds", Help: "Comparisons of ledger and exchange.", Buckets: prometheus.DefBuckets,
		}),
		mended:     prometheus.NewCounter(prometheus.CounterOpts{Namespace: "hotline", Subsystem: "calls", Name: "mended_total", Help: "Differences found by comparison and mended."}),
		rebuilt:    prometheus.NewCounter(prometheus.CounterOpts{Namespace: "hotline", Subsystem: "calls", Name: "rebuilt_total", Help: "Lines whose index was filled again."}),
		overflowed: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "hotline", Subsystem: "calls", Name: "overflowed_total", Help: "Signals dropped because a call's mailbox was full."}),
		strange:    counter("strange_events_total", "Events of unknown type.", "type"),
	}
	r.MustRegister(m.offered, m.offers, m.ended, m.failed, m.alarmed, m.reconciled, m.mended, m.rebuilt, m.overflowed, m.strange)
	return m
}

func (m *callMetrics) Offered(after time.Duration) { m.offered.Observe(after.Seconds()) }

func (m *callMetrics) OfferClosed(state telephony.OfferState) {
	m.offers.WithLabelValues(string(state)).Inc()
}

func (m *callMetrics) CallEnded(outcome telephony.Outcome, cause string) {
	m.ended.WithLabelValues(string(outcome), cause).Inc()
}

func (m *callMetrics) Alarmed(what string) { m.alarmed.WithLabelValues(what).Inc() }

func (m *callMetrics) Failed(what string) { m.failed.WithLabelValues(what).Inc() }

func (m *callMetrics) Reconciled(took time.Duration, mended int) {
	m.reconciled.Observe(took.Seconds())
	m.mended.Add(float64(mended))
}

func (m *callMetrics) Rebuilt() { m.rebuilt.Inc() }

func (m *callMetrics) Overflowed() { m.overflowed.Inc() }

func (m *callMetrics) Strange(kind string) { m.strange.WithLabelValues(kind).Inc() }

// clockMetrics shows how far the clocks are apart (F26).
func (s *server) clockMetrics() {
	gauge := func(name, help string, read func() time.Duration) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "hotline", Subsystem: "clock", Name: name, Help: help},
			func() float64 { return read().Seconds() })
	}
	s.metrics.MustRegister(
		gauge("offset_seconds", "The database's clock less this machine's.", func() time.Duration {
			offset, _ := s.clock.Offset()
			return offset
		}),
		gauge("owed_seconds", "The database's clock less the time that is stamped: made up by one part in 200.", func() time.Duration {
			_, owed := s.clock.Offset()
			return owed
		}))
}
