// Package bench measures what an official and a citizen feel, side by side with the best that the same machine offers:
// Asterisk's own Queue(), an ARI loop without stores, a bare socket write. All opponents run on one Asterisk, in one run,
// turn by turn; what is compared are ratios. It knows the product from outside only: telephones, HTTP, sockets.
package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"hotline/cmd/hotline/demo"
)

// Options bound a run.
type Options struct {
	Dir, Cache, Binary string
	Pairs              int // of rounds
	Seats              int
	Waiting            int     // citizens who wait all the time
	Rate               float64 // at which they call, per second
	Window             time.Duration
	TalkMin, TalkMax   time.Duration
	Only               string // one opponent's name, to look into it; empty: all
	Boards             int
	Pops               int // calls of one round of B3
	Out                io.Writer
	Say                func(string)
	Log                *slog.Logger
}

// Run measures and prints. A goal that is missed is printed and no error.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began, loadBefore := time.Now(), load()
	h, err := openHall(ctx, o)
	if err != nil {
		return err
	}
	r := report{options: o, load: [2]string{loadBefore}, versions: h.versions(ctx)}
	err = r.measure(ctx, h)
	r.load[1], r.took = load(), time.Since(began)
	if err == nil {
		r.offers, err = offerSeconds(ctx, h.demo.Metrics)
	}
	o.Say("stopping")
	if stopErr := h.close(ctx); err == nil {
		err = stopErr
	}
	if err != nil {
		return err
	}
	return r.print(o.Out)
}

// opponent is one way of bringing seats and callers together.
type opponent struct {
	name, number string
}

func opponents() []opponent {
	return []opponent{{"Queue()", numberQueue}, {"hotline", demo.Number}, {"ARI floor", numberFloor}}
}

// measure lets the opponents take turns. One that cannot run is named in the report; without hotline there is none.
func (r *report) measure(ctx context.Context, h *hall) error {
	o := r.options
	r.rounds, r.absent = map[string][]round{}, map[string]error{}
	for pair := range o.Pairs {
		for _, who := range opponents() {
			if o.Only != "" && o.Only != who.name || r.absent[who.name] != nil {
				continue
			}
			got, err := h.queueRound(ctx, o, who.number)
			if err != nil && ctx.Err() == nil && who.number != demo.Number {
				r.absent[who.name] = err
				o.Say(fmt.Sprintf("%s cannot run: %v", who.name, err))
				continue
			}
			if err != nil {
				return err
			}
			o.Say(fmt.Sprintf("B1/B2 %d/%d  %-10s p50 %8s  p99 %8s  n %3d  waiting %d  load %s", pair+1, o.Pairs, who.name,
				short(got.gaps.Quantile(.5)), short(got.gaps.Quantile(.99)), len(got.gaps), got.waiting, load()))
			r.rounds[who.name] = append(r.rounds[who.name], got)
		}
	}
	o.Say(fmt.Sprintf("opening %d boards", o.Boards))
	p, err := openPops(ctx, h, o.Boards)
	if err != nil {
		return err
	}
	for pair := range o.Pairs {
		for i, number := range popNumbers() {
			got, err := p.round(ctx, number, o.Pops)
			if err != nil {
				return err
			}
			o.Say(fmt.Sprintf("B3 %d/%d  %-8s p50 %8s  p99 %8s  n %d  load %s", pair+1, o.Pairs, [2]string{"hotline", "bare"}[i],
				short(got.answered.Quantile(.5)), short(got.answered.Quantile(.99)), len(got.answered), load()))
			r.pops[i] = append(r.pops[i], got)
		}
	}
	return nil
}

func short(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}
