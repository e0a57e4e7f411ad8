package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/store"
)

// Under one key the first answer stays, until it is forgotten.
func TestCommands(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li := h.person(t, "li", agent.RoleOfficial)
	first := store.Command{Key: "k", Person: li.Person, Path: "/api/x", Status: 200, Body: []byte(`{"n":1}`), At: at()}
	_, err := h.store.Command(t.Context(), "k", "/api/x")
	require.ErrorIs(t, err, agent.ErrNotFound)
	require.NoError(t, h.store.SaveCommand(t.Context(), first))
	second := first
	second.Body = []byte(`{"n":2}`)
	require.NoError(t, h.store.SaveCommand(t.Context(), second))
	got, err := h.store.Command(t.Context(), "k", "/api/x")
	require.NoError(t, err)
	require.Equal(t, store.Command{Key: "k", Path: "/api/x", Status: 200, Body: first.Body}, got)

	bare := store.Command{Key: "bare", Person: li.Person, Path: "/api/x", Status: 204, At: at().Add(time.Hour)}
	require.NoError(t, h.store.SaveCommand(t.Context(), bare), "most commands are answered by a status alone")
	got, err = h.store.Command(t.Context(), "bare", "/api/x")
	require.NoError(t, err)
	require.Equal(t, 204, got.Status)
	require.Empty(t, got.Body)

	n, err := h.store.ForgetCommands(t.Context(), at())
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = h.store.ForgetCommands(t.Context(), at().Add(time.Second))
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	_, err = h.store.Command(t.Context(), "k", "/api/x")
	require.ErrorIs(t, err, agent.ErrNotFound)
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
