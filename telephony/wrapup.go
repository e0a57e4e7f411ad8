package telephony

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"hotline/agent"
)

// outFor is how long a seat whose telephone failed stays away without a word from it: a failure that nobody reports the
// end of must not lock a seat out for ever.
const outFor = 30 * time.Second

// dueKind is what a seat's clock runs for.
type dueKind int

const (
	dueWrapUp dueKind = iota // its wrap-up is over
	dueRest                  // idle, but kept from being rung for a moment
	dueOut                   // idle, but its telephone has failed
)

// due is when a seat's clock runs out, and for what.
type due struct {
	at   time.Time
	kind dueKind
	line agent.LineID
}

// seatClock has one clock per seat.
type seatClock struct {
	mu   sync.Mutex // guards due
	due  map[agent.SeatID]due
	kick chan struct{}
}

func (w *seatClock) init() {
	w.due = make(map[agent.SeatID]due)
	w.kick = make(chan struct{}, 1)
}

func (w *seatClock) set(seat agent.SeatID, d due) {
	w.mu.Lock()
	w.due[seat] = d
	w.mu.Unlock()
	w.poke()
}

func (w *seatClock) poke() {
	select {
	case w.kick <- struct{}{}:
	default: // it will look anyway
	}
}

// online lets a seat whose telephone had failed be asked again at once.
func (w *seatClock) online(seat agent.SeatID) {
	w.mu.Lock()
	d, ok := w.due[seat]
	if ok && d.kind == dueOut {
		d.at = time.Time{}
		w.due[seat] = d
	}
	w.mu.Unlock()
	w.poke()
}

// keeps says that a seat must not be rung though it is idle.
func (w *seatClock) keeps(seat agent.SeatID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, ok := w.due[seat]
	return ok && d.kind != dueWrapUp
}

func (w *seatClock) stop(seat agent.SeatID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.due, seat)
}

// take removes what is due and says when the next is.
func (w *seatClock) take(now time.Time) (map[agent.SeatID]due, time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	over := make(map[agent.SeatID]due)
	var next time.Time
	for seat, d := range w.due {
		switch {
		case !d.at.After(now):
			over[seat] = d
			delete(w.due, seat)
		case next.IsZero() || d.at.Before(next):
			next = d.at
		}
	}
	return over, next
}

// seatLoop ends wrap-ups and rests when their time is over.
func (c *Controller) seatLoop(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		over, next := c.clock.take(c.cfg.Now())
		for seat, d := range over {
			c.workers.Go(func() { c.seatDue(ctx, seat, d) })
		}
		var fire <-chan time.Time
		if !next.IsZero() {
			timer.Reset(next.Sub(c.cfg.Now()))
			fire = timer.C
		}
		select {
		case <-ctx.Done():
			return
		case <-c.clock.kick:
		case <-fire:
		}
	}
}

func (c *Controller) seatDue(ctx context.Context, seat agent.SeatID, d due) {
	switch d.kind {
	case dueWrapUp:
		err := c.endWrapUp(ctx, seat, byController)
		if err == nil || ctx.Err() != nil || errors.Is(err, ErrNotFound) {
			return
		}
		c.cfg.Log.WarnContext(ctx, "end wrap-up", "seat", seat, "err", err)
		d.at = c.cfg.Now().Add(lastPause)
		c.clock.set(seat, d)
	case dueRest, dueOut:
		if m := c.matchers.of(d.line); m != nil && m.giveBack(ctx, seat) {
			m.wake(c.cfg.Now())
		}
	}
}

// FinishWrapUp ends a seat's wrap-up for the person there, who asks for the next caller. A seat that is in none is left
// as it is. ErrNotFound, ErrNoDecision.
func (c *Controller) FinishWrapUp(ctx context.Context, seat agent.SeatID, actor string) error {
	return c.endWrapUp(ctx, seat, actor)
}

func (c *Controller) endWrapUp(ctx context.Context, seat agent.SeatID, actor string) error {
	epoch, ok := c.cfg.Lease.Epoch()
	if !ok {
		return ErrNoDecision
	}
	ctx, cancel := verb(ctx)
	defer cancel()
	now := c.cfg.Now()
	st, ended, err := c.cfg.Ledger.Idle(ctx, epoch, seat, actor, now)
	if errors.Is(err, ErrNotMaster) {
		c.fail(err)
	}
	if err != nil {
		return fmt.Errorf("end wrap-up of seat %s: %w", seat, err)
	}
	if ended {
		c.clock.stop(seat)
		c.seatFree(ctx, st.Line, seat, now)
		c.workOver(ctx, st)
	}
	return nil
}

// letGo does what FreeSeat says.
func (c *Controller) letGo(ctx context.Context, e FreeSeat) {
	now := c.cfg.Now()
	switch {
	case e.Out:
		c.clock.set(e.Seat, due{at: now.Add(outFor), kind: dueOut, line: e.Line})
	case e.After > 0:
		c.clock.set(e.Seat, due{at: now.Add(e.After), kind: dueRest, line: e.Line})
	default:
		c.seatFree(ctx, e.Line, e.Seat, e.Since)
	}
	limited, cancel := verb(ctx)
	defer cancel()
	st, err := c.cfg.Ledger.Seat(limited, e.Seat)
	if err != nil {
		c.cfg.Log.WarnContext(ctx, "read a seat", "seat", e.Seat, "err", err)
		return
	}
	c.workOver(limited, st)
}

// seatFree puts a seat among the idle and looks for a caller at once.
func (c *Controller) seatFree(ctx context.Context, line agent.LineID, seat agent.SeatID, since time.Time) {
	limited, cancel := verb(ctx)
	defer cancel()
	if err := c.cfg.Seats.Idle(limited, line, seat, since); err != nil {
		c.cfg.Observer.Failed("idle") // the matcher's next tick finds the seat in the ledger
		c.cfg.Log.WarnContext(ctx, "put a seat among the idle", "seat", seat, "err", err)
	}
	c.matchers.wake(line, c.cfg.Now())
}

// workOver lets a pending intent take effect (A4).
func (c *Controller) workOver(ctx context.Context, st agent.State) {
	if st.Pending == agent.PendingNone {
		return
	}
	if err := c.cfg.Presence.WorkOver(ctx, st.Seat); err != nil {
		c.cfg.Log.WarnContext(ctx, "apply a pending intent", "seat", st.Seat, "err", err)
	}
}
