package telephony

import (
	"slices"
	"time"

	"hotline/agent"
)

// Q.850 causes of a seat's leg that say something about the telephone (telephony.md 2.5).
const (
	causeUserBusy     = 17
	causeNoUser       = 18
	causeNoAnswer     = 19
	causeCallRejected = 21
	causeUnseen       = -1 // a snapshot does not show it
)

// seatAfter is what becomes of a seat whose offer came to nothing.
type seatAfter int

const (
	seatIdle  seatAfter = iota
	seatRests           // idle, but not rung again at once
	seatOut             // its telephone must report first
)

// offered commits an offer; the plan rings it.
func (s *step) offered(o Offer) {
	if o.Kind != OfferLine || !s.c.InLine() || !s.c.Rules.Open && s.c.QueuedAt.IsZero() {
		return
	}
	o.Part, o.Group, o.State = ParticipantID(o.ID), o.ID, OfferOpen
	if o.Role == "" {
		o.Role = RoleOfficial
	}
	s.ask(o, Participant{ID: o.Part, Role: o.Role, Want: RoomTalk})
	s.setWork(SeatWork{Seat: o.Seat, Work: agent.WorkOffered, Offer: o.ID})
	s.tellOffer("call.offered", o, map[string]any{
		"masked": s.c.Masked, "place": s.c.Place, "queued_at": s.c.QueuedAt,
		"offered_at": o.OfferedAt, "expires_at": o.ExpiresAt,
	})
}

// ask opens an offer for somebody new, or for who comes back.
func (s *step) ask(o Offer, p Participant) {
	p.Seat, p.Person, p.Phone, p.Endpoint, p.Leg, p.Offer = o.Seat, o.Person, o.Phone, o.Endpoint, o.Leg(), o.ID
	p.State, p.Since, p.Deadline = StateAsked, s.now, time.Time{}
	s.c.Offers = append(s.c.Offers, o)
	s.c.Parts = append(s.c.Parts, p)
	s.record(PutOffer{o})
}

func (s *step) legRings(leg LegID) {
	p, ok := s.c.onLeg(leg)
	if !ok {
		return
	}
	s.see(leg, func(l *LegSeen) { l.Ringing = true })
	for i, o := range s.c.Offers { // stored when the offer is answered or over: nobody waits for it before
		if o.ID == p.Offer && o.RingingAt.IsZero() {
			s.c.Offers[i].RingingAt = s.now
		}
	}
}

// legUp brings the parties together. A telephone that answers for an offer that is over is seen, and so sent away.
func (s *step) legUp(leg LegID) {
	s.see(leg, func(l *LegSeen) { l.Up = true })
	p, ok := s.c.onLeg(leg)
	if !ok || p.Role == RoleCaller || p.State != StateAsked && p.State != StateLost || s.c.Seen.Legs[leg].Dying {
		return
	}
	i := slices.IndexFunc(s.c.Parts, func(o Participant) bool { return o.ID == p.ID })
	s.c.Parts[i].State, s.c.Parts[i].Since, s.c.Parts[i].Deadline = StateUp, s.now, s.now.Add(connectLimit)
	if o, _ := s.c.offerOf(p); o.Kind == OfferLine {
		s.wantCaller(RoomTalk)
	}
	s.stopCue()
}

// stopCue ends what the citizen hears; the plan stops it before the citizen moves.
func (s *step) stopCue() {
	if s.c.Cue != nil && !s.c.Cue.Admits && s.c.Cue.Ends == "" {
		s.c.Cue = nil
	}
}

func (s *step) declined(e Declined) {
	o, open := s.c.Offer(e.Offer)
	if p, _ := s.c.part(o.Part); open && p.State == StateAsked {
		s.giveUp(o, OfferDeclined, e.Reason, seatRests)
	}
}

// expired: nobody has answered. An offer that was stored only when its time was over has asked nobody: that is no miss.
func (s *step) expired(o Offer, rung bool) {
	switch {
	case o.Kind == OfferResume:
		s.giveUp(o, OfferDeviceFailed, "not_back", seatIdle)
	case !rung:
		s.giveUp(o, OfferRescinded, "stored_too_late", seatIdle)
	default:
		s.giveUp(o, OfferExpired, "ring_timeout", seatIdle)
	}
}

