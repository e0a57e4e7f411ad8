// Package phone is a plain SIP telephone with a voice: seats without browsers, and citizens whose ears a test can read.
// It knows SIP, RTP and A-law packets; it knows nothing of the product.
package phone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// Phone is one SIP user agent on one UDP address; it may carry many calls.
type Phone struct {
	addr *net.UDPAddr
	ua   *sipgo.UserAgent
	srv  *sipgo.Server
	in   *sipgo.DialogServerCache
	out  *sipgo.DialogClientCache

	incoming func(*Call)
	ready    chan struct{} // closed when in and out are there; requests before that wait
}

// Call is one leg at this telephone.
type Call struct {
	User  string // user part of the address that was called
	Voice *Voice // what is said and heard; nil until there is an SDP

	Answered time.Time // when the 200 OK of an outgoing call was read

	in   *sipgo.DialogServerSession
	out  *sipgo.DialogClientSession
	done <-chan struct{}
}

// Open starts a telephone on addr ("127.0.0.3:5070"). Incoming calls go to incoming, each on a goroutine of its own; nil
// answers them with 480. The telephone is closed when ctx ends.
func Open(ctx context.Context, addr string, incoming func(*Call)) (*Phone, error) {
	quiet := slog.New(slog.DiscardHandler)
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("telephone address %s: %w", addr, err)
	}
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("hotline-sim"), sipgo.WithUserAgentHostname(host))
	if err != nil {
		return nil, fmt.Errorf("make user agent: %w", err)
	}
	srv, err := sipgo.NewServer(ua, sipgo.WithServerLogger(quiet))
	if err != nil {
		return nil, fmt.Errorf("make SIP server: %w", err)
	}
	p := &Phone{ua: ua, srv: srv, incoming: incoming, ready: make(chan struct{})}
	p.routes()
	udp, err := listen(ctx, srv, addr)
	if err != nil {
		return nil, err
	}
	client, err := sipgo.NewClient(ua, sipgo.WithClientLogger(quiet), sipgo.WithClientHostname(host),
		sipgo.WithClientPort(udp.Port), sipgo.WithClientConnectionAddr(udp.String()))
	if err != nil {
		return nil, fmt.Errorf("make SIP client: %w", err)
	}
	contact := sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: "sim", Host: udp.IP.String(), Port: udp.Port}}
	p.addr, p.in, p.out = udp, sipgo.NewDialogServerCache(client, contact), sipgo.NewDialogClientCache(client, contact)
	close(p.ready)
	context.AfterFunc(ctx, func() { _ = ua.Close() })
	return p, nil
}

// listen serves addr in the background, until ctx ends, and returns the address once the telephone can call from it.
func listen(ctx context.Context, srv *sipgo.Server, addr string) (*net.UDPAddr, error) {
	socket, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp4", addr)
	if err != nil {
		return nil, fmt.Errorf("open telephone on %s: %w", addr, err)
	}
	context.AfterFunc(ctx, func() { _ = socket.Close() })
	heard := &announced{PacketConn: socket, ready: make(chan struct{})}
	go func() { _ = srv.ServeUDP(heard) }()
	<-heard.ready
	return net.ResolveUDPAddr("udp4", socket.LocalAddr().String())
}

// announced tells when it is read for the first time: only then does the SIP library know the socket and call from it.
type announced struct {
	net.PacketConn
	once  sync.Once
	ready chan struct{}
}

func (a *announced) ReadFrom(p []byte) (int, net.Addr, error) {
	a.once.Do(func() { close(a.ready) })
	return a.PacketConn.ReadFrom(p)
}

// Addr is where the telephone listens, "127.0.0.3:5070".
func (p *Phone) Addr() string { return p.addr.String() }

