package control

import (
	"context"
	"slices"
	"sync"
	"time"

	"hotline/agent"
	"hotline/telephony"
)

// desks are those of all lines, and what is known of the seats.
type desks struct {
	c *Controller

	mu    sync.Mutex // guards all below
	lines map[agent.LineID]*desk
	home  map[agent.SeatID]agent.LineID // the line that a seat serves
	held  map[agent.SeatID]bool         // a wish is pending there
}

func (ds *desks) init(c *Controller) {
	ds.c = c
	ds.lines = make(map[agent.LineID]*desk)
	ds.home = make(map[agent.SeatID]agent.LineID)
	ds.held = make(map[agent.SeatID]bool)
}

// of returns the desk of a line; nil when there is no such line.
func (ds *desks) of(line agent.LineID) *desk {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	return ds.lines[line]
}

func (ds *desks) all() []*desk {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	all := make([]*desk, 0, len(ds.lines))
	for _, d := range ds.lines {
		all = append(all, d)
	}
	return all
}

// ensure has a desk for every line, with the rules as they are now.
func (ds *desks) ensure(ctx context.Context, infos []telephony.LineInfo) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	for _, info := range infos {
		d, ok := ds.lines[info.ID]
		if !ok {
			d = newDesk(ds.c, info)
			ds.lines[info.ID] = d
			ds.c.workers.Go(func() { d.run(ctx) })
		}
		d.setInfo(info)
	}
}

// rules are those of a line now; a call that is in none keeps its own.
func (ds *desks) rules(line agent.LineID, old telephony.Rules) telephony.Rules {
	if d := ds.of(line); d != nil {
		return d.rules()
	}
	return old
}

// lineOf is a line that a number leads to, one that takes calls if there is one: where a citizen waits whose row, which says it, can
// not be written yet.
func (ds *desks) lineOf(dialled string) agent.LineID {
	var best agent.LineID
	open := false
	for _, d := range ds.all() {
		if is := d.rules().Open; slices.Contains(d.numbers(), dialled) && (best == "" || is && !open || is == open && d.id < best) {
			best, open = d.id, is
		}
	}
	return best
}

// deskOf finds the desk that a seat serves.
func (ds *desks) deskOf(seat agent.SeatID) *desk {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	return ds.lines[ds.home[seat]]
}

// homeOf is the line that a seat serves; empty for a seat that nobody has been at.
func (ds *desks) homeOf(seat agent.SeatID) agent.LineID {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	return ds.home[seat]
}

func (ds *desks) pending(seat agent.SeatID) bool {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	return ds.held[seat]
}

// seatChanged takes over what a person has done at a seat.
func (ds *desks) seatChanged(st agent.State) {
	ds.mu.Lock()
	ds.home[st.Seat] = st.Line
	ds.held[st.Seat] = st.Pending != agent.PendingNone
	d := ds.lines[st.Line]
	ds.mu.Unlock()
	if d != nil {
		d.seatChanged(st)
	}
}

// settle remembers where the seats of a line are.
func (ds *desks) settle(line agent.LineID, seats []telephony.LineSeat) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	for _, s := range seats {
		ds.home[s.Seat] = line
	}
}

// seatIdle lets a seat be rung again, since when it is idle.
func (ds *desks) seatIdle(line agent.LineID, seat agent.SeatID, since, woke time.Time) {
	d := ds.deskOf(seat)
	if d == nil {
		d = ds.of(line)
	}
	if d != nil {
		d.seatIdle(seat, since, woke)
	}
}

