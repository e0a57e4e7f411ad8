package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// design.md §5: for one release an address below /api/ answers as that below /api/v1/, says that it goes, and the two are one address to whatever remembers.
func TestWithoutAVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie := b.signIn(t, "jieting")
	asked := 0
	ask := func(method, path, key, body string) answered {
		req, err := http.NewRequestWithContext(t.Context(), method, b.base+path, strings.NewReader(body))
		require.NoError(t, err)
		req.AddCookie(cookie)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", key)
		if strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, versioned) {
			asked++
		}
		res, err := http.DefaultClient.Do(req) //nolint:forbidigo // a test's own request
		require.NoError(t, err)
		said, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return answered{res.StatusCode, res.Header, strings.ReplaceAll(string(said), res.Header.Get("X-Request-Id"), "")}
	}
	for _, c := range []struct{ method, path, key, body string }{
		{http.MethodPost, "seats/A01/take", "k", `{"place":"official"}`},
		{http.MethodPost, "seats/A01/take", "", `{"place":"anywhere"}`},
		{http.MethodGet, "me", "", ""},
		{http.MethodGet, "tickets?limit=1&state=draft", "", ""},
		{http.MethodGet, "tickets?limit=1000", "", ""},
		{http.MethodGet, "tickets/a%20b", "", ""},
		{http.MethodGet, "seats/A%2F01", "", ""},
		{http.MethodDelete, "login", "", ""},
		{http.MethodGet, "nothing", "", ""},
		{http.MethodGet, "v2/me", "", ""},
	} {
		old := ask(c.method, "/api/"+c.path, c.key, c.body)
		now := ask(c.method, versioned+c.path, c.key, c.body)
		require.Equal(t, now.status, old.status, c.path)
		require.Equal(t, now.body, old.body, c.path)
		if c.key != "" {
			require.Equal(t, http.StatusOK, now.status, now.body) // and the seat has the same version: one effect
		}
		require.Equal(t, "@1795737600", old.header.Get("Deprecation"), c.path)
		require.Equal(t, "Thu, 27 May 2027 00:00:00 GMT", old.header.Get("Sunset"), c.path)
		path, _, _ := strings.Cut(c.path, "?")
		require.Equal(t, "<"+versioned+path+`>; rel="successor-version"`, old.header.Get("Link"))
		for _, h := range []string{"Deprecation", "Sunset", "Link"} {
			require.Empty(t, now.header.Get(h), c.path)
		}
		for _, h := range []string{"Content-Type", "Allow", "Cache-Control", "Content-Security-Policy"} {
			require.Equal(t, now.header.Get(h), old.header.Get(h), "%s of %s", h, c.path)
		}
	}
	w := httptest.NewRecorder()
	b.srv.metricsHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	require.Contains(t, w.Body.String(), fmt.Sprintf("\nhotline_http_unversioned_requests_total %d\n", asked))
	for _, stays := range []string{"/api/openapi.json", "/api/asyncapi.json"} {
		res := ask(http.MethodGet, stays, "", "")
		require.Equal(t, http.StatusOK, res.status)
		require.Empty(t, res.header.Get("Deprecation"), stays)
	}
}

// answered is an answer, without the request's number.
type answered struct {
	status int
	header http.Header
	body   string
}
