package ticketing

import (
	"strings"
	"unicode/utf8"
)

// The longest texts, in characters; the same limits stand in the schema.
const (
	MaxTitle       = 200
	MaxText        = 20000 // content, answer
	MaxContactName = 100
	MaxEventPlace  = 200
)

// Patch changes the fields that are not nil, provided the ticket still has the version that its author saw.
type Patch struct {
	Version      int64
	Title        *string
	Content      *string
	Answer       *string
	Class        *Class
	Outcome      *Outcome
	ContactName  *string
	EventPlace   *string
	Confidential *bool
}

// Edit applies a patch to a draft and names the fields that changed; none changed means nothing is to be stored.
// ErrNotDraft, ErrStale, *InvalidError.
func Edit(t Ticket, p Patch) (Ticket, []string, error) {
	if t.State != StateDraft {
		return t, nil, ErrNotDraft
	}
	if p.Version != t.Version {
		return t, nil, ErrStale
	}
	if errs := p.check(); len(errs) > 0 {
		return t, nil, &InvalidError{Fields: errs}
	}
	next, changed := t, []string(nil)
	note := func(field string, yes bool) {
		if yes {
			changed = append(changed, field)
		}
	}
	note("title", set(&next.Title, trimmed(p.Title)))
	note("content", set(&next.Content, p.Content))
	note("answer", set(&next.Answer, p.Answer))
	note("class", set(&next.Class, p.Class))
	note("outcome", set(&next.Outcome, p.Outcome))
	note("contact_name", set(&next.ContactName, trimmed(p.ContactName)))
	note("event_place", set(&next.EventPlace, trimmed(p.EventPlace)))
	note("confidential", set(&next.Confidential, p.Confidential))
	if len(changed) > 0 {
		next.Version++
	}
	return next, changed, nil
}

func set[T comparable](field *T, value *T) bool {
	if value == nil || *field == *value {
		return false
	}
	*field = *value
	return true
}

// trimmed serves the one-line fields. The long ones stay as typed: trimming would eat the space under the writer's cursor.
func trimmed(s *string) *string {
	if s == nil {
		return nil
	}
	out := strings.TrimSpace(*s)
	return &out
}

func (p Patch) check() []FieldError {
	var errs []FieldError
	for _, f := range []struct {
		name  string
		value *string
		limit int
	}{
		{"title", trimmed(p.Title), MaxTitle},
		{"content", p.Content, MaxText},
		{"answer", p.Answer, MaxText},
		{"contact_name", trimmed(p.ContactName), MaxContactName},
		{"event_place", trimmed(p.EventPlace), MaxEventPlace},
	} {
		switch {
		case f.value == nil:
		case utf8.RuneCountInString(*f.value) > f.limit:
			errs = append(errs, FieldError{f.name, "too_long"})
		case strings.ContainsRune(*f.value, 0) || !utf8.ValidString(*f.value):
			errs = append(errs, FieldError{f.name, "bad_character"}) // text of the database cannot hold it
		}
	}
	if p.Class != nil && !p.Class.valid() {
		errs = append(errs, FieldError{"class", "unknown"})
	}
	if p.Outcome != nil && *p.Outcome != OutcomeNone && !p.Outcome.valid() {
		errs = append(errs, FieldError{"outcome", "unknown"})
	}
	return errs
}

func (c Class) valid() bool {
	switch c {
	case ClassNone, ClassConsultation, ClassOther:
		return true
	}
	return false
}

func (o Outcome) valid() bool {
	switch o {
	case OutcomeAnswered, OutcomeTicket, OutcomeExplainedPolicy, OutcomeTransferEmergency, OutcomeReferLegal, OutcomeRepeat,
		OutcomeSecret, OutcomeAgainstOrder, OutcomeOtherPlace, OutcomeMarketOrPrivate, OutcomeNoContent, OutcomeAbusive:
		return true
	case OutcomeNone:
	}
	return false
}
