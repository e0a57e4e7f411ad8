package main

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"hotline/agent"
	"hotline/agent/problem"
)

// perLogin bounds what one login asks of the API and how often it opens sockets (V2.4.1, RS15): so many requests a second, and five
// seconds' worth at once.
type perLogin struct {
	limit rate.Limit
	now   func() time.Time

	mu      sync.Mutex
	buckets map[string]*rate.Limiter // by login; guarded by mu
}

// newPerLogin makes one for so many requests a second; 0: no limit.
func newPerLogin(requests int, now func() time.Time) *perLogin {
	return &perLogin{limit: rate.Limit(requests), now: now, buckets: map[string]*rate.Limiter{}}
}

func (p *perLogin) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, ok := agent.FromContext(r.Context())
		if ok && p.limit > 0 && counted(r.URL.Path) && !p.allow(id.Login) {
			problem.Write(w, r, problem.New(http.StatusTooManyRequests, "too_many").After(time.Second))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// counted is what costs more than a file of the panel.
func counted(path string) bool {
	return strings.HasPrefix(path, "/api/") || path == "/ws" || path == "/sip"
}

func (p *perLogin) allow(login string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	b, ok := p.buckets[login]
	if !ok {
		p.forgetLocked(now)
		b = rate.NewLimiter(p.limit, int(p.limit)*5)
		p.buckets[login] = b
	}
	return b.AllowN(now, 1)
}

// forgetLocked drops those that have asked nothing for long enough to be as good as new.
func (p *perLogin) forgetLocked(now time.Time) {
	for login, b := range p.buckets {
		if b.TokensAt(now) >= float64(b.Burst()) {
			delete(p.buckets, login)
		}
	}
}
