package ticketing

import (
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"hotline/agent"
)

// The longest texts, in characters; the same limits stand in the schema.
const (
	MaxTitle       = 200
	MaxText        = 20000 // content, answer
	MaxContactName = 100
	MaxEventPlace  = 200
)

// Patch changes the fields that are not nil, provided nobody has written in one of them since its author saw it: what others write in
// other fields is in nobody's way (RC6).
type Patch struct {
	Version      int64           // of the ticket, as its author saw it
	Seen         map[Field]int64 // of fields that the author began to write on an older one
	Title        *string
	Content      *string
	Answer       *string
	Class        *Class
	Outcome      *Outcome
	ContactName  *string
	EventPlace   *string
	Confidential *bool
}

// Edit applies somebody's patch to a draft, all of it or nothing, and names the fields that changed; none changed means nothing is to be
// stored. ErrNotDraft, *StaleError, *InvalidError.
func Edit(t Ticket, p Patch, who agent.Identity, now time.Time) (Ticket, []Field, error) {
	if t.State != StateDraft {
		return t, nil, ErrNotDraft
	}
	if p.Version > t.Version {
		return t, nil, &StaleError{Now: t}
	}
	if errs := p.check(); len(errs) > 0 {
		return t, nil, &InvalidError{Fields: errs}
	}
	next, changed := t, []Field(nil)
	note := func(field Field, yes bool) {
		if yes {
			changed = append(changed, field)
		}
	}
	note(FieldTitle, set(&next.Title, trimmed(p.Title)))
	note(FieldContent, set(&next.Content, p.Content))
	note(FieldAnswer, set(&next.Answer, p.Answer))
	note(FieldClass, set(&next.Class, p.Class))
	note(FieldOutcome, set(&next.Outcome, p.Outcome))
	note(FieldContactName, set(&next.ContactName, trimmed(p.ContactName)))
	note(FieldEventPlace, set(&next.EventPlace, trimmed(p.EventPlace)))
	note(FieldConfidential, set(&next.Confidential, p.Confidential))
	if len(changed) == 0 {
		return t, nil, nil
	}
	if clash := p.overtaken(t, changed); len(clash) > 0 {
		return t, nil, &StaleError{Now: t, Fields: clash}
	}
	next.Version++
	next.Written = maps.Clone(t.Written)
	if next.Written == nil {
		next.Written = make(map[Field]Written, len(changed))
	}
	for _, f := range changed {
		next.Written[f] = Written{Version: next.Version, By: who.Person, Name: who.Name, At: now}
	}
	return next, changed, nil
}

// overtaken are those of the fields that somebody has written in since the author of the patch saw them, or that nobody can have seen so.
func (p Patch) overtaken(t Ticket, changed []Field) []Field {
	var late []Field
	for _, f := range changed {
		seen, ok := p.Seen[f]
		if !ok {
			seen = p.Version
		}
		if t.Written[f].Version > seen || seen > t.Version {
			late = append(late, f)
		}
	}
	return late
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
		case agent.CheckText(*f.value) != nil:
			errs = append(errs, FieldError{f.name, "bad_character"})
		}
	}
	for f := range p.Seen {
		if !f.valid() {
			errs = append(errs, FieldError{"seen", "unknown"})
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

func (f Field) valid() bool {
	switch f {
	case FieldTitle, FieldContent, FieldAnswer, FieldClass, FieldOutcome, FieldContactName, FieldEventPlace, FieldConfidential:
		return true
	}
	return false
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
