package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
)

// BenchmarkCall stores all that a call stores on its way, and tells how long its steps take: above all the one between a seat's end
// and the next ring, which ends one call and offers another.
func BenchmarkCall(b *testing.B) {
	h := setup(b)
	h.exec(pgtest.SetLines("wrapup", "0"))
	took := map[string][]time.Duration{}
	timed := func(what string, do func()) {
		start := time.Now()
		do()
		took[what] = append(took[what], time.Since(start))
	}
	save := func(what string, changes ...telephony.Change) {
		timed(what, func() { require.NoError(b, h.Save(b.Context(), h.epoch, changes...)) })
	}
	talks := h.talking("13812345678", "A01")
	for b.Loop() {
		var next telephony.Call
		a := h.arrival("13912345678")
		timed("arrive", func() {
			var err error
			next, _, err = h.Arrive(b.Context(), h.epoch, a)
			require.NoError(b, err)
		})
		next = h.change(next, telephony.Arrived{Up: true}).After
		next.Version = 1
		admitted := h.change(next, telephony.PlayEnded{Playback: next.Cue.ID})
		save("admit", admitted)
		ends := h.change(talks, telephony.HungUp{Seat: "A01"})
		offers := h.change(admitted.After, h.offer("A01"))
		save("hand-over", ends, offers)
		var last telephony.Event
		next, last = h.together(offers.After)
		answers := h.change(next, last)
		save("answer", answers)
		talks = answers.After
	}
	for what, all := range took {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds()), what+"-µs")
	}
}
