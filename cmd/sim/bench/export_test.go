package bench

import (
	"time"

	"hotline/telephony/trace"
)

// The tests look at what is pure.

// PgbenchScript is of two commits with one statement each, as the sample assignment would send them.
func PgbenchScript(sql string, first, second []any) string {
	return pgbenchScript([2][]statement{{{sql, first}}, {{sql, second}}})
}

// SampleNames are what is replaced in a script.
func SampleNames() (string, string, string) {
	n := names(assigners)
	return string(n.call), string(n.seat), offerID(assigners, 0, 0)
}

// FirstVersion of every call.
const FirstVersion = firstVersion

// Lines are those of the ways of one seat's calls.
func Lines(seat string, from, to time.Time, marks []trace.Mark) []string {
	w := &way{title: "test", first: "BYE sent", last: "INVITE seen", steps: map[string][]time.Duration{}}
	w.follow(marks, []journey{{from: from, to: to, seat: seat}})
	return w.lines()
}

// ParseStat is the processor time of a line of /proc.
func ParseStat(line string) (time.Duration, bool) {
	p, ok := parseStat([]byte(line))
	return p.used, ok
}
