package policy_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent/policy"
)

// Every row has a name of its own, and says what it is.
func TestEveryActionIsNamed(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, a := range policy.Actions() {
		require.True(t, a.Declared())
		require.Regexp(t, `^[a-z]+(\.[a-z]+)+$`, a.String())
		require.NotEmpty(t, a.What(), a)
		require.False(t, names[a.String()], "two actions are called %s", a)
		names[a.String()] = true
	}
	require.Len(t, names, int(policy.FollowOne), "every constant has a row")
	require.Equal(t, "none", policy.Action(0).String())
	require.Empty(t, policy.Action(0).What())
	require.False(t, (policy.FollowOne + 1).Declared())
}

// What reliability.md 8 and P-02 are strict about, said once more in words.
func TestWhatTheTableMustNotSay(t *testing.T) {
	t.Parallel()
	admins := []policy.Role{policy.SystemAdmin, policy.SecurityAdmin, policy.AuditAdmin}
	for _, a := range []policy.Action{
		policy.ReadDesk, policy.ReadBoard, policy.ReadCallbacks, policy.SeeNumber, policy.ReadPop, policy.ReadTickets, policy.WriteTickets,
		policy.ExportTickets, policy.HangUp, policy.HoldCall, policy.MuteCall, policy.DeclineOffer, policy.NextCaller, policy.UsePhone,
		policy.HearLine, policy.HearWaiting,
	} {
		for _, r := range admins {
			require.Equal(t, policy.None, policy.ScopeOf([]policy.Role{r}, a), "no administrator meets calls and tickets: %s %s", r, a)
		}
	}
	for a, only := range map[policy.Action]policy.Role{
		policy.ManagePeople: policy.SystemAdmin, policy.ManageRights: policy.SecurityAdmin, policy.ReadAudit: policy.AuditAdmin,
	} {
		for _, r := range policy.Roles() {
			require.Equal(t, r == only, policy.Can([]policy.Role{r}, a, policy.Resource{}), "%s %s", r, a)
		}
	}
	require.Equal(t, policy.None, policy.ScopeOf([]policy.Role{policy.UnitClerk}, policy.SeeNumber))
}

func TestScopesGrow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		r    policy.Resource
		want string // none, own, unit, all
	}{
		{policy.Resource{}, "---x"},
		{policy.Resource{Own: true}, "-xxx"},
		{policy.Resource{Own: true, Withheld: true}, "-xxx"},
		{policy.Resource{SameUnit: true}, "--xx"},
		{policy.Resource{SameUnit: true, Withheld: true}, "---x"},
		{policy.Resource{Withheld: true}, "---x"},
	} {
		got := ""
		for _, s := range []policy.Scope{policy.None, policy.Own, policy.Unit, policy.All} {
			mark := "-"
			if s.Covers(c.r) {
				mark = "x"
			}
			got += mark
		}
		require.Equal(t, c.want, got, "%+v", c.r)
	}
	require.Equal(t, "- own unit all", strings.Join([]string{policy.None.String(), policy.Own.String(), policy.Unit.String(), policy.All.String()}, " "))
}

func TestRolesAddUpUnlessTheyMustNotMeet(t *testing.T) {
	t.Parallel()
	both := []policy.Role{policy.Official, policy.Operator}
	require.Equal(t, policy.All, policy.ScopeOf(both, policy.ReadTickets))
	require.Equal(t, policy.All, policy.ScopeOf([]policy.Role{policy.Operator, policy.Official}, policy.ReadTickets))
	require.Equal(t, policy.None, policy.ScopeOf(nil, policy.ReadSelf))
	require.Equal(t, policy.None, policy.ScopeOf([]policy.Role{"king", ""}, policy.ReadSelf))
	require.Equal(t, policy.None, policy.ScopeOf(policy.Roles()[:6], 0), "what is not in the table is allowed to nobody")
	require.Equal(t, policy.None, policy.ScopeOf(policy.Roles()[:6], policy.FollowOne+1))
	for _, roles := range [][]policy.Role{
		policy.Roles(), {policy.SystemAdmin, policy.AuditAdmin}, {policy.SecurityAdmin, policy.Operator}, {policy.Operator, policy.SecurityAdmin},
	} {
		require.Error(t, policy.CheckRoles(roles), "%v", roles)
		for _, a := range policy.Actions() {
			require.Equal(t, policy.None, policy.ScopeOf(roles, a), "%v %s", roles, a)
		}
	}
	require.ErrorIs(t, policy.CheckRoles(nil), policy.ErrNoRole)
	require.Error(t, policy.CheckRoles([]policy.Role{"king"}))
	require.ErrorIs(t, policy.CheckRoles([]policy.Role{policy.SystemAdmin, policy.AuditAdmin}), policy.ErrTwoAdmins)
	require.ErrorIs(t, policy.CheckRoles([]policy.Role{policy.SecurityAdmin, policy.Operator}), policy.ErrAdminWithOther)
	require.NoError(t, policy.CheckRoles(both))
	require.NoError(t, policy.CheckRoles([]policy.Role{policy.AuditAdmin}))
}

// A check is asked for at every request and for every hearer: it costs no memory.
func TestACheckAllocatesNothing(t *testing.T) {
	roles := []policy.Role{policy.Recorder, policy.Operator, policy.Supervisor}
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = policy.Can(roles, policy.ReadTickets, policy.Resource{SameUnit: true}) }))
}

// Limit: 1 µs.
func BenchmarkCan(b *testing.B) {
	roles := []policy.Role{policy.Recorder, policy.Operator, policy.Supervisor}
	b.ReportAllocs()
	for b.Loop() {
		_ = policy.Can(roles, policy.FollowOne, policy.Resource{SameUnit: true})
	}
}
