package agent

import (
	"slices"
	"time"
)

// SeatID is the short name of a place in the hall, "A01".
type SeatID string

// LineID names a line (队列), "session".
type LineID string

// Intent is what the person at a seat wants: one of the four facts of a seat (peers.md 3.1).
type Intent string

// The intents.
const (
	IntentReady Intent = "ready" // 示闲
	IntentRest  Intent = "rest"  // 小休
	IntentBusy  Intent = "busy"  // 示忙
)

// Pending is an intent that takes effect when the seat's work is over (A4).
type Pending string

// The pending intents; the empty one means none.
const (
	PendingNone    Pending = ""
	PendingRest    Pending = "rest"
	PendingBusy    Pending = "busy"
	PendingSignOut Pending = "sign_out"
)

// Device is the state of a seat's telephone.
type Device string

// The device states.
const (
	DeviceOK           Device = "ok"
	DeviceUnregistered Device = "unregistered"
	DeviceMediaFailed  Device = "media_failed"
	DeviceUnknown      Device = "unknown"
)

// Phone is the kind of telephone at a seat.
type Phone string

// The kinds: the browser softphone registers over /sip, a sip phone has a fixed contact (load tests, demo).
const (
	PhoneBrowser Phone = "browser"
	PhoneSIP     Phone = "sip"
)

// SeatKind says who works at a seat: officials of the session, or operators of the ordinary line.
type SeatKind string

// The kinds of seat.
const (
	SeatOfficial SeatKind = "official"
	SeatOperator SeatKind = "operator"
)

// Place is a chair at a seat.
type Place string

// The places: the one who answers, and those beside.
const (
	PlaceOfficial   Place = "official"   // who answers, and whom calls are offered to
	PlaceOperator   Place = "operator"   // who answers at an operator's seat, as assignments and sittings name it; see Chair
	PlaceRecorder   Place = "recorder"   // types beside
	PlaceDeputy     Place = "deputy"     // stands in for the official, and sees the seat's calls as the recorder does
	PlaceRoom       Place = "room"       // is at hand in the hall (peers.md 4.3 no. 7); sees a call when named to it, and none before
	PlaceSupervisor Place = "supervisor" // sees what the role lets, at whatever place
)

// Places are those that a kind of seat has, as assignments and sittings name them.
func Places(kind SeatKind) []Place {
	if kind == SeatOperator {
		return []Place{PlaceOperator, PlaceRecorder, PlaceSupervisor}
	}
	return []Place{PlaceOfficial, PlaceRecorder, PlaceDeputy, PlaceRoom, PlaceSupervisor}
}

// AtDesk says that whoever sits there has part in the calls of the seat (RS4).
func (p Place) AtDesk() bool { return p != "" && p != PlaceRoom && p != PlaceSupervisor }

// Chair is a place as assignments and sittings name it.
func Chair(kind SeatKind, place Place) Place {
	if kind == SeatOperator && place == PlaceOfficial {
		return PlaceOperator
	}
	return place
}

// Work is what the seat does for calls; written by telephony, read here.
type Work string

// The kinds of work.
const (
	WorkIdle    Work = "idle"
	WorkOffered Work = "offered"
	WorkEngaged Work = "engaged"
	WorkWrapUp  Work = "wrap_up"
)

// State is what agent knows of a seat: presence, intent and device, with the work that telephony wrote beside them.
type State struct {
	Seat      SeatID
	Line      LineID
	Person    PersonID // empty: signed out
	Recorder  Side
	Client    string // page that holds the softphone
	Phone     Phone
	Endpoint  string
	Contact   string
	HA1       string
	Intent    Intent
	RestCode  string
	RestUntil time.Time
	Pending   Pending
	Device    Device
	Since     time.Time // of the intent
	Version   int64

	Deputy     Side
	Room       Side
	Supervisor Side

	Kind        SeatKind
	Registered  bool // the exchange sees the telephone; Device is made of this and of the page's report
	RestMinutes int  // planned length of the rest; 0: open-ended

	Work      Work
	WorkSince time.Time
	Until     time.Time // end of wrap-up
}

// Side is who sits at a place beside the one who answers.
type Side struct {
	Person PersonID // empty: nobody
	Away   bool     // has had no page for a while (RU13); the place is theirs until somebody else takes it, or for long
}

// Sides are the places beside, in the order in which screens show them.
func Sides() []Place { return []Place{PlaceRecorder, PlaceDeputy, PlaceRoom, PlaceSupervisor} }

// side is a place beside; nil: it is none.
func (s *State) side(p Place) *Side {
	switch p {
	case PlaceRecorder:
		return &s.Recorder
	case PlaceDeputy:
		return &s.Deputy
	case PlaceRoom:
		return &s.Room
	case PlaceSupervisor:
		return &s.Supervisor
	case PlaceOfficial, PlaceOperator:
	}
	return nil
}

// Beside is who sits at a place beside; nobody where there is none.
func (s State) Beside(p Place) Side {
	if side := s.side(p); side != nil {
		return *side
	}
	return Side{}
}

// At is who sits at a place; empty: nobody.
func (s State) At(p Place) PersonID {
	if p == PlaceOfficial {
		return s.Person
	}
	return s.Beside(p).Person
}

// Absent are the places whose person has had no page for a while (RU13); never nil.
func (s State) Absent() []Place {
	return slices.DeleteFunc(Sides(), func(p Place) bool { return !s.Beside(p).Away })
}

// Sits says that a person has a place at the seat.
func (s State) Sits(who PersonID) bool { return s.placeOf(who) != "" }

// placeOf is where at the seat a person sits; empty: nowhere there.
func (s State) placeOf(who PersonID) Place {
	for _, p := range append(Sides(), PlaceOfficial) {
		if who != "" && s.At(p) == who {
			return p
		}
	}
	return ""
}

// Open says that the person at the seat takes calls: everything of "routable" (peers.md 3.1) but the work.
func (s State) Open() bool {
	return s.Person != "" && s.Intent == IntentReady && s.Pending == PendingNone && s.Device == DeviceOK
}
