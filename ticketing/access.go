package ticketing

import (
	"slices"

	"hotline/agent"
	"hotline/agent/policy"
)

// Access compares tickets with the table of rights. One's own are those of calls that a seat had while one sat there (RS4), those
// that one took as the official, and those that one has written in. Seats change hands; who sat there meanwhile does not.
type Access struct{ Who agent.Identity }

// Any says that the person has to do with tickets at all; administrators have not (三员分立).
func (a Access) Any() bool { return a.Who.ScopeOf(policy.ReadTickets) > policy.None }

// Desk says that the person works with the tickets of everyone. Operators do: they serve the citizens whom nobody reached.
func (a Access) Desk() bool { return a.Who.ScopeOf(policy.ReadTickets) == policy.All }

// Handles says that the person has to do with that call: reads its pop, adds appeals.
func (a Access) Handles(o Origin, what policy.Action) bool {
	return a.Who.Can(what, policy.Resource{Own: slices.ContainsFunc(o.Holders, a.Who.Is)})
}

// Read says that the person may read the ticket. A unit reads what was registered for it, but nothing confidential, and nothing that
// is about it (P-01, P-02). Who may not write has no tickets of their own: a unit's clerk holds no calls.
func (a Access) Read(t Ticket) bool {
	return a.Edit(t) || a.Who.Can(policy.ReadTickets, policy.Resource{
		SameUnit: t.For(a.Who.Unit), Withheld: t.Withheld(),
	})
}

// Edit says that the person has the right to write in the ticket.
func (a Access) Edit(t Ticket) bool {
	return a.Who.Can(policy.WriteTickets, policy.Resource{Own: a.own(t)})
}

// Write says that they may do so now: while the citizen is on the line, a draft is the call's people's alone (RU7).
func (a Access) Write(t Ticket) bool { return a.Edit(t) && (!t.Live() || a.own(t)) }

func (a Access) own(t Ticket) bool {
	return a.Who.Is(t.Official) || slices.ContainsFunc(t.Origin.Holders, a.Who.Is)
}

// Reach is Read as a list asks for it.
func (a Access) Reach() policy.Reach {
	r := a.Who.Reach(policy.ReadTickets)
	if a.Who.ScopeOf(policy.WriteTickets) == policy.None {
		r.Person = ""
	}
	return r
}
