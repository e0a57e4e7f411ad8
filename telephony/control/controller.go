package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/trace"
)

// ErrReplaced means that another controller has taken the application over in the exchange. Exit, hanging nothing up (R3).
var ErrReplaced = errors.New("another controller has taken the application over")

// errBusy: a call's mailbox is full; the person may try again.
var errBusy = errors.New("call is busy")

// verbLimit bounds one act on the exchange or Postgres.
const verbLimit = 3 * time.Second

// Config is what a Controller is made of. All fields but Heard, Observer, Trace, PhonesReady, Journal and Net are needed.
type Config struct {
	Switch   Switch
	Signals  <-chan telephony.Signal // of the same exchange, in order; closed when it is over
	Heard    func(telephony.Signal)  // hears every signal as well; must not block
	Ledger   Ledger
	Queue    Queue
	Presence Presence
	Lease    Lease
	Observer Observer
	Trace    *trace.Recorder // hears how far a call is; nil: nobody does
	Now      func() time.Time
	Log      *slog.Logger
	// PhonesReady says that this run of the exchange knows the seats' telephones; none is rung before (RT12). Nil: always.
	PhonesReady  func(entity string) bool
	PassingLimit time.Duration // how long who ends waits for the next call's actor to begin to store both; 0: 20 ms
	Journal      Journal       // nil: who arrives while the ledger is away is not answered before it is back
	Net          Net           // nil: calls that came while no controller listened are not recorded
}

// Controller runs the calls of one exchange: it routes signals to the calls' actors, brings callers and seats together,
// and mends what differs between the ledger and the exchange. Make one with New and Run it once.
type Controller struct {
	cfg Config

	calls   registry
	turn    turn
	entries entries
	outage  outage
	desks   desks
	clock   seatClock
	queue   sharedQueue
	sync    syncState
	crowd   crowd
	stray   chan telephony.LegID // legs that belong to nothing; full: the reconciler finds them
	mend    chan struct{}
	ruled   chan struct{} // the rules of lines are others
	fatal   chan error
	workers sync.WaitGroup
}

// New returns a Controller that has not begun.
func New(cfg Config) *Controller {
	if cfg.Observer == nil {
		cfg.Observer = Unobserved{}
	}
	if cfg.Heard == nil {
		cfg.Heard = func(telephony.Signal) {}
	}
	cfg.PassingLimit = cmp.Or(cfg.PassingLimit, passingLimit)
	c := &Controller{
		cfg:   cfg,
		crowd: make(crowd, crowdSize),
		stray: make(chan telephony.LegID, strayQueue),
		mend:  make(chan struct{}, 1),
		ruled: make(chan struct{}, 1),
		fatal: make(chan error, 1),
	}
	c.calls.init()
	c.turn.init()
	c.entries.init()
	c.outage.init(c)
	c.cfg.Ledger = watchedLedger{cfg.Ledger, &c.outage}
	c.clock.init()
	c.desks.init(c)
	return c
}

// Run works until ctx is done (nil), or until another controller has taken over (telephony.ErrNotMaster, ErrReplaced). Either
// way it hangs nothing up: the calls go on in the exchange, for whoever comes next.
func (c *Controller) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer c.workers.Wait()
	defer cancel()
	c.workers.Go(func() { c.reconcileLoop(ctx) })
	c.workers.Go(func() { c.ruleLoop(ctx) })
	c.workers.Go(func() { c.seatLoop(ctx) })
	c.workers.Go(func() { c.queueLoop(ctx) })
	c.workers.Go(func() { c.strayLoop(ctx) })
	c.workers.Go(func() { c.outage.writeLoop(ctx) })
	c.workers.Go(func() { c.outage.settleLoop(ctx) })
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
			if _, over := sig.(telephony.Replaced); over {
				return fmt.Errorf("controller stops: %w", ErrReplaced)
			}
			c.cfg.Heard(sig)
			c.route(ctx, sig)
		}
	}
}

// HoldOnly says that the lease is not fresh: conversations and music go on, and nothing is decided (R4).
func (c *Controller) HoldOnly() bool {
	_, ok := c.cfg.Lease.Epoch()
	return !ok
}

// Synced says that the controller hears the exchange and has compared it with the ledger: it is ready to serve.
func (c *Controller) Synced() bool { return c.sync.whole() }

// mayDecide says that offers may be made: the lease is fresh (R4), the picture is whole (A17), and there are telephones.
func (c *Controller) mayDecide() bool {
	return c.sync.whole() && !c.HoldOnly() && (c.cfg.PhonesReady == nil || c.cfg.PhonesReady(c.sync.entity()))
}

