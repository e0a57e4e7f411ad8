package control

import (
	"context"
	"errors"
	"slices"

	"hotline/telephony"
)

// writeLoop brings what is kept to the disk, at the end too.
func (o *outage) writeLoop(ctx context.Context) {
	for over := false; !over; {
		select {
		case <-ctx.Done():
			over = true
		case <-o.write:
		}
		o.flush(ctx)
	}
}

// flush brings what is kept to the disk, and then cares for those who have arrived.
func (o *outage) flush(ctx context.Context) {
	o.mu.Lock()
	fresh := o.fresh
	o.fresh = nil
	o.mu.Unlock()
	if len(fresh) == 0 {
		return
	}
	facts := make([]telephony.Kept, len(fresh))
	for i, e := range fresh {
		facts[i] = e.Kept
	}
	if err := o.c.cfg.Journal.Append(facts...); err != nil { // the calls go on: as long as this controller lives nothing is lost
		o.c.cfg.Observer.Alarmed("journal")
		o.c.cfg.Log.ErrorContext(ctx, "ALARM: facts can not be kept while the ledger is away", "facts", len(facts), "err", err)
	}
	for _, e := range fresh {
		close(e.safe)
		if e.Arrival != nil {
			o.c.workers.Go(func() { o.receive(ctx, e) })
		}
	}
}

// receive answers who has arrived and lets them wait with music, after words.
func (o *outage) receive(ctx context.Context, e *entry) {
	defer close(e.received)
	leg := e.Arrival.Channel
	bridge := telephony.HoldBridge(o.c.desks.lineOf(e.Arrival.Dialled))
	leave, err := o.c.crowd.enter(ctx, telephony.Hold{Bridge: bridge, Leg: leg})
	if err != nil {
		return
	}
	defer leave()
	limited, cancel := verb(ctx)
	defer cancel()
	if err = o.c.cfg.Switch.Receive(limited, bridge, leg, e.up); err == nil {
		e.seen.Legs = map[telephony.LegID]telephony.LegSeen{leg: {Up: true, In: bridge, At: o.c.cfg.Now()}}
		words := telephony.WaitWords(e.Arrival.ID, leg)
		if err = o.c.do(limited, words); err == nil {
			e.seen.Playing = words.Playback
		}
	}
	if err != nil && !errors.Is(err, telephony.ErrGone) {
		o.c.cfg.Log.WarnContext(ctx, "let a caller wait while the ledger is away", "leg", leg, "err", err)
	}
}

// settleLoop settles what is kept as soon as the ledger is back.
func (o *outage) settleLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.settle:
		}
		was := o.unsettled()
		for o.drain(ctx) != nil || o.unsettled() {
			was = true
			if !rest(ctx, probeEvery) {
				return
			}
		}
		if was {
			o.c.Reconcile()
		}
	}
}

func (o *outage) unsettled() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.arrivals)+len(o.ends) > 0
}

// drain stores what is kept, arrivals before ends, each in order, and forgets it. An error means that the ledger is away, or
// that we may not write.
func (o *outage) drain(ctx context.Context) error {
	if !o.keeps() {
		return nil
	}
	o.draining.Lock()
	defer o.draining.Unlock()
	if err := o.returned(ctx); err != nil {
		return err
	}
	o.inherit(ctx)
	if err := o.drainArrivals(ctx); err != nil {
		return err
	}
	if err := o.drainEnds(ctx); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.arrivals)+len(o.ends) > 0 || !o.journal {
		return nil
	}
	o.journal = false
	clear(o.heard)
	if err := o.c.cfg.Journal.Clear(); err != nil {
		o.c.cfg.Log.ErrorContext(ctx, "clear the journal: it is stored once more at the next start, which has no effect", "err", err)
	}
	return nil
}

// returned says by nil that the ledger is there and ours to write, and tells those who wait for it.
func (o *outage) returned(ctx context.Context) error {
	held := o.c.HoldOnly()
	o.mu.Lock()
	o.failing = o.failing || held
	failing := o.failing
	for _, e := range o.arrivals {
		if held {
			e.tries = 0
		}
	}
	o.mu.Unlock()
	switch {
	case held:
		return telephony.ErrNoDecision
	case failing:
		if err := o.probe(ctx); err != nil {
			return err
		}
		o.wrote(nil)
	}
	return nil
}

