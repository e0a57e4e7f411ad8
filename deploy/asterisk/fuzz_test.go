package asterisk_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/deploy/asterisk/asterisktest"
)

// FuzzSIP : whatever datagram comes, from the trunk or from a stranger, the exchange goes on answering (reliability.md 10).
func FuzzSIP(f *testing.F) {
	for _, seed := range torture() {
		f.Add(true, []byte(seed))
		f.Add(false, []byte(seed))
	}
	x := asterisktest.Start(f)
	trunk, stranger := dialFrom(f, "127.0.0.2", x.SIPAddr), dialFrom(f, "127.0.0.66", x.SIPAddr)
	sent := 0
	f.Fuzz(func(t *testing.T, fromTrunk bool, datagram []byte) {
		conn := stranger
		if fromTrunk {
			conn = trunk
		}
		if len(datagram) > 0 {
			_, _ = conn.Write(datagram) // longer than a datagram can be
		}
		if sent++; sent%100 == 0 { // those that were calls
			_, err := x.CLI(t.Context(), "channel request hangup all")
			require.NoError(t, err)
		}
		requireAnswer(t, stranger, sent)
	})
}

func dialFrom(f *testing.F, from, to string) *net.UDPConn {
	f.Helper()
	local, err := net.ResolveUDPAddr("udp", from+":0")
	require.NoError(f, err)
	remote, err := net.ResolveUDPAddr("udp", to)
	require.NoError(f, err)
	conn, err := net.DialUDP("udp", local, remote)
	require.NoError(f, err)
	f.Cleanup(func() { _ = conn.Close() })
	return conn
}

// requireAnswer asks as telephones do, once a second like them, until the exchange says anything to it.
func requireAnswer(t *testing.T, conn *net.UDPConn, n int) {
	t.Helper()
	id := fmt.Sprintf("alive-%d", n)
	ask := sip("OPTIONS", conn.LocalAddr().String(), id, "")
	buf := make([]byte, 64<<10)
	for range 15 {
		_, err := conn.Write([]byte(ask))
		require.NoError(t, err, "nobody listens")
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
		for {
			length, err := conn.Read(buf)
			if err != nil {
				break
			}
			if strings.Contains(string(buf[:length]), id) {
				return
			}
		}
	}
	require.Fail(t, "the exchange answers no more")
}

func sip(method, from, id, more string) string {
	lines := []string{
		method + " sip:12345@127.0.0.1 SIP/2.0", "Via: SIP/2.0/UDP " + from + ";rport;branch=z9hG4bK" + id, "Max-Forwards: 70", "From: <sip:13812345678@127.0.0.2>;tag=" + id,
		"To: <sip:12345@127.0.0.1>", "Call-ID: " + id, "CSeq: 1 " + method, "Contact: <sip:x@" + from + ">",
	}
	if more == "" {
		more = "Content-Length: 0\r\n\r\n"
	}
	return strings.Join(lines, "\r\n") + "\r\n" + more
}

// torture are requests of the kinds of RFC 4475, and what has brought Asterisk down before.
func torture() []string {
	const from, media = "127.0.0.2:5080", "v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"
	body := func(sdp string) string {
		return fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(sdp), sdp)
	}
	all := []string{
		"", "\x00", "\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n", sip("OPTIONS", from, "1", ""), sip("BREW", from, "2", ""), sip("INVITE", from, "3", body(media)),
		sip("INVITE", from, "4", "Content-Length: -1\r\n\r\n"), sip("INVITE", from, "5", "Content-Length: 99999\r\n\r\nshort"), sip("INVITE", from, "6", body(strings.ReplaceAll(media, "40000", "99999999999"))),
		sip("INVITE", from, "7", body(strings.Repeat("a=", 3000))), sip("INVITE", from, "8", body("m=audio 0 RTP/AVP\r\nm=\r\nc=\r\n")), strings.ReplaceAll(sip("INVITE", from, "9", body(media)), "CSeq: 1", "CSeq: 99999999999999999999"),
		strings.ReplaceAll(sip("OPTIONS", from, "10", ""), "Max-Forwards: 70", "Max-Forwards: -1"), strings.ReplaceAll(sip("OPTIONS", from, "11", ""), "<sip:13812345678@", `"\"<sip:%00%ff;x=%zz@`),
		strings.ReplaceAll(sip("OPTIONS", from, "12", ""), "Via: ", "Via: SIP/2.0/UDP [::1%25lo]:99999;received=;branch=,"),
	}
	for i, auth := range []string{"Digest", "Digest ,,,=", "Digest username=\"", `Digest username="x",realm="hotline",nonce="",uri=,response="` + strings.Repeat("0", 5000), "Basic Og==", "\xff"} {
		all = append(all, sip("REGISTER", from, fmt.Sprintf("a%d", i), "Authorization: "+auth+"\r\nProxy-Authorization: "+auth+"\r\nContent-Length: 0\r\n\r\n"))
	}
	return all
}
