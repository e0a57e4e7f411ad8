package telephony

import (
	"maps"
	"slices"
	"time"
)

// Seen is what the exchange shows of a call, and what is under way to it. It is made of events and of snapshots alike, and
// never stored.
type Seen struct {
	Legs    map[LegID]LegSeen // every leg of the call that exists, wanted or not
	Talk    bool              // the talk bridge exists, or is being made
	Playing string            // the announcement that runs
	Acts    map[string]Under  // by the order's key
}

// Under is an act under way: it is not asked for again before Until, or, while that is zero, before its result.
type Under struct {
	Act   Act
	Until time.Time
}

// LegSeen is a leg as the exchange shows it.
type LegSeen struct {
	Up      bool
	Ringing bool
	Dying   bool // a hang-up was requested: entering a bridge no longer counts (telephony.md 2.4)
	Watched bool // its end will be reported
	Muted   bool
	Missed  int // moves that failed since it was last seen to move
	In      BridgeID
	At      time.Time // of its last event: an older snapshot knows less
	EndBy   time.Time // a snapshot did not show it: what its end was like is waited for so long; zero: it is there
}

func (s Seen) clone() Seen {
	s.Legs, s.Acts = maps.Clone(s.Legs), maps.Clone(s.Acts)
	if s.Legs == nil {
		s.Legs = make(map[LegID]LegSeen)
	}
	if s.Acts == nil {
		s.Acts = make(map[string]Under)
	}
	return s
}

// free says that an act may be asked for.
func (s Seen) free(key string, now time.Time) bool {
	under, there := s.Acts[key]
	return !there || !under.Until.IsZero() && !under.Until.After(now)
}

// Begun notes what is under way once the orders of a plan are given: none of them is given twice.
func Begun(c Call, orders []Order, now time.Time) Call {
	if len(orders) == 0 {
		return c
	}
	c.Seen = c.Seen.clone()
	for _, o := range orders {
		c.Seen.Acts[o.Key] = Under{Act: o.Act}
		c.Seen.begin(o.Act, now)
	}
	return c
}

// begin assumes of an act what its failure takes back.
func (s *Seen) begin(a Act, now time.Time) {
	switch a := a.(type) {
	case Watch:
		s.change(a.Leg, now, func(l *LegSeen) { l.Watched = true })
	case Ring:
		s.Legs[a.Leg] = LegSeen{At: now}
	case SetMute:
		s.change(a.Leg, now, func(l *LegSeen) { l.Muted = a.On })
	case EnsureBridge:
		s.Talk = true
	case DeleteBridge:
		s.Talk = false
	case Play:
		s.Playing = a.Playback
	case StopPlay:
		s.Playing = ""
	case Answer, Hangup, Return, Hold, Join, AskPlay, AskSeat:
	}
}

// change alters what is seen of a leg that exists.
func (s *Seen) change(leg LegID, now time.Time, how func(*LegSeen)) {
	l, ok := s.Legs[leg]
	if !ok {
		return
	}
	how(&l)
	l.At = now
	s.Legs[leg] = l
}

// see notes an event of a leg, which proves that it exists.
func (s *step) see(leg LegID, how func(*LegSeen)) {
	l := s.c.Seen.Legs[leg]
	how(&l)
	l.At, l.EndBy = s.now, time.Time{}
	s.c.Seen.Legs[leg] = l
}

// actEnded takes an act's answer: what it did is seen by its events, what it did not do is tried again after a pause.
func (s *step) actEnded(o Order, r Result) {
	delete(s.c.Seen.Acts, o.Key)
	switch r {
	case ResultDone:
		s.actDone(o)
	case ResultDropped:
		s.undo(o.Act)
	case ResultFailed, ResultGone, ResultOffline:
		s.rest(o, s.again(o.Act))
		s.undo(o.Act)
		s.actFailed(o, r)
	}
}

// again is the pause before an act that came to nothing is tried again. For a move it grows: its answer may only be late, and
// a repetition takes the citizen out of the music first, so a crowded exchange that is asked again and again never comes to rest.
func (s *step) again(a Act) time.Duration {
	hold, ok := a.(Hold)
	if !ok {
		return retryPause
	}
	l, exists := s.c.Seen.Legs[hold.Leg]
	missed := min(l.Missed, mostMissed)
	if exists { // no event: a look that is under way still counts
		l.Missed = missed + 1
		s.c.Seen.Legs[hold.Leg] = l
	}
	return retryPause << missed
}

// rest keeps an act from being asked for again for a while.
func (s *step) rest(o Order, pause time.Duration) {
	s.c.Seen.Acts[o.Key] = Under{Act: o.Act, Until: s.now.Add(pause)}
}

