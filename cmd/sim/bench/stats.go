package bench

import (
	"math"
	"slices"
	"time"
)

// Sample is a set of times measured under one condition.
type Sample []time.Duration

// Quantile is the smallest time that at least the share q of the sample does not exceed; 0 of an empty sample.
func (s Sample) Quantile(q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	at := int(math.Ceil(q*float64(len(sorted)))) - 1
	return sorted[min(max(at, 0), len(sorted)-1)]
}

// Mean of the sample; 0 of an empty one.
func (s Sample) Mean() time.Duration {
	if len(s) == 0 {
		return 0
	}
	var sum time.Duration
	for _, d := range s {
		sum += d
	}
	return sum / time.Duration(len(s))
}

// Ratio is how two opponents compare over all pairs of rounds: each pair was run side by side, so what else the machine
// did meanwhile is in both.
type Ratio struct {
	Median, Min, Max float64
	Pairs            int
}

// Ratios compares the quantile q of each a with that of the b of the same pair. Pairs in which one of the two has no sample are left out.
func Ratios(a, b []Sample, q float64) Ratio {
	var all []float64
	for i, s := range a[:min(len(a), len(b))] {
		if over, under := s.Quantile(q), b[i].Quantile(q); over > 0 && under > 0 {
			all = append(all, float64(over)/float64(under))
		}
	}
	if len(all) == 0 {
		return Ratio{}
	}
	slices.Sort(all)
	middle := all[len(all)/2]
	if len(all)%2 == 0 {
		middle = (all[len(all)/2-1] + middle) / 2
	}
	return Ratio{Median: middle, Min: all[0], Max: all[len(all)-1], Pairs: len(all)}
}

// pool is all rounds of one opponent together: a quantile far out needs more than one round's times.
func pool(rounds []Sample) Sample { return slices.Concat(rounds...) }
