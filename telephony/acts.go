package telephony

import (
	"context"
	"errors"
)

// act does what a stored step wants done, in order.
func (a *actor) act(ctx context.Context, effects []Effect) {
	for _, e := range effects {
		if ctx.Err() != nil {
			return
		}
		a.actOne(ctx, e)
	}
}

func (a *actor) actOne(ctx context.Context, e Effect) {
	sw := a.c.cfg.Switch
	switch e := e.(type) {
	case StoreOffer, SetWork, RecordLeg, Tell, OpenCallback: // stored
	case Watch:
		a.watch(ctx, e.Leg)
	case Answer:
		_ = a.ask(ctx, "answer", func(ctx context.Context) error { return sw.Answer(ctx, e.Leg) })
	case Hangup:
		_ = a.ask(ctx, "hangup", func(ctx context.Context) error { return sw.Hangup(ctx, e.Leg, e.Reason) })
	case Ring:
		a.ringSeat(ctx, e.RingRequest)
	case EnsureBridge:
		_ = a.ask(ctx, "ensure_bridge", func(ctx context.Context) error { return sw.EnsureBridge(ctx, e.Bridge, e.Kind) })
	case DeleteBridge:
		_ = a.ask(ctx, "delete_bridge", func(ctx context.Context) error { return sw.DeleteBridge(ctx, e.Bridge) })
	case Hold:
		_ = a.ask(ctx, "hold", func(ctx context.Context) error { return sw.Hold(ctx, e.Bridge, e.Leg) })
	case Join:
		_ = a.ask(ctx, "join", func(ctx context.Context) error { return sw.Join(ctx, e.Bridge, e.Legs...) })
	case Play:
		if a.ask(ctx, "play", func(ctx context.Context) error { return sw.Play(ctx, e.Leg, e.Playback, e.Media) }) != nil {
			a.pending = append(a.pending, PlayEnded{Playback: e.Playback})
		}
	case StopPlay:
		_ = a.ask(ctx, "stop_play", func(ctx context.Context) error { return sw.StopPlay(ctx, e.Playback) })
	case JoinLine:
		a.joinLine(ctx, e)
		a.c.matchers.wake(e.Line, a.c.cfg.Now())
	case LeaveLine:
		a.leaveLine(ctx, e)
	case FreeSeat:
		a.c.letGo(ctx, e)
	case StartWrapUp:
		a.c.clock.set(e.Seat, due{at: e.Until, kind: dueWrapUp, line: a.call.Line})
	case AskSeat:
		a.askSeat(ctx, e)
	case SetTimer:
		a.timers[e.Timer] = e.At
	case StopTimer:
		delete(a.timers, e.Timer)
	}
}

// ask does one act on the exchange. In hold-only it waits for the lease: the decision is stored and still ours, or
// nobody's (R4). A leg that is gone is no failure: its end is reported by itself.
func (a *actor) ask(ctx context.Context, what string, do func(context.Context) error) error {
	for pause := firstPause; ; pause = longer(pause) {
		limited, cancel := verb(ctx)
		err := do(limited)
		cancel()
		switch {
		case err == nil, errors.Is(err, ErrGone), errors.Is(err, ErrSeatOffline):
			return err
		case !errors.Is(err, ErrNoDecision):
			if ctx.Err() == nil {
				a.c.cfg.Observer.Failed(what)
				a.c.cfg.Log.WarnContext(ctx, "act on the exchange", "act", what, "call_id", a.call.ID, "err", err)
				a.c.Reconcile()
			}
			return err
		}
		if !rest(ctx, pause) {
			return ctx.Err()
		}
	}
}

// watch learns of a caller's end; one who is gone already will not be reported any more.
func (a *actor) watch(ctx context.Context, leg LegID) {
	err := a.ask(ctx, "watch", func(ctx context.Context) error { return a.c.cfg.Switch.Watch(ctx, "channel:"+string(leg)) })
	if errors.Is(err, ErrGone) {
		a.pending = append(a.pending, CallerLeft{})
	}
}

