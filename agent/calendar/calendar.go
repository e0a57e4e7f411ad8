// Package calendar answers which days are working days in China and when a number of them is over. It is pure and stands
// on the lowest rung, so everyone may import it; it knows neither tickets nor sessions.
//
// A day that a paper of the State Council names is what the paper says; every other day is Monday to Friday. A year without
// a complete paper falls back to Monday to Friday without the statutory holidays, and what is computed over it is
// provisional (domain.md 3.3).
package calendar

import (
	"crypto/sha256"
	_ "embed" // the vendored papers
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

//go:embed cn-workdays.tsv
var vendoredDays string

//go:embed statutory.tsv
var statutoryDays string

// Calendar knows the working days. It is immutable and safe for concurrent use.
type Calendar struct {
	work     map[Date]bool // days that a paper names: working or not
	papers   map[int]bool  // years that have a paper of their own
	movable  map[int][]Date
	official map[int]bool
	version  string
}

// Due is when a number of working days is over.
type Due struct {
	LastDay     Date
	At          time.Time // 24:00 of the last day, exclusive
	Provisional bool      // a year without a complete official paper was touched: shown as 预计
}

// Vendored is the calendar of the papers that were published when this version was built.
func Vendored() (*Calendar, error) { return New(vendoredDays) }

// New reads rows of "date <tab> off|work <tab> name <tab> year of the paper". A bad row refuses the whole and names the line.
func New(days string) (*Calendar, error) {
	c := &Calendar{work: map[Date]bool{}, papers: map[int]bool{}, movable: map[int][]Date{}, official: map[int]bool{}}
	if err := c.readStatutory(statutoryDays); err != nil {
		return nil, err
	}
	if err := c.readDays(days); err != nil {
		return nil, err
	}
	newest := 0
	for year := range c.papers {
		c.official[year] = len(c.Missing(year)) == 0
		newest = max(newest, year)
	}
	sum := sha256.Sum256([]byte(days))
	c.version = fmt.Sprintf("cn-%d-%s", newest, hex.EncodeToString(sum[:4]))
	return c, nil
}

// Version names the data: the newest year with a paper, and a digest of the content. It is stored with every promise (S-26).
func (c *Calendar) Version() string { return c.version }

// Official says that the year has its own paper and every statutory holiday comes out as free in it. A file that is there
// but empty, as 2027's is in the source, does not pass.
func (c *Calendar) Official(year int) bool { return c.official[year] }

// Missing lists the statutory holidays of the year that no paper makes free: the mend that an incomplete year needs.
func (c *Calendar) Missing(year int) []Date {
	var missing []Date
	for _, d := range c.statutory(year) {
		if work, named := c.work[d]; work || (!named && !isWeekend(d)) {
			missing = append(missing, d)
		}
	}
	return missing
}

// IsWorkday says whether people work that day.
func (c *Calendar) IsWorkday(d Date) bool {
	if work, named := c.work[d]; named {
		return work
	}
	if isWeekend(d) {
		return false
	}
	return c.official[d.Year] || !c.isStatutory(d)
}

// Add counts n working days from a date. The date itself does not count, and the period ends with its last day (Civil Code
// Art. 201, 203). n of 0 or less gives the date itself, or the first working day after it.
func (c *Calendar) Add(from Date, n int) Due {
	due := Due{LastDay: from}
	for left := n; left > 0 || !c.IsWorkday(due.LastDay); {
		due.LastDay = due.LastDay.Next()
		due.Provisional = due.Provisional || !c.official[due.LastDay.Year]
		if c.IsWorkday(due.LastDay) {
			left--
		}
	}
	due.At = due.LastDay.End()
	return due
}

// statutory lists the holidays of Art. 2 that fall in the year: 13 days since 2025, 11 before. Lunar days beyond the table
// are left out; the result is then provisional anyway.
func (c *Calendar) statutory(year int) []Date {
	days := []Date{
		{year, time.January, 1},
		{year, time.May, 1},
		{year, time.October, 1},
		{year, time.October, 2},
		{year, time.October, 3},
	}
	const lunarEveSince = 2025 // the revision of 2024-11-10 added New Year's Eve and 2 May
	if year >= lunarEveSince {
		days = append(days, Date{year, time.May, 2})
	}
	movable := c.movable[year]
	if len(movable) == 0 {
		return days
	}
	spring := movable[0]
	if year >= lunarEveSince {
		days = append(days, spring.plus(-1))
	}
	days = append(days, spring.plus(1), spring.plus(2))
	return append(days, movable...)
}

func (c *Calendar) isStatutory(d Date) bool { return slices.Contains(c.statutory(d.Year), d) }

// readDays reads the papers. A day that two of them name, in December as a rule, is as the later one has it.
func (c *Calendar) readDays(days string) error {
	named := map[Date]int{} // by which paper
	for line, f := range rows(days) {
		if len(f) != 4 {
			return fmt.Errorf("calendar line %d: want 4 fields separated by tabs, got %d", line, len(f))
		}
		d, err := ParseDate(f[0])
		if err != nil {
			return fmt.Errorf("calendar line %d: %w", line, err)
		}
		if f[1] != "work" && f[1] != "off" {
			return fmt.Errorf("calendar line %d: %q: want work or off", line, f[1])
		}
		paper, err := time.Parse("2006", f[3])
		if err != nil {
			return fmt.Errorf("calendar line %d: year of the paper %q: want four digits", line, f[3])
		}
		year := paper.Year()
		c.papers[year] = true
		before, twice := named[d]
		switch {
		case twice && before == year:
			return fmt.Errorf("calendar line %d: %s stands twice", line, d)
		case before > year:
			continue
		}
		c.work[d], named[d] = f[1] == "work", year
	}
	return nil
}

func (c *Calendar) readStatutory(table string) error {
	for line, f := range rows(table) {
		if len(f) != 5 {
			return fmt.Errorf("statutory line %d: want 5 fields separated by tabs, got %d", line, len(f))
		}
		for _, day := range f[1:] {
			d, err := ParseDate(f[0] + "-" + day)
			if err != nil {
				return fmt.Errorf("statutory line %d: %w", line, err)
			}
			c.movable[d.Year] = append(c.movable[d.Year], d)
		}
	}
	return nil
}

// rows yields the line number and the fields of every line that is neither empty nor a comment.
func rows(tsv string) func(yield func(int, []string) bool) {
	return func(yield func(int, []string) bool) {
		line := 0
		for row := range strings.Lines(tsv) {
			line++
			row = strings.TrimRight(row, "\r\n")
			if row == "" || strings.HasPrefix(row, "#") {
				continue
			}
			if !yield(line, strings.Split(row, "\t")) {
				return
			}
		}
	}
}

func isWeekend(d Date) bool { return d.Weekday() == time.Saturday || d.Weekday() == time.Sunday }
