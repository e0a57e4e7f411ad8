package store_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
)

// known are the telephones that the exchange knows, by kind, in order.
func (h *hall) known() []string {
	h.phones.mu.Lock()
	defer h.phones.mu.Unlock()
	var kinds []string
	for endpoint := range maps.Keys(h.phones.accounts) {
		kind, _, _ := strings.Cut(endpoint, "-")
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

func (h *hall) away(err error) {
	h.phones.mu.Lock()
	defer h.phones.mu.Unlock()
	h.phones.err = err
}

// Each place has a telephone of its own, for as long as its sitting; the exchange knows those that were taken, and no others.
func TestTelephonesOfPlacesBeside(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ctx := t.Context()
	li, rec, dep := h.person(t, "li", agent.RoleOfficial), h.person(t, "rec", agent.RoleRecorder), h.person(t, "dep", agent.RoleOfficial)
	h.ready(t, li, "A01")
	beside := agent.Sitting{Seat: "A01", Place: agent.PlaceRecorder}
	_, err := h.service.PhoneBeside(ctx, rec, beside, "page")
	require.ErrorIs(t, err, agent.ErrNotAllowed, "who does not sit there")
	require.Equal(t, []string{"seat"}, h.known(), "and the exchange keeps nothing of it")
	for who, place := range map[*agent.Identity]agent.Place{&rec: agent.PlaceRecorder, &dep: agent.PlaceDeputy} {
		_, err = h.service.Take(ctx, *who, "A01", place, false)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"seat"}, h.known(), "a place that is taken without a telephone has none")

	first, err := h.service.PhoneBeside(ctx, rec, beside, "page")
	require.NoError(t, err)
	for _, at := range []agent.Sitting{beside, {Seat: "A02", Place: agent.PlaceDeputy}, {Seat: "A01", Place: agent.PlaceOfficial}} {
		_, err = h.service.PhoneBeside(ctx, dep, at, "page")
		require.ErrorIs(t, err, agent.ErrNotAllowed, at)
	}
	other, err := h.service.PhoneBeside(ctx, dep, agent.Sitting{Seat: "A01", Place: agent.PlaceDeputy}, "page")
	require.NoError(t, err)
	require.NotEqual(t, first.HA1, other.HA1)
	second, err := h.service.PhoneBeside(ctx, rec, beside, "page-2")
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	require.Equal(t, []string{"deputy", "recorder", "seat"}, h.known(), "the page before has none any more")
	require.NotContains(t, h.phones.accounts, first.Endpoint)
	_, err = h.store.SeatOfEndpoint(ctx, second.Endpoint)
	require.ErrorIs(t, err, agent.ErrNotFound, "calls go by the seat's")

	// The exchange was started anew: it gets what was taken, which is not three places of each seat.
	clear(h.phones.accounts)
	require.NoError(t, h.service.RepushAll(ctx, true))
	require.Equal(t, []string{"deputy", "recorder", "seat"}, h.known())
	require.Equal(t, second.HA1, h.phones.accounts[second.Endpoint])

	// With the sitting ends the telephone, whoever ends it, and at last when the exchange was away.
	_, err = h.service.SignOut(ctx, rec, "A01", agent.PlaceRecorder, "")
	require.NoError(t, err)
	require.Equal(t, []string{"deputy", "seat"}, h.known())
	h.away(errors.New("away"))
	_, err = h.service.Unseat(ctx, agent.Sitter{Person: dep.Person, Sitting: agent.Sitting{Seat: "A01", Place: agent.PlaceDeputy}})
	require.NoError(t, err)
	h.away(nil)
	require.Equal(t, []string{"deputy", "seat"}, h.known())
	require.NoError(t, h.service.RepushAll(ctx, false))
	require.Equal(t, []string{"seat"}, h.known())
	var secrets int
	require.NoError(t, h.pool.QueryRow(ctx, `SELECT count(*) FROM sitting WHERE ha1 <> ''`).Scan(&secrets))
	require.Zero(t, secrets, "no secret stays behind")

	_, err = h.service.Take(ctx, rec, "A01", agent.PlaceRecorder, false)
	require.NoError(t, err)
	_, err = h.service.PhoneBeside(ctx, rec, beside, "page")
	require.NoError(t, err)
	a := agent.Attendance{Sitting: beside, Person: rec.Person, SeenAt: at().Add(-time.Hour)}
	for range 2 {
		_, err = h.service.Attend(ctx, a, agent.UsualGrace(), a.SeenAt)
		require.NoError(t, err)
		a.Away = true
	}
	require.Equal(t, []string{"seat"}, h.known(), "RU13: a place that is given back")
}

// Who leaves while the exchange is told of all telephones again leaves none there.
func TestTelephoneOfWhoLeavesMeanwhile(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ctx := t.Context()
	rec := h.person(t, "rec", agent.RoleRecorder)
	_, err := h.service.Take(ctx, rec, "A01", agent.PlaceRecorder, false)
	require.NoError(t, err)
	acc, err := h.service.PhoneBeside(ctx, rec, agent.Sitting{Seat: "A01", Place: agent.PlaceRecorder}, "page")
	require.NoError(t, err)
	h.phones.puts = func(endpoint string) {
		if endpoint == acc.Endpoint {
			_, err := h.service.SignOut(ctx, rec, "A01", agent.PlaceRecorder, "")
			require.NoError(t, err)
		}
	}
	require.NoError(t, h.service.RepushAll(ctx, true))
	require.Empty(t, h.known())
}
