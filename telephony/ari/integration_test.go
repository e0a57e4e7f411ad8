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

// TestLiveCall : a citizen over SIP, the hold music, a seat that comes back, the conversation, the hang-up.
func TestLiveCall(t *testing.T) {
	x := liveExchange(t)
	b := x.connect(t)
	ctx := t.Context()
	citizen, official := newPhone(t, x.trunk), newPhone(t, "127.0.0.11")
	name := "seat-" + uuid.Must(uuid.NewV7()).String()
	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{
		Name: name, Contact: fmt.Sprintf("sip:A01@%s:%d", official.ip, official.port),
	}))

	answered := citizen.call(t, "12345", x.sip)
	in := until[telephony.Entered](t, b)
	require.Equal(t, []string{"inbound", "12345"}, in.Args)
	require.Equal(t, "13812345678", in.Caller)
	require.Equal(t, "12345", in.Dialled)
	require.WithinDuration(t, time.Now(), in.At, time.Minute)
	caller := in.Leg
	require.NoError(t, b.client.Watch(ctx, "channel:"+string(caller)))
	require.NoError(t, b.client.Answer(ctx, caller))
	require.Equal(t, caller, until[telephony.Answered](t, b).Leg)
	dialog := <-answered
	require.NotNil(t, dialog)

	line := telephony.BridgeID("hold-" + name)
	require.NoError(t, b.client.Hold(ctx, line, caller))
	require.Equal(t, telephony.EnteredBridge{Leg: caller, Bridge: line}, until[telephony.EnteredBridge](t, b))
	citizen.hears(t, "music on hold")
	require.NoError(t, b.client.Hold(ctx, line, caller))
	citizen.hears(t, "music after holding again")

	offer := telephony.LegID(uuid.Must(uuid.NewV7()).String())
	r := telephony.RingRequest{Leg: offer, Endpoint: name, Caller: caller, CallerID: "138****5678", Limit: 22 * time.Second, Resume: true}
	require.NoError(t, b.client.Ring(ctx, r))
	require.NoError(t, b.client.Ring(ctx, r), "again is success")
	invite := <-official.rang
	require.Equal(t, "1", invite.GetHeader(ari.ResumeHeader).Value())
	require.Equal(t, "138****5678", invite.From().Address.User)
	require.Contains(t, string(invite.Body()), "RTP/AVP 8 0", "the originator's codec comes first")
	require.Equal(t, offer, until[telephony.Ringing](t, b).Leg)
	s, err := b.client.Snapshot(ctx)
	require.NoError(t, err)
	require.Equal(t, "Ringing", channel(t, s, offer).State)
	require.False(t, channel(t, s, offer).InApp)
	require.True(t, channel(t, s, caller).InApp)
	require.Equal(t, line, channel(t, s, caller).Bridge)
	require.Equal(t, "12345", channel(t, s, caller).Dialled)

	official.pickUp <- 200
	require.Equal(t, []string{"seat", string(offer)}, until[telephony.Entered](t, b).Args)
	talk := telephony.BridgeID("talk-" + name)
	require.NoError(t, b.client.EnsureBridge(ctx, talk, telephony.BridgeMixing))
	require.NoError(t, b.client.EnsureBridge(ctx, talk, telephony.BridgeMixing))
	require.NoError(t, b.client.Join(ctx, talk, offer, caller))
	require.Equal(t, telephony.EnteredBridge{Leg: offer, Bridge: talk}, until[telephony.EnteredBridge](t, b))
	require.Equal(t, telephony.EnteredBridge{Leg: caller, Bridge: talk}, until[telephony.EnteredBridge](t, b))
	citizen.hears(t, "the official")
	official.hears(t, "the citizen")
	s, err = b.client.Snapshot(ctx)
	require.NoError(t, err)
	require.True(t, channel(t, s, offer).InApp)
	require.Equal(t, talk, channel(t, s, offer).Bridge)

	require.NoError(t, dialog.Bye(ctx))
	require.Equal(t, telephony.HangupRequested{Leg: caller}, until[telephony.HangupRequested](t, b))
	require.Equal(t, caller, until[telephony.LegLeft](t, b).Leg)
	gone := until[telephony.LegGone](t, b)
	require.Equal(t, telephony.LegGone{Leg: caller, Cause: gone.Cause, Asked: true}, gone)
	require.NoError(t, b.client.Hangup(ctx, offer, "normal"))
	require.Equal(t, telephony.LegGone{Leg: offer, Cause: 16, Asked: true}, until[telephony.LegGone](t, b))
	<-official.byes
	for _, id := range []telephony.BridgeID{line, talk} {
		require.NoError(t, b.client.DeleteBridge(ctx, id))
		require.NoError(t, b.client.DeleteBridge(ctx, id))
	}
	require.NoError(t, b.client.DropEndpoint(ctx, name))
}

