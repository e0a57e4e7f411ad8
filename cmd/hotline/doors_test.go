package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// knock is a request with headers in pairs, as a browser sends it for whichever page; the status comes back.
func (b *bundle) knock(t *testing.T, method, path, body string, headers ...string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.base+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req) //nolint:forbidigo // a test's own request
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode
}

// TestForeignPageChangesNothing : a page of another site may make the browser send its cookie along, and is refused (ASVS V3.5.1).
func TestForeignPageChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie := b.signIn(t, "jieting").String()
	take := `{"place":"official","take_over":false}`
	for _, foreign := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "http://elsewhere.example"}} {
		status := b.knock(t, http.MethodPost, "/api/v1/seats/A01/take", take, append(foreign, "Cookie", cookie)...)
		require.Equal(t, http.StatusForbidden, status, foreign)
	}
	var taken int
	require.NoError(t, b.db.QueryRow(t.Context(), `SELECT count(*) FROM seat_state WHERE person IS NOT NULL`).Scan(&taken))
	require.Zero(t, taken)
	status := b.knock(t, http.MethodPost, "/api/v1/seats/A01/take", take, "Sec-Fetch-Site", "same-origin", "Cookie", cookie)
	require.Equal(t, http.StatusOK, status)
}

// TestSoftphoneSocketIsForOurPages : a page of another site can not open one with the browser's cookie.
func TestSoftphoneSocketIsForOurPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	upgrade := []string{
		"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==",
		"Sec-WebSocket-Protocol", "sip",
	}
	status := b.knock(t, http.MethodGet, "/sip", "", append(upgrade, "Origin", b.base)...)
	require.Equal(t, http.StatusUnauthorized, status)
	login := b.signIn(t, "jieting")
	b.seatAt(t, "jieting", "A01") // whom nothing else keeps out
	foreign := append(upgrade, "Origin", "http://elsewhere.example", "Cookie", login.String())
	status = b.knock(t, http.MethodGet, "/sip", "", foreign...)
	require.Equal(t, http.StatusForbidden, status)
}

// TestBodyIsBounded : no operation reads more than it can use.
func TestBodyIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie := b.signIn(t, "jieting").String()
	long := strings.Repeat("x", 2<<20)
	for path, body := range map[string]string{
		"/api/v1/login":            `{"login_name":"jieting","password":"` + long + `"}`,
		"/api/v1/seats/A01/take":   `{"place":"` + long + `"}`,
		"/api/v1/seats/A01/intent": `{"intent":"` + long + `"}`,
		"/api/v1/ws-ticket":        `{"topics":["` + long + `"]}`,
	} {
		status := b.knock(t, http.MethodPost, path, body, "Cookie", cookie)
		require.Equal(t, http.StatusRequestEntityTooLarge, status, path)
	}
}
