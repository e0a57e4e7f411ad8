package telephony

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
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

// begin names the connection that a comparison is made on; fresh when none has been made on it.
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

// mayDecide says that offers may be made: the lease is fresh (R4) and the picture is whole (A17).
func (c *Controller) mayDecide() bool { return c.sync.whole() && !c.HoldOnly() }

// Synced says that the controller hears the exchange and has compared it with the ledger: it is ready to serve.
func (c *Controller) Synced() bool { return c.sync.whole() }

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
			if !errors.Is(err, ErrNoDecision) {
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
// take-over, lost events and the hung exchange alike.
func (c *Controller) reconcile(ctx context.Context) error {
	if c.HoldOnly() {
		return ErrNoDecision
	}
	began := c.cfg.Now()
	connection, fresh := c.sync.begin()
	limited, cancel := verb(ctx)
	defer cancel()
	snap, err := c.cfg.Switch.Snapshot(limited)
	if err != nil {
		return fmt.Errorf("look at the exchange: %w", err)
	}
	rows, err := c.cfg.Ledger.Open(limited)
	if err != nil {
		return fmt.Errorf("read open calls: %w", err)
	}
	if err := c.ensureLines(ctx, snap); err != nil {
		return err
	}
	v := newView(snap, began)
	mended := c.adoptAll(ctx, rows, v)
	for _, a := range c.calls.all() {
		c.post(a, message{view: v})
	}
	mended += c.dropStrays(ctx, snap)
	if fresh {
		if err := c.begin(ctx); err != nil {
			return err
		}
		c.sync.compared(connection)
		for _, m := range c.matchers.all() {
			m.wake(c.cfg.Now())
		}
	} else if err := c.matchers.rebuild(ctx, false); err != nil {
		return err
	}
	c.cfg.Observer.Reconciled(c.cfg.Now().Sub(began), mended)
	return nil
}

// ensureLines has a matcher and a hold bridge for every line.
func (c *Controller) ensureLines(ctx context.Context, snap Snapshot) error {
	limited, cancel := verb(ctx)
	defer cancel()
	lines, err := c.cfg.Ledger.Lines(limited)
	if err != nil {
		return fmt.Errorf("read lines: %w", err)
	}
	there := make(map[BridgeID]struct{}, len(snap.Bridges))
	for _, b := range snap.Bridges {
		there[b.ID] = struct{}{}
	}
	for _, line := range lines {
		c.matchers.ensure(ctx, line)
		if _, ok := there[HoldBridge(line)]; ok {
			continue
		}
		if err := c.cfg.Switch.EnsureBridge(limited, HoldBridge(line), BridgeHolding); err != nil {
			return fmt.Errorf("make the hold bridge of line %s: %w", line, err)
		}
	}
	return nil
}

// adoptAll starts actors for calls that have none: rows of an earlier controller, and callers whose arrival was missed.
func (c *Controller) adoptAll(ctx context.Context, rows []Call, v *view) int {
	n := 0
	for _, row := range rows {
		if c.calls.byLeg(row.Channel) == nil {
			c.adopt(ctx, row)
			n++
		}
	}
	for _, ch := range v.channels {
		if !ch.InApp || ourLeg(ch.ID) || c.calls.byLeg(ch.ID) != nil {
			continue
		}
		c.arrive(ctx, Arrival{
			ID: CallID(newID()), Channel: ch.ID, Entity: v.entity, Number: PhoneNumber(ch.Caller), Dialled: ch.Dialled, At: ch.CreatedAt,
		}, ch.up())
		n++
	}
	return n
}

// dropStrays lets nothing stand that belongs to no call.
func (c *Controller) dropStrays(ctx context.Context, snap Snapshot) int {
	n := 0
	for _, ch := range snap.Channels {
		if ourLeg(ch.ID) && c.calls.byLeg(ch.ID) == nil {
			c.sendAway(ch.ID)
			n++
		}
	}
	for _, b := range snap.Bridges {
		call, talk := strings.CutPrefix(string(b.ID), string(TalkBridge("")))
		if !talk || c.calls.byCall(CallID(call)) != nil {
			continue
		}
		limited, cancel := verb(ctx)
		if err := c.cfg.Switch.DeleteBridge(limited, b.ID); err != nil {
			c.cfg.Log.WarnContext(ctx, "delete a stray bridge", "bridge", b.ID, "err", err)
		}
		cancel()
		n++
	}
	return n
}

// begin fills what lives in memory and in Redis from the ledger, before anything is offered (A17, F9).
func (c *Controller) begin(ctx context.Context) error {
	limited, cancel := verb(ctx)
	defer cancel()
	wraps, err := c.cfg.Ledger.WrapUps(limited)
	if err != nil {
		return fmt.Errorf("read wrap-ups: %w", err)
	}
	for _, w := range wraps {
		c.clock.set(w.Seat, due{at: w.Until, kind: dueWrapUp})
	}
	return c.matchers.rebuild(ctx, true)
}

// view is a snapshot, ready to be asked about one call.
type view struct {
	at       time.Time // before it was taken
	entity   string
	channels map[LegID]Channel
	bridges  map[BridgeID]Bridge
}

func newView(s Snapshot, at time.Time) *view {
	v := &view{
		at: at, entity: s.Entity,
		channels: make(map[LegID]Channel, len(s.Channels)), bridges: make(map[BridgeID]Bridge, len(s.Bridges)),
	}
	for _, ch := range s.Channels {
		v.channels[ch.ID] = ch
	}
	for _, b := range s.Bridges {
		v.bridges[b.ID] = b
	}
	return v
}

func (ch Channel) up() bool { return ch.State == "Up" }

// of says what the view shows of a call.
func (v *view) of(c Call, adopted bool) Event {
	ch, ok := v.channels[c.Channel]
	if !ok || !ch.InApp {
		return Lost{Restarted: c.Entity != v.entity}
	}
	talk := TalkBridge(c.ID)
	seen := Seen{
		Adopted: adopted, CallerUp: ch.up(), CallerIn: ch.Bridge == talk,
		CallerHeld: c.Line != "" && ch.Bridge == HoldBridge(c.Line),
	}
	if c.Offer == nil {
		return seen
	}
	seat, ok := v.channels[c.Offer.Leg]
	if !ok { // rung again by a controller that died before it could say so
		for _, leg := range v.bridges[talk].Channels {
			if leg != c.Channel {
				seat, ok = v.channels[leg]
			}
		}
	}
	if ok {
		seen.Seat, seen.SeatUp, seen.SeatIn = seat.ID, seat.up() && seat.InApp, seat.Bridge == talk
	}
	return seen
}
