// Package trace notes when the steps of a call's way were reached, for whoever looks into which of them takes how long. A nil
// *Recorder notes nothing and costs nothing: the hot path carries its marks always, and a running server has none.
//
// A mark holds ids, never a person's data. Marks that share an id belong together; nobody needs to know the whole way.
//
// The steps are also where a build with the tag crashpoints can be made to die: at every commit and every act, before and after (F5).
package trace

import (
	"sync"
	"time"
)

// Mark is a step that was reached: of a leg, a call, a seat, of whatever the ids name.
type Mark struct {
	At   time.Time `json:"at"`
	Step string    `json:"step"`
	IDs  []string  `json:"ids"`
}

// mostIDs is how many ids of a mark are kept.
const mostIDs = 4

type entry struct {
	at   time.Time
	step string
	ids  [mostIDs]string
}

// Recorder keeps the newest marks. Its methods may be called by several goroutines, and on nil.
type Recorder struct {
	now func() time.Time

	mu    sync.Mutex // guards all below
	ring  []entry
	next  int
	count int // of marks not taken yet
}

// crashMarks is how many a build that may die keeps: a test asks it which steps there are.
const crashMarks = 1 << 15

// New returns a recorder of so many marks; nil when there is none to keep.
func New(size int, now func() time.Time) *Recorder {
	if crashes {
		size = max(size, crashMarks)
	}
	if size <= 0 {
		return nil
	}
	return &Recorder{now: now, ring: make([]entry, size)}
}

// On says that marks are kept: for what costs something to find out.
func (r *Recorder) On() bool { return r != nil }

// Now is the time for a later MarkAt, and zero when no mark is kept.
func (r *Recorder) Now() time.Time {
	if r == nil {
		return time.Time{}
	}
	return r.now()
}

// Mark notes that a step is reached now.
func (r *Recorder) Mark(step string, ids ...string) {
	if r != nil {
		r.keep(r.now(), step, ids)
	}
}

// MarkAt notes that a step was reached at a time that Now has told.
func (r *Recorder) MarkAt(at time.Time, step string, ids ...string) {
	if r != nil {
		r.keep(at, step, ids)
	}
}

func (r *Recorder) keep(at time.Time, step string, ids []string) {
	e := entry{at: at, step: step}
	copy(e.ids[:], ids)
	r.mu.Lock()
	r.ring[r.next] = e
	r.next = (r.next + 1) % len(r.ring)
	r.count = min(r.count+1, len(r.ring))
	r.mu.Unlock()
	crash(step)
}

// Take gives the marks that were noted since it was called last, in that order; of too many the newest.
func (r *Recorder) Take() []Mark {
	if r == nil {
		return []Mark{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	marks := make([]Mark, 0, r.count)
	for i := range r.count {
		e := r.ring[(r.next-r.count+i+len(r.ring))%len(r.ring)]
		m := Mark{At: e.at, Step: e.step}
		for _, id := range e.ids {
			if id != "" {
				m.IDs = append(m.IDs, id)
			}
		}
		marks = append(marks, m)
	}
	r.count = 0
	return marks
}
