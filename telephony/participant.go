package telephony

import (
	"time"

	"hotline/agent"
)

// ParticipantID names somebody's part in a call. The citizen's is the call's id, everyone else's that of the first offer.
type ParticipantID string

// Role is what a participant is in the call.
type Role string

// The roles.
const (
	RoleCaller      Role = "caller"
	RoleOfficial    Role = "official"
	RoleRecorder    Role = "recorder"
	RoleConsulted   Role = "consulted"
	RoleInterpreter Role = "interpreter" // an outside number
	RoleOperator    Role = "operator"
	RoleSupervisor  Role = "supervisor"
)

// Room is where a participant is wanted. A citizen who is wanted in the talk room waits on hold while nobody of ours is
// there: see Call.wants.
type Room string

// The rooms. Those of supervisors (listen, whisper) come with their acts.
const (
	RoomNone Room = ""
	RoomTalk Room = "talk"
	RoomHold Room = "hold"
)

// PartState is how far a participant has come.
type PartState string

// The states of a participant.
const (
	StateAsked PartState = "asked" // an offer is open, or the leg is being made
	StateUp    PartState = "up"    // the leg is answered
	StateLost  PartState = "lost"  // was up, the leg is lost; asked again until the deadline (A11)
	StateGone  PartState = "gone"
)

// Participant takes part in a call: who, by which leg, wanted where.
type Participant struct {
	ID       ParticipantID
	Role     Role
	Seat     agent.SeatID
	Person   agent.PersonID
	Phone    agent.Phone
	Endpoint string
	Leg      LegID // empty: none now
	Offer    OfferID
	Want     Room
	State    PartState
	Muted    bool      // set before the leg joins, restored after a reload (RU3)
	Since    time.Time // of the state, and of a hold
	Deadline time.Time // asked and up: to be in the room by then; lost: to be back by then; zero: none
	Retry    time.Time // lost: to be asked again then, unless the telephone reports before
	Joined   time.Time // in the talk bridge for the first time; zero: has not taken part
	Left     time.Time
	Why      string
}

// ours says that the participant is one of our people, on a telephone of ours.
func (p Participant) ours() bool { return p.Role != RoleCaller && p.Role != RoleInterpreter }

// serves says that the participant may own the call: a segment, a wrap-up, the ticket.
func (p Participant) serves() bool {
	switch p.Role {
	case RoleOfficial, RoleOperator, RoleConsulted:
		return p.Seat != ""
	case RoleCaller, RoleRecorder, RoleInterpreter, RoleSupervisor:
	}
	return false
}

// hears says that the participant only listens: whether it comes or goes changes nothing for the others.
func (p Participant) hears() bool { return p.Role == RoleRecorder || p.Role == RoleSupervisor }

// OfferID is the UUIDv7 of an offer; the leg that it rings is named after it (R5).
type OfferID string

// OfferKind is what a seat is asked for.
type OfferKind string

// The kinds of offer.
const (
	OfferLine     OfferKind = "line"     // the next caller of a line
	OfferConsult  OfferKind = "consult"  // a colleague's question
	OfferTransfer OfferKind = "transfer" // a colleague's call
	OfferResume   OfferKind = "resume"   // the conversation whose leg was lost
	OfferDeputy   OfferKind = "deputy"
	OfferCallback OfferKind = "callback"
)

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
	Kind      OfferKind
	Group     OfferID // the first of those made together: the first accept rescinds the rest
	Part      ParticipantID
	Role      Role // of who is asked: official, operator, consulted
	Seat      agent.SeatID
	Person    agent.PersonID
	Phone     agent.Phone
	Endpoint  string
	Misses    int // of the seat in a row, before this offer (A8)
	State     OfferState
	Reason    string
	OfferedAt time.Time
	RingingAt time.Time
	ExpiresAt time.Time
	ClosedAt  time.Time
}

// Leg is the leg that this offer rings.
func (o Offer) Leg() LegID { return LegOf(o.ID) }

// ReasonRecusal is the reason by which a person declines for conflict of interest: 需要回避.
const ReasonRecusal = "conflict"
