package ticketing

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"hotline/agent"
	"hotline/agent/calendar"
	"hotline/agent/policy"
	"hotline/telephony"
)

// Part is a part of the list. What a desk works off stands in all of them but one: the drafts of people who are still on the line
// belong to the call's people, and would be a wall before everything else (RU18).
type Part string

// The parts.
const (
	PartAny        Part = ""           // everything but what is live; with a search, that too
	PartLive       Part = "live"       // drafts whose citizen is still on the line
	PartDraft      Part = "draft"      // the other ones: to be written up
	PartRegistered Part = "registered" // promised
	PartClosed     Part = "closed"
)

func (p Part) valid() bool {
	return slices.Contains([]Part{PartAny, PartLive, PartDraft, PartRegistered, PartClosed}, p)
}

// Due narrows a list to tickets whose promise runs out then.
type Due string

// The windows of a list; they hold registered tickets only, and the later ones leave out what is overdue.
const (
	DueAny     Due = ""
	DueOverdue Due = "overdue"
	DueToday   Due = "today"
	DueWeek    Due = "week"  // the next seven days, today among them
	DueLater   Due = "later" // after these
)

// The sizes of a page, and how far a list is counted.
const (
	DefaultLimit = 50
	MaxLimit     = 200
	MaxCount     = 1000
)

// Query asks for a list of tickets. Empty fields do not narrow it.
type Query struct {
	Part   Part
	Class  Class
	Due    Due
	Unit   string // its code
	Text   string // in title, content or number, or the whole of a query code
	Cursor string // of the page before
	Limit  int
}

// Filter is a query that has been checked, with what the reader may see.
type Filter struct {
	Reach  policy.Reach
	Part   Part
	Class  Class
	Unit   string
	Places Places
	Text   string
	Sign   string // what of a number or query code the text may be; empty: it is none
	Number string // the beginning of a number without its strokes, when the text can be nothing else
	After  *Mark
	Limit  int
}

// Places is a range in the order of work, both ends in it. It follows from part and due: a list goes there through the index.
type Places struct{ First, Last int64 }

// Where drafts and what is closed begin, as the schema has it (ticket_order).
const (
	draftsBegin int64 = 100_000_000_000_000_000
	closedBegin int64 = 2 * draftsBegin
)

func placesOf(p Part) Places {
	switch p {
	case PartRegistered:
		return Places{0, draftsBegin - 1}
	case PartDraft, PartLive:
		return Places{draftsBegin, closedBegin - 1}
	case PartClosed:
		return Places{closedBegin, math.MaxInt64}
	case PartAny:
	}
	return Places{0, math.MaxInt64}
}

// within narrows the places to those due after an instant until another; zero is open.
func (p Places) within(after, until time.Time) Places {
	if !after.IsZero() {
		p.First = max(p.First, after.UnixMicro()+1)
	}
	if !until.IsZero() {
		p.Last = min(p.Last, until.UnixMicro())
	}
	return p
}

// Mark is the last row of a page; the next page starts behind it, whatever was opened meanwhile.
type Mark struct {
	Place int64 // in the order of work: what is due first, then drafts, the oldest first, then what was closed last
	ID    TicketID
}

// Cursor writes the mark for travelling.
func (m Mark) Cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(m.Place, 10) + "|" + string(m.ID)))
}

// Page is one page of a list.
type Page struct {
	Tickets []Ticket
	Count   int // of the whole list, up to MaxCount; one more says that there are more
	More    bool
	Last    Mark // of its tickets
}

// Next is the cursor of the page behind this one; empty: there is none.
func (p Page) Next() string {
	if !p.More || len(p.Tickets) == 0 {
		return ""
	}
	return p.Last.Cursor()
}

func (q Query) filter(now time.Time) (Filter, error) {
	f := Filter{Part: q.Part, Class: q.Class, Unit: q.Unit, Text: strings.TrimSpace(q.Text), Sign: Sign(q.Text), Limit: q.Limit}
	if IsNumber(f.Sign) {
		f.Number = f.Sign
	}
	var errs []FieldError
	if !q.Part.valid() {
		errs = append(errs, FieldError{"state", "unknown"})
	}
	if !q.Class.valid() {
		errs = append(errs, FieldError{"class", "unknown"})
	}
	if agent.CheckText(q.Unit) != nil {
		errs = append(errs, FieldError{"unit", "bad_character"})
	}
	if agent.CheckText(q.Text) != nil {
		errs = append(errs, FieldError{"q", "bad_character"})
	}
	after, until, ok := dueWindow(q.Due, now)
	if !ok {
		errs = append(errs, FieldError{"due", "unknown"})
	}
	if q.Due != DueAny && f.Part == PartAny {
		f.Part = PartRegistered
	}
	f.Places = placesOf(f.Part)
	if q.Due != DueAny { // of what is not registered, nothing is due
		f.Places = f.Places.within(after, until)
	}
	if f.After, ok = parseCursor(q.Cursor); !ok {
		errs = append(errs, FieldError{"cursor", "unknown"})
	}
	if f.Limit <= 0 {
		f.Limit = DefaultLimit
	}
	f.Limit = min(f.Limit, MaxLimit)
	if len(errs) > 0 {
		return Filter{}, &InvalidError{Fields: errs}
	}
	return f, nil
}

// dueWindow turns a chip of the list into instants: after, exclusive, until, inclusive. A due instant is an exclusive end,
// so it is overdue when it strikes.
func dueWindow(due Due, now time.Time) (after, until time.Time, ok bool) { //nolint:nonamedreturns // tells the two instants apart
	today := calendar.DateOf(now)
	const week = 7
	switch due {
	case DueAny:
		return after, until, true
	case DueOverdue:
		return after, now, true
	case DueToday:
		return now, today.End(), true
	case DueWeek:
		return now, today.End().AddDate(0, 0, week-1), true
	case DueLater:
		return today.End().AddDate(0, 0, week-1), until, true
	}
	return after, until, false
}

// parseCursor reads what Cursor wrote, and nothing else: the database knows fewer spellings of ids than Go does.
func parseCursor(s string) (*Mark, bool) {
	if s == "" {
		return nil, true
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, false
	}
	at, text, _ := strings.Cut(string(raw), "|")
	place, errAt := strconv.ParseInt(at, 10, 64)
	id, errID := uuid.Parse(text)
	m := Mark{Place: place, ID: TicketID(id.String())}
	if errAt != nil || errID != nil || m.Cursor() != s {
		return nil, false
	}
	return &m, true
}

// Unit is one that a list may be narrowed to.
type Unit struct{ Code, Name string }

// Earlier is what a citizen brought before: the latest calls and tickets first.
type Earlier struct {
	Calls []EarlierCall
	Count int      // of all earlier calls
	Open  []Ticket // not closed, and with a title: a draft that nobody wrote in tells nothing
	Last  *Ticket  // nil: there is none
}

// EarlierCall is one of them.
type EarlierCall struct {
	ID        telephony.CallID
	ArrivedAt time.Time
	Outcome   telephony.Outcome // empty: still running
}
