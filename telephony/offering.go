package telephony

import "hotline/agent"

// Q.850 causes of a seat's leg that say something about the telephone (telephony.md 2.5).
const (
	causeUserBusy     = 17
	causeNoUser       = 18
	causeNoAnswer     = 19
	causeCallRejected = 21
)

// seatAfter is what becomes of a seat whose offer came to nothing.
type seatAfter int

const (
	seatIdle  seatAfter = iota
	seatRests           // idle, but not rung again at once
	seatOut             // its telephone must report first
)

// offered commits an offer, then rings. The seat's ring goes first: everything else can wait.
func (s *step) offered(o Offer) {
	if s.c.State != StateQueued {
		return
	}
	s.c.State = StateOffered
	s.newSeatLeg()
	s.c.Live.RungAt = s.now
	s.c.Offer = &o
	s.setWork(SeatWork{Seat: o.Seat, Work: agent.WorkOffered, Offer: o.ID})
	s.setOffer(func(*Offer) {})
	s.tell("call.offered", s.c.Offer, map[string]any{
		"masked": s.c.Masked, "place": s.c.Place, "queued_at": s.c.QueuedAt,
		"offered_at": o.OfferedAt, "expires_at": o.ExpiresAt,
	})
	s.ring(false)
	s.talkBridge()
	s.do(SetTimer{Timer: TimerRing, At: o.ExpiresAt})
}

// talkBridge is made while the telephone rings: from the answer to the first word it takes one request.
func (s *step) talkBridge() {
	s.do(EnsureBridge{Bridge: TalkBridge(s.c.ID), Kind: BridgeMixing})
}

func (s *step) ring(resume bool) {
	limit := s.c.Offer.ExpiresAt.Sub(s.now)
	if resume {
		limit = s.c.Rules.Grace
	}
	s.do(Ring{RingRequest{
		Leg: s.c.Offer.Leg, Endpoint: s.c.Offer.Endpoint, Caller: s.c.Channel, CallerID: s.c.Masked,
		Limit: limit + ringBackstop, Resume: resume,
	}})
}

func (s *step) seatRinging(leg LegID) {
	if !s.seatLeg(leg) || s.c.Live.SeatRinging || s.c.Live.SeatUp {
		return
	}
	s.c.Live.SeatRinging = true
	if s.c.State == StateOffered {
		s.setOffer(func(o *Offer) { o.RingingAt = s.now })
		s.tell("call.ringing", s.c.Offer, nil)
	}
}

// seatAnswered brings the parties together, or sends a telephone away that answers for an offer that is over.
func (s *step) seatAnswered(leg LegID) {
	if !s.seatLeg(leg) {
		s.do(Hangup{Leg: leg, Reason: reasonNormal})
		return
	}
	if s.c.Live.SeatUp || s.c.Live.SeatDying {
		return
	}
	switch s.c.State {
	case StateOffered:
		s.c.Live.SeatUp = true
		s.c.State = StateConnecting
		s.tell("call.connecting", s.c.Offer, nil)
		s.do(StopTimer{Timer: TimerRing})
		s.join()
	case StateReconnecting:
		s.c.Live.SeatUp = true
		s.join()
	case StateArrived, StateScreening, StateQueued, StateConnecting, StateTalking, StateEnded:
	}
}

// join posts both legs into the talk bridge. Its success is the legs' own report, or the timer's failure.
func (s *step) join() {
	s.stopPlay()
	s.do(Join{Bridge: TalkBridge(s.c.ID), Legs: []LegID{s.c.Offer.Leg, s.c.Channel}},
		SetTimer{Timer: TimerConnect, At: s.now.Add(connectLimit)})
}

