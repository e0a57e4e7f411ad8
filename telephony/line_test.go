package telephony_test

import (
	"cmp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/agent"
	"hotline/telephony"
)

func lineStart() time.Time { return time.Date(2026, 11, 26, 0, 30, 0, 0, time.UTC) }

// idleSeat is a seat with its own person that is idle for longer the smaller its number is.
func idleSeat(n int) telephony.LineSeat {
	id := "A0" + strconv.Itoa(n)
	return telephony.LineSeat{
		Seat: agent.SeatID(id), Person: agent.PersonID("person-" + id), Open: true, Since: lineStart().Add(time.Duration(n) * time.Second),
	}
}

func busySeat(n int) telephony.LineSeat {
	s := idleSeat(n)
	s.Since = time.Time{}
	return s
}

func lineOf(seats ...telephony.LineSeat) *telephony.Line {
	l := telephony.NewLine()
	for _, s := range seats {
		l.Put(s)
	}
	return l
}

func missed(seat agent.SeatID) telephony.Skip {
	return telephony.Skip{Seat: seat, Until: lineStart().Add(20 * time.Second)}
}

func recusal(seat agent.SeatID) telephony.Skip {
	return telephony.Skip{Seat: seat, Person: agent.PersonID("person-" + string(seat)), Never: true}
}

// pairs takes every pair there is at a time: "call seat".
func pairs(l *telephony.Line, now time.Time) []string {
	made := []string{}
	for p, ok := l.Next(now); ok; p, ok = l.Next(now) {
		l.Take(p)
		made = append(made, string(p.Call)+" "+string(p.Seat.Seat))
	}
	return made
}

func TestLineServesByBandThenArrivalTheSeatIdleLongest(t *testing.T) {
	t.Parallel()
	l := lineOf(idleSeat(3), idleSeat(1), idleSeat(2), busySeat(4))
	shut := idleSeat(0)
	shut.Open = false
	l.Put(shut)
	for _, w := range []telephony.Waiting{{Call: "d", Priority: 2, Seq: 1}, {Call: "c", Priority: 1, Seq: 9}, {Call: "b", Priority: 1, Seq: 8}, {Call: "a", Seq: 7}} {
		l.Join(w)
		l.Join(w) // twice is once
	}
	require.Len(t, l.Waiting(), 4)
	require.Equal(t, []string{"a A01", "b A02", "c A03"}, pairs(l, lineStart()))
	l.Put(idleSeat(4))
	l.Join(telephony.Waiting{Call: "b", Priority: 1, Seq: 8}) // back at the old place
	require.Equal(t, []string{"b A04"}, pairs(l, lineStart()))
}

