package telephony

import (
	"time"

	"hotline/agent"
)

// Effect is what the controller must do next. Records are stored in one transaction with the call (Change) before the
// first act is done.
//
//sumtype:decl
type Effect interface{ effect() }

// Records: parts of the Change.
type (
	// StoreOffer stores the offer's new state.
	StoreOffer struct{ Offer Offer }
	// SetWork says what a seat does for calls from now on.
	SetWork struct{ SeatWork }
	// RecordLeg tells of a participant; zero times leave what is known.
	RecordLeg struct{ Leg }
	// Tell appends a fact.
	Tell struct{ Fact }
	// OpenCallback makes a task of a caller whom nobody reached.
	OpenCallback struct{}
)

// Acts: what is done once the Change is stored, in order.
type (
	// Watch subscribes to the end of a leg.
	Watch struct{ Leg LegID }
	// Answer picks up the citizen's leg; never done twice.
	Answer struct{ Leg LegID }
	// Hangup ends a leg.
	Hangup struct {
		Leg    LegID
		Reason string
	}
	// Ring lets a seat's telephone ring.
	Ring struct{ RingRequest }
	// EnsureBridge makes a bridge.
	EnsureBridge struct {
		Bridge BridgeID
		Kind   BridgeKind
	}
	// DeleteBridge removes a bridge.
	DeleteBridge struct{ Bridge BridgeID }
	// Hold puts the citizen where music plays.
	Hold struct {
		Bridge BridgeID
		Leg    LegID
	}
	// Join brings legs into the talk bridge.
	Join struct {
		Bridge BridgeID
		Legs   []LegID
	}
	// Play starts an announcement to a leg.
	Play struct {
		Leg      LegID
		Playback string
		Media    string
	}
	// StopPlay ends an announcement; a join behind a running one would wait for its end (telephony.md 2.4).
	StopPlay struct{ Playback string }
	// JoinLine puts the caller into the line at its place, from which a seat is looked for at once.
	JoinLine struct {
		Line agent.LineID
		Waiting
	}
	// LeaveLine takes the caller out of the line.
	LeaveLine struct{ Line agent.LineID }
	// FreeSeat says that a seat's work is over, since when as it is stored. After: rest before it may be offered again.
	// Out: it stays out of the roster until its telephone reports again, or half a minute has passed.
	FreeSeat struct {
		Line  agent.LineID
		Seat  agent.SeatID
		Since time.Time
		After time.Duration
		Out   bool
	}
	// StartWrapUp sets the clock of a seat's wrap-up.
	StartWrapUp struct {
		Seat  agent.SeatID
		Until time.Time
	}
	// AskSeat wants SeatKnown.
	AskSeat struct{ Seat agent.SeatID }
	// SetTimer sets or moves a timer.
	SetTimer struct {
		Timer Timer
		At    time.Time
	}
	// StopTimer forgets a timer.
	StopTimer struct{ Timer Timer }
)

func (StoreOffer) effect()   {}
func (SetWork) effect()      {}
func (RecordLeg) effect()    {}
func (Tell) effect()         {}
func (OpenCallback) effect() {}
func (Watch) effect()        {}
func (Answer) effect()       {}
func (Hangup) effect()       {}
func (Ring) effect()         {}
func (EnsureBridge) effect() {}
func (DeleteBridge) effect() {}
func (Hold) effect()         {}
func (Join) effect()         {}
func (Play) effect()         {}
func (StopPlay) effect()     {}
func (JoinLine) effect()     {}
func (LeaveLine) effect()    {}
func (FreeSeat) effect()     {}
func (StartWrapUp) effect()  {}
func (AskSeat) effect()      {}
func (SetTimer) effect()     {}
func (StopTimer) effect()    {}
