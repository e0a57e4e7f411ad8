package telephony

import (
	"slices"
	"time"

	"hotline/agent"
)

func (s *step) legEntered(leg LegID, bridge BridgeID) {
	s.see(leg, func(l *LegSeen) { l.In, l.Missed = bridge, 0 })
	s.settled()
	s.settle()
}

// legParted only notes: who leaves a bridge is on the way somewhere else, or an end follows.
func (s *step) legParted(leg LegID, bridge BridgeID) {
	if s.c.Seen.Legs[leg].In == bridge {
		s.see(leg, func(l *LegSeen) { l.In = "" })
	}
}

// settle sees who has come together: an offer is accepted when its leg is in the talk room, with the citizen if the citizen
// is wanted there.
func (s *step) settle() {
	if s.c.Phase == PhaseEnded {
		return
	}
	caller, _ := s.c.caller()
	for _, p := range slices.Clone(s.c.Parts) {
		o, open := s.c.offerOf(p)
		if !open || p.State != StateUp || !s.inTalk(p.Leg) || s.c.wants(caller) == RoomTalk && !s.inTalk(caller.Leg) {
			continue
		}
		s.together(p, o)
	}
}

func (s *step) inTalk(leg LegID) bool {
	l := s.c.Seen.Legs[leg]
	return l.In == TalkBridge(s.c.ID) && !l.Dying
}

// together: they hear each other.
func (s *step) together(p Participant, o Offer) {
	s.closeOffer(o, OfferAccepted, "", seatIdle)
	for _, other := range slices.Clone(s.c.Offers) { // the first accept rescinds the rest
		if other.Group == o.Group && o.Group != "" {
			s.giveUp(other, OfferRescinded, "answered_elsewhere", seatIdle)
		}
	}
	back := !p.Joined.IsZero()
	p = s.put(p.ID, func(p *Participant) {
		p.Offer, p.Deadline, p.Why = "", time.Time{}, ""
		if p.Joined.IsZero() {
			p.Joined = s.now
		}
	})
	if !back && p.serves() {
		s.recordPart(p)
		s.setWork(SeatWork{Seat: p.Seat, Work: agent.WorkEngaged})
		s.serve(p, o)
	}
	var data map[string]any
	if caller, _ := s.c.caller(); caller.Want == RoomHold { // who comes back to a held call does not take the citizen back
		data = map[string]any{"held": true}
	}
	s.tellPart("call.talking", p, data)
}

// serve gives the call to who has come into it, unless a consulted colleague has only come to be asked.
func (s *step) serve(p Participant, o Offer) {
	if s.c.Segment != nil && o.Kind == OfferConsult {
		return
	}
	if s.c.Segment != nil {
		giver, _ := s.c.official()
		s.endSegment(giver, SegmentHandedOver, "handed_over")
	}
	s.c.Phase, s.stored = PhaseServing, true
	if s.c.AnsweredAt.IsZero() {
		s.c.AnsweredAt = s.now
	}
	s.own(p)
	if caller, there := s.c.caller(); there {
		s.put(caller.ID, func(c *Participant) {
			c.Want = RoomTalk
			if c.Joined.IsZero() {
				c.Joined = s.now
			}
		})
	}
}

// own begins the segment of who serves from now on.
func (s *step) own(p Participant) {
	s.c.Segment = &Segment{ID: p.ID, Seat: p.Seat, Person: p.Person, BeganAt: s.now}
	s.c.Seat, s.stored = p.Seat, true
	s.record(PutSegment{*s.c.Segment})
}

// legDying: the leg is on its way out. While it rings, the telephone's answer comes with the end; once it has answered, the
// call has lost it.
func (s *step) legDying(leg LegID, soft bool) {
	if _, known := s.c.Seen.Legs[leg]; !known {
		return
	}
	s.see(leg, func(l *LegSeen) { l.Dying = true })
	p, ok := s.c.onLeg(leg)
	switch {
	case !ok:
	case p.Role == RoleCaller:
		s.callerLeft(soft)
	case p.State == StateUp:
		s.legLost(p)
	}
}

// legEnded: the leg is no more.
func (s *step) legEnded(e LegEnded) {
	delete(s.c.Seen.Legs, e.Leg)
	s.settled()
	p, ok := s.c.onLeg(e.Leg)
	switch {
	case !ok:
		s.forget(e.Leg)
	case p.Role == RoleCaller:
		s.callerLeft(false)
	case p.State == StateAsked:
		if o, open := s.c.offerOf(p); open {
			s.notAnswered(o, e)
		} else {
			s.drop(p, ByOwnAct, "not_answered")
		}
	case p.State == StateUp:
		s.legLost(p)
	}
}

// forget drops those who have left with their legs.
func (s *step) forget(leg LegID) {
	s.c.Parts = slices.DeleteFunc(s.c.Parts, func(p Participant) bool { return p.State == StateGone && p.Leg == leg })
}

