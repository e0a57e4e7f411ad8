package setting

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hotline/agent/calendar"
)

// InvalidError names what was given wrong: value, scope, effective_from or reason, and the mend; a paper may have a cause of its own.
type InvalidError struct {
	Field, Mend string
	Cause       error
}

func (e *InvalidError) Error() string { return e.Field + ": " + e.Mend }

// Unwrap is the cause, or nothing.
func (e *InvalidError) Unwrap() error { return e.Cause }

// Parse checks a value as a person gives it and returns it as it is stored. *InvalidError.
func (d Definition) Parse(scope, given string) (string, error) {
	if err := d.checkScope(scope); err != nil {
		return "", err
	}
	switch d.Kind {
	case KindNumber:
		n, err := strconv.Atoi(strings.TrimSpace(given))
		if err != nil || n < d.Min || n > d.Max {
			return "", &InvalidError{"value", fmt.Sprintf("give a whole number from %d to %d", d.Min, d.Max), nil}
		}
		return strconv.Itoa(n), nil
	case KindChoice:
		if !slices.Contains(d.Choices, given) {
			return "", &InvalidError{"value", fmt.Sprintf("give one of %q", d.Choices), nil}
		}
		return given, nil
	case KindDays:
		year, _ := strconv.Atoi(scope) // checked above
		paper, err := calendar.ParsePaper(year, given)
		if err != nil {
			return "", &InvalidError{"value", err.Error(), err}
		}
		return paper, nil
	}
	return "", &InvalidError{"key", "no such kind of setting", nil}
}

// Initial is the value while no version is in force.
func (d Definition) Initial(scope string) string {
	if d.Kind == KindDays {
		year, _ := strconv.Atoi(scope) // no year, no paper
		return calendar.Paper(year)
	}
	return d.Default
}

// checkScope refuses a scope that the setting does not have. Whether there is such a line the store knows.
func (d Definition) checkScope(scope string) error {
	switch d.Per {
	case PerLine:
		if scope == "" {
			return &InvalidError{"scope", "name the line", nil}
		}
	case PerYear:
		const first, last = 2016, 2100
		year, err := strconv.Atoi(scope)
		if err != nil || year < first || year > last || strconv.Itoa(year) != scope {
			return &InvalidError{"scope", fmt.Sprintf("give a year from %d to %d", first, last), nil}
		}
	case PerAll:
		if scope != "" {
			return &InvalidError{"scope", "leave it empty: there is one for all", nil}
		}
	}
	return nil
}
