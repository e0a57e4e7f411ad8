package telephony

import (
	"context"
	"errors"
	"time"
)

const (
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
)

func longer(pause time.Duration) time.Duration { return min(2*pause, lastPause) }

// rest waits; false when it is time to stop.
func rest(ctx context.Context, pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// save stores a change, however long the ledger is away: nothing is done that is not stored. Meanwhile the one clean-up
// that any master would do the same way is done: the partner of a leg that is gone is hung up (R4).
func (a *actor) save(ctx context.Context, ch Change) error {
	cleaned := ch.After.State != StateEnded || ch.Before.Offer == nil
	for pause := firstPause; ; pause = longer(pause) {
		err := a.trySave(ctx, ch)
		switch {
		case err == nil:
			if ch.Offer != nil && ch.Before.Offer == nil {
				crash("offer_committed")
			}
			return nil
		case errors.Is(err, ErrStale), errors.Is(err, ErrSeatTaken):
			return err
		case errors.Is(err, ErrNotMaster):
			a.c.fail(err)
			return err
		case !errors.Is(err, ErrNoDecision):
			a.c.cfg.Observer.Failed("save")
			a.c.cfg.Log.ErrorContext(ctx, "store a call", "call_id", ch.After.ID, "err", err)
		}
		if !cleaned {
			cleaned = true
			a.cleanUp(ctx, *ch.Before.Offer)
		}
		if !rest(ctx, pause) {
			return ctx.Err()
		}
	}
}

func (a *actor) trySave(ctx context.Context, ch Change) error {
	epoch, ok := a.c.cfg.Lease.Epoch()
	if !ok {
		return ErrNoDecision
	}
	ctx, cancel := verb(ctx)
	defer cancel()
	return a.c.cfg.Ledger.Save(ctx, epoch, ch)
}

func (a *actor) cleanUp(ctx context.Context, o Offer) {
	if o.Leg == "" {
		return
	}
	ctx, cancel := verb(ctx)
	defer cancel()
	if err := a.c.cfg.Switch.Hangup(ctx, o.Leg, reasonNormal); err != nil {
		a.c.cfg.Log.WarnContext(ctx, "hang up a leg whose partner is gone", "leg", o.Leg, "err", err)
	}
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
	fresh.Live = a.call.Live
	a.call = fresh
	a.c.calls.update(a, fresh)
	return true
}
