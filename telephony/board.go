package telephony

import (
	"time"

	"hotline/agent"
)

// What people look at. Numbers are masked here already: nothing that could unmask them leaves the store this way.

// Desk is a seat as its people see it: who sits there, and the call offered, engaged or in wrap-up.
type Desk struct {
	Position string // of the fact log, at or before the read
	Person   agent.PersonID
	Recorder agent.PersonID
	Deputy   agent.PersonID
	Card     *Card // nil: no call
}

// Sits says that somebody is the official, the recorder or the deputy of the seat.
func (d Desk) Sits(who agent.Identity) bool {
	return who.Is(d.Person) || who.Is(d.Recorder) || who.Is(d.Deputy)
}

// Card is a call as the people of its seat see it.
type Card struct {
	ID          CallID
	State       Word
	Masked      string
	Place       string
	ArrivedAt   time.Time
	QueuedAt    time.Time
	AnsweredAt  time.Time
	Seat        agent.SeatID
	Muted       bool      // the person at the seat is not heard
	HeldAt      time.Time // zero: the citizen is not on hold
	Offer       *Offer    // the open one; only id and times
	WrapUpUntil time.Time // zero: not in wrap-up
	Version     int64
	Outcome     Outcome
}

// Holding is which seat holds an offer or a call.
type Holding struct {
	Seat    agent.SeatID // empty: none
	Version int64        // of the call
}

// Board is everything the supervisors' board shows, read at one instant.
type Board struct {
	Position string
	Lines    []BoardLine
	Seats    []agent.SeatView
	Words    map[agent.SeatID]Word // of the calls that seats serve: 通话, 保持, 恢复中 …
	Counts   Counts                // of the live session, or of today when there is none
	Today    Counts
}

// BoardLine is a line with those who wait in it, first to be served first.
type BoardLine struct {
	ID      agent.LineID
	Name    string
	Waiting []BoardCaller
}

// BoardCaller waits.
type BoardCaller struct {
	Call     CallID
	Masked   string
	Place    string
	QueuedAt time.Time
	State    Word
}

// AnswerTarget is the longest wait of a call that is answered in time (K-08, K-09).
const AnswerTarget = 15 * time.Second

// Counts are the figures K-01 to K-05, K-09, K-10 and K-12 (domain.md 4.2). Of nothing there is no average: nil.
type Counts struct {
	InSession bool
	Offered   int
	Answered  int
	Abandoned int
	Short     int
	FlowOut   int
	InTarget  int // answered within AnswerTarget
	TalkMean  *time.Duration
	WaitMean  *time.Duration // of the answered
	WaitMax   *time.Duration
}

// Task is a callback to be made.
type Task struct {
	ID        string
	Call      CallID
	Masked    string
	Place     string
	Reason    string // the outcome of the call
	CreatedAt time.Time
}

// TaskState is how a callback stands.
type TaskState string

// The states of a callback.
const (
	TaskOpen    TaskState = "open"
	TaskDone    TaskState = "done"     // the citizen was spoken with
	TaskGivenUp TaskState = "given_up" // they cannot be reached
)

// TaskClosed is somebody's word that a callback needs nobody any more.
type TaskClosed struct {
	ID    string
	State TaskState // done or given up
	Note  string    // what came of it; for the audit trail, nothing of the citizen
	Actor string
	At    time.Time
}

// Fact tells that to the boards.
func (t TaskClosed) Fact(call CallID) Fact {
	return Fact{
		Kind: "callback.closed", Subject: string(call), Topics: []string{agent.TopicBoard},
		Data: map[string]any{"call": call, "callback": t.ID, "state": t.State},
	}
}

// Gauge is what a line shows between two facts.
type Gauge struct {
	Line    agent.LineID
	Waiting int           // in the line or hearing the notice
	Longest time.Duration // wait of who is in the line
	Ready   int           // seats that may be rung
	Talking int
	Seated  int
}