// RU4: nobody is glued to a seat that does not answer, and nobody loses the place.
func TestLineSkips(t *testing.T) {
	t.Parallel()
	early, late := lineStart().Add(20*time.Second-time.Microsecond), lineStart().Add(20*time.Second)
	stranger := idleSeat(1)
	stranger.Person = "somebody else"
	away := idleSeat(2)
	away.Open = false
	moved := idleSeat(3)
	moved.Person = idleSeat(1).Person
	for name, c := range map[string]struct {
		seats []telephony.LineSeat
		skips []telephony.Skip // of the caller at the head; the next has none
		now   time.Time
		want  []string
	}{
		"the seat that missed takes the next caller":            {[]telephony.LineSeat{idleSeat(1), busySeat(2)}, []telephony.Skip{missed("A01")}, late, []string{"next A01"}},
		"the head waits for no seat that missed":                {[]telephony.LineSeat{idleSeat(1), idleSeat(2)}, []telephony.Skip{missed("A01")}, late, []string{"head A02", "next A01"}},
		"the only seat: not at once, and nobody overtakes":      {[]telephony.LineSeat{idleSeat(1)}, []telephony.Skip{missed("A01")}, early, []string{}},
		"the only open seat: nobody overtakes":                  {[]telephony.LineSeat{idleSeat(1), away}, []telephony.Skip{missed("A01")}, early, []string{}},
		"the only seat: missed, then recused":                   {[]telephony.LineSeat{idleSeat(1)}, []telephony.Skip{missed("A01"), recusal("A01")}, early, []string{"next A01"}},
		"the only seat: again after 20 s":                       {[]telephony.LineSeat{idleSeat(1)}, []telephony.Skip{missed("A01")}, late, []string{"head A01"}},
		"another seat that is busy for too long":                {[]telephony.LineSeat{idleSeat(1), busySeat(2)}, []telephony.Skip{missed("A01")}, late.Add(telephony.SkipPatience), []string{"head A01"}},
		"recused: the person, wherever they sit":                {[]telephony.LineSeat{moved}, []telephony.Skip{recusal("A01")}, late, []string{"next A03"}},
		"a seat that takes no calls does not count":             {[]telephony.LineSeat{idleSeat(1), away}, []telephony.Skip{missed("A01")}, late, []string{"head A01"}},
		"both missed: not at once":                              {[]telephony.LineSeat{idleSeat(1), idleSeat(2)}, []telephony.Skip{missed("A01"), missed("A02")}, early, []string{"next A01"}},
		"both missed: asked last after 20 s":                    {[]telephony.LineSeat{idleSeat(1), idleSeat(2)}, []telephony.Skip{missed("A01"), missed("A02")}, late, []string{"head A01", "next A02"}},
		"recused: never":                                        {[]telephony.LineSeat{idleSeat(1)}, []telephony.Skip{recusal("A01")}, late, []string{"next A01"}},
		"recused: never, and the other seat is free to take it": {[]telephony.LineSeat{idleSeat(1), idleSeat(2)}, []telephony.Skip{recusal("A01")}, early, []string{"head A02", "next A01"}},
		"recused: another person at that seat may":              {[]telephony.LineSeat{stranger}, []telephony.Skip{recusal("A01")}, early, []string{"head A01"}},
		"a seat that recused does not count as another":         {[]telephony.LineSeat{idleSeat(1), busySeat(2)}, []telephony.Skip{missed("A01"), recusal("A02")}, late, []string{"head A01"}},
		"one recused, one missed: not at once":                  {[]telephony.LineSeat{idleSeat(1), busySeat(2)}, []telephony.Skip{missed("A01"), recusal("A02")}, early, []string{"next A01"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lineOf(c.seats...)
			l.Join(telephony.Waiting{Call: "head", Seq: 1, Skips: c.skips})
			l.Join(telephony.Waiting{Call: "next", Seq: 2})
			require.Equal(t, c.want, pairs(l, c.now))
		})
	}
}

func TestLineListsWhomEverybodyRecused(t *testing.T) {
	t.Parallel()
	l := telephony.NewLine()
	l.Join(telephony.Waiting{Call: "a", Seq: 1, Skips: []telephony.Skip{recusal("A01"), recusal("A02")}})
	l.Join(telephony.Waiting{Call: "b", Seq: 2, Skips: []telephony.Skip{missed("A01"), missed("A02")}})
	l.Join(telephony.Waiting{Call: "c", Seq: 3})
	require.Empty(t, l.Recused(), "nobody is there")
	l.Put(idleSeat(1))
	l.Put(busySeat(2))
	require.Equal(t, []telephony.CallID{"a"}, l.Recused())
	resting := idleSeat(3)
	resting.Open = false
	l.Put(resting)
	require.Empty(t, l.Recused(), "who rests comes back")
	l.Remove(resting.Seat)
	stranger := idleSeat(2)
	stranger.Person = "somebody else"
	l.Put(stranger)
	require.Empty(t, l.Recused(), "somebody else sits there now")
}

