package bench

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/ari"
)

const floorLine agent.LineID = "floor"

// floor is the least that can be done over ARI: callers and seats in two slices, no store, no second thought. Whoever adds
// durable decisions to ARI can only be slower; B2 says by how much hotline is.
type floor struct {
	exchange *ari.Client
	log      *slog.Logger
	bare     func() // told when a caller to numberBare is answered

	// Owned by run.
	idle    []string // endpoints, longest idle first
	waiting []telephony.LegID
	pairs   map[telephony.LegID]*pair // by either leg
	bares   map[telephony.LegID]bool  // answered soon
	held    chan telephony.LegID
	unrung  chan *pair // their caller had gone before the ring
}

type pair struct {
	caller, seat telephony.LegID
	endpoint     string
	bridge       telephony.BridgeID
	made         chan struct{} // closed when the bridge is there
}

func newFloor(exchange *ari.Client, seats int, bare func(), log *slog.Logger) *floor {
	f := &floor{
		exchange: exchange, log: log, bare: bare, pairs: map[telephony.LegID]*pair{},
		bares: map[telephony.LegID]bool{}, held: make(chan telephony.LegID, 1024), unrung: make(chan *pair, 1024),
	}
	for i := range seats {
		f.idle = append(f.idle, endpoint(i))
	}
	return f
}

func (f *floor) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case leg := <-f.held:
			f.waiting = append(f.waiting, leg)
		case p := <-f.unrung:
			if f.pairs[p.seat] != nil {
				f.gone(ctx, p.caller)
			}
		case s, ok := <-f.exchange.Signals():
			if !ok {
				return
			}
			f.hear(ctx, s)
		}
		f.match(ctx)
	}
}

func (f *floor) hear(ctx context.Context, s telephony.Signal) {
	switch s := s.(type) {
	case telephony.Up:
		f.try(ctx, "hold bridge", f.exchange.EnsureBridge(ctx, telephony.HoldBridge(floorLine), telephony.BridgeHolding))
	case telephony.Entered:
		f.entered(ctx, s)
	case telephony.Answered:
		if f.bares[s.Leg] {
			delete(f.bares, s.Leg)
			f.bare()
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
	case "bare":
		f.bares[s.Leg] = true
		go func() { f.try(ctx, "answer", f.exchange.Answer(ctx, s.Leg)) }()
	case "inbound":
		go func() {
			f.try(ctx, "answer", f.exchange.Answer(ctx, s.Leg))
			f.try(ctx, "hold", f.exchange.Hold(ctx, telephony.HoldBridge(floorLine), s.Leg))
			f.held <- s.Leg
		}()
	case "seat":
		if p := f.pairs[s.Leg]; p != nil {
			go func() {
				<-p.made
				f.try(ctx, "join", f.exchange.Join(ctx, p.bridge, p.seat, p.caller))
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
		f.pairs[p.caller], f.pairs[p.seat] = p, p
		go func() {
			defer close(p.made)
			err := f.exchange.Ring(ctx, telephony.RingRequest{Leg: p.seat, Endpoint: p.endpoint, Caller: p.caller, Limit: 15 * time.Second})
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
	if i := slices.Index(f.waiting, leg); i >= 0 {
		f.waiting = slices.Delete(f.waiting, i, i+1)
	}
	p := f.pairs[leg]
	if p == nil {
		return
	}
	delete(f.pairs, p.caller)
	delete(f.pairs, p.seat)
	f.idle = append(f.idle, p.endpoint)
	go func() {
		other := p.caller
		if leg == p.caller {
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
