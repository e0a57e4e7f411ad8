package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/realtime/factlog"
)

// take is the step of a person who takes a place, with something that happens while it is decided.
func (h *hall) take(who agent.Identity, seat agent.SeatID, meanwhile func(agent.State)) agent.Step {
	return agent.Step{
		Seat: seat, Actor: who.Actor(), Sits: who.Person, Place: agent.PlaceOfficial, At: at(),
		Decide: func(s agent.State) (agent.State, []agent.Fact, error) {
			meanwhile(s)
			return agent.Apply(s, agent.Took{By: who.Person, Place: agent.PlaceOfficial}, at())
		},
	}
}

func (h *hall) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := h.pool.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// RT13: nobody who reads the fact log waits for a decision.
func TestDecisionHoldsBackNobody(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li := h.person(t, "li", agent.RoleOfficial)
	from, err := factlog.Head(t.Context(), h.pool)
	require.NoError(t, err)
	_, after, err := h.store.Update(t.Context(), h.take(li, "A01", func(agent.State) {
		require.NoError(t, pgx.BeginFunc(t.Context(), h.pool, func(tx pgx.Tx) error {
			return factlog.Append(t.Context(), tx, factlog.Fact{At: at(), Kind: "call.k", Subject: "meanwhile", Topics: []string{"t"}, Actor: "test"})
		}))
		require.Eventually(t, func() bool { // transactions of other tests hold readers back, too, but not for long
			facts, err := factlog.NewReader(h.pool).Read(t.Context(), from, 100)
			return err == nil && slices.ContainsFunc(facts, func(f factlog.Fact) bool { return f.Subject == "meanwhile" })
		}, 20*time.Second, 10*time.Millisecond)
	}))
	require.NoError(t, err)
	require.Equal(t, li.Person, after.Person)
}

// What a decision was made on has changed before it could be stored: it is made anew, on what is there now.
func TestDecisionIsMadeAnew(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li, wang := h.person(t, "li", agent.RoleOfficial), h.person(t, "wang", agent.RoleOfficial)
	once := func(what func()) (func(agent.State), *[]agent.State) {
		var seen []agent.State
		return func(s agent.State) {
			if seen = append(seen, s); len(seen) == 1 {
				what()
			}
		}, &seen
	}

	meanwhile, seen := once(func() { h.work(t, "A01", "engaged") })
	_, after, err := h.store.Update(t.Context(), h.take(li, "A01", meanwhile))
	require.NoError(t, err)
	require.Len(t, *seen, 2)
	require.Equal(t, agent.WorkIdle, (*seen)[0].Work)
	require.Equal(t, agent.WorkEngaged, (*seen)[1].Work)
	require.Equal(t, after, h.seat(t, "A01"))
	require.Equal(t, []string{"seat.taken"}, h.kinds(t, "A01"), "one change, one fact")

	meanwhile, seen = once(func() {
		h.exec(t, `UPDATE seat_state SET person = $1, version = version + 1 WHERE seat = 'A02'`, string(wang.Person))
	})
	zhao := h.person(t, "zhao", agent.RoleOfficial)
	_, _, err = h.store.Update(t.Context(), h.take(zhao, "A02", meanwhile))
	var taken *agent.SeatTakenError
	require.ErrorAs(t, err, &taken)
	require.Len(t, *seen, 2)
	require.Equal(t, wang.Person, h.seat(t, "A02").Person)
}

// The person who sits down is looked at anew as well: one place, and only who may sign in.
func TestSittingDownIsCheckedAnew(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li, wang := h.person(t, "li", agent.RoleOfficial), h.person(t, "wang", agent.RoleOfficial)
	_, _, err := h.store.Update(t.Context(), h.take(li, "A01", func(agent.State) {
		h.exec(t, `UPDATE seat_state SET recorder = $1, version = version + 1 WHERE seat = 'A02'`, string(li.Person))
	}))
	var elsewhere *agent.PersonElsewhereError
	require.ErrorAs(t, err, &elsewhere)
	require.Equal(t, agent.SeatID("A02"), elsewhere.Seat)
	_, _, err = h.store.Update(t.Context(), h.take(wang, "A01", func(agent.State) {
		h.exec(t, `UPDATE person SET disabled_at = now() WHERE id = $1`, string(wang.Person))
	}))
	require.ErrorIs(t, err, agent.ErrNotAllowed)
	require.Empty(t, h.seat(t, "A01").Person)
	require.Empty(t, h.kinds(t, "A01"))
}

// A seat that changes each time is given up, as a command on an old version is.
func TestDecisionIsGivenUp(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li := h.person(t, "li", agent.RoleOfficial)
	_, _, err := h.store.Update(t.Context(), h.take(li, "A01", func(agent.State) {
		h.exec(t, `UPDATE seat_work SET version = version + 1 WHERE seat = 'A01'`)
	}))
	require.ErrorIs(t, err, agent.ErrStale)
	require.Empty(t, h.seat(t, "A01").Person)
}
