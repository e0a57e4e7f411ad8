package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/store"
)

// F16: the exchange begins anew.
func TestRepushAfterARestart(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li, op := h.person(t, "li", agent.RoleOfficial), h.person(t, "op", agent.RoleOperator)
	s := h.ready(t, li, "A01")
	_, err := h.service.Take(t.Context(), op, "B01", agent.PlaceOfficial, false)
	require.NoError(t, err)
	sip, err := h.service.Phone(t.Context(), op, "B01", "sim", agent.PhoneSIP, "sip:B01@127.0.0.3:5070")
	require.NoError(t, err)

	clear(h.phones.accounts)
	require.NoError(t, h.service.RepushAll(t.Context(), true))
	require.Contains(t, h.phones.accounts, s.Endpoint)
	require.Contains(t, h.phones.accounts, sip.Endpoint)
	require.Equal(t, agent.DeviceUnregistered, h.seat(t, "A01").Device, "a browser has to register anew")
	require.Equal(t, agent.DeviceOK, h.seat(t, "B01").Device)
	require.NoError(t, h.service.EndpointOnline(t.Context(), s.Endpoint, true))
}

func TestSupervisorActsForASeat(t *testing.T) { // A14
	t.Parallel()
	h := setup(t)
	li, boss := h.person(t, "li", agent.RoleOfficial), h.person(t, "boss", agent.RoleSupervisor)
	s := h.ready(t, li, "A01")
	_, err := h.service.SetIntent(t.Context(), boss, "A01", agent.Wish{Intent: agent.IntentBusy, Version: s.Version})
	require.ErrorIs(t, err, agent.ErrReasonMissing)
	s, err = h.service.SetIntent(t.Context(), boss, "A01", agent.Wish{Intent: agent.IntentBusy, Version: s.Version, Reason: "检修"})
	require.NoError(t, err)
	require.Equal(t, agent.IntentBusy, s.Intent)
	_, err = h.service.SignOut(t.Context(), boss, "A01", agent.PlaceOfficial, "散场")
	require.NoError(t, err)
	require.Empty(t, h.seat(t, "A01").Person)
	last := h.facts(t, "A01")
	require.Equal(t, "散场", last[len(last)-1].Data["reason"])
	require.Equal(t, boss.Actor(), last[len(last)-1].Actor)
}

func TestDisabledPersonTakesNoSeat(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li := h.person(t, "li", agent.RoleOfficial)
	_, err := h.store.SetDisabled(t.Context(), li.Person, true, "system", at())
	require.NoError(t, err)
	_, err = h.service.Take(t.Context(), li, "A01", agent.PlaceOfficial, false)
	require.ErrorIs(t, err, agent.ErrNotAllowed)
}

func TestSessions(t *testing.T) {
	t.Parallel()
	h := setup(t)
	_, err := h.store.LiveSession(t.Context())
	require.ErrorIs(t, err, agent.ErrNotFound)
	n := store.NewSession{Unit: "MED", Theme: "异地就医", OpensAt: at(), ClosesAt: at().Add(3 * time.Hour)}
	first, err := h.store.OpenSession(t.Context(), n)
	require.NoError(t, err)
	second, err := h.store.OpenSession(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, first+1, second)
	live, err := h.store.LiveSession(t.Context())
	require.NoError(t, err)
	require.Equal(t, agent.Session{
		Number: second, UnitName: "省医保局", Theme: "异地就医", State: "open", OpensAt: live.OpensAt, ClosesAt: live.ClosesAt,
	}, live)
	require.True(t, live.OpensAt.Equal(at()))
	n.Unit = "XXX"
	_, err = h.store.OpenSession(t.Context(), n)
	var field *agent.FieldError
	require.ErrorAs(t, err, &field)
	_, err = h.store.LiveSession(t.Context())
	require.NoError(t, err, "a refused session closes none")
}

// One number may lead to two lines: the window decides which. A line that is there keeps its number.
func TestTwoLinesBehindOneNumber(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ctx := t.Context()
	require.NoError(t, h.store.PutLine(ctx, store.Line{ID: "ordinary", Name: "普通", Number: "12345"}))
	require.NoError(t, h.store.PutLine(ctx, store.Line{ID: "ordinary", Name: "普通", Number: "12399"}))
	require.Error(t, h.store.PutLine(ctx, store.Line{ID: "UPPER", Name: "x", Number: "12345"}))
	rows, err := h.pool.Query(ctx, `SELECT number || ' ' || line || ' ' || rank || ' ' || during FROM line_number ORDER BY rank, line`)
	require.NoError(t, err)
	entries, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{"12345 session 0 session", "12345 ordinary 1 always"}, entries)
}

func TestPeople(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.person(t, "li", agent.RoleOfficial, agent.RoleUnit)
	p, err := h.store.PersonByLoginName(t.Context(), "li")
	require.NoError(t, err)
	require.Equal(t, "省医保局", p.UnitName)
	require.ElementsMatch(t, []agent.Role{agent.RoleOfficial, agent.RoleUnit}, p.Roles)
	_, err = h.store.PersonByLoginName(t.Context(), "nobody")
	require.ErrorIs(t, err, agent.ErrNotFound)

	p.ID = agent.PersonID(uuid.Must(uuid.NewV7()).String())
	require.ErrorIs(t, h.store.CreatePerson(t.Context(), p, "hash", "system"), agent.ErrExists)
	p.LoginName, p.Unit = "wang", "XXX"
	var field *agent.FieldError
	require.ErrorAs(t, h.store.CreatePerson(t.Context(), p, "hash", "system"), &field)
	people, err := h.store.People(t.Context())
	require.NoError(t, err)
	require.Len(t, people, 1, "what is refused leaves nothing")
	require.True(t, slices.Contains(h.kinds(t, string(people[0].ID)), "person.created"))
	_, err = h.store.SetDisabled(t.Context(), p.ID, true, "system", at())
	require.ErrorIs(t, err, agent.ErrNotFound)
}
