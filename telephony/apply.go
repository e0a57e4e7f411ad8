package telephony

import "time"

// Apply decides. It touches nothing: same call, same event, same answer. An event that comes too late for the state
// leaves the call as it is, so duplicated and reordered events have no effect beyond the first (F19).
//
// The version goes up by one when the step must be stored.
func Apply(c Call, e Event, now time.Time) (Call, []Effect) {
	s := &step{c: c, now: now}
	if c.State == StateEnded {
		s.afterEnd(e)
		return s.c, s.effects
	}
	s.apply(e)
	if s.records || !sameRow(c, s.c) {
		s.c.Version = c.Version + 1
	}
	return s.c, s.effects
}

// sameRow tells whether two calls would be stored alike.
func sameRow(a, b Call) bool {
	if (a.Offer == nil) != (b.Offer == nil) || a.Offer != nil && *a.Offer != *b.Offer {
		return false
	}
	a.Offer, b.Offer = nil, nil
	a.Live, b.Live = Live{}, Live{}
	return a == b
}

// step is one run of Apply: the call as it becomes, and what must follow.
type step struct {
	c       Call
	now     time.Time
	effects []Effect
	records bool
}

func (s *step) do(effects ...Effect) { s.effects = append(s.effects, effects...) }

func (s *step) record(effects ...Effect) {
	s.records = true
	s.do(effects...)
}

func (s *step) apply(e Event) {
	switch e := e.(type) {
	case Arrived:
		s.arrived(e.Up)
	case PlayEnded:
		s.playEnded(e.Playback)
	case TimerFired:
		s.timerFired(e.Timer)
	case OfferMade:
		s.offered(e.Offer)
	case SeatRinging:
		s.seatRinging(e.Leg)
	case SeatAnswered:
		s.seatAnswered(e.Leg)
	case LegJoined:
		s.legJoined(e.Leg)
	case LegParted:
		s.legParted(e.Leg)
	case SeatDying:
		s.seatDying(e.Leg)
	case SeatGone:
		s.seatGone(e)
	case RingFailed:
		s.ringFailed(e)
	case CallerLeft:
		s.callerLeft(e.Soft)
	case Declined:
		s.declined(e)
	case HungUp:
		s.hungUp()
	case PageReplaced:
		s.pageReplaced()
	case SeatOnline:
		s.seatOnline()
	case SeatKnown:
		s.seatKnown(e)
	case Seen:
		s.seen(e)
	case Lost:
		s.lost(e.Restarted)
	}
}

// afterEnd lets nothing change an ended call; a telephone that answers for it is sent away.
func (s *step) afterEnd(e Event) {
	if answered, ok := e.(SeatAnswered); ok {
		s.do(Hangup{Leg: answered.Leg, Reason: reasonNormal})
	}
}

// Refuse says why a person's command can not be applied, nil if it can.
func Refuse(c Call, e Event) error {
	if cmd, ok := e.(Declined); ok {
		if c.State != StateOffered || c.Offer == nil || c.Offer.ID != cmd.Offer {
			return ErrOfferClosed
		}
	}
	if _, ok := e.(HungUp); ok && c.State != StateEnded && !inConversation(c.State) {
		return ErrNotInCall
	}
	return nil
}

func inConversation(s State) bool {
	return s == StateConnecting || s == StateTalking || s == StateReconnecting
}

func (s *step) timerFired(t Timer) {
	switch t {
	case TimerNotice:
		if s.c.State == StateScreening {
			if pb := s.c.Live.Playback; pb != "" {
				s.do(StopPlay{Playback: pb})
			}
			s.screened()
		}
	case TimerRing:
		if s.c.State == StateOffered && !s.now.Before(s.c.Offer.ExpiresAt) {
			s.giveUpOffer(OfferExpired, "ring_timeout", seatIdle)
		}
	case TimerConnect:
		s.notConnected()
	case TimerGrace:
		s.graceOver()
	case TimerRetry:
		if s.c.State == StateReconnecting && s.c.Offer.Leg == "" {
			s.do(AskSeat{Seat: s.c.Offer.Seat})
		}
	}
}

// setOffer changes the offer in a copy: the call given to Apply keeps its own.
func (s *step) setOffer(change func(*Offer)) Offer {
	o := *s.c.Offer
	change(&o)
	s.c.Offer = &o
	s.record(StoreOffer{Offer: o})
	return o
}

// seatLeg says that the leg is the one of the seat that this call deals with.
func (s *step) seatLeg(leg LegID) bool {
	return leg != "" && s.c.Offer != nil && s.c.Offer.Leg == leg
}

// newSeatLeg forgets what was known of the seat's former leg.
func (s *step) newSeatLeg() {
	l := &s.c.Live
	l.SeatUp, l.SeatDying, l.SeatIn, l.SeatRinging, l.RungAt = false, false, false, false, time.Time{}
}
