package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hotline/telephony"
)

const forgetAgain = time.Second

// netCalls reads what the dialplan's net has written of the calls that it kept (R1). It is asked before the exchange is looked
// at: a call that stands here and is not there any more is over.
func (c *Controller) netCalls(ctx context.Context) []telephony.NetCall {
	if c.cfg.Net == nil {
		return nil
	}
	calls, err := c.cfg.Net.Calls()
	if err != nil {
		c.cfg.Observer.Alarmed("net")
		c.cfg.Log.ErrorContext(ctx, "ALARM: what the net has written can not be read in full", "err", err)
	}
	return calls
}

// backfill records the calls that came and went while no controller listened: no call without a row. One that goes on is left to
// the next comparison, one that has a row to whom it belongs.
func (c *Controller) backfill(ctx context.Context, calls []telephony.NetCall, v *view) error {
	if c.cfg.Net == nil {
		return nil
	}
	var open []telephony.LegID
	recorded := 0
	for _, n := range calls {
		if _, there := v.channels[n.Channel]; there || c.calls.byLeg(v.entity, n.Channel) != nil {
			open = append(open, n.Channel)
			continue
		}
		created, err := c.missed(ctx, n, v)
		if err != nil {
			return err
		}
		if created {
			recorded++
		}
	}
	if recorded > 0 {
		c.cfg.Log.InfoContext(ctx, "recorded calls that came while no controller listened", "calls", recorded)
	}
	more, err := c.cfg.Net.Forget(open)
	if more { // numbers do not lie about for longer than need be
		time.AfterFunc(forgetAgain, c.Reconcile)
	}
	return err
}

// missed records one call, and says whether that was to be done.
func (c *Controller) missed(ctx context.Context, n telephony.NetCall, v *view) (bool, error) {
	epoch, ok := c.cfg.Lease.Epoch()
	if !ok {
		return false, telephony.ErrNoDecision
	}
	limited, cancel := verb(ctx)
	defer cancel()
	call, created, err := c.cfg.Ledger.Arrive(limited, epoch, telephony.Arrival{
		ID: telephony.CallID(newID()), Channel: n.Channel, Entity: v.runOf(n.Began), Number: n.Number, Dialled: n.Dialled, At: v.ours(n.Began, v.at),
	})
	switch {
	case errors.Is(err, telephony.ErrUnstorable): // nor will it be the next time
		c.cfg.Observer.Alarmed("unstorable")
		c.cfg.Log.ErrorContext(ctx, "ALARM: a call of the net can not be recorded", "leg", n.Channel, "err", err)
		return false, nil
	case err != nil:
		return false, fmt.Errorf("record a call of the net: %w", err)
	case call.Phase != telephony.PhaseArrived: // its story is told
		return created, nil
	}
	at := v.at
	if !n.Ended.IsZero() {
		at = v.ours(n.Ended, v.at)
	}
	after, records := telephony.Missed(call, at)
	return true, c.saveLate(ctx, call, after, records, at)
}

// saveLate stores a step of a call that no actor runs.
func (c *Controller) saveLate(ctx context.Context, before, after telephony.Call, records []telephony.Record, at time.Time) error {
	ch, store := telephony.Gather(before, after, records, byController, at)
	epoch, ok := c.cfg.Lease.Epoch()
	if !store {
		return nil
	}
	if !ok {
		return telephony.ErrNoDecision
	}
	limited, cancel := verb(ctx)
	defer cancel()
	switch err := c.cfg.Ledger.Save(limited, epoch, ch); {
	case errors.Is(err, telephony.ErrUnstorable):
		c.cfg.Observer.Alarmed("unstorable")
		c.cfg.Log.ErrorContext(ctx, "ALARM: the end of a call can not be stored", "call_id", after.ID, "err", err)
		return nil // the comparison finds the call without its leg
	case errors.Is(err, telephony.ErrStale): // somebody else was first
		return nil
	case errors.Is(err, telephony.ErrNotMaster):
		c.fail(err)
		return err
	default:
		return err
	}
}