// shows says that the effect of an act is seen.
func (s Seen) shows(a Act) bool {
	switch a := a.(type) {
	case Hold:
		return s.Legs[a.Leg].In == a.Bridge
	case Join:
		return !slices.ContainsFunc(a.Legs, func(leg LegID) bool { return s.Legs[leg].In != a.Bridge })
	case Hangup:
		_, exists := s.Legs[a.Leg]
		return !exists
	case Return, Watch, Answer, Ring, EnsureBridge, DeleteBridge, SetMute, Play, StopPlay, AskPlay, AskSeat:
	}
	return false
}

// settled forgets the acts whose effect is seen: nothing has to look at them any more.
func (s *step) settled() {
	for key, under := range s.c.Seen.Acts {
		if !under.Until.IsZero() && s.c.Seen.shows(under.Act) {
			delete(s.c.Seen.Acts, key)
		}
	}
}

func (s *step) actDone(o Order) {
	switch a := o.Act.(type) {
	case Answer:
		s.c.Seen.change(a.Leg, s.now, func(l *LegSeen) { l.Up = true })
	case Hold, Join, Hangup, Return:
		if !s.c.Seen.shows(a) {
			s.rest(o, actSettles)
		}
	case Play:
		s.rest(o, noticeLimit)
	case AskSeat: // SeatKnown follows
		s.rest(o, retryPause)
	case AskPlay:
		s.c.Seen.Playing = a.Playback
	case Ring: // a snapshot that was begun before this may not show it
		s.c.Seen.change(a.Leg, s.now, func(*LegSeen) {})
	case Watch, SetMute, EnsureBridge, DeleteBridge, StopPlay:
	}
}

// undo takes back what begin has assumed.
func (s *step) undo(a Act) {
	switch a := a.(type) {
	case Watch:
		s.c.Seen.change(a.Leg, s.now, func(l *LegSeen) { l.Watched = false })
	case SetMute:
		s.c.Seen.change(a.Leg, s.now, func(l *LegSeen) { l.Muted = !a.On })
	case EnsureBridge:
		s.c.Seen.Talk = false
	case StopPlay: // it runs on, and a move would wait for its end
		if s.c.Seen.Playing == "" {
			s.c.Seen.Playing = a.Playback
		}
	case Ring, Play, DeleteBridge, Answer, Hangup, Return, Hold, Join, AskPlay, AskSeat:
	}
}

// actFailed says what follows when an act came to nothing and no event will tell.
func (s *step) actFailed(o Order, r Result) {
	switch a := o.Act.(type) {
	case Watch:
		if r == ResultGone { // whose end went by before we listened
			s.legEnded(LegEnded{Leg: a.Leg})
		}
	case Answer:
		// It may have been done: answering again would stop the music. The next look tells (telephony.md 2.4).
		s.rest(o, noticeLimit)
	case Ring: // the next offer has another leg
		delete(s.c.Seen.Acts, o.Key)
		s.ringFailed(a.Leg, r == ResultOffline)
	case Play:
		s.playEnded(a.Playback)
	case AskPlay:
		if r == ResultGone {
			s.playEnded(a.Playback)
		}
	case Join: // not waited for longer than the rest: nobody is together
	case Hangup, Return, EnsureBridge, DeleteBridge, Hold, SetMute, StopPlay, AskSeat:
	}
}

// looked takes over what a snapshot shows, by the same steps that the events would have taken: one way to be right.
func (s *step) looked(e Looked) {
	if e.Adopted {
		s.adopt(e)
	}
	s.c.Seen.Talk = e.Talk || s.c.Seen.Talk && s.underWay(keyEnsure)
	for _, leg := range s.knownLegs(e.Legs) {
		if s.c.Phase == PhaseEnded {
			return
		}
		if was := s.c.Seen.Legs[leg]; was.At.Before(e.At) || e.Adopted {
			s.lookedAt(leg, was, e)
		}
	}
	s.settle()
}

// lookedAt compares one leg.
func (s *step) lookedAt(leg LegID, was LegSeen, e Looked) {
	is, exists := e.Legs[leg]
	switch {
	case exists:
		is.Muted, is.Watched, is.Dying, is.Ringing, is.At = was.Muted, was.Watched, was.Dying, was.Ringing, was.At
		is.Missed = was.Missed
		s.c.Seen.Legs[leg] = is
		if !is.Up && leg == s.c.Channel { // whatever became of our answer, it did not pick up
			if key := keyAnswer + string(leg); !s.underWay(key) {
				delete(s.c.Seen.Acts, key)
			}
		}
		if is.Up && !was.Up {
			s.legUp(leg)
		}
	case leg == s.c.Channel && (e.Adopted || e.Restarted):
		s.lost(e.Restarted)
	case s.underWay(keyRing + string(leg)):
	case !e.Adopted && s.unrung(leg): // its deadline closes the offer
	case !e.Adopted:
		s.unseen(leg)
	default:
		s.missing(leg)
	}
}