// giveUpOffer closes an open offer that came to nothing; the caller goes back to the old place, which is the head.
func (s *step) giveUpOffer(state OfferState, reason string, after seatAfter) {
	o := s.closeOffer(state, reason, after)
	moved := s.c.State == StateConnecting
	s.c.State = StateQueued
	s.tell("call.requeued", &o, map[string]any{"offer_state": state, "reason": reason})
	if moved {
		s.hold()
	}
	s.joinLine()
	s.do(DeleteBridge{Bridge: TalkBridge(s.c.ID)})
}

// closeOffer ends an open offer and lets the seat go.
func (s *step) closeOffer(state OfferState, reason string, after seatAfter) Offer {
	o := s.setOffer(func(o *Offer) { o.State, o.Reason, o.ClosedAt = state, reason, s.now })
	s.setWork(SeatWork{Seat: o.Seat, Work: agent.WorkIdle, Miss: state == OfferExpired})
	s.do(StopTimer{Timer: TimerRing}, StopTimer{Timer: TimerConnect})
	if !s.c.Live.SeatDying {
		s.do(Hangup{Leg: o.Leg, Reason: reasonNormal})
	}
	s.freeSeat(o.Seat, after)
	s.c.Offer = nil
	s.newSeatLeg()
	return o
}

func (s *step) freeSeat(seat agent.SeatID, after seatAfter) {
	free := FreeSeat{Line: s.c.Line, Seat: seat, Since: s.now}
	switch after {
	case seatIdle:
	case seatRests:
		free.After = declinePause
	case seatOut:
		free.Out = true
	}
	s.do(free)
}

func (s *step) declined(e Declined) {
	if s.c.State == StateOffered && s.c.Offer.ID == e.Offer {
		s.giveUpOffer(OfferDeclined, e.Reason, seatRests)
	}
}

func (s *step) ringFailed(e RingFailed) {
	if !s.seatLeg(e.Leg) {
		return
	}
	switch s.c.State {
	case StateOffered:
		if e.Offline {
			s.c.Live.SeatDying = true // there is no leg
			s.giveUpOffer(OfferDeviceFailed, "offline", seatOut)
		} else {
			s.giveUpOffer(OfferRescinded, "exchange", seatRests)
		}
	case StateReconnecting:
		if !e.Offline { // the reply was lost, perhaps, and the telephone rings
			s.do(Hangup{Leg: e.Leg, Reason: reasonNormal})
		}
		s.waitForSeat()
	case StateArrived, StateScreening, StateQueued, StateConnecting, StateTalking, StateEnded:
	}
}

// seatGone reads from the leg's end what the telephone said to an offer. A ring timeout of the exchange and a telephone's
// own 480 bear the same cause; only the latter was asked for.
func (s *step) seatGone(e SeatGone) {
	if s.c.State != StateOffered || !s.seatLeg(e.Leg) {
		s.seatDying(e.Leg)
		return
	}
	s.c.Live.SeatDying = true
	switch {
	case e.Cause == causeNoAnswer && !e.Asked:
		s.giveUpOffer(OfferExpired, "ring_timeout", seatIdle)
	case e.Cause == causeUserBusy:
		s.giveUpOffer(OfferDeclined, "telephone_busy", seatRests)
	case e.Cause == causeCallRejected:
		s.giveUpOffer(OfferDeclined, "telephone_refused", seatRests)
	case e.Cause == causeNoAnswer, e.Cause == causeNoUser:
		s.giveUpOffer(OfferDeclined, "telephone_unavailable", seatRests)
	default:
		s.giveUpOffer(OfferDeviceFailed, "telephone_failed", seatOut)
	}
}

// notConnected: the seat answered, but the parties did not come together in time.
func (s *step) notConnected() {
	switch s.c.State {
	case StateConnecting:
		s.giveUpOffer(OfferRescinded, "not_connected", seatRests)
	case StateReconnecting:
		if s.c.Live.SeatUp {
			s.do(Hangup{Leg: s.c.Offer.Leg, Reason: reasonNormal})
			s.hold()
			s.waitForSeat()
		}
	case StateArrived, StateScreening, StateQueued, StateOffered, StateTalking, StateEnded:
	}
}