// TestLiveMute : a talk room that is not there is made by the join (RT12), and who is muted is not heard by anybody, until the
// mute is over.
func TestLiveMute(t *testing.T) {
	x := liveExchange(t)
	b := x.connect(t)
	ctx := t.Context()
	citizen, official := newPhone(t, x.trunk), newPhone(t, "127.0.0.11")
	official.voice.Store(shout)
	name := "seat-" + uuid.Must(uuid.NewV7()).String()
	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{
		Name: name, Contact: fmt.Sprintf("sip:A01@%s:%d", official.ip, official.port),
	}))
	answered := citizen.call(t, "12345", x.sip)
	caller := until[telephony.Entered](t, b).Leg
	require.NoError(t, b.client.Watch(ctx, "channel:"+string(caller)))
	require.NoError(t, b.client.Answer(ctx, caller))
	dialog := <-answered
	require.NotNil(t, dialog)
	leg := telephony.LegID(uuid.Must(uuid.NewV7()).String())
	require.NoError(t, b.client.Ring(ctx, telephony.RingRequest{Leg: leg, Endpoint: name, Caller: caller, Limit: 22 * time.Second}))
	<-official.rang
	official.pickUp <- 200
	require.Equal(t, leg, until[telephony.Entered](t, b).Leg)

	require.NoError(t, b.client.Mute(ctx, leg, true), "before anybody hears it")
	talk := telephony.BridgeID("talk-" + name)
	require.NoError(t, b.client.Join(ctx, talk, leg, caller), "nobody has made the bridge")
	require.Equal(t, telephony.EnteredBridge{Leg: leg, Bridge: talk}, until[telephony.EnteredBridge](t, b))
	require.Equal(t, telephony.EnteredBridge{Leg: caller, Bridge: talk}, until[telephony.EnteredBridge](t, b))
	s, err := b.client.Snapshot(ctx)
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(s.Bridges, func(br telephony.Bridge) bool { return br.ID == talk && br.Kind == telephony.BridgeMixing }))

	official.hears(t, "who is muted hears")
	require.Zero(t, citizen.loud.Load(), "a mute from before the join holds")
	require.NoError(t, b.client.Mute(ctx, leg, false))
	citizen.hearsVoice(t, "the official")
	require.NoError(t, b.client.Mute(ctx, leg, true))
	require.NoError(t, b.client.Mute(ctx, leg, true), "twice is once")
	loud := citizen.loud.Load()
	official.hears(t, "who is muted hears")
	require.Less(t, citizen.loud.Load()-loud, int64(10), "what is on the way is heard, and then nothing")
	require.NoError(t, b.client.Mute(ctx, leg, false))
	citizen.hearsVoice(t, "the official again")

	require.NoError(t, dialog.Bye(ctx))
	require.NoError(t, b.client.Hangup(ctx, leg, "normal"))
	<-official.byes
	require.NoError(t, b.client.DeleteBridge(ctx, talk))
	require.NoError(t, b.client.DropEndpoint(ctx, name))
}

// TestLiveAnnouncement : whether one runs, a controller that has just come asks.
func TestLiveAnnouncement(t *testing.T) {
	x := liveExchange(t)
	b := x.connect(t)
	ctx := t.Context()
	citizen := newPhone(t, x.trunk)
	answered := citizen.call(t, "12345", x.sip)
	caller := until[telephony.Entered](t, b).Leg
	require.NoError(t, b.client.Answer(ctx, caller))
	dialog := <-answered
	require.NotNil(t, dialog)
	for i, stop := range []bool{true, false} {
		pb := fmt.Sprintf("pb-%s-%d", caller, i)
		require.ErrorIs(t, b.client.Plays(ctx, pb), telephony.ErrGone, "before it began")
		require.NoError(t, b.client.Play(ctx, caller, pb, "hotline/reconnecting"))
		require.NoError(t, b.client.Plays(ctx, pb))
		citizen.hearsVoice(t, "the announcement")
		require.NoError(t, b.client.Plays(ctx, pb))
		if stop {
			require.NoError(t, b.client.StopPlay(ctx, pb))
		}
		require.Equal(t, telephony.PlayDone{Playback: pb}, until[telephony.PlayDone](t, b))
		require.ErrorIs(t, b.client.Plays(ctx, pb), telephony.ErrGone)
	}
	require.NoError(t, dialog.Bye(ctx))
	until[telephony.LegLeft](t, b)
}

