package ticketing

import (
	"slices"
	"time"

	"hotline/agent"
)

// SeatMemory is how long after a call its seat still opens the call's tickets to whoever sits there. Seats change hands
// from one Thursday to the next; whoever held the call or wrote in a ticket keeps it without that.
const SeatMemory = 12 * time.Hour

// Access decides who may do what with tickets (reliability.md 8). Holders are the people of the seat that has the call, the
// official who took it, and whoever has written in the ticket.
type Access struct{ Who agent.Identity }

// Any says that the person has to do with tickets at all; administrators have not (三员分立).
func (a Access) Any() bool { return a.Who.May(agent.ActReadTickets) }

// Desk says that the person works with the tickets of everyone. Operators do: they serve the citizens whom nobody reached.
func (a Access) Desk() bool {
	return a.Who.May(agent.ActReadAllTickets) || a.Who.Has(agent.RoleOperator)
}

// Handles says that the person has to do with that call: reads its pop, adds appeals.
func (a Access) Handles(o Origin) bool {
	return a.Desk() || a.Who.Has(agent.RoleOfficial, agent.RoleRecorder) && slices.Contains(o.Holders, a.Who.Person)
}

// Read says that the person may read the ticket. A unit reads what was registered for it, but nothing confidential: the
// accused may sit there (P-01, P-02). A draft may become confidential yet, so it is not for units either.
func (a Access) Read(t Ticket) bool {
	return a.Edit(t) || a.Any() && t.State != StateDraft && !t.Confidential && a.Who.Unit != "" && a.Who.Unit == t.Origin.Unit
}

// Edit says that the person may write in the ticket.
func (a Access) Edit(t Ticket) bool {
	return a.Handles(t.Origin) || a.Who.Person != "" && t.Official == a.Who.Person && a.Who.May(agent.ActWriteTickets)
}
