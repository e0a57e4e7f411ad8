package store_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
)

// trail is what the audit trail holds, a line each.
func (h *hall) trail(t *testing.T) []string {
	t.Helper()
	rows, err := h.pool.Query(t.Context(), `SELECT concat_ws(' ', a.actor, a.action, a.subject, a.outcome, a.reason, a.data) FROM audit a ORDER BY a.id`)
	require.NoError(t, err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return out
}

// everything is what the acts below change, and what they leave behind.
func (h *hall) everything(t *testing.T) string {
	t.Helper()
	var all []string
	for _, table := range []string{"person", "person_role", "assignment", "login", "sign_in_failure", "seat_state", "sitting", "fact", "audit"} {
		var rows string
		require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT coalesce(string_agg(x::text, E'\n' ORDER BY x::text), '') FROM `+table+` x`).Scan(&rows))
		all = append(all, table+":\n"+rows)
	}
	return strings.Join(all, "\n")
}

// reliability.md 8: no act on people, assignments and other people's seats without its record, and no record without the act.
func TestActsAndTheirRecordsAreOne(t *testing.T) {
	t.Parallel()
	h := setup(t)
	super := pgtest.Super(t, h.pool)
	exec := func(sql string) {
		_, err := super.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	li, wang, boss := h.person(t, "li", agent.RoleOfficial), h.person(t, "wang", agent.RoleRecorder), h.person(t, "boss", agent.RoleSupervisor)
	h.ready(t, li, "A01")
	_, err := h.service.Take(t.Context(), wang, "A01", agent.PlaceRecorder, false)
	require.NoError(t, err)
	exec(`DELETE FROM assignment WHERE seat = 'A02'`)

	const cli = "cli:root@hall-1"
	fresh := agent.Person{ID: "01989898-0000-7000-8000-000000000001", LoginName: "neu", Name: "新人", Unit: "MED", Roles: []agent.Role{agent.RoleOfficial}, CreatedAt: at()}
	wish := func(i agent.Intent, reason string) error {
		_, err := h.service.SetIntent(t.Context(), boss, "A01", agent.Wish{Intent: i, Version: h.seat(t, "A01").Version, Reason: reason})
		return err
	}
	for _, act := range []struct {
		do   func() error
		want string
	}{
		{
			func() error { return h.store.CreatePerson(t.Context(), fresh, "hash", cli) },
			cli + ` person.created person:` + string(fresh.ID) + ` done  {"roles":["official"],"unit":"MED"}`,
		},
		{func() error {
			_, err := h.store.SetPassword(t.Context(), fresh.ID, "another hash", cli, at())
			return err
		}, cli + ` person.password_set person:` + string(fresh.ID) + ` done  {}`},
		{func() error { return h.store.Unlock(t.Context(), fresh.ID, cli, at()) }, cli + ` person.unlocked person:` + string(fresh.ID) + ` done  {}`},
		{func() error {
			_, err := h.store.SetDisabled(t.Context(), fresh.ID, true, cli, at())
			return err
		}, cli + ` person.disabled person:` + string(fresh.ID) + ` done  {}`},
		{func() error {
			_, err := h.store.SetDisabled(t.Context(), fresh.ID, false, cli, at())
			return err
		}, cli + ` person.enabled person:` + string(fresh.ID) + ` done  {}`},
		{func() error {
			_, err := h.store.Assign(t.Context(), agent.NewAssignment{LoginName: "neu", Seat: "A02", Place: agent.PlaceOfficial}, cli, at())
			return err
		}, cli + ` assignment.made person:` + string(fresh.ID) + ` done  {"place":"official","seat":"A02","session":0}`},
		{func() error {
			all, err := h.store.Assignments(t.Context())
			require.NoError(t, err)
			for _, a := range all {
				if a.LoginName == "neu" {
					return h.store.Unassign(t.Context(), a.ID, cli, at())
				}
			}
			return agent.ErrNotFound
		}, cli + ` assignment.taken_back person:` + string(fresh.ID) + ` done  {"place":"official","seat":"A02"}`},
		{
			func() error { return wish(agent.IntentBusy, "检修") },
			boss.Actor() + ` seat.intent seat:A01 done 检修 {"intent":"busy","pending":"","rest_code":"","rest_until":null,"version":7}`,
		},
		{func() error {
			_, err := h.service.SignOut(t.Context(), boss, "A01", agent.PlaceRecorder, "换人")
			return err
		}, boss.Actor() + ` seat.signed_out seat:A01 done 换人 {"person":"` + string(wang.Person) + `","place":"recorder","version":8}`},
		{func() error {
			_, err := h.service.SignOut(t.Context(), boss, "A01", agent.PlaceOfficial, "散场")
			return err
		}, boss.Actor() + ` seat.signed_out seat:A01 done 散场 {"person":"` + string(li.Person) + `","place":"official","version":9}`},
	} {
		before := h.everything(t)
		for _, table := range []string{"audit", "fact"} { // the record cannot be written; the act fails after it
			exec(`ALTER TABLE ` + table + ` ADD CONSTRAINT broken CHECK (false) NOT VALID`)
			require.ErrorContains(t, act.do(), "broken", act.want)
			exec(`ALTER TABLE ` + table + ` DROP CONSTRAINT broken`)
			require.Equal(t, before, h.everything(t), "%s: without %s", act.want, table)
		}
		known := h.trail(t)
		require.NoError(t, act.do())
		require.Equal(t, append(known, act.want), h.trail(t))
	}
}

// What people do at their own seats is work, and stands in the fact log; what is refused, or changes nothing, leaves no record here.
func TestOwnSeatsLeaveNoRecord(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li, boss := h.person(t, "li", agent.RoleOfficial), h.person(t, "boss", agent.RoleSupervisor)
	before := h.trail(t)
	s := h.ready(t, li, "A01")
	_, err := h.service.SetIntent(t.Context(), boss, "A01", agent.Wish{Intent: agent.IntentReady, Version: s.Version, Reason: "也要待命"})
	require.NoError(t, err)
	_, err = h.service.SetIntent(t.Context(), boss, "A01", agent.Wish{Intent: agent.IntentBusy, Version: s.Version})
	require.ErrorIs(t, err, agent.ErrReasonMissing)
	_, err = h.service.SignOut(t.Context(), li, "A01", agent.PlaceOfficial, "")
	require.NoError(t, err)
	_, err = h.service.SignOut(t.Context(), boss, "A01", agent.PlaceOfficial, "已空")
	require.NoError(t, err)
	require.Equal(t, before, h.trail(t))
}

// A rest that waits for the end of a call is a supervisor's to take back.
func TestForcedPendingLeavesARecord(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li, boss := h.person(t, "li", agent.RoleOfficial), h.person(t, "boss", agent.RoleSupervisor)
	s := h.ready(t, li, "A01")
	h.work(t, "A01", "engaged")
	s, err := h.service.SetIntent(t.Context(), li, "A01", agent.Wish{Intent: agent.IntentBusy, Version: s.Version})
	require.NoError(t, err)
	require.Equal(t, agent.PendingBusy, s.Pending)
	_, err = h.service.CancelPending(t.Context(), boss, "A01", s.Version)
	require.NoError(t, err)
	s, err = h.service.SignOut(t.Context(), boss, "A01", agent.PlaceOfficial, "散场")
	require.NoError(t, err)
	require.Equal(t, agent.PendingSignOut, s.Pending)
	known := h.trail(t)
	require.Contains(t, known[len(known)-2], boss.Actor()+` seat.intent seat:A01 done  {"intent":"ready","pending":""`)
	require.Contains(t, known[len(known)-1], boss.Actor()+` seat.intent seat:A01 done 散场 {"intent":"ready","pending":"sign_out"`)
}
