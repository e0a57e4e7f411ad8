package bench_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/cmd/sim/bench"
)

func ms(values ...int) bench.Sample {
	s := make(bench.Sample, len(values))
	for i, v := range values {
		s[i] = time.Duration(v) * time.Millisecond
	}
	return s
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	s := ms(40, 10, 30, 20)
	for _, c := range []struct {
		q    float64
		want int
	}{{0, 10}, {0.25, 10}, {0.5, 20}, {0.51, 30}, {0.99, 40}, {1, 40}} {
		require.Equal(t, time.Duration(c.want)*time.Millisecond, s.Quantile(c.q), "q %v", c.q)
	}
	require.Equal(t, ms(40, 10, 30, 20), s, "the sample keeps its order")
	require.Zero(t, bench.Sample(nil).Quantile(0.5))
	require.Zero(t, bench.Sample(nil).Mean())
	require.Equal(t, 25*time.Millisecond, s.Mean())
}

// A quantile is one of the times, and the stated share does not exceed it.
func TestQuantileLaw(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := ms(rapid.SliceOfN(rapid.IntRange(0, 1000), 1, 60).Draw(t, "times")...)
		q := rapid.Float64Range(0.01, 1).Draw(t, "q")
		got := s.Quantile(q)
		require.Contains(t, s, got)
		below, under := 0, 0
		for _, d := range s {
			if d <= got {
				below++
			}
			if d < got {
				under++
			}
		}
		require.GreaterOrEqual(t, float64(below), q*float64(len(s)))
		require.Less(t, float64(under), q*float64(len(s)))
	})
}

func TestRatios(t *testing.T) {
	t.Parallel()
	a := []bench.Sample{ms(100), ms(300), ms(200), ms(500)}
	b := []bench.Sample{ms(10), ms(10), nil, ms(100)}
	require.Equal(t, bench.Ratio{Median: 10, Min: 5, Max: 30, Pairs: 3}, bench.Ratios(a, b, 0.5), "a round without times has no ratio")
	require.Equal(t, bench.Ratio{Median: 20, Min: 10, Max: 30, Pairs: 2}, bench.Ratios(a[:2], b[:2], 0.5))
	require.Zero(t, bench.Ratios(a, nil, 0.5))
}
