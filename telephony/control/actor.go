package control

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"hotline/telephony"
)

const byController = "controller"

// idleAfter keeps a deadline that nothing comes of from being looked at in a loop.
const idleAfter = 50 * time.Millisecond

// actor is the one goroutine that owns a call. It waits for its own commit and for nothing else: acts run in lanes.
type actor struct {
	c    *Controller
	box  mailbox
	done chan struct{}

	keys []string // guarded by the registry

	// Owned by the goroutine.
	call    telephony.Call
	known   bool            // this controller has seen it begin, or has adopted it
	earlier []chan struct{} // those whose rows were being written with this one: who has the earlier place is not known
	lanes   lanes
	takes   *match    // of which an offer is being made
	woke    time.Time // when the desk was woken for it
}

func (c *Controller) newActor() *actor {
	a := &actor{c: c, done: make(chan struct{})}
	a.box.init()
	a.lanes.init(a)
	return a
}

// post puts a message into the call's mailbox; false when the call is over or the box is full.
func (a *actor) post(m message) bool {
	answer := a.box.put(m)
	if answer == tooFull {
		a.c.cfg.Observer.Overflowed()
		switch m.(type) {
		case viewed, matched: // nothing is lost: the next round brings another view, and a match is given back
		case signalled, happened, acted, command:
			a.c.Reconcile()
		}
	}
	return answer == taken
}

// arrive starts the actor of a citizen's leg, unless it has one. Found: a comparison has seen it, with others perhaps who came
// while nobody listened; they get their places one after the other, and who comes now waits for that.
func (c *Controller) arrive(ctx context.Context, in telephony.Arrival, up, found bool) {
	a := c.newActor()
	if !c.calls.claim(in.Entity, in.Channel, a) {
		return
	}
	before, tried := c.turn.take(found)
	e := c.outage.enter(in, up)
	c.workers.Go(func() {
		defer a.finish(ctx)
		defer tried()
		waitFor(ctx, before, turnLimit)
		mine := c.entries.begin()
		defer c.entries.end(mine)
		recorded := a.register(ctx, e, tried)
		c.outage.leave(e)
		if !recorded {
			return
		}
		line := c.desks.of(a.call.Line)
		if line != nil { // before those behind hear that the place is given: they let this one pass (I5)
			line.coming(a.call.Waits(), c.cfg.Now())
		}
		a.earlier = c.entries.end(mine)
		if a.call.Phase == telephony.PhaseArrived {
			a.known = true
			a.happen(ctx, telephony.Arrived{Up: up})
			if line != nil && a.call.Phase != telephony.PhaseWaiting { // there is something to hear first, or nobody to wait for
				line.leave(a.call.ID)
			}
		} else {
			c.Reconcile() // a row of ours without an actor: let the snapshot tell where it is
		}
		a.live(ctx)
	})
}

// adopt starts the actor of a call that the ledger knows and this controller does not.
func (c *Controller) adopt(ctx context.Context, call telephony.Call) {
	a := c.newActor()
	if !c.calls.adopt(call, a) {
		return
	}
	a.call = call
	c.workers.Go(func() {
		defer a.finish(ctx)
		a.live(ctx)
	})
}

// register writes the call's row, whatever it takes: every call has one before anything else happens to it (R7). False when
// there is nothing more to do for this leg. Nobody is refused: a leg that can not be recorded goes back to the net (RT15).
func (a *actor) register(ctx context.Context, e *entry, tried func()) bool {
	leg := e.Arrival.Channel
	for pause := firstPause; ; pause = longer(pause) {
		call, err := a.tryRegister(ctx, e, tried)
		tried()
		switch {
		case err == nil && call.Phase == telephony.PhaseEnded:
			a.c.letGo(ctx, leg, e.up || a.c.outage.met(ctx, e).Legs[leg].Up)
			return false
		case err == nil:
			a.call = call
			a.call.Seen = a.c.outage.met(ctx, e)
			a.c.calls.update(a, call)
			return true
		case errors.Is(err, telephony.ErrNotMaster):
			a.c.fail(err)
			return false
		case ctx.Err() != nil:
			return false
		case errors.Is(err, telephony.ErrUnstorable):
			a.alarm(ctx, "unstorable", err)
			a.c.letGo(ctx, leg, e.up || a.c.outage.met(ctx, e).Legs[leg].Up)
			return false
		case !errors.Is(err, telephony.ErrNoDecision):
			a.c.cfg.Observer.Failed("arrive")
			a.c.cfg.Log.ErrorContext(ctx, "record an arrival", "leg", leg, "err", err)
		}
		a.c.outage.missed(e)
		if !a.c.outage.rest(ctx, pause) {
			return false
		}
	}
}

