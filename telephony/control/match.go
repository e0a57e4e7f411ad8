package control

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"hotline/agent"
	"hotline/telephony"
)

// match is a seat and a caller that a desk has brought together; an offer once the call's actor has stored it.
type match struct {
	line  agent.LineID
	offer telephony.OfferID
	call  telephony.Waiting
	seat  telephony.LineSeat
	at    time.Time // of the decision: offers bear the order in which they were decided (I5)
	woke  time.Time
	from  *passing // nil: the seat is idle by the ledger
}

// offered is what the match means to its call.
func (m match) offered(ring time.Duration) telephony.Offered {
	role := telephony.RoleOfficial
	if m.seat.Kind == agent.SeatOperator {
		role = telephony.RoleOperator
	}
	return telephony.Offered{Offer: telephony.Offer{
		ID: m.offer, Kind: telephony.OfferLine, Role: role, Seat: m.seat.Seat, Person: m.seat.Person, Phone: m.seat.Phone, Endpoint: m.seat.Endpoint,
		Misses: m.seat.Misses, OfferedAt: m.at, ExpiresAt: m.at.Add(ring),
	}}
}

// passing is a match for a seat that its last call, or its wrap-up, is just leaving: what ends there and what begins are one
// step of the ledger, which the next call's actor stores (RH2). Who ends waits for that, unless it is not begun soon.
type passing struct {
	ends   telephony.Change
	claim  atomic.Bool   // set by who has it: the next call's actor, or who ends when that one does not come
	stored chan error    // the outcome, from the next call's actor
	clear  chan struct{} // closed when the seat's telephone is free; nil: it is
	tried  bool          // the two were sent to the ledger; of the next call's actor
	alone  bool          // what ends was stored by itself after all; of who ends
}

const (
	passingLimit = 20 * time.Millisecond // the next call's actor is not waited for longer
	clearLimit   = time.Second           // nor is a telephone that is being hung up
)

// errNotBoth: what ends is stored alone.
var errNotBoth = errors.New("not stored together")

// pass takes the next caller for the seat that a change leaves.
func (ds *desks) pass(ctx context.Context, ch telephony.Change, cleared chan struct{}) (match, bool) {
	seat, leaves := ch.Leaves()
	if !leaves || !ds.c.mayDecide() {
		return match{}, false
	}
	d := ds.deskOf(seat)
	if d == nil {
		return match{}, false
	}
	m, ok := d.pass(ctx, seat)
	m.from = &passing{ends: ch, stored: make(chan error, 1), clear: cleared}
	return m, ok
}

// pass takes the pair of a seat that is about to be idle, if the line names it.
func (d *desk) pass(ctx context.Context, seat agent.SeatID) (match, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.c.cfg.Now()
	s, known := d.line.Seat(seat)
	if _, flies := d.flying[seat]; !known || flies || d.left[seat] > 0 || !s.Since.IsZero() || d.c.clock.keeps(seat) {
		return match{}, false
	}
	busy := s
	s.Since = now
	d.line.Put(s)
	pair, ok := d.line.Next(now)
	if !ok || pair.Seat.Seat != seat {
		d.line.Put(busy)
		return match{}, false
	}
	d.tellLocked(telephony.News{Seat: &s})
	return d.takeLocked(ctx, pair, now, now), true
}

// meet takes the seat of a caller who is about to come into the line, if the line names the two.
func (ds *desks) meet(ctx context.Context, ch telephony.Change) (match, bool) {
	d := ds.of(ch.After.Line)
	if d == nil || !ds.c.mayDecide() {
		return match{}, false
	}
	w := ch.After.Waits()
	d.mu.Lock()
	defer d.mu.Unlock()
	now := ds.c.cfg.Now()
	d.line.Join(w)
	pair, ok := d.line.Next(now)
	if !ok || pair.Call != w.Call {
		d.line.Leave(w.Call)
		d.line.Coming(w, now)
		return match{}, false
	}
	d.tellLocked(telephony.News{Joined: &w})
	return d.takeLocked(ctx, pair, now, now), true
}

// unmet takes back that two have met: the caller is still about to come, and the seat is read again at the next tick.
func (ds *desks) unmet(m match) {
	d := ds.of(m.line)
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.landLocked(m)
	d.line.Coming(m.call, ds.c.cfg.Now())
}

// hand gives a passing to the next call's actor; true when both are stored.
func (c *Controller) hand(m match) bool {
	next := c.calls.byCall(m.call.Call)
	if next == nil || !next.post(matched{m}) {
		c.desks.giveBack(m, next != nil && !next.box.isOver())
		return false
	}
	patience := time.NewTimer(c.cfg.PassingLimit)
	defer patience.Stop()
	select {
	case err := <-m.from.stored:
		return err == nil
	case <-patience.C:
		if m.from.claim.CompareAndSwap(false, true) { // before the end is stored: then the seat is told of, and must be free to be rung
			c.desks.giveBack(m, !next.box.isOver())
			return false
		}
		return <-m.from.stored == nil // it has begun, and the ledger has a deadline
	}
}

