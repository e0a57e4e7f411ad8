package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"hotline/telephony"
)

const (
	reconcileEvery = 10 * time.Second // R2
	reconcileRetry = 500 * time.Millisecond
	reconcileRest  = 200 * time.Millisecond
	// lookLimit bounds one look at the exchange, which is several requests: with a thousand callers each takes a while (RT8).
	lookLimit = 15 * time.Second
	// adoptLimit bounds the wait for the calls of an earlier controller to settle before anything is offered (A17).
	adoptLimit = 2 * time.Second
)

// syncState says whether the controller's picture is whole: the exchange is heard, and has been compared since.
type syncState struct {
	mu     sync.Mutex // guards all below
	up     bool
	heardN int // counts connections
	doneN  int // the connection that was compared last
	run    string
}

func (s *syncState) heard(entity string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up, s.run = true, entity
	s.heardN++
}

func (s *syncState) deaf() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up = false
	s.heardN++
}

// begin names the connection that a comparison is made on, and says whether none has been made on it.
func (s *syncState) begin() (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heardN, s.doneN != s.heardN
}

func (s *syncState) compared(connection int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doneN = connection
}

func (s *syncState) whole() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up && s.doneN == s.heardN
}

func (s *syncState) entity() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run
}

func (c *Controller) reconcileLoop(ctx context.Context) {
	timer := time.NewTimer(reconcileEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.mend:
		case <-timer.C:
		}
		pause := reconcileEvery
		if err := c.reconcile(ctx); err != nil && ctx.Err() == nil {
			if !errors.Is(err, telephony.ErrNoDecision) {
				c.cfg.Observer.Failed("reconcile")
				c.cfg.Log.WarnContext(ctx, "reconcile", "err", err)
			}
			pause = reconcileRetry
		}
		if !rest(ctx, reconcileRest) { // whatever asks, and however often, the exchange is left time to work
			return
		}
		timer.Reset(pause)
	}
}

// reconcile compares what the ledger says with what exists, and lets every call mend itself (R2). It serves start-up,
// take-over, lost events and the hung exchange alike. Each question has a budget of its own (RT8).
func (c *Controller) reconcile(ctx context.Context) error {
	if c.HoldOnly() {
		return telephony.ErrNoDecision
	}
	l := c.newLaps()
	if err := c.outage.drain(ctx); err != nil { // what is kept comes first: who has a row is not found anew
		return err
	}
	l.lap("journal")
	connection, fresh := c.sync.begin()
	if err := c.readLines(ctx); err != nil {
		return err
	}
	missed := c.netCalls(ctx)
	l.lap("lines")
	v, err := c.look(ctx)
	if err != nil {
		return err
	}
	l.lap("look")
	defer c.calls.reading()()
	rows, err := c.openCalls(ctx)
	if err != nil {
		return err
	}
	l.lap("rows")
	if err := c.holdBridges(ctx, v); err != nil {
		return err
	}
	mended := c.adoptAll(ctx, rows, v)
	settled := c.show(v)
	mended += c.dropStrays(ctx, v)
	if fresh {
		waitFor(ctx, settled, adoptLimit)
	}
	l.lap("calls")
	if err := c.readSeats(ctx, fresh); err != nil {
		return err
	}
	l.lap("seats")
	if fresh {
		c.sync.compared(connection)
		l.tell(ctx, mended)
	}
	for _, d := range c.desks.all() {
		d.wake(c.cfg.Now())
	}
	if err := c.backfill(ctx, missed, v); err != nil { // nobody waits for it, however many they are
		c.cfg.Log.WarnContext(ctx, "record the calls of the net", "err", err)
	}
	c.cfg.Observer.Reconciled(l.took(), mended)
	return nil
}

// laps tell how long each part of a comparison took: who waits after a restart waits for all of them.
type laps struct {
	c           *Controller
	began, last time.Time
	parts       []any
}

func (c *Controller) newLaps() *laps {
	now := c.cfg.Now()
	return &laps{c: c, began: now, last: now}
}

func (l *laps) lap(part string) {
	now := l.c.cfg.Now()
	l.parts, l.last = append(l.parts, part+"_ms", now.Sub(l.last).Milliseconds()), now
}

func (l *laps) took() time.Duration { return l.c.cfg.Now().Sub(l.began) }

func (l *laps) tell(ctx context.Context, mended int) {
	l.c.cfg.Log.InfoContext(ctx, "compared with the exchange", append([]any{"mended", mended}, l.parts...)...)
}

func (c *Controller) look(ctx context.Context) (*view, error) {
	at := c.cfg.Now()
	limited, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	snap, err := c.cfg.Switch.Snapshot(limited)
	if err != nil {
		return nil, fmt.Errorf("look at the exchange: %w", err)
	}
	return newView(snap, at), nil
}