func (a *actor) tryRegister(ctx context.Context, e *entry, tried func()) (telephony.Call, error) {
	if a.c.outage.keptNow(e) {
		tried() // the place is that in the journal
		return e.row(ctx)
	}
	epoch, ok := a.c.cfg.Lease.Epoch()
	if !ok {
		return telephony.Call{}, telephony.ErrNoDecision
	}
	ctx, cancel := verb(ctx)
	defer cancel()
	call, _, err := a.c.cfg.Ledger.Arrive(ctx, epoch, *e.Arrival)
	return call, err
}

// live deals with everything that was said, and then with the deadlines, until the call is over.
func (a *actor) live(ctx context.Context) {
	clock := time.NewTimer(0)
	defer clock.Stop()
	looked := time.Time{} // the deadline that was looked at last
	for a.call.Phase != telephony.PhaseEnded && ctx.Err() == nil {
		if said := a.box.take(); len(said) > 0 {
			a.hear(ctx, said)
			continue
		}
		var due <-chan time.Time
		if at := a.call.Due(); a.known && !at.IsZero() {
			wait := at.Sub(a.c.cfg.Now())
			if wait <= 0 && !at.Equal(looked) {
				looked = at
				a.happen(ctx, telephony.TimePassed{})
				continue
			}
			clock.Reset(max(wait, idleAfter))
			due = clock.C
		}
		select {
		case <-ctx.Done():
		case <-a.box.ring:
		case <-due:
			looked = time.Time{}
		}
	}
}

func (a *actor) hear(ctx context.Context, said []message) {
	for i, m := range said {
		if a.call.Phase == telephony.PhaseEnded || ctx.Err() != nil {
			a.tooLate(ctx, said[i:])
			return
		}
		if err := guarded(func() error { a.take(ctx, m); return nil }); err != nil {
			a.giveUp(ctx, err)
		}
	}
}

func (a *actor) take(ctx context.Context, m message) {
	switch m := m.(type) {
	case signalled:
		if e := eventOf(a.call, m.Signal); e != nil {
			a.happen(ctx, e)
		}
	case happened:
		a.happen(ctx, m.Event)
	case acted:
		a.lanes.ended(m.Order)
		a.happen(ctx, m.ActEnded)
	case command:
		err := telephony.Refuse(a.call, m.event)
		if err == nil {
			err = a.step(ctx, m.event, m.actor)
		}
		m.reply <- err
	case matched:
		a.takeOffer(ctx, m.match)
	case viewed:
		defer m.done()
		a.compare(ctx, m.view)
	}
}

// compare takes over what a snapshot shows.
func (a *actor) compare(ctx context.Context, v *view) {
	adopted := !a.known
	a.known = true
	if adopted {
		a.c.desks.follow(ctx, telephony.Call{}, a.call, nil)
	}
	a.happen(ctx, v.of(a.call, adopted))
}

// happen deals with an event that nobody waits for an answer to.
func (a *actor) happen(ctx context.Context, e telephony.Event) {
	err := a.step(ctx, e, byController)
	switch {
	case err == nil || ctx.Err() != nil:
	case errors.Is(err, telephony.ErrUnstorable), errors.Is(err, errPanic):
		a.giveUp(ctx, err)
	default:
		a.c.cfg.Log.ErrorContext(ctx, "step of a call", "call_id", a.call.ID, "event", fmt.Sprintf("%T", e), "err", err)
	}
}

// errPanic is a fault of ours in one step of one call.
var errPanic = errors.New("panic")

// step is the order of everything: decide, commit, follow, act. A panic in it, wherever, is that call's alone (RT2).
func (a *actor) step(ctx context.Context, e telephony.Event, by string) error {
	return guarded(func() error { return a.tryStep(ctx, e, by) })
}

// guarded turns a panic into an error: it must not take the process down.
func guarded(do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanic, v, debug.Stack())
		}
	}()
	return do()
}

