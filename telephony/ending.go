package telephony

import "hotline/agent"

// Who or what ended a call.
const (
	causeCaller     = "caller"
	causeSeat       = "seat"
	causeController = "controller"
	causeLost       = "lost"     // its channel was gone when we looked
	causePlatform   = "platform" // the exchange let it fall
)

const (
	reasonNormal = "normal"
	roleCaller   = "caller"
	roleOfficial = "official"
)

// callerLeft: the citizen is gone, or the leg is dying, which comes to the same.
func (s *step) callerLeft(soft bool) {
	s.c.Live.CallerDying = true
	cause := causeCaller
	if soft {
		cause = causePlatform
	}
	s.end(s.leftFrom(), cause)
}

// leftFrom is the outcome of a citizen's leaving now.
func (s *step) leftFrom() Outcome {
	if !s.c.AnsweredAt.IsZero() {
		return OutcomeAnsweredOfficial
	}
	switch s.c.State {
	case StateOffered, StateConnecting:
		return OutcomeAbandonedRinging
	case StateQueued:
		if s.now.Sub(s.c.QueuedAt) > ShortAbandon {
			return OutcomeAbandonedInQueue
		}
	case StateArrived, StateScreening, StateTalking, StateReconnecting, StateEnded:
		if outcome := s.turnedAway(); outcome != "" {
			return outcome
		}
	}
	return OutcomeAbandonedShort
}

// lost closes a call whose channel a snapshot does not show; when and why it ended, nobody saw.
func (s *step) lost(restarted bool) {
	s.c.Live.CallerDying = true
	cause := causeLost
	if restarted {
		cause = causePlatform
	}
	outcome := OutcomeSystemFailure
	switch {
	case !s.c.AnsweredAt.IsZero():
		outcome = OutcomeAnsweredOfficial
	case s.c.State == StateArrived || s.c.State == StateScreening:
		if away := s.turnedAway(); away != "" {
			outcome = away
		}
	}
	s.end(outcome, cause)
}

// end is the one way to the last state: one outcome, the seat let go, nothing left in the exchange.
func (s *step) end(outcome Outcome, cause string) {
	was := s.c.State
	seat := s.c.Seat
	switch {
	case s.c.Offer == nil:
	case s.c.Offer.State == OfferOpen:
		seat = s.c.Offer.Seat
		state := OfferCallerLeft
		if cause != causeCaller {
			state = OfferRescinded
		}
		s.closeOffer(state, cause, seatIdle)
	default:
		s.endConversation(cause)
	}
	s.record(RecordLeg{Leg{Channel: s.c.Channel, Role: roleCaller, Left: s.now, Cause: cause}})
	s.c.State, s.c.Outcome, s.c.Cause, s.c.EndedAt = StateEnded, outcome, cause, s.now
	s.c.Offer = nil
	s.tellSeat("call.ended", seat, map[string]any{
		"line": s.c.Line, "outcome": outcome, "cause": cause, "seat": seat, "session": s.c.Session,
	})
	s.callback(outcome)
	if !s.c.Live.CallerDying {
		s.do(Hangup{Leg: s.c.Channel, Reason: reasonNormal})
	}
	if was == StateQueued || was == StateOffered || was == StateConnecting {
		s.do(LeaveLine{Line: s.c.Line})
	}
	if seat != "" {
		s.do(DeleteBridge{Bridge: TalkBridge(s.c.ID)})
	}
	s.do(s.stopTimers(was)...)
}

// endConversation lets an accepted seat go: its leg first, so that its telephone is free when the next caller comes.
func (s *step) endConversation(cause string) {
	o := *s.c.Offer
	if o.Leg != "" {
		s.record(RecordLeg{Leg{Channel: o.Leg, Role: roleOfficial, Seat: o.Seat, Left: s.now, Cause: cause}})
		if !s.c.Live.SeatDying {
			s.do(Hangup{Leg: o.Leg, Reason: reasonNormal})
		}
	}
	s.wrapUp(o.Seat)
}

// wrapUp ends a seat's part in a conversation.
func (s *step) wrapUp(seat agent.SeatID) {
	if s.c.Rules.WrapUp <= 0 {
		s.setWork(SeatWork{Seat: seat, Work: agent.WorkIdle})
		s.freeSeat(seat, seatIdle)
		return
	}
	until := s.now.Add(s.c.Rules.WrapUp)
	s.setWork(SeatWork{Seat: seat, Work: agent.WorkWrapUp, Until: until})
	s.do(StartWrapUp{Seat: seat, Until: until})
}

// callback makes a task of everyone who wanted a person and reached none. A number that is no line of ours never
// promised one.
func (s *step) callback(outcome Outcome) {
	if !s.c.AnsweredAt.IsZero() {
		return
	}
	switch outcome {
	case OutcomeAbandonedInQueue, OutcomeAbandonedShort, OutcomeAbandonedRinging, OutcomeClosedBeforeTurn, OutcomeSystemFailure:
		s.record(OpenCallback{})
		if s.c.Masked != "" {
			s.record(Tell{Fact{
				Kind: "callback.opened", Subject: string(s.c.ID), Topics: []string{topicBoard},
				Data: map[string]any{"call": s.c.ID, "reason": outcome},
			}})
		}
	case OutcomeAnsweredOfficial, OutcomeAnsweredOperator, OutcomeOutOfScope, OutcomeBlocked:
	}
}

func (s *step) stopTimers(was State) []Effect {
	switch was {
	case StateScreening:
		return []Effect{StopTimer{Timer: TimerNotice}}
	case StateReconnecting:
		return []Effect{StopTimer{Timer: TimerConnect}, StopTimer{Timer: TimerGrace}, StopTimer{Timer: TimerRetry}}
	case StateArrived, StateQueued, StateOffered, StateConnecting, StateTalking, StateEnded:
	}
	return nil
}
