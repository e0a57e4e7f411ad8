package control

import (
	"time"

	"hotline/agent"
	"hotline/telephony"
)

// What happens at a desk's seats and to its callers. Every change is news for the queue.

func (d *desk) setInfo(info telephony.LineInfo) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.info = info
}

func (d *desk) rules() telephony.Rules {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.info.Rules
}

func (d *desk) numbers() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.info.Numbers
}

func (d *desk) hasOperator() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.line.Seats() {
		if s.Kind == agent.SeatOperator && s.Open {
			return true
		}
	}
	return false
}

func (d *desk) coming(w telephony.Waiting, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.line.Coming(w, now)
}

// join lets a caller who is on the way wait; one who has left meanwhile does not come.
func (d *desk) join(w telephony.Waiting, now time.Time) {
	d.mu.Lock()
	if d.line.Comes(w.Call) {
		d.joinLocked(w)
	}
	d.mu.Unlock()
	d.wake(now)
}

func (d *desk) leave(call telephony.CallID) {
	d.mu.Lock()
	d.line.Leave(call)
	d.tellLocked(telephony.News{Left: call})
	d.mu.Unlock()
	d.wake(d.c.cfg.Now()) // those behind may have been kept back for this one
}

// seatIdle lets a seat be rung, if its person takes calls; not one that the next call has already.
func (d *desk) seatIdle(seat agent.SeatID, since, woke time.Time) {
	d.mu.Lock()
	if s, ok := d.line.Seat(seat); ok && d.freeLocked(seat) {
		s.Since = since
		d.putLocked(s)
	}
	d.mu.Unlock()
	d.wake(woke)
}

// occupy says that a seat is not to be rung. A conversation ends a row of misses.
func (d *desk) occupy(seat agent.SeatID, talks bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, ok := d.line.Seat(seat)
	if !ok || s.Since.IsZero() && (!talks || s.Misses == 0) {
		return
	}
	s.Since = time.Time{}
	if talks {
		s.Misses = 0
	}
	d.putLocked(s)
}

// leaving says that a seat is idle by the ledger, and its last leg is still being hung up: its telephone would be busy.
func (d *desk) leaving(seat agent.SeatID, yes bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if yes {
		d.left[seat]++
		return
	}
	if d.left[seat]--; d.left[seat] <= 0 {
		delete(d.left, seat)
	}
}

func (d *desk) missed(seat agent.SeatID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.line.Seat(seat); ok {
		s.Misses++
		d.putLocked(s)
	}
}

// seatChanged takes over a person's change; one that was overtaken by a later one is none.
func (d *desk) seatChanged(st agent.State) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if st.Version < d.seen[st.Seat] {
		return
	}
	d.seen[st.Seat] = st.Version
	if st.Person == "" {
		d.removeLocked(st.Seat)
		return
	}
	old, known := d.line.Seat(st.Seat)
	s := telephony.LineSeat{
		Seat: st.Seat, Kind: st.Kind, Person: st.Person, Phone: st.Phone, Endpoint: st.Endpoint, Open: st.Open(), Since: old.Since, Misses: old.Misses,
	}
	if st.Work == agent.WorkIdle && (!known || !old.Since.IsZero()) && d.freeLocked(st.Seat) {
		s.Since = st.IdleSince()
	}
	d.putLocked(s)
	d.wake(d.c.cfg.Now())
}

// takeOverLocked takes over what the ledger says of a seat.
func (d *desk) takeOverLocked(s telephony.LineSeat, asked time.Time) {
	if !d.touched[s.Seat].Before(asked) {
		return
	}
	if !d.freeLocked(s.Seat) {
		s.Since = time.Time{}
	}
	if old, known := d.line.Seat(s.Seat); known && old == s {
		return
	}
	d.putLocked(s)
}

// freeLocked says that nothing but the ledger keeps a seat from being rung.
func (d *desk) freeLocked(seat agent.SeatID) bool {
	_, flies := d.flying[seat]
	return !flies && d.left[seat] == 0 && !d.c.clock.keeps(seat) && d.c.calls.bySeat(seat) == nil
}

func (d *desk) putLocked(s telephony.LineSeat) {
	d.touched[s.Seat] = d.c.cfg.Now()
	d.line.Put(s)
	d.tellLocked(telephony.News{Seat: &s})
}

func (d *desk) removeLocked(seat agent.SeatID) {
	d.touched[seat] = d.c.cfg.Now()
	d.line.Remove(seat)
	d.tellLocked(telephony.News{Gone: seat})
}

// landed says that a match is an offer: the ledger shows it from now on.
func (ds *desks) landed(m match) {
	if d := ds.of(m.line); d != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.landLocked(m)
	}
}

func (d *desk) landLocked(m match) {
	if d.flying[m.seat.Seat] == m.offer {
		delete(d.flying, m.seat.Seat)
	}
}

// giveBack undoes a match that came to nothing: the seat is as idle as it was, or will be told of by whoever leaves it. Waits:
// the caller still does.
func (d *desk) giveBack(m match, waits bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.landLocked(m)
	if s, ok := d.line.Seat(m.seat.Seat); ok && m.from == nil && d.freeLocked(m.seat.Seat) {
		s.Since = m.seat.Since
		d.putLocked(s)
	}
	if waits { // too busy to be told: the next tick tries, and not at once
		d.joinLocked(m.call)
		return
	}
	d.wake(d.c.cfg.Now())
}

// refused undoes a match that the ledger did not take: what it says of the seat is not what we thought. The caller goes back
// to the old place; the seat is read again before it is rung, at the next tick.
func (ds *desks) refused(m match) {
	d := ds.of(m.line)
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.landLocked(m)
	d.joinLocked(m.call)
	d.wake(d.c.cfg.Now())
}

func (d *desk) joinLocked(w telephony.Waiting) {
	d.line.Join(w)
	d.tellLocked(telephony.News{Joined: &w})
}

// tellLocked keeps news for the queue; one that must be filled anyway needs none.
func (d *desk) tellLocked(n telephony.News) {
	if !d.behind {
		d.news = append(d.news, n)
	}
}
