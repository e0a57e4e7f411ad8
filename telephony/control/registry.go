package control

import (
	"slices"
	"sync"

	"hotline/agent"
	"hotline/telephony"
)

// registry finds the actor that a signal or a command is for: by leg, call, offer, seat or telephone.
type registry struct {
	mu     sync.Mutex // guards all below and the actors' keys
	actors map[string]*actor
	calls  map[telephony.CallID]*actor
	// over are the calls that were dropped while rows are being read: what those say of them is from before. Nil: none are.
	over map[telephony.CallID]struct{}
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
func (r *registry) claim(run string, leg telephony.LegID, a *actor) bool {
	key := legKey(run, leg)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.actors[key]; ok {
		return false
	}
	r.putLocked(a, []string{key})
	return true
}

// reading remembers from now on which calls are dropped; what it returns ends that, when the rows that are read now are dealt with.
func (r *registry) reading() func() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = make(map[telephony.CallID]struct{})
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.over = nil
	}
}

// adopt registers an actor for a call of an earlier controller; false when the call has one, or had one while its row was read.
func (r *registry) adopt(c telephony.Call, a *actor) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.calls[c.ID]; ok {
		return false
	}
	if _, ok := r.over[c.ID]; ok {
		return false
	}
	if _, ok := r.actors[legKey(c.Entity, c.Channel)]; ok && c.Channel != "" {
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

// legKey is the name under which a leg's call is found. An id that the exchange gave is one of that run only; ours are used once.
func legKey(run string, leg telephony.LegID) string {
	if leg.Ours() {
		return asLeg + string(leg)
	}
	return asLeg + string(leg) + " " + run
}

// names are what a call is found by, in a fixed order.
func names(c telephony.Call) []string {
	var all []string
	add := func(kind, id string) {
		if id != "" {
			all = append(all, kind+id)
		}
	}
	addLeg := func(leg telephony.LegID) {
		if leg != "" {
			all = append(all, legKey(c.Entity, leg))
		}
	}
	addLeg(c.Channel)
	for leg := range c.Seen.Legs {
		addLeg(leg)
	}
	for _, p := range c.Parts {
		addLeg(p.Leg)
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
		if r.over != nil {
			r.over[a.call.ID] = struct{}{}
		}
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

// byLeg finds the call of a leg in a run of the exchange.
func (r *registry) byLeg(run string, leg telephony.LegID) *actor { return r.look(legKey(run, leg)) }

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
