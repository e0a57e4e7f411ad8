package control_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/control"
)

// errDead is what a controller hears after its death: nothing of it reaches anybody any more.
var errDead = errors.New("this controller is dead")

// power is what a controller lives on. All that it does to the world outside goes by here, and can be stopped before or after.
type power struct {
	off  atomic.Bool
	died chan struct{}

	mu     sync.Mutex // guards all below
	acts   []string
	ended  map[string]int // how often an act came to an end, whatever that was
	at     int            // the act at which it dies; 0: never
	after  bool
	before func(act string, arg any) error // its error is the answer
	done   func(act string, arg any)
}

func newPower() *power { return &power{died: make(chan struct{}), ended: make(map[string]int)} }

func (p *power) cut() {
	if p.off.CompareAndSwap(false, true) {
		close(p.died)
	}
}

// dies lets the power fail at an act that is yet to come.
func (p *power) dies(at int, after bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.after = at, after
}

// hook sets what is done before and after every act; nil: nothing.
func (p *power) hook(before func(act string, arg any) error, done func(act string, arg any)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before, p.done = before, done
}

func (p *power) did() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.acts...)
}

// count says how often an act was begun.
func (p *power) count(act string) int {
	n := 0
	for _, did := range p.did() {
		if did == act {
			n++
		}
	}
	return n
}

// over says how often an act came to an end.
func (p *power) over(act string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended[act]
}

func (p *power) do(name string, arg any, act func() error) error {
	if p.off.Load() {
		return errDead
	}
	p.mu.Lock()
	p.acts = append(p.acts, name)
	here, after, before, done := p.at == len(p.acts), p.after, p.before, p.done
	p.mu.Unlock()
	if here && !after {
		p.cut()
	}
	if before != nil {
		if err := before(name, arg); err != nil {
			return err
		}
	}
	if p.off.Load() {
		return errDead
	}
	err := act()
	p.mu.Lock()
	p.ended[name]++
	p.mu.Unlock()
	if here {
		p.cut()
	}
	if err == nil && done != nil {
		done(name, arg)
	}
	if p.off.Load() { // the reply reaches nobody
		return errDead
	}
	return err
}

// ledger is the real one, with a hand on the line.
type ledger struct {
	control.Ledger
	power *power

	mu    sync.Mutex // guards all below
	save  func(telephony.Change) error
	saved func([]telephony.Change, error) error
	rows  func([]telephony.Call)
}

// onRows sets what is done between the reading of the open calls and its answer.
func (l *ledger) onRows(f func([]telephony.Call)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows = f
}

func (l *ledger) Open(ctx context.Context) ([]telephony.Call, error) {
	rows, err := l.Ledger.Open(ctx)
	l.mu.Lock()
	f := l.rows
	l.mu.Unlock()
	if f != nil && err == nil {
		f(rows)
	}
	return rows, err
}

// answer sets what the controller hears once changes are stored, or are not.
func (l *ledger) answer(f func([]telephony.Change, error) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.saved = f
}

// onSave sets what is done before a change is stored; its error is the answer.
func (l *ledger) onSave(f func(telephony.Change) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.save = f
}

func (l *ledger) Save(ctx context.Context, epoch int64, changes ...telephony.Change) error {
	l.mu.Lock()
	before, after := l.save, l.saved
	l.mu.Unlock()
	return l.power.do(nameOf(changes), changes, func() error {
		for _, ch := range changes {
			if before == nil {
				break
			}
			if err := before(ch); err != nil {
				return err
			}
		}
		err := l.Ledger.Save(ctx, epoch, changes...)
		if after != nil {
			err = after(changes, err)
		}
		return err
	})
}

// nameOf is save and the calls', save_both when what ends and what begins are stored together, end_wrapup for a seat's alone.
func nameOf(changes []telephony.Change) string {
	last := changes[len(changes)-1]
	switch {
	case last.Freed != "":
		return "end_wrapup"
	case len(changes) > 1:
		return "save_both:" + string(last.After.ID)
	default:
		return "save:" + string(last.After.ID)
	}
}

func (l *ledger) Arrive(ctx context.Context, epoch int64, a telephony.Arrival) (telephony.Call, bool, error) {
	var call telephony.Call
	var created bool
	err := l.power.do("arrive", a, func() error {
		var err error
		call, created, err = l.Ledger.Arrive(ctx, epoch, a)
		return err
	})
	return call, created, err
}

