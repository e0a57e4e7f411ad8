package telephony

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"hotline/agent"
)

// ErrReplaced means that another controller has taken the application over in the exchange. Exit, hanging nothing up (R3).
var ErrReplaced = errors.New("another controller has taken the application over")

// errBusy: a call's mailbox is full; the person may try again.
var errBusy = errors.New("call is busy")

const (
	reconcileEvery = 10 * time.Second // R2
	reconcileRetry = 500 * time.Millisecond
	reconcileRest  = 200 * time.Millisecond
	tickEvery      = time.Second // the matcher's guarantee
	verbLimit      = 3 * time.Second
	strayQueue     = 1024
)

// Config is what a Controller is made of. All fields but Observer are needed.
type Config struct {
	Switch   Switch
	Signals  <-chan Signal // of the same exchange, in order; closed when it is over
	Ledger   Ledger
	Line     Line
	Seats    Seats
	Presence Presence
	Lease    Lease
	Observer Observer
	Now      func() time.Time
	Log      *slog.Logger
}

// Controller runs the calls of one exchange: it routes signals to the calls' actors, brings callers and seats together,
// and mends what differs between the ledger and the exchange. Make one with NewController and Run it once.
type Controller struct {
	cfg Config

	calls    registry
	stray    chan LegID // legs that belong to nothing; full: the reconciler finds them
	mend     chan struct{}
	fatal    chan error
	clock    seatClock
	sync     syncState
	matchers matchers
	workers  sync.WaitGroup
}

// NewController returns a Controller that has not begun.
func NewController(cfg Config) *Controller {
	if cfg.Observer == nil {
		cfg.Observer = Unobserved{}
	}
	c := &Controller{
		cfg:   cfg,
		stray: make(chan LegID, strayQueue),
		mend:  make(chan struct{}, 1),
		fatal: make(chan error, 1),
	}
	c.calls.init()
	c.clock.init()
	c.matchers.c = c
	c.matchers.lines = make(map[agent.LineID]*matcher)
	return c
}

// Run works until ctx is done (nil), or until another controller has taken over (ErrNotMaster, ErrReplaced). Either way
// it hangs nothing up: the calls go on in the exchange, for whoever comes next.
func (c *Controller) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer c.workers.Wait()
	defer cancel()
	c.workers.Go(func() { c.reconcileLoop(ctx) })
	c.workers.Go(func() { c.seatLoop(ctx) })
	c.workers.Go(func() { c.strayLoop(ctx) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-c.fatal:
			return fmt.Errorf("controller stops: %w", err)
		case sig, ok := <-c.cfg.Signals:
			if !ok {
				return nil
			}
			if _, over := sig.(Replaced); over {
				return fmt.Errorf("controller stops: %w", ErrReplaced)
			}
			c.route(ctx, sig)
		}
	}
}

// HoldOnly says that the lease is not fresh: conversations and music go on, and nothing is decided (R4).
func (c *Controller) HoldOnly() bool {
	_, ok := c.cfg.Lease.Epoch()
	return !ok
}

// Decline refuses an open offer for the person at the seat. ErrOfferClosed, ErrNoDecision.
func (c *Controller) Decline(ctx context.Context, offer OfferID, actor, reason string) error {
	a := c.calls.byOffer(offer)
	if a == nil {
		return ErrOfferClosed
	}
	return c.command(ctx, a, Declined{Offer: offer, Reason: reason}, actor, ErrOfferClosed)
}

// Hangup ends a conversation for a person of ours; once more is no error. ErrNotFound, ErrNotInCall, ErrNoDecision.
func (c *Controller) Hangup(ctx context.Context, call CallID, actor string) error {
	a := c.calls.byCall(call)
	if a == nil {
		known, err := c.cfg.Ledger.Call(ctx, call)
		if err != nil {
			return fmt.Errorf("hang up call %s: %w", call, err)
		}
		if known.State == StateEnded {
			return nil
		}
		return ErrNotInCall
	}
	return c.command(ctx, a, HungUp{}, actor, nil)
}

// command gives an event of a person to a call and waits for its answer; over is the answer of a call that has ended.
func (c *Controller) command(ctx context.Context, a *actor, e Event, actor string, over error) error {
	if c.HoldOnly() {
		return ErrNoDecision
	}
	reply := make(chan error, 1)
	if !c.post(a, message{event: e, actor: actor, reply: reply}) {
		if a.isOver() {
			return over
		}
		return errBusy
	}
	select {
	case err := <-reply:
		return err
	case <-a.done:
		select {
		case err := <-reply:
			return err
		default:
			return over
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// SeatChanged says that the seats of a line have changed: one may be free now, or back on the telephone.
func (c *Controller) SeatChanged(line agent.LineID) {
	c.matchers.wake(line, c.cfg.Now())
	for _, a := range c.calls.waitForSeats() {
		c.post(a, message{event: SeatOnline{}})
	}
}

// ClientReplaced says that another page has taken a seat's softphone over; the leg of the former one is dead.
func (c *Controller) ClientReplaced(seat agent.SeatID) {
	if a := c.calls.bySeat(seat); a != nil {
		c.post(a, message{event: PageReplaced{}})
	}
}

// SeatOnline says that a seat's telephone is registered and its page ready.
func (c *Controller) SeatOnline(seat agent.SeatID) {
	c.clock.online(seat)
	if a := c.calls.bySeat(seat); a != nil {
		c.post(a, message{event: SeatOnline{}})
	}
}

// Rebuild fills the indexes of all lines from the ledger (F9).
func (c *Controller) Rebuild(ctx context.Context) error { return c.matchers.rebuild(ctx, true) }

// Reconcile asks for a comparison with the exchange; it is done soon.
func (c *Controller) Reconcile() {
	select {
	case c.mend <- struct{}{}:
	default: // asked for already
	}
}

func (c *Controller) fail(err error) {
	select {
	case c.fatal <- err:
	default: // stopping already
	}
}

// verb bounds one act on the exchange, Redis or Postgres.
func verb(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, verbLimit)
}
