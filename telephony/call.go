package telephony

import (
	"time"

	"hotline/agent"
)

// CallID is the UUIDv7 of a call's row; it never changes, whatever happens to the channels.
type CallID string

// Phase is how far a call has come (architecture.md 8.1). What people see is finer and derived: see Word.
type Phase string

// The phases.
const (
	PhaseArrived   Phase = "arrived"   // in the application, row written
	PhaseAdmission Phase = "admission" // hears what must be heard before the line
	PhaseWaiting   Phase = "waiting"   // in the line; a seat may be ringing for it
	PhaseServing   Phase = "serving"   // somebody of ours has it: talking, held, or coming back
	PhaseEnded     Phase = "ended"     // over; outcome says how
)

// Outcome is how a call ended: exactly one, from this list (peers.md 3.4).
type Outcome string

// The outcomes.
const (
	OutcomeAnsweredOfficial   Outcome = "answered_official"
	OutcomeAnsweredOperator   Outcome = "answered_operator"
	OutcomeRegisteredCallback Outcome = "registered_callback" // nobody may take it now: we call back
	OutcomeAbandonedOnHold    Outcome = "abandoned_on_hold"   // answered, and gone while on hold
	OutcomeAbandonedInQueue   Outcome = "abandoned_in_queue"
	OutcomeAbandonedShort     Outcome = "abandoned_short" // wait of at most ShortAbandon (K-04)
	OutcomeAbandonedRinging   Outcome = "abandoned_ringing"
	OutcomeClosedBeforeTurn   Outcome = "closed_before_turn"
	OutcomeOutOfScope         Outcome = "out_of_scope"
	OutcomeBlocked            Outcome = "blocked"
	OutcomeSystemFailure      Outcome = "system_failure"
)

// ShortAbandon is the longest wait that still counts as a short abandon (K-04, design.md 8).
const ShortAbandon = 5 * time.Second

// RedialWithin is how long after an unfinished call the same number gets its place back (F14).
const RedialWithin = 10 * time.Minute

// Call is one citizen's telephone call: its row, who takes part in it, and what the exchange shows of it. Slices and maps in
// it are never changed in place: who changes a call copies first.
type Call struct {
	ID         CallID
	Channel    LegID  // the citizen's leg; empty while there is none (a callback is born without one)
	Entity     string // the run of the exchange it lives in: Channel is an id of that run only
	Line       agent.LineID
	Session    string // of the Thursday event; empty outside one
	Dialled    string
	Masked     string // 138****5678; empty: anonymous
	Place      string // empty: unknown
	Phase      Phase
	Seq        int64 // order of arrival, kept for ever (I6); a call that resumes another has that one's
	Priority   int   // band; lower is served first
	ArrivedAt  time.Time
	QueuedAt   time.Time // t_in (domain.md 4.2)
	AnsweredAt time.Time // t_ans: both in the bridge for the first time
	EndedAt    time.Time
	Outcome    Outcome
	Cause      string       // who or what ended it: caller, seat, controller, lost, platform
	Seat       agent.SeatID // who served it last
	Resumes    CallID       // the unfinished call of the same number that this one goes on with
	Prefer     agent.SeatID // the seat that the resumed call talked with: asked first while it is free
	Epoch      int64
	Version    int64

	Parts   []Participant // the citizen first; those who have left stay as long as their leg does
	Offers  []Offer       // open ones
	Segment *Segment      // who serves now; nil: nobody
	Skips   []Skip        // seats that missed or declined this call
	Rules   Rules         // of its line, as they are now
	Cue     *Cue          // the announcement that runs
	Seen    Seen          // what the exchange shows, and what is under way to it; not stored
}

// Rules are the settings of a line that the core reads.
type Rules struct {
	Ring   time.Duration // how long a seat rings
	WrapUp time.Duration // after a conversation; 0: none
	Grace  time.Duration // for a lost seat leg to come back (A11)
	Notice string        // media of the recording notice; empty: none
	Open   bool          // a session takes calls on this line
}

