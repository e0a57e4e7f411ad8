package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"hotline/agent"
	onekey "hotline/agent/command"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	callhttp "hotline/telephony/httpapi"
)

// deaf is a controller that has nothing to do.
type deaf struct {
	callhttp.Commands

	did   atomic.Int32
	stray atomic.Bool // what follows was given the key
	err   error
}

func (c *deaf) Mute(ctx context.Context, _ telephony.CallID, _ telephony.Muted, _ string) error {
	c.did.Add(1)
	c.stray.Store(c.stray.Load() || onekey.From(ctx) != nil)
	return c.err
}

// RC1, RC2: a command to the controller, answered by a status alone, is done once under its key, by whoever sends it.
func TestControllerIsToldOnce(t *testing.T) {
	t.Parallel()
	const zhang, li = "019be6a4-5c1f-7000-8000-000000000001", "019be6a4-5c1f-7000-8000-000000000002"
	pool, told := pgtest.New(t), &deaf{err: telephony.ErrNotInCall}
	once := newOnceCommands(told, slog.New(slog.DiscardHandler))
	send := func(o *onceCommands, who agent.PersonID, key, path string, memory *pgxpool.Pool) error {
		ctx := onekey.NewContext(t.Context(), onekey.New(who, key, http.MethodPost, path, memory))
		return o.Mute(ctx, "c", telephony.Muted{}, "")
	}
	require.ErrorIs(t, send(once, zhang, "k", "/mute", pool), telephony.ErrNotInCall)
	told.err = nil
	var racers errgroup.Group
	for range 50 {
		racers.Go(func() error { return send(once, zhang, "k", "/mute", pool) })
	}
	require.NoError(t, racers.Wait())
	require.EqualValues(t, 2, told.did.Load(), "what was refused may be tried again, what was done is not done again")
	require.NoError(t, send(newOnceCommands(told, once.log), zhang, "k", "/mute", pool), "nor by the next process")
	require.EqualValues(t, 2, told.did.Load())
	require.ErrorIs(t, send(once, zhang, "k", "/hold", pool), agent.ErrKeyReused)
	require.NoError(t, send(once, li, "k", "/hold", pool))
	require.EqualValues(t, 3, told.did.Load())
	require.False(t, told.stray.Load())

	closed := pgtest.Open(t, pool.Config().ConnString())
	closed.Close()
	require.ErrorIs(t, send(once, zhang, "other", "/mute", closed), agent.ErrUnsure)
	require.EqualValues(t, 3, told.did.Load(), "a database that says nothing is no leave to do it again")
}

// RC1: a key is one, and short enough to be kept; what bears another has no effect.
func TestKeyIsOneAndShort(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]string{"two": {"a", "b"}, "long": {strings.Repeat("键", onekey.MaxKey+1)}} {
		did := 0
		h := keyed(nil, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { did++ }))
		ctx := agent.NewContext(t.Context(), agent.Identity{Person: "p"})
		ask := func(keys []string) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/v1/x", http.NoBody)
			r.Header["Idempotency-Key"] = keys
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		refused := ask(keys)
		require.Equal(t, http.StatusUnprocessableEntity, refused.Code, name)
		require.Contains(t, refused.Body.String(), `"location":"header.Idempotency-Key"`)
		require.Zero(t, did, name)
		ask(nil)
		ask([]string{strings.Repeat("键", onekey.MaxKey)})
		require.Equal(t, 2, did, name)
	}
}