func (a *actor) tryStep(ctx context.Context, e telephony.Event, by string) error {
	was := a.call
	for tries := 0; ; tries++ {
		before := a.call
		before.Rules = a.c.desks.rules(before.Line, before.Rules)
		now := a.c.outage.when(e)
		next, records := telephony.Apply(before, e, now)
		ch, store := telephony.Gather(before, next, records, by, now)
		var passed *passing
		if store {
			a.c.desks.coming(ch)
			var err error
			if ch, passed, err = a.store(ctx, ch); err != nil {
				a.c.desks.notComing(ch)
			}
			if errors.Is(err, telephony.ErrStale) && tries < 3 && a.reload(ctx) {
				continue
			}
			if err != nil {
				if !errors.Is(err, telephony.ErrSeatTaken) {
					a.c.Reconcile()
				}
				return fmt.Errorf("store step: %w", err)
			}
		}
		a.become(ctx, was, ch, store, passed)
		return nil
	}
}

// become takes a stored step over and gives out what follows from it, since the call was as it was before.
func (a *actor) become(ctx context.Context, before telephony.Call, ch telephony.Change, stored bool, passed *passing) {
	a.call = ch.After
	a.c.calls.update(a, a.call)
	a.c.desks.follow(ctx, before, a.call, a.earlier)
	a.plan(ctx)
	if stored {
		a.c.desks.work(ctx, ch, &a.lanes, passed)
		a.observe(ch)
	}
}

// plan gives the orders that are not under way. Of a call that was adopted nothing is seen yet, until a view is taken over: it
// would look as if it had to be done all over again, and a citizen who is answered twice hears no music any more.
func (a *actor) plan(ctx context.Context) {
	if !a.known { // an adopted call that ends before it was looked at leaves its legs to the next comparison: now
		if a.call.Phase == telephony.PhaseEnded {
			a.c.Reconcile()
		}
		return
	}
	a.lanes.reached(a.call.Seen)
	now := a.c.cfg.Now()
	orders := telephony.Plan(a.call, a.call.Seen, now)
	if len(orders) == 0 {
		return
	}
	a.call = telephony.Begun(a.call, orders, now)
	a.c.calls.update(a, a.call)
	a.lanes.give(ctx, orders)
}

func (a *actor) observe(ch telephony.Change) {
	for _, o := range ch.Closed {
		a.c.cfg.Observer.OfferClosed(o.State)
	}
	if ch.After.Phase == telephony.PhaseEnded {
		a.c.cfg.Observer.CallEnded(ch.After.Outcome, ch.After.Cause)
	}
}

// giveUp ends a call that can not go on as it is, with as little as can be stored (RT2, F34). What can not even be ended is
// let go of: the rest goes on.
func (a *actor) giveUp(ctx context.Context, cause error) {
	what := "unstorable"
	if errors.Is(cause, errPanic) {
		what = "panic"
	}
	a.alarm(ctx, what, cause)
	if err := a.step(ctx, telephony.Failed{}, byController); err == nil || ctx.Err() != nil {
		return
	}
	ch := telephony.Minimal(a.call, a.c.cfg.Now())
	if err := guarded(func() error { return a.save(ctx, ch) }); err != nil {
		a.alarm(ctx, what, fmt.Errorf("not even its end can be stored: %w", err))
	}
	err := guarded(func() error { a.become(ctx, a.call, ch, true, nil); return nil })
	if err != nil {
		a.call = ch.After
		a.alarm(ctx, what, fmt.Errorf("what follows from its end: %w", err))
	}
}

func (a *actor) alarm(ctx context.Context, what string, err error) {
	a.c.cfg.Observer.Alarmed(what)
	a.c.cfg.Log.ErrorContext(ctx, "ALARM: a call can not go on", "what", what, "call_id", a.call.ID, "err", err)
}

// finish lets go of a call that is over.
func (a *actor) finish(ctx context.Context) {
	left := a.box.close()
	a.c.calls.drop(a)
	close(a.done)
	a.tooLate(ctx, left)
}

// tooLate answers what came after the end: offers go back, telephones are sent away.
func (a *actor) tooLate(ctx context.Context, left []message) {
	for _, m := range left {
		switch m := m.(type) {
		case matched:
			a.c.withdraw(ctx, m.match)
		case viewed:
			m.done()
		case signalled:
			if up, ok := eventOf(a.call, m.Signal).(telephony.LegUp); ok && up.Leg != a.call.Channel {
				a.c.sendAway(up.Leg)
			}
		case happened, acted, command:
		}
	}
}
