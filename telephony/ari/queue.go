package ari

import (
	"context"
	"sync"
	"time"

	"hotline/telephony"
)

// item is one entry of the queue: a raw frame of the socket, or a signal about the connection itself.
type item struct {
	frame  []byte
	at     time.Time // when the frame was read, for the trace
	signal telephony.Signal
}

// queue stands between the socket and the controller. Frames are bounded: the one that finds the queue full is dropped
// and leaves an Overflow at the place of the loss. Signals about the connection always find room; there is at most one
// for each accepted frame or connection.
type queue struct {
	limit int
	ready chan struct{}

	mu      sync.Mutex // guards all below
	items   []item
	head    int
	held    []item // of a connection that has not been greeted yet
	holding bool
	frames  int // in items and held
	closed  bool
}

func newQueue(limit int) *queue {
	return &queue{limit: limit, ready: make(chan struct{}, 1)}
}

// put appends a frame; false when it was dropped.
func (q *queue) put(frame []byte, at time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.frames >= q.limit {
		if tail := *q.tailLocked(); len(tail) == 0 || tail[len(tail)-1].signal != telephony.Signal(telephony.Overflow{}) {
			q.appendLocked(item{signal: telephony.Overflow{}})
		}
		return false
	}
	q.frames++
	q.appendLocked(item{frame: frame, at: at})
	return true
}

// tell appends a signal about the connection, ahead of nothing.
func (q *queue) tell(s telephony.Signal) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, item{signal: s})
	q.wakeLocked()
}

// hold keeps what follows back until the connection is greeted, so that Up comes before its first event.
func (q *queue) hold() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.holding = true
}

// release lets a greeted connection's frames through, behind first.
func (q *queue) release(first telephony.Signal) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(append(q.items, item{signal: first}), q.held...)
	q.held, q.holding = nil, false
	q.wakeLocked()
}

// discard forgets what a connection brought that could not be greeted: no Up was told, so nobody counts on it.
func (q *queue) discard() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.held {
		if it.frame != nil {
			q.frames--
		}
	}
	q.held, q.holding = nil, false
}

// close ends the queue; what is in it can still be taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wakeLocked()
}

// next waits for the first item; false when the queue is closed and empty, or ctx is done.
func (q *queue) next(ctx context.Context) (item, bool) {
	for {
		it, found, more := q.take()
		if found || !more {
			return it, found
		}
		select {
		case <-q.ready:
		case <-ctx.Done():
			return item{}, false
		}
	}
}

// depth is the number of frames that wait.
func (q *queue) depth() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.frames
}

// take returns the first item and whether there was one; the second flag says whether more can come.
func (q *queue) take() (item, bool, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head == len(q.items) {
		return item{}, false, !q.closed
	}
	it := q.items[q.head]
	q.items[q.head] = item{}
	q.head++
	if it.frame != nil {
		q.frames--
	}
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	} else if q.head > len(q.items)/2 && q.head > 1024 {
		q.items, q.head = append(q.items[:0:0], q.items[q.head:]...), 0
	}
	return it, true, true
}

func (q *queue) tailLocked() *[]item {
	if q.holding {
		return &q.held
	}
	return &q.items
}

func (q *queue) appendLocked(it item) {
	tail := q.tailLocked()
	*tail = append(*tail, it)
	q.wakeLocked()
}

func (q *queue) wakeLocked() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}
