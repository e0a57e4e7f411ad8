package telephony

import (
	"slices"
	"time"

	"hotline/agent"
)

// Who or what ended a call.
const (
	causeCaller     = "caller"
	causeSeat       = "seat"
	causeController = "controller"
	causeLost       = "lost"     // its channel was gone when we looked
	causePlatform   = "platform" // the exchange let it fall
)

// callerLeft: the citizen is gone, or the leg is dying, which comes to the same.
func (s *step) callerLeft(soft bool) {
	caller, _ := s.c.caller()
	if caller.State == StateAsked { // of a callback: an attempt, not an end
		s.drop(caller, ByOwnAct, "not_answered")
		return
	}
	cause := causeCaller
	if soft {
		cause = causePlatform
	}
	s.end(s.leftFrom(), cause)
}

// leftFrom is the outcome of a citizen's leaving now.
func (s *step) leftFrom() Outcome {
	if !s.c.AnsweredAt.IsZero() {
		if caller, _ := s.c.caller(); s.c.Phase == PhaseServing && caller.Want == RoomHold {
			return OutcomeAbandonedOnHold
		}
		return s.answeredOutcome()
	}
	switch s.c.Phase {
	case PhaseWaiting:
		if s.c.Cue != nil && s.c.Cue.Ends != "" {
			return s.c.Cue.Ends
		}
		if !s.c.InLine() {
			return OutcomeAbandonedRinging
		}
		if s.now.Sub(s.c.QueuedAt) > ShortAbandon {
			return OutcomeAbandonedInQueue
		}
	case PhaseArrived, PhaseAdmission, PhaseServing, PhaseEnded:
		if outcome := s.turnedAway(); outcome != "" {
			return outcome
		}
	}
	return OutcomeAbandonedShort
}

func (s *step) answeredOutcome() Outcome {
	if s.c.AnsweredAt.IsZero() {
		return OutcomeAbandonedRinging
	}
	if p, serves := s.c.official(); serves && p.Role == RoleOperator {
		return OutcomeAnsweredOperator
	}
	return OutcomeAnsweredOfficial
}

func (s *step) failedOutcome() Outcome {
	if !s.c.AnsweredAt.IsZero() {
		return s.answeredOutcome()
	}
	return OutcomeSystemFailure
}

// lost closes a call whose channel a snapshot does not show; when and why it ended, nobody saw.
func (s *step) lost(restarted bool) {
	delete(s.c.Seen.Legs, s.c.Channel)
	cause := causeLost
	if restarted {
		cause = causePlatform
	}
	outcome := s.failedOutcome()
	if s.c.Phase == PhaseArrived || s.c.Phase == PhaseAdmission {
		if away := s.turnedAway(); away != "" {
			outcome = away
		}
	}
	s.end(outcome, cause)
}

// end is the one way to the last phase: one outcome, every seat let go. The plan leaves nothing in the exchange.
func (s *step) end(outcome Outcome, cause string) {
	seat := s.c.Seat
	for _, o := range slices.Clone(s.c.Offers) {
		seat = o.Seat
		state := OfferCallerLeft
		if cause != causeCaller {
			state = OfferRescinded
		}
		s.closeOffer(o, state, cause, seatIdle)
		if p, _ := s.c.part(o.Part); p.Joined.IsZero() {
			s.remove(o.Part)
		}
	}
	if giver, serves := s.c.official(); serves {
		seat = giver.Seat
		why := SegmentFinished
		if cause == causeLost || cause == causePlatform {
			why = SegmentLost
		}
		s.endSegment(giver, why, cause)
	}
	for _, p := range slices.Clone(s.c.Parts) {
		if p.State != StateGone {
			s.leave(p, cause)
		}
	}
	s.c.Phase, s.c.Outcome, s.c.Cause, s.c.EndedAt, s.c.Cue = PhaseEnded, outcome, cause, s.now, nil
	s.tell("call.ended", seat, map[string]any{
		"line": s.c.Line, "outcome": outcome, "cause": cause, "session": s.c.Session,
	})
	s.callback(outcome)
}

