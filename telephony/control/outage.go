package control

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"hotline/telephony"
)

const (
	// rowPatience is how long a caller waits for a row, unanswered, before the ledger counts as away.
	rowPatience = 500 * time.Millisecond
	// probeEvery is how often the ledger is asked whether it is back.
	probeEvery = 100 * time.Millisecond
	// mostTries is how often the row of one arrival is tried for before the others are let by: for longer than a lease lasts.
	mostTries = 30
	// recentFor is how long the ends of legs are remembered that may not be stored yet: a write fails within verbLimit.
	recentFor = verbLimit + 2*time.Second
)

// outage keeps the facts while the ledger is away (R7, F13). Arrivals are written to the journal, answered and held with words,
// which is the one exception of hold-only (R4); ends of legs are written to it with the time at which they were heard. When the
// ledger is back, all of it is stored once, in order, and the calls go on. What an earlier controller has kept comes first, before
// anything is compared.
//
// Without a journal nothing is kept: who arrives waits.
type outage struct {
	c        *Controller
	draining sync.Mutex // one goroutine settles at a time

	mu       sync.Mutex // guards all below
	away     bool       // who arrives now is kept at once
	failing  bool       // the last write was not answered
	answered time.Time  // when the ledger last answered
	waiting  []*entry   // arrivals whose rows are being written, as they came
	recent   []telephony.Left
	heard    map[telephony.LegID]time.Time // of the ends that are kept
	fresh    []*entry                      // not in the journal yet
	arrivals []*entry                      // kept and not settled yet, in order
	ends     []*entry                      // likewise
	journal  bool                          // it holds something
	back     chan struct{}                 // closed, and made anew, when the ledger takes writes again

	write  chan struct{} // fresh is not empty
	settle chan struct{} // arrivals or ends is not empty
}

// entry is one fact, and, of an arrival of this controller's, what becomes of it.
type entry struct {
	telephony.Kept

	up     bool // the exchange had answered the leg already
	timer  *time.Timer
	failed bool // its row was tried for in vain; guarded by the outage, as are:
	taken  bool // it is kept: its row is written in its turn
	tries  int  // to write it in its turn, in vain, while the lease was held

	safe     chan struct{} // closed when the disk has it, or refuses it
	received chan struct{} // closed when the leg is answered and held, or that was tried; seen stands then
	seen     telephony.Seen
	written  chan struct{} // closed when call and err stand
	call     telephony.Call
	err      error
}

func newEntry(f telephony.Kept) *entry {
	return &entry{Kept: f, safe: make(chan struct{}), received: make(chan struct{}), written: make(chan struct{})}
}

func (o *outage) init(c *Controller) {
	o.c = c
	o.heard = make(map[telephony.LegID]time.Time)
	o.back = make(chan struct{})
	o.write, o.settle = make(chan struct{}, 1), make(chan struct{}, 1)
}

func (o *outage) keeps() bool { return o.c.cfg.Journal != nil }

// enter begins the wait of an arrival for its row.
func (o *outage) enter(in telephony.Arrival, up bool) *entry {
	e := newEntry(telephony.Kept{Arrival: &in})
	e.up = up
	if !o.keeps() {
		return e
	}
	known := o.c.HoldOnly()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = append(o.waiting, e)
	if known || o.away {
		o.keepLocked()
	} else {
		e.timer = time.AfterFunc(rowPatience, func() { o.waited(e) })
	}
	return e
}

// leave ends the wait. Whoever is kept stays so until the turn comes, which finds the row.
func (o *outage) leave(e *entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e.timer != nil {
		e.timer.Stop()
	}
	o.waiting = slices.DeleteFunc(o.waiting, func(w *entry) bool { return w == e })
}

// waited: a caller has been without a row for too long. A ledger that answers others is only busy, unless it has refused this one.
func (o *outage) waited(e *entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !slices.Contains(o.waiting, e):
	case e.failed || o.c.cfg.Now().Sub(o.answered) >= rowPatience:
		o.keepLocked()
	default:
		e.timer.Reset(probeEvery)
	}
}

// keepLocked keeps all who wait, in the order in which they came, and whoever arrives from now on.
func (o *outage) keepLocked() {
	o.away = true
	for _, e := range o.waiting {
		e.taken = true
		if e.timer != nil {
			e.timer.Stop()
		}
		o.addLocked(e)
	}
	o.waiting = nil
	o.keepEndsLocked()
}

func (o *outage) addLocked(e *entry) {
	kept := o.keptLocked(e)
	o.fresh, *kept, o.journal = append(o.fresh, e), append(*kept, e), true
	knock(o.write)
	knock(o.settle)
}

