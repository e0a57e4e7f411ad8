package telephony

import (
	"context"
	"slices"
	"sync"
	"time"

	"hotline/agent"
)

// The controller's own memory of who waits: what the index in Redis is held against.

func (m *matcher) anyone() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.waiting) > 0
}

// first says that nobody known waits before this call.
func (m *matcher) first(call CallID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	mine, ok := m.waiting[call]
	if !ok {
		return false
	}
	for _, w := range m.waiting {
		if w.Priority < mine.Priority || w.Priority == mine.Priority && w.Seq < mine.Seq {
			return false
		}
	}
	return true
}

// knows says that exactly these callers wait.
func (m *matcher) knows(listed []Waiting) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(listed) == len(m.waiting) && !slices.ContainsFunc(listed, func(w Waiting) bool {
		_, ok := m.waiting[w.Call]
		return !ok
	})
}

func (m *matcher) snapshot() map[CallID]struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[CallID]struct{}, len(m.waiting))
	for id := range m.waiting {
		all[id] = struct{}{}
	}
	return all
}

func (m *matcher) joined(w Waiting) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting[w.Call] = w
}

func (m *matcher) left(call CallID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.waiting, call)
}

func (m *matcher) takeOff(offer OfferID, f flight) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.waiting, f.call)
	m.flying[offer] = f
}

func (m *matcher) landed(offer OfferID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.flying, offer)
}

func (m *matcher) heldSeats() map[agent.SeatID]struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	held := make(map[agent.SeatID]struct{}, len(m.flying))
	for _, f := range m.flying {
		held[f.seat] = struct{}{}
	}
	return held
}

// holds says that a seat is known to be in use, or not to be rung, whatever the index says.
func (m *matcher) holds(seat agent.SeatID) bool {
	_, flies := m.heldSeats()[seat]
	return flies || m.c.calls.bySeat(seat) != nil || m.c.clock.keeps(seat)
}

func (m *matcher) heldCalls() map[CallID]struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	held := make(map[CallID]struct{}, len(m.flying))
	for _, f := range m.flying {
		held[f.call] = struct{}{}
	}
	return held
}

// matchers are those of all lines.
type matchers struct {
	c     *Controller
	mu    sync.Mutex // guards lines
	lines map[agent.LineID]*matcher
}

// of returns the matcher of a line; nil when there is no such line.
func (ms *matchers) of(line agent.LineID) *matcher {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	return ms.lines[line]
}

// ensure starts the matcher of a line unless it runs.
func (ms *matchers) ensure(ctx context.Context, line agent.LineID) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if _, ok := ms.lines[line]; ok {
		return
	}
	m := newMatcher(ms.c, line)
	ms.lines[line] = m
	ms.c.workers.Go(func() { m.run(ctx) })
}

func (ms *matchers) all() []*matcher {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	all := make([]*matcher, 0, len(ms.lines))
	for _, m := range ms.lines {
		all = append(all, m)
	}
	return all
}

func (ms *matchers) wake(line agent.LineID, at time.Time) {
	if m := ms.of(line); m != nil {
		m.wake(at)
	}
}

func (ms *matchers) joined(line agent.LineID, w Waiting) {
	if m := ms.of(line); m != nil {
		m.joined(w)
	}
}

func (ms *matchers) left(line agent.LineID, call CallID) {
	if m := ms.of(line); m != nil {
		m.left(call)
	}
}

// rebuild fills the indexes of every line, or mends what differs, each in its matcher's own turn.
func (ms *matchers) rebuild(ctx context.Context, whole bool) error {
	for _, m := range ms.all() {
		reply := make(chan error, 1)
		select {
		case m.ask <- order{whole: whole, reply: reply}:
		case <-ctx.Done():
			return ctx.Err()
		}
		select {
		case err := <-reply:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
