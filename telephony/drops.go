package telephony

import (
	"slices"
	"time"

	"hotline/agent"
)

// Situation is what a call is doing when somebody drops out of it.
type Situation string

// The situations (architecture.md 8.1).
const (
	Talking          Situation = "talking"
	OnHold           Situation = "held"
	ConsultRinging   Situation = "consult_ringing"
	ConsultUp        Situation = "consult_up"
	ThreeWay         Situation = "three_way"
	TransferRinging  Situation = "transfer_ringing"
	CallbackDialling Situation = "callback_dialling"
)

// Who drops out.
type Who string

// The axes of the table: giver is who serves, target who is asked or was brought in, outside a number of the address book.
const (
	WhoCaller     Who = "caller"
	WhoGiver      Who = "giver"
	WhoTarget     Who = "target"
	WhoRecorder   Who = "recorder"
	WhoSupervisor Who = "supervisor"
	WhoOutside    Who = "outside"
)

// How somebody drops out. A leg that is lost is asked again within the grace; a citizen's never comes back.
type How string

// The ways.
const (
	ByOwnAct    How = "own_act"
	LostInGrace How = "lost"
	GraceOver   How = "grace_over"
)

// Then is what follows for everybody.
type Then string

// What can follow.
const (
	ThenNothing  Then = "nothing"   // who has dropped is out; nobody else moves
	ThenAsk      Then = "ask_again" // the leg is asked again; nobody moves, but a citizen left alone waits on hold with words
	ThenEnd      Then = "end"       // the call ends; who served wraps up
	ThenHead     Then = "head"      // who served wraps up; the citizen goes to the head of the line
	ThenRejoin   Then = "rejoin"    // giver and citizen talk again
	ThenHandOver Then = "hand_over" // the giver wraps up; the target serves
	ThenBlind    Then = "blind"     // the giver wraps up; the target still rings, and serves when it answers
	ThenAttempt  Then = "attempt"   // of a callback: the seat is idle without a wrap-up, the citizen keeps the place
)

type cell struct{ own, lost, over Then }

// drops is the table of who drops when, and what follows (peers.md 3.4). Listeners are left out: they change nothing.
var drops = map[Situation]map[Who]cell{ //nolint:gochecknoglobals // a table that nobody writes
	Talking: {
		WhoCaller: {ThenEnd, ThenEnd, ThenEnd},
		WhoGiver:  {ThenEnd, ThenAsk, ThenHead},
	},
	OnHold: {
		WhoCaller: {ThenEnd, ThenEnd, ThenEnd},
		WhoGiver:  {ThenEnd, ThenAsk, ThenHead},
	},
	ConsultRinging: {
		WhoCaller:  {ThenEnd, ThenEnd, ThenEnd},
		WhoGiver:   {ThenBlind, ThenAsk, ThenBlind},
		WhoTarget:  {ThenRejoin, ThenRejoin, ThenRejoin},
		WhoOutside: {ThenRejoin, ThenRejoin, ThenRejoin},
	},
	ConsultUp: {
		WhoCaller:  {ThenEnd, ThenEnd, ThenEnd},
		WhoGiver:   {ThenHandOver, ThenAsk, ThenHandOver},
		WhoTarget:  {ThenRejoin, ThenAsk, ThenRejoin},
		WhoOutside: {ThenRejoin, ThenRejoin, ThenRejoin},
	},
	ThreeWay: {
		WhoCaller: {ThenEnd, ThenEnd, ThenEnd},
		WhoGiver:  {ThenHandOver, ThenAsk, ThenHandOver},
		WhoTarget: {ThenNothing, ThenAsk, ThenNothing},
	},
	TransferRinging: {
		WhoCaller: {ThenEnd, ThenEnd, ThenEnd},
		WhoGiver:  {ThenBlind, ThenAsk, ThenBlind},
		WhoTarget: {ThenRejoin, ThenRejoin, ThenRejoin},
	},
	CallbackDialling: {
		WhoCaller: {ThenAttempt, ThenAttempt, ThenAttempt},
		WhoGiver:  {ThenAttempt, ThenAsk, ThenAttempt},
	},
}

// dropOf reads the table.
func dropOf(in Situation, who Who, how How) Then {
	c, ok := drops[in][who]
	if !ok {
		return ThenNothing
	}
	switch how {
	case LostInGrace:
		return c.lost
	case GraceOver:
		return c.over
	case ByOwnAct:
	}
	return c.own
}

// Situation says what a call is doing.
func (c Call) Situation() Situation {
	if _, rings := c.Ringing(OfferTransfer); rings {
		return TransferRinging
	}
	caller, there := c.caller()
	if there && caller.State == StateAsked {
		return CallbackDialling
	}
	third := ""
	for _, p := range c.Parts {
		if p.Role == RoleConsulted || p.Role == RoleInterpreter {
			switch {
			case p.State == StateGone || c.Segment != nil && c.Segment.ID == p.ID:
			case p.State == StateAsked && p.Joined.IsZero():
				return ConsultRinging
			default:
				third = "up"
			}
		}
	}
	switch {
	case third != "" && caller.Want == RoomTalk:
		return ThreeWay
	case third != "":
		return ConsultUp
	case caller.Want == RoomHold:
		return OnHold
	}
	return Talking
}