func (p *Phone) routes() {
	p.srv.OnInvite(func(req *sip.Request, tx sip.ServerTransaction) {
		<-p.ready
		dlg, err := p.in.ReadInvite(req, tx)
		if err != nil {
			_ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusBadRequest, "Bad Request", nil))
			return
		}
		defer func() { _ = dlg.Close() }()
		c := &Call{User: req.Recipient.User, in: dlg, done: dlg.Context().Done()}
		if p.incoming == nil {
			_ = dlg.Respond(sip.StatusTemporarilyUnavailable, "Temporarily Unavailable", nil)
			return
		}
		p.incoming(c)
		if c.Voice != nil {
			c.Voice.Close()
		}
	})
	p.srv.OnAck(func(req *sip.Request, tx sip.ServerTransaction) {
		<-p.ready
		_ = p.in.ReadAck(req, tx)
	})
	p.srv.OnBye(func(req *sip.Request, tx sip.ServerTransaction) {
		<-p.ready
		if p.in.ReadBye(req, tx) == nil || p.out.ReadBye(req, tx) == nil {
			return
		}
		_ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusCallTransactionDoesNotExists, "No such call", nil))
	})
	p.srv.OnOptions(func(req *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(req, sip.StatusOK, "OK", nil))
	})
}

// Dial calls "sip:12345@127.0.0.1:5060" from a number and waits for the answer; v speaks and listens.
func (p *Phone) Dial(ctx context.Context, to, from string, v *Voice) (*Call, error) {
	var uri sip.Uri
	if err := sip.ParseUri(to, &uri); err != nil {
		return nil, fmt.Errorf("dial %q: %w", to, err)
	}
	fromHeader := sip.FromHeader{
		Address: sip.Uri{Scheme: "sip", User: from, Host: p.addr.IP.String(), Port: p.addr.Port},
		Params:  sip.NewParams(),
	}
	fromHeader.Params.Add("tag", sip.GenerateTagN(16))
	dlg, err := p.out.Invite(ctx, uri, v.offer(), &fromHeader, sip.NewHeader("Content-Type", "application/sdp"))
	if err != nil {
		return nil, fmt.Errorf("invite %s: %w", to, err)
	}
	var answered time.Time
	note := func(res *sip.Response) error {
		if res.IsSuccess() {
			answered = time.Now()
		}
		return nil
	}
	if err := dlg.WaitAnswer(ctx, sipgo.AnswerOptions{OnResponse: note}); err != nil {
		_ = dlg.Close()
		return nil, fmt.Errorf("wait for the answer of %s: %w", to, err)
	}
	if err := dlg.Ack(ctx); err != nil {
		return nil, fmt.Errorf("acknowledge: %w", err)
	}
	if err := v.connect(dlg.InviteResponse.Body()); err != nil {
		_ = dlg.Bye(ctx)
		return nil, err
	}
	return &Call{User: uri.User, Voice: v, Answered: answered, out: dlg, done: dlg.Context().Done()}, nil
}

// Ring tells the other side that the telephone rings.
func (c *Call) Ring() error { return c.in.Respond(sip.StatusRinging, "Ringing", nil) }

// Answer takes an incoming call; v speaks and listens from then on.
func (c *Call) Answer(v *Voice) error {
	if err := v.connect(c.in.InviteRequest.Body()); err != nil {
		return err
	}
	c.Voice = v
	if err := c.in.RespondSDP(v.offer()); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// Decline refuses an incoming call with a SIP status, 486 or 603.
func (c *Call) Decline(status int, reason string) error { return c.in.Respond(status, reason, nil) }

// Header of the INVITE that came in; empty if absent.
func (c *Call) Header(name string) string {
	if h := c.in.InviteRequest.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}

// Invite is the INVITE that came in, as it came.
func (c *Call) Invite() string { return c.in.InviteRequest.String() }

// Done is closed when the call is over, whoever ended it.
func (c *Call) Done() <-chan struct{} { return c.done }

// Hangup ends an answered call, even when ctx is over already.
func (c *Call) Hangup(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if c.in != nil {
		return c.in.Bye(ctx)
	}
	defer func() { _ = c.out.Close() }()
	return c.out.Bye(ctx)
}

// mediaAddress reads c= and m= of an SDP.
func mediaAddress(sdp []byte) (*net.UDPAddr, error) {
	var host string
	var port int
	for line := range strings.Lines(string(sdp)) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "c=IN IP4 "); ok {
			host = rest
		}
		if rest, ok := strings.CutPrefix(line, "m=audio "); ok {
			word, _, _ := strings.Cut(rest, " ")
			n, err := strconv.Atoi(word)
			if err != nil {
				return nil, fmt.Errorf("media port %q: %w", word, err)
			}
			port = n
		}
	}
	ip := net.ParseIP(host)
	if ip == nil || port == 0 {
		return nil, errors.New("SDP names no audio address")
	}
	return &net.UDPAddr{IP: ip, Port: port}, nil
}
