package telephony

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// A call's mailbox holds that many messages. When it is full the message is dropped, counted, and the call is compared
// with the exchange: a busy call costs a delay of its own, never one of the others.
const mailbox = 256

const byController = "controller"

// message is what an actor is told: one of the fields, not several.
type message struct {
	signal Signal
	event  Event
	match  *match
	view   *view

	actor string // who gives the event; empty: the controller
	reply chan<- error
}

// actor is the one goroutine that owns a call.
type actor struct {
	c    *Controller
	box  chan message
	done chan struct{}

	mu   sync.Mutex // guards over
	over bool

	keys keys // guarded by the registry

	// Owned by the goroutine.
	call    Call
	rowless bool // nothing is stored of it: it dialled no number of ours
	known   bool // this controller has seen it begin, or has adopted it
	touched time.Time
	woke    time.Time // when the matcher was woken for the offer that is being made
	timers  map[Timer]time.Time
	pending []Event // what effects have brought
}

func (c *Controller) newActor() *actor {
	return &actor{c: c, box: make(chan message, mailbox), done: make(chan struct{}), timers: make(map[Timer]time.Time)}
}

// post puts a message into a call's mailbox; false when the call is over or the box is full.
func (c *Controller) post(a *actor, m message) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return false
	}
	select {
	case a.box <- m:
		return true
	default:
		c.cfg.Observer.Overflowed()
		if m.view == nil { // a snapshot for a busy call is not asked for again at once: the next round brings another
			c.Reconcile()
		}
		return false
	}
}

func (a *actor) isOver() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.over
}

// arrive starts the actor of a citizen's leg, unless it has one.
func (c *Controller) arrive(ctx context.Context, in Arrival, up bool) {
	a := c.newActor()
	if !c.calls.claim(in.Channel, a) {
		return
	}
	a.call.Channel = in.Channel
	c.workers.Go(func() {
		defer a.finish(ctx)
		if a.register(ctx, in) {
			if a.call.State == StateArrived {
				a.known = true
				a.happen(ctx, Arrived{Up: up})
			} else {
				c.Reconcile() // a row of ours without an actor: let the snapshot tell where it is
			}
			a.live(ctx)
		}
	})
}

// adopt starts the actor of a call that the ledger knows and this controller does not.
func (c *Controller) adopt(ctx context.Context, call Call) {
	a := c.newActor()
	if !c.calls.claim(call.Channel, a) {
		return
	}
	a.call = call
	c.calls.update(a, call)
	if call.State == StateQueued {
		c.matchers.joined(call.Line, place(call))
	}
	c.workers.Go(func() {
		defer a.finish(ctx)
		a.live(ctx)
	})
}

// register writes the call's row, whatever it takes: every call has one before anything else happens to it (R7). False
// when there is nothing more to do for this leg.
func (a *actor) register(ctx context.Context, in Arrival) bool {
	for pause := firstPause; ; pause = longer(pause) {
		call, err := a.tryRegister(ctx, in)
		switch {
		case err == nil && call.State == StateEnded:
			a.c.sendAway(in.Channel)
			return false
		case err == nil:
			a.call = call
			a.rowless = call.Line == "" && call.Version == 0
			a.c.calls.update(a, call)
			return true
		case errors.Is(err, ErrNotMaster):
			a.c.fail(err)
			return false
		case !errors.Is(err, ErrNoDecision):
			a.c.cfg.Observer.Failed("arrive")
			a.c.cfg.Log.ErrorContext(ctx, "record an arrival", "leg", in.Channel, "err", err)
		}
		if !rest(ctx, pause) {
			return false
		}
	}
}

func (a *actor) tryRegister(ctx context.Context, in Arrival) (Call, error) {
	epoch, ok := a.c.cfg.Lease.Epoch()
	if !ok {
		return Call{}, ErrNoDecision
	}
	ctx, cancel := verb(ctx)
	defer cancel()
	call, _, err := a.c.cfg.Ledger.Arrive(ctx, epoch, in)
	if errors.Is(err, ErrNotFound) { // no line has that number
		return Call{
			ID: in.ID, Channel: in.Channel, Entity: in.Entity, Dialled: in.Dialled, State: StateArrived, ArrivedAt: in.At,
		}, nil
	}
	return call, err
}