// inherit takes over what earlier controllers have kept. One that hung and was replaced may die much later than we began (F6).
func (o *outage) inherit(ctx context.Context) {
	facts, err := o.c.cfg.Journal.Inherit()
	if err != nil {
		o.c.cfg.Observer.Alarmed("journal")
		o.c.cfg.Log.ErrorContext(ctx, "ALARM: what an earlier controller has kept can not be read in full", "err", err)
	}
	var arrivals, ends []*entry
	for _, f := range facts {
		e := newEntry(f)
		close(e.safe)
		if f.Arrival != nil {
			arrivals = append(arrivals, e)
		} else {
			ends = append(ends, e)
		}
	}
	if len(facts) > 0 {
		o.c.cfg.Log.InfoContext(ctx, "storing what an earlier controller has kept", "facts", len(facts))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.arrivals, o.ends = slices.Concat(arrivals, o.arrivals), slices.Concat(ends, o.ends)
	o.journal = o.journal || len(facts) > 0 || err != nil
}

// next is the first kept fact of a sort that has not been passed over.
func (o *outage) next(arrival bool, passed []*entry) *entry {
	o.mu.Lock()
	defer o.mu.Unlock()
	kept := o.ends
	if arrival {
		kept = o.arrivals
	}
	for _, e := range kept {
		if !slices.Contains(passed, e) {
			return e
		}
	}
	if arrival && len(passed) == 0 {
		o.away = false // nobody waits for a turn any more
	}
	return nil
}

func (o *outage) settled(e *entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	kept := o.keptLocked(e)
	if i := slices.Index(*kept, e); i == 0 { // as a rule; many are not moved for each
		*kept = (*kept)[1:]
	} else if i > 0 {
		*kept = slices.Delete(*kept, i, i+1)
	}
}

// drainArrivals writes the rows of those who have arrived, in order, so that the place of each is that of the arrival. One that
// the ledger will not take is passed over, until the next time.
func (o *outage) drainArrivals(ctx context.Context) error {
	var passed []*entry
	for e := o.next(true, passed); e != nil; e = o.next(true, passed) {
		err := o.arrive(ctx, e)
		switch {
		case lost(err) && o.refused(e):
			passed = append(passed, e)
			continue
		case err != nil && !errors.Is(err, telephony.ErrUnstorable):
			return err
		}
		select {
		case <-e.safe: // before that it can not be forgotten
		case <-ctx.Done():
			return ctx.Err()
		}
		o.settled(e)
	}
	return nil
}

// refused counts a try in vain, and says that it was not the first ones: a ledger that is away lets the lease lapse before so many.
func (o *outage) refused(e *entry) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	e.tries++
	return e.tries > mostTries
}

func (o *outage) arrive(ctx context.Context, e *entry) error {
	epoch, ok := o.c.cfg.Lease.Epoch()
	if !ok {
		return telephony.ErrNoDecision
	}
	limited, cancel := verb(ctx)
	defer cancel()
	call, _, err := o.c.cfg.Ledger.Arrive(limited, epoch, *e.Arrival)
	switch {
	case err == nil, errors.Is(err, telephony.ErrUnstorable):
		e.call, e.err = call, err
		close(e.written)
	case errors.Is(err, telephony.ErrNotMaster):
		o.c.fail(err)
	}
	return err
}

// probe says by nil that the ledger answers.
func (o *outage) probe(ctx context.Context) error {
	limited, cancel := verb(ctx)
	defer cancel()
	_, err := o.c.cfg.Ledger.Pending(limited)
	return err
}

// drainEnds stores the ends of legs. A call that lives here stores them by itself: it is only waited for, and one that does not
// come to it holds nobody up.
func (o *outage) drainEnds(ctx context.Context) error {
	var open []telephony.Call
	var passed []*entry
	asked := false
	for e := o.next(false, passed); e != nil; e = o.next(false, passed) {
		if a := o.c.ofLeg(e.Left.Leg); a != nil {
			if !o.heardBy(ctx, a) {
				passed = append(passed, e)
				continue
			}
		} else {
			var err error
			if !asked {
				if open, err = o.c.openCalls(ctx); err != nil {
					return err
				}
				asked = true
			}
			if open, err = o.endLate(ctx, open, *e.Left); err != nil {
				return err
			}
		}
		select {
		case <-e.safe:
		case <-ctx.Done():
			return ctx.Err()
		}
		o.settled(e)
	}
	return nil
}

// heardBy says that a call has dealt with everything that it was told before.
func (o *outage) heardBy(ctx context.Context, a *actor) bool {
	limited, cancel := context.WithTimeout(ctx, rowPatience)
	defer cancel()
	return o.c.command(limited, a, telephony.TimePassed{}, byController, nil) == nil
}

// endLate stores the end of a leg in the open call that it belongs to, if it belongs to one still.
func (o *outage) endLate(ctx context.Context, open []telephony.Call, l telephony.Left) ([]telephony.Call, error) {
	i := slices.IndexFunc(open, func(c telephony.Call) bool {
		return c.Channel == l.Leg || slices.ContainsFunc(c.Parts, func(p telephony.Participant) bool { return p.Leg == l.Leg })
	})
	if i < 0 || o.c.calls.byCall(open[i].ID) != nil { // who has it now hears of its legs from the exchange
		return open, nil
	}
	after, records := telephony.EndLate(open[i], l)
	if err := o.c.saveLate(ctx, open[i], after, records, l.At); err != nil {
		return open, err
	}
	open[i] = after
	if after.Phase == telephony.PhaseEnded {
		open = slices.Delete(open, i, i+1)
	}
	return open, nil
}
