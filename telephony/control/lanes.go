package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"hotline/agent"
	"hotline/telephony"
)

// lanes run a call's acts off its actor: one after the other in each lane, and after those that an order names. Results come
// back as messages. Only the actor gives orders.
type lanes struct {
	a       *actor
	tails   map[string]*errand // the last of each lane
	running map[string]*errand // by key
}

// errand is an order that is being carried out.
type errand struct {
	order  telephony.Order
	call   telephony.CallID
	woke   time.Time     // when the desk was woken for the offer that the call has now
	clear  chan struct{} // closed when the seat's telephone is free; nil: it is
	over   sync.Once
	done   chan struct{} // closed when result stands
	result telephony.Result
}

// end says, once, what became of it.
func (e *errand) end(r telephony.Result) {
	e.over.Do(func() {
		e.result = r
		close(e.done)
	})
}

func (l *lanes) init(a *actor) {
	l.a = a
	l.tails, l.running = make(map[string]*errand), make(map[string]*errand)
}

// give starts orders, in their order.
func (l *lanes) give(ctx context.Context, orders []telephony.Order) {
	for _, o := range orders {
		e := &errand{order: o, call: l.a.call.ID, woke: l.a.woke, done: make(chan struct{})}
		if ring, ok := o.Act.(telephony.Ring); ok {
			e.clear = l.a.clearOf(ring.Leg)
		}
		var first, needed []*errand
		for _, lane := range o.Lanes {
			if before := l.tails[lane]; before != nil {
				first = append(first, before)
			}
			l.tails[lane] = e
		}
		for _, key := range o.After {
			if before := l.running[key]; before != nil {
				needed = append(needed, before)
			}
		}
		l.running[o.Key] = e
		l.a.c.workers.Go(func() { l.a.run(ctx, e, first, needed) })
	}
}

// afterHangup does something when the leg of a seat that this call lets go of is on its way out, at once if it is already.
func (l *lanes) afterHangup(ctx context.Context, before telephony.Call, seat agent.SeatID, do func()) {
	for _, p := range before.Parts {
		e := l.running[telephony.HangupKey(p.Leg)]
		if p.Seat != seat || e == nil {
			continue
		}
		l.a.c.workers.Go(func() {
			select {
			case <-e.done:
				do()
			case <-ctx.Done():
			}
		})
		return
	}
	do()
}

// reached lets those who wait behind a ring pass when its telephone has answered: the ring is done, whatever its reply says.
func (l *lanes) reached(seen telephony.Seen) {
	for _, e := range l.running {
		if ring, ok := e.order.Act.(telephony.Ring); ok && seen.Legs[ring.Leg].Up {
			e.end(telephony.ResultDone)
		}
	}
}

// ended forgets an errand.
func (l *lanes) ended(o telephony.Order) {
	e := l.running[o.Key]
	if e == nil {
		return
	}
	delete(l.running, o.Key)
	for _, lane := range o.Lanes {
		if l.tails[lane] == e {
			delete(l.tails, lane)
		}
	}
}

// run carries one order out when its turn has come.
func (a *actor) run(ctx context.Context, e *errand, first, needed []*errand) {
	e.end(a.carryOut(ctx, e, first, needed))
	if ctx.Err() == nil {
		a.post(acted{telephony.ActEnded{Order: e.order, Result: e.result}})
	}
}

func (a *actor) carryOut(ctx context.Context, e *errand, first, needed []*errand) telephony.Result {
	for _, before := range append(first, needed...) {
		select {
		case <-before.done:
		case <-ctx.Done():
			return telephony.ResultDropped
		}
	}
	for _, before := range needed {
		if before.result != telephony.ResultDone {
			return telephony.ResultDropped
		}
	}
	if e.clear != nil {
		waitFor(ctx, e.clear, clearLimit)
	}
	err := a.insist(ctx, e)
	if ring, ok := e.order.Act.(telephony.Ring); ok && err == nil && !ring.Resume && !e.woke.IsZero() {
		a.c.cfg.Observer.Offered(a.c.cfg.Now().Sub(e.woke))
	}
	switch {
	case err == nil:
		return telephony.ResultDone
	case errors.Is(err, telephony.ErrSeatOffline):
		return telephony.ResultOffline
	case errors.Is(err, telephony.ErrGone):
		return telephony.ResultGone
	default:
		return telephony.ResultFailed
	}
}

