package realtime

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	connections prometheus.Gauge
	deliveries  prometheus.Counter
	cuts        *prometheus.CounterVec
	lag         prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		connections: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "hotline", Subsystem: "hub", Name: "connections", Help: "Open sockets."}),
		deliveries:  prometheus.NewCounter(prometheus.CounterOpts{Namespace: "hotline", Subsystem: "hub", Name: "deliveries_total", Help: "Frames written."}),
		cuts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "hotline", Subsystem: "hub", Name: "closed_total", Help: "Sockets closed, by close code.",
		}, []string{"code"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "hotline", Subsystem: "hub", Name: "lag_seconds", Help: "From a fact's time until it was queued for its hearers.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5},
		}),
	}
	if r != nil {
		r.MustRegister(m.connections, m.deliveries, m.cuts, m.lag)
	}
	return m
}

func (m *metrics) cut(code uint16) { m.cuts.WithLabelValues(strconv.Itoa(int(code))).Inc() }
