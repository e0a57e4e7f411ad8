package ari_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"hotline/deploy/asterisk/asterisktest"
	"hotline/telephony"
)

func (x exchange) webPhone(t *testing.T, name, ha1 string) *asterisktest.WebPhone {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"sip"}}
	conn, resp, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(x.url, "http")+"/ws", http.Header{})
	require.NoError(t, err)
	_ = resp.Body.Close()
	return asterisktest.NewWebPhone(t, conn, name, ha1)
}

// TestLiveRegistration : a browser registers with the digest that was pushed, and its seat comes and goes with its socket.
func TestLiveRegistration(t *testing.T) {
	x := liveExchange(t)
	b := x.connect(t)
	ctx := t.Context()
	name := "seat-" + uuid.Must(uuid.NewV7()).String()
	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{Name: name, HA1: asterisktest.HA1(name, "secret")}))

	wrong := x.webPhone(t, name, asterisktest.HA1(name, "guess"))
	_, challenge := wrong.Register(t, 1, "")
	status, _ := wrong.Register(t, 2, wrong.Answer(challenge))
	require.Equal(t, "401", status)

	browser := x.webPhone(t, name, asterisktest.HA1(name, "secret"))
	status, challenge = browser.Register(t, 1, "")
	require.Equal(t, "401", status)
	status, _ = browser.Register(t, 2, browser.Answer(challenge))
	require.Equal(t, "200", status)
	b.online(t, name, true)
	for range 5 { // a seat that is pushed again stays registered, and looks so at once
		require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{Name: name, HA1: asterisktest.HA1(name, "secret")}))
		seen, err := b.client.Registered(ctx)
		require.NoError(t, err)
		require.True(t, seen[name])
	}

	require.NoError(t, browser.Close())
	b.online(t, name, false)
	seen, err := b.client.Registered(ctx)
	require.NoError(t, err)
	there, known := seen[name]
	require.True(t, known)
	require.False(t, there)
	require.NoError(t, b.client.DropEndpoint(ctx, name))

	// A drop ends the subscription; the next push renews it.
	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{Name: name, HA1: asterisktest.HA1(name, "other")}))
	again := x.webPhone(t, name, asterisktest.HA1(name, "other"))
	_, challenge = again.Register(t, 1, "")
	status, _ = again.Register(t, 2, again.Answer(challenge))
	require.Equal(t, "200", status)
	b.online(t, name, true)
	again.Deaf.Store(true)
	b.online(t, name, false)
	require.NoError(t, b.client.DropEndpoint(ctx, name))
}

// online waits for the news of an endpoint; what comes before may repeat the old state.
func (b bundle) online(t *testing.T, name string, want bool) {
	t.Helper()
	for {
		s := until[telephony.EndpointChanged](t, b)
		if s.Endpoint == name && s.Online == want {
			return
		}
	}
}
