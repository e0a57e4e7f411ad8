package agent

import (
	"fmt"
	"slices"
	"time"
)

// Event is what may happen to a seat's presence, intent or device (peers.md 3.2). Its work is telephony's.
//
//sumtype:decl
type Event interface{ presence() }

// The events.
type (
	// Took says that a person takes a place at the seat (A1). TakeOver: also from the same person's other page.
	Took struct {
		By       PersonID
		Place    Place
		TakeOver bool
	}
	// Left says that the person at a place signs out, or that a supervisor signs them out (Force, with a reason: A14).
	Left struct {
		By     PersonID
		Place  Place
		Force  bool
		Reason string
	}
	// Attended says that who sits at a place beside has no page any more, or has one again (RU13).
	Attended struct {
		Who   PersonID
		Place Place
		Away  bool
	}
	// Connected says that a page of the person brings a telephone. The endpoint is fresh.
	Connected struct {
		By       PersonID
		Client   string
		Phone    Phone
		Endpoint string
		HA1      string
		Contact  string
	}
	// Registered is the exchange's word: it sees the telephone come or go (A10). An endpoint that the seat has dropped changes nothing.
	Registered struct {
		Endpoint string
		Online   bool
	}
	// Reported is the page's word whether its sound works.
	Reported struct {
		By     PersonID
		Client string
		Device Device // ok or media_failed
	}
	// Wished says that the person wants another intent, or a supervisor does (Force, with a reason: A2, A3, A4, A14).
	Wished struct {
		By       PersonID
		Intent   Intent
		RestCode string
		Minutes  int // planned length of a rest; 0: open-ended
		Version  int64
		Force    bool
		Reason   string
	}
	// PendingCancelled says that the person takes a pending intent back (A4).
	PendingCancelled struct {
		By      PersonID
		Version int64
		Force   bool
	}
	// WorkEnded says that the seat's work is over, so what is pending takes effect (A4).
	WorkEnded struct{}
)

func (Took) presence()             {}
func (Left) presence()             {}
func (Attended) presence()         {}
func (Connected) presence()        {}
func (Registered) presence()       {}
func (Reported) presence()         {}
func (Wished) presence()           {}
func (PendingCancelled) presence() {}
func (WorkEnded) presence()        {}

// maxRest bounds the planned length of a rest.
const maxRest = 480

// Apply decides what an event makes of a seat. A refused event leaves the state as it is; an event that changes nothing
// returns it without facts; any change raises the version by one. It never touches the work.
func Apply(s State, e Event, now time.Time) (State, []Fact, error) {
	next, facts, err := apply(s, e, now)
	if err != nil {
		return s, nil, err
	}
	return next, facts, nil
}

func apply(s State, e Event, now time.Time) (State, []Fact, error) {
	switch e := e.(type) {
	case Took:
		return take(s, e, now)
	case Left:
		return leave(s, e, now)
	case Attended:
		return attend(s, e)
	case Connected:
		return connect(s, e)
	case Registered:
		return register(s, e)
	case Reported:
		return report(s, e)
	case Wished:
		return wish(s, e, now)
	case PendingCancelled:
		return cancelPending(s, e)
	case WorkEnded:
		return workEnded(s, now)
	}
	return s, nil, fmt.Errorf("event %T: unknown", e)
}

func take(s State, e Took, now time.Time) (State, []Fact, error) {
	if e.By == "" {
		return s, nil, ErrNotAllowed
	}
	if !slices.Contains(Places(s.Kind), Chair(s.Kind, e.Place)) || e.Place == PlaceOperator {
		return s, nil, &FieldError{Field: "place", Mend: "the seat has no place of that name"}
	}
	if at := s.placeOf(e.By); at != "" && at != e.Place {
		return s, nil, &PersonElsewhereError{Seat: s.Seat}
	}
	if e.Place != PlaceOfficial {
		return takeSide(s, e)
	}
	switch {
	case s.Person == "":
		n := signedOut(s, now)
		n.Person = e.By
		n.Version++
		return n, []Fact{takenFact(n, e)}, nil
	case s.Person != e.By:
		return s, nil, &SeatTakenError{By: s.Person}
	case s.Client == "":
		return s, nil, nil // signed in, but no page has its telephone yet: nothing to take over
	case !e.TakeOver:
		return s, nil, &SeatTakenError{By: s.Person}
	}
	// The old page loses the telephone and is told; intent and work stay, so that a conversation can come back (A11).
	n := withoutPhone(s)
	n.Version++
	return n, []Fact{clientFact(n), deviceFact(n)}, nil
}

func takeSide(s State, e Took) (State, []Fact, error) {
	n := s
	side := n.side(e.Place)
	before := *side
	switch {
	case before.Person == e.By:
		return s, nil, nil
	case before.Person != "" && !before.Away:
		return s, nil, &SeatTakenError{By: before.Person}
	}
	*side = Side{Person: e.By}
	n.Version++
	if before.Person != "" {
		return n, []Fact{signedOutFact(n, before.Person, e.Place, "page closed"), takenFact(n, e)}, nil
	}
	return n, []Fact{takenFact(n, e)}, nil
}

func leave(s State, e Left, now time.Time) (State, []Fact, error) {
	who := s.At(e.Place)
	switch {
	case who == "":
		return s, nil, nil
	case who != e.By && !e.Force:
		return s, nil, ErrNotAllowed
	case e.Force && e.Reason == "":
		return s, nil, ErrReasonMissing
	case e.Place != PlaceOfficial:
		n := s
		*n.side(e.Place) = Side{}
		n.Version++
		return n, []Fact{forced(e.Force, signedOutFact(n, who, e.Place, e.Reason))}, nil
	case s.Work == WorkIdle:
		n := signedOut(s, now)
		n.Version++
		return n, []Fact{forced(e.Force, signedOutFact(n, who, PlaceOfficial, e.Reason))}, nil
	case s.Pending == PendingSignOut:
		return s, nil, nil
	}
	n := s
	n.Pending = PendingSignOut
	if n.Intent != IntentRest {
		n.RestCode, n.RestMinutes = "", 0 // of a rest that was pending before
	}
	n.Version++
	return n, []Fact{forced(e.Force, intentFact(n, e.Reason))}, nil
}

func takenFact(s State, e Took) Fact {
	return seatFact(s, "seat.taken", map[string]any{"person": e.By, "place": e.Place, "version": s.Version})
}

func signedOutFact(s State, person PersonID, place Place, reason string) Fact {
	data := map[string]any{"person": person, "place": place, "version": s.Version}
	if reason != "" {
		data["reason"] = reason
	}
	return seatFact(s, "seat.signed_out", data)
}

func workEnded(s State, now time.Time) (State, []Fact, error) {
	if s.Work != WorkIdle || s.Pending == PendingNone {
		return s, nil, nil
	}
	person := s.Person
	n := s
	switch s.Pending {
	case PendingSignOut:
		n = signedOut(s, now)
		n.Version++
		return n, []Fact{signedOutFact(n, person, PlaceOfficial, "")}, nil
	case PendingRest:
		n = withIntent(n, IntentRest, n.RestCode, n.RestMinutes, now)
	case PendingBusy:
		n = withIntent(n, IntentBusy, "", 0, now)
	case PendingNone:
	}
	n.Version++
	return n, []Fact{intentFact(n, "")}, nil
}

// signedOut is the seat without a person at the telephone; who sits beside stays.
func signedOut(s State, now time.Time) State {
	n := withIntent(withoutPhone(s), IntentBusy, "", 0, now)
	n.Person = ""
	return n
}
