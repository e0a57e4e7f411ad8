package control

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"hotline/agent"
	"hotline/telephony"
)

// dueKind is what a seat's clock runs for.
type dueKind int

const (
	dueWrapUp dueKind = iota // its wrap-up is over
	dueRest                  // idle, but kept from being rung for a moment
	dueOut                   // idle, but its telephone has failed
)

// due is when a seat's clock runs out, and for what.
type due struct {
	at    time.Time
	kind  dueKind
	line  agent.LineID
	since time.Time // of the idleness that begins then
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

// wrapsUp says that a seat is in wrap-up.
func (w *seatClock) wrapsUp(seat agent.SeatID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, ok := w.due[seat]
	return ok && d.kind == dueWrapUp
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
		err := c.finishWrapUp(ctx, seat, byController, true)
		if err == nil || ctx.Err() != nil {
			return
		}
		c.cfg.Log.WarnContext(ctx, "end wrap-up", "seat", seat, "err", err)
		d.at = c.cfg.Now().Add(lastPause)
		c.clock.set(seat, d)
	case dueRest, dueOut:
		c.desks.seatIdle(d.line, seat, d.since, c.cfg.Now())
	}
}

// FinishWrapUp ends a seat's wrap-up for the person there, who asks for the next caller: if one waits, that is offered in the
// same step. A seat that is in none is left as it is. ErrNotFound, ErrNoDecision.
func (c *Controller) FinishWrapUp(ctx context.Context, seat agent.SeatID, actor string) error {
	return c.finishWrapUp(ctx, seat, actor, c.clock.wrapsUp(seat))
}

// finishWrapUp: what is not known to wrap up is left to the ledger to know.
func (c *Controller) finishWrapUp(ctx context.Context, seat agent.SeatID, actor string, known bool) error {
	epoch, ok := c.cfg.Lease.Epoch()
	if !ok {
		return telephony.ErrNoDecision
	}
	now := c.cfg.Now()
	over := telephony.WrapUpOver(seat, c.desks.homeOf(seat), actor, now)
	if known {
		if m, ok := c.desks.pass(ctx, over, nil); ok && c.hand(m) {
			c.clock.stop(seat)
			return nil
		}
	}
	limited, cancel := verb(ctx)
	defer cancel()
	err := c.cfg.Ledger.Save(limited, epoch, over)
	if errors.Is(err, telephony.ErrNoWrapUp) {
		if c.clock.wrapsUp(seat) { // it was ended together with an offer whose answer was lost
			c.clock.stop(seat)
		}
		_, err = c.cfg.Ledger.Seat(limited, seat)
		return err
	}
	if err != nil {
		if errors.Is(err, telephony.ErrNotMaster) {
			c.fail(err)
		}
		return fmt.Errorf("end wrap-up of seat %s: %w", seat, err)
	}
	c.clock.stop(seat)
	c.desks.seatIdle("", seat, now, now)
	c.workOver(ctx, seat)
	return nil
}

// workOver lets a pending intent take effect (A4), away from whoever asks: it is a transaction of the agent's. What is lost on
// the way, the next comparison finds (RT4).
func (c *Controller) workOver(ctx context.Context, seat agent.SeatID) {
	if !c.desks.pending(seat) {
		return
	}
	c.workers.Go(func() {
		limited, cancel := verb(context.WithoutCancel(ctx))
		defer cancel()
		if err := c.cfg.Presence.WorkOver(limited, seat); err != nil {
			c.cfg.Log.WarnContext(ctx, "apply a pending intent", "seat", seat, "err", err)
		}
	})
}
