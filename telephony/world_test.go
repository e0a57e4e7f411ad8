package telephony_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

const line = agent.LineID("session")

var errDead = errors.New("this controller is dead")

// world is everything around a controller: an exchange, a ledger and two indexes, each as small as the laws allow. One
// outlives the controllers that come and go.
type world struct {
	mu sync.Mutex

	// the exchange
	entity   string
	channels map[telephony.LegID]*telephony.Channel
	bridges  map[telephony.BridgeID]telephony.BridgeKind
	signals  chan telephony.Signal
	twice    bool // every signal comes twice (F19)
	ringErr  func(telephony.RingRequest) error
	rings    []telephony.RingRequest
	onRing   func(telephony.RingRequest) // the telephone
	slow     map[telephony.LegID]time.Duration
	silent   map[string]bool // verbs whose events are lost

	// the ledger
	epoch     int64
	held      bool // the lease is fresh
	calls     map[telephony.CallID]telephony.Call
	seats     map[agent.SeatID]*seatRow
	offers    map[telephony.OfferID]telephony.Offer
	callbacks map[telephony.CallID]bool
	facts     []string
	seq       int64
	served    map[telephony.OfferID]int64 // offers by the caller's place
	rules     telephony.Rules

	// the indexes
	waiting  map[telephony.CallID]telephony.Waiting
	ready    map[agent.SeatID]time.Time
	workOver []agent.SeatID

	ops   int  // acts so far
	dieAt int  // the act that kills the controller, 0: none
	after bool // it is done before the death
	kill  context.CancelFunc
}

type seatRow struct {
	agent.State
	call  telephony.CallID
	since time.Time
	miss  int
}

func newWorld(seats ...agent.SeatID) *world {
	w := &world{
		entity: "asterisk@1", channels: map[telephony.LegID]*telephony.Channel{}, bridges: map[telephony.BridgeID]telephony.BridgeKind{},
		signals: make(chan telephony.Signal, 100_000), epoch: 1, held: true, calls: map[telephony.CallID]telephony.Call{},
		seats: map[agent.SeatID]*seatRow{}, offers: map[telephony.OfferID]telephony.Offer{}, callbacks: map[telephony.CallID]bool{},
		waiting: map[telephony.CallID]telephony.Waiting{}, ready: map[agent.SeatID]time.Time{}, slow: map[telephony.LegID]time.Duration{},
		silent: map[string]bool{}, served: map[telephony.OfferID]int64{},
		rules: telephony.Rules{Ring: 20 * time.Second, Grace: 20 * time.Second, Notice: "notice", Open: true},
	}
	for i, id := range seats {
		w.seats[id] = &seatRow{since: time.Now().Add(time.Duration(i) * time.Millisecond), State: agent.State{
			Seat: id, Line: line, Person: agent.PersonID("p-" + id), Phone: agent.PhoneBrowser, Endpoint: "e-" + string(id),
			Intent: agent.IntentReady, Device: agent.DeviceOK, Work: agent.WorkIdle,
		}}
	}
	return w
}

