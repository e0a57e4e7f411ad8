package ari_test

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"hotline/telephony"
)

// webPhone is as much of a browser's telephone as registration needs.
type webPhone struct {
	conn *websocket.Conn
	name string
	ha1  string
	id   string
	deaf atomic.Bool // answers no OPTIONS any more: its cable is out
	said chan string // answers to our requests
	mu   sync.Mutex  // one writer at a time
}

func ha1(name, secret string) string { return digest(name + ":hotline:" + secret) }

func digest(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

func (x exchange) webPhone(t *testing.T, name, ha1 string) *webPhone {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"sip"}}
	conn, resp, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(x.url, "http")+"/ws", http.Header{})
	require.NoError(t, err)
	_ = resp.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	p := &webPhone{conn: conn, name: name, ha1: ha1, id: uuid.Must(uuid.NewV7()).String(), said: make(chan string, 4)}
	go p.listen()
	return p
}

// listen answers the qualification.
func (p *webPhone) listen() {
	for {
		_, frame, err := p.conn.ReadMessage()
		if err != nil {
			return
		}
		text := string(frame)
		if strings.HasPrefix(text, "SIP/2.0 ") {
			p.said <- text
			continue
		}
		if p.deaf.Load() {
			continue
		}
		answer := "SIP/2.0 200 OK\r\n"
		for line := range strings.Lines(text) {
			name, _, _ := strings.Cut(line, ":")
			switch name {
			case "Via", "From", "To", "Call-ID", "CSeq":
				answer += line
			}
		}
		if p.write(answer+"Content-Length: 0\r\n\r\n") != nil {
			return
		}
	}
}

func (p *webPhone) write(text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conn.WriteMessage(websocket.TextMessage, []byte(text))
}

// register sends a REGISTER and returns the status of the answer and its challenge.
func (p *webPhone) register(t *testing.T, seq int, authorization string) (string, string) {
	t.Helper()
	lines := []string{
		"REGISTER sip:hotline SIP/2.0",
		fmt.Sprintf("Via: SIP/2.0/WS browser.invalid;branch=z9hG4bK%s%d;rport", p.id, seq),
		"Max-Forwards: 70",
		"From: <sip:" + p.name + "@hotline>;tag=" + p.id,
		"To: <sip:" + p.name + "@hotline>",
		"Call-ID: " + p.id,
		fmt.Sprintf("CSeq: %d REGISTER", seq),
		"Contact: <sip:" + p.name + "@browser.invalid;transport=ws>;expires=120",
	}
	if authorization != "" {
		lines = append(lines, "Authorization: "+authorization)
	}
	lines = append(lines, "Content-Length: 0", "", "")
	require.NoError(t, p.write(strings.Join(lines, "\r\n")))
	text := <-p.said
	challenge := regexp.MustCompile(`(?m)^WWW-Authenticate: +(.*)\r$`).FindStringSubmatch(text)
	if challenge == nil {
		return text[8:11], ""
	}
	return text[8:11], challenge[1]
}

func (p *webPhone) answer(challenge string) string {
	nonce := regexp.MustCompile(`nonce="([^"]+)"`).FindStringSubmatch(challenge)[1]
	opaque := regexp.MustCompile(`opaque="([^"]+)"`).FindStringSubmatch(challenge)[1]
	response := digest(strings.Join([]string{p.ha1, nonce, "00000001", "abcdef", "auth", digest("REGISTER:sip:hotline")}, ":"))
	return fmt.Sprintf(`Digest username=%q, realm="hotline", nonce=%q, uri="sip:hotline", response=%q, algorithm=MD5, opaque=%q, qop=auth, nc=00000001, cnonce="abcdef"`,
		p.name, nonce, response, opaque)
}

// TestLiveRegistration : a browser registers with the digest that was pushed, and its seat comes and goes with its socket.
func TestLiveRegistration(t *testing.T) {
	x := liveExchange(t)
	b := x.connect(t)
	ctx := t.Context()
	name := "seat-" + uuid.Must(uuid.NewV7()).String()
	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{Name: name, HA1: ha1(name, "secret")}))

	wrong := x.webPhone(t, name, ha1(name, "guess"))
	_, challenge := wrong.register(t, 1, "")
	status, _ := wrong.register(t, 2, wrong.answer(challenge))
	require.Equal(t, "401", status)

	browser := x.webPhone(t, name, ha1(name, "secret"))
	status, challenge = browser.register(t, 1, "")
	require.Equal(t, "401", status)
	status, _ = browser.register(t, 2, browser.answer(challenge))
	require.Equal(t, "200", status)
	b.online(t, name, true)
	for range 5 { // a seat that is pushed again stays registered, and looks so at once
		require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{Name: name, HA1: ha1(name, "secret")}))
		seen, err := b.client.Registered(ctx)
		require.NoError(t, err)
		require.True(t, seen[name])
	}

	require.NoError(t, browser.conn.Close())
	b.online(t, name, false)
	seen, err := b.client.Registered(ctx)
	require.NoError(t, err)
	there, known := seen[name]
	require.True(t, known)
	require.False(t, there)
	require.NoError(t, b.client.DropEndpoint(ctx, name))

	// A drop ends the subscription; the next push renews it.
	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{Name: name, HA1: ha1(name, "other")}))
	again := x.webPhone(t, name, ha1(name, "other"))
	_, challenge = again.register(t, 1, "")
	status, _ = again.register(t, 2, again.answer(challenge))
	require.Equal(t, "200", status)
	b.online(t, name, true)
	again.deaf.Store(true)
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
