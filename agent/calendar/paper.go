package calendar

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// IncompleteError names the statutory holidays that a paper leaves working days.
type IncompleteError struct{ Missing []Date }

func (e *IncompleteError) Error() string {
	return fmt.Sprintf("the paper is not complete: statutory holidays that it leaves working days: %v", e.Missing)
}

// The most days that a paper names. Those of the State Council name about forty.
const mostDays = 80

// ParsePaper reads the paper of a year as people type it, a line for each day that deviates from Monday to Friday: "2027-01-01 休 元旦",
// "2027-01-03 班 元旦"; off and work are understood as well. It returns the lines as they are kept, by date. What is wrong is named by its
// line, and a paper that leaves a statutory holiday a working day is not complete: *IncompleteError.
func ParsePaper(year int, given string) (string, error) {
	type day struct{ line, what string }
	days := map[string]day{}
	at := 0
	for line := range strings.Lines(given) {
		at++
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(f[0], "#") {
			continue
		}
		if len(f) != 3 {
			return "", fmt.Errorf("line %d: give date, 休 or 班, and the holiday: 2027-01-01 休 元旦", at)
		}
		d, err := ParseDate(f[0])
		if err != nil {
			return "", fmt.Errorf("line %d: %w", at, err)
		}
		if d.Year != year && (d.Year != year-1 || d.Month != time.December) {
			return "", fmt.Errorf("line %d: %s is not of the paper of %d, which has that year and the December before", at, d, year)
		}
		what, ok := map[string]string{"休": "off", "off": "off", "班": "work", "work": "work"}[f[1]]
		if !ok {
			return "", fmt.Errorf("line %d: %q: give 休 or 班", at, f[1])
		}
		if other, twice := days[f[0]]; twice {
			return "", fmt.Errorf("line %d: %s stands twice, first as %s", at, f[0], other.what)
		}
		days[f[0]] = day{f[0] + "\t" + what + "\t" + f[2], what}
	}
	if len(days) == 0 {
		return "", errors.New("give a line for each day of the paper")
	}
	if len(days) > mostDays {
		return "", fmt.Errorf("%d days are too many for a year: %d at most", len(days), mostDays)
	}
	var kept strings.Builder
	for _, date := range slices.Sorted(maps.Keys(days)) {
		kept.WriteString(days[date].line + "\n")
	}
	c, err := WithPapers(map[int]string{year: kept.String()})
	if err != nil {
		return "", err
	}
	if missing := c.Missing(year); len(missing) > 0 {
		slices.SortFunc(missing, func(a, b Date) int { return strings.Compare(a.String(), b.String()) })
		return "", &IncompleteError{missing}
	}
	return kept.String(), nil
}

// Paper is the vendored one of a year, as ParsePaper keeps it; empty when it was not out.
func Paper(year int) string {
	var kept strings.Builder
	for _, f := range rows(vendoredDays) {
		if last := len(f) - 1; f[last] == strconv.Itoa(year) {
			kept.WriteString(strings.Join(f[:last], "\t") + "\n")
		}
	}
	return kept.String()
}

// WithPapers is the vendored calendar with the papers of years, as ParsePaper keeps them, in place of its own.
func WithPapers(papers map[int]string) (*Calendar, error) {
	if len(papers) == 0 {
		return Vendored()
	}
	var days strings.Builder
	for _, f := range rows(vendoredDays) {
		year, _ := strconv.Atoi(f[len(f)-1])
		if _, replaced := papers[year]; !replaced {
			days.WriteString(strings.Join(f, "\t") + "\n")
		}
	}
	for _, year := range slices.Sorted(maps.Keys(papers)) {
		for line, f := range rows(papers[year]) {
			if len(f) != 3 {
				return nil, fmt.Errorf("paper of %d, line %d: want 3 fields separated by tabs, got %d", year, line, len(f))
			}
			days.WriteString(strings.Join(f, "\t") + "\t" + strconv.Itoa(year) + "\n")
		}
	}
	return New(days.String())
}

// Provider holds the calendar that counts now. It is safe for concurrent use.
type Provider struct {
	now    atomic.Pointer[Calendar]
	papers atomic.Pointer[map[int]string] // what the calendar was made of
}

// NewProvider begins with the vendored calendar.
func NewProvider() (*Provider, error) {
	c, err := Vendored()
	if err != nil {
		return nil, err
	}
	p := &Provider{}
	p.now.Store(c)
	return p, nil
}

// Now is the calendar as it is. Who counts with it keeps it for as long as the counting takes: day and version belong together.
func (p *Provider) Now() *Calendar { return p.now.Load() }

// Replace takes other papers, from the next promise on; false: they are those already. Papers that are wrong change nothing.
func (p *Provider) Replace(papers map[int]string) (bool, error) {
	if had := p.papers.Load(); had != nil && maps.Equal(*had, papers) || had == nil && len(papers) == 0 {
		return false, nil
	}
	c, err := WithPapers(papers)
	if err != nil {
		return false, err
	}
	kept := maps.Clone(papers)
	p.now.Store(c)
	p.papers.Store(&kept)
	return true, nil
}
