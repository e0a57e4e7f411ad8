package telephony

import (
	"context"
	"errors"
	"time"

	"hotline/agent"
)

// Errors of a Ledger.
var (
	// ErrStale: the row has another version than the one the decision was made on.
	ErrStale = errors.New("row has changed since")
	// ErrNotMaster: another controller has taken the lease (R3). Exit.
	ErrNotMaster = errors.New("another controller holds the lease")
	// ErrSeatTaken: the seat is not routable, or another offer got it first.
	ErrSeatTaken = errors.New("seat is not free")
	// ErrOfferClosed: the offer is answered, withdrawn or over.
	ErrOfferClosed = errors.New("offer is closed")
	// ErrNotInCall: nobody of ours speaks with the caller.
	ErrNotInCall = errors.New("call is not in conversation")
	// ErrNotFound: no such row.
	ErrNotFound = errors.New("not found")
)

// Arrival is a citizen's leg that has entered the application.
type Arrival struct {
	ID      CallID // chosen by the controller
	Channel LegID
	Entity  string
	Number  PhoneNumber // empty: anonymous
	Dialled string
	At      time.Time // when the exchange saw it
}

// Leg is one channel's part in a call, for the record.
type Leg struct {
	Channel LegID
	Role    string // caller, official
	Seat    agent.SeatID
	Joined  time.Time
	Left    time.Time
	Cause   string
}

// SeatWork is what a seat does for calls, as the controller writes it.
type SeatWork struct {
	Seat  agent.SeatID
	Work  agent.Work
	Offer OfferID
	Call  CallID
	Until time.Time // end of wrap-up
	Miss  bool      // adds one to the misses in a row; false with idle or wrap_up after a conversation resets them
}

// Fact is one piece of news, appended in the transaction of its change. Nothing personal in Data.
type Fact struct {
	Kind    string
	Subject string
	Topics  []string
	Data    map[string]any
}

// Change is one step of a call: stored whole or not at all.
type Change struct {
	Before   Call   // its Version is the fence
	After    Call   // Version is Before's + 1
	Offer    *Offer // inserted when open (the seat must be routable), else updated to its new state
	Work     []SeatWork
	Legs     []Leg
	Callback bool // nobody reached the caller: open a callback task, unless anonymous
	Facts    []Fact
	Actor    string // who caused it: controller, person:<uuid>
	At       time.Time
}

// Ledger is the durable side of the controller: Postgres. Each write is one short transaction that checks the epoch (R3)
// and ends with its facts. A write repeated after an unknown outcome has the effect of one (R6).
type Ledger interface {
	// Arrive inserts the call's row, gives it its place in order of arrival and its line by the dialled number.
	// The row that is there already for that channel is returned with created false.
	Arrive(ctx context.Context, epoch int64, a Arrival) (c Call, created bool, err error)
	// Save stores a change. ErrStale, ErrNotMaster, ErrSeatTaken.
	Save(ctx context.Context, epoch int64, ch Change) error
	// Call loads one call. ErrNotFound.
	Call(ctx context.Context, id CallID) (Call, error)
	// Open loads every call that has not ended, in order of priority and arrival.
	Open(ctx context.Context) ([]Call, error)
	// Seat loads a seat as an offer needs it: person, phone, endpoint. ErrNotFound.
	Seat(ctx context.Context, id agent.SeatID) (agent.State, error)
	// WrapUps loads the seats in wrap-up with their end.
	WrapUps(ctx context.Context) ([]SeatWork, error)
	// Idle ends a seat's wrap-up; false when it was in none. It returns the seat as it is then.
	Idle(ctx context.Context, epoch int64, seat agent.SeatID, actor string, at time.Time) (agent.State, bool, error)
	// Lines lists the lines.
	Lines(ctx context.Context) ([]agent.LineID, error)
	// Ready lists the seats of a line that are open, with the time since which each is idle; zero time: occupied.
	Ready(ctx context.Context, line agent.LineID) (map[agent.SeatID]time.Time, error)
}

// Waiting is one entry of a line.
type Waiting struct {
	Call     CallID
	Priority int
	Seq      int64
}

// Line is the index of who waits, in Redis: losable, rebuilt from the Ledger (F9). All verbs are idempotent by request (R6).
type Line interface {
	Join(ctx context.Context, line agent.LineID, w Waiting) error // also the way back to the old place (I6)
	Leave(ctx context.Context, line agent.LineID, call CallID) error
	// Claim takes the first caller for a seat until then; false when nobody waits.
	Claim(ctx context.Context, line agent.LineID, request string, now, until time.Time) (CallID, bool, error)
	Position(ctx context.Context, line agent.LineID, call CallID) (ahead int, ok bool, err error)
	List(ctx context.Context, line agent.LineID) ([]Waiting, error)
	// Rebuild replaces the line's content.
	Rebuild(ctx context.Context, line agent.LineID, ws []Waiting) error
}

// Seats is the index of who is free, in Redis (agent/roster): losable, rebuilt from the Ledger.
type Seats interface {
	// Reserve takes the seat that is idle longest until then; false when none is ready.
	Reserve(ctx context.Context, line agent.LineID, request string, now, until time.Time) (agent.SeatID, bool, error)
	// Idle says that a seat's work is over (or a reservation is given back): ready again if its person takes calls.
	Idle(ctx context.Context, line agent.LineID, seat agent.SeatID, since time.Time) error
	// Rebuild replaces what is known of a line: the open seats with the time since which each is idle; zero time: occupied.
	Rebuild(ctx context.Context, line agent.LineID, open map[agent.SeatID]time.Time) error
}

// Presence is what the controller asks of the agent service when a seat's work is over.
type Presence interface {
	// WorkOver applies the pending intent of a seat, if it has one (A4).
	WorkOver(ctx context.Context, seat agent.SeatID) error
}

// Lease is the proof of being the one controller (R3).
type Lease interface {
	// Epoch is the fencing number; ok is false in hold-only mode: no decision may be made (R4).
	Epoch() (epoch int64, ok bool)
}