// Segment is the time in which one seat serves a call. It owns the wrap-up that follows and says whose the ticket is; ending
// it ends neither the call nor the wrap-up.
type Segment struct {
	ID      ParticipantID // of who serves
	Seat    agent.SeatID
	Person  agent.PersonID
	BeganAt time.Time
	EndedAt time.Time // zero: goes on
	Why     SegmentEnd
}

// SegmentEnd is why a segment ended.
type SegmentEnd string

// The ends of a segment.
const (
	SegmentFinished   SegmentEnd = "finished"
	SegmentHandedOver SegmentEnd = "handed_over"
	SegmentReturned   SegmentEnd = "returned"
	SegmentLost       SegmentEnd = "lost"
	SegmentTakenOver  SegmentEnd = "taken_over"
)

// Skip is a seat that missed or declined a call: it is asked last, and not before Until; Never: 需要回避, not for this call.
type Skip struct {
	Seat   agent.SeatID
	Person agent.PersonID // a recusal is the person's, not the seat's
	Until  time.Time
	Never  bool
}

// Cue is an announcement to one leg: a one-shot with an end, never repeated after a crash. Unseen at its deadline it is over.
type Cue struct {
	ID     string // of the playback
	Leg    LegID
	Media  string
	Until  time.Time
	Admits bool    // the caller enters the line when it is over
	Ends   Outcome // the call ends so when it is over; empty: nothing follows
	Asked  bool    // an earlier controller started it: the exchange is asked whether it still runs
}

// caller is the citizen's part in the call.
func (c Call) caller() (Participant, bool) {
	for _, p := range c.Parts {
		if p.Role == RoleCaller && p.State != StateGone {
			return p, true
		}
	}
	return Participant{}, false
}

// official is who serves the call now.
func (c Call) official() (Participant, bool) {
	if c.Segment == nil {
		return Participant{}, false
	}
	return c.part(c.Segment.ID)
}

func (c Call) part(id ParticipantID) (Participant, bool) {
	for _, p := range c.Parts {
		if p.ID == id {
			return p, true
		}
	}
	return Participant{}, false
}

// onLeg is the participant whose leg that is now.
func (c Call) onLeg(leg LegID) (Participant, bool) {
	for _, p := range c.Parts {
		if leg != "" && p.Leg == leg && p.State != StateGone {
			return p, true
		}
	}
	return Participant{}, false
}

// at is who takes part from a seat.
func (c Call) at(seat agent.SeatID) (Participant, bool) {
	for _, p := range c.Parts {
		if seat != "" && p.Seat == seat && p.State != StateGone {
			return p, true
		}
	}
	return Participant{}, false
}

// Offer finds an open offer.
func (c Call) Offer(id OfferID) (Offer, bool) {
	for _, o := range c.Offers {
		if o.ID == id {
			return o, true
		}
	}
	return Offer{}, false
}

// offerOf is the open offer by which a participant was asked.
func (c Call) offerOf(p Participant) (Offer, bool) {
	if p.Offer == "" {
		return Offer{}, false
	}
	return c.Offer(p.Offer)
}

// Ringing is the open offer of a kind.
func (c Call) Ringing(kind OfferKind) (Offer, bool) {
	for _, o := range c.Offers {
		if o.Kind == kind {
			return o, true
		}
	}
	return Offer{}, false
}

// InLine says that the call wants a seat of its line now.
func (c Call) InLine() bool {
	if c.Phase != PhaseWaiting || c.Cue != nil && c.Cue.Ends != "" {
		return false
	}
	_, offered := c.Ringing(OfferLine)
	return !offered
}

// Seats are those that this call holds: offered or engaged.
func (c Call) Seats() []agent.SeatID {
	var all []agent.SeatID
	for _, p := range c.Parts {
		if p.Seat != "" && p.State != StateGone {
			all = append(all, p.Seat)
		}
	}
	return all
}
