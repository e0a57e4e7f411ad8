// Package ticketing is the citizen's matter: the ticket of every call, what the official's side writes into it, how it is
// registered and what is promised then. It decides in pure functions and acts through a Store; it knows nothing of SQL,
// HTTP or the telephone exchange, and learns of calls only from the fact log.
package ticketing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hotline/agent"
	"hotline/telephony"
)

// TicketID is a ticket's UUIDv7. People use the Number.
type TicketID string

// Kind says why a ticket exists.
type Kind string

// The kinds. A call has exactly one ticket that is of kind call or missed (I7), and any number of appeals.
const (
	KindCall   Kind = "call"
	KindMissed Kind = "missed" // nobody answered the call
	KindAppeal Kind = "appeal" // a further matter raised in the same call
)

// State of a ticket, as far as this release goes (domain.md 6.1).
type State string

// The states.
const (
	StateDraft      State = "draft"      // written while people talk
	StateRegistered State = "registered" // handled within its promise
	StateClosed     State = "closed"     // kept for ever
)

// Class alone selects the promise (S-22, S-25).
type Class string

// The classes.
const (
	ClassNone         Class = ""             // not chosen yet
	ClassConsultation Class = "consultation" // 咨询
	ClassOther        Class = "other"        // 非咨询
)

// Outcome is what became of the appeal: the plan's three, and the technical ones of domain.md 2.4.
type Outcome string

// The outcomes.
const (
	OutcomeNone              Outcome = ""                     // not chosen yet
	OutcomeAnswered          Outcome = "answered"             // (a) 即时答复
	OutcomeTicket            Outcome = "ticket"               // (b) 工单
	OutcomeExplainedPolicy   Outcome = "explained_policy"     // (c) 耐心解释
	OutcomeTransferEmergency Outcome = "transfer_emergency"   // 110, 119, 120, 122
	OutcomeReferLegal        Outcome = "refer_legal"          // litigation, arbitration, discipline, petition, …
	OutcomeRepeat            Outcome = "repeat_no_new_facts"  // lawfully concluded before
	OutcomeSecret            Outcome = "secret_or_privacy"    // state or commercial secrets, privacy
	OutcomeAgainstOrder      Outcome = "against_order"        // against public order
	OutcomeOtherPlace        Outcome = "other_place_or_level" // another place's or level's matter
	OutcomeMarketOrPrivate   Outcome = "market_or_private"    // no public duty
	OutcomeNoContent         Outcome = "no_content"           // silent, wrong number, hung up
	OutcomeAbusive           Outcome = "abusive"              // with evidence, to public security
)

// Ticket is the record that is handled.
type Ticket struct {
	ID           TicketID
	Number       string // given at registration, never reused; empty before
	QueryCode    string // told to the citizen, who asks for progress with it (N-30)
	Kind         Kind
	Call         telephony.CallID
	Session      string // of the Thursday event; empty outside one
	Seat         agent.SeatID
	Official     agent.PersonID
	State        State
	Class        Class
	Outcome      Outcome
	Title        string
	Content      string
	Answer       string // told to the citizen: the answer, or the explanation
	ContactName  string
	EventPlace   string
	Confidential bool // on the citizen's request (P-01)
	OpenedAt     time.Time
	RegisteredAt time.Time
	ClosedAt     time.Time
	Version      int64
	Promise      *Promise          // nil: nothing is promised
	Units        []string          // codes of those that handle it or help; none before it is registered
	Accused      []string          // codes of those that it is about: they never read it (P-02)
	Written      map[Field]Written // who wrote what last in a draft; nothing of a field that is as it was opened

	Origin Origin
}

// Field is one of those that people write in, as the API spells it.
type Field string

// The fields.
const (
	FieldTitle        Field = "title"
	FieldContent      Field = "content"
	FieldAnswer       Field = "answer"
	FieldClass        Field = "class"
	FieldOutcome      Field = "outcome"
	FieldContactName  Field = "contact_name"
	FieldEventPlace   Field = "event_place"
	FieldConfidential Field = "confidential"
)

// Written is the last change of a field (RC6).
type Written struct {
	Version int64 // of the ticket, by that change
	By      agent.PersonID
	Name    string // of who that is; read, not stored
	At      time.Time
}

// For says that the unit may have to do with the ticket.
func (t Ticket) For(unit string) bool {
	return unit != "" && slices.Contains(t.Units, unit) && !slices.Contains(t.Accused, unit)
}

// Withheld says that the ticket is kept from units: a draft may become confidential yet (P-01, P-02).
func (t Ticket) Withheld() bool { return t.State == StateDraft || t.Confidential }

// Live says that the ticket is a draft whose citizen is still on the line.
func (t Ticket) Live() bool { return t.State == StateDraft && t.Origin.Live() }

// Origin is what a ticket shows of its call; read here, written by telephony and agent.
type Origin struct {
	Masked        string // 138****5678; empty: anonymous
	Place         string
	ArrivedAt     time.Time
	AnsweredAt    time.Time
	EndedAt       time.Time // zero: still running
	SessionNumber int       // 0: outside a session
	Unit          string    // that received the call
	OfficialName  string
	Holders       []agent.PersonID // who hold, held or wrote it: see Access
}

// Live says that the call goes on.
func (o Origin) Live() bool { return o.EndedAt.IsZero() }

// Event is one row of a ticket's history. It tells which fields changed, never what the citizen said.
type Event struct {
	At        time.Time
	Actor     string // person:<uuid>, ticketing
	ActorName string
	What      string
	Data      map[string]any
}

// Errors of tickets.
var (
	// ErrNotFound: there is no such ticket or call, or the reader must not learn that there is.
	ErrNotFound = errors.New("not found")
	// ErrNotAllowed: the reader may see it but not do this.
	ErrNotAllowed = errors.New("not allowed")
	// ErrLive: the citizen is still on the line, and who asks is none of the call's people.
	ErrLive = errors.New("the call goes on")
	// ErrStale: the ticket has another version than the one the change was made on.
	ErrStale = errors.New("ticket has changed since")
	// ErrNotDraft: the ticket is registered; what was registered stays as it is.
	ErrNotDraft = errors.New("ticket is not a draft")
)

// StaleError says that a change was made on an older version, and what there is now.
type StaleError struct {
	Now    Ticket
	Fields []Field // that somebody has written in meanwhile; none: the change was to the ticket as a whole
}

// Error names the fields.
func (e *StaleError) Error() string { return fmt.Sprintf("%v: %v", ErrStale, e.Fields) }

// Unwrap gives ErrStale.
func (*StaleError) Unwrap() error { return ErrStale }

// FieldError says what is wrong with one field; the code is for the panel to translate.
type FieldError struct {
	Field string // as the API spells it
	Code  string // required, too_long, unknown, bad_character
}

// InvalidError carries every field that is wrong, so that people mend them in one go.
type InvalidError struct{ Fields []FieldError }

// Error names the fields.
func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Field + " " + f.Code
	}
	return strings.Join(parts, ", ")
}
