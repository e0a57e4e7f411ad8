package control

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"hotline/telephony"
)

// turnLimit bounds the wait of an arrival for those before it: a place that can not be given must not keep everybody out.
const turnLimit = 5 * time.Second

// turn lets arrivals that were found together get their places in the order in which they came.
type turn struct {
	mu   sync.Mutex // guards last
	last chan struct{}
}

// take says what to wait for, and what to call once the place is given or was tried for. Who was not found waits for those
// who were, but keeps nobody.
func (t *turn) take(found bool) (<-chan struct{}, func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.last
	if !found {
		return before, func() {}
	}
	mine := make(chan struct{})
	t.last = mine
	return before, sync.OnceFunc(func() { close(mine) })
}

func (t *turn) init() {
	t.last = make(chan struct{})
	close(t.last)
}

// entries are the arrivals whose rows are being written: what place they get is not known yet, and it may be an earlier one than
// that of somebody whose row is written already.
type entries struct {
	mu   sync.Mutex // guards open
	open map[chan struct{}]struct{}
}

func (e *entries) init() { e.open = make(map[chan struct{}]struct{}) }

func (e *entries) begin() chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	mine := make(chan struct{})
	e.open[mine] = struct{}{}
	return mine
}

// end says that the place is known, or will not be soon; it gives those that are not, once.
func (e *entries) end(mine chan struct{}) []chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, there := e.open[mine]; !there {
		return nil
	}
	delete(e.open, mine)
	close(mine)
	return slices.Collect(maps.Keys(e.open))
}

// afterEarlier does something when nobody can come any more whose row was being written together with ours, and at once if
// nobody was. Nobody is held up for longer than a caller whose entry is being stored holds others up.
func (c *Controller) afterEarlier(ctx context.Context, earlier []chan struct{}, do func()) {
	earlier = slices.DeleteFunc(earlier, func(written chan struct{}) bool {
		select {
		case <-written:
			return true
		default:
			return false
		}
	})
	if len(earlier) == 0 {
		do()
		return
	}
	c.workers.Go(func() {
		defer do()
		limited, cancel := context.WithTimeout(ctx, telephony.ComingFor)
		defer cancel()
		for _, written := range earlier {
			select {
			case <-written:
			case <-limited.Done():
				return
			}
		}
	})
}
