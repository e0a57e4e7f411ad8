package realtime

import (
	"maps"
	"slices"
)

// Open are the sockets that are open at one moment.
type Open struct{ sockets []*socket }

// Open lists them.
func (h *Hub) Open() Open {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Open{slices.Collect(maps.Keys(h.sockets))}
}

// Logins are theirs, each once.
func (o Open) Logins() []string {
	logins := map[string]struct{}{}
	for _, s := range o.sockets {
		logins[s.who.Login] = struct{}{}
	}
	return slices.Collect(maps.Keys(logins))
}

// People are theirs, by id, each once.
func (o Open) People() []string {
	people := map[string]struct{}{}
	for _, s := range o.sockets {
		people[s.who.ID] = struct{}{}
	}
	return slices.Collect(maps.Keys(people))
}

// Recheck compares every topic of the sockets with what may be heard now; one that hears what is no longer allowed ends. The rule says
// what has become true since they were opened, so none that came later is among them.
func (o Open) Recheck(rule Rule) {
	for _, s := range o.sockets {
		if _, ok := rule.all(s.who, s.topics); !ok {
			s.end(closeNotAllowed, "not allowed")
		}
	}
}
