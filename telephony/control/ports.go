package control

import (
	"context"
	"time"

	"hotline/agent"
	"hotline/telephony"
)

// Switch is what the controller needs of the telephone exchange. Every verb takes a deadline from ctx, is idempotent by the
// ids given, and returns telephony.ErrGone where the other side has left: events then decide.
type Switch interface {
	Snapshot(ctx context.Context) (telephony.Snapshot, error)
	Answer(ctx context.Context, leg telephony.LegID) error                // once: on a channel that is up it would stop the music
	Hangup(ctx context.Context, leg telephony.LegID, reason string) error // reason: normal, answered_elsewhere, busy, …; gone is success
	Return(ctx context.Context, leg telephony.LegID) error                // back to the dialplan's net (R1); gone is success
	Ring(ctx context.Context, r telephony.RingRequest) error              // ErrSeatOffline; an existing leg of that id is success
	EnsureBridge(ctx context.Context, id telephony.BridgeID, kind telephony.BridgeKind) error
	DeleteBridge(ctx context.Context, id telephony.BridgeID) error                  // gone is success
	Hold(ctx context.Context, bridge telephony.BridgeID, leg telephony.LegID) error // role=holding_participant, never straight from another holding bridge
	// Receive answers a citizen's leg, unless it is up, and puts it on hold. Hold-only allows it: only for an arrival that was
	// received and can not be recorded yet (R4).
	Receive(ctx context.Context, bridge telephony.BridgeID, leg telephony.LegID, up bool) error
	// Join puts legs into a mixing bridge, which is made if it is not there. A nil error is not yet success: EnteredBridge
	// events are (telephony.md 2.4).
	Join(ctx context.Context, bridge telephony.BridgeID, legs ...telephony.LegID) error
	Mute(ctx context.Context, leg telephony.LegID, on bool) error // what the leg says is heard by nobody
	Play(ctx context.Context, leg telephony.LegID, playback string, media ...string) error
	StopPlay(ctx context.Context, playback string) error // gone is success
	Plays(ctx context.Context, playback string) error    // nil: it runs; ErrGone: it does not
	Watch(ctx context.Context, source string) error      // channel:<id>, endpoint:PJSIP/<name>
}

// Ledger is the durable side of the controller: Postgres. Each write is one short transaction that checks the epoch (R3)
// and ends with its facts. A write repeated after an unknown outcome has the effect of one (R6).
type Ledger interface {
	// Arrive inserts the call's row and gives it its line by the dialled number and the window, and its place in order of
	// arrival, or that of the unfinished call of the same number which it resumes. The row that is there already for that
	// channel of that run of the exchange is returned with created false.
	Arrive(ctx context.Context, epoch int64, a telephony.Arrival) (c telephony.Call, created bool, err error)
	// Save stores changes together, all of them or none. ErrStale, ErrNotMaster, ErrSeatTaken, ErrNoWrapUp, ErrUnstorable.
	Save(ctx context.Context, epoch int64, changes ...telephony.Change) error
	// Call loads one call. ErrNotFound.
	Call(ctx context.Context, id telephony.CallID) (telephony.Call, error)
	// Open loads every call that has not ended, in order of priority and arrival.
	Open(ctx context.Context) ([]telephony.Call, error)
	// Seat loads a seat as AskSeat needs it: person, telephone, line. ErrNotFound.
	Seat(ctx context.Context, id agent.SeatID) (agent.State, error)
	// Seats lists the seats of a line with somebody there.
	Seats(ctx context.Context, line agent.LineID) ([]telephony.LineSeat, error)
	// WrapUps loads the seats in wrap-up with their end.
	WrapUps(ctx context.Context) ([]telephony.SeatWork, error)
	// Pending lists the idle seats whose person's wish still waits for the end of their work (A4, RT4).
	Pending(ctx context.Context) ([]agent.SeatID, error)
	// Lines lists the lines with their rules as they are now.
	Lines(ctx context.Context) ([]telephony.LineInfo, error)
}

// Journal keeps facts on disk while the ledger is away (R7).
type Journal interface {
	// Append returns when the disk has the facts, in their order.
	Append(facts ...telephony.Kept) error
	// Inherit gives what controllers that have died kept and did not clear. An error may come with what could be read.
	Inherit() ([]telephony.Kept, error)
	// Clear forgets what was appended and inherited: all of it is stored.
	Clear() error
}

// Net is what the dialplan's net has written of the calls that it kept while no controller listened (R1).
type Net interface {
	// Calls reads all of it, the first to come first. An error may come with what could be read.
	Calls() ([]telephony.NetCall, error)
	// Forget deletes what was read, but for the calls that are not settled; true: it wants to be asked once more.
	Forget(open []telephony.LegID) (bool, error)
}

// Queue is the shared queue in Redis (telephony/line): it proposes pairs by the rule of telephony.Line. It may be lost at any
// moment: it is filled again from the controller's own line, which checks every answer and decides alone while the queue is
// away (F9, F10).
type Queue interface {
	// Pair takes over what has changed and proposes the next pair, taking both; false when there is none. The same request
	// gets the same answer (R6).
	Pair(ctx context.Context, line agent.LineID, news []telephony.News, request string, now time.Time) (telephony.CallID, agent.SeatID, bool, error)
	// Tell takes over what has changed.
	Tell(ctx context.Context, line agent.LineID, news []telephony.News) error
	// Whole says whether the queue has kept all that it was told since it was asked last; false: every line is to be filled anew.
	Whole(ctx context.Context) (bool, error)
	// Rebuild replaces the content of a line.
	Rebuild(ctx context.Context, line agent.LineID, waiting []telephony.Waiting, seats []telephony.LineSeat) error
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