// ringFailed: nothing rings, as far as is known. A telephone that was heard ringing or answering meanwhile has been reached,
// only the reply was lost: nobody is sent away for that.
func (s *step) ringFailed(leg LegID, offline bool) {
	p, ok := s.c.onLeg(leg)
	o, open := s.c.offerOf(p)
	if seen := s.c.Seen.Legs[leg]; !ok || !open || seen.Ringing || seen.Up {
		return
	}
	if offline {
		delete(s.c.Seen.Legs, leg) // there is none
		s.giveUp(o, OfferDeviceFailed, "offline", seatOut)
		return
	}
	s.giveUp(o, OfferRescinded, "exchange", seatRests) // the reply was lost, perhaps, and it rings: the plan hangs it up
}

// notAnswered reads from the leg's end what the telephone said to an offer. A ring timeout of the exchange and a telephone's
// own 480 bear the same cause; only the latter was asked for.
func (s *step) notAnswered(o Offer, e LegEnded) {
	switch {
	case e.Cause == causeNoAnswer && !e.Asked:
		s.expired(o, true)
	case e.Cause == causeUserBusy:
		s.giveUp(o, OfferDeclined, "telephone_busy", seatRests)
	case e.Cause == causeCallRejected:
		s.giveUp(o, OfferDeclined, "telephone_refused", seatRests)
	case e.Cause == causeNoAnswer, e.Cause == causeNoUser:
		s.giveUp(o, OfferDeclined, "telephone_unavailable", seatRests)
	case e.Cause == causeUnseen:
		s.giveUp(o, OfferDeviceFailed, "leg_missing", seatOut)
	default:
		s.giveUp(o, OfferDeviceFailed, "telephone_failed", seatOut)
	}
}

// notConnected: the leg is up, but the parties did not come together in time.
func (s *step) notConnected(p Participant) {
	if o, open := s.c.offerOf(p); open {
		s.giveUp(o, OfferRescinded, "not_connected", seatRests)
	}
}

// giveUp closes an open offer that came to nothing. What becomes of the call depends on what the seat was asked for: a
// caller of the line goes back to the old place, which is the head; a conversation keeps waiting for its seat; a colleague
// who was asked is out.
func (s *step) giveUp(o Offer, state OfferState, reason string, after seatAfter) {
	in := s.c.Situation()
	o = s.closeOffer(o, state, reason, after)
	switch o.Kind {
	case OfferResume:
		s.put(o.Part, func(p *Participant) {
			p.State, p.Leg, p.Offer, p.Since, p.Retry = StateLost, "", "", s.now, s.now.Add(retryPause)
			p.Deadline = o.ExpiresAt
		})
	case OfferConsult, OfferTransfer:
		s.remove(o.Part)
		s.follow(dropOf(in, WhoTarget, ByOwnAct), Participant{}, reason)
	case OfferCallback:
		s.remove(o.Part)
		s.backToLine(o.Seat, reason)
	case OfferLine, OfferDeputy:
		s.remove(o.Part)
		s.wantCaller(RoomHold)
		s.tellOffer("call.requeued", o, map[string]any{"offer_state": state, "reason": reason})
	}
}

// closeOffer ends an open offer, lets the seat go, and remembers for the call what the seat said to it.
func (s *step) closeOffer(o Offer, state OfferState, reason string, after seatAfter) Offer {
	o, _ = s.c.Offer(o.ID)
	o.State, o.Reason, o.ClosedAt = state, reason, s.now
	s.c.Offers = slices.DeleteFunc(s.c.Offers, func(other Offer) bool { return other.ID == o.ID })
	s.record(PutOffer{o})
	if state == OfferAccepted || o.Kind == OfferResume { // the seat goes on with this call
		return o
	}
	s.c.Skips = Remember(s.c.Skips, o)
	work := SeatWork{Seat: o.Seat, Work: agent.WorkIdle, Miss: state == OfferExpired}
	switch after {
	case seatIdle:
	case seatRests:
		work.Rest = declinePause
	case seatOut:
		work.Out = true
	}
	s.setWork(work)
	if missed := o.Misses + 1; work.Miss && missed >= missesTold {
		s.tellOffer("seat.unanswered", o, map[string]any{"misses": missed})
	}
	return o
}

// Remember adds to the seats that missed or declined a call what a closed offer says: the last word of each seat, and every
// recusal. The ledger loads a call's skips by the same rule.
func Remember(skips []Skip, o Offer) []Skip {
	if o.Kind != OfferLine || o.State != OfferDeclined && o.State != OfferExpired {
		return skips
	}
	kept := make([]Skip, 0, len(skips)+1)
	for _, k := range skips {
		if k.Seat != o.Seat || k.Never {
			kept = append(kept, k)
		}
	}
	return append(kept, Skip{Seat: o.Seat, Person: o.Person, Until: o.ClosedAt.Add(SkipFor), Never: o.Reason == ReasonRecusal})
}
