package agent

import "time"

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

// Place is one of the two chairs at a seat.
type Place string

// The places: the one who answers has the telephone, the recorder types beside.
const (
	PlaceOfficial Place = "official"
	PlaceRecorder Place = "recorder"
)

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
	Recorder  PersonID // empty: nobody beside
	Client    string   // page that holds the softphone
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

	Kind        SeatKind
	Registered  bool // the exchange sees the telephone; Device is made of this and of the page's report
	RestMinutes int  // planned length of the rest; 0: open-ended

	Work      Work
	WorkSince time.Time
	Until     time.Time // end of wrap-up
}

// Open says that the person at the seat takes calls: everything of "routable" (peers.md 3.1) but the work.
func (s State) Open() bool {
	return s.Person != "" && s.Intent == IntentReady && s.Pending == PendingNone && s.Device == DeviceOK
}