func (a *actor) ringSeat(ctx context.Context, r RingRequest) {
	err := a.ask(ctx, "ring", func(ctx context.Context) error { return a.c.cfg.Switch.Ring(ctx, r) })
	if err != nil {
		a.pending = append(a.pending, RingFailed{Leg: r.Leg, Offline: errors.Is(err, ErrSeatOffline)})
		return
	}
	crash("ring_posted")
	if !r.Resume && !a.woke.IsZero() {
		a.c.cfg.Observer.Offered(a.c.cfg.Now().Sub(a.woke))
	}
}

// joinLine makes the caller claimable. The controller's own memory follows the index, so that it never misses there whom
// it remembers, unless the index has lost him (F9).
func (a *actor) joinLine(ctx context.Context, e JoinLine) {
	limited, cancel := verb(ctx)
	defer cancel()
	if err := a.c.cfg.Line.Join(limited, e.Line, e.Waiting); err != nil {
		a.c.cfg.Observer.Failed("join_line")
		a.c.cfg.Log.WarnContext(ctx, "join the line", "call_id", e.Call, "err", err)
	}
	a.c.matchers.joined(e.Line, e.Waiting)
}

func (a *actor) leaveLine(ctx context.Context, e LeaveLine) {
	if e.Line == "" {
		return
	}
	a.c.matchers.left(e.Line, a.call.ID)
	limited, cancel := verb(ctx)
	defer cancel()
	if err := a.c.cfg.Line.Leave(limited, e.Line, a.call.ID); err != nil {
		a.c.cfg.Observer.Failed("leave_line")
		a.c.cfg.Log.WarnContext(ctx, "leave the line", "call_id", a.call.ID, "err", err)
	}
}

func (a *actor) askSeat(ctx context.Context, e AskSeat) {
	limited, cancel := verb(ctx)
	defer cancel()
	st, err := a.c.cfg.Ledger.Seat(limited, e.Seat)
	if err != nil {
		a.c.cfg.Log.WarnContext(ctx, "read a seat", "seat", e.Seat, "err", err)
		a.timers[TimerRetry] = a.c.cfg.Now().Add(retryPause)
		return
	}
	a.pending = append(a.pending, SeatKnown{Seat: st, Leg: LegID(newID())})
}

// takeOffer makes the matcher's find an offer, or gives both back: the caller to the old place, the seat if it is free.
func (a *actor) takeOffer(ctx context.Context, m match) {
	mt := a.c.matchers.of(a.call.Line)
	if mt == nil {
		return
	}
	defer mt.landed(m.offer)
	if a.call.State != StateQueued {
		mt.giveBack(ctx, m.seat)
		mt.wake(m.woke)
		return
	}
	if err := a.makeOffer(ctx, m); err != nil {
		if ctx.Err() != nil {
			return
		}
		a.c.cfg.Observer.Failed("offer")
		a.c.cfg.Log.InfoContext(ctx, "offer not made", "call_id", a.call.ID, "seat", m.seat, "err", err)
		freed := mt.giveBack(ctx, m.seat)
		a.joinLine(ctx, JoinLine{Line: a.call.Line, Waiting: place(a.call)})
		if freed {
			return // whatever refused it would refuse it again at once: the next tick tries
		}
		mt.wake(m.woke)
	}
}

func (a *actor) makeOffer(ctx context.Context, m match) error {
	if a.c.HoldOnly() {
		return ErrNoDecision
	}
	limited, cancel := verb(ctx)
	st, err := a.c.cfg.Ledger.Seat(limited, m.seat)
	cancel()
	if err != nil {
		return err
	}
	if !st.Open() {
		return ErrSeatTaken
	}
	a.woke = m.woke
	return a.deal(ctx, OfferMade{Offer{
		ID: m.offer, Leg: LegID(m.offer), Seat: m.seat, Person: st.Person, Phone: st.Phone, Endpoint: st.Endpoint,
		State: OfferOpen, OfferedAt: m.at, ExpiresAt: m.at.Add(a.call.Rules.Ring),
	}}, byController)
}
