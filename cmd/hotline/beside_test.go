package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"hotline/cmd/sim/citizen"
	"hotline/deploy/asterisk/asterisktest"
)

// account is a telephone as a page is given it.
type account struct{ Endpoint, HA1 string }

// sitsWith takes a place and its telephone.
func (b *bundle) sitsWith(t *testing.T, login *http.Cookie, place string) account {
	t.Helper()
	status, said := b.send(t, login, http.MethodPost, "/api/v1/seats/A01/take", `{"place":"`+place+`"}`)
	require.Equal(t, http.StatusOK, status, said)
	status, said = b.send(t, login, http.MethodPost, "/api/v1/seats/A01/phone", `{"client":"page","phone":"browser","place":"`+place+`"}`)
	require.Equal(t, http.StatusOK, status, said)
	var acc account
	require.NoError(t, json.Unmarshal([]byte(said), &acc))
	return acc
}

// dial opens the signalling as the page of a login does, and answers with what the door said.
func (b *bundle) dial(t *testing.T, login *http.Cookie) (*websocket.Conn, int) {
	t.Helper()
	require.Eventually(t, b.srv.sip.ready.Load, 10*time.Second, 5*time.Millisecond, "the seats are pushed")
	dialer := websocket.Dialer{Subprotocols: []string{"sip"}}
	conn, res, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(b.base, "http")+"/sip", http.Header{"Origin": {b.base}, "Cookie": {login.String()}})
	require.NotNil(t, res, "%v", err)
	_ = res.Body.Close()
	return conn, res.StatusCode
}

// registers has a telephone register, and says how that ended.
func registers(t *testing.T, p *asterisktest.WebPhone) string {
	t.Helper()
	status, challenge := p.Register(t, 1, "")
	require.Equal(t, "401", status)
	status, _ = p.Register(t, 2, p.Answer(challenge))
	return status
}

// Each place of a seat has a telephone of its own at a real exchange: two are registered side by side, each with credentials of its
// sitting and none with another's; who does not sit there gets to neither; and a call is offered to the official's alone.
func TestEachPlaceHasItsTelephone(t *testing.T) {
	t.Parallel()
	x := asterisktest.Start(t)
	b := setupOn(t, x.ARIURL, x.ARIUser, x.ARIPassword)
	speaks, writes, third := b.signIn(t, "jieting"), b.signIn(t, "jilu"), b.signIn(t, "lingyige")
	official, beside := b.sitsWith(t, speaks, "official"), b.sitsWith(t, writes, "recorder")
	require.Regexp(t, `^seat-[0-9a-f]{16}$`, official.Endpoint)
	require.Regexp(t, `^recorder-[0-9a-f]{16}$`, beside.Endpoint)

	conn, _ := b.dial(t, speaks)
	one := asterisktest.NewWebPhone(t, conn, official.Endpoint, official.HA1)
	require.Equal(t, "200", registers(t, one))
	conn, _ = b.dial(t, writes)
	require.Equal(t, "401", registers(t, asterisktest.NewWebPhone(t, conn, official.Endpoint, beside.HA1)), "another's name with one's own secret")
	conn, _ = b.dial(t, writes)
	two := asterisktest.NewWebPhone(t, conn, beside.Endpoint, beside.HA1)
	require.Equal(t, "200", registers(t, two))
	b.registered(t, official.Endpoint, true)
	seen, err := b.srv.ari.Registered(t.Context())
	require.NoError(t, err)
	require.Equal(t, []bool{true, true}, []bool{seen[official.Endpoint], seen[beside.Endpoint]}, "side by side")

	_, status := b.dial(t, third)
	require.Equal(t, http.StatusForbidden, status, "whatever secret the third has")
	for _, place := range []string{"official", "recorder", "deputy"} {
		status, said := b.send(t, third, http.MethodPost, "/api/v1/seats/A01/phone", `{"client":"page","phone":"browser","place":"`+place+`"}`)
		require.Equal(t, http.StatusForbidden, status, said)
	}
	status, said := b.send(t, writes, http.MethodPost, "/api/v1/seats/A01/phone", `{"client":"page","phone":"browser"}`)
	require.Equal(t, http.StatusForbidden, status, said)
	status, said = b.send(t, speaks, http.MethodPost, "/api/v1/seats/A01/phone", `{"client":"page","phone":"browser","place":"recorder"}`)
	require.Equal(t, http.StatusForbidden, status, said)

	var version string
	require.NoError(t, b.db.QueryRow(t.Context(), `SELECT version::text FROM seat_state WHERE seat = 'A01'`).Scan(&version))
	status, said = b.send(t, speaks, http.MethodPost, "/api/v1/seats/A01/intent", `{"intent":"ready","version":`+version+`}`)
	require.Equal(t, http.StatusOK, status, said)
	called := make(chan error, 1)
	go func() {
		called <- citizen.Call(t.Context(), citizen.Caller{Trunk: x.SIPAddr, Number: "12345", From: "13812345678", IP: "127.0.0.2", Patience: 15 * time.Second})
	}()
	select {
	case <-one.Invited:
	case err := <-called:
		require.Fail(t, "nobody was called", "%v", err)
	}
	require.Empty(t, two.Invited, "a call is offered to the official's telephone alone")

	// With the place goes the telephone, at the exchange and at the door.
	status, said = b.send(t, writes, http.MethodPost, "/api/v1/seats/A01/sign-out", `{"place":"recorder"}`)
	require.Equal(t, http.StatusOK, status, said)
	require.Eventually(t, func() bool { // who leaves does not wait for an exchange that is slow
		seen, err = b.srv.ari.Registered(t.Context())
		return err == nil && !seen[beside.Endpoint]
	}, 10*time.Second, 10*time.Millisecond)
	require.Contains(t, seen, official.Endpoint)
	require.Eventually(t, func() bool { return len(b.srv.sip.Open()) == 1 }, 10*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool { return len(called) == 1 }, 30*time.Second, 10*time.Millisecond, "the citizen gives up, or is served")
}
