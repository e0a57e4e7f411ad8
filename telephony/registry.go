package telephony

import (
	"maps"
	"slices"
	"sync"

	"hotline/agent"
)

// registry finds the actor that a signal or a command is for.
type registry struct {
	mu     sync.Mutex
	legs   map[LegID]*actor
	calls  map[CallID]*actor
	offers map[OfferID]*actor
	seats  map[agent.SeatID]*actor
	phones map[string]*actor       // by endpoint
	lost   map[agent.SeatID]*actor // by the seat whose leg is lost and not yet rung again
}

// keys are the names under which an actor is found now.
type keys struct {
	caller, seatLeg LegID
	call            CallID
	offer           OfferID
	seat            agent.SeatID
	phone           string
	lost            agent.SeatID
}

func (r *registry) init() {
	r.legs = make(map[LegID]*actor)
	r.calls = make(map[CallID]*actor)
	r.offers = make(map[OfferID]*actor)
	r.seats = make(map[agent.SeatID]*actor)
	r.phones = make(map[string]*actor)
	r.lost = make(map[agent.SeatID]*actor)
}

// claim registers an actor for a citizen's leg; false when the leg has one already.
func (r *registry) claim(leg LegID, a *actor) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.legs[leg]; ok {
		return false
	}
	a.keys = keys{caller: leg}
	r.legs[leg] = a
	return true
}

// update follows a call: it is found by what it deals with now, and by nothing else.
func (r *registry) update(a *actor, c Call) {
	now := keys{caller: c.Channel, call: c.ID}
	if c.Offer != nil {
		now.seatLeg, now.offer, now.seat, now.phone = c.Offer.Leg, c.Offer.ID, c.Offer.Seat, c.Offer.Endpoint
		if c.Offer.Leg == "" {
			now.lost = c.Offer.Seat
		}
	}
	if now == a.keys {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropLocked(a)
	a.keys = now
	put(r.legs, now.caller, a)
	put(r.legs, now.seatLeg, a)
	put(r.calls, now.call, a)
	put(r.offers, now.offer, a)
	put(r.seats, now.seat, a)
	put(r.phones, now.phone, a)
	put(r.lost, now.lost, a)
}

func (r *registry) drop(a *actor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropLocked(a)
}

func (r *registry) dropLocked(a *actor) {
	remove(r.legs, a.keys.caller, a)
	remove(r.legs, a.keys.seatLeg, a)
	remove(r.calls, a.keys.call, a)
	remove(r.offers, a.keys.offer, a)
	remove(r.seats, a.keys.seat, a)
	remove(r.phones, a.keys.phone, a)
	remove(r.lost, a.keys.lost, a)
}

func put[K ~string](m map[K]*actor, k K, a *actor) {
	if k != "" {
		m[k] = a
	}
}

// remove leaves what another call has put there since.
func remove[K ~string](m map[K]*actor, k K, a *actor) {
	if m[k] == a {
		delete(m, k)
	}
}

func (r *registry) byLeg(leg LegID) *actor         { return look(r, r.legs, leg) }
func (r *registry) byCall(id CallID) *actor        { return look(r, r.calls, id) }
func (r *registry) byOffer(id OfferID) *actor      { return look(r, r.offers, id) }
func (r *registry) bySeat(id agent.SeatID) *actor  { return look(r, r.seats, id) }
func (r *registry) byPhone(endpoint string) *actor { return look(r, r.phones, endpoint) }

func look[K ~string](r *registry, m map[K]*actor, k K) *actor {
	r.mu.Lock()
	defer r.mu.Unlock()
	return m[k]
}

func (r *registry) all() []*actor { return list(r, r.calls) }

// waitForSeats are the calls whose seat's leg is lost.
func (r *registry) waitForSeats() []*actor { return list(r, r.lost) }

func list[K ~string](r *registry, m map[K]*actor) []*actor {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Values(m))
}
