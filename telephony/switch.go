package telephony

import (
	"errors"
	"strings"
	"time"

	"hotline/agent"
)

// LegID is a channel id in Asterisk. The citizen's is Asterisk's own; every leg that we make bears our prefix (R5).
type LegID string

// legPrefix begins every leg that we make, so that nothing foreign is ever taken for ours (RT6).
const legPrefix = "hl-"

// LegOf is the leg that an offer rings.
func LegOf(o OfferID) LegID { return LegID(legPrefix + string(o)) }

// Ours says that the leg was made by us.
func (l LegID) Ours() bool { return strings.HasPrefix(string(l), legPrefix) }

// BridgeID is a bridge id in Asterisk: HoldBridge(line) or TalkBridge(call).
type BridgeID string

// HoldBridge is where callers of a line wait with music.
func HoldBridge(line agent.LineID) BridgeID { return BridgeID("hold-" + string(line)) }

// TalkBridge is where a call's parties hear each other.
func TalkBridge(call CallID) BridgeID { return BridgeID("talk-" + string(call)) }

// BridgeKind selects the mixing technology.
type BridgeKind string

// The kinds of bridge.
const (
	BridgeHolding BridgeKind = "holding"
	BridgeMixing  BridgeKind = "mixing"
)

// Errors of a Switch.
var (
	// ErrGone: the channel or bridge does not exist any more, or is dying. Events decide what follows.
	ErrGone = errors.New("gone from the exchange")
	// ErrSeatOffline: a seat could not be rung because no telephone is registered (ARI: 500 Allocation failed).
	ErrSeatOffline = errors.New("seat has no telephone registered")
	// ErrNoDecision: the controller's lease is not fresh, so it may not decide (R4, hold-only).
	ErrNoDecision = errors.New("hold-only: the lease is not fresh")
)

// RingRequest is one offer as the exchange needs it.
type RingRequest struct {
	Leg      LegID
	Endpoint string        // PJSIP endpoint of the seat
	Caller   LegID         // originator: its codec order is used
	CallerID string        // shown by the telephone; masked
	Limit    time.Duration // Asterisk's backstop, 2 s beyond ours
	Resume   bool          // the seat comes back to a conversation: the page answers by itself
}

// Endpoint is a run-time telephone account of a seat (telephony.md 3.3).
type Endpoint struct {
	Name    string
	HA1     string // MD5 digest of name:realm:secret; empty for a sip phone with a fixed contact
	Contact string // sip:…; empty for a browser
}

// Channel is a channel that exists in the exchange now.
type Channel struct {
	ID        LegID
	State     string // Up, Ring, Ringing, Down
	Caller    string // number as the carrier gave it
	Dialled   string
	CreatedAt time.Time
	InApp     bool // inside our Stasis application
	Bridge    BridgeID
}

// Up says that the channel is answered.
func (c Channel) Up() bool { return c.State == "Up" }

// Bridge is a bridge that exists in the exchange now.
type Bridge struct {
	ID       BridgeID
	Kind     BridgeKind
	Channels []LegID
}

// Snapshot is what exists in the exchange (R2).
type Snapshot struct {
	Entity   string    // entity id and start-up time: changes when Asterisk was restarted
	Began    time.Time // start-up time, by the exchange's own clock; zero: not told in a form that is known
	Told     time.Time // by the exchange's own clock, to the second: when it told the channels; zero: it did not say
	Channels []Channel
	Bridges  []Bridge
}

// LegIn is the leg that a signal is about; empty when it is about none.
func LegIn(s Signal) LegID {
	switch s := s.(type) {
	case Entered:
		return s.Leg
	case Answered:
		return s.Leg
	case Ringing:
		return s.Leg
	case EnteredBridge:
		return s.Leg
	case LeftBridge:
		return s.Leg
	case HangupRequested:
		return s.Leg
	case LegLeft:
		return s.Leg
	case LegGone:
		return s.Leg
	case Up, Down, Replaced, Overflow, PlayDone, EndpointChanged, Unknown:
	}
	return ""
}

// Signal is what the exchange reports: an event of a channel, or of the connection itself.
//
//sumtype:decl
type Signal interface{ signal() }

// The signals. Leg is the channel they are about; At is the exchange's own time stamp.
type (
	// Up means: the event socket stands (again). What happened before is only in a Snapshot.
	Up struct{ Entity string }
	// Down means: the event socket is lost; events are being missed.
	Down struct{ Err error }
	// Replaced means: another controller took the application over. Stop acting (R3).
	Replaced struct{}
	// Overflow means: the event queue was full and events were dropped; reconcile.
	Overflow struct{}
	// Entered means: a channel has come into the application. Args are those of Stasis() or of the originate.
	Entered struct {
		Leg     LegID
		Args    []string
		Caller  string
		Dialled string
		At      time.Time
	}
	// Answered means: the channel is up.
	Answered struct{ Leg LegID }
	// Ringing means: the telephone of a seat leg rings.
	Ringing struct{ Leg LegID }
	// EnteredBridge means: the channel is in the bridge. It does not count after HangupRequested of the same leg.
	EnteredBridge struct {
		Leg    LegID
		Bridge BridgeID
	}
	// LeftBridge means: the channel is out of the bridge.
	LeftBridge struct {
		Leg    LegID
		Bridge BridgeID
	}
	// HangupRequested means: the channel is dying. Soft: by us or the dialplan, else by the far end.
	HangupRequested struct {
		Leg  LegID
		Soft bool
	}
	// LegLeft means: the channel left the application (StasisEnd).
	LegLeft struct{ Leg LegID }
	// LegGone means: the channel is destroyed. Cause is Q.850; TechCause the SIP status or 0. Asked: a HangupRequested came before,
	// which tells a telephone's own 480 from the ring timeout's (telephony.md 2.5).
	LegGone struct {
		Leg       LegID
		Cause     int
		TechCause int
		Asked     bool
	}
	// PlayDone means: a playback ended, was stopped or failed.
	PlayDone struct {
		Playback string
		Failed   bool
	}
	// EndpointChanged means: a seat's telephone came or went.
	EndpointChanged struct {
		Endpoint string
		Online   bool
	}
	// Unknown means: an event type we do not know; counted.
	Unknown struct{ Type string }
)

func (Up) signal()              {}
func (Down) signal()            {}
func (Replaced) signal()        {}
func (Overflow) signal()        {}
func (Entered) signal()         {}
func (Answered) signal()        {}
func (Ringing) signal()         {}
func (EnteredBridge) signal()   {}
func (LeftBridge) signal()      {}
func (HangupRequested) signal() {}
func (LegLeft) signal()         {}
func (LegGone) signal()         {}
func (PlayDone) signal()        {}
func (EndpointChanged) signal() {}
func (Unknown) signal()         {}
