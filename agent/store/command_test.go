package store_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"hotline/agent"
	"hotline/agent/command"
	"hotline/agent/store"
	"hotline/deploy/migrations/pgtest"
)

// sends is a request of a person under a key.
func (h *hall) sends(t *testing.T, who agent.Identity, key, path string) context.Context {
	t.Helper()
	return command.NewContext(t.Context(), command.New(who.Person, key, http.MethodPost, path, h.pool))
}

// RC2: a command that comes again, late and when it would mean something else, does nothing; another one under its key is refused.
func TestRepeatedCommandDoesNothing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li := h.person(t, "li", agent.RoleOfficial)
	take := func(path string, seat agent.SeatID) (agent.State, error) {
		return h.service.Take(h.sends(t, li, "take", path), li, seat, agent.PlaceOfficial, false)
	}
	taken, err := take("/A01", "A01")
	require.NoError(t, err)
	left, err := h.service.SignOut(h.sends(t, li, "leave", "/A01"), li, "A01", agent.PlaceOfficial, "")
	require.NoError(t, err)
	again, err := take("/A01", "A01")
	require.NoError(t, err)
	require.Equal(t, left.Version, again.Version)
	require.Empty(t, again.Person, "nobody sits down by a command of before")
	require.NotEqual(t, taken.Version, again.Version)

	_, err = take("/A02", "A02")
	require.ErrorIs(t, err, agent.ErrKeyReused)
	_, err = h.service.Take(h.sends(t, li, "another", "/A02"), li, "A02", agent.PlaceOfficial, false)
	require.NoError(t, err)
	_, err = take("/A01", "A01")
	require.NoError(t, err, "it was done, wherever its person is now")
	_, err = take("/A02", "A02")
	require.ErrorIs(t, err, agent.ErrKeyReused, "also when there is nothing to do")
}

// RC2: one seat, two servers, the same command at once: one change.
func TestRepeatAtAnotherServer(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li := h.person(t, "li", agent.RoleOfficial)
	other := &agent.Service{Store: store.New(pgtest.Open(t, h.pool.Config().ConnString()), nil), Phones: h.phones, Now: at, Log: h.service.Log, Realm: h.service.Realm}
	servers := []*agent.Service{h.service, other}
	var racers errgroup.Group
	for i := range 50 {
		ctx := h.sends(t, li, "take", "/A01")
		racers.Go(func() error {
			_, err := servers[i%2].Take(ctx, li, "A01", agent.PlaceOfficial, true)
			return err
		})
	}
	require.NoError(t, racers.Wait())
	var kept, told int
	require.NoError(t, h.pool.QueryRow(t.Context(), `SELECT count(*) FROM fact WHERE kind LIKE 'seat.%' AND actor = $1`, li.Actor()).Scan(&told))
	require.NoError(t, pgtest.Super(t, h.pool).QueryRow(t.Context(), `SELECT count(*) FROM command`).Scan(&kept))
	require.Equal(t, []int{1, 1}, []int{kept, told})
}

// Commands are forgotten after a day, and no server reads others' keys.
func TestCommandsAreForgotten(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li := h.person(t, "li", agent.RoleOfficial)
	ctx := h.sends(t, li, "k", "/x")
	require.NoError(t, command.Known(ctx))
	require.NoError(t, command.Keep(ctx))
	require.NoError(t, command.Keep(ctx), "it is kept already")
	var repeated *agent.RepeatedError
	require.ErrorAs(t, command.Known(ctx), &repeated)
	n, err := h.store.ForgetCommands(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = pgtest.Super(t, h.pool).Exec(t.Context(), `UPDATE command SET at = at - interval '25 hours'`)
	require.NoError(t, err)
	n, err = h.store.ForgetCommands(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	require.NoError(t, command.Known(ctx))
	_, err = h.pool.Exec(t.Context(), `SELECT FROM command`)
	require.ErrorContains(t, err, "permission denied")
}

// An id that is none names nobody.
func TestAnIDThatIsNone(t *testing.T) {
	t.Parallel()
	h := setup(t)
	_, err := h.store.SittingOf(t.Context(), "nonsense")
	require.ErrorIs(t, err, agent.ErrNotFound)
	li := h.person(t, "li", agent.RoleOfficial)
	li.Person = "nonsense"
	_, err = h.service.Take(t.Context(), li, "A01", agent.PlaceOfficial, false)
	require.ErrorIs(t, err, agent.ErrNotFound)
}
