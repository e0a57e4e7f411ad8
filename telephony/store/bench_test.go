package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
)

// BenchmarkSave stores the steps of a call one after the other, as a call's actor does, and tells how long one commit takes.
func BenchmarkSave(b *testing.B) {
	h := setup(b)
	took := make([]time.Duration, 0, b.N)
	c := h.queued("13812345678")
	for i := 0; b.Loop(); i++ {
		var ch telephony.Change
		switch i % 2 {
		case 0:
			ch = h.change(c, h.offer("A01"))
		default:
			ch = h.change(c, telephony.Declined{Offer: c.Offers[0].ID})
		}
		start := time.Now()
		require.NoError(b, h.Save(b.Context(), h.epoch, ch))
		took = append(took, time.Since(start))
		c = ch.After
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}