func TestLinePrefersTheOldSeat(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prefer agent.SeatID
		skips  []telephony.Skip
		want   string
	}{
		"when it is idle":             {"A02", nil, "a A02"},
		"not while it is in a call":   {"A03", nil, "a A01"},
		"not when nobody sits there":  {"A09", nil, "a A01"},
		"not when it missed the call": {"A02", []telephony.Skip{missed("A02")}, "a A01"},
		"not when it recused":         {"A02", []telephony.Skip{recusal("A02")}, "a A01"},
		"whoever else missed":         {"A02", []telephony.Skip{missed("A01")}, "a A02"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lineOf(idleSeat(1), idleSeat(2), busySeat(3))
			l.Join(telephony.Waiting{Call: "a", Seq: 1, Prefer: c.prefer, Skips: c.skips})
			require.Equal(t, []string{c.want}, pairs(l, lineStart()))
		})
	}
}

// I5: who is about to join is not passed over while their entry is stored.
func TestLineComing(t *testing.T) {
	t.Parallel()
	coming := telephony.Waiting{Call: "coming", Seq: 1}
	behind := telephony.Waiting{Call: "behind", Seq: 2}
	blocked := func() *telephony.Line {
		l := lineOf(idleSeat(1))
		l.Join(behind)
		l.Coming(coming, lineStart())
		return l
	}
	require.Empty(t, pairs(blocked(), lineStart()))
	require.Empty(t, pairs(blocked(), lineStart().Add(telephony.ComingFor-time.Microsecond)))
	require.Equal(t, []string{"behind A01"}, pairs(blocked(), lineStart().Add(telephony.ComingFor)), "only for a moment")

	l := blocked()
	l.Join(coming)
	require.Equal(t, []string{"coming A01"}, pairs(l, lineStart()))
	l = blocked()
	require.False(t, l.Leave("coming"), "was not in yet")
	require.Equal(t, []string{"behind A01"}, pairs(l, lineStart()), "gave up")

	l = blocked()
	l.Coming(telephony.Waiting{Call: "coming", Seq: 1, Skips: []telephony.Skip{recusal("A01")}}, lineStart())
	require.Equal(t, []string{"behind A01"}, pairs(l, lineStart()), "could not take that seat")
	l = blocked()
	l.Coming(telephony.Waiting{Call: "coming", Seq: 3}, lineStart())
	require.Equal(t, []string{"behind A01"}, pairs(l, lineStart()), "comes later")
}

// TestLineLaws holds the line to its laws in any state: who is served, where, and what taking does.
func TestLineLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := lineStart().Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "now")) * time.Second)
		var callers []telephony.Waiting
		for i := range rapid.IntRange(0, 8).Draw(t, "callers") {
			callers = append(callers, anyWaiting(t, i))
		}
		var seats []telephony.LineSeat
		for i := range rapid.IntRange(0, 5).Draw(t, "seats") {
			seats = append(seats, anySeat(t, i))
		}
		l := lineOf(seats...)
		for _, w := range callers {
			l.Join(w)
		}
		for p, ok := l.Next(now); ok; p, ok = l.Next(now) {
			lawful(t, l, p, now)
			l.Take(p)
			require.NotContains(t, calls(l.Waiting()), p.Call, "served, so waits no more")
			taken, there := l.Seat(p.Seat.Seat)
			require.True(t, there)
			require.Zero(t, taken.Since, "occupied")
		}
		for _, w := range l.Waiting() {
			for _, s := range l.Seats() {
				idle := s.Open && !s.Since.IsZero() && !kept(l.Waiting(), w, s, l.Seats(), now)
				require.False(t, idle && allowed(w, s, l.Seats(), now), "%s waits and %s is idle", w.Call, s.Seat)
			}
		}
	})
}

