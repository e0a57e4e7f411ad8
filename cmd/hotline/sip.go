package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"hotline/agent"
	"hotline/agent/problem"
)

// sipProxy carries the softphone's signalling from /sip to Asterisk's /ws, for those only who sit where a telephone is (telephony.md 5.1,
// RS11). One socket per login: a reloaded page's socket ends the old one. Until the seats are pushed it answers 503, since a browser
// whose account is missing would give up for good (telephony.md 3.3).
type sipProxy struct {
	proxy   *httputil.ReverseProxy
	origins []string
	people  standings
	log     *slog.Logger
	ready   atomic.Bool

	mu      sync.Mutex
	sockets map[string]*sipSocket // by login; guarded by mu
}

// standings tells what people are now; agent/store is it.
type standings interface {
	StandingsOf(ctx context.Context, people []agent.PersonID) (map[agent.PersonID]agent.Standing, error)
}

// sipSocket is one that is open now.
type sipSocket struct{ cut context.CancelFunc }

func newSIPProxy(asterisk *url.URL, origins []string, people standings, log *slog.Logger) *sipProxy {
	p := &sipProxy{origins: origins, people: people, log: log, sockets: map[string]*sipSocket{}}
	p.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(asterisk)
			r.Out.URL.Path = "/ws"
			r.Out.URL.RawQuery = ""
			r.Out.Header.Del("Cookie")
			r.Out.Header.Del("Origin")
		},
		ModifyResponse: p.meter,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				log.WarnContext(r.Context(), "softphone socket not carried", slog.Any("err", err))
			}
			problem.Write(w, r, problem.New(http.StatusBadGateway, "exchange.away").After(time.Second))
		},
	}
	return p
}

func (p *sipProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, ok := agent.FromContext(r.Context())
	if !ok {
		problem.Write(w, r, problem.New(http.StatusUnauthorized, "login.required"))
		return
	}
	if !slices.Contains(p.origins, r.Header.Get("Origin")) {
		p.log.WarnContext(r.Context(), "softphone socket from a foreign origin refused", slog.String("person", string(id.Person)), slog.String("address", r.RemoteAddr))
		problem.Write(w, r, problem.New(http.StatusForbidden, "origin"))
		return
	}
	if !p.ready.Load() {
		problem.Write(w, r, problem.New(http.StatusServiceUnavailable, "exchange.away").After(time.Second))
		return
	}
	people, err := p.people.StandingsOf(r.Context(), []agent.PersonID{id.Person})
	standing := people[id.Person]
	switch {
	case err != nil:
		p.log.ErrorContext(r.Context(), "seat of a softphone not read", slog.Any("err", err))
		problem.Write(w, r, problem.New(http.StatusServiceUnavailable, "unavailable"))
		return
	case !telephones(standing):
		p.log.WarnContext(r.Context(), "softphone socket without a seat refused", slog.String("person", string(id.Person)), slog.String("address", r.RemoteAddr))
		problem.Write(w, r, problem.New(http.StatusForbidden, "not_allowed").Because("sit"))
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer p.open(id.Login, &sipSocket{cancel})()
	// Asterisk sees our address only: who had which one when is told here.
	who := []any{slog.String("person", string(id.Person)), slog.String("seat", string(standing.Seat)), slog.String("address", r.RemoteAddr)}
	p.log.InfoContext(ctx, "softphone socket opened", who...)
	defer p.log.InfoContext(ctx, "softphone socket ended", who...)
	p.proxy.ServeHTTP(w, r.WithContext(ctx))
}

// What a softphone may send. Its signalling is a few kilobytes a call, and a registration now and then.
const (
	sipBytesPerSecond = 16 << 10
	sipBytesAtOnce    = 256 << 10
)

var errSIPFlood = errors.New("more than a softphone sends")

// metered is the way to the exchange, which closes when too much comes.
type metered struct {
	io.ReadWriteCloser

	limit *rate.Limiter
	over  func()
}

func (m *metered) Write(b []byte) (int, error) {
	if !m.limit.AllowN(time.Now(), len(b)) {
		m.over()
		return 0, errSIPFlood
	}
	return m.ReadWriteCloser.Write(b)
}

// meter takes from the exchange nothing but a socket: what it says instead is for nobody outside.
func (p *sipProxy) meter(res *http.Response) error {
	if res.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("the exchange answered %d instead of opening a socket", res.StatusCode)
	}
	if conn, ok := res.Body.(io.ReadWriteCloser); ok {
		ctx := res.Request.Context()
		id, _ := agent.FromContext(ctx) // ServeHTTP has looked
		res.Body = &metered{conn, rate.NewLimiter(sipBytesPerSecond, sipBytesAtOnce), func() {
			p.log.WarnContext(ctx, "softphone socket that sent too much cut", slog.String("person", string(id.Person)))
		}}
	}
	return nil
}

// open counts a login's socket in, in place of the one before, and returns what counts it out.
func (p *sipProxy) open(login string, s *sipSocket) func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.sockets[login]; old != nil {
		old.cut()
	}
	p.sockets[login] = s
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.sockets[login] == s {
			delete(p.sockets, login)
		}
	}
}

// Cut ends the socket of a login that is over.
func (p *sipProxy) Cut(login string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.sockets[login]; s != nil {
		s.cut()
	}
}

// Open are the sockets that are open now, by login.
func (p *sipProxy) Open() map[string]*sipSocket {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.sockets)
}