// eventLag is how far behind a snapshot the events may be that tell of the same end, on a loaded machine.
const eventLag = 500 * time.Millisecond

// unseen: a leg has ended. How, its events tell, unless they were lost: a snapshot may only have overtaken them (F33).
func (s *step) unseen(leg LegID) {
	l, known := s.c.Seen.Legs[leg]
	switch {
	case !known:
		s.untold(leg)
	case l.EndBy.IsZero(): // another look does not wait longer
		l.EndBy = s.now.Add(eventLag)
		s.c.Seen.Legs[leg] = l
	}
}

// untold ends a leg whose end nobody has told.
func (s *step) untold(leg LegID) {
	if leg == s.c.Channel {
		s.lost(false)
		return
	}
	s.legEnded(LegEnded{Leg: leg, Cause: causeUnseen})
}

// unrung says that an offer was stored when its time was over, so that no telephone was ever asked to ring for it.
func (s *step) unrung(leg LegID) bool {
	p, ours := s.c.onLeg(leg)
	_, open := s.c.offerOf(p)
	_, rung := s.c.Seen.Legs[leg]
	return ours && open && p.State == StateAsked && !rung
}

func (s *step) underWay(key string) bool {
	under, there := s.c.Seen.Acts[key]
	return there && under.Until.IsZero()
}

// adopt continues the call of a controller that died. An announcement of its is asked for, not repeated.
func (s *step) adopt(e Looked) {
	s.c.Seen = Seen{}.clone()
	for _, p := range s.c.Parts {
		if p.Leg != "" { // a snapshot does not show whether a leg is muted: it is told once more
			s.c.Seen.Legs[p.Leg] = LegSeen{Muted: p.ours() && !p.Joined.IsZero() && !p.Muted}
		}
		// The words that a leg is lost may run still, and would hold up who moves.
		switch o, open := s.c.offerOf(p); {
		case open && o.Kind == OfferResume:
			s.c.Seen.Playing = s.lostWords(o.ExpiresAt)
		case p.State == StateLost:
			s.c.Seen.Playing = s.lostWords(p.Deadline)
		}
	}
	// So may the words of who came while the row could not be written, and was answered before it stood.
	if s.c.Seen.Playing == "" && s.c.AnsweredAt.IsZero() && e.Legs[s.c.Channel].Up && s.now.Before(s.c.ArrivedAt.Add(noticeLimit)) {
		s.c.Seen.Playing = WaitWords(s.c.ID, s.c.Channel).Playback
	}
	if s.c.Phase == PhaseArrived {
		s.arrived(e.Legs[s.c.Channel].Up)
		return
	}
	if s.c.Phase == PhaseAdmission {
		s.announce(e.Legs[s.c.Channel].Up)
	}
}

// missing is a seat's leg that an adopted call should have. A crash between the commit and the ring leaves an offer that
// still can be rung (R5): the plan does it.
func (s *step) missing(leg LegID) {
	delete(s.c.Seen.Legs, leg)
	p, ok := s.c.onLeg(leg)
	if !ok {
		return
	}
	if o, open := s.c.offerOf(p); open && p.State == StateAsked {
		if !s.now.Before(o.ExpiresAt) {
			s.giveUp(o, OfferRescinded, "controller_restarted", seatIdle)
		}
		return
	}
	s.legEnded(LegEnded{Leg: leg, Cause: causeUnseen})
}

// knownLegs are the legs to compare, the citizen's first: who has lost the citizen need not look for the rest.
func (s *step) knownLegs(seen map[LegID]LegSeen) []LegID {
	all := maps.Clone(seen)
	if all == nil {
		all = make(map[LegID]LegSeen)
	}
	maps.Copy(all, s.c.Seen.Legs)
	for _, p := range s.c.Parts {
		if p.Leg != "" && p.State != StateGone {
			all[p.Leg] = LegSeen{}
		}
	}
	delete(all, s.c.Channel)
	rest := slices.Sorted(maps.Keys(all))
	if s.c.Channel == "" {
		return rest
	}
	return append([]LegID{s.c.Channel}, rest...)
}
