package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/cmd/sim/seat"
)

// RS15: a login asks so often and no oftener; others, and the panel's files, have no part in that.
func TestRequestsPerLogin(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	p := newPerLogin(2, func() time.Time { return now })
	h := p.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ask := func(login, path string) int {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		if login != "" {
			r = r.WithContext(agent.NewContext(r.Context(), agent.Identity{Login: login}))
		}
		h.ServeHTTP(w, r)
		if w.Code == http.StatusTooManyRequests {
			require.Equal(t, "1", w.Header().Get("Retry-After"))
		}
		return w.Code
	}
	for i, path := range []string{"/api/v1/me", "/sip", "/ws", "/api/v1/me", "/api/v1/me", "/api/v1/me", "/api/v1/me", "/api/v1/me", "/api/v1/me", "/api/v1/me"} {
		require.Equal(t, http.StatusOK, ask("a", path), "%d", i)
	}
	for _, path := range []string{"/api/v1/me", "/sip", "/ws"} {
		require.Equal(t, http.StatusTooManyRequests, ask("a", path))
	}
	require.Equal(t, http.StatusOK, ask("a", "/assets/index.js"))
	require.Equal(t, http.StatusOK, ask("b", "/api/v1/me"))
	require.Equal(t, http.StatusOK, ask("", "/api/v1/me"))
	now = now.Add(500 * time.Millisecond)
	require.Equal(t, http.StatusOK, ask("a", "/api/v1/me"))
	require.Equal(t, http.StatusTooManyRequests, ask("a", "/api/v1/me"))
	now = now.Add(time.Minute)
	require.Equal(t, http.StatusOK, ask("c", "/api/v1/me"))
	require.Len(t, p.buckets, 1, "nothing is kept of who is quiet")
}

// RS15: the limit stands before the server's own API.
func TestLoginThatAsksTooOftenIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *server) {
		s.settings.RequestsPerLogin = 1
		s.rewire(t)
	})
	c, err := seat.SignIn(t.Context(), b.base, "jieting", password)
	require.NoError(t, err)
	for range 100 {
		if err = c.Do(t.Context(), http.MethodGet, "/api/v1/me", nil, nil); err != nil {
			break
		}
	}
	refused(t, err, http.StatusTooManyRequests, "too_many")
}

// RS15: what is no topic is refused before it is kept, and a body is no longer than a page's.
func TestTopicsAreChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c, err := seat.SignIn(t.Context(), b.base, "banzhang", password)
	require.NoError(t, err)
	ask := func(topics ...string) error {
		return c.Do(t.Context(), http.MethodPost, "/api/v1/ws-ticket", map[string]any{"topics": topics}, nil)
	}
	for _, topic := range []string{"seat:", "seat:A01\n", "seat:" + fmt.Sprintf("%0100d", 1), "SEAT:A01", ":", "seat:A01:x", "座席:A01"} {
		refused(t, ask(topic), http.StatusUnprocessableEntity, "topics")
	}
	refused(t, ask("seat:"+fmt.Sprintf("%01000000d", 1)), http.StatusRequestEntityTooLarge, "too_large")
	require.NoError(t, ask("seat:A01", "board", "line:session"))
}