// legLost: who was up is not any more. Before the parties were together, the offer has come to nothing; after, a telephone of
// its own has hung up, and a page comes back (A11).
func (s *step) legLost(p Participant) {
	sip := p.Phone == agent.PhoneSIP
	o, open := s.c.offerOf(p)
	switch {
	case open && sip:
		s.giveUp(o, OfferDeclined, "telephone_hung_up", seatRests)
	case open:
		s.giveUp(o, OfferDeviceFailed, "leg_lost", seatOut)
	case sip || !p.serves(): // its hang-up key is the only one that there is
		s.drop(p, ByOwnAct, "hung_up")
	default:
		s.drop(p, LostInGrace, "leg_lost")
	}
}

// hungUp: a person of ours ends their part; a supervisor ends it for all.
func (s *step) hungUp(e HungUp) {
	p, in := s.c.at(e.Seat)
	switch o, open := s.c.offerOf(p); {
	case !in && e.Seat == "":
		s.end(s.answeredOutcome(), causeSeat)
	case !in:
	case open && p.State == StateUp && o.Kind != OfferResume:
		s.giveUp(o, OfferDeclined, "hung_up", seatRests)
	case open && p.State == StateAsked && o.Kind != OfferResume:
	default:
		s.drop(p, ByOwnAct, "hung_up")
	}
}

// held puts the citizen on hold, or takes the citizen back. The plan does the rest.
func (s *step) held(e Held) {
	caller, there := s.c.caller()
	p, in := s.c.at(e.Seat)
	room, kind := RoomTalk, "call.resumed"
	if e.On {
		room, kind = RoomHold, "call.held"
	}
	if !there || !in || s.c.Segment == nil || s.c.Segment.ID != p.ID || caller.Want == room {
		return
	}
	s.put(caller.ID, func(c *Participant) { c.Want, c.Since = room, s.now })
	s.stopCue()
	s.tellPart(kind, p, nil)
}

// muted is the participant's own state: the plan sets it before the leg joins, and again after a reload.
func (s *step) muted(e Muted) {
	p, in := s.c.at(e.Seat)
	if !in || p.Joined.IsZero() || p.Muted == e.On {
		return
	}
	p = s.put(p.ID, func(p *Participant) { p.Muted = e.On })
	s.tellPart("call.muted", p, map[string]any{"muted": p.Muted})
}

// pageReplaced: the page that rang or talked is gone, whether its leg has ended yet or not.
func (s *step) pageReplaced(e PageReplaced) {
	p, in := s.c.at(e.Seat)
	if !in || p.Phone != agent.PhoneBrowser {
		return
	}
	switch o, open := s.c.offerOf(p); {
	case open:
		s.giveUp(o, OfferDeviceFailed, "page_reloaded", seatOut)
	case p.State == StateUp:
		s.drop(p, LostInGrace, "page_reloaded")
	}
}

// phoneGone: a telephone that rang where nobody can hear it any more, as when its browser has crashed, need not ring to the end
// (F21). The citizen is back at the old place, and the seat is asked again when its telephone reports.
func (s *step) phoneGone(e PhoneGone) {
	p, in := s.c.at(e.Seat)
	o, open := s.c.offerOf(p)
	if in && open && p.State == StateAsked && p.Phone == agent.PhoneBrowser && o.Kind != OfferResume {
		s.giveUp(o, OfferDeviceFailed, "telephone_gone", seatOut)
	}
}

// seatOnline: one re-registration is reported more than once, and a telephone that rings has reported best.
func (s *step) seatOnline(e SeatOnline) {
	p, in := s.c.at(e.Seat)
	if !in || p.Joined.IsZero() || p.State == StateUp {
		return
	}
	if o, open := s.c.offerOf(p); open {
		if leg := s.c.Seen.Legs[p.Leg]; leg.Up || leg.Ringing || s.now.Sub(p.Since) < settlePause {
			return
		}
		s.giveUp(o, OfferRescinded, "registered_again", seatIdle)
	}
	s.retry(p.ID, s.now)
}

// seatKnown rings the same person at the same seat again; whoever else sits there now was not in this conversation.
func (s *step) seatKnown(e SeatKnown) {
	delete(s.c.Seen.Acts, keyAsk+string(e.Seat.Seat))
	p, in := s.c.at(e.Seat.Seat)
	if !in || p.State != StateLost {
		return
	}
	if e.Seat.Person != p.Person || e.Seat.Endpoint == "" || e.Seat.Device == agent.DeviceUnregistered {
		s.retry(p.ID, s.now.Add(retryPause))
		return
	}
	s.c.Parts = slices.DeleteFunc(s.c.Parts, func(o Participant) bool { return o.ID == p.ID })
	s.ask(Offer{
		ID: e.Offer, Kind: OfferResume, Group: e.Offer, Part: p.ID, Role: p.Role, Seat: p.Seat, Person: p.Person, Phone: e.Seat.Phone, Endpoint: e.Seat.Endpoint,
		State: OfferOpen, OfferedAt: s.now, ExpiresAt: p.Deadline,
	}, p)
}

// retry is only remembered: after a restart the seat is asked at once.
func (s *step) retry(id ParticipantID, at time.Time) {
	for i, p := range s.c.Parts {
		if p.ID == id {
			s.c.Parts[i].Retry = at
		}
	}
}
