package trace_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony/trace"
)

type clock struct{ at time.Time }

func (c *clock) now() time.Time {
	c.at = c.at.Add(time.Microsecond)
	return c.at
}

func TestNewestMarksAreKeptInOrderAndTakenOnce(t *testing.T) {
	t.Parallel()
	var c clock
	r := trace.New(3, c.now)
	read := r.Now()
	r.Mark("lost", "leg")
	r.MarkAt(read, "read", "leg", "", "call")
	r.Mark("routed", "leg")
	r.Mark("stored", "call", "seat", "offer", "leg", "one too many")
	require.Equal(t, []trace.Mark{
		{At: read, Step: "read", IDs: []string{"leg", "call"}},
		{At: read.Add(2 * time.Microsecond), Step: "routed", IDs: []string{"leg"}},
		{At: read.Add(3 * time.Microsecond), Step: "stored", IDs: []string{"call", "seat", "offer", "leg"}},
	}, r.Take())
	require.Empty(t, r.Take())
	r.Mark("again")
	require.Len(t, r.Take(), 1)
}

// The hot path carries marks always: without a recorder they must cost nothing.
func TestNoRecorderCostsNothing(t *testing.T) {
	require.Nil(t, trace.New(0, time.Now))
	var none *trace.Recorder
	leg, call := "leg"+t.Name(), "call"+t.Name()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		at := none.Now()
		none.MarkAt(at, "read", leg)
		none.Mark("routed", leg, call)
	}))
	require.False(t, none.On())
	require.Empty(t, none.Take())
}

// One that records allocates nothing either: it must not change what it looks at.
func TestMarksDoNotAllocate(t *testing.T) {
	r := trace.New(16, time.Now)
	leg, call := "leg"+t.Name(), "call"+t.Name()
	require.Zero(t, testing.AllocsPerRun(100, func() { r.Mark("routed", leg, call) }))
}

func TestManyMayMark(t *testing.T) {
	t.Parallel()
	r := trace.New(64, time.Now)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				r.Mark("step", "leg")
			}
		})
	}
	all.Go(func() { r.Take() })
	all.Wait()
	require.LessOrEqual(t, len(r.Take()), 64)
}
