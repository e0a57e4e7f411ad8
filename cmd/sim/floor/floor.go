// Package floor is the least that can be done over ARI: callers and seats in two slices, no store, no second thought, and the same
// verbs of the exchange as hotline's for every call. Whoever adds durable decisions to ARI can only be slower; B2 says by how
// much hotline is. It is a process of its own, as hotline is, in an ARI application of its own: hotline's comparison with the
// exchange does not touch its legs (RT6).
package floor

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/ari"
	"hotline/telephony/trace"
)

const line agent.LineID = "floor"

// First arguments of Stasis(): how a call to one of the floor's numbers is dealt with.
const (
	ArgInbound = "inbound" // a seat is free when it hangs up
	ArgWrapUp  = "wrapup"  // a seat is free when it asks for the next caller
	ArgBare    = "bare"    // answered, and one frame is written: B3's opponent
)

type floor struct {
	exchange *ari.Client
	log      *slog.Logger
	trace    *trace.Recorder
	bare     func() // told when a caller of ArgBare is answered

	// Owned by run.
	idle    []string // endpoints, longest idle first
	waiting []caller
	pairs   map[telephony.LegID]*pair // by either leg
	wrapsUp map[string]bool           // endpoints
	bares   map[telephony.LegID]bool  // answered soon
	held    chan caller
	unrung  chan *pair  // their caller had gone before the ring
	next    chan string // endpoints that ask for the next caller
}

type caller struct {
	leg     telephony.LegID
	number  string // as the seat may see it
	wrapsUp bool
}

type pair struct {
	caller

	seat     telephony.LegID
	endpoint string
	bridge   telephony.BridgeID
	talks    bool
	made     chan struct{} // closed when the bridge is there
}

func newFloor(exchange *ari.Client, seats []string, marks *trace.Recorder, bare func(), log *slog.Logger) *floor {
	return &floor{
		exchange: exchange, log: log, trace: marks, bare: bare, idle: seats, pairs: map[telephony.LegID]*pair{}, wrapsUp: map[string]bool{},
		bares: map[telephony.LegID]bool{}, held: make(chan caller, 1024), unrung: make(chan *pair, 1024), next: make(chan string, 1024),
	}
}

func (f *floor) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-f.held:
			f.waiting = append(f.waiting, c)
		case p := <-f.unrung:
			if f.pairs[p.seat] != nil {
				f.gone(ctx, p.leg)
			}
		case seat := <-f.next:
			if f.wrapsUp[seat] {
				delete(f.wrapsUp, seat)
				f.idle = append(f.idle, seat)
			}
		case s, ok := <-f.exchange.Signals():
			if !ok {
				return
			}
			f.trace.Mark("routed", string(telephony.LegIn(s)))
			f.hear(ctx, s)
		}
		f.match(ctx)
	}
}

func (f *floor) hear(ctx context.Context, s telephony.Signal) {
	switch s := s.(type) {
	case telephony.Up:
		f.try(ctx, "hold bridge", f.exchange.EnsureBridge(ctx, telephony.HoldBridge(line), telephony.BridgeHolding))
	case telephony.Entered:
		f.entered(ctx, s)
	case telephony.Answered:
		if f.bares[s.Leg] {
			delete(f.bares, s.Leg)
			f.bare()
			f.trace.Mark("frame written", string(s.Leg))
		}
	case telephony.HangupRequested:
		f.gone(ctx, s.Leg)
	case telephony.LegLeft:
		f.gone(ctx, s.Leg)
	case telephony.LegGone:
		f.gone(ctx, s.Leg)
	case telephony.Down, telephony.Replaced, telephony.Overflow, telephony.Ringing, telephony.EnteredBridge, telephony.LeftBridge,
		telephony.PlayDone, telephony.EndpointChanged, telephony.Unknown:
	}
}

func (f *floor) entered(ctx context.Context, s telephony.Entered) {
	if len(s.Args) == 0 {
		return
	}
	switch s.Args[0] {
	case ArgBare:
		f.bares[s.Leg] = true
		go func() { f.try(ctx, "answer", f.exchange.Answer(ctx, s.Leg)) }()
	case ArgInbound, ArgWrapUp:
		number, err := telephony.Normalise(s.Caller)
		f.try(ctx, "read the number", err)
		c := caller{leg: s.Leg, number: number.Masked(), wrapsUp: s.Args[0] == ArgWrapUp}
		go func() { f.try(ctx, "watch", f.exchange.Watch(ctx, "channel:"+string(s.Leg))) }()
		go func() {
			f.try(ctx, "answer", f.exchange.Answer(ctx, s.Leg))
			f.try(ctx, "hold", f.exchange.Hold(ctx, telephony.HoldBridge(line), s.Leg))
			f.held <- c
		}()
	case "seat":
		if p := f.pairs[s.Leg]; p != nil {
			p.talks = true
			go func() {
				<-p.made
				f.try(ctx, "join", f.exchange.Join(ctx, p.bridge, p.seat, p.leg))
			}()
		}
	}
}

// match is the decision, in memory.
func (f *floor) match(ctx context.Context) {
	for len(f.idle) > 0 && len(f.waiting) > 0 {
		id := uuid.Must(uuid.NewV7()).String()
		p := &pair{
			caller: f.waiting[0], seat: telephony.LegID(id), endpoint: f.idle[0],
			bridge: telephony.BridgeID("floor-" + id), made: make(chan struct{}),
		}
		f.waiting, f.idle = f.waiting[1:], f.idle[1:]
		f.pairs[p.leg], f.pairs[p.seat] = p, p
		go func() {
			defer close(p.made)
			err := f.exchange.Ring(ctx, telephony.RingRequest{
				Leg: p.seat, Endpoint: p.endpoint, Caller: p.leg, CallerID: p.number, Limit: 17 * time.Second,
			})
			if err != nil {
				f.unrung <- p
			}
			f.try(ctx, "ring", err)
			f.try(ctx, "talk bridge", f.exchange.EnsureBridge(ctx, p.bridge, telephony.BridgeMixing))
		}()
	}
}

// gone lets the seat go first: the next caller's ring waits for nothing.
func (f *floor) gone(ctx context.Context, leg telephony.LegID) {
	f.waiting = slices.DeleteFunc(f.waiting, func(c caller) bool { return c.leg == leg })
	p := f.pairs[leg]
	if p == nil {
		return
	}
	delete(f.pairs, p.leg)
	delete(f.pairs, p.seat)
	if p.wrapsUp && p.talks {
		f.wrapsUp[p.endpoint] = true
	} else {
		f.idle = append(f.idle, p.endpoint)
	}
	go func() {
		other := p.leg
		if leg == p.leg {
			other = p.seat
		}
		f.try(ctx, "hang up", f.exchange.Hangup(ctx, other, "normal"))
		<-p.made
		f.try(ctx, "delete bridge", f.exchange.DeleteBridge(ctx, p.bridge))
	}()
}

// try notes what failed: a caller who hangs up takes many an act away.
func (f *floor) try(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		f.log.DebugContext(ctx, "ARI loop without stores", slog.String("act", what), slog.Any("err", err))
	}
}
