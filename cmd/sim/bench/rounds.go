package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/agent/setting"
	agentstore "hotline/agent/store"
	"hotline/cmd/hotline/demo"
	"hotline/cmd/sim/citizen"
)

// queueTurn is how one opponent is measured in B1 and B2.
type queueTurn struct {
	who     opponent
	waiting int
	next    bool // seats are freed by a person's word and not by hanging up
}

// round is one opponent's turn.
type round struct {
	gaps    Sample
	lost    int // seats that were not rung again
	cut     int // conversations that no seat has ended
	waiting int // citizens when the clock started
	calls   int // conversations ended while it ran
	cpu     map[string]time.Duration
	sql     queries
	began   time.Time
}

// queueRound fills a line, keeps it full while the seats work through it, and hangs up. Filling is the warm-up: what happens
// before the backlog stands is not measured.
func (h *hall) queueRound(ctx context.Context, o Options, turn queueTurn) (round, error) {
	way := manner{talk: span{min: o.TalkMin, max: o.TalkMax}}
	number := turn.who.number
	if turn.next {
		way.wrapUp, way.next, number = span{min: 300 * time.Millisecond, max: 700 * time.Millisecond}, h.next, turn.who.nextNumber
	}
	h.telephones.begin(way)
	h.marks(ctx, turn.who) // of before
	calling, stop := context.WithCancel(ctx)
	defer stop()
	called := make(chan error, 1)
	go func() {
		called <- citizen.Run(calling, citizen.Load{
			Caller: citizen.Caller{
				Trunk: h.demo.Trunk, Number: number, From: "055162345678", IP: "127.0.0.2", Patience: 10 * time.Minute, Media: h.sink,
			},
			Rate: o.Rate, AtOnce: o.Seats + turn.waiting, Calls: 100_000, Limit: 10 * time.Minute,
		})
	}()
	r, gaps, err := h.watch(ctx, o, turn, called)
	if err == nil && h.traced {
		h.way(turn).add(h.marks(ctx, turn.who), gaps)
	}
	stop() // SIPp goes without a word; Asterisk is told by us
	if err == nil {
		<-called //nolint:errcheck // killed, as was meant
	}
	if err = errors.Join(err, h.clear(ctx)); err != nil {
		return round{}, fmt.Errorf("turn of %s: %w", number, err)
	}
	return r, nil
}

// settle is how long a backlog stands before the clock starts; with the time of filling it is the warm-up.
const settle = 3 * time.Second

func (h *hall) watch(ctx context.Context, o Options, turn queueTurn, called <-chan error) (round, []gap, error) {
	fill := time.Duration(float64(turn.waiting+o.Seats)/o.Rate*float64(time.Second)) + settle
	select {
	case err := <-called:
		return round{}, nil, fmt.Errorf("the citizens were away before the clock started: %w", err)
	case <-time.After(fill):
	}
	legs, _, err := h.citizens(ctx)
	if err != nil {
		return round{}, nil, err
	}
	sql := h.counted(ctx)
	began, before := time.Now(), cpu(h.processes())
	calls, cut := h.telephones.conversations()
	pause(ctx, o.Window)
	ended, after := time.Now(), cpu(h.processes())
	calledNow, cutNow := h.telephones.conversations()
	r := round{
		waiting: min(len(legs)-o.Seats, turn.waiting), // Queue() gives its seat legs the number too
		calls:   calledNow - calls, cut: cutNow - cut, cpu: map[string]time.Duration{}, sql: h.counted(ctx).minus(sql), began: began,
	}
	for name, used := range after {
		r.cpu[name] = used - before[name]
	}
	pause(ctx, 1500*time.Millisecond) // gaps that began within the window may end after it
	gaps, lost := h.telephones.measured(began, ended)
	r.lost = lost
	for _, g := range gaps {
		r.gaps = append(r.gaps, g.took)
	}
	return r, gaps, ctx.Err()
}

// wrapUpOf sets how long officials of hotline's line wrap up unless they ask for the next caller.
func (h *hall) wrapUpOf(ctx context.Context, d time.Duration) error {
	pool, err := pgxpool.New(ctx, h.demo.AppURL())
	if err != nil {
		return fmt.Errorf("set the wrap-up of the line: %w", err)
	}
	defer pool.Close()
	return agentstore.New(pool, nil).TuneLine(ctx, demo.Line, setting.WrapUp, strconv.Itoa(int(d.Seconds())), time.Now())
}

// rulesRead is the time in which the controller reads the rules of its lines anew.
const rulesRead = 12 * time.Second