// keptLocked is where a fact waits until it is settled.
func (o *outage) keptLocked(e *entry) *[]*entry {
	if e.Arrival != nil {
		return &o.arrivals
	}
	return &o.ends
}

func knock(door chan struct{}) {
	select {
	case door <- struct{}{}:
	default: // knocked already
	}
}

// left hears the end of a leg. It is kept when it may not get stored.
func (o *outage) left(leg telephony.LegID, soft bool) {
	if !o.keeps() {
		return
	}
	l := telephony.Left{Leg: leg, Soft: soft, At: o.c.cfg.Now()}
	held := o.c.HoldOnly()
	o.mu.Lock()
	defer o.mu.Unlock()
	if slices.ContainsFunc(o.recent, func(r telephony.Left) bool { return r.Leg == leg }) {
		return // a leg's end is told more than once
	}
	old := 0
	for old < len(o.recent) && l.At.Sub(o.recent[old].At) > recentFor {
		old++
	}
	o.recent = append(o.recent[old:], l)
	if held || o.away || o.failing {
		o.keepEndsLocked()
	}
}

// keepEndsLocked keeps the ends that were heard a short time ago: those that are stored already do no harm.
func (o *outage) keepEndsLocked() {
	for _, l := range o.recent {
		if _, twice := o.heard[l.Leg]; !twice {
			o.heard[l.Leg] = l.At
			o.addLocked(newEntry(telephony.Kept{Left: &l}))
		}
	}
}

// when says when an event was: what was heard while the ledger was away was then, and not when its turn has come.
func (o *outage) when(e telephony.Event) time.Time {
	now := o.c.cfg.Now()
	dying, _ := e.(telephony.LegDying)
	ended, _ := e.(telephony.LegEnded)
	leg := cmp.Or(dying.Leg, ended.Leg)
	if leg == "" {
		return now
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if at, kept := o.heard[leg]; kept {
		return at
	}
	return now
}

// wrote hears what became of a write to the ledger.
func (o *outage) wrote(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if lost(err) {
		if !o.failing {
			o.failing = true
			o.keepEndsLocked()
			knock(o.settle)
		}
		return
	}
	o.answered = o.c.cfg.Now()
	if o.failing {
		o.failing = false
		close(o.back)
		o.back = make(chan struct{})
	}
}

// lost says that the ledger has not answered a write, which may do better later.
func lost(err error) bool {
	for _, answer := range []error{telephony.ErrStale, telephony.ErrNotMaster, telephony.ErrSeatTaken, telephony.ErrUnstorable, telephony.ErrNoDecision} {
		if errors.Is(err, answer) {
			return false
		}
	}
	return err != nil && !errors.Is(err, context.Canceled)
}

// rest waits before the ledger is tried again, not longer than until it is back; false when it is time to stop.
func (o *outage) rest(ctx context.Context, pause time.Duration) bool {
	o.mu.Lock()
	back := o.back
	o.mu.Unlock()
	if o.keeps() {
		knock(o.settle)
	}
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-back: // it answers again, which is not yet that it stores: who tried at once would try without a pause
		return rest(ctx, min(pause, firstPause))
	case <-t.C:
		return true
	}
}

// missed notes that an arrival's row was tried for in vain.
func (o *outage) missed(e *entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e.failed = true
}

func (o *outage) keptNow(e *entry) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return e.taken
}

// row waits for the row of an arrival that is kept.
func (e *entry) row(ctx context.Context) (telephony.Call, error) {
	select {
	case <-e.written:
		return e.call, e.err
	case <-ctx.Done():
		return telephony.Call{}, ctx.Err()
	}
}

// met says what is known of the leg when its row stands, and ends the wait: from now on the call cares for it.
func (o *outage) met(ctx context.Context, e *entry) telephony.Seen {
	o.leave(e)
	if !o.keptNow(e) {
		return telephony.Seen{}
	}
	select {
	case <-e.received:
		return e.seen
	case <-ctx.Done():
		return telephony.Seen{}
	}
}

// watchedLedger tells the outage what becomes of writes.
type watchedLedger struct {
	Ledger
	outage *outage
}

func (l watchedLedger) Arrive(ctx context.Context, epoch int64, a telephony.Arrival) (telephony.Call, bool, error) {
	c, created, err := l.Ledger.Arrive(ctx, epoch, a)
	l.outage.wrote(err)
	return c, created, err
}

func (l watchedLedger) Save(ctx context.Context, epoch int64, changes ...telephony.Change) error {
	err := l.Ledger.Save(ctx, epoch, changes...)
	l.outage.wrote(err)
	return err
}
