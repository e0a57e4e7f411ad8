package control

import (
	"context"
	"fmt"
	"sync"
	"time"

	"hotline/agent"
	"hotline/telephony"
)

const (
	tickEvery = time.Second            // the desk's guarantee behind the wake-ups
	tellEvery = 200 * time.Millisecond // news that no pair carries are told in bundles
)

// desk brings the seats and callers of one line together, one pair after the other; what follows each pair is done by the
// calls' actors, side by side. Its line is what counts; the queue in Redis proposes by the same rule.
type desk struct {
	c    *Controller
	id   agent.LineID
	kick chan time.Time

	// talk is held while the queue is spoken to off the path: what it hears comes in order. Who makes a pair does not wait for it.
	talk    sync.Mutex
	reading sync.Mutex // held while the ledger is read off the path: one reading at a time

	mu      sync.Mutex // guards all below
	info    telephony.LineInfo
	line    *telephony.Line
	flying  map[agent.SeatID]telephony.OfferID // matches under way: the ledger does not show them yet
	left    map[agent.SeatID]int               // legs that are still being hung up there
	touched map[agent.SeatID]time.Time         // when a seat was changed last: an older read of the ledger knows less
	seen    map[agent.SeatID]int64             // the seat's version that was heard of last
	news    []telephony.News                   // that the queue has not heard
	behind  bool                               // the queue must be filled anew
}

func newDesk(c *Controller, info telephony.LineInfo) *desk {
	return &desk{
		c: c, id: info.ID, info: info, kick: make(chan time.Time, 1), line: telephony.NewLine(), behind: true,
		flying: make(map[agent.SeatID]telephony.OfferID), left: make(map[agent.SeatID]int), touched: make(map[agent.SeatID]time.Time), seen: make(map[agent.SeatID]int64),
	}
}

// wake asks for a look; one that is asked for already is enough.
func (d *desk) wake(at time.Time) {
	select {
	case d.kick <- at:
	default:
	}
}

// run makes pairs. Whatever is not a pair is done beside it: a seat that is free waits for nothing.
func (d *desk) run(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	tell := time.NewTimer(tellEvery)
	defer tell.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-d.kick:
			d.match(ctx, at)
			tell.Reset(tellEvery)
		case <-tick.C:
			d.beside(&d.reading, func() { d.check(ctx) })
			d.beside(&d.talk, func() { d.tell(ctx) })
		case <-tell.C:
			d.beside(&d.talk, func() { d.tell(ctx) })
		}
	}
}

// beside does something off the path, unless it is being done.
func (d *desk) beside(mu *sync.Mutex, do func()) {
	if mu.TryLock() {
		d.c.workers.Go(func() {
			defer mu.Unlock()
			do()
		})
	}
}

// check is the guarantee behind the wake-ups: other processes change seats as well, and skips run out.
func (d *desk) check(ctx context.Context) {
	if !d.anyone() || !d.c.mayDecide() {
		return
	}
	limited, cancel := verb(ctx)
	defer cancel()
	if err := d.refresh(limited); err != nil {
		d.trouble(ctx, "seats", err)
	}
	d.wake(d.c.cfg.Now())
	d.recused()
}

// recused tells the callers whom nobody here will ever take.
func (d *desk) recused() {
	d.mu.Lock()
	all := d.line.Recused()
	d.mu.Unlock()
	for _, call := range all {
		if a := d.c.calls.byCall(call); a != nil {
			line, rules := d.c.desks.operators(d)
			a.post(happened{telephony.AllRecused{Line: line, Rules: rules}})
		}
	}
}

// match makes pairs while there are any to make.
func (d *desk) match(ctx context.Context, woke time.Time) {
	for d.c.mayDecide() && ctx.Err() == nil {
		m, ok := d.next(ctx, woke)
		if !ok {
			return
		}
		a := d.c.calls.byCall(m.call.Call)
		if a == nil || !a.post(matched{m}) {
			d.giveBack(m, a != nil && !a.box.isOver())
			if a != nil { // too busy: the caller keeps the place, the next tick tries (RT12)
				return
			}
		}
	}
}

// next takes the pair that the line names.
func (d *desk) next(ctx context.Context, woke time.Time) (match, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.c.cfg.Now() // not before it is our turn: offers bear the order in which they were decided (I5)
	pair, ok := d.line.Next(now)
	if !ok {
		return match{}, false
	}
	return d.takeLocked(ctx, pair, now, woke), true
}

