package line

import (
	"encoding/json"
	"time"

	"hotline/agent"
	"hotline/telephony"
)

// What stands before the person at a seat: whether they take calls.
const (
	open = "open"
	shut = "shut"
)

// caller is what the scripts read of a caller. Times are microseconds: whole numbers that a double holds exactly, and that no
// script writes.
type caller struct {
	Place  int64        `json:"place"`
	Prefer agent.SeatID `json:"prefer,omitempty"`
	Skips  []skip       `json:"skips,omitempty"`
}

type skip struct {
	Seat   agent.SeatID   `json:"seat"`
	Person agent.PersonID `json:"person"`
	Until  int64          `json:"until"`
	Never  bool           `json:"never,omitempty"`
}

// arguments are what a script takes before its news, then four for each change: see news.lua.
func arguments(news []telephony.News, first ...any) []any {
	args := make([]any, 0, len(first)+4*len(news))
	args = append(args, first...)
	for _, n := range news {
		switch {
		case n.Joined != nil:
			c := callerOf(*n.Joined)
			text, _ := json.Marshal(c) // of strings and numbers: it cannot fail
			args = append(args, "call", string(n.Joined.Call), c.Place, text)
		case n.Left != "":
			args = append(args, "call", string(n.Left), "", "")
		case n.Seat != nil:
			args = append(args, "seat", string(n.Seat.Seat), idleSince(*n.Seat), personAt(*n.Seat))
		case n.Gone != "":
			args = append(args, "seat", string(n.Gone), "", "")
		}
	}
	return args
}

func callerOf(w telephony.Waiting) caller {
	c := caller{Place: int64(w.Priority)<<bandBits | w.Seq, Prefer: w.Prefer}
	for _, k := range w.Skips {
		c.Skips = append(c.Skips, skip{Seat: k.Seat, Person: k.Person, Until: micros(k.Until), Never: k.Never})
	}
	return c
}

func (c caller) waiting(call telephony.CallID) telephony.Waiting {
	w := telephony.Waiting{Call: call, Priority: int(c.Place >> bandBits), Seq: c.Place & (1<<bandBits - 1), Prefer: c.Prefer}
	for _, k := range c.Skips {
		w.Skips = append(w.Skips, telephony.Skip{Seat: k.Seat, Person: k.Person, Until: instant(k.Until), Never: k.Never})
	}
	return w
}

// idleSince is the score of a seat that may be rung, else nothing.
func idleSince(s telephony.LineSeat) any {
	if !s.Open || s.Since.IsZero() {
		return ""
	}
	return s.Since.UnixMicro()
}

func personAt(s telephony.LineSeat) string {
	if s.Open {
		return open + ":" + string(s.Person)
	}
	return shut + ":" + string(s.Person)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
