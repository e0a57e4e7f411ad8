package ari

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are labelled by closed lists only: event types that the decoder knows, our own verbs, HTTP statuses.
type metrics struct {
	events     *prometheus.CounterVec
	dropped    prometheus.Counter
	connects   *prometheus.CounterVec
	requests   *prometheus.HistogramVec
	fenced     prometheus.Counter
	connection prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer, depth func() int) *metrics {
	with := promauto.With(reg)
	with.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hotline_ari_queue_depth", Help: "Events read from the socket that the controller has not taken yet.",
	}, func() float64 { return float64(depth()) })
	return &metrics{
		events: with.NewCounterVec(prometheus.CounterOpts{
			Name: "hotline_ari_events_total", Help: "Events by type; unknown: a type the decoder does not know, garbage: no event at all, repeated: told twice.",
		}, []string{"type"}),
		dropped: with.NewCounter(prometheus.CounterOpts{
			Name: "hotline_ari_events_dropped_total", Help: "Events dropped because the queue was full.",
		}),
		connects: with.NewCounterVec(prometheus.CounterOpts{
			Name: "hotline_ari_connects_total", Help: "Attempts to open the event socket, by outcome.",
		}, []string{"outcome"}),
		requests: with.NewHistogramVec(prometheus.HistogramOpts{
			Name: "hotline_ari_request_seconds", Help: "Time of REST calls by verb and status.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 3},
		}, []string{"operation", "status"}),
		fenced: with.NewCounter(prometheus.CounterOpts{
			Name: "hotline_ari_fenced_total", Help: "Commands refused because the lease was not fresh.",
		}),
		connection: with.NewGauge(prometheus.GaugeOpts{
			Name: "hotline_ari_up", Help: "1 while the event socket stands.",
		}),
	}
}