// insist does one act. In hold-only it waits for the lease: the decision is stored and still ours, or nobody's (R4). A leg
// that is gone is no failure: its end is reported by itself.
func (a *actor) insist(ctx context.Context, e *errand) error {
	act := e.order.Act
	for pause := firstPause; ; pause = longer(pause) {
		leave, err := a.c.crowd.enter(ctx, act)
		if err != nil {
			return err
		}
		limited, cancel := verb(ctx)
		err = a.attempt(limited, act)
		cancel()
		leave()
		switch {
		case err == nil, errors.Is(err, telephony.ErrGone), errors.Is(err, telephony.ErrSeatOffline), ctx.Err() != nil:
			return err
		case !errors.Is(err, telephony.ErrNoDecision):
			a.c.cfg.Observer.Failed(nameOf(act))
			a.c.cfg.Log.WarnContext(ctx, "act on the exchange", "act", nameOf(act), "call_id", e.call, "err", err)
			a.c.Reconcile()
			return err
		}
		if !rest(ctx, pause) {
			return ctx.Err()
		}
	}
}

// crowd lets few of the acts that come by the thousand, when many call at once or a controller takes over, at the exchange at
// a time. Their deadline begins when they are let in: what only waits for others does not fail, and is not asked for again on
// top of them. Whoever rings, joins or hangs up passes by.
type crowd chan struct{}

// crowdSize leaves a third of the exchange's connections to all others.
const crowdSize = 32

// enter waits for a place, if the act needs one, and returns how it is left.
func (c crowd) enter(ctx context.Context, act telephony.Act) (func(), error) {
	_, hold := act.(telephony.Hold)
	_, watch := act.(telephony.Watch)
	if !hold && !watch {
		return func() {}, nil
	}
	select {
	case c <- struct{}{}:
		return func() { <-c }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// attempt does an act once; a panic in it is this act's failure.
func (a *actor) attempt(ctx context.Context, act telephony.Act) error {
	err := guarded(func() error {
		if ask, ok := act.(telephony.AskSeat); ok {
			return a.askSeat(ctx, ask)
		}
		return a.c.do(ctx, act)
	})
	if errors.Is(err, errPanic) {
		a.c.cfg.Observer.Alarmed("panic")
	}
	return err
}

// do says by which verb of the exchange an act is done.
func (c *Controller) do(ctx context.Context, act telephony.Act) error {
	sw := c.cfg.Switch
	switch act := act.(type) {
	case telephony.Watch:
		return sw.Watch(ctx, "channel:"+string(act.Leg))
	case telephony.Answer:
		return sw.Answer(ctx, act.Leg)
	case telephony.Hangup:
		return sw.Hangup(ctx, act.Leg, reasonNormal)
	case telephony.Return:
		return sw.Return(ctx, act.Leg)
	case telephony.Ring:
		return sw.Ring(ctx, act.RingRequest)
	case telephony.EnsureBridge:
		return sw.EnsureBridge(ctx, act.Bridge, telephony.BridgeMixing)
	case telephony.DeleteBridge:
		return sw.DeleteBridge(ctx, act.Bridge)
	case telephony.Hold:
		return sw.Hold(ctx, act.Bridge, act.Leg)
	case telephony.Join:
		return sw.Join(ctx, act.Bridge, act.Legs...)
	case telephony.SetMute:
		return sw.Mute(ctx, act.Leg, act.On)
	case telephony.Play:
		return sw.Play(ctx, act.Leg, act.Playback, act.Media)
	case telephony.StopPlay:
		return sw.StopPlay(ctx, act.Playback)
	case telephony.AskPlay:
		return sw.Plays(ctx, act.Playback)
	case telephony.AskSeat:
	}
	return fmt.Errorf("%T: no verb of the exchange", act)
}

const reasonNormal = "normal"

func nameOf(act telephony.Act) string {
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", act), "telephony."))
}

func (a *actor) askSeat(ctx context.Context, act telephony.AskSeat) error {
	st, err := a.c.cfg.Ledger.Seat(ctx, act.Seat)
	if err != nil {
		return err
	}
	a.post(happened{telephony.SeatKnown{Seat: st, Offer: telephony.OfferID(newID())}})
	return nil
}