// start runs a controller until stop; the error of Run is what stop returns.
func (w *world) start(t *testing.T) (*telephony.Controller, func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	h := &handle{world: w, mine: w.epoch}
	w.mu.Lock()
	w.signals = make(chan telephony.Signal, 100_000)
	w.kill = func() { h.dead = true; cancel() }
	signals := w.signals
	w.mu.Unlock()
	c := telephony.NewController(telephony.Config{
		Switch: h, Signals: signals, Ledger: h, Line: index{h}, Seats: roster{h}, Presence: h, Lease: h,
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	w.signal(telephony.Up{Entity: w.entity})
	synctest.Wait()
	return c, func() error {
		cancel()
		err := <-done
		done <- err
		return err
	}
}

// set changes the world while a controller lives in it.
func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) signal(s telephony.Signal) {
	w.signals <- s
	if w.twice {
		w.signals <- s
	}
}

// call lets a citizen call; it returns the citizen's leg.
func (w *world) call(leg telephony.LegID) {
	w.mu.Lock()
	w.channels[leg] = &telephony.Channel{ID: leg, State: "Ring", Caller: "13812345678", Dialled: "12345", InApp: true, CreatedAt: time.Now()}
	w.mu.Unlock()
	w.signal(telephony.Entered{Leg: leg, Args: []string{"inbound", "12345"}, Caller: "13812345678", At: time.Now()})
}

// hangup ends a leg from outside.
func (w *world) hangup(leg telephony.LegID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endLegLocked(leg, false, 16)
}

func (w *world) endLegLocked(leg telephony.LegID, soft bool, cause int) {
	ch, ok := w.channels[leg]
	if !ok {
		return
	}
	delete(w.channels, leg)
	w.signal(telephony.HangupRequested{Leg: leg, Soft: soft})
	if ch.Bridge != "" {
		w.signal(telephony.LeftBridge{Leg: leg, Bridge: ch.Bridge})
	}
	w.signal(telephony.LegGone{Leg: leg, Cause: cause, Asked: true})
}

// pickUp answers a seat's telephone.
func (w *world) pickUp(leg telephony.LegID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ch, ok := w.channels[leg]
	if !ok || ch.State == "Up" {
		return
	}
	ch.State, ch.InApp = "Up", true
	w.signal(telephony.Entered{Leg: leg, Args: []string{"seat", string(leg)}, At: time.Now()})
}

func (w *world) moveLocked(leg telephony.LegID, to telephony.BridgeID) error {
	ch, ok := w.channels[leg]
	if !ok {
		return fmt.Errorf("leg %s: %w", leg, telephony.ErrGone)
	}
	if _, ok := w.bridges[to]; !ok && to != "" {
		return fmt.Errorf("bridge %s: %w", to, telephony.ErrGone)
	}
	if ch.Bridge != "" {
		w.signal(telephony.LeftBridge{Leg: leg, Bridge: ch.Bridge})
	}
	ch.Bridge = to
	if to != "" {
		w.signal(telephony.EnteredBridge{Leg: leg, Bridge: to})
	}
	return nil
}

// the state of the world, for tests

func (w *world) callOf(leg telephony.LegID) telephony.Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		if c.Channel == leg {
			return c
		}
	}
	return telephony.Call{}
}

func (w *world) states() map[telephony.State]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := map[telephony.State]int{}
	for _, c := range w.calls {
		n[c.State]++
	}
	return n
}

func (w *world) seat(id agent.SeatID) seatRow {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *w.seats[id]
}

func (w *world) offer(id telephony.OfferID) telephony.Offer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.offers[id]
}

func (w *world) rung() []telephony.RingRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.rings)
}

// over are the seats whose pending intents were applied.
func (w *world) over() []agent.SeatID {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.workOver)
}

func (w *world) bridgeOf(leg telephony.LegID) telephony.BridgeID {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ch := w.channels[leg]; ch != nil {
		return ch.Bridge
	}
	return "gone"
}

// requireTidy checks what must hold when nothing is going on any more: I2, I3, I4, I13, I14.
func (w *world) requireTidy(t *testing.T, msg string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Empty(t, w.channels, msg)
	require.Equal(t, []telephony.BridgeID{telephony.HoldBridge(line)}, slices.Collect(maps.Keys(w.bridges)), msg)
	require.Empty(t, w.waiting, msg)
	for id, c := range w.calls {
		require.Equal(t, telephony.StateEnded, c.State, msg)
		require.Equal(t, c.AnsweredAt.IsZero(), w.callbacks[id], "%s: %s", msg, c.Outcome)
	}
	for id, s := range w.seats {
		require.Equal(t, agent.WorkIdle, s.Work, "%s: seat %s", msg, id)
		require.Contains(t, w.ready, id, msg)
	}
	for id, o := range w.offers {
		require.NotEqual(t, telephony.OfferOpen, o.State, "%s: offer %s", msg, id)
	}
}

// requireOrder checks that so many callers were served in the order of their arrival (I5).
func (w *world) requireOrder(t *testing.T, callers int) {
	t.Helper()
	var order []int64
	for _, id := range slices.Sorted(maps.Keys(w.served)) { // ids are in the order of the decisions
		if seq := w.served[id]; !slices.Contains(order, seq) {
			order = append(order, seq)
		}
	}
	require.Len(t, order, callers)
	require.True(t, slices.IsSorted(order), "I5: %v", order)
}

