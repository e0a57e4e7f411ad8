package control

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	queueLimit = 20 * time.Millisecond // the queue is not waited for longer on the path: the line decides alone (F10)
	lookEvery  = time.Second           // the queue is asked off the path whether it is there, and whole
)

// sharedQueue is what is known of the queue in Redis as a whole. Who makes a pair asks it only when it has answered off the path
// since it failed last: one that hangs costs one timeout, not one for each pair and line (F10).
type sharedQueue struct {
	mu      sync.Mutex // guards all below
	sound   bool       // it has answered, and has not failed since
	refused time.Time  // when it failed last for somebody else than a look
	since   time.Time  // it has failed off the path since then; zero: it answers
	err     error      // how
}

// worthAsking says that the queue may be asked by who cannot wait.
func (q *sharedQueue) worthAsking() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.sound
}

// failed keeps everybody from asking until the next look; false when they were kept from it already.
func (q *sharedQueue) failed(at time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	was := q.sound
	q.sound, q.refused = false, at
	return was
}

// answered notes the outcome of a look that began at a time; true when the queue may be asked again. One that began before the
// last failure says nothing about it.
func (q *sharedQueue) answered(err error, at time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	was := q.sound
	q.sound, q.err = err == nil && !at.Before(q.refused), err
	switch {
	case err == nil:
		q.since = time.Time{}
	case q.since.IsZero():
		q.since = at
	}
	return q.sound && !was
}

// QueueAway says since when the queue in Redis has not answered, and what it said instead; zero: it answers, or was never asked.
// Calls do not depend on it: the lines decide alone meanwhile (F10).
func (c *Controller) QueueAway() (time.Time, error) {
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	return c.queue.since, c.queue.err
}

// queueLoop looks at the queue off the path, again and again.
func (c *Controller) queueLoop(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		c.lookAtQueue(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// lookAtQueue asks the queue whether it still has what it was told. One that is away hears no news, and one that was restarted,
// emptied or replaced has lost some: either is filled anew as soon as it answers (F8, F9, F11).
func (c *Controller) lookAtQueue(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	at := c.cfg.Now()
	whole, err := c.cfg.Queue.Whole(limited)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		err = fmt.Errorf("look at the queue: %w", err)
		c.cfg.Observer.Failed("queue")
	}
	if !whole {
		c.desks.behind()
	}
	if c.queue.answered(err, at) || err == nil && !whole {
		c.desks.tellQueue(ctx)
	}
}

// tellQueue lets every desk tell the queue what it does not know.
func (ds *desks) tellQueue(ctx context.Context) {
	for _, d := range ds.all() {
		d.beside(&d.talk, func() { d.tell(ctx) })
	}
}
