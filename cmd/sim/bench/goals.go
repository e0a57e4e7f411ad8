package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// goal is one line of reliability.md 11.3.
type goal struct {
	what, goal, got string
	met             bool
}

// verdict says nothing about what was not measured.
func (g goal) verdict() string {
	switch {
	case g.met:
		return "reached"
	case strings.HasPrefix(g.got, notMeasured):
		return ""
	default:
		return "NOT REACHED"
	}
}

func (r *report) goal(all ...goal) { r.goals = append(r.goals, all...) }

func atLeast(what string, want float64, got Ratio) goal {
	return goal{what, fmt.Sprintf(">= %gx", want), said(got), got.Pairs > 0 && got.Median >= want}
}

func atMost(what string, want float64, got Ratio) goal {
	return goal{what, fmt.Sprintf("<= %gx", want), said(got), got.Pairs > 0 && got.Median <= want}
}

func within(what string, want, got time.Duration, known bool) goal {
	return goal{what, fmt.Sprintf("<= %d ms", want.Milliseconds()), short(got), known && got <= want}
}

func under(what string, want float64, unit string, got float64, known bool) goal {
	figure := strings.TrimSpace(fmt.Sprintf("%.2f %s", got, unit))
	if !known {
		figure = notMeasured
	}
	return goal{what, strings.TrimSpace(fmt.Sprintf("<= %g %s", want, unit)), figure, known && got <= want}
}

const notMeasured = "not measured"

func said(r Ratio) string {
	if r.Pairs == 0 {
		return notMeasured + ": a side has no times above nothing"
	}
	return fmt.Sprintf("%.2fx (%.2f-%.2f), %d pairs", r.Median, r.Min, r.Max, r.Pairs)
}

func answered(rounds []popRound) []Sample {
	var out []Sample
	for _, r := range rounds {
		out = append(out, r.answered)
	}
	return out
}

func called(rounds []popRound) []Sample {
	var out []Sample
	for _, r := range rounds {
		out = append(out, r.called)
	}
	return out
}

func missed(rounds []popRound) (n int) { //nolint:nonamedreturns // a sum
	for _, r := range rounds {
		n += r.lost
	}
	return n
}

func gaps(rounds []round) []Sample {
	var out []Sample
	for _, x := range rounds {
		out = append(out, x.gaps)
	}
	return out
}

// sum is all rounds of an opponent together; how many wait is the least of them.
func sum(rounds []round) round {
	all := round{cpu: map[string]time.Duration{}}
	for i, x := range rounds {
		all.gaps = append(all.gaps, x.gaps...)
		all.lost += x.lost
		all.cut += x.cut
		all.calls += x.calls
		all.sql = all.sql.plus(x.sql)
		if i == 0 || x.waiting < all.waiting {
			all.waiting = x.waiting
		}
		for process, d := range x.cpu {
			all.cpu[process] += d
		}
	}
	return all
}

// rates compares two rates turn by turn.
func rates(turns []assignTurn, of func(assignTurn) (float64, float64)) Ratio {
	var over, under []Sample
	for _, t := range turns {
		a, b := of(t)
		if a > 0 && b > 0 { // as times, so that Ratios can take them
			over, under = append(over, Sample{time.Duration(a * 1e6)}), append(under, Sample{time.Duration(b * 1e6)})
		}
	}
	return Ratios(over, under, .5)
}

// middle is the turn with the median rate.
func middle(all []rate) rate {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b rate) int { return int(a.perSecond - b.perSecond) })
	return sorted[len(sorted)/2]
}

// offerSeconds reads the server's own figure.
func offerSeconds(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", fmt.Errorf("ask for metrics: %w", err)
	}
	res, err := (&http.Client{Timeout: 5 * time.Second}).Do(req)
	if err != nil {
		return "", fmt.Errorf("ask for metrics: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return "", fmt.Errorf("read metrics: %w", err)
	}
	return readOffers(string(text)), nil
}

// readOffers finds the histogram in the exposition text.
func readOffers(text string) string {
	const name = "hotline_calls_offer_seconds"
	var count, sum float64
	type bucket struct {
		bound string
		under float64
	}
	var buckets []bucket
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), name)
		key, value, found := strings.Cut(rest, " ")
		n, err := strconv.ParseFloat(value, 64)
		if !ok || !found || err != nil {
			continue
		}
		switch key {
		case "_count":
			count = n
		case "_sum":
			sum = n
		default:
			bound := strings.TrimSuffix(strings.TrimPrefix(key, `_bucket{le="`), `"}`)
			buckets = append(buckets, bucket{bound, n})
		}
	}
	if count == 0 {
		return "none"
	}
	under := func(q float64) string {
		for _, b := range buckets {
			if b.under >= q*count {
				return b.bound + " s"
			}
		}
		return "?"
	}
	return fmt.Sprintf("n %.0f, mean %.2f ms, p50 <= %s, p99 <= %s (all turns, filling included)", count, 1000*sum/count, under(.5), under(.99))
}
