package control

import (
	"context"
	"errors"

	"hotline/telephony"
)

// save stores a change, however long the ledger is away: nothing is done that is not stored. What it will never take is
// ErrUnstorable. Meanwhile the one clean-up that any master would do the same way is done (R4).
func (a *actor) save(ctx context.Context, ch telephony.Change) error {
	mourned := make(map[telephony.Act]bool) // what was done already
	for pause := firstPause; ; pause = longer(pause) {
		err := a.trySave(ctx, ch)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, telephony.ErrStale), errors.Is(err, telephony.ErrSeatTaken), errors.Is(err, telephony.ErrUnstorable):
			return err
		case errors.Is(err, telephony.ErrNotMaster):
			a.c.fail(err)
			return err
		case !errors.Is(err, telephony.ErrNoDecision):
			a.c.cfg.Observer.Failed("save")
			a.c.cfg.Log.ErrorContext(ctx, "store a call", "call_id", ch.After.ID, "err", err)
		}
		a.cleanUp(ctx, ch, mourned)
		if !a.c.outage.rest(ctx, pause) {
			return ctx.Err()
		}
	}
}

// trySave stores a change once; an offer, the first time, together with what ends at its seat. What is not stored with it, whoever
// ends stores alone.
func (a *actor) trySave(ctx context.Context, ch telephony.Change) error {
	changes := []telephony.Change{ch}
	var from *passing
	if m := a.takes; m != nil && m.from != nil && !m.from.tried {
		from = m.from
		from.tried = true
		changes = []telephony.Change{from.ends, ch}
	}
	err := telephony.ErrNoDecision
	if epoch, ok := a.c.cfg.Lease.Epoch(); ok {
		limited, cancel := verb(ctx)
		defer cancel()
		err = a.c.cfg.Ledger.Save(limited, epoch, changes...)
	}
	if from != nil {
		from.answer(err)
	}
	return err
}

// cleanUp does for the people in the call what can be done before it is stored: whose partner has gone is hung up, and a
// citizen whose official has gone hears that it goes on (RT5). Who goes while it waits is not heard yet, and is mourned all the
// same: the mailbox is looked into, nothing is taken out. What did not succeed is tried again.
func (a *actor) cleanUp(ctx context.Context, ch telephony.Change, done map[telephony.Act]bool) {
	acts := telephony.CleanUp(ch.Before, ch.After)
	now := ch.After
	for _, m := range a.box.peek() {
		said, ok := m.(signalled)
		if !ok {
			continue
		}
		if e := eventOf(now, said.Signal); ends(e) {
			next, _ := telephony.Apply(now, e, a.c.cfg.Now())
			acts = append(acts, telephony.CleanUp(now, next)...)
			now = next
		}
	}
	for _, act := range acts {
		if done[act] {
			continue
		}
		limited, cancel := verb(ctx)
		err := a.c.do(limited, act)
		cancel()
		_, words := act.(telephony.Play) // asked for twice, the exchange would say them twice
		done[act] = err == nil || words
		if err != nil {
			a.c.cfg.Log.WarnContext(ctx, "clean up before a call is stored", "call_id", ch.After.ID, "err", err)
		}
	}
}

// ends says that an event is somebody's end.
func ends(e telephony.Event) bool {
	_, dying := e.(telephony.LegDying)
	_, gone := e.(telephony.LegEnded)
	return dying || gone
}

// reload takes the row as it is now, after someone else has changed it.
func (a *actor) reload(ctx context.Context) bool {
	ctx, cancel := verb(ctx)
	defer cancel()
	fresh, err := a.c.cfg.Ledger.Call(ctx, a.call.ID)
	if err != nil {
		a.c.cfg.Log.ErrorContext(ctx, "reload a call", "call_id", a.call.ID, "err", err)
		return false
	}
	if fresh.Phase == a.call.Phase { // who takes part is this actor's to say, and not all of it is stored
		fresh.Parts, fresh.Offers, fresh.Segment, fresh.Skips = a.call.Parts, a.call.Offers, a.call.Segment, a.call.Skips
	}
	fresh.Seen, fresh.Cue = a.call.Seen, a.call.Cue
	a.call = fresh
	a.c.calls.update(a, fresh)
	return true
}