// Decline refuses an open offer for the person at the seat. ErrOfferClosed, ErrNoDecision.
func (c *Controller) Decline(ctx context.Context, offer telephony.OfferID, actor, reason string) error {
	a := c.calls.byOffer(offer)
	switch {
	case a == nil && c.HoldOnly(): // a standby knows no call
		return telephony.ErrNoDecision
	case a == nil:
		return telephony.ErrOfferClosed
	}
	return c.command(ctx, a, telephony.Declined{Offer: offer, Reason: reason}, actor, telephony.ErrOfferClosed)
}

// Hangup ends a conversation for a person of ours; once more is no error. ErrNotFound, ErrNotInCall, ErrStale, ErrNoDecision.
func (c *Controller) Hangup(ctx context.Context, call telephony.CallID, by telephony.HungUp, actor string) error {
	a := c.calls.byCall(call)
	if a != nil {
		return c.command(ctx, a, by, actor, nil)
	}
	if c.HoldOnly() {
		return telephony.ErrNoDecision
	}
	known, err := c.cfg.Ledger.Call(ctx, call)
	if err != nil {
		return fmt.Errorf("hang up call %s: %w", call, err)
	}
	if known.Phase == telephony.PhaseEnded {
		return nil
	}
	return telephony.ErrNotInCall
}

// Hold puts the citizen on hold for the person at the seat, or takes the citizen back; once more is no error. ErrNotInCall,
// ErrStale, ErrNoDecision.
func (c *Controller) Hold(ctx context.Context, call telephony.CallID, e telephony.Held, actor string) error {
	return c.inCall(ctx, call, e, actor)
}

// Mute keeps the person at the seat from being heard, or lets them be heard again. ErrNotInCall, ErrNoDecision.
func (c *Controller) Mute(ctx context.Context, call telephony.CallID, e telephony.Muted, actor string) error {
	return c.inCall(ctx, call, e, actor)
}

func (c *Controller) inCall(ctx context.Context, call telephony.CallID, e telephony.Event, actor string) error {
	a := c.calls.byCall(call)
	if a == nil {
		if c.HoldOnly() {
			return telephony.ErrNoDecision
		}
		return telephony.ErrNotInCall
	}
	return c.command(ctx, a, e, actor, telephony.ErrNotInCall)
}

// command gives an event of a person to a call and waits for its answer; over is the answer of a call that has ended.
func (c *Controller) command(ctx context.Context, a *actor, e telephony.Event, actor string, over error) error {
	if c.HoldOnly() {
		return telephony.ErrNoDecision
	}
	reply := make(chan error, 1)
	if !a.post(command{event: e, actor: actor, reply: reply}) {
		if a.box.isOver() {
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

// SeatChanged says that a person's presence, wish or telephone has changed at a seat: it is this now.
func (c *Controller) SeatChanged(st agent.State) {
	c.desks.seatChanged(st)
	if a := c.calls.bySeat(st.Seat); a != nil && st.Device == agent.DeviceOK {
		a.post(happened{telephony.SeatOnline{Seat: st.Seat}})
	}
}

// ClientReplaced says that another page has taken a seat's softphone over; the leg of the former one is dead.
func (c *Controller) ClientReplaced(seat agent.SeatID) {
	if a := c.calls.bySeat(seat); a != nil {
		a.post(happened{telephony.PageReplaced{Seat: seat}})
	}
}

// SeatOnline says that a seat's telephone is registered and its page ready.
func (c *Controller) SeatOnline(seat agent.SeatID) {
	c.clock.online(seat)
	if a := c.calls.bySeat(seat); a != nil {
		a.post(happened{telephony.SeatOnline{Seat: seat}})
	}
}

// Reconcile asks for a comparison with the exchange; it is done soon.
func (c *Controller) Reconcile() {
	select {
	case c.mend <- struct{}{}:
	default: // asked for already
	}
}

// RulesChanged has the rules of the lines read anew. A call goes by them from its next event on; what has a deadline already, a seat that
// rings, a wrap-up, keeps it.
func (c *Controller) RulesChanged() {
	select {
	case c.ruled <- struct{}{}:
	default: // asked for already
	}
}

func (c *Controller) fail(err error) {
	select {
	case c.fatal <- err:
	default: // stopping already
	}
}

func verb(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, verbLimit)
}

// rest waits; false when it is time to stop.
func rest(ctx context.Context, pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

const (
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
)

func longer(pause time.Duration) time.Duration { return min(2*pause, lastPause) }
