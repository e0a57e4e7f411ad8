package ticketing

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"hotline/agent"
	"hotline/agent/calendar"
	"hotline/agent/policy"
	"hotline/telephony"
)

// Due narrows a list to tickets whose promise runs out then.
type Due string

// The windows of a list; they hold registered tickets only, and the later ones leave out what is overdue.
const (
	DueAny     Due = ""
	DueOverdue Due = "overdue"
	DueToday   Due = "today"
	DueWeek    Due = "week"
)

// The sizes of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// Query asks for a list of tickets. Empty fields do not narrow it.
type Query struct {
	State  State
	Class  Class
	Due    Due
	Text   string // in title, content or number
	Cursor string // of the page before
	Limit  int
}

// Filter is a query that has been checked, with what the reader may see.
type Filter struct {
	Reach    policy.Reach
	State    State
	Class    Class
	DueAfter time.Time // zero: open
	DueUntil time.Time
	Text     string
	After    *Mark
	Limit    int
}

// Mark is the last row of a page; the next page starts behind it, whatever was opened meanwhile.
type Mark struct {
	OpenedAt time.Time
	ID       TicketID
}

// Cursor writes the mark for travelling.
func (m Mark) Cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(m.OpenedAt.UnixMicro(), 10) + "|" + string(m.ID)))
}

// Page is one page of a list.
type Page struct {
	Tickets []Ticket
	Count   int // of the whole list
	More    bool
}

// Next is the cursor of the page behind this one; empty: there is none.
func (p Page) Next() string {
	if !p.More || len(p.Tickets) == 0 {
		return ""
	}
	last := p.Tickets[len(p.Tickets)-1]
	return Mark{last.OpenedAt, last.ID}.Cursor()
}

func (q Query) filter(now time.Time) (Filter, error) {
	f := Filter{State: q.State, Class: q.Class, Text: strings.TrimSpace(q.Text), Limit: q.Limit}
	var errs []FieldError
	switch q.State {
	case "", StateDraft, StateRegistered, StateClosed:
	default:
		errs = append(errs, FieldError{"state", "unknown"})
	}
	if !q.Class.valid() {
		errs = append(errs, FieldError{"class", "unknown"})
	}
	if agent.CheckText(q.Text) != nil {
		errs = append(errs, FieldError{"q", "bad_character"})
	}
	var ok bool
	if f.DueAfter, f.DueUntil, ok = dueWindow(q.Due, now); !ok {
		errs = append(errs, FieldError{"due", "unknown"})
	}
	if q.Due != DueAny && f.State == "" {
		f.State = StateRegistered
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
	}
	return after, until, false
}

// parseCursor reads what Cursor wrote, and nothing else: the database knows fewer instants and spellings of ids than Go does.
func parseCursor(s string) (*Mark, bool) {
	if s == "" {
		return nil, true
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, false
	}
	at, text, _ := strings.Cut(string(raw), "|")
	micros, errAt := strconv.ParseInt(at, 10, 64)
	id, errID := uuid.Parse(text)
	m := Mark{OpenedAt: time.UnixMicro(micros).UTC(), ID: TicketID(id.String())}
	if errAt != nil || errID != nil || m.OpenedAt.Year() < 1 || m.OpenedAt.Year() > 9999 || m.Cursor() != s {
		return nil, false
	}
	return &m, true
}

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