// work follows what a stored step says of seats. A seat that is idle again is rung only when the hang-up of its last leg is
// done, or its telephone would be busy; so it is by the next caller whom it was passed on to.
func (ds *desks) work(ctx context.Context, ch telephony.Change, l *lanes, passed *passing) {
	if passed != nil && passed.clear != nil {
		l.afterHangup(ctx, ch.Before, ch.Work[0].Seat, func() { close(passed.clear) })
	}
	if passed != nil && !passed.alone {
		return
	}
	for _, w := range ch.Work {
		line := ch.After.Line
		switch w.Work {
		case agent.WorkOffered, agent.WorkEngaged:
			if d := ds.deskOf(w.Seat); d != nil {
				d.occupy(w.Seat, w.Work == agent.WorkEngaged)
			}
		case agent.WorkWrapUp:
			ds.c.clock.set(w.Seat, due{at: w.Until, kind: dueWrapUp, line: line, call: ch.After.ID})
		case agent.WorkIdle:
			d := ds.deskOf(w.Seat)
			if d != nil {
				d.leaving(w.Seat, true)
			}
			l.afterHangup(ctx, ch.Before, w.Seat, func() {
				if d != nil {
					d.leaving(w.Seat, false)
				}
				ds.idle(ctx, line, w)
			})
		}
	}
}

func (ds *desks) idle(ctx context.Context, line agent.LineID, w telephony.SeatWork) {
	if w.Miss {
		if d := ds.deskOf(w.Seat); d != nil {
			d.missed(w.Seat)
		}
	}
	switch {
	case w.Out:
		ds.c.clock.set(w.Seat, due{at: w.Since.Add(telephony.OutFor), kind: dueOut, line: line, since: w.Since})
	case w.Rest > 0:
		ds.c.clock.set(w.Seat, due{at: w.Since.Add(w.Rest), kind: dueRest, line: line, since: w.Since})
	default:
		ds.seatIdle(line, w.Seat, w.Since, ds.c.cfg.Now())
	}
	ds.c.workOver(ctx, w.Seat)
}

// follow keeps a call in its line as long as it wants a seat. It joins when those are known whose places may be earlier: until
// then it is on its way, and keeps back who comes behind (I5).
func (ds *desks) follow(ctx context.Context, before, after telephony.Call, earlier []chan struct{}) {
	was, is := before.InLine(), after.InLine()
	switch {
	case was && (!is || before.Line != after.Line):
		if d := ds.of(before.Line); d != nil {
			d.leave(before.ID)
		}
	case !was && !is:
		return
	}
	d := ds.of(after.Line)
	if d == nil || !is || was && before.Line == after.Line && slices.Equal(before.Skips, after.Skips) {
		return
	}
	d.coming(after.Waits(), ds.c.cfg.Now())
	ds.c.afterEarlier(ctx, earlier, func() { d.join(after.Waits(), ds.c.cfg.Now()) })
}

// coming says that the step about to be stored brings the call into its line: nobody behind is served before (I5).
func (ds *desks) coming(ch telephony.Change) {
	if d := ds.of(ch.After.Line); d != nil && ch.After.InLine() && !ch.Before.InLine() {
		d.coming(ch.After.Waits(), ds.c.cfg.Now())
	}
}

// notComing takes that back: the step was not stored.
func (ds *desks) notComing(ch telephony.Change) {
	if d := ds.of(ch.After.Line); d != nil && ch.After.InLine() && !ch.Before.InLine() {
		d.leave(ch.After.ID)
	}
}

// giveBack undoes a match that came to nothing.
func (ds *desks) giveBack(m match, waits bool) {
	if d := ds.of(m.line); d != nil {
		d.giveBack(m, waits)
	}
}

// operators finds the line behind one of the same numbers where an operator takes calls now; empty: there is none.
func (ds *desks) operators(of *desk) (agent.LineID, telephony.Rules) {
	numbers := of.numbers()
	for _, d := range ds.all() {
		if d != of && slices.ContainsFunc(d.numbers(), func(n string) bool { return slices.Contains(numbers, n) }) && d.hasOperator() {
			return d.id, d.rules()
		}
	}
	return "", telephony.Rules{}
}

// refresh takes over who is there from the ledger, for every line.
func (ds *desks) refresh(ctx context.Context) error {
	for _, d := range ds.all() {
		if err := d.refresh(ctx); err != nil {
			return err
		}
	}
	return nil
}

// behind lets every queue be filled anew: nobody knows what an earlier controller has left there.
func (ds *desks) behind() {
	for _, d := range ds.all() {
		d.mu.Lock()
		d.behind, d.news = true, nil
		d.mu.Unlock()
	}
}