// handle is the world as one controller sees it; it ends with that controller's life.
type handle struct {
	*world
	mine int64 // epoch
	dead bool  // guarded by world.mu
}

// act does one thing to the world, unless the controller dies of it.
func (h *handle) act(do func() error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dead {
		return errDead
	}
	h.ops++
	if h.ops == h.dieAt {
		if h.after {
			_ = do()
		}
		h.kill()
		return errDead
	}
	return do()
}

func (h *handle) Epoch() (int64, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.mine, h.held && !h.dead
}

func (h *handle) WorkOver(_ context.Context, seat agent.SeatID) error {
	return h.act(func() error { h.workOver = append(h.workOver, seat); return nil })
}

// ---- Switch

var (
	_ telephony.Switch = (*handle)(nil)
	_ telephony.Ledger = (*handle)(nil)
)

func (h *handle) Snapshot(context.Context) (telephony.Snapshot, error) {
	s := telephony.Snapshot{}
	err := h.act(func() error {
		s.Entity = h.entity
		for _, ch := range h.channels {
			s.Channels = append(s.Channels, *ch)
		}
		for id, kind := range h.bridges {
			b := telephony.Bridge{ID: id, Kind: kind}
			for _, ch := range h.channels {
				if ch.Bridge == id {
					b.Channels = append(b.Channels, ch.ID)
				}
			}
			s.Bridges = append(s.Bridges, b)
		}
		return nil
	})
	return s, err
}

func (h *handle) Answer(_ context.Context, leg telephony.LegID) error {
	return h.act(func() error {
		ch, ok := h.channels[leg]
		if !ok {
			return telephony.ErrGone
		}
		if ch.State == "Up" {
			panic("answered twice: the music stops")
		}
		ch.State = "Up"
		h.signal(telephony.Answered{Leg: leg})
		return nil
	})
}

func (h *handle) Hangup(_ context.Context, leg telephony.LegID, _ string) error {
	return h.act(func() error { h.endLegLocked(leg, true, 16); return nil })
}

func (h *handle) Ring(ctx context.Context, r telephony.RingRequest) error {
	h.mu.Lock()
	delay := h.slow[r.Caller]
	h.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return h.act(func() error {
		h.rings = append(h.rings, r)
		if h.ringErr != nil {
			if err := h.ringErr(r); err != nil {
				return err
			}
		}
		if _, there := h.channels[r.Leg]; there {
			return nil
		}
		h.channels[r.Leg] = &telephony.Channel{ID: r.Leg, State: "Ringing", CreatedAt: time.Now()}
		h.signal(telephony.Ringing{Leg: r.Leg})
		if h.onRing != nil {
			h.onRing(r)
		}
		return nil
	})
}

func (h *handle) EnsureBridge(_ context.Context, id telephony.BridgeID, kind telephony.BridgeKind) error {
	return h.act(func() error { h.bridges[id] = kind; return nil })
}

func (h *handle) DeleteBridge(_ context.Context, id telephony.BridgeID) error {
	return h.act(func() error {
		for _, ch := range h.channels {
			if ch.Bridge == id {
				ch.Bridge = ""
			}
		}
		delete(h.bridges, id)
		return nil
	})
}

func (h *handle) Hold(_ context.Context, bridge telephony.BridgeID, leg telephony.LegID) error {
	return h.act(func() error { h.bridges[bridge] = telephony.BridgeHolding; return h.moveLocked(leg, bridge) })
}

func (h *handle) Join(_ context.Context, bridge telephony.BridgeID, legs ...telephony.LegID) error {
	return h.act(func() error {
		if h.silent["join"] {
			return nil
		}
		var err error
		for _, leg := range legs {
			err = errors.Join(err, h.moveLocked(leg, bridge))
		}
		return err
	})
}

func (h *handle) Leave(_ context.Context, _ telephony.BridgeID, leg telephony.LegID) error {
	return h.act(func() error { return h.moveLocked(leg, "") })
}

