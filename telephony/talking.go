package telephony

import "hotline/agent"

// legJoined counts a leg that has entered the talk bridge, unless it is dying: a channel that was hung up may still pass
// through (telephony.md 2.4).
func (s *step) legJoined(leg LegID) {
	l := &s.c.Live
	switch {
	case leg == s.c.Channel:
		l.CallerIn = !l.CallerDying
	case s.seatLeg(leg):
		l.SeatIn = !l.SeatDying
	default:
		return
	}
	if l.CallerIn && l.SeatIn {
		s.together()
	}
}

// legParted only notes: who leaves the bridge is on the way somewhere else, or an end follows.
func (s *step) legParted(leg LegID) {
	switch {
	case leg == s.c.Channel:
		s.c.Live.CallerIn = false
	case s.seatLeg(leg):
		s.c.Live.SeatIn = false
	}
}

// together: both hear each other.
func (s *step) together() {
	switch s.c.State {
	case StateConnecting:
		o := s.setOffer(func(o *Offer) { o.State, o.ClosedAt = OfferAccepted, s.now })
		s.c.Seat = o.Seat
		if s.c.AnsweredAt.IsZero() {
			s.c.AnsweredAt = s.now
		}
		s.setWork(SeatWork{Seat: o.Seat, Work: agent.WorkEngaged})
		s.do(LeaveLine{Line: s.c.Line})
	case StateReconnecting:
	case StateArrived, StateScreening, StateQueued, StateOffered, StateTalking, StateEnded:
		return
	}
	s.c.State = StateTalking
	s.record(
		RecordLeg{Leg{Channel: s.c.Channel, Role: roleCaller, Joined: s.now}},
		RecordLeg{Leg{Channel: s.c.Offer.Leg, Role: roleOfficial, Seat: s.c.Offer.Seat, Joined: s.now}})
	s.tell("call.talking", s.c.Offer, nil)
	s.do(StopTimer{Timer: TimerConnect}, StopTimer{Timer: TimerGrace}, StopTimer{Timer: TimerRetry})
}

// seatDying: the seat's leg is on its way out. While it rings, the telephone's answer comes with the end; once it has
// answered, the conversation has lost its seat.
func (s *step) seatDying(leg LegID) {
	if !s.seatLeg(leg) {
		return
	}
	s.c.Live.SeatDying = true
	sip := s.c.Offer.Phone == agent.PhoneSIP
	switch s.c.State {
	case StateConnecting:
		if sip {
			s.giveUpOffer(OfferDeclined, "telephone_hung_up", seatRests)
		} else {
			s.giveUpOffer(OfferDeviceFailed, "leg_lost", seatOut)
		}
	case StateTalking:
		if sip { // its hang-up key is the only one that there is
			s.end(OutcomeAnsweredOfficial, causeSeat)
		} else {
			s.reconnect("leg_lost")
		}
	case StateReconnecting:
		if s.c.Live.CallerIn {
			s.hold()
		}
		s.waitForSeat()
	case StateArrived, StateScreening, StateQueued, StateOffered, StateEnded:
	}
}

// hungUp: a person of ours ends it.
func (s *step) hungUp() {
	switch s.c.State {
	case StateConnecting:
		s.giveUpOffer(OfferDeclined, "hung_up", seatRests)
	case StateTalking, StateReconnecting:
		s.end(OutcomeAnsweredOfficial, causeSeat)
	case StateArrived, StateScreening, StateQueued, StateOffered, StateEnded:
	}
}

// pageReplaced: the page that rang or talked is gone, whether its leg has ended yet or not.
func (s *step) pageReplaced() {
	if s.c.Offer == nil || s.c.Offer.Phone != agent.PhoneBrowser {
		return
	}
	switch s.c.State {
	case StateOffered, StateConnecting:
		s.giveUpOffer(OfferDeviceFailed, "page_reloaded", seatOut)
	case StateTalking:
		s.reconnect("page_reloaded")
	case StateReconnecting:
		if s.c.Offer.Leg != "" {
			s.do(Hangup{Leg: s.c.Offer.Leg, Reason: reasonNormal})
			if s.c.Live.CallerIn {
				s.hold()
			}
			s.waitForSeat()
		}
	case StateArrived, StateScreening, StateQueued, StateEnded:
	}
}

