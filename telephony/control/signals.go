package control

import (
	"context"

	"github.com/google/uuid"

	"hotline/telephony"
)

// First arguments with which a channel enters the application.
const (
	argSeat    = "seat"
	argInbound = "inbound"
)

const strayQueue = 1024

// route gives a signal to whom it is for. It never waits: a call that is busy has a mailbox.
func (c *Controller) route(ctx context.Context, sig telephony.Signal) {
	c.cfg.Trace.Mark("routed", string(telephony.LegIn(sig)))
	switch sig := sig.(type) {
	case telephony.Up:
		c.cfg.Log.InfoContext(ctx, "exchange heard", "entity", sig.Entity)
		c.sync.heard(sig.Entity)
		c.Reconcile()
	case telephony.Down:
		c.cfg.Log.WarnContext(ctx, "exchange not heard", "err", sig.Err)
		c.sync.deaf()
	case telephony.Replaced: // Run has seen it
	case telephony.Overflow:
		c.Reconcile()
	case telephony.Entered:
		c.entered(ctx, sig)
	case telephony.PlayDone:
		c.toCall(c.calls.byCall(telephony.PlaybackCall(sig.Playback)), sig)
	case telephony.EndpointChanged:
		c.toCall(c.calls.byPhone(sig.Endpoint), sig)
	case telephony.Unknown:
		c.cfg.Observer.Strange(sig.Type)
	case telephony.Answered:
		c.toCall(c.ofLeg(sig.Leg), sig)
	case telephony.Ringing:
		c.toCall(c.ofLeg(sig.Leg), sig)
	case telephony.EnteredBridge:
		c.toCall(c.ofLeg(sig.Leg), sig)
	case telephony.LeftBridge:
		c.toCall(c.ofLeg(sig.Leg), sig)
	case telephony.HangupRequested:
		c.outage.left(sig.Leg, sig.Soft)
		c.toCall(c.ofLeg(sig.Leg), sig)
	case telephony.LegLeft:
		c.outage.left(sig.Leg, false)
		c.toCall(c.ofLeg(sig.Leg), sig)
	case telephony.LegGone:
		c.outage.left(sig.Leg, false)
		c.toCall(c.ofLeg(sig.Leg), sig)
	}
}

// entered tells a citizen's leg from one of ours. One of ours that no living call waits for is late: it is never bridged.
func (c *Controller) entered(ctx context.Context, sig telephony.Entered) {
	if sig.Leg.Ours() || len(sig.Args) > 0 && sig.Args[0] == argSeat {
		c.cfg.Trace.Mark("seat answered", string(sig.Leg))
		switch a := c.ofLeg(sig.Leg); {
		case a == nil && !c.sync.whole(): // its call may not be adopted yet: the comparison that is due tells
			c.Reconcile()
		case a == nil || !a.post(signalled{sig}):
			c.sendAway(sig.Leg)
		}
		return
	}
	if len(sig.Args) > 1 && sig.Args[0] == argInbound {
		sig.Dialled = sig.Args[1]
	}
	c.arrive(ctx, telephony.Arrival{
		ID: telephony.CallID(newID()), Channel: sig.Leg, Entity: c.sync.entity(), Number: telephony.PhoneNumber(sig.Caller), Dialled: sig.Dialled,
		At: c.cfg.Now(), // not the exchange's time: its clock may be set otherwise (F26)
	}, false, false)
}

// ofLeg is the call of a leg in the run of the exchange that is heard.
func (c *Controller) ofLeg(leg telephony.LegID) *actor { return c.calls.byLeg(c.sync.entity(), leg) }

func (c *Controller) toCall(a *actor, sig telephony.Signal) {
	if a != nil {
		a.post(signalled{sig})
	}
}

// sendAway hangs up a leg that belongs to nothing.
func (c *Controller) sendAway(leg telephony.LegID) {
	select {
	case c.stray <- leg:
	default: // the reconciler finds it
		c.Reconcile()
	}
}

// letGo ends a citizen's leg that no call of ours goes on with. One that was never answered is not refused: it goes back to
// the dialplan's net (RT15).
func (c *Controller) letGo(ctx context.Context, leg telephony.LegID, up bool) {
	if up {
		c.sendAway(leg)
		return
	}
	limited, cancel := verb(ctx)
	defer cancel()
	if err := c.cfg.Switch.Return(limited, leg); err != nil {
		c.cfg.Log.WarnContext(ctx, "give a leg back to the dialplan", "leg", leg, "err", err)
	}
}

func (c *Controller) strayLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case leg := <-c.stray:
			limited, cancel := verb(ctx)
			if err := c.cfg.Switch.Hangup(limited, leg, reasonNormal); err != nil {
				c.cfg.Log.WarnContext(ctx, "hang up a stray leg", "leg", leg, "err", err)
			}
			cancel()
		}
	}
}

// eventOf says what a signal means to a call; nil when nothing.
func eventOf(c telephony.Call, sig telephony.Signal) telephony.Event {
	switch sig := sig.(type) {
	case telephony.Entered:
		if sig.Leg != c.Channel {
			return telephony.LegUp{Leg: sig.Leg}
		}
	case telephony.Answered: // a leg of ours is in the application only when it has entered
		if sig.Leg == c.Channel {
			return telephony.LegUp(sig)
		}
	case telephony.Ringing:
		return telephony.LegRings(sig)
	case telephony.EnteredBridge:
		return telephony.LegEntered(sig)
	case telephony.LeftBridge:
		return telephony.LegParted(sig)
	case telephony.HangupRequested:
		return telephony.LegDying(sig)
	case telephony.LegLeft:
		return telephony.LegDying{Leg: sig.Leg}
	case telephony.LegGone:
		return telephony.LegEnded{Leg: sig.Leg, Cause: sig.Cause, Asked: sig.Asked}
	case telephony.PlayDone:
		return telephony.PlayEnded{Playback: sig.Playback}
	case telephony.EndpointChanged:
		for _, p := range c.Parts {
			if p.Endpoint == sig.Endpoint && p.State != telephony.StateGone {
				if !sig.Online {
					return telephony.PhoneGone{Seat: p.Seat}
				}
				return telephony.SeatOnline{Seat: p.Seat}
			}
		}
	case telephony.Up, telephony.Down, telephony.Replaced, telephony.Overflow, telephony.Unknown:
	}
	return nil
}

// newID makes the id of a call or an offer. Go's random source does not fail, it ends the process.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
