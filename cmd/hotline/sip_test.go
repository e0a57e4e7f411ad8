package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"hotline/agent"
)

// exchange is an Asterisk of which only the softphones' socket is there.
func exchange(t *testing.T) *url.URL {
	t.Helper()
	var up websocket.Upgrader
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := up.Upgrade(w, r, nil); err == nil {
			_, _, _ = c.ReadMessage() // until the proxy goes
			_ = c.Close()
		}
	}))
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	require.NoError(t, err)
	return u
}

// signIn returns the cookie of a new login.
func (b *bundle) signIn(t *testing.T, name string) *http.Cookie {
	t.Helper()
	res, err := http.Post(b.base+"/api/login", "application/json", strings.NewReader(`{"login_name":"`+name+`","password":"`+password+`"}`))
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Len(t, res.Cookies(), 1)
	return res.Cookies()[0]
}

// softphone opens the signalling as a page would.
func (b *bundle) softphone(t *testing.T, login *http.Cookie) *websocket.Conn {
	t.Helper()
	require.Eventually(t, b.srv.sip.ready.Load, 10*time.Second, 5*time.Millisecond, "the seats are pushed")
	c, res, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(b.base, "http")+"/sip",
		http.Header{"Origin": {b.base}, "Cookie": {login.String()}})
	require.NoError(t, err)
	_ = res.Body.Close()
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// ends waits until the server closes the socket.
func ends(t *testing.T, c *websocket.Conn) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, _, err := c.ReadMessage()
	require.Error(t, err)
	require.NotContains(t, err.Error(), "timeout", "the socket survives its login")
}

// RT12: a softphone's socket ends with its login, whatever ends that, although no push socket is open beside it (V7.4.2).
func TestSoftphoneEndsWithItsLogin(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *server) { s.sip.proxy = newSIPProxy(exchange(t), nil, s.log).proxy })
	for name, over := range map[string]string{
		"jieting":  `UPDATE login SET expires = now() - interval '1 second' WHERE person = (SELECT id FROM person WHERE login_name = 'jieting')`,
		"lingyige": `UPDATE person SET disabled_at = now() WHERE login_name = 'lingyige'`,
		"jilu":     `DELETE FROM login WHERE person = (SELECT id FROM person WHERE login_name = 'jilu')`,
	} {
		c := b.softphone(t, b.signIn(t, name))
		require.Len(t, b.srv.sip.Logins(), 1, name)
		_, err := b.db.Exec(t.Context(), over)
		require.NoError(t, err)
		ends(t, c)
		require.Eventually(t, func() bool { return len(b.srv.sip.Logins()) == 0 }, 10*time.Second, 5*time.Millisecond, "nothing is kept of it")
	}
}

// A login has one softphone's socket: the reloaded page's. The end of the page before takes nothing from it.
func TestOneSoftphonePerLogin(t *testing.T) {
	t.Parallel()
	p := newSIPProxy(exchange(t), []string{"http://panel"}, slog.New(slog.DiscardHandler))
	p.ready.Store(true)
	panel := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.ServeHTTP(w, r.WithContext(agent.NewContext(r.Context(), agent.Identity{Person: "p", Login: "l"})))
	}))
	defer panel.Close()
	open := func() *websocket.Conn {
		c, res, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(panel.URL, "http"), http.Header{"Origin": {"http://panel"}})
		require.NoError(t, err)
		_ = res.Body.Close()
		return c
	}
	first, second := open(), open()
	ends(t, first)
	require.Equal(t, []string{"l"}, p.Logins())
	p.Cut("l")
	ends(t, second)
	require.Eventually(t, func() bool { return len(p.Logins()) == 0 }, 10*time.Second, 5*time.Millisecond)
	p.Cut("l")
}
