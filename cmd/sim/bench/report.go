package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// report is everything that was measured.
type report struct {
	options  Options
	versions string
	load     [2]string
	took     time.Duration
	rounds   map[string][]round // by opponent
	pops     [2][]popRound      // hotline, bare
	offers   string
	absent   map[string]error // opponents that could not run, and why
}

func (r *report) print(w io.Writer) error {
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	o := r.options
	line("")
	line("hotline bench: %s", r.versions)
	line("%d pairs of turns, A B C A B C; load average before %s, after %s; %.0f s in all", o.Pairs, r.load[0], r.load[1], r.took.Seconds())
	line("The load average tells what else the machine did: trust ratios, not times, and no figure of another run.")
	line("")
	line("B1, B2  A seat hangs up (its BYE leaves the telephone) -> its telephone rings for the next citizen (INVITE), over SIP.")
	line("        %d seats, %d citizens waiting all the time (SIPp) and hearing music, talk %s-%s drawn at random, measured for %s a turn.",
		o.Seats, o.Waiting, o.TalkMin, o.TalkMax, o.Window)
	line("        Queue(): retry=1 (its best), autofill, leastrecent. hotline: two commits in Postgres and the order in Redis for each.")
	line("        ARI floor: the same calls over ARI by a loop that stores nothing.")
	line("")
	line("  %-10s %6s %6s %10s %10s %10s %10s   CPU per call: %s", "", "n", "lost", "p50", "p90", "p99", "mean", "asterisk hotline postgres redis (ms)")
	for _, who := range opponents() {
		all, lost, calls, used := r.sum(who.name)
		per := func(name string) float64 { return float64(used[name].Milliseconds()) / float64(max(calls, 1)) }
		line("  %-10s %6d %6d %10s %10s %10s %10s   %24.1f %7.1f %8.1f %5.1f", who.name, len(all), lost, short(all.Quantile(.5)),
			short(all.Quantile(.9)), short(all.Quantile(.99)), short(all.Mean()), per("asterisk"), per("hotline"), per("postgres"), per("redis"))
	}
	for name, err := range r.absent {
		line("  %s COULD NOT RUN, so nothing is said about it: %v", name, err)
	}
	line("  hotline's own hotline_calls_offer_seconds (matcher's wake-up -> asked to ring): %s", r.offers)
	line("")
	queue, hotline, floor := r.gaps("Queue()"), r.gaps("hotline"), r.gaps("ARI floor")
	goals := []goal{
		atLeast("B1  Queue() / hotline, p50", 150, Ratios(queue, hotline, .5)),
		atLeast("B1  Queue() / hotline, p99", 100, Ratios(queue, hotline, .99)),
		within("B1  hotline, p99", 10*time.Millisecond, pool(hotline).Quantile(.99)),
		atMost("B2  hotline / ARI floor, p50", 1.6, Ratios(hotline, floor, .5)),
		atMost("B2  hotline / ARI floor, p99", 1.6, Ratios(hotline, floor, .99)),
	}
	line("B3  A citizen is answered (200 OK) -> call.offered is in the page of the seat, while %d boards hear every fact.", o.Boards)
	line("    bare: StasisStart, answer over ARI, one write of a ready-made frame to one socket when the channel is up.")
	line("    Its frame is there before the citizen's telephone has taken the 200 OK in, so the two are compared from the INVITE.")
	line("")
	line("  %-10s %6s %6s %10s %10s %10s %14s %10s", "", "n", "lost", "p50", "p90", "p99", "INVITE: p50", "p99")
	for i, name := range [2]string{"hotline", "bare"} {
		s, c := pool(answered(r.pops[i])), pool(called(r.pops[i]))
		line("  %-10s %6d %6d %10s %10s %10s %14s %10s", name, len(s), missed(r.pops[i]), short(s.Quantile(.5)), short(s.Quantile(.9)),
			short(s.Quantile(.99)), short(c.Quantile(.5)), short(c.Quantile(.99)))
	}
	line("")
	goals = append(goals,
		atMost("B3  hotline / bare from INVITE, p50", 1.3, Ratios(called(r.pops[0]), called(r.pops[1]), .5)),
		within("B3  hotline, p99", 25*time.Millisecond, pool(answered(r.pops[0])).Quantile(.99)))
	line("  %-36s %12s   %-38s %s", "", "goal", "reached: median of ratios (min-max)", "")
	for _, g := range goals {
		line("  %-36s %12s   %-38s %s", g.what, g.goal, g.reached, map[bool]string{true: "met", false: "missed"}[g.met])
	}
	_, err := io.WriteString(w, b.String())
	return err
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

func (r *report) gaps(name string) []Sample {
	var out []Sample
	for _, x := range r.rounds[name] {
		out = append(out, x.gaps)
	}
	return out
}

func (r *report) sum(name string) (all Sample, lost, calls int, used map[string]time.Duration) { //nolint:nonamedreturns // four results
	used = map[string]time.Duration{}
	for _, x := range r.rounds[name] {
		all = append(all, x.gaps...)
		lost += x.lost
		calls += x.calls
		for process, d := range x.cpu {
			used[process] += d
		}
	}
	return all, lost, calls, used
}

// goal is one line of reliability.md 11.3.
type goal struct {
	what, goal, reached string
	met                 bool
}

func atLeast(what string, want float64, got Ratio) goal {
	return goal{what, fmt.Sprintf(">= %gx", want), said(got), got.Pairs > 0 && got.Median >= want}
}

func atMost(what string, want float64, got Ratio) goal {
	return goal{what, fmt.Sprintf("<= %gx", want), said(got), got.Pairs > 0 && got.Median <= want}
}

func within(what string, want, got time.Duration) goal {
	return goal{what, fmt.Sprintf("<= %d ms", want.Milliseconds()), short(got), got > 0 && got <= want}
}

func said(r Ratio) string {
	if r.Pairs == 0 {
		return "not measured: a side has no times"
	}
	return fmt.Sprintf("%.2fx (%.2f-%.2f), %d pairs", r.Median, r.Min, r.Max, r.Pairs)
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
