package agent_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent"
)

// The golden table of rights (reliability.md 8): one row per action, one letter per role.
func TestRights(t *testing.T) {
	t.Parallel()
	// official, recorder, operator, supervisor, office, unit, system, security, audit
	golden := map[agent.Action]string{
		agent.ActReadSeats:      "xxxxx-x--",
		agent.ActSitOfficial:    "x--------",
		agent.ActSitOperator:    "--xx-----",
		agent.ActSitRecorder:    "-xxx-----",
		agent.ActForce:          "---x-----",
		agent.ActReadBoard:      "-xxxx----",
		agent.ActWriteTickets:   "xxxxx----",
		agent.ActReadTickets:    "xxxxxx---",
		agent.ActReadAllTickets: "---xx----",
		agent.ActCallBack:       "--xx-----",
		agent.ActManagePeople:   "------x--",
		agent.ActManageRights:   "-------x-",
		agent.ActReadAudit:      "--------x",
		agent.ActSeeNumber:      "xxxxx----",
		agent.ActExport:         "----x----",
	}
	require.Len(t, golden, len(agent.Actions()), "every action has a row")
	for _, a := range agent.Actions() {
		row := ""
		for _, r := range agent.Roles() {
			mark := "-"
			if (agent.Identity{Roles: []agent.Role{r}}).May(a) {
				mark = "x"
			}
			row += mark
		}
		require.Equal(t, golden[a], row, a)
	}
	require.False(t, agent.Identity{}.May(agent.ActReadSeats))
	require.False(t, agent.Identity{Roles: agent.Roles()}.May("seats.sell"), "what is not in the table is allowed to nobody")
}

func TestAdministratorsAreSeparated(t *testing.T) {
	t.Parallel()
	require.NoError(t, agent.CheckRoles([]agent.Role{agent.RoleOperator, agent.RoleSupervisor}))
	require.NoError(t, agent.CheckRoles([]agent.Role{agent.RoleAuditAdmin}))
	for _, roles := range [][]agent.Role{
		nil, {"king"}, {agent.RoleSystemAdmin, agent.RoleAuditAdmin}, {agent.RoleSecurityAdmin, agent.RoleOperator},
	} {
		require.Error(t, agent.CheckRoles(roles), "%v", roles)
	}
	require.True(t, slices.IsSorted(agent.Actions()))
}
