package auth

import (
	"context"
	"slices"
	"sync"
)

// How many wait for their turn to hash: beyond it nobody is let in (RS8). One address's share seats a hall behind one router; all
// together are a wait of some four seconds.
const (
	mostWaiting = 64
	eachWaiting = 48
)

// queue lets one at a time through. Whoever waits stands in the lane of the address that they come from, and the lanes take turns: a
// crowd at one address is one among those who wait, whatever its size.
type queue struct {
	most, each int // waiting: in all, and in one lane

	mu      sync.Mutex
	busy    bool                       // guarded by mu
	lanes   map[string][]chan struct{} // those who wait, by lane; guarded by mu
	turns   []string                   // lanes in which somebody waits, in the order of their turns; guarded by mu
	waiting int                        // guarded by mu
}

func newQueue(most, each int) *queue {
	return &queue{most: most, each: each, lanes: map[string][]chan struct{}{}}
}

// enter waits for the turn, and returns what ends it; false when the queue is full. Whoever gives up waiting leaves the queue.
func (q *queue) enter(ctx context.Context, lane string) (func(), bool, error) {
	called, ok := q.join(lane)
	if !ok {
		return nil, false, nil
	}
	select {
	case <-called:
		return q.next, true, nil
	case <-ctx.Done():
		q.abandon(lane, called)
		return nil, true, ctx.Err()
	}
}

// join returns what is closed when it is one's turn.
func (q *queue) join(lane string) (chan struct{}, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	called := make(chan struct{})
	switch {
	case !q.busy:
		q.busy = true
		close(called)
		return called, true
	case q.waiting >= q.most || len(q.lanes[lane]) >= q.each:
		return nil, false
	}
	if len(q.lanes[lane]) == 0 {
		q.turns = append(q.turns, lane)
	}
	q.lanes[lane] = append(q.lanes[lane], called)
	q.waiting++
	return called, true
}

// next calls the first of the lane whose turn it is.
func (q *queue) next() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.turns) == 0 {
		q.busy = false
		return
	}
	lane := q.turns[0]
	q.turns = q.turns[1:]
	first := q.lanes[lane][0]
	q.leaveLocked(lane, 0)
	if len(q.lanes[lane]) > 0 {
		q.turns = append(q.turns, lane)
	}
	close(first)
}

func (q *queue) abandon(lane string, called chan struct{}) {
	q.mu.Lock()
	i := slices.Index(q.lanes[lane], called)
	if i >= 0 {
		q.leaveLocked(lane, i)
		if len(q.lanes[lane]) == 0 {
			q.turns = slices.DeleteFunc(q.turns, func(l string) bool { return l == lane })
		}
	}
	q.mu.Unlock()
	if i < 0 { // called in the same moment
		q.next()
	}
}

func (q *queue) leaveLocked(lane string, i int) {
	q.waiting--
	if q.lanes[lane] = slices.Delete(q.lanes[lane], i, i+1); len(q.lanes[lane]) == 0 {
		delete(q.lanes, lane)
	}
}
