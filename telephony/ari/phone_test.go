package ari_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"hotline/telephony"
	"hotline/telephony/ari"
)

// exchange is a real Asterisk 22.
type exchange struct {
	url, password string
	sip           string // address of its trunk side
	trunk         string // address whose calls it takes
}

func liveExchange(t *testing.T) exchange {
	t.Helper()
	at := os.Getenv("HOTLINE_TEST_ASTERISK") // http://controller:secret@127.0.0.1:18088?sip=127.0.0.9:5560&trunk=127.0.0.10
	if at == "" {
		t.Skip("no Asterisk to test against: set HOTLINE_TEST_ASTERISK")
	}
	u, err := url.Parse(at)
	require.NoError(t, err)
	password, _ := u.User.Password()
	return exchange{url: "http://" + u.Host, password: password, sip: u.Query().Get("sip"), trunk: u.Query().Get("trunk")}
}

func (x exchange) connect(t *testing.T) bundle {
	t.Helper()
	client, err := ari.New(ari.Config{URL: x.url, User: "controller", Password: x.password, App: "hotline", BackoffMin: time.Millisecond})
	require.NoError(t, err)
	b := bundle{client: client, ended: make(chan error, 1)}
	b.run(t)
	require.NotEmpty(t, until[telephony.Up](t, b).Entity)
	return b
}

// phone is a SIP telephone with a little RTP: it counts what it hears and sends silence, or what it is told to.
type phone struct {
	ip      string
	port    int
	client  *sipgo.Client
	dialogs *sipgo.DialogUA
	dialog  atomic.Pointer[sipgo.DialogServerSession] // that it was last called in
	rtp     net.PacketConn
	heard   atomic.Int64 // packets
	loud    atomic.Int64 // packets that are not silence
	voice   atomic.Int32 // A-law that it says all the time
	rang    chan *sip.Request
	pickUp  chan int // status to answer with
	byes    chan struct{}
}

func newPhone(t *testing.T, ip string) *phone {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	socket, err := net.ListenPacket("udp", ip+":0")
	require.NoError(t, err)
	rtp, err := net.ListenPacket("udp", ip+":0")
	require.NoError(t, err)
	p := &phone{
		ip: ip, port: socket.LocalAddr().(*net.UDPAddr).Port, rtp: rtp,
		rang: make(chan *sip.Request, 4), pickUp: make(chan int, 4), byes: make(chan struct{}, 4),
	}
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("phone"), sipgo.WithUserAgentHostname(ip))
	require.NoError(t, err)
	server, err := sipgo.NewServer(ua, sipgo.WithServerLogger(quiet))
	require.NoError(t, err)
	p.client, err = sipgo.NewClient(ua, sipgo.WithClientHostname(ip), sipgo.WithClientPort(p.port), sipgo.WithClientLogger(quiet),
		sipgo.WithClientConnectionAddr(fmt.Sprintf("%s:%d", ip, p.port)))
	require.NoError(t, err)
	p.dialogs = &sipgo.DialogUA{Client: p.client, ContactHDR: sip.ContactHeader{Address: sip.Uri{User: "phone", Host: ip, Port: p.port}}}
	p.voice.Store(silence)
	p.answers(t, server)
	listening := &announced{PacketConn: socket, ready: make(chan struct{})}
	go func() { _ = server.ServeUDP(listening) }()
	<-listening.ready
	go p.listen()
	t.Cleanup(func() {
		_ = ua.Close()
		_ = socket.Close()
		_ = rtp.Close()
	})
	return p
}

// announced tells when it is read for the first time: only then does sipgo know it and sends from it.
type announced struct {
	net.PacketConn
	once  sync.Once
	ready chan struct{}
}

func (a *announced) ReadFrom(p []byte) (int, net.Addr, error) {
	a.once.Do(func() { close(a.ready) })
	return a.PacketConn.ReadFrom(p)
}

