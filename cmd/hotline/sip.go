package main

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"

	"hotline/agent"
)

// sipProxy carries the softphone's signalling from /sip to Asterisk's /ws, for signed-in people only (telephony.md 5.1). One
// socket per login: a reloaded page's socket ends the old one. Until the seats are pushed it answers 503, since a browser
// whose account is missing would give up for good (telephony.md 3.3).
type sipProxy struct {
	proxy   *httputil.ReverseProxy
	origins []string
	log     *slog.Logger
	ready   atomic.Bool

	mu      sync.Mutex
	sockets map[string]*sipSocket // by login; guarded by mu
}

// sipSocket is one that is open now.
type sipSocket struct{ cut context.CancelFunc }

func newSIPProxy(asterisk *url.URL, origins []string, log *slog.Logger) *sipProxy {
	p := &sipProxy{origins: origins, log: log, sockets: map[string]*sipSocket{}}
	p.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(asterisk)
			r.Out.URL.Path = "/ws"
			r.Out.URL.RawQuery = ""
			r.Out.Header.Del("Cookie")
			r.Out.Header.Del("Origin")
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				log.WarnContext(r.Context(), "softphone socket not carried", slog.Any("err", err))
			}
			problem(w, http.StatusBadGateway, "exchange.away", "the telephone exchange does not answer; the page tries again")
		},
	}
	return p
}

func (p *sipProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, ok := agent.FromContext(r.Context())
	if !ok {
		problem(w, http.StatusUnauthorized, "login.required", "sign in first")
		return
	}
	if !slices.Contains(p.origins, r.Header.Get("Origin")) {
		p.log.WarnContext(r.Context(), "softphone socket from a foreign origin refused", slog.String("person", string(id.Person)))
		problem(w, http.StatusForbidden, "origin", "this origin may not open sockets")
		return
	}
	if !p.ready.Load() {
		w.Header().Set("Retry-After", "1")
		problem(w, http.StatusServiceUnavailable, "exchange.away", "the telephone exchange is coming up; the page tries again")
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer p.open(id.Login, &sipSocket{cancel})()
	p.proxy.ServeHTTP(w, r.WithContext(ctx))
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

// Logins lists the logins that have a socket open.
func (p *sipProxy) Logins() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.sockets))
}
