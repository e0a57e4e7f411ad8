package telephony

import (
	"cmp"
	"slices"
	"time"

	"hotline/agent"
)

// LineInfo is a line with what the controller reads of it.
type LineInfo struct {
	ID      agent.LineID
	Rules   Rules
	Numbers []string // by which citizens reach it
}

// News is one change of a line for the queue: a caller who waits or has left, a seat as it is now or nobody at it.
type News struct {
	Joined *Waiting
	Left   CallID
	Seat   *LineSeat
	Gone   agent.SeatID
}

// Waiting is a call's place in its line.
type Waiting struct {
	Call     CallID
	Priority int
	Seq      int64
	Skips    []Skip
	Prefer   agent.SeatID
}

// Waits is a call's place in its line, the same for ever (I6).
func (c Call) Waits() Waiting {
	return Waiting{Call: c.ID, Priority: c.Priority, Seq: c.Seq, Skips: c.Skips, Prefer: c.Prefer}
}

// before says that a is served before b: by priority band, and in a band by order of arrival, never by a clock.
func (w Waiting) before(b Waiting) bool { return compareWaiting(w, b) < 0 }

func compareWaiting(a, b Waiting) int {
	return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Call, b.Call))
}

// LineSeat is a seat of a line with somebody there.
type LineSeat struct {
	Seat     agent.SeatID
	Kind     agent.SeatKind
	Person   agent.PersonID
	Phone    agent.Phone
	Endpoint string
	Open     bool      // its person takes calls
	Since    time.Time // idle since; zero: occupied, or not to be rung
	Misses   int
}

// Pair is a seat and the caller it should serve.
type Pair struct {
	Call CallID
	Seat LineSeat
}

// Line decides who is served next and where: callers by band and order of arrival, seats by the time since which they are
// idle. It is the rule itself; the queue in Redis proposes by the same rule, and the ledger's guards have the last word. It
// has no lock and no clock: one goroutine at a time uses it.
type Line struct {
	waiting []Waiting // in order
	coming  map[CallID]coming
	seats   map[agent.SeatID]LineSeat
}

// coming is a caller whose entry into the line is being stored: nobody behind is served before, for a moment.
type coming struct {
	Waiting
	until time.Time
}

// ComingFor is how long a caller whose entry is being stored keeps those behind from being served (I5).
const ComingFor = time.Second

// SkipFor is how long a seat that missed or declined a caller is passed over before it, the only one, is asked again (A6).
const SkipFor = 20 * time.Second

// SkipPatience is how long a caller waits for another seat before the one that missed or declined them is asked after all:
// nobody waits for ever beside somebody who is free.
const SkipPatience = 40 * time.Second

// NewLine returns an empty line.
func NewLine() *Line {
	return &Line{coming: make(map[CallID]coming), seats: make(map[agent.SeatID]LineSeat)}
}

// Coming says that a caller is about to join.
func (l *Line) Coming(w Waiting, now time.Time) {
	l.coming[w.Call] = coming{w, now.Add(ComingFor)}
}

// Comes says that a caller is about to join.
func (l *Line) Comes(call CallID) bool {
	_, comes := l.coming[call]
	return comes
}

// Join lets a caller wait at the old place; joining twice is joining once.
func (l *Line) Join(w Waiting) {
	l.Leave(w.Call)
	i, _ := slices.BinarySearchFunc(l.waiting, w, compareWaiting)
	l.waiting = slices.Insert(l.waiting, i, w)
}

// Leave takes a caller out; false when the caller was not in.
func (l *Line) Leave(call CallID) bool {
	delete(l.coming, call)
	i := slices.IndexFunc(l.waiting, func(w Waiting) bool { return w.Call == call })
	if i < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	return true
}

// Waiting lists who waits, first to be served first.
func (l *Line) Waiting() []Waiting { return slices.Clone(l.waiting) }

// Find is a caller who waits.
func (l *Line) Find(call CallID) (Waiting, bool) {
	for _, w := range l.waiting {
		if w.Call == call {
			return w, true
		}
	}
	return Waiting{}, false
}

// Anyone says that somebody waits.
func (l *Line) Anyone() bool { return len(l.waiting) > 0 }

// Put takes over what a seat is now.
func (l *Line) Put(s LineSeat) { l.seats[s.Seat] = s }

// Remove takes out a seat that nobody sits at any more.
func (l *Line) Remove(seat agent.SeatID) { delete(l.seats, seat) }

// Seat finds a seat.
func (l *Line) Seat(seat agent.SeatID) (LineSeat, bool) {
	s, ok := l.seats[seat]
	return s, ok
}

