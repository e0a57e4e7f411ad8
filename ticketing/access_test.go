package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/ticketing"
)

// The table of rights (reliability.md 8): n none, r read, w write; in order: the holder's draft, another's draft, another's
// registered ticket of the own unit, the same confidential, another unit's, one of the own unit that is about it.
func TestAccess(t *testing.T) {
	t.Parallel()
	mine := ticketing.Ticket{State: ticketing.StateDraft, Confidential: true, Units: []string{"EDU"}, Origin: ticketing.Origin{Holders: []agent.PersonID{"me"}}}
	others := ticketing.Ticket{State: ticketing.StateDraft, Units: []string{"EDU"}, Origin: ticketing.Origin{Holders: []agent.PersonID{"you"}}}
	registered := ticketing.Ticket{State: ticketing.StateRegistered, Units: []string{"EDU", "TAX"}}
	confidential := registered
	confidential.Confidential = true
	elsewhere := ticketing.Ticket{State: ticketing.StateRegistered, Units: []string{"TAX"}}
	about := registered
	about.Accused = []string{"EDU"}

	for role, want := range map[agent.Role]string{
		agent.RoleOfficial:      "wnrnnn",
		agent.RoleRecorder:      "wnrnnn",
		agent.RoleUnit:          "nnrnnn",
		agent.RoleOperator:      "wwwwww",
		agent.RoleSupervisor:    "wwwwww",
		agent.RoleOffice:        "wwwwww",
		agent.RoleSystemAdmin:   "nnnnnn",
		agent.RoleSecurityAdmin: "nnnnnn",
		agent.RoleAuditAdmin:    "nnnnnn",
		"":                      "nnnnnn",
	} {
		a := ticketing.Access{Who: agent.Identity{Person: "me", Unit: "EDU", Roles: []agent.Role{role}}}
		got := ""
		for _, ticket := range []ticketing.Ticket{mine, others, registered, confidential, elsewhere, about} {
			switch {
			case a.Edit(ticket):
				got += "w"
			case a.Read(ticket):
				got += "r"
			default:
				got += "n"
			}
		}
		require.Equal(t, want, got, role)
	}

	nobody := ticketing.Access{Who: agent.Identity{Person: "me", Roles: []agent.Role{agent.RoleUnit}}}
	require.False(t, nobody.Read(ticketing.Ticket{State: ticketing.StateRegistered}), "no unit is not everyone's unit")
}
