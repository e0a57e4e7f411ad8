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
	call  telephony.CallID // that is wrapped up
	since time.Time        // of the idleness that begins then
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

// wrapsUp says that a seat is in wrap-up of a call.
func (w *seatClock) wrapsUp(seat agent.SeatID, call telephony.CallID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	d, ok := w.due[seat]
	return ok && d.kind == dueWrapUp && d.call == call
}

// wrappedUp stops the clock of a wrap-up of that call.
func (w *seatClock) wrappedUp(seat agent.SeatID, call telephony.CallID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := w.due[seat]; d.kind == dueWrapUp && d.call == call {
		delete(w.due, seat)
	}
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
		err := c.finishWrapUp(ctx, seat, d.call, byController, true)
		if err == nil || errors.Is(err, telephony.ErrStale) || ctx.Err() != nil {
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
// same step. They name the call: a word that comes late ends no other one's wrap-up (RC4). ErrNotFound, ErrNoDecision; ErrStale: the
// seat is not in wrap-up of that call.
func (c *Controller) FinishWrapUp(ctx context.Context, seat agent.SeatID, call telephony.CallID, actor string) error {
	return c.finishWrapUp(ctx, seat, call, actor, c.clock.wrapsUp(seat, call))
}

// finishWrapUp: what is not known to wrap up is left to the ledger to know.
func (c *Controller) finishWrapUp(ctx context.Context, seat agent.SeatID, call telephony.CallID, actor string, known bool) error {
	epoch, ok := c.cfg.Lease.Epoch()
	if !ok {
		return telephony.ErrNoDecision
	}
	now := c.cfg.Now()
	over := telephony.WrapUpOver(seat, call, c.desks.homeOf(seat), actor, now)
	handed := false
	if known {
		var m match
		if m, handed = c.desks.pass(ctx, over, nil); handed && c.hand(m) {
			c.clock.wrappedUp(seat, call)
			return nil
		}
	}
	limited, cancel := verb(ctx)
	defer cancel()
	err := c.cfg.Ledger.Save(limited, epoch, over)
	if errors.Is(err, telephony.ErrNoWrapUp) {
		c.clock.wrappedUp(seat, call)
		if _, err := c.cfg.Ledger.Seat(limited, seat); err != nil || handed { // ended together with an offer whose answer was lost
			return err
		}
		return telephony.ErrStale
	}
	if err != nil {
		if errors.Is(err, telephony.ErrNotMaster) {
			c.fail(err)
		}
		return fmt.Errorf("end wrap-up of seat %s: %w", seat, err)
	}
	c.clock.wrappedUp(seat, call)
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
