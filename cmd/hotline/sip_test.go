package main

import (
	"context"
	"io"
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
			for err == nil { // until the proxy goes
				_, _, err = c.ReadMessage()
			}
			_ = c.Close()
		}
	}))
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	require.NoError(t, err)
	return u
}

// seatAt puts somebody at the telephone of a seat, past the rights and without a fact.
func (b *bundle) seatAt(t *testing.T, name, place string) {
	t.Helper()
	for _, sql := range []string{
		`INSERT INTO assignment (id, seat, place, person, made_at) SELECT gen_random_uuid(), $2, 'official', id, now() FROM person WHERE login_name = $1
			ON CONFLICT DO NOTHING`,
		`UPDATE seat_state SET person = (SELECT id FROM person WHERE login_name = $1) WHERE seat = $2`,
	} {
		_, err := b.db.Exec(t.Context(), sql, name, place)
		require.NoError(t, err)
	}
}

// signIn returns the cookie of a new login.
func (b *bundle) signIn(t *testing.T, name string) *http.Cookie {
	t.Helper()
	res, err := http.Post(b.base+"/api/v1/login", "application/json", strings.NewReader(`{"login_name":"`+name+`","password":"`+password+`"}`))
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, "sid", res.Cookies()[0].Name)
	return res.Cookies()[0]
}

// softphone opens the signalling as a page would.
func (b *bundle) softphone(t *testing.T, login *http.Cookie) *websocket.Conn {
	t.Helper()
	require.Eventually(t, b.srv.sip.ready.Load, 10*time.Second, 5*time.Millisecond, "the seats are pushed")
	c, res, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(b.base, "http")+"/sip",
		http.Header{"Origin": {b.base}, "Cookie": {login.String()}})
	if err != nil && res != nil {
		said, _ := io.ReadAll(res.Body) // what there is of it
		require.NoError(t, err, "%d %s", res.StatusCode, said)
	}
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

// everywhere seats everybody at a telephone.
type everywhere struct{}

func (everywhere) StandingsOf(_ context.Context, people []agent.PersonID) (map[agent.PersonID]agent.Standing, error) {
	out := map[agent.PersonID]agent.Standing{}
	for _, p := range people {
		out[p] = agent.Standing{Identity: agent.Identity{Roles: []agent.Role{agent.RoleOfficial}}, Seat: "A01", Place: agent.PlaceOfficial}
	}
	return out, nil
}

// RS11: nobody has a softphone but who sits at a telephone, and nobody keeps it who does not any more.
func TestSoftphoneIsForSitters(t *testing.T) {
	t.Parallel()
	var log lockedText
	b := setup(t, func(s *server) {
		own := newSIPProxy(exchange(t), nil, s.agentStore, slog.New(slog.NewJSONHandler(&log, nil)))
		s.sip.proxy, s.sip.log = own.proxy, own.log
	})
	require.Eventually(t, b.srv.sip.ready.Load, 10*time.Second, 5*time.Millisecond)
	_, err := b.db.Exec(t.Context(), `UPDATE seat_state SET recorder = (SELECT id FROM person WHERE login_name = 'jilu') WHERE seat = 'A01'`)
	require.NoError(t, err)
	for _, name := range []string{"lingyige", "banzhang"} {
		_, res, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(b.base, "http")+"/sip",
			http.Header{"Origin": {b.base}, "Cookie": {b.signIn(t, name).String()}})
		require.Error(t, err)
		_ = res.Body.Close()
		require.Equal(t, http.StatusForbidden, res.StatusCode, name)
	}
	_ = b.softphone(t, b.signIn(t, "jilu")) // each place has a telephone of its own
	login := b.signIn(t, "jieting")
	b.seatAt(t, "jieting", "A01")
	c := b.softphone(t, login)
	require.Regexp(t, `"softphone socket opened".*"seat":"A01","address":"127\.0\.0\.1:`, log.String())
	status, said := b.send(t, login, http.MethodPost, "/api/v1/seats/A01/sign-out", `{"place":"official"}`)
	require.Equal(t, http.StatusOK, status, said)
	ends(t, c)
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "softphone socket ended") }, 10*time.Second, 5*time.Millisecond)
}

// RS11: a softphone that sends more than one ever does is cut.
func TestSoftphoneIsMetered(t *testing.T) {
	t.Parallel()
	var log lockedText
	p := newSIPProxy(exchange(t), []string{"http://panel"}, everywhere{}, slog.New(slog.NewJSONHandler(&log, nil)))
	p.ready.Store(true)
	panel := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.ServeHTTP(w, r.WithContext(agent.NewContext(r.Context(), agent.Identity{Person: "p", Login: "l"})))
	}))
	defer panel.Close()
	c, res, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(panel.URL, "http"), http.Header{"Origin": {"http://panel"}})
	require.NoError(t, err)
	_ = res.Body.Close()
	defer func() { _ = c.Close() }()
	message := make([]byte, 4<<10)
	for range 20 { // what a few calls at once send
		require.NoError(t, c.WriteMessage(websocket.TextMessage, message))
	}
	require.Contains(t, p.Open(), "l")
	for range 10_000 {
		if err = c.WriteMessage(websocket.TextMessage, message); err != nil {
			break
		}
	}
	require.Error(t, err, "40 MB went through")
	require.Eventually(t, func() bool { return len(p.Open()) == 0 }, 10*time.Second, 5*time.Millisecond)
	require.Contains(t, log.String(), "sent too much")
}

// RT12: a softphone's socket ends with its login, whatever ends that, although no push socket is open beside it (V7.4.2).
func TestSoftphoneEndsWithItsLogin(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *server) { s.sip.proxy = newSIPProxy(exchange(t), nil, s.agentStore, s.log).proxy })
	for _, end := range [][2]string{
		{"jieting", `UPDATE login SET expires = now() - interval '1 second' WHERE person = (SELECT id FROM person WHERE login_name = 'jieting')`},
		{"jieting", `DELETE FROM login WHERE person = (SELECT id FROM person WHERE login_name = 'jieting')`},
		{"lingyige", `UPDATE person SET disabled_at = now() WHERE login_name = 'lingyige'`},
	} {
		name, over := end[0], end[1]
		login := b.signIn(t, name) // who sits there without one loses the seat
		b.seatAt(t, name, "A01")
		c := b.softphone(t, login)
		require.Len(t, b.srv.sip.Open(), 1, name)
		_, err := b.db.Exec(t.Context(), over)
		require.NoError(t, err)
		ends(t, c)
		require.Eventually(t, func() bool { return len(b.srv.sip.Open()) == 0 }, 10*time.Second, 5*time.Millisecond, "nothing is kept of it")
	}
}

// A login has one softphone's socket: the reloaded page's. The end of the page before takes nothing from it.
func TestOneSoftphonePerLogin(t *testing.T) {
	t.Parallel()
	p := newSIPProxy(exchange(t), []string{"http://panel"}, everywhere{}, slog.New(slog.DiscardHandler))
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
	require.Contains(t, p.Open(), "l")
	p.Cut("l")
	ends(t, second)
	require.Eventually(t, func() bool { return len(p.Open()) == 0 }, 10*time.Second, 5*time.Millisecond)
	p.Cut("l")
}