// who says on which row of the table a participant stands.
func (c Call) who(p Participant) Who {
	switch {
	case p.Role == RoleCaller:
		return WhoCaller
	case p.Role == RoleRecorder:
		return WhoRecorder
	case p.Role == RoleSupervisor:
		return WhoSupervisor
	case p.Role == RoleInterpreter:
		return WhoOutside
	case c.Segment != nil && c.Segment.ID == p.ID, c.Segment == nil && (p.Role == RoleOfficial || p.Role == RoleOperator):
		return WhoGiver
	}
	return WhoTarget
}

// drop takes somebody of ours out of the conversation, for a while or for good, and does what follows.
func (s *step) drop(p Participant, how How, why string) {
	then := dropOf(s.c.Situation(), s.c.who(p), how)
	if then == ThenAsk {
		s.askAgain(p, why)
		return
	}
	s.follow(then, p, why)
}

// follow does what the table says. The one who drops is given as long as they are still in.
func (s *step) follow(then Then, p Participant, why string) {
	switch then {
	case ThenEnd:
		s.end(s.answeredOutcome(), causeSeat)
	case ThenHead:
		s.toHead(p, why)
	case ThenRejoin:
		s.leave(p, why)
		s.rejoin(why)
	case ThenHandOver:
		s.handOver(p, why)
	case ThenBlind:
		s.toBlind(p, why)
	case ThenAttempt:
		s.leave(p, why)
		for _, other := range slices.Clone(s.c.Parts) {
			if other.State != StateGone && other.ID != p.ID {
				s.leave(other, why)
			}
		}
		s.backToLine(p.Seat, why)
	case ThenNothing:
		s.leave(p, why)
	case ThenAsk: // drop has done it
	}
}

// askAgain keeps everybody where they are while the leg comes back (A11); a citizen who is left alone hears why.
func (s *step) askAgain(p Participant, why string) {
	p = s.put(p.ID, func(p *Participant) {
		p.State, p.Leg, p.Since, p.Why = StateLost, "", s.now, why
		p.Deadline, p.Retry = s.now.Add(s.c.Rules.Grace), s.now.Add(retryPause)
	})
	s.tellPart("call.reconnecting", p, nil)
	caller, there := s.c.caller()
	if there && caller.Leg != "" && s.c.wants(caller) == RoomHold {
		s.say(s.lostWords(p.Deadline), mediaReconnecting)
	}
}

// leave is the end of somebody's part. Who held a seat without serving lets it go; who serves ends a segment elsewhere.
func (s *step) leave(p Participant, why string) {
	if p.ID == "" {
		return
	}
	p = s.put(p.ID, func(p *Participant) { p.State, p.Left, p.Why, p.Deadline = StateGone, s.now, why, time.Time{} })
	if p.Leg == "" {
		s.remove(p.ID)
	}
	if p.Seat != "" && p.serves() && (s.c.Segment == nil || s.c.Segment.ID != p.ID) {
		s.setWork(SeatWork{Seat: p.Seat, Work: agent.WorkIdle})
	}
}

// toHead: the seat did not come back; the citizen is served next, by whoever is free.
func (s *step) toHead(p Participant, why string) {
	s.endSegment(p, SegmentLost, why)
	s.c.Phase, s.stored = PhaseWaiting, true
	s.wantCaller(RoomHold)
	s.tellPart("call.requeued", p, map[string]any{"reason": "seat_lost"})
}

// rejoin brings giver and citizen together again after a colleague has gone; a giver who has gone as well leaves the citizen
// to the line.
func (s *step) rejoin(why string) {
	giver, serves := s.c.official()
	caller, there := s.c.caller()
	if !serves || !there {
		s.backToLine("", why)
		return
	}
	s.put(caller.ID, func(p *Participant) { p.Want = RoomTalk })
	s.tellPart("call.rejoined", giver, map[string]any{"reason": why})
}

// handOver gives the call to the colleague who is in it.
func (s *step) handOver(giver Participant, why string) {
	s.endSegment(giver, SegmentHandedOver, why)
	for _, p := range s.c.Parts {
		if p.Role != RoleConsulted || p.State != StateUp {
			continue
		}
		p = s.put(p.ID, func(p *Participant) { p.Role = RoleOfficial })
		s.own(p)
		if caller, there := s.c.caller(); there {
			s.put(caller.ID, func(c *Participant) { c.Want = RoomTalk })
		}
		s.tellPart("call.handed_over", p, map[string]any{"from": giver.Seat})
		return
	}
	s.tellPart("call.left", giver, map[string]any{"reason": why}) // an outside number alone goes on with the citizen
}

// toBlind: the giver has gone while the colleague rings. The offer stays, as a transfer; unanswered, the citizen goes to the
// head of the line.
func (s *step) toBlind(giver Participant, why string) {
	s.endSegment(giver, SegmentHandedOver, why)
	for i, o := range s.c.Offers {
		if o.Kind == OfferConsult {
			s.c.Offers[i].Kind = OfferTransfer
			s.record(PutOffer{s.c.Offers[i]})
		}
	}
	s.wantCaller(RoomHold)
	s.tellPart("call.transferring", giver, nil)
}

// backToLine: nobody serves the call any more; it keeps its place.
func (s *step) backToLine(seat agent.SeatID, why string) {
	s.c.Phase, s.stored = PhaseWaiting, true
	s.wantCaller(RoomHold)
	s.tell("call.requeued", seat, map[string]any{"reason": why})
}