// endSegment ends who serves: their part, the segment, and for the seat the conversation; its wrap-up begins.
func (s *step) endSegment(p Participant, why SegmentEnd, cause string) {
	if s.c.Segment == nil || s.c.Segment.ID != p.ID {
		return
	}
	seg := *s.c.Segment
	seg.EndedAt, seg.Why = s.now, why
	s.record(PutSegment{seg})
	s.leave(p, cause)
	s.c.Segment = nil
	s.wrapUp(seg.Seat)
}

// wrapUp is a seat's time after a conversation.
func (s *step) wrapUp(seat agent.SeatID) {
	work := SeatWork{Seat: seat, Work: agent.WorkIdle}
	if s.c.Rules.WrapUp > 0 {
		work.Work, work.Until = agent.WorkWrapUp, s.now.Add(s.c.Rules.WrapUp)
	}
	s.setWork(work)
}

// callback makes a task of everyone who wanted a person and reached none. A number that is no line of ours never promised
// one.
func (s *step) callback(outcome Outcome) {
	if !s.c.AnsweredAt.IsZero() {
		return
	}
	switch outcome {
	case OutcomeAbandonedInQueue, OutcomeAbandonedShort, OutcomeAbandonedRinging, OutcomeClosedBeforeTurn, OutcomeSystemFailure,
		OutcomeRegisteredCallback:
		s.record(OpenCallback{})
		if s.c.Masked != "" {
			s.record(Tell{Fact{
				Kind: "callback.opened", Subject: string(s.c.ID), Topics: []string{agent.TopicBoard},
				Data: map[string]any{"call": s.c.ID, "reason": outcome},
			}})
		}
	case OutcomeAnsweredOfficial, OutcomeAnsweredOperator, OutcomeAbandonedOnHold, OutcomeOutOfScope, OutcomeBlocked:
	}
}

// Minimal is the least that can be stored of a call's end: what a call comes to that nothing else can be stored of (F34).
func Minimal(c Call, now time.Time) Change {
	s := &step{c: c, now: now}
	outcome := s.failedOutcome()
	ended := c
	ended.Phase, ended.Outcome, ended.Cause, ended.EndedAt, ended.Cue, ended.Segment = PhaseEnded, outcome, causeController, now, nil, nil
	ended.Parts, ended.Offers, ended.Version = nil, nil, c.Version+1
	ch := Change{Before: c, After: ended, Actor: causeController, At: now, Facts: []Fact{{
		Kind: "call.ended", Subject: string(c.ID), Topics: []string{agent.TopicBoard},
		Data: map[string]any{"outcome": outcome, "cause": causeController},
	}}}
	for _, o := range c.Offers {
		o.State, o.Reason, o.ClosedAt = OfferRescinded, causeController, now
		ch.Closed = append(ch.Closed, o)
	}
	for _, p := range c.Parts {
		if p.Role == RoleCaller || !p.Joined.IsZero() { // who has a row
			p.State, p.Since, p.Left, p.Why, p.Deadline = StateGone, now, now, causeController, time.Time{}
			ch.Parts = append(ch.Parts, p)
		}
	}
	if c.Segment != nil {
		seg := *c.Segment
		seg.EndedAt, seg.Why = now, SegmentLost
		ch.Segments = append(ch.Segments, seg)
	}
	for _, seat := range c.Seats() {
		ch.Work = append(ch.Work, SeatWork{Seat: seat, Work: agent.WorkIdle, Call: c.ID, Since: now})
	}
	return ch
}

// CleanUp says what may be done for the people in a call before its step is stored, because any controller would do the same
// (R4): who has lost the partner for good is hung up, a citizen whose official has gone hears that it goes on (RT5).
func CleanUp(before, after Call) []Act {
	alone := false
	for leg := range before.Seen.Legs {
		l, there := after.Seen.Legs[leg]
		alone = alone || !there || l.Dying
	}
	var acts []Act
	switch {
	case !alone:
	case after.Phase == PhaseEnded:
		for leg, l := range after.Seen.Legs {
			if l.Up && !l.Dying {
				acts = append(acts, Hangup{Leg: leg})
			}
		}
	case after.Cue != nil && before.Cue == nil && after.Cue.Media == mediaReconnecting:
		acts = append(acts, Play{Leg: after.Cue.Leg, Playback: playbackID(after.ID, "early"), Media: after.Cue.Media})
	}
	return acts
}