func (c *Controller) openCalls(ctx context.Context) ([]telephony.Call, error) {
	limited, cancel := verb(ctx)
	defer cancel()
	rows, err := c.cfg.Ledger.Open(limited)
	if err != nil {
		return nil, fmt.Errorf("read open calls: %w", err)
	}
	return rows, nil
}

// ruleLoop reads the rules of the lines when they have changed, and waits for no comparison.
func (c *Controller) ruleLoop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.ruled:
		}
		if err := c.readLines(ctx); err != nil && ctx.Err() == nil {
			c.cfg.Log.WarnContext(ctx, "rules of the lines not read, the next comparison does it", "err", err)
		}
	}
}

// readLines has a desk for every line, with the rules of now.
func (c *Controller) readLines(ctx context.Context) error {
	limited, cancel := verb(ctx)
	defer cancel()
	infos, err := c.cfg.Ledger.Lines(limited)
	if err != nil {
		return fmt.Errorf("read lines: %w", err)
	}
	c.desks.ensure(ctx, infos)
	return nil
}

// holdBridges has a place to wait for every line.
func (c *Controller) holdBridges(ctx context.Context, v *view) error {
	for _, d := range c.desks.all() {
		if _, ok := v.bridges[telephony.HoldBridge(d.id)]; ok {
			continue
		}
		limited, cancel := verb(ctx)
		err := c.cfg.Switch.EnsureBridge(limited, telephony.HoldBridge(d.id), telephony.BridgeHolding)
		cancel()
		if err != nil {
			return fmt.Errorf("make the hold bridge of line %s: %w", d.id, err)
		}
	}
	return nil
}

// adoptAll starts actors for calls that have none: rows of an earlier controller, and callers whose arrival was missed.
func (c *Controller) adoptAll(ctx context.Context, rows []telephony.Call, v *view) int {
	n := 0
	for _, row := range rows {
		if c.calls.byCall(row.ID) == nil {
			c.adopt(ctx, row)
			n++
		}
	}
	for _, ch := range v.arrivals() {
		if c.calls.byLeg(v.entity, ch.ID) != nil {
			continue
		}
		c.arrive(ctx, telephony.Arrival{
			ID: telephony.CallID(newID()), Channel: ch.ID, Entity: v.entity, Number: telephony.PhoneNumber(ch.Caller), Dialled: ch.Dialled, At: v.came(ch, c.cfg.Now()),
		}, ch.Up(), true)
		n++
	}
	return n
}

// show gives the view to every call; the channel closes when all have taken it over.
func (c *Controller) show(v *view) <-chan struct{} {
	var waiting sync.WaitGroup
	for _, a := range c.calls.all() {
		waiting.Add(1)
		if !a.post(viewed{view: v, done: sync.OnceFunc(waiting.Done)}) {
			waiting.Done()
		}
	}
	all := make(chan struct{})
	go func() {
		waiting.Wait()
		close(all)
	}()
	return all
}

func waitFor(ctx context.Context, done <-chan struct{}, limit time.Duration) {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C: // one that is stuck keeps nobody else
	case <-ctx.Done():
	}
}

// readSeats brings what is known of the seats up to the ledger: who is there, whose wrap-up runs, whose wish waits (RT4).
func (c *Controller) readSeats(ctx context.Context, fresh bool) error {
	limited, cancel := verb(ctx)
	defer cancel()
	if fresh {
		wraps, err := c.cfg.Ledger.WrapUps(limited)
		if err != nil {
			return fmt.Errorf("read wrap-ups: %w", err)
		}
		for _, w := range wraps {
			c.clock.set(w.Seat, due{at: w.Until, kind: dueWrapUp, call: w.Call})
		}
		c.desks.behind()
	}
	pending, err := c.cfg.Ledger.Pending(limited)
	if err != nil {
		return fmt.Errorf("read pending wishes: %w", err)
	}
	for _, seat := range pending {
		if err := c.cfg.Presence.WorkOver(limited, seat); err != nil {
			c.cfg.Log.WarnContext(ctx, "apply a pending intent", "seat", seat, "err", err)
		}
	}
	return c.desks.refresh(limited)
}

// dropStrays lets nothing stand that is ours and belongs to no call. What is not ours is nobody's business here (RT6).
func (c *Controller) dropStrays(ctx context.Context, v *view) int {
	n := 0
	for id := range v.channels {
		if id.Ours() && c.calls.byLeg(v.entity, id) == nil {
			c.sendAway(id)
			n++
		}
	}
	for id := range v.bridges {
		call, talk := strings.CutPrefix(string(id), string(telephony.TalkBridge("")))
		if !talk || c.calls.byCall(telephony.CallID(call)) != nil {
			continue
		}
		limited, cancel := verb(ctx)
		if err := c.cfg.Switch.DeleteBridge(limited, id); err != nil {
			c.cfg.Log.WarnContext(ctx, "delete a stray bridge", "bridge", id, "err", err)
		}
		cancel()
		n++
	}
	return n
}
