package ticketing

import (
	"slices"
	"strings"
	"time"
)

// needs lists the fields that an outcome cannot do without.
func (o Outcome) needs() []string {
	switch o {
	case OutcomeNone:
		return []string{"title", "class", "outcome"}
	case OutcomeTicket:
		return []string{"title", "class"}
	case OutcomeAnswered, OutcomeExplainedPolicy, // the answer, the explanation (S-20)
		OutcomeReferLegal, OutcomeRepeat, OutcomeSecret, OutcomeAgainstOrder, OutcomeOtherPlace, OutcomeMarketOrPrivate: // the reason given (N-21)
		return []string{"title", "class", "answer"}
	case OutcomeTransferEmergency, OutcomeNoContent, OutcomeAbusive: // no matter was put
		return []string{"title"}
	}
	return []string{"outcome"}
}

// Register ends the draft. The outcome "ticket" registers it with a promise, counted from the day on which the call ended
// (Q1; a running call counts as ending now); every other outcome closes it at once, and it is kept (S-20). The number is
// given by the store. ErrNotDraft; *InvalidError names every field that is missing.
func Register(t Ticket, cal Calendar, rules Rules, now time.Time) (Ticket, error) {
	if t.State != StateDraft {
		return t, ErrNotDraft
	}
	errs := missing(t)
	next := t
	next.RegisteredAt, next.Written = now, nil
	if t.Origin.Unit != "" && !slices.Contains(t.Units, t.Origin.Unit) {
		next.Units = append(slices.Clone(t.Units), t.Origin.Unit)
	}
	next.Version++
	if t.Outcome != OutcomeTicket {
		next.State, next.ClosedAt = StateClosed, now
		return checked(t, next, errs)
	}
	from := t.Origin.EndedAt
	if from.IsZero() || from.After(now) {
		from = now
	}
	promise, ok := Promised(t.Class, from, cal, rules)
	if !ok && !slices.Contains(errs, FieldError{"class", "required"}) {
		errs = append(errs, FieldError{"class", "no_limit"})
	}
	next.State, next.Promise = StateRegistered, &promise
	return checked(t, next, errs)
}

func missing(t Ticket) []FieldError {
	has := map[string]bool{
		"title":   t.Title != "",
		"class":   t.Class != ClassNone,
		"outcome": t.Outcome != OutcomeNone,
		"answer":  strings.TrimSpace(t.Answer) != "",
	}
	var errs []FieldError
	for _, field := range t.Outcome.needs() {
		if !has[field] {
			errs = append(errs, FieldError{field, "required"})
		}
	}
	return errs
}

func checked(before, after Ticket, errs []FieldError) (Ticket, error) {
	if len(errs) > 0 {
		return before, &InvalidError{Fields: errs}
	}
	return after, nil
}
