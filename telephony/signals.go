package telephony

import (
	"context"

	"github.com/google/uuid"
)

// First arguments with which a channel enters the application.
const (
	argSeat    = "seat"
	argInbound = "inbound"
)

// route gives a signal to whom it is for. It never waits: a call that is busy has a mailbox.
func (c *Controller) route(ctx context.Context, sig Signal) {
	switch sig := sig.(type) {
	case Up:
		c.cfg.Log.InfoContext(ctx, "exchange heard", "entity", sig.Entity)
		c.sync.heard(sig.Entity)
		c.Reconcile()
	case Down:
		c.cfg.Log.WarnContext(ctx, "exchange not heard", "err", sig.Err)
		c.sync.deaf()
	case Replaced: // Run has seen it
	case Overflow:
		c.Reconcile()
	case Entered:
		c.entered(ctx, sig)
	case PlayDone:
		c.toCall(c.calls.byCall(playbackCall(sig.Playback)), sig)
	case EndpointChanged:
		c.endpointChanged(sig)
	case Unknown:
		c.cfg.Observer.Strange(sig.Type)
	case Answered:
		c.toCall(c.calls.byLeg(sig.Leg), sig)
	case Ringing:
		c.toCall(c.calls.byLeg(sig.Leg), sig)
	case EnteredBridge:
		c.toCall(c.calls.byLeg(sig.Leg), sig)
	case LeftBridge:
		c.toCall(c.calls.byLeg(sig.Leg), sig)
	case HangupRequested:
		c.toCall(c.calls.byLeg(sig.Leg), sig)
	case LegLeft:
		c.toCall(c.calls.byLeg(sig.Leg), sig)
	case LegGone:
		c.toCall(c.calls.byLeg(sig.Leg), sig)
	}
}

// entered tells a citizen's leg from a seat's. A seat leg that no living call waits for is late: it is never bridged.
func (c *Controller) entered(ctx context.Context, sig Entered) {
	if len(sig.Args) > 0 && sig.Args[0] == argSeat {
		a := c.calls.byLeg(sig.Leg)
		if a == nil || !c.post(a, message{signal: sig}) {
			c.sendAway(sig.Leg)
		}
		return
	}
	if len(sig.Args) > 1 && sig.Args[0] == argInbound {
		sig.Dialled = sig.Args[1]
	}
	c.arrive(ctx, Arrival{
		ID: CallID(newID()), Channel: sig.Leg, Entity: c.sync.entity(), Number: PhoneNumber(sig.Caller), Dialled: sig.Dialled, At: sig.At,
	}, false)
}

func (c *Controller) endpointChanged(sig EndpointChanged) {
	if !sig.Online {
		return // going offline alone ends nothing: the leg's own end does
	}
	if a := c.calls.byPhone(sig.Endpoint); a != nil {
		c.post(a, message{event: SeatOnline{}})
	}
}

func (c *Controller) toCall(a *actor, sig Signal) {
	if a != nil {
		c.post(a, message{signal: sig})
	}
}

// sendAway hangs up a leg that belongs to nothing.
func (c *Controller) sendAway(leg LegID) {
	select {
	case c.stray <- leg:
	default: // the reconciler finds it
		c.Reconcile()
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
func eventOf(c Call, sig Signal) Event {
	switch sig := sig.(type) {
	case Entered:
		if len(sig.Args) > 0 && sig.Args[0] == argSeat {
			return SeatAnswered{Leg: sig.Leg}
		}
	case Ringing:
		return SeatRinging(sig)
	case EnteredBridge:
		if sig.Bridge == TalkBridge(c.ID) {
			return LegJoined{Leg: sig.Leg}
		}
	case LeftBridge:
		if sig.Bridge == TalkBridge(c.ID) {
			return LegParted{Leg: sig.Leg}
		}
	case HangupRequested:
		if sig.Leg == c.Channel {
			return CallerLeft{Soft: sig.Soft}
		}
		return SeatDying{Leg: sig.Leg}
	case LegLeft:
		if sig.Leg == c.Channel {
			return CallerLeft{}
		}
		return SeatDying(sig)
	case LegGone:
		if sig.Leg == c.Channel {
			return CallerLeft{}
		}
		return SeatGone(sig)
	case PlayDone:
		return PlayEnded{Playback: sig.Playback}
	case Answered, Up, Down, Replaced, Overflow, EndpointChanged, Unknown:
	}
	return nil
}

// newID makes the id of a call, an offer or a leg. Go's random source does not fail, it ends the process.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// ourLeg says that a channel's id was made by newID: it is a seat's.
func ourLeg(leg LegID) bool {
	id, err := uuid.Parse(string(leg))
	return err == nil && id.Version() == 7
}
