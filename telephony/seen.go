package telephony

// seen mends a call by what a snapshot shows (R2). It also continues the calls of a controller that died: those that it
// adopts have no timers yet.
func (s *step) seen(e Seen) {
	l := &s.c.Live
	l.CallerUp, l.CallerIn = e.CallerUp, e.CallerIn
	if e.Seat != "" && s.c.Offer != nil {
		l.SeatUp, l.SeatIn = e.SeatUp, e.SeatIn
		if e.Seat != s.c.Offer.Leg {
			s.setOffer(func(o *Offer) { o.Leg = e.Seat })
		}
	}
	if e.Adopted {
		s.do(Watch{Leg: s.c.Channel})
	}
	if s.c.Offer == nil && (s.c.State == StateOffered || inConversation(s.c.State)) {
		s.c.State = StateQueued // a row without its offer: the caller is what counts
		s.joinLine()
	}
	switch s.c.State {
	case StateArrived:
		s.arrived(e.CallerUp)
	case StateScreening:
		if e.Adopted { // the notice is a duty: it is played whole, from the start
			s.do(StopPlay{Playback: playbackID(s.c.ID, s.c.Version)})
			s.screen(e.CallerUp, e.CallerHeld)
		}
	case StateQueued:
		s.keepWaiting(e)
	case StateOffered:
		s.seenOffered(e)
	case StateConnecting:
		s.seenConnecting(e)
	case StateTalking:
		s.seenTalking(e)
	case StateReconnecting:
		s.seenReconnecting(e)
	case StateEnded:
	}
}

// keepWaiting answers and puts on hold whom a lost command has left in silence. Neither is done twice: both stop music.
func (s *step) keepWaiting(e Seen) {
	if !e.CallerUp {
		s.do(Answer{Leg: s.c.Channel})
	}
	if !e.CallerHeld {
		s.hold()
	}
}

func (s *step) seenOffered(e Seen) {
	s.keepWaiting(e)
	switch {
	case e.Seat != "" && e.SeatUp:
		s.c.Live.SeatUp = false // not yet told
		s.talkBridge()
		s.seatAnswered(e.Seat)
	case e.Seat != "":
		if e.Adopted {
			s.talkBridge()
			s.do(SetTimer{Timer: TimerRing, At: s.c.Offer.ExpiresAt})
		}
	case !e.Adopted:
		s.c.Live.SeatDying = true
		s.giveUpOffer(OfferDeviceFailed, "leg_missing", seatOut)
	case s.now.Before(s.c.Offer.ExpiresAt): // a crash between the commit and the ring (R5)
		s.c.Live.RungAt = s.now
		s.ring(false)
		s.talkBridge()
		s.do(SetTimer{Timer: TimerRing, At: s.c.Offer.ExpiresAt})
	default:
		s.giveUpOffer(OfferRescinded, "controller_restarted", seatIdle)
	}
}

func (s *step) seenConnecting(e Seen) {
	switch {
	case e.CallerIn && e.SeatIn:
		s.together()
	case e.Seat == "":
		s.c.Live.SeatDying = true
		s.giveUpOffer(OfferDeviceFailed, "leg_missing", seatOut)
	case e.Adopted:
		s.talkBridge()
		s.join()
	}
}

func (s *step) seenTalking(e Seen) {
	switch {
	case e.Seat == "":
		s.seatDying(s.c.Offer.Leg)
	case !e.CallerIn || !e.SeatIn:
		s.talkBridge()
		s.do(Join{Bridge: TalkBridge(s.c.ID), Legs: []LegID{s.c.Offer.Leg, s.c.Channel}})
	}
}

func (s *step) seenReconnecting(e Seen) {
	switch {
	case e.CallerIn && e.SeatIn:
		s.together()
		return
	case !e.Adopted && e.Seat == "" && s.c.Offer.Leg != "":
		s.waitForSeat()
	case !e.Adopted:
		return
	case e.Seat != "" && e.SeatUp:
		s.talkBridge()
		s.join()
	case e.Seat == "":
		s.waitForSeat()
	}
	if !e.CallerHeld && !e.SeatUp {
		s.hold()
	}
	if e.Adopted {
		s.do(SetTimer{Timer: TimerGrace, At: s.now.Add(s.c.Rules.Grace)})
	}
}