// TestLiveReturn : a citizen whom the controller can not take is not refused: the dialplan answers and says so (RT15).
func TestLiveReturn(t *testing.T) {
	x := liveExchange(t)
	b := x.connect(t)
	ctx := t.Context()
	citizen := newPhone(t, x.trunk)
	answered := citizen.call(t, "12345", x.sip)
	caller := until[telephony.Entered](t, b).Leg
	require.Empty(t, answered, "nobody has answered yet")
	require.NoError(t, b.client.Return(ctx, caller))
	require.Equal(t, caller, until[telephony.LegLeft](t, b).Leg)
	dialog := <-answered
	require.NotNil(t, dialog, "200 OK")
	citizen.hearsVoice(t, "the words")
	require.NoError(t, b.client.Return(ctx, caller), "once more is success")
	require.NoError(t, dialog.Bye(ctx))
	require.NoError(t, b.client.Return(ctx, "none"), "gone is success")
}

func channel(t *testing.T, s telephony.Snapshot, id telephony.LegID) telephony.Channel {
	t.Helper()
	for _, ch := range s.Channels {
		if ch.ID == id {
			return ch
		}
	}
	require.Fail(t, "no such channel", id)
	return telephony.Channel{}
}

// TestLiveRefusals : what Asterisk says to what cannot be.
func TestLiveRefusals(t *testing.T) {
	x := liveExchange(t)
	b := x.connect(t)
	ctx := t.Context()
	name := "seat-" + uuid.Must(uuid.NewV7()).String()
	r := telephony.RingRequest{Leg: telephony.LegID(name), Endpoint: name, Limit: 5 * time.Second}
	require.ErrorIs(t, b.client.Ring(ctx, r), telephony.ErrSeatOffline, "not pushed")
	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{Name: name, HA1: strings.Repeat("0a", 16)}))
	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{Name: name, HA1: strings.Repeat("0b", 16)}))
	require.ErrorIs(t, b.client.Ring(ctx, r), telephony.ErrSeatOffline, "not registered")
	r.Caller = "no-such-caller"
	require.ErrorIs(t, b.client.Ring(ctx, r), telephony.ErrGone)
	require.NoError(t, b.client.DropEndpoint(ctx, name))
	require.NoError(t, b.client.DropEndpoint(ctx, name))

	require.ErrorIs(t, b.client.Answer(ctx, "none"), telephony.ErrGone)
	require.NoError(t, b.client.Hangup(ctx, "none", "answered_elsewhere"))
	require.NoError(t, b.client.StopPlay(ctx, "none"))
	require.ErrorIs(t, b.client.Play(ctx, "none", "pb", "sound:x"), telephony.ErrGone)
	require.ErrorIs(t, b.client.Watch(ctx, "channel:none"), telephony.ErrGone)
	require.ErrorIs(t, b.client.Join(ctx, "none", "none"), telephony.ErrGone)
	require.ErrorIs(t, b.client.Leave(ctx, "none", "none"), telephony.ErrGone)
	bridge := telephony.BridgeID("hold-" + name)
	require.ErrorIs(t, b.client.Hold(ctx, bridge, "none"), telephony.ErrGone)
	require.NoError(t, b.client.DeleteBridge(ctx, bridge))
}

// TestLiveRefusedRing : the telephone's own busy.
func TestLiveRefusedRing(t *testing.T) {
	x := liveExchange(t)
	b := x.connect(t)
	ctx := t.Context()
	official := newPhone(t, "127.0.0.11")
	name := "seat-" + uuid.Must(uuid.NewV7()).String()
	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{
		Name: name, Contact: fmt.Sprintf("sip:A01@%s:%d", official.ip, official.port),
	}))
	for status, cause := range map[int]int{486: 17, 603: 21, 480: 19} {
		leg := telephony.LegID(uuid.Must(uuid.NewV7()).String())
		require.NoError(t, b.client.Ring(ctx, telephony.RingRequest{Leg: leg, Endpoint: name, Limit: 20 * time.Second}))
		<-official.rang
		official.pickUp <- status
		require.Equal(t, telephony.LegGone{Leg: leg, Cause: cause, TechCause: status, Asked: true}, until[telephony.LegGone](t, b))
	}
	leg := telephony.LegID(uuid.Must(uuid.NewV7()).String())
	require.NoError(t, b.client.Ring(ctx, telephony.RingRequest{Leg: leg, Endpoint: name, Limit: time.Second}))
	<-official.rang
	require.Equal(t, telephony.LegGone{Leg: leg, Cause: 19, TechCause: 480}, until[telephony.LegGone](t, b), "the limit")
	require.NoError(t, b.client.DropEndpoint(ctx, name))
}
