package telephony

import (
	"maps"
	"slices"
	"time"
)

// Apply decides what is wanted. It touches nothing: same call, same event, same answer. An event that comes too late leaves
// the call as it is, so duplicated and reordered events have no effect beyond the first (F19). What must be done follows from
// the call by Plan.
//
// The version goes up by one when the step must be stored.
func Apply(c Call, e Event, now time.Time) (Call, []Record) {
	return run(c, now, func(s *step) { s.apply(e) })
}

func run(c Call, now time.Time, do func(*step)) (Call, []Record) {
	if c.Phase == PhaseEnded {
		return c, nil
	}
	s := &step{c: c, now: now}
	s.c.Parts, s.c.Offers, s.c.Skips, s.c.Seen = slices.Clone(c.Parts), slices.Clone(c.Offers), slices.Clone(c.Skips), c.Seen.clone()
	do(s)
	if len(s.records) > 0 || s.stored {
		s.c.Version = c.Version + 1
	}
	return s.c, s.records
}

// step is one run of Apply: the call as it becomes, and what must be stored.
type step struct {
	c       Call
	now     time.Time
	records []Record
	stored  bool // the call's own row has changed
}

func (s *step) record(records ...Record) { s.records = append(s.records, records...) }

func (s *step) apply(e Event) {
	switch e := e.(type) {
	case Arrived:
		s.arrived(e.Up)
	case LegRings:
		s.legRings(e.Leg)
	case LegUp:
		s.legUp(e.Leg)
	case LegEntered:
		s.legEntered(e.Leg, e.Bridge)
	case LegParted:
		s.legParted(e.Leg, e.Bridge)
	case LegDying:
		s.legDying(e.Leg, e.Soft)
	case LegEnded:
		s.legEnded(e)
	case PlayEnded:
		s.playEnded(e.Playback)
	case ActEnded:
		s.actEnded(e.Order, e.Result)
	case Looked:
		s.looked(e)
	case TimePassed:
		s.timePassed()
	case Offered:
		s.offered(e.Offer)
	case Declined:
		s.declined(e)
	case HungUp:
		s.hungUp(e)
	case Held:
		s.held(e)
	case Muted:
		s.muted(e)
	case PageReplaced:
		s.pageReplaced(e)
	case PhoneGone:
		s.phoneGone(e)
	case SeatOnline:
		s.seatOnline(e)
	case SeatKnown:
		s.seatKnown(e)
	case AllRecused:
		s.allRecused(e)
	case Failed:
		s.end(s.failedOutcome(), causeController)
	}
}

// Refuse says why a person's command can not be applied, nil if it can.
func Refuse(c Call, e Event) error {
	switch e := e.(type) {
	case Declined:
		o, open := c.Offer(e.Offer)
		if p, _ := c.part(o.Part); !open || p.State != StateAsked {
			return ErrOfferClosed
		}
	case HungUp:
		if c.Phase == PhaseEnded { // once more is no error
			return nil
		}
		if _, in := c.at(e.Seat); !in && (e.Seat != "" || len(c.Seats()) == 0) {
			return ErrNotInCall
		}
		return stale(c, e.Version)
	case Held:
		if p, in := c.at(e.Seat); !in || c.Segment == nil || c.Segment.ID != p.ID {
			return ErrNotInCall
		}
		return stale(c, e.Version)
	case Muted:
		if p, in := c.at(e.Seat); !in || p.Joined.IsZero() {
			return ErrNotInCall
		}
		return stale(c, e.Version)
	case Arrived, LegRings, LegUp, LegEntered, LegParted, LegDying, LegEnded, PlayEnded, ActEnded, Looked, TimePassed, Offered,
		PageReplaced, PhoneGone, SeatOnline, SeatKnown, AllRecused, Failed:
	}
	return nil
}

func stale(c Call, seen int64) error {
	if seen != 0 && seen != c.Version {
		return ErrStale
	}
	return nil
}

// timePassed looks at every deadline that is over.
func (s *step) timePassed() {
	for key, under := range s.c.Seen.Acts {
		if s.over(under.Until) {
			delete(s.c.Seen.Acts, key)
		}
	}
	for _, leg := range slices.Sorted(maps.Keys(s.c.Seen.Legs)) {
		if s.over(s.c.Seen.Legs[leg].EndBy) {
			s.untold(leg)
		}
		if s.c.Phase == PhaseEnded {
			return
		}
	}
	if cue := s.c.Cue; cue != nil && s.over(cue.Until) {
		s.playEnded(cue.ID)
	}
	for _, o := range slices.Clone(s.c.Offers) {
		if p, _ := s.c.part(o.Part); s.over(o.ExpiresAt) && (p.State == StateAsked || p.State == StateLost) {
			_, rung := s.c.Seen.Legs[o.Leg()]
			s.expired(o, rung)
		}
	}
	for _, p := range slices.Clone(s.c.Parts) {
		if p.State == StateUp && s.over(p.Deadline) {
			s.notConnected(p)
			p, _ = s.c.part(p.ID) // back to lost, perhaps for too long already
		}
		if s.c.Phase != PhaseEnded && p.State == StateLost && s.over(p.Deadline) {
			s.drop(p, GraceOver, "grace_over")
		}
	}
}

func (s *step) over(deadline time.Time) bool { return !deadline.IsZero() && !s.now.Before(deadline) }

// put changes somebody's part; who has taken part, and the citizen, stand in the ledger.
func (s *step) put(id ParticipantID, change func(*Participant)) Participant {
	i := slices.IndexFunc(s.c.Parts, func(p Participant) bool { return p.ID == id })
	p := s.c.Parts[i]
	change(&p)
	s.c.Parts[i] = p
	if p.Role == RoleCaller || !p.Joined.IsZero() {
		s.recordPart(p)
	}
	return p
}

// recordPart keeps one record per participant: the last.
func (s *step) recordPart(p Participant) {
	for i, r := range s.records {
		if known, ok := r.(PutPart); ok && known.ID == p.ID {
			s.records[i] = PutPart{p}
			return
		}
	}
	s.record(PutPart{p})
}

// remove forgets somebody who has not taken part: nothing of it was ever stored.
func (s *step) remove(id ParticipantID) {
	s.c.Parts = slices.DeleteFunc(s.c.Parts, func(p Participant) bool { return p.ID == id })
}
