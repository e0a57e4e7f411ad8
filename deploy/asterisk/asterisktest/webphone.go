package asterisktest

import (
	"crypto/md5" //nolint:gosec // RFC 3261 digest
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// WebPhone is as much of a browser's telephone as registration needs.
type WebPhone struct {
	Deaf    atomic.Bool   // answers no OPTIONS any more: its cable is out
	Invited chan struct{} // hears of each call that is offered to it, which it declines

	conn *websocket.Conn
	name string
	ha1  string
	id   string
	said chan string // answers to our requests
	mu   sync.Mutex  // one writer at a time
}

// HA1 is the digest of a name and a secret.
func HA1(name, secret string) string { return digest(name + ":hotline:" + secret) }

func digest(s string) string {
	sum := md5.Sum([]byte(s)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// NewWebPhone is a telephone on an open socket, its own from now on.
func NewWebPhone(tb testing.TB, conn *websocket.Conn, name, ha1 string) *WebPhone {
	tb.Helper()
	tb.Cleanup(func() { _ = conn.Close() })
	p := &WebPhone{
		conn: conn, name: name, ha1: ha1, id: uuid.Must(uuid.NewV7()).String(), said: make(chan string, 4), Invited: make(chan struct{}, 64),
	}
	go p.listen()
	return p
}

// Close takes its socket away.
func (p *WebPhone) Close() error { return p.conn.Close() }

// listen answers the qualification, and declines calls.
func (p *WebPhone) listen() {
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
		if p.Deaf.Load() {
			continue
		}
		answer := "SIP/2.0 200 OK\r\n"
		if strings.HasPrefix(text, "INVITE ") {
			answer = "SIP/2.0 486 Busy Here\r\n"
			p.Invited <- struct{}{}
		}
		if strings.HasPrefix(text, "ACK ") {
			continue
		}
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

func (p *WebPhone) write(text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conn.WriteMessage(websocket.TextMessage, []byte(text))
}

// Register sends a REGISTER and returns the status of the answer and its challenge.
func (p *WebPhone) Register(tb testing.TB, seq int, authorization string) (string, string) {
	tb.Helper()
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
	require.NoError(tb, p.write(strings.Join(lines, "\r\n")))
	text := <-p.said
	challenge := regexp.MustCompile(`(?m)^WWW-Authenticate: +(.*)\r$`).FindStringSubmatch(text)
	if challenge == nil {
		return text[8:11], ""
	}
	return text[8:11], challenge[1]
}

// Answer is what answers a challenge with the telephone's own digest.
func (p *WebPhone) Answer(challenge string) string {
	nonce := regexp.MustCompile(`nonce="([^"]+)"`).FindStringSubmatch(challenge)[1]
	opaque := regexp.MustCompile(`opaque="([^"]+)"`).FindStringSubmatch(challenge)[1]
	response := digest(strings.Join([]string{p.ha1, nonce, "00000001", "abcdef", "auth", digest("REGISTER:sip:hotline")}, ":"))
	return fmt.Sprintf(`Digest username=%q, realm="hotline", nonce=%q, uri="sip:hotline", response=%q, algorithm=MD5, opaque=%q, qop=auth, nc=00000001, cnonce="abcdef"`,
		p.name, nonce, response, opaque)
}