func (h *handle) Play(_ context.Context, leg telephony.LegID, playback string, _ ...string) error {
	return h.act(func() error {
		if _, ok := h.channels[leg]; !ok {
			return telephony.ErrGone
		}
		if !h.silent["play"] {
			signals := h.signals
			time.AfterFunc(4*time.Second, func() { signals <- telephony.PlayDone{Playback: playback} })
		}
		return nil
	})
}

func (h *handle) StopPlay(_ context.Context, playback string) error {
	return h.act(func() error { h.signal(telephony.PlayDone{Playback: playback}); return nil })
}

func (h *handle) Watch(_ context.Context, source string) error {
	return h.act(func() error {
		if _, ok := h.channels[telephony.LegID(strings.TrimPrefix(source, "channel:"))]; !ok {
			return telephony.ErrGone
		}
		return nil
	})
}

func (h *handle) PutEndpoint(context.Context, telephony.Endpoint) error { return nil }
func (h *handle) DropEndpoint(context.Context, string) error            { return nil }

// ---- Ledger

func (h *handle) Arrive(_ context.Context, epoch int64, a telephony.Arrival) (telephony.Call, bool, error) {
	var c telephony.Call
	var created bool
	err := h.act(func() error {
		if epoch != h.epoch {
			return telephony.ErrNotMaster
		}
		for _, known := range h.calls {
			if known.Channel == a.Channel {
				c = known
				return nil
			}
		}
		if a.Dialled != "12345" {
			return telephony.ErrNotFound
		}
		h.seq++
		created = true
		c = telephony.Call{
			ID: a.ID, Channel: a.Channel, Entity: a.Entity, Line: line, Dialled: a.Dialled, Masked: a.Number.Masked(),
			State: telephony.StateArrived, Seq: h.seq, ArrivedAt: a.At, Epoch: epoch, Version: 1, Rules: h.rules,
		}
		h.calls[c.ID] = c
		return nil
	})
	return c, created, err
}

func (h *handle) Save(_ context.Context, epoch int64, ch telephony.Change) error {
	return h.act(func() error {
		now := h.calls[ch.After.ID]
		switch {
		case epoch != h.epoch:
			return telephony.ErrNotMaster
		case now.Version != ch.Before.Version:
			return telephony.ErrStale
		}
		if o := ch.Offer; o != nil {
			s := h.seats[o.Seat]
			if _, known := h.offers[o.ID]; !known {
				if s.Work != agent.WorkIdle || !s.Open() {
					return telephony.ErrSeatTaken
				}
				h.served[o.ID] = ch.After.Seq
			}
			h.offers[o.ID] = *o
		}
		for _, sw := range ch.Work {
			s := h.seats[sw.Seat]
			s.Work, s.Until, s.call, s.since = sw.Work, sw.Until, sw.Call, ch.At
			if sw.Miss {
				s.miss++
			}
		}
		if ch.Callback {
			h.callbacks[ch.After.ID] = true
		}
		for _, f := range ch.Facts {
			h.facts = append(h.facts, f.Kind)
		}
		saved := ch.After
		saved.Live = telephony.Live{}
		h.calls[saved.ID] = saved
		return nil
	})
}

func (h *handle) Call(_ context.Context, id telephony.CallID) (telephony.Call, error) {
	var c telephony.Call
	err := h.act(func() error {
		var ok bool
		if c, ok = h.calls[id]; !ok {
			return telephony.ErrNotFound
		}
		return nil
	})
	return c, err
}

func (h *handle) Open(context.Context) ([]telephony.Call, error) {
	var open []telephony.Call
	err := h.act(func() error {
		for _, c := range h.calls {
			if c.State != telephony.StateEnded {
				open = append(open, c)
			}
		}
		slices.SortFunc(open, func(a, b telephony.Call) int { return cmp.Compare(a.Seq, b.Seq) })
		return nil
	})
	return open, err
}

func (h *handle) Seat(_ context.Context, id agent.SeatID) (agent.State, error) {
	var s agent.State
	err := h.act(func() error {
		row, ok := h.seats[id]
		if !ok {
			return telephony.ErrNotFound
		}
		s = row.State
		return nil
	})
	return s, err
}

