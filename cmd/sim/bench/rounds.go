package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hotline/cmd/sim/citizen"
)

// round is one opponent's turn.
type round struct {
	gaps    Sample
	lost    int // seats that were not rung again
	waiting int // citizens when the clock started
	calls   int // conversations ended while it ran
	cpu     map[string]time.Duration
}

// queueRound fills a line, keeps it full while the seats work through it, and hangs up. Filling is the warm-up: what happens
// before the backlog stands is not measured.
func (h *hall) queueRound(ctx context.Context, o Options, number string) (round, error) {
	h.telephones.begin(span{min: o.TalkMin, max: o.TalkMax})
	calling, stop := context.WithCancel(ctx)
	defer stop()
	called := make(chan error, 1)
	go func() {
		called <- citizen.Run(calling, citizen.Load{
			Caller: citizen.Caller{
				Trunk: h.demo.Trunk, Number: number, From: "055162345678", IP: "127.0.0.2", Patience: 10 * time.Minute, Media: h.sink,
			},
			Rate: o.Rate, AtOnce: o.Seats + o.Waiting, Calls: 100_000, Limit: 10 * time.Minute,
		})
	}()
	r, err := h.watch(ctx, o, called)
	stop() // SIPp goes without a word; Asterisk is told by us
	if err == nil {
		<-called //nolint:errcheck // killed, as was meant
	}
	if err = errors.Join(err, h.clear(ctx)); err != nil {
		return round{}, fmt.Errorf("turn of %s: %w", number, err)
	}
	return r, nil
}

func (h *hall) watch(ctx context.Context, o Options, called <-chan error) (round, error) {
	fill := time.Duration(float64(o.Waiting+o.Seats)/o.Rate*float64(time.Second)) + 2*time.Second
	select {
	case err := <-called:
		return round{}, fmt.Errorf("the citizens were away before the clock started: %w", err)
	case <-time.After(fill):
	}
	legs, _, err := h.citizens(ctx)
	if err != nil {
		return round{}, err
	}
	began, before, calls := time.Now(), cpu(h.processes()), h.telephones.conversations()
	pause(ctx, o.Window)
	ended, after := time.Now(), cpu(h.processes())
	r := round{waiting: min(len(legs)-o.Seats, o.Waiting), // Queue() gives its seat legs the number too
		calls: h.telephones.conversations() - calls, cpu: map[string]time.Duration{}}
	for name, used := range after {
		r.cpu[name] = used - before[name]
	}
	pause(ctx, 1500*time.Millisecond) // gaps that began within the window may end after it
	r.gaps, r.lost = h.telephones.measured(began, ended)
	return r, ctx.Err()
}