// takeLocked takes a pair here and in the queue.
func (d *desk) takeLocked(ctx context.Context, pair telephony.Pair, now, woke time.Time) match {
	w, _ := d.line.Find(pair.Call)
	d.line.Take(pair)
	m := match{line: d.id, offer: telephony.OfferID(newID()), call: w, seat: pair.Seat, at: now, woke: woke}
	d.flying[pair.Seat.Seat] = m.offer
	d.touched[pair.Seat.Seat] = now
	d.askLocked(ctx, m)
	return m
}

// askLocked lets the queue take a pair, with all that it has not heard yet, in one trip beside what follows here: the line has
// decided, and nobody waits. A queue that is away, is being spoken to, or must be filled anew hears of it later (F10).
func (d *desk) askLocked(ctx context.Context, m match) {
	if d.behind || !d.c.queue.worthAsking() || !d.talk.TryLock() {
		taken := m.seat
		taken.Since = time.Time{}
		d.tellLocked(telephony.News{Left: m.call.Call})
		d.tellLocked(telephony.News{Seat: &taken})
		return
	}
	news := d.news
	d.news = nil
	ctx = context.WithoutCancel(ctx) // a person's request ends before the trip does
	d.c.workers.Go(func() {
		defer d.talk.Unlock()
		d.ask(ctx, m, news)
	})
}

// ask compares what the queue proposes with what the line has decided: a queue that thinks otherwise is filled anew.
func (d *desk) ask(ctx context.Context, m match, news []telephony.News) {
	limited, cancel := context.WithTimeout(ctx, queueLimit)
	defer cancel()
	call, seat, _, err := d.c.cfg.Queue.Pair(limited, d.id, news, string(m.offer), m.at)
	switch {
	case err != nil:
		d.queueFailed(ctx, "pair", err)
	case call != m.call.Call || seat != m.seat.Seat:
		d.mu.Lock()
		d.behind = true
		d.mu.Unlock()
	}
}

// tell lets the queue hear what no pair has carried.
func (d *desk) tell(ctx context.Context) {
	if !d.fill(ctx) {
		return
	}
	news := d.takeNews()
	if len(news) == 0 {
		return
	}
	limited, cancel := verb(ctx)
	defer cancel()
	if err := d.c.cfg.Queue.Tell(limited, d.id, news); err != nil {
		d.queueFailed(ctx, "tell", err)
	}
}

// fill brings a queue that has fallen behind up to the line (F9); false when it is away.
func (d *desk) fill(ctx context.Context) bool {
	if !d.c.queue.worthAsking() {
		return false
	}
	d.mu.Lock()
	if !d.behind {
		d.mu.Unlock()
		return true
	}
	waiting, seats := d.line.Waiting(), d.line.Seats()
	d.news, d.behind = nil, false
	d.mu.Unlock()
	limited, cancel := verb(ctx)
	defer cancel()
	if err := d.c.cfg.Queue.Rebuild(limited, d.id, waiting, seats); err != nil {
		d.queueFailed(ctx, "rebuild", err)
		return false
	}
	d.c.cfg.Observer.Rebuilt()
	return true
}

func (d *desk) queueFailed(ctx context.Context, what string, err error) {
	d.mu.Lock()
	d.behind = true
	d.mu.Unlock()
	if d.c.queue.failed(d.c.cfg.Now()) {
		d.trouble(ctx, what, err)
	}
}

func (d *desk) takeNews() []telephony.News {
	d.mu.Lock()
	defer d.mu.Unlock()
	news := d.news
	d.news = nil
	return news
}

func (d *desk) anyone() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.line.Anyone()
}

func (d *desk) trouble(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	d.c.cfg.Observer.Failed(what)
	d.c.cfg.Log.WarnContext(ctx, "match", "act", what, "line", d.id, "err", err)
}

// refresh takes over from the ledger who is there. What has changed since the read is newer than the read.
func (d *desk) refresh(ctx context.Context) error {
	asked := d.c.cfg.Now()
	seats, err := d.c.cfg.Ledger.Seats(ctx, d.id)
	if err != nil {
		return fmt.Errorf("read the seats of line %s: %w", d.id, err)
	}
	d.c.desks.settle(d.id, seats)
	d.mu.Lock()
	defer d.mu.Unlock()
	there := make(map[agent.SeatID]bool, len(seats))
	for _, s := range seats {
		there[s.Seat] = true
		d.takeOverLocked(s, asked)
	}
	for _, s := range d.line.Seats() {
		if !there[s.Seat] && d.touched[s.Seat].Before(asked) {
			d.removeLocked(s.Seat)
		}
	}
	return nil
}