func (p *phone) answers(t *testing.T, server *sipgo.Server) {
	t.Helper()
	ctx := t.Context()
	server.OnInvite(func(req *sip.Request, tx sip.ServerTransaction) {
		d, err := p.dialogs.ReadInvite(req, tx)
		if err != nil {
			return
		}
		p.dialog.Store(d)
		_ = d.Respond(180, "Ringing", nil)
		p.rang <- req
		select {
		case status := <-p.pickUp:
			if status != 200 {
				_ = d.Respond(status, "No", nil)
				return
			}
			_ = d.RespondSDP(p.sdp())
			p.talk(ctx, req.Body())
		case <-tx.Done():
			return
		case <-ctx.Done():
			return
		}
		<-tx.Done()
	})
	server.OnAck(func(req *sip.Request, tx sip.ServerTransaction) {
		if d := p.dialog.Load(); d != nil {
			_ = d.ReadAck(req, tx) // RespondSDP waits for it
		}
	})
	server.OnOptions(func(req *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
	})
	server.OnBye(func(req *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
		p.byes <- struct{}{}
	})
}

func (p *phone) sdp() []byte {
	port := p.rtp.LocalAddr().(*net.UDPAddr).Port
	return []byte(strings.Join([]string{
		"v=0", "o=- 1 1 IN IP4 " + p.ip, "s=-", "c=IN IP4 " + p.ip, "t=0 0",
		fmt.Sprintf("m=audio %d RTP/AVP 8", port), "a=rtpmap:8 PCMA/8000", "a=sendrecv", "",
	}, "\r\n"))
}

func (p *phone) listen() {
	packet := make([]byte, 2048)
	for {
		n, _, err := p.rtp.ReadFrom(packet)
		if err != nil {
			return
		}
		p.heard.Add(1)
		if slices.ContainsFunc(packet[min(n, 12):n], func(b byte) bool { return (b^silence)&0x7f > 0x1f }) {
			p.loud.Add(1)
		}
	}
}

// A-law of nothing, and of something that nobody misses.
const (
	silence = 0xd5
	shout   = 0x2a
)

// talk sends the voice to where the other side's SDP says.
func (p *phone) talk(ctx context.Context, sdp []byte) {
	to := &net.UDPAddr{}
	for line := range strings.Lines(string(sdp)) {
		line = strings.TrimSpace(line)
		if host, ok := strings.CutPrefix(line, "c=IN IP4 "); ok {
			to.IP = net.ParseIP(host)
		}
		_, _ = fmt.Sscanf(line, "m=audio %d", &to.Port)
	}
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		packet := make([]byte, 172)
		packet[0], packet[1] = 0x80, 8
		for i := uint32(0); ; i++ {
			packet[2], packet[3] = byte(i>>8), byte(i)
			stamp := i * 160
			packet[4], packet[5], packet[6], packet[7] = byte(stamp>>24), byte(stamp>>16), byte(stamp>>8), byte(stamp)
			for j := 12; j < len(packet); j++ {
				packet[j] = byte(p.voice.Load())
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			if _, err := p.rtp.WriteTo(packet, to); err != nil {
				return
			}
		}
	}()
}

// hears waits until more voice has come than before.
func (p *phone) hears(t *testing.T, what string) {
	t.Helper()
	before := p.heard.Load()
	require.Eventually(t, func() bool { return p.heard.Load() > before+20 }, patience, 10*time.Millisecond, what)
}

// hearsVoice waits until more than silence has come.
func (p *phone) hearsVoice(t *testing.T, what string) {
	t.Helper()
	before := p.loud.Load()
	require.Eventually(t, func() bool { return p.loud.Load() > before+20 }, patience, 10*time.Millisecond, what)
}

// call dials; the dialog comes through when the far end has answered.
func (p *phone) call(t *testing.T, number, to string) <-chan *sipgo.DialogClientSession {
	t.Helper()
	host, port, err := net.SplitHostPort(to)
	require.NoError(t, err)
	uri := sip.Uri{User: number, Host: host}
	_, _ = fmt.Sscanf(port, "%d", &uri.Port)
	ctx := t.Context()
	from := &sip.FromHeader{Address: sip.Uri{User: "13812345678", Host: p.ip}, Params: sip.NewParams()}
	from.Params.Add("tag", uuid.Must(uuid.NewV7()).String())
	answered := make(chan *sipgo.DialogClientSession, 1)
	go func() {
		defer close(answered)
		d, err := p.dialogs.Invite(ctx, uri, p.sdp(), sip.NewHeader("Content-Type", "application/sdp"), from)
		if err != nil || d.WaitAnswer(ctx, sipgo.AnswerOptions{}) != nil || d.Ack(ctx) != nil {
			return
		}
		p.talk(ctx, d.InviteResponse.Body())
		answered <- d
	}()
	return answered
}
