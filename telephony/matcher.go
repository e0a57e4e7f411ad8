package telephony

import (
	"context"
	"fmt"
	"sync"
	"time"

	"hotline/agent"
)

// Reservations and claims outlast every conversation: what is lost is given back by a rebuild, not by running out in the
// middle of a call.
const claimFor = time.Hour

// match is a seat and a caller that the indexes have brought together; an offer once the call's actor has stored it.
type match struct {
	offer OfferID
	seat  agent.SeatID
	at    time.Time // of the decision: offers bear the order in which they were decided (I5)
	woke  time.Time
}

// flight is a match under way: the ledger does not show it yet.
type flight struct {
	seat agent.SeatID
	call CallID
}

// matcher brings the seats and callers of one line together, one pair after the other; what follows each pair is done by
// the calls' actors, side by side.
type matcher struct {
	c    *Controller
	line agent.LineID
	kick chan time.Time
	ask  chan order

	mu      sync.Mutex // guards waiting and flying
	waiting map[CallID]Waiting
	flying  map[OfferID]flight
}

// order asks a matcher to look after its indexes: to fill them anew, or only to mend what differs.
type order struct {
	whole bool
	reply chan error
}

func newMatcher(c *Controller, line agent.LineID) *matcher {
	return &matcher{
		c: c, line: line, kick: make(chan time.Time, 1), ask: make(chan order),
		waiting: make(map[CallID]Waiting), flying: make(map[OfferID]flight),
	}
}

// wake asks for a look; one that is asked for already is enough.
func (m *matcher) wake(at time.Time) {
	select {
	case m.kick <- at:
	default:
	}
}

func (m *matcher) run(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case at := <-m.kick:
			m.match(ctx, at)
		case <-tick.C:
			m.check(ctx)
		case o := <-m.ask:
			if o.whole {
				o.reply <- m.rebuild(ctx)
			} else {
				o.reply <- m.refresh(ctx)
			}
		}
	}
}

// match makes pairs while there are any to make.
func (m *matcher) match(ctx context.Context, woke time.Time) {
	for m.c.mayDecide() && m.anyone() && m.one(ctx, woke) {
	}
}

// one makes one pair; false when there is none, or an index is away.
func (m *matcher) one(ctx context.Context, woke time.Time) bool {
	offer := OfferID(newID())
	now := m.c.cfg.Now()
	limited, cancel := verb(ctx)
	defer cancel()
	seat, ok, err := m.c.cfg.Seats.Reserve(limited, m.line, string(offer), now, now.Add(claimFor))
	if err != nil {
		m.trouble(ctx, "reserve", err)
	}
	if err != nil || !ok {
		return false
	}
	if m.holds(seat) {
		return true // the index is behind: the caller claimed for this seat would lose the turn. Whoever has it lets it go
	}
	call, ok, err := m.claim(limited, string(offer), now)
	if err != nil {
		m.trouble(ctx, "claim", err)
	}
	if err != nil || !ok {
		m.giveBack(ctx, seat)
		return false
	}
	m.takeOff(offer, flight{seat: seat, call: call})
	a := m.c.calls.byCall(call)
	if a == nil || !m.c.post(a, message{match: &match{offer: offer, seat: seat, at: now, woke: woke}}) {
		m.landed(offer)
		if err := m.c.cfg.Line.Leave(limited, m.line, call); err != nil {
			m.trouble(ctx, "leave_line", err)
		}
		m.giveBack(ctx, seat)
	}
	return true
}

// claim takes the first caller. An index that does not know whom the controller knows to be first has lost something; it
// is filled from the ledger before the offer is made (F9).
func (m *matcher) claim(ctx context.Context, request string, now time.Time) (CallID, bool, error) {
	call, ok, err := m.c.cfg.Line.Claim(ctx, m.line, request, now, now.Add(claimFor))
	if err != nil || ok && m.first(call) || !ok && !m.anyone() {
		return call, ok, err
	}
	if err := m.rebuildLine(ctx); err != nil {
		return "", false, err
	}
	return m.c.cfg.Line.Claim(ctx, m.line, newID(), now, now.Add(claimFor))
}