// reconnect keeps the caller while the seat's telephone comes back (A11).
func (s *step) reconnect(reason string) {
	s.c.State = StateReconnecting
	lost := s.c.Offer.Leg
	s.record(RecordLeg{Leg{Channel: lost, Role: roleOfficial, Seat: s.c.Offer.Seat, Left: s.now, Cause: reason}})
	s.tell("call.reconnecting", s.c.Offer, nil)
	s.do(StopTimer{Timer: TimerConnect})
	if !s.c.Live.SeatDying {
		s.do(Hangup{Leg: lost, Reason: reasonNormal})
	}
	s.hold()
	s.play(mediaReconnecting)
	s.do(SetTimer{Timer: TimerGrace, At: s.now.Add(s.c.Rules.Grace)})
	s.waitForSeat()
}

// waitForSeat gives a leg up; the next is made when the telephone reports, or after a while without a report.
func (s *step) waitForSeat() {
	s.setOffer(func(o *Offer) { o.Leg = "" })
	s.newSeatLeg()
	s.do(StopTimer{Timer: TimerConnect}, SetTimer{Timer: TimerRetry, At: s.now.Add(retryPause)})
}

// seatOnline: one re-registration is reported more than once, and a telephone that rings has reported best.
func (s *step) seatOnline() {
	if s.c.State != StateReconnecting {
		return
	}
	l := s.c.Live
	if s.c.Offer.Leg != "" && (l.SeatUp || l.SeatRinging || s.now.Sub(l.RungAt) < settlePause) {
		return
	}
	if s.c.Offer.Leg != "" {
		s.do(Hangup{Leg: s.c.Offer.Leg, Reason: reasonNormal})
		s.waitForSeat()
	}
	s.do(AskSeat{Seat: s.c.Offer.Seat})
}

// seatKnown rings the same person at the same seat again; whoever else sits there now was not in this conversation.
func (s *step) seatKnown(e SeatKnown) {
	if s.c.State != StateReconnecting || s.c.Offer.Leg != "" || e.Seat.Seat != s.c.Offer.Seat {
		return
	}
	if e.Seat.Person != s.c.Offer.Person || e.Seat.Endpoint == "" {
		s.do(SetTimer{Timer: TimerRetry, At: s.now.Add(retryPause)})
		return
	}
	s.newSeatLeg()
	s.c.Live.RungAt = s.now
	o := s.setOffer(func(o *Offer) { o.Leg, o.Endpoint, o.Phone = e.Leg, e.Seat.Endpoint, e.Seat.Phone })
	s.record(RecordLeg{Leg{Channel: o.Leg, Role: roleOfficial, Seat: o.Seat}})
	s.talkBridge()
	s.ring(true)
}

// graceOver: the seat did not come back; the caller is served next, by whoever is free.
func (s *step) graceOver() {
	if s.c.State != StateReconnecting {
		return
	}
	o := *s.c.Offer
	if o.Leg != "" {
		s.do(Hangup{Leg: o.Leg, Reason: reasonNormal})
	}
	if s.c.Live.CallerIn {
		s.hold()
	}
	s.do(StopTimer{Timer: TimerConnect}, StopTimer{Timer: TimerRetry})
	s.wrapUp(o.Seat)
	s.c.Offer = nil
	s.newSeatLeg()
	s.c.State = StateQueued
	s.tell("call.requeued", &o, map[string]any{"offer_state": o.State, "reason": "seat_lost"})
	s.joinLine()
	s.do(DeleteBridge{Bridge: TalkBridge(s.c.ID)})
}