func (h *handle) WrapUps(context.Context) ([]telephony.SeatWork, error) {
	var all []telephony.SeatWork
	err := h.act(func() error {
		for id, s := range h.seats {
			if s.Work == agent.WorkWrapUp {
				all = append(all, telephony.SeatWork{Seat: id, Work: s.Work, Until: s.Until})
			}
		}
		return nil
	})
	return all, err
}

func (h *handle) Idle(_ context.Context, _ int64, id agent.SeatID, _ string, at time.Time) (agent.State, bool, error) {
	var st agent.State
	var ended bool
	err := h.act(func() error {
		s, ok := h.seats[id]
		if !ok {
			return telephony.ErrNotFound
		}
		if ended = s.Work == agent.WorkWrapUp; ended {
			s.Work, s.Until, s.call, s.since = agent.WorkIdle, time.Time{}, "", at
		}
		st = s.State
		return nil
	})
	return st, ended, err
}

func (h *handle) Lines(context.Context) ([]agent.LineID, error) {
	return []agent.LineID{line}, h.act(func() error { return nil })
}

func (h *handle) Ready(context.Context, agent.LineID) (map[agent.SeatID]time.Time, error) {
	ready := map[agent.SeatID]time.Time{}
	err := h.act(func() error {
		for id, s := range h.seats {
			switch {
			case !s.Open():
			case s.Work == agent.WorkIdle:
				ready[id] = s.since
			default:
				ready[id] = time.Time{}
			}
		}
		return nil
	})
	return ready, err
}

// ---- Line and Seats

type index struct{ *handle }

var _ telephony.Line = index{}

func (x index) Join(_ context.Context, _ agent.LineID, w telephony.Waiting) error {
	return x.act(func() error { x.waiting[w.Call] = w; return nil })
}

func (x index) Leave(_ context.Context, _ agent.LineID, call telephony.CallID) error {
	return x.act(func() error { delete(x.waiting, call); return nil })
}

func (x index) Claim(context.Context, agent.LineID, string, time.Time, time.Time) (telephony.CallID, bool, error) {
	var first telephony.Waiting
	err := x.act(func() error {
		for _, w := range x.waiting {
			if first.Call == "" || w.Seq < first.Seq {
				first = w
			}
		}
		delete(x.waiting, first.Call)
		return nil
	})
	return first.Call, first.Call != "", err
}

func (x index) Position(context.Context, agent.LineID, telephony.CallID) (int, bool, error) {
	return 0, false, nil
}

func (x index) List(context.Context, agent.LineID) ([]telephony.Waiting, error) {
	var all []telephony.Waiting
	err := x.act(func() error { all = slices.Collect(maps.Values(x.waiting)); return nil })
	return all, err
}

func (x index) Rebuild(_ context.Context, _ agent.LineID, ws []telephony.Waiting) error {
	return x.act(func() error {
		clear(x.waiting)
		for _, w := range ws {
			x.waiting[w.Call] = w
		}
		return nil
	})
}

type roster struct{ *handle }

var _ telephony.Seats = roster{}

func (r roster) Reserve(context.Context, agent.LineID, string, time.Time, time.Time) (agent.SeatID, bool, error) {
	var longest agent.SeatID
	err := r.act(func() error {
		for id, since := range r.ready {
			if longest == "" || since.Before(r.ready[longest]) || since.Equal(r.ready[longest]) && id < longest {
				longest = id
			}
		}
		delete(r.ready, longest)
		return nil
	})
	return longest, longest != "", err
}

func (r roster) Idle(_ context.Context, _ agent.LineID, seat agent.SeatID, since time.Time) error {
	return r.act(func() error {
		if r.seats[seat].Open() {
			r.ready[seat] = since
		}
		return nil
	})
}

func (r roster) Rebuild(_ context.Context, _ agent.LineID, open map[agent.SeatID]time.Time) error {
	return r.act(func() error {
		clear(r.ready)
		for id, since := range open {
			if !since.IsZero() {
				r.ready[id] = since
			}
		}
		return nil
	})
}
