package control

import (
	"slices"
	"sync"

	"hotline/agent"
	"hotline/telephony"
)

// registry finds the actor that a signal or a command is for: by leg, call, offer, seat or telephone.
type registry struct {
	mu     sync.Mutex // guards actors, calls and the actors' keys
	actors map[string]*actor
	calls  map[telephony.CallID]*actor
}

// Names under which an actor is found begin so.
const (
	asLeg   = "leg "
	asOffer = "offer "
	asSeat  = "seat "
	asPhone = "phone "
)

func (r *registry) init() {
	r.actors = make(map[string]*actor)
	r.calls = make(map[telephony.CallID]*actor)
}

// claim registers an actor for a citizen's leg; false when the leg has one already.
func (r *registry) claim(leg telephony.LegID, a *actor) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.actors[asLeg+string(leg)]; ok {
		return false
	}
	r.putLocked(a, []string{asLeg + string(leg)})
	return true
}

// adopt registers an actor for a call of an earlier controller; false when the call has one.
func (r *registry) adopt(c telephony.Call, a *actor) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.calls[c.ID]; ok {
		return false
	}
	if _, ok := r.actors[asLeg+string(c.Channel)]; ok && c.Channel != "" {
		return false
	}
	r.calls[c.ID] = a
	r.putLocked(a, names(c))
	return true
}

// update follows a call: it is found by what it deals with now, and by nothing else.
func (r *registry) update(a *actor, c telephony.Call) {
	now := names(c)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[c.ID] = a
	if !slices.Equal(now, a.keys) {
		r.dropLocked(a)
		r.putLocked(a, now)
	}
}

// names are what a call is found by, in a fixed order.
func names(c telephony.Call) []string {
	var all []string
	add := func(kind, id string) {
		if id != "" {
			all = append(all, kind+id)
		}
	}
	add(asLeg, string(c.Channel))
	for leg := range c.Seen.Legs {
		add(asLeg, string(leg))
	}
	for _, p := range c.Parts {
		add(asLeg, string(p.Leg))
		if p.State != telephony.StateGone {
			add(asSeat, string(p.Seat))
			add(asPhone, p.Endpoint)
		}
	}
	for _, o := range c.Offers {
		add(asOffer, string(o.ID))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (r *registry) drop(a *actor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropLocked(a)
	if r.calls[a.call.ID] == a {
		delete(r.calls, a.call.ID)
	}
}

func (r *registry) putLocked(a *actor, keys []string) {
	a.keys = keys
	for _, k := range keys {
		r.actors[k] = a
	}
}

// dropLocked leaves what another call has put there since.
func (r *registry) dropLocked(a *actor) {
	for _, k := range a.keys {
		if r.actors[k] == a {
			delete(r.actors, k)
		}
	}
	a.keys = nil
}

func (r *registry) byLeg(leg telephony.LegID) *actor    { return r.look(asLeg + string(leg)) }
func (r *registry) byOffer(id telephony.OfferID) *actor { return r.look(asOffer + string(id)) }
func (r *registry) bySeat(id agent.SeatID) *actor       { return r.look(asSeat + string(id)) }
func (r *registry) byPhone(endpoint string) *actor      { return r.look(asPhone + endpoint) }

func (r *registry) look(key string) *actor {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.actors[key]
}

func (r *registry) byCall(id telephony.CallID) *actor {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls[id]
}

func (r *registry) all() []*actor {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*actor, 0, len(r.calls))
	for _, a := range r.calls {
		all = append(all, a)
	}
	return all
}
