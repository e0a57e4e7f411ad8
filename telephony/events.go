package telephony

import (
	"time"

	"hotline/agent"
)

// Timer names one of a call's clocks; setting one again moves it.
type Timer string

// The timers of a call.
const (
	TimerNotice  Timer = "notice"  // an announcement's end was not reported
	TimerRing    Timer = "ring"    // the seat does not answer
	TimerConnect Timer = "connect" // the parties do not come together
	TimerGrace   Timer = "grace"   // a lost seat does not come back (A11)
	TimerRetry   Timer = "retry"   // time to try a lost seat again
)

// Event happens to a call.
//
//sumtype:decl
type Event interface{ event() }

// The events. Those about a leg name it, because a leg may be one that the call has already let go of.
type (
	// Arrived means: the call's row is written; its story begins. Up: the exchange had answered it already.
	Arrived struct{ Up bool }
	// PlayEnded means: an announcement is over, whether it ended, was stopped or failed.
	PlayEnded struct{ Playback string }
	// TimerFired means: a timer ran out.
	TimerFired struct{ Timer Timer }
	// OfferMade means: the matcher brought a seat.
	OfferMade struct{ Offer Offer }
	// SeatRinging means: the seat's telephone rings.
	SeatRinging struct{ Leg LegID }
	// SeatAnswered means: a seat leg is up and in the application.
	SeatAnswered struct{ Leg LegID }
	// LegJoined means: a leg is in the talk bridge.
	LegJoined struct{ Leg LegID }
	// LegParted means: a leg is out of the talk bridge.
	LegParted struct{ Leg LegID }
	// SeatDying means: a hang-up of the seat's leg was requested, or it left the application.
	SeatDying struct{ Leg LegID }
	// SeatGone means: the seat's leg is destroyed; the causes are those of LegGone.
	SeatGone struct {
		Leg       LegID
		Cause     int
		TechCause int
		Asked     bool
	}
	// RingFailed means: the seat could not be rung. Offline: it has no telephone registered; else the exchange did not do it.
	RingFailed struct {
		Leg     LegID
		Offline bool
	}
	// CallerLeft means: the citizen's leg is dying or gone. Soft: by the exchange, not by the citizen.
	CallerLeft struct{ Soft bool }
	// Declined means: a person at the seat refuses the offer.
	Declined struct {
		Offer  OfferID
		Reason string
	}
	// HungUp means: a person of ours ends the conversation.
	HungUp struct{}
	// PageReplaced means: another page has taken the seat's softphone over; the old leg's page is gone.
	PageReplaced struct{}
	// SeatOnline means: the seat's telephone is registered (again).
	SeatOnline struct{}
	// SeatKnown means: the seat as it is now, asked for by AskSeat, with an id for a fresh leg.
	SeatKnown struct {
		Seat agent.State
		Leg  LegID
	}
	// Seen means: what a snapshot shows of a call that lives (R2). Adopted: this controller knew nothing of it before.
	Seen struct {
		Adopted    bool
		CallerUp   bool
		CallerIn   bool // in the talk bridge
		CallerHeld bool // in the line's hold bridge
		Seat       LegID
		SeatUp     bool
		SeatIn     bool
	}
	// Lost means: a snapshot shows no channel of the citizen. Restarted: the exchange it lived in is another one now.
	Lost struct{ Restarted bool }
)

func (Arrived) event()      {}
func (PlayEnded) event()    {}
func (TimerFired) event()   {}
func (OfferMade) event()    {}
func (SeatRinging) event()  {}
func (SeatAnswered) event() {}
func (LegJoined) event()    {}
func (LegParted) event()    {}
func (SeatDying) event()    {}
func (SeatGone) event()     {}
func (RingFailed) event()   {}
func (CallerLeft) event()   {}
func (Declined) event()     {}
func (HungUp) event()       {}
func (PageReplaced) event() {}
func (SeatOnline) event()   {}
func (SeatKnown) event()    {}
func (Seen) event()         {}
func (Lost) event()         {}

// What the core waits for when nothing else says so.
const (
	noticeLimit  = 30 * time.Second       // longest announcement
	connectLimit = 2 * time.Second        // telephony.md 2.6
	ringBackstop = 2 * time.Second        // Asterisk's own ring limit beyond ours
	retryPause   = time.Second            // before a lost seat is tried unasked
	settlePause  = 500 * time.Millisecond // a re-registration is reported more than once
	declinePause = 2 * time.Second        // a telephone that refuses by itself must not be rung in a tight loop
)

// Announcements.
const (
	mediaUnknown      = "hotline/unknown-number"
	mediaClosed       = "hotline/closed"
	mediaReconnecting = "hotline/reconnecting"
)