// withdraw gives back a match that found its call over, unless who ends at its seat has done so.
func (c *Controller) withdraw(ctx context.Context, m match) {
	if m.from != nil && !m.from.claim.CompareAndSwap(false, true) || ctx.Err() != nil {
		return
	}
	c.desks.giveBack(m, false)
	if m.from != nil {
		m.from.answer(errNotBoth)
	}
}

// answer says what became of the two; only the first word counts.
func (p *passing) answer(err error) {
	select {
	case p.stored <- err:
	default:
	}
}

// takeOffer makes the desk's find an offer, or gives both back: the caller to the old place, the seat if it is free.
func (a *actor) takeOffer(ctx context.Context, m match) {
	if p := m.from; p != nil {
		defer p.answer(errNotBoth)
		if !p.claim.CompareAndSwap(false, true) { // who ends stores that alone, and has given both back
			return
		}
	}
	if !a.call.InLine() || a.call.Line != m.line {
		a.c.desks.giveBack(m, false)
		return
	}
	a.takes, a.woke = &m, m.woke
	err := a.step(ctx, m.offered(a.c.desks.rules(m.line, a.call.Rules).Ring), byController)
	a.takes = nil
	a.offerStored(ctx, m, err)
}

// offerStored says to the desk what became of a match.
func (a *actor) offerStored(ctx context.Context, m match, err error) {
	if err == nil {
		a.c.desks.landed(m)
		return
	}
	if ctx.Err() != nil {
		return
	}
	if errors.Is(err, telephony.ErrUnstorable) || errors.Is(err, errPanic) {
		a.alarm(ctx, "offer", err) // another seat may do; this one is tried again at the next tick
	}
	a.c.cfg.Observer.Failed("offer")
	a.c.cfg.Log.InfoContext(ctx, "offer not made", "call_id", a.call.ID, "seat", m.seat.Seat, "err", err)
	a.c.desks.refused(m)
}

// store stores a step. What frees a seat is stored by the next caller's actor together with the offer, if there is one; a
// caller who comes into the line while a seat is idle for them is offered it in the same step. It returns the step as stored,
// and the passing that stored it.
func (a *actor) store(ctx context.Context, ch telephony.Change) (telephony.Change, *passing, error) {
	if a.takes == nil && ch.After.InLine() && !ch.Before.InLine() && a.first() {
		both, met, err := a.meet(ctx, ch)
		if met || err != nil {
			return both, nil, err
		}
	}
	if seat, leaves := ch.Leaves(); leaves {
		if m, ok := a.c.desks.pass(ctx, ch, clearing(ch, seat)); ok {
			if m.from.alone = !a.c.hand(m); m.from.alone {
				return ch, m.from, a.save(ctx, ch)
			}
			return ch, m.from, nil
		}
	}
	return ch, nil, a.save(ctx, ch)
}

// clearOf is what the ring of a leg waits for.
func (a *actor) clearOf(leg telephony.LegID) chan struct{} {
	if m := a.takes; m != nil && m.from != nil && telephony.LegOf(m.offer) == leg {
		return m.from.clear
	}
	return nil
}

// first says that nobody can come any more who may have an earlier place (I5).
func (a *actor) first() bool {
	return !slices.ContainsFunc(a.earlier, func(written chan struct{}) bool {
		select {
		case <-written:
			return false
		default:
			return true
		}
	})
}

// meet stores a caller's entry into the line and the offer of a seat that is idle for them as one step; false when there is none,
// or the ledger does not take the pair.
func (a *actor) meet(ctx context.Context, ch telephony.Change) (telephony.Change, bool, error) {
	m, ok := a.c.desks.meet(ctx, ch)
	if !ok {
		return ch, false, nil
	}
	offered := false
	defer func() { // a panic too (RT2)
		if !offered {
			a.c.desks.unmet(m)
		}
	}()
	next, records := telephony.Apply(ch.After, m.offered(ch.After.Rules.Ring), m.at)
	next.Version = ch.After.Version
	both, _ := telephony.Gather(ch.Before, next, records, ch.Actor, ch.At)
	both = ch.With(both)
	switch err := a.save(ctx, both); {
	case errors.Is(err, telephony.ErrSeatTaken):
		return ch, false, nil
	case err != nil:
		return ch, false, err
	}
	offered, a.woke = true, m.woke
	a.c.calls.update(a, both.After)
	a.c.desks.landed(m)
	a.c.desks.of(m.line).leave(m.call.Call)
	return both, true, nil
}

// clearing is closed when the telephone of the seat that a change leaves is free; nil when it is already.
func clearing(ch telephony.Change, seat agent.SeatID) chan struct{} {
	for _, p := range ch.Before.Parts {
		if leg, exists := ch.After.Seen.Legs[p.Leg]; p.Seat == seat && exists && !leg.Dying {
			return make(chan struct{})
		}
	}
	return nil
}