// check is the guarantee behind the wake-ups: once a second it looks by itself whether the indexes have lost anything.
func (m *matcher) check(ctx context.Context) {
	if !m.c.mayDecide() || !m.anyone() {
		return
	}
	limited, cancel := verb(ctx)
	defer cancel()
	expected := m.snapshot()
	listed, err := m.c.cfg.Line.List(limited, m.line)
	if err != nil {
		m.trouble(ctx, "list", err)
		return
	}
	for _, w := range listed {
		delete(expected, w.Call)
	}
	if len(expected) > 0 {
		if err := m.rebuildLine(limited); err != nil {
			m.trouble(ctx, "rebuild", err)
			return
		}
	}
	m.match(ctx, m.c.cfg.Now())
	if m.anyone() && m.seatsLost(limited) {
		if err := m.rebuildSeats(limited); err != nil {
			m.trouble(ctx, "rebuild", err)
			return
		}
		m.match(ctx, m.c.cfg.Now())
	}
}

// seatsLost says that the ledger has an idle seat though the index has just offered none.
func (m *matcher) seatsLost(ctx context.Context) bool {
	ready, err := m.ready(ctx)
	if err != nil {
		m.trouble(ctx, "ready", err)
		return false
	}
	for _, since := range ready {
		if !since.IsZero() {
			return true
		}
	}
	return false
}

// ready reads the line's open seats. Those that a match holds, or that must rest, count as occupied.
func (m *matcher) ready(ctx context.Context) (map[agent.SeatID]time.Time, error) {
	held := m.heldSeats() // before the read: a match that lands meanwhile is in the ledger
	ready, err := m.c.cfg.Ledger.Ready(ctx, m.line)
	if err != nil {
		return nil, fmt.Errorf("read ready seats of line %s: %w", m.line, err)
	}
	for seat := range ready {
		if _, ok := held[seat]; ok || m.c.clock.keeps(seat) {
			ready[seat] = time.Time{}
		}
	}
	return ready, nil
}

// giveBack returns a seat that was reserved for nothing, if it is free by the ledger: its place among the idle is kept.
func (m *matcher) giveBack(ctx context.Context, seat agent.SeatID) bool {
	limited, cancel := verb(ctx)
	defer cancel()
	ready, err := m.c.cfg.Ledger.Ready(limited, m.line)
	if err == nil && ready[seat].IsZero() {
		return false
	}
	if err == nil {
		err = m.c.cfg.Seats.Idle(limited, m.line, seat, ready[seat])
	}
	if err != nil {
		m.trouble(ctx, "give_back", err)
	}
	return err == nil
}

func (m *matcher) rebuild(ctx context.Context) error {
	limited, cancel := verb(ctx)
	defer cancel()
	if err := m.rebuildLine(limited); err != nil {
		return err
	}
	return m.rebuildSeats(limited)
}

// refresh mends what no wake-up would: entries of callers who have left, idle seats that nobody waits for (I13).
func (m *matcher) refresh(ctx context.Context) error {
	limited, cancel := verb(ctx)
	defer cancel()
	listed, err := m.c.cfg.Line.List(limited, m.line)
	if err != nil {
		return fmt.Errorf("refresh line %s: %w", m.line, err)
	}
	if !m.knows(listed) {
		if err := m.rebuildLine(limited); err != nil {
			return err
		}
	}
	return m.rebuildSeats(limited)
}

func (m *matcher) rebuildLine(ctx context.Context) error {
	claimed := m.heldCalls()
	open, err := m.c.cfg.Ledger.Open(ctx)
	if err != nil {
		return fmt.Errorf("rebuild line %s: %w", m.line, err)
	}
	var ws []Waiting
	for _, c := range open {
		if _, ok := claimed[c.ID]; c.Line == m.line && c.State == StateQueued && !ok {
			ws = append(ws, place(c))
		}
	}
	m.c.cfg.Observer.Rebuilt()
	if err := m.c.cfg.Line.Rebuild(ctx, m.line, ws); err != nil {
		return fmt.Errorf("rebuild line %s: %w", m.line, err)
	}
	return nil
}

func (m *matcher) rebuildSeats(ctx context.Context) error {
	ready, err := m.ready(ctx)
	if err != nil {
		return err
	}
	if err := m.c.cfg.Seats.Rebuild(ctx, m.line, ready); err != nil {
		return fmt.Errorf("rebuild seats of line %s: %w", m.line, err)
	}
	return nil
}

func (m *matcher) trouble(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	m.c.cfg.Observer.Failed(what)
	m.c.cfg.Log.WarnContext(ctx, "match", "act", what, "line", m.line, "err", err)
}