type presence struct {
	agents *agent.Service
	power  *power
}

func (p presence) WorkOver(ctx context.Context, seat agent.SeatID) error {
	return p.power.do("work_over", seat, func() error { return p.agents.WorkOver(ctx, seat) })
}

// diary is the real journal.
type diary struct {
	control.Journal
	power *power
}

func (d diary) Append(facts ...telephony.Kept) error {
	return d.power.do("append", facts, func() error { return d.Journal.Append(facts...) })
}

func (d diary) Inherit() ([]telephony.Kept, error) {
	var facts []telephony.Kept
	err := d.power.do("inherit", nil, func() error {
		var err error
		facts, err = d.Journal.Inherit()
		return err
	})
	return facts, err
}

func (d diary) Clear() error { return d.power.do("clear", nil, d.Journal.Clear) }

// queue is the real one; it can be away, or hang.
type queue struct {
	control.Queue
	power  *power
	broken atomic.Bool
	hangs  atomic.Bool
	paired atomic.Pointer[func()]                // is called between a pair's making and its answer
	before atomic.Pointer[func(context.Context)] // is called before the next pair is made, once
	asked  atomic.Int64
	pairs  atomic.Int64 // of asked: on the path
}

// brokenQueue is a queue that is away when the controller starts.
func brokenQueue(c *control.Config) {
	if q, ok := c.Queue.(*queue); ok {
		q.broken.Store(true)
	}
}

var errAway = errors.New("queue is away")

func (q *queue) do(ctx context.Context, act func() error) error {
	q.asked.Add(1)
	switch {
	case q.power.off.Load():
		return errDead
	case q.hangs.Load():
		<-ctx.Done()
		return ctx.Err()
	case q.broken.Load():
		return errAway
	}
	return act()
}

func (q *queue) Pair(
	ctx context.Context, line agent.LineID, news []telephony.News, request string, now time.Time,
) (telephony.CallID, agent.SeatID, bool, error) {
	var call telephony.CallID
	var seat agent.SeatID
	var found bool
	q.pairs.Add(1)
	if f := q.before.Swap(nil); f != nil {
		(*f)(ctx)
	}
	err := q.do(ctx, func() error {
		var err error
		call, seat, found, err = q.Queue.Pair(ctx, line, news, request, now)
		if f := q.paired.Swap(nil); f != nil && found {
			(*f)()
		}
		return err
	})
	return call, seat, found, err
}

// onPair sets what is done before the next pair is made, with the context of whoever asks.
func (q *queue) onPair(f func(context.Context)) { q.before.Store(&f) }

// Whole is a look from the side: nobody waits for it.
func (q *queue) Whole(ctx context.Context) (bool, error) {
	var whole bool
	err := q.do(ctx, func() error {
		var err error
		whole, err = q.Queue.Whole(ctx)
		return err
	})
	return whole, err
}

func (q *queue) Tell(ctx context.Context, line agent.LineID, news []telephony.News) error {
	return q.do(ctx, func() error { return q.Queue.Tell(ctx, line, news) })
}

func (q *queue) Rebuild(ctx context.Context, line agent.LineID, waiting []telephony.Waiting, seats []telephony.LineSeat) error {
	return q.do(ctx, func() error { return q.Queue.Rebuild(ctx, line, waiting, seats) })
}

// observer counts, and can get in the way.
type observer struct {
	alarms, overflows, reconciled, rebuilt, refused, ended atomic.Int64 // refused: offers that the ledger did not take

	mu     sync.Mutex // guards closed
	closed func(telephony.OfferState)
}

func (o *observer) onClosed(f func(telephony.OfferState)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = f
}

func (o *observer) OfferClosed(state telephony.OfferState) {
	o.mu.Lock()
	f := o.closed
	o.mu.Unlock()
	if f != nil {
		f(state)
	}
}

func (o *observer) Alarmed(string)                      { o.alarms.Add(1) }
func (o *observer) Overflowed()                         { o.overflows.Add(1) }
func (o *observer) Reconciled(time.Duration, int)       { o.reconciled.Add(1) }
func (o *observer) Rebuilt()                            { o.rebuilt.Add(1) }
func (*observer) Offered(time.Duration)                 {}
func (o *observer) CallEnded(telephony.Outcome, string) { o.ended.Add(1) }
func (o *observer) Failed(what string) {
	if what == "offer" {
		o.refused.Add(1)
	}
}
func (*observer) Strange(string) {}
