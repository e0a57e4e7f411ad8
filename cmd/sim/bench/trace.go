package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"hotline/telephony/trace"
)

// way is what the marks of many calls say together: when each step was reached, counted from what a person did.
type way struct {
	title       string
	first, last string // what the person did, and what ended the way
	steps       map[string][]time.Duration
	took        Sample
}

// journey is one call's way from what a person did to what they got.
type journey struct {
	from, to time.Time
	seat     string // empty: everything in between belongs to the one call there is
}

// way finds the way of a kind of turn, or begins it.
func (h *hall) way(turn queueTurn) *way {
	title, first := fmt.Sprintf("%s, %d waiting, a seat hangs up", turn.who.name, turn.waiting), "BYE sent"
	if turn.next {
		title, first = fmt.Sprintf("%s, %d waiting, an official asks for the next caller", turn.who.name, turn.waiting), "POST sent"
	}
	return h.named(title, first, "INVITE seen")
}

func (h *hall) named(title, first, last string) *way {
	for _, w := range h.ways {
		if w.title == title {
			return w
		}
	}
	w := &way{title: title, first: first, last: last, steps: map[string][]time.Duration{}}
	h.ways = append(h.ways, w)
	return w
}

// marks are those that an opponent has noted since it was asked last. Without a trace there are none.
func (h *hall) marks(ctx context.Context, who opponent) []trace.Mark {
	base := map[string]string{nameHotline: strings.TrimSuffix(h.demo.Metrics, "/metrics"), nameFloor: h.floor.base}[who.name]
	if !h.traced || base == "" {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/debug/trace", http.NoBody)
	if err != nil {
		return nil
	}
	res, err := floorClient.Do(req)
	if err != nil {
		h.log.WarnContext(ctx, "no trace", "err", err)
		return nil
	}
	defer func() { _ = res.Body.Close() }()
	var marks []trace.Mark
	if err := json.NewDecoder(res.Body).Decode(&marks); err != nil {
		h.log.WarnContext(ctx, "no trace", "err", err)
	}
	return marks
}

// add takes the gaps of a turn.
func (w *way) add(marks []trace.Mark, gaps []gap) {
	journeys := make([]journey, len(gaps))
	for i, g := range gaps {
		journeys[i] = journey{from: g.at, to: g.at.Add(g.took), seat: g.seat}
	}
	w.follow(marks, journeys)
}

// follow finds the marks of each journey and notes when its steps were reached first.
func (w *way) follow(marks []trace.Mark, journeys []journey) {
	if len(marks) == 0 {
		return
	}
	slices.SortStableFunc(marks, func(a, b trace.Mark) int { return a.At.Compare(b.At) })
	ofSeat := map[string][]trace.Mark{} // that tie a seat to a leg or a call
	for _, m := range marks {
		for _, id := range m.IDs {
			if len(m.IDs) > 1 {
				ofSeat[id] = append(ofSeat[id], m)
			}
		}
	}
	for _, j := range journeys {
		w.took = append(w.took, j.to.Sub(j.from))
		within := between(marks, j.from, j.to)
		label := alone(within)
		if j.seat != "" {
			label = handedOver(ofSeat[j.seat], j)
		}
		reached := map[string]bool{}
		for _, m := range within {
			if step := label(m); step != "" && !reached[step] {
				reached[step] = true
				w.steps[step] = append(w.steps[step], m.At.Sub(j.from))
			}
		}
	}
}

func between(marks []trace.Mark, from, to time.Time) []trace.Mark {
	at := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(marks, t, func(m trace.Mark, t time.Time) int { return m.At.Compare(t) })
		return i
	}
	return marks[at(from):at(to)]
}

// handedOver knows the marks of the call that a seat has ended and of the one that it gets.
func handedOver(ties []trace.Mark, j journey) func(trace.Mark) string {
	ended, next := map[string]bool{}, map[string]bool{}
	for _, m := range ties {
		switch {
		case m.At.Before(j.from):
			clear(ended)
			for _, id := range m.IDs {
				ended[id] = id != j.seat
			}
		case !m.At.After(j.to):
			for _, id := range m.IDs {
				next[id] = id != j.seat
			}
		}
	}
	return func(m trace.Mark) string {
		has := func(ids map[string]bool) bool {
			return slices.ContainsFunc(m.IDs, func(id string) bool { return ids[id] })
		}
		switch {
		case has(next) || slices.Contains(m.IDs, j.seat):
			return m.Step
		case has(ended):
			return "of the ended call: " + m.Step
		}
		return ""
	}
}

// alone knows the marks of the only call there is: of the first leg that comes in, and whatever is tied to it.
func alone(within []trace.Mark) func(trace.Mark) string {
	ours := map[string]bool{}
	tied := func(m trace.Mark) bool { return slices.ContainsFunc(m.IDs, func(id string) bool { return ours[id] }) }
	for range 3 { // a tie may come after what it ties
		for _, m := range within {
			if tied(m) || len(ours) == 0 && strings.HasPrefix(m.Step, "Entered ") {
				for _, id := range m.IDs {
					ours[id] = true
				}
			}
		}
	}
	return func(m trace.Mark) string {
		if tied(m) {
			return m.Step
		}
		return ""
	}
}

// lines are the steps that at least half of the journeys have, in the order of their medians, in microseconds.
func (w *way) lines() []string {
	if len(w.steps) == 0 {
		return []string{"  " + w.title + ": no marks"}
	}
	type row struct {
		step string
		at   time.Duration
		seen int
	}
	rows := make([]row, 0, len(w.steps)+2)
	for _, step := range slices.Sorted(maps.Keys(w.steps)) {
		if times := Sample(w.steps[step]); 2*len(times) >= len(w.took) {
			rows = append(rows, row{step, times.Quantile(.5), len(times)})
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.at, b.at) })
	rows = append([]row{{w.first, 0, len(w.took)}}, append(rows, row{w.last, w.took.Quantile(.5), len(w.took)})...)
	out := []string{fmt.Sprintf("  %s: %d calls, medians", w.title, len(w.took)), fmt.Sprintf("  %10s %10s   %s", "µs", "step", "")}
	for i, r := range rows {
		seen := ""
		if r.seen < len(w.took) {
			seen = fmt.Sprintf("   (%d of %d)", r.seen, len(w.took))
		}
		out = append(out, fmt.Sprintf("  %10d %10d   %s%s", r.at.Microseconds(), (r.at-rows[max(i-1, 0)].at).Microseconds(), r.step, seen))
	}
	return out
}
