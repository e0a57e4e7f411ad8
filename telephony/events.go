package telephony

import (
	"time"

	"hotline/agent"
)

// Event happens to a call.
//
//sumtype:decl
type Event interface{ event() }

// The events. Those about a leg name it, because a leg may be one that the call has already let go of.
type (
	// Arrived means: the call's row is written; its story begins. Up: the exchange had answered it already.
	Arrived struct{ Up bool }
	// LegRings means: the telephone of a leg rings.
	LegRings struct{ Leg LegID }
	// LegUp means: a leg is answered and in the application.
	LegUp struct{ Leg LegID }
	// LegEntered means: a leg is in a bridge.
	LegEntered struct {
		Leg    LegID
		Bridge BridgeID
	}
	// LegParted means: a leg is out of a bridge.
	LegParted struct {
		Leg    LegID
		Bridge BridgeID
	}
	// LegDying means: a hang-up of the leg was requested, or it left the application. Soft: by the exchange, not by the far end.
	LegDying struct {
		Leg  LegID
		Soft bool
	}
	// LegEnded means: the leg is destroyed; the causes are those of LegGone.
	LegEnded struct {
		Leg   LegID
		Cause int
		Asked bool
	}
	// PlayEnded means: an announcement is over, whether it ended, was stopped or failed.
	PlayEnded struct{ Playback string }
	// ActEnded means: an act that was under way has its answer.
	ActEnded struct {
		Order  Order
		Result Result
	}
	// Looked means: a snapshot shows this of a call (R2).
	Looked struct {
		At        time.Time // before it was taken: what happened to a leg since, it does not know
		Adopted   bool      // this controller knew nothing of the call before
		Restarted bool      // the exchange that the call lived in is another one now
		Legs      map[LegID]LegSeen
		Talk      bool // the talk bridge exists
	}
	// TimePassed means: it is time to look at the deadlines; see Call.Due.
	TimePassed struct{}

	// Offered means: the line brings a seat. Other kinds of offers come with their acts.
	Offered struct{ Offer Offer }
	// Declined means: a person at the seat refuses the offer.
	Declined struct {
		Offer  OfferID
		Reason string
	}
	// HungUp means: a person of ours ends their part in the conversation. Seat is theirs; empty: a supervisor ends it for all.
	HungUp struct {
		Seat    agent.SeatID
		Version int64 // of the call as they saw it; 0: any
	}
	// Held means: the person at the seat puts the citizen on hold, or takes the citizen back.
	Held struct {
		Seat    agent.SeatID
		On      bool
		Version int64
	}
	// Muted means: the person at the seat wants not to be heard, or to be heard again.
	Muted struct {
		Seat    agent.SeatID
		On      bool
		Version int64
	}
	// PageReplaced means: another page has taken the seat's softphone over; the old leg's page is gone.
	PageReplaced struct{ Seat agent.SeatID }
	// PhoneGone means: the exchange no longer sees the seat's telephone. While people talk, only the end of its leg counts.
	PhoneGone struct{ Seat agent.SeatID }
	// SeatOnline means: the seat's telephone is registered (again).
	SeatOnline struct{ Seat agent.SeatID }
	// SeatKnown means: the seat as it is now, asked for by AskSeat, with an id for an offer to come back.
	SeatKnown struct {
		Seat  agent.State
		Offer OfferID
	}
	// AllRecused means: every official of the line who is there recuses from this call. Line, with its rules, is the operators'
	// behind the same number; empty: there is none.
	AllRecused struct {
		Line  agent.LineID
		Rules Rules
	}
	// Failed means: this call can not go on as it is (RT2): an error of ours, or a row that nothing can be stored in.
	Failed struct{}
)

func (Arrived) event()      {}
func (LegRings) event()     {}
func (LegUp) event()        {}
func (LegEntered) event()   {}
func (LegParted) event()    {}
func (LegDying) event()     {}
func (LegEnded) event()     {}
func (PlayEnded) event()    {}
func (ActEnded) event()     {}
func (Looked) event()       {}
func (TimePassed) event()   {}
func (Offered) event()      {}
func (Declined) event()     {}
func (HungUp) event()       {}
func (Held) event()         {}
func (Muted) event()        {}
func (PageReplaced) event() {}
func (PhoneGone) event()    {}
func (SeatOnline) event()   {}
func (SeatKnown) event()    {}
func (AllRecused) event()   {}
func (Failed) event()       {}

// Result is how an act ended.
type Result int

// The results.
const (
	ResultDone    Result = iota
	ResultFailed         // the exchange did not do it, or its answer was lost
	ResultGone           // the leg or bridge is not there any more
	ResultOffline        // the seat has no telephone registered
	ResultDropped        // not tried: an act before it failed
)

// What the core waits for when nothing else says so.
const (
	noticeLimit  = 30 * time.Second       // longest announcement
	connectLimit = 2 * time.Second        // from a seat's answer to both in the bridge (telephony.md 2.6)
	ringBackstop = 2 * time.Second        // Asterisk's own ring limit beyond ours
	retryPause   = time.Second            // before what failed is tried unasked
	mostMissed   = 4                      // doublings of that pause, at most
	settlePause  = 500 * time.Millisecond // a re-registration is reported more than once
	declinePause = 2 * time.Second        // a telephone that refuses by itself must not be rung in a tight loop
	actSettles   = 2 * time.Second        // from an act's answer to the event that shows its effect
	missesTold   = 3                      // misses in a row of which staff are told (A8)
)

// Announcements.
const (
	mediaUnknown      = "hotline/unknown-number"
	mediaClosed       = "hotline/closed"
	mediaReconnecting = "hotline/reconnecting"
	mediaCallback     = "hotline/callback"
	mediaReceived     = "hotline/hold"
)
