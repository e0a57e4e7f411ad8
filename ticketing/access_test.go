package ticketing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/ticketing"
)

// The table of rights (reliability.md 8): n none, r read, w write; in order: the holder's draft, another's draft, another's
// registered ticket of the own unit, the same confidential, another unit's.
func TestAccess(t *testing.T) {
	t.Parallel()
	mine := ticketing.Ticket{State: ticketing.StateDraft, Confidential: true, Origin: ticketing.Origin{Unit: "EDU", Holders: []agent.PersonID{"me"}}}
	others := ticketing.Ticket{State: ticketing.StateDraft, Origin: ticketing.Origin{Unit: "EDU", Holders: []agent.PersonID{"you"}}}
	registered := ticketing.Ticket{State: ticketing.StateRegistered, Origin: ticketing.Origin{Unit: "EDU"}}
	confidential := registered
	confidential.Confidential = true
	elsewhere := ticketing.Ticket{State: ticketing.StateRegistered, Origin: ticketing.Origin{Unit: "TAX"}}

	for role, want := range map[agent.Role]string{
		agent.RoleOfficial:      "wnrnn",
		agent.RoleRecorder:      "wnrnn",
		agent.RoleUnit:          "nnrnn",
		agent.RoleOperator:      "wwwww",
		agent.RoleSupervisor:    "wwwww",
		agent.RoleOffice:        "wwwww",
		agent.RoleSystemAdmin:   "nnnnn",
		agent.RoleSecurityAdmin: "nnnnn",
		agent.RoleAuditAdmin:    "nnnnn",
		"":                      "nnnnn",
	} {
		a := ticketing.Access{Who: agent.Identity{Person: "me", Unit: "EDU", Roles: []agent.Role{role}}}
		got := ""
		for _, ticket := range []ticketing.Ticket{mine, others, registered, confidential, elsewhere} {
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
