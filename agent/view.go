package agent

import (
	"time"

	"hotline/agent/policy"
)

// SeatView is a seat as screens show it: its state with the names of its people and what it does for calls.
type SeatView struct {
	State
	Label      string
	UnitName   string
	PersonName string
	Names      map[Place]string // of who sits beside; the board has the recorder's alone
	Call       string
	Offer      string
	Misses     int
}

// Shown is the one word that a screen shows for a seat (peers.md 3.1).
type Shown string

// The words.
const (
	ShownSignedOut      Shown = "signed_out"
	ShownReady          Shown = "ready"
	ShownRinging        Shown = "ringing"
	ShownTalking        Shown = "talking"
	ShownWrapUp         Shown = "wrap_up"
	ShownRest           Shown = "rest"
	ShownBusy           Shown = "busy"
	ShownDeviceFailed   Shown = "device_failed"
	ShownPendingRest    Shown = "pending_rest"
	ShownPendingSignOut Shown = "pending_sign_out"
)

// Shown derives the word. Work goes first, because a citizen is on the line; what is pending shows once the citizen has gone.
func (s State) Shown() Shown {
	switch s.Work {
	case WorkOffered:
		return ShownRinging
	case WorkEngaged:
		return ShownTalking
	case WorkWrapUp, WorkIdle:
	}
	switch {
	case s.Person == "":
		return ShownSignedOut
	case s.Pending == PendingSignOut:
		return ShownPendingSignOut
	case s.Pending == PendingRest:
		return ShownPendingRest
	case s.Work == WorkWrapUp:
		return ShownWrapUp
	case s.Intent == IntentRest:
		return ShownRest
	case s.Intent == IntentReady && s.Device != DeviceOK:
		return ShownDeviceFailed
	case s.Intent == IntentReady:
		return ShownReady
	}
	return ShownBusy
}

// IdleSince is the time since which the seat has been in no call under its present intent: the line serves the seat that is
// idle longest. Zero while it is in a call.
func (s State) IdleSince() time.Time {
	switch {
	case s.Work != WorkIdle:
		return time.Time{}
	case s.WorkSince.After(s.Since):
		return s.WorkSince
	}
	return s.Since
}

// Unit is a department that receives calls or handles tickets.
type Unit struct {
	Code      string
	ShortName string
	FullName  string
	Kind      string
}

// Session is the Thursday event (场次) as screens show it.
type Session struct {
	Number   int
	UnitName string
	Theme    string
	OpensAt  time.Time
	ClosesAt time.Time
	State    string
}

// Person is someone with an account.
type Person struct {
	ID         PersonID
	LoginName  string
	Name       string
	Unit       string // code; empty for people of the hotline itself
	UnitName   string
	Roles      []Role
	DisabledAt time.Time // zero: may sign in
	CreatedAt  time.Time
}

// Standing is what a person is now, whatever was true at the sign-in: roles, unit, and the seat where they sit.
type Standing struct {
	Identity // person, unit and roles; nothing of a login

	Seat  SeatID // empty: nowhere, or no longer by an assignment
	Place Place
	Line  LineID // of the seat
	Tx    uint64 // transaction in which they sat down: news of the seat from before is not theirs (RS5)
}

// Sitter is a person who sits somewhere, with what must be true of them for that.
type Sitter struct {
	Sitting

	Person   PersonID
	Kind     SeatKind
	Roles    []Role
	Disabled bool
	SignedIn bool // anywhere, or at a plain telephone, which needs no page
	Assigned bool // to the place, now or in a session that is over: its end throws nobody out
}

// Lost says why the person can no longer sit there; empty: nothing is lost.
func (s Sitter) Lost() string {
	switch {
	case s.Disabled:
		return "barred"
	case !policy.Can(s.Roles, sitting(s.Kind, s.Place), policy.Resource{}):
		return "role taken back"
	case !s.Assigned:
		return "assignment taken back"
	case !s.SignedIn:
		return "login ended"
	}
	return ""
}

// Sitting is where a person sits.
type Sitting struct {
	Seat  SeatID
	Place Place
}