// lawful says that a pair is the one to make.
func lawful(t *rapid.T, l *telephony.Line, p telephony.Pair, now time.Time) {
	seats, waiting := l.Seats(), l.Waiting()
	require.True(t, slices.IsSortedFunc(waiting, func(a, b telephony.Waiting) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Seq, b.Seq))
	}))
	require.True(t, p.Seat.Open && !p.Seat.Since.IsZero(), "a seat that is not to be rung")
	at := slices.Index(calls(waiting), p.Call)
	require.GreaterOrEqual(t, at, 0)
	w := waiting[at]
	require.True(t, allowed(w, p.Seat, seats, now), "%s at %s", w.Call, p.Seat.Seat)
	for _, s := range seats {
		if !s.Open || s.Since.IsZero() {
			continue
		}
		for _, earlier := range waiting[:at] {
			require.False(t, allowed(earlier, s, seats, now), "%s passed over for seat %s", earlier.Call, s.Seat)
		}
		if s.Since.Before(p.Seat.Since) && p.Seat.Seat != w.Prefer || s.Seat == w.Prefer && p.Seat.Seat != w.Prefer {
			require.False(t, allowed(w, s, seats, now), "seat %s passed over", s.Seat)
		}
	}
}

// allowed is the rule for skips, said once more.
func allowed(w telephony.Waiting, s telephony.LineSeat, seats []telephony.LineSeat, now time.Time) bool {
	never := func(s telephony.LineSeat) bool {
		return slices.ContainsFunc(w.Skips, func(k telephony.Skip) bool { return k.Never && k.Person == s.Person })
	}
	skip := func(s telephony.LineSeat) int {
		return slices.IndexFunc(w.Skips, func(k telephony.Skip) bool { return !k.Never && k.Seat == s.Seat })
	}
	fresh := slices.ContainsFunc(seats, func(o telephony.LineSeat) bool { return o.Open && skip(o) < 0 && !never(o) })
	until := time.Time{}
	if i := skip(s); i >= 0 {
		until = w.Skips[i].Until
		if fresh {
			until = until.Add(telephony.SkipPatience)
		}
	}
	return !never(s) && !until.After(now)
}

// kept says that an earlier caller keeps the only open seat until it asks again.
func kept(waiting []telephony.Waiting, w telephony.Waiting, s telephony.LineSeat, seats []telephony.LineSeat, now time.Time) bool {
	if slices.ContainsFunc(seats, func(o telephony.LineSeat) bool { return o.Open && o.Seat != s.Seat }) {
		return false
	}
	for _, earlier := range waiting[:slices.IndexFunc(waiting, func(o telephony.Waiting) bool { return o.Call == w.Call })] {
		skips := slices.ContainsFunc(earlier.Skips, func(k telephony.Skip) bool { return !k.Never && k.Seat == s.Seat && k.Until.After(now) })
		never := slices.ContainsFunc(earlier.Skips, func(k telephony.Skip) bool { return k.Never && k.Person == s.Person })
		if skips && !never {
			return true
		}
	}
	return false
}

func anyWaiting(t *rapid.T, i int) telephony.Waiting {
	w := telephony.Waiting{
		Call: telephony.CallID("call-" + strconv.Itoa(i)), Priority: rapid.IntRange(0, 2).Draw(t, "band"), Seq: int64(i),
		Prefer: rapid.SampledFrom([]agent.SeatID{"", "A01", "A02"}).Draw(t, "prefer"),
	}
	for range rapid.IntRange(0, 4).Draw(t, "skips") {
		seat := agent.SeatID("A0" + strconv.Itoa(rapid.IntRange(0, 4).Draw(t, "skipped")))
		skip := recusal(seat)
		if !rapid.Bool().Draw(t, "never") {
			skip = telephony.Skip{Seat: seat, Until: lineStart().Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "until")) * time.Second)}
		}
		w.Skips = append(w.Skips, skip)
	}
	return w
}

func anySeat(t *rapid.T, i int) telephony.LineSeat {
	s := idleSeat(i)
	s.Open = rapid.IntRange(0, 4).Draw(t, "open") > 0
	s.Since = s.Since.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "since")) * time.Second)
	if rapid.IntRange(0, 3).Draw(t, "occupied") == 0 {
		s.Since = time.Time{}
	}
	if rapid.IntRange(0, 3).Draw(t, "person") == 0 {
		s.Person = "somebody else"
	}
	return s
}

func calls(waiting []telephony.Waiting) []telephony.CallID {
	ids := make([]telephony.CallID, len(waiting))
	for i, w := range waiting {
		ids[i] = w.Call
	}
	return ids
}
