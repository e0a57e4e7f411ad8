package telephony

import (
	"time"

	"hotline/agent"
)

// CallID is the UUIDv7 of a call's row; it never changes, whatever happens to the channels.
type CallID string

// OfferID is the UUIDv7 of an offer; the seat leg's channel carries it (R5).
type OfferID string

// State of a call (peers.md 3.4, as far as this release goes).
type State string

// The states.
const (
	StateArrived      State = "arrived"      // in the application, row written
	StateScreening    State = "screening"    // answered; hears the recording notice
	StateQueued       State = "queued"       // waits in the line with music
	StateOffered      State = "offered"      // a seat rings for it
	StateConnecting   State = "connecting"   // the seat has answered; the parties are being joined
	StateTalking      State = "talking"      // both in the talk bridge
	StateReconnecting State = "reconnecting" // the seat's leg is lost, the caller holds, the same seat is rung again (A11)
	StateEnded        State = "ended"        // over; outcome says how
)

// Outcome is how a call ended: exactly one, from this list (peers.md 3.4).
type Outcome string

// The outcomes.
const (
	OutcomeAnsweredOfficial Outcome = "answered_official"
	OutcomeAnsweredOperator Outcome = "answered_operator"
	OutcomeAbandonedInQueue Outcome = "abandoned_in_queue"
	OutcomeAbandonedShort   Outcome = "abandoned_short" // wait of at most ShortAbandon (K-04)
	OutcomeAbandonedRinging Outcome = "abandoned_ringing"
	OutcomeClosedBeforeTurn Outcome = "closed_before_turn"
	OutcomeOutOfScope       Outcome = "out_of_scope"
	OutcomeBlocked          Outcome = "blocked"
	OutcomeSystemFailure    Outcome = "system_failure"
)

// ShortAbandon is the longest wait that still counts as a short abandon (K-04, design.md 8).
const ShortAbandon = 5 * time.Second

// Call is one citizen's telephone call. The first part is its row; Live is what only the exchange knows.
type Call struct {
	ID         CallID
	Channel    LegID  // the citizen's leg
	Entity     string // of the exchange it lives in
	Line       agent.LineID
	Session    string // of the Thursday event; empty outside one
	Dialled    string
	Masked     string // 138****5678; empty: anonymous
	Place      string // empty: unknown
	State      State
	Seq        int64 // order of arrival, kept for ever (I6)
	Priority   int   // band; lower is served first
	ArrivedAt  time.Time
	QueuedAt   time.Time // t_in (domain.md 4.2)
	AnsweredAt time.Time // t_ans: both in the bridge for the first time
	EndedAt    time.Time
	Outcome    Outcome
	Cause      string       // who or what ended it: caller, seat, controller, lost, platform
	Seat       agent.SeatID // of the accepted offer
	Offer      *Offer       // the open offer, or the accepted one while its leg lives or is being re-rung
	Epoch      int64
	Version    int64

	Rules Rules // of its line, as they were when it arrived or was loaded
	Live  Live
}

// Rules are the settings of a line that the core reads.
type Rules struct {
	Ring   time.Duration // how long a seat rings
	WrapUp time.Duration // after a conversation; 0: none
	Grace  time.Duration // for a lost seat leg to come back (A11)
	Notice string        // media of the recording notice; empty: none
	Open   bool          // a session takes calls on this line
}

// Live is the part of a call that is not stored: it is rebuilt from a Snapshot after a restart (R2).
type Live struct {
	CallerUp    bool // the citizen's leg is answered
	CallerDying bool // a hang-up was requested; entering a bridge no longer counts (telephony.md 2.4)
	CallerIn    bool // in the talk bridge
	SeatUp      bool // the seat's leg is answered
	SeatDying   bool
	SeatIn      bool      // in the talk bridge
	Playback    string    // running announcement
	SeatRinging bool      // the telephone of the seat's leg has said that it rings
	RungAt      time.Time // when the seat's leg was asked for
}

// OfferState is the state of an offer; all but open are final (peers.md 3.3).
type OfferState string

// The offer states.
const (
	OfferOpen         OfferState = "open"
	OfferAccepted     OfferState = "accepted"
	OfferDeclined     OfferState = "declined"
	OfferExpired      OfferState = "expired"
	OfferCallerLeft   OfferState = "caller_left"
	OfferDeviceFailed OfferState = "device_failed"
	OfferRescinded    OfferState = "rescinded"
)

// Offer is a lease of one seat for one call.
type Offer struct {
	ID        OfferID
	Leg       LegID // of the seat: the offer's id; a fresh id when the seat is rung again after a lost leg
	Seat      agent.SeatID
	Person    agent.PersonID
	Phone     agent.Phone
	Endpoint  string
	State     OfferState
	Reason    string
	OfferedAt time.Time
	RingingAt time.Time
	ExpiresAt time.Time
	ClosedAt  time.Time
}