// live deals with one message or timer after the other until the call is over.
func (a *actor) live(ctx context.Context) {
	clock := time.NewTimer(0)
	defer clock.Stop()
	for a.call.State != StateEnded {
		name, at, set := a.nextTimer()
		var due <-chan time.Time
		if set {
			clock.Reset(at.Sub(a.c.cfg.Now()))
			due = clock.C
		}
		select {
		case <-ctx.Done():
			return
		case m := <-a.box:
			a.take(ctx, m)
		case <-due:
			delete(a.timers, name)
			a.happen(ctx, TimerFired{Timer: name})
		}
	}
}

func (a *actor) nextTimer() (Timer, time.Time, bool) {
	var first Timer
	var when time.Time
	for name, at := range a.timers {
		if when.IsZero() || at.Before(when) || at.Equal(when) && name < first {
			first, when = name, at
		}
	}
	return first, when, !when.IsZero()
}

func (a *actor) take(ctx context.Context, m message) {
	switch {
	case m.match != nil:
		a.takeOffer(ctx, *m.match)
	case m.view != nil:
		a.compare(ctx, m.view)
	case m.signal != nil:
		if e := eventOf(a.call, m.signal); e != nil {
			a.happen(ctx, e)
		}
	case m.reply != nil:
		err := Refuse(a.call, m.event)
		if err == nil {
			err = a.deal(ctx, m.event, m.actor)
		}
		m.reply <- err
	default:
		a.happen(ctx, m.event)
	}
}

// compare takes over what a snapshot shows, unless the call has moved on since it was taken.
func (a *actor) compare(ctx context.Context, v *view) {
	if a.known && !a.touched.Before(v.at) {
		return
	}
	e := v.of(a.call, !a.known)
	if !a.known && a.call.State == StateQueued {
		a.c.matchers.joined(a.call.Line, place(a.call))
	}
	a.known = true
	a.happen(ctx, e)
}

// happen deals with an event that nobody waits for an answer to.
func (a *actor) happen(ctx context.Context, e Event) {
	if err := a.deal(ctx, e, byController); err != nil && ctx.Err() == nil {
		a.c.cfg.Log.ErrorContext(ctx, "step of a call", "call_id", a.call.ID, "event", fmt.Sprintf("%T", e), "err", err)
	}
}

// deal applies an event, and then those that its effects have brought.
func (a *actor) deal(ctx context.Context, e Event, by string) error {
	err := a.step(ctx, e, by)
	for len(a.pending) > 0 && ctx.Err() == nil {
		next := a.pending[0]
		a.pending = a.pending[1:]
		a.happen(ctx, next)
	}
	return err
}

// step is the order of everything: decide, commit, act.
func (a *actor) step(ctx context.Context, e Event, by string) error {
	for tries := 0; ; tries++ {
		now := a.c.cfg.Now()
		if _, answered := e.(SeatAnswered); answered {
			crash("seat_answered")
		}
		next, effects := Apply(a.call, e, now)
		ch, store := change(a.call, next, effects, by, now)
		if store && !a.rowless {
			err := a.save(ctx, ch)
			if errors.Is(err, ErrStale) && tries < 3 && a.reload(ctx) {
				continue
			}
			if err != nil {
				if !errors.Is(err, ErrSeatTaken) {
					a.c.Reconcile()
				}
				return fmt.Errorf("store step: %w", err)
			}
		}
		a.call = next
		a.c.calls.update(a, next)
		a.observe(ch)
		a.act(ctx, effects)
		if store || len(effects) > 0 { // what changes nothing hides nothing from a snapshot
			a.touched = a.c.cfg.Now()
		}
		return nil
	}
}

func (a *actor) observe(ch Change) {
	if o := ch.Offer; o != nil && o.State != OfferOpen && ch.Before.Offer != nil && ch.Before.Offer.State == OfferOpen {
		a.c.cfg.Observer.OfferClosed(o.State)
	}
	if ch.After.State == StateEnded && ch.Before.State != StateEnded {
		a.c.cfg.Observer.CallEnded(ch.After.Outcome, ch.After.Cause)
	}
}

// finish lets go of a call that is over. What came too late is answered: offers go back, telephones are sent away.
func (a *actor) finish(ctx context.Context) {
	a.mu.Lock()
	a.over = true
	a.mu.Unlock()
	a.c.calls.drop(a)
	close(a.done)
	if ctx.Err() != nil {
		return
	}
	for {
		select {
		case m := <-a.box:
			if m.match != nil {
				a.takeOffer(ctx, *m.match)
			}
			if answered, ok := eventOf(a.call, m.signal).(SeatAnswered); ok {
				a.c.sendAway(answered.Leg)
			}
		default:
			return
		}
	}
}
