package telephony

import (
	"errors"
	"time"

	"hotline/agent"
)

// Errors of what stands around the core; the adapters return them.
var (
	// ErrStale: the row has another version than the one the decision was made on.
	ErrStale = errors.New("row has changed since")
	// ErrNotMaster: another controller has taken the lease (R3). Exit.
	ErrNotMaster = errors.New("another controller holds the lease")
	// ErrSeatTaken: the seat is not routable, or another offer got it first.
	ErrSeatTaken = errors.New("seat is not free")
	// ErrUnstorable: the ledger will never take this change, however often it is tried (F34).
	ErrUnstorable = errors.New("change can not be stored")
	// ErrNoWrapUp: the seat is in no wrap-up.
	ErrNoWrapUp = errors.New("seat is in no wrap-up")
	// ErrOfferClosed: the offer is answered, withdrawn or over.
	ErrOfferClosed = errors.New("offer is closed")
	// ErrNotInCall: nobody of ours speaks with the caller, or not the one who asks.
	ErrNotInCall = errors.New("call is not in conversation")
	// ErrNotFound: no such row.
	ErrNotFound = errors.New("not found")
	// ErrTaskClosed says that a callback is done or given up already.
	ErrTaskClosed = errors.New("the callback is closed")
)

// Arrival is a citizen's leg that has entered the application.
type Arrival struct {
	ID      CallID // chosen by the controller
	Channel LegID
	Entity  string      // the run of the exchange that Channel is an id of; empty: an earlier one than that which is heard
	Number  PhoneNumber // empty: anonymous
	Dialled string
	At      time.Time // when the exchange saw it
}

// SeatWork is what a seat does for calls, as the controller writes it.
type SeatWork struct {
	Seat  agent.SeatID
	Work  agent.Work
	Offer OfferID
	Call  CallID
	Until time.Time // end of wrap-up
	Since time.Time
	Miss  bool // adds one to the misses in a row; the end of a conversation resets them

	// Not stored: whether the seat may be offered again at once.
	Rest time.Duration // a telephone that refuses by itself must not be rung in a tight loop
	Out  bool          // its telephone has failed: not before it reports, or OutFor has passed
}

// OutFor is how long a seat whose telephone failed stays away without a word from it: a failure that nobody reports the end
// of must not lock a seat out for ever.
const OutFor = 30 * time.Second

// Fact is one piece of news, appended in the transaction of its change. Nothing personal in Data.
type Fact struct {
	Kind    string
	Subject string
	Topics  []string
	Data    map[string]any
}

// LineMove is a change of a call's line, for its history.
type LineMove struct {
	From, To agent.LineID
	Why      string
}

// Record is one part of what a step stores.
//
//sumtype:decl
type Record interface{ record() }

// The records.
type (
	// PutOffer stores an offer's state: a new one is inserted, and the seat must be free for it.
	PutOffer struct{ Offer }
	// PutPart stores somebody's part in the call.
	PutPart struct{ Participant }
	// PutSegment stores a segment.
	PutSegment struct{ Segment }
	// SetWork says what a seat does for calls from now on.
	SetWork struct{ SeatWork }
	// MoveLine writes a change of line into the call's history.
	MoveLine struct{ LineMove }
	// OpenCallback makes a task of a caller whom nobody reached; nothing for an anonymous one.
	OpenCallback struct{}
	// Tell appends a fact.
	Tell struct{ Fact }
)

func (PutOffer) record()     {}
func (PutPart) record()      {}
func (PutSegment) record()   {}
func (SetWork) record()      {}
func (MoveLine) record()     {}
func (OpenCallback) record() {}
func (Tell) record()         {}

// Change is one step of a call, or the end of a seat's wrap-up: stored whole or not at all, alone or together with others.
type Change struct {
	Before   Call    // its Version is the fence
	After    Call    // Version is Before's + 1
	Opened   []Offer // inserted: the seat must be routable, or be this call's already (resume)
	Closed   []Offer // moved on from open
	Parts    []Participant
	Segments []Segment // inserted, or ended
	Work     []SeatWork
	Moved    *LineMove
	Callback bool // nobody reached the caller: open a callback task, unless anonymous
	Facts    []Fact
	Actor    string // who caused it: controller, person:<uuid>
	At       time.Time

	// Freed is the seat whose wrap-up of the call Wrapped ends. The change then is no call's: nothing but facts stands beside it.
	Freed   agent.SeatID
	Wrapped CallID
}

// Leaves is the seat that may be rung for the next caller as soon as this change is stored; none when its telephone must rest,
// or has failed, or the person there did not answer: the rule for those is the line's.
func (ch Change) Leaves() (agent.SeatID, bool) {
	if ch.Freed != "" {
		return ch.Freed, true
	}
	if ch.After.Phase != PhaseEnded || len(ch.Work) != 1 {
		return "", false
	}
	w := ch.Work[0]
	return w.Seat, w.Work == agent.WorkIdle && w.Rest == 0 && !w.Out && !w.Miss
}

// With is one change of two that follow each other: of the same call, the second from where the first has led.
func (ch Change) With(next Change) Change {
	ch.After = next.After
	ch.Opened, ch.Closed = append(ch.Opened, next.Opened...), append(ch.Closed, next.Closed...)
	ch.Parts, ch.Segments = append(ch.Parts, next.Parts...), append(ch.Segments, next.Segments...)
	ch.Work, ch.Facts = append(ch.Work, next.Work...), append(ch.Facts, next.Facts...)
	ch.Callback = ch.Callback || next.Callback
	if next.Moved != nil {
		ch.Moved = next.Moved
	}
	return ch
}

// WrapUpOver is the change that ends a seat's wrap-up of a call, and of no other one (RC4).
func WrapUpOver(seat agent.SeatID, call CallID, line agent.LineID, actor string, at time.Time) Change {
	return Change{Freed: seat, Wrapped: call, Actor: actor, At: at, Facts: []Fact{{
		Kind: "seat.work", Subject: string(seat), Topics: []string{agent.TopicBoard, agent.TopicLine + ":" + string(line), agent.TopicSeat + ":" + string(seat)},
		Data: map[string]any{"work": agent.WorkIdle},
	}}}
}

// Gather makes one change of the records of a step; false when there is nothing to store.
func Gather(before, after Call, records []Record, actor string, at time.Time) (Change, bool) {
	ch := Change{Before: before, After: after, Actor: actor, At: at}
	for _, r := range records {
		switch r := r.(type) {
		case PutOffer:
			if _, known := before.Offer(r.ID); known {
				ch.Closed = append(ch.Closed, r.Offer)
			} else {
				ch.Opened = append(ch.Opened, r.Offer)
			}
		case PutPart:
			ch.Parts = append(ch.Parts, r.Participant)
		case PutSegment:
			ch.Segments = append(ch.Segments, r.Segment)
		case SetWork:
			ch.Work = append(ch.Work, r.SeatWork)
		case MoveLine:
			ch.Moved = &r.LineMove
		case OpenCallback:
			ch.Callback = true
		case Tell:
			ch.Facts = append(ch.Facts, r.Fact)
		}
	}
	return ch, after.Version != before.Version
}