// Seats lists the seats, idle longest first.
func (l *Line) Seats() []LineSeat {
	all := make([]LineSeat, 0, len(l.seats))
	for _, s := range l.seats {
		all = append(all, s)
	}
	slices.SortFunc(all, compareSeats)
	return all
}

func compareSeats(a, b LineSeat) int {
	return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Seat, b.Seat))
}

// Next is the pair to make now: the first caller who may have an idle seat, and of those the preferred or the one that is
// idle longest. It is not taken: see Take.
func (l *Line) Next(now time.Time) (Pair, bool) {
	if len(l.waiting) == 0 {
		return Pair{}, false
	}
	idle := l.idle()
	if len(idle) == 0 {
		return Pair{}, false
	}
	for _, w := range l.waiting {
		seat, ok := l.seatFor(w, idle, now)
		switch {
		case !ok && l.keeps(w, now), ok && l.passes(w, seat, now):
			return Pair{}, false
		case !ok:
			continue
		}
		return Pair{Call: w.Call, Seat: seat}, true
	}
	return Pair{}, false
}

// Take makes a pair: the caller waits no more, the seat is occupied.
func (l *Line) Take(p Pair) {
	l.Leave(p.Call)
	l.Occupy(p.Seat.Seat)
}

// Occupy says that a seat is not to be rung.
func (l *Line) Occupy(seat agent.SeatID) {
	if s, ok := l.seats[seat]; ok {
		s.Since = time.Time{}
		l.seats[seat] = s
	}
}

// Recused lists the callers whom everybody who is there has recused from: nobody of this line will ever take them.
func (l *Line) Recused() []CallID {
	var all []CallID
	for _, w := range l.waiting {
		if len(w.Skips) == 0 || len(l.seats) == 0 {
			continue
		}
		recused := true
		for _, s := range l.seats {
			recused = recused && w.recused(s)
		}
		if recused {
			all = append(all, w.Call)
		}
	}
	return all
}

func (l *Line) idle() []LineSeat {
	var idle []LineSeat
	for _, s := range l.seats {
		if s.Open && !s.Since.IsZero() {
			idle = append(idle, s)
		}
	}
	slices.SortFunc(idle, compareSeats)
	return idle
}

func (l *Line) seatFor(w Waiting, idle []LineSeat, now time.Time) (LineSeat, bool) {
	if w.Prefer != "" {
		if i := slices.IndexFunc(idle, func(s LineSeat) bool { return s.Seat == w.Prefer }); i >= 0 && l.may(w, idle[i], now) {
			return idle[i], true
		}
	}
	for _, s := range idle {
		if l.may(w, s, now) {
			return s, true
		}
	}
	return LineSeat{}, false
}

// may says that a caller may be offered to a seat. Who missed or declined the caller is asked last: not while another seat
// is open that has done neither, unless that one is busy for too long, and not at once. Who recused is never asked again.
func (l *Line) may(w Waiting, s LineSeat, now time.Time) bool {
	if w.recused(s) {
		return false
	}
	skip, skipped := w.skips(s.Seat)
	if !skipped {
		return true
	}
	for _, other := range l.seats {
		if _, too := w.skips(other.Seat); other.Open && !too && !w.recused(other) {
			return !now.Before(skip.Until.Add(SkipPatience))
		}
	}
	return !now.Before(skip.Until)
}

// keeps says that a caller keeps the only seat that is open, which has missed or declined them, until it asks again: who
// comes later does not overtake there.
func (l *Line) keeps(w Waiting, now time.Time) bool {
	var only LineSeat
	for _, s := range l.seats {
		if s.Open && only.Open {
			return false
		}
		if s.Open {
			only = s
		}
	}
	skip, skipped := w.skips(only.Seat)
	return only.Open && skipped && now.Before(skip.Until) && !w.recused(only)
}

// passes says that the pair would pass over somebody with an earlier place whose entry is just being stored.
func (l *Line) passes(w Waiting, s LineSeat, now time.Time) bool {
	for _, c := range l.coming {
		if c.before(w) && now.Before(c.until) && l.may(c.Waiting, s, now) {
			return true
		}
	}
	return false
}

func (w Waiting) skips(seat agent.SeatID) (Skip, bool) {
	for _, k := range w.Skips {
		if k.Seat == seat && !k.Never {
			return k, true
		}
	}
	return Skip{}, false
}

func (w Waiting) recused(s LineSeat) bool {
	return slices.ContainsFunc(w.Skips, func(k Skip) bool { return k.Never && k.Person == s.Person })
}
