package demo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent/door/doortest"
	"hotline/cmd/hotline/demo"
	"hotline/cmd/sim/audio"
	"hotline/cmd/sim/phone"
	"hotline/cmd/sim/seat"
)

// crowd are the citizens; their telephones share an address that the trunk trusts.
type crowd struct {
	s     *stage
	phone *phone.Phone

	mu  sync.Mutex
	all map[string]*citizen // by masked number
}

type citizen struct {
	number, masked string
	ear            *ear

	done chan struct{} // closed when dialling is over, well or badly
	call *phone.Call   // then
	err  error         // then
}

func newCrowd(s *stage) *crowd {
	s.t.Helper()
	p, err := phone.Open(s.ctx, "127.0.0.2:0", nil)
	require.NoError(s.t, err)
	return &crowd{s: s, phone: p, all: map[string]*citizen{}}
}

// described is a way to the server that holds its answers to the description, in processes too (RP4).
func described(t *testing.T) http.RoundTripper {
	t.Helper()
	d, err := description()
	require.NoError(t, err)
	return d.Transport(t, nil)
}

var description = sync.OnceValues(func() (*doortest.Description, error) {
	document, err := os.ReadFile("../../panel/openapi.json")
	if err != nil {
		return nil, err
	}
	return doortest.Read(document)
})

// dial calls and comes back when Asterisk has answered; the number ends in n, which tells citizens apart when masked.
func (c *crowd) dial(ctx context.Context, n int) *citizen {
	one := &citizen{number: fmt.Sprintf("1385512%04d", n), masked: fmt.Sprintf("138****%04d", n), ear: &ear{}, done: make(chan struct{})}
	defer close(one.done)
	c.mu.Lock()
	c.all[one.masked] = one
	c.mu.Unlock()
	v, err := phone.NewVoice("127.0.0.2", audio.Sine(1000, 0.3), one.ear.hear)
	if err != nil {
		one.err = err
		return one
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	one.call, one.err = c.phone.Dial(ctx, "sip:"+demo.Number+"@"+c.s.Trunk, one.number, v)
	if one.err != nil {
		v.Close()
		return one
	}
	go func() {
		<-one.call.Done()
		v.Close()
	}()
	return one
}

// arrive lets citizens from..to-1 call and waits until Asterisk has answered them all.
func (c *crowd) arrive(from, to int) []*citizen {
	c.s.t.Helper()
	out := c.attempt(from, to)
	for _, one := range out {
		require.NoError(c.s.t, one.err)
	}
	return out
}

// attempt lets citizens from..to-1 call, a few at once, and waits until each is answered or refused.
func (c *crowd) attempt(from, to int) []*citizen {
	out := make([]*citizen, to-from)
	var wg sync.WaitGroup
	places := make(chan struct{}, 4)
	for i := range out {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			out[i] = c.dial(c.s.ctx, from+i)
		})
	}
	wg.Wait()
	return out
}

func (c *crowd) byMask(masked string) *citizen {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[masked]
}

// leave hangs up.
func (c *citizen) leave() error { return c.call.Hangup(context.Background()) }

func (c *citizen) gone() bool {
	select {
	case <-c.call.Done():
		return true
	default:
		return false
	}
}

// ring is one INVITE at a seat's telephone.
type ring struct {
	seat, masked string
	call         *phone.Call
	ear          *ear
	at           time.Time

	mu         sync.Mutex
	answeredAt time.Time
	overAt     time.Time
}

func (r *ring) answered() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.answeredAt.IsZero() && r.overAt.IsZero()
}

func (r *ring) span() (time.Time, time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.overAt.IsZero() {
		return r.at, time.Now()
	}
	return r.at, r.overAt
}

// answer takes the call and lets the official speak.
func (r *ring) answer() error {
	v, err := phone.NewVoice("127.0.0.3", audio.Sine(600, 0.3), r.ear.hear)
	if err != nil {
		return err
	}
	if err := r.call.Answer(v); err != nil {
		v.Close()
		return err
	}
	r.mu.Lock()
	r.answeredAt = time.Now()
	r.mu.Unlock()
	return nil
}

// hall is the officials with their telephones; what they do when one rings, the test says.
type hall struct {
	s     *stage
	phone *phone.Phone
	slack time.Duration // how long a telephone may take to notice that its ring is over when another one rings already

	mu     sync.Mutex
	manner func(*ring) // blocks until the call is over
	rings  []*ring
	leaks  []string // INVITEs that bear a citizen's number
}

func newHall(s *stage) *hall {
	s.t.Helper()
	h := &hall{s: s, manner: pickUp(50 * time.Millisecond), slack: 300 * time.Millisecond}
	p, err := phone.Open(s.ctx, "127.0.0.3:0", h.take)
	require.NoError(s.t, err)
	h.phone = p
	return h
}

// pickUp answers after a while and talks until the other side, or the test, hangs up.
func pickUp(after time.Duration) func(*ring) {
	return func(r *ring) {
		if r.call.Ring() != nil || wait(r.call.Done(), after) || r.answer() != nil {
			return
		}
		<-r.call.Done()
	}
}

// serve answers, talks for a while, hangs up; who hangs up before the citizen is there has declined.
func (h *hall) serve(after, talk time.Duration) func(*ring) {
	return func(r *ring) {
		if r.call.Ring() != nil || wait(r.call.Done(), after) || r.answer() != nil {
			return
		}
		for !h.engaged(r.seat) {
			if wait(r.call.Done(), look) {
				return
			}
		}
		if !wait(r.call.Done(), talk) {
			_ = r.hangUp()
		}
	}
}

func (h *hall) engaged(seat string) bool {
	var work string
	err := h.s.db.QueryRow(h.s.ctx, `SELECT work FROM seat_work WHERE seat = $1`, seat).Scan(&work)
	return err == nil && work == "engaged"
}

// wait returns true when done comes first.
func wait(done <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

func (h *hall) behave(manner func(*ring)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.manner = manner
}

var (
	callerNumber = regexp.MustCompile(`\d{3}(\*|%2A|%2a){4}\d{4}`)
	wholeNumber  = regexp.MustCompile(`13[89]5512\d{4}`) // of every citizen here
)

func (h *hall) take(c *phone.Call) {
	number := callerNumber.FindString(c.Header("From"))
	r := &ring{seat: c.User, call: c, ear: &ear{}, at: time.Now()}
	if len(number) > 7 {
		r.masked = number[:3] + "****" + number[len(number)-4:]
	}
	h.mu.Lock()
	if invite := c.Invite(); wholeNumber.MatchString(invite) {
		h.leaks = append(h.leaks, invite)
	}
	h.rings = append(h.rings, r)
	manner := h.manner
	h.mu.Unlock()
	manner(r)
	r.mu.Lock()
	r.overAt = time.Now()
	r.mu.Unlock()
}

func (h *hall) all() []*ring {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]*ring(nil), h.rings...)
}

// talking are the calls that an official has answered and that go on.
func (h *hall) talking() []*ring {
	var out []*ring
	for _, r := range h.all() {
		if r.answered() {
			out = append(out, r)
		}
	}
	return out
}

// doubles are citizens for whom two telephones rang or talked at the same time, as the telephones saw it.
func (h *hall) doubles() []string {
	var out []string
	rings := h.all()
	for i, a := range rings {
		_, over := a.span()
		for _, b := range rings[i+1:] {
			if began, _ := b.span(); a.masked == b.masked && a.masked != "" && began.Add(h.slack).Before(over) {
				out = append(out, fmt.Sprintf("%s rang at %s and %s at once, for %s", a.masked, a.seat, b.seat, over.Sub(began)))
			}
		}
	}
	return out
}

// sit signs all officials in, or those named, and says ready for them.
func (h *hall) sit(seats ...string) {
	h.s.t.Helper()
	for _, a := range h.s.People {
		if a.Role != "official" || len(seats) > 0 && !slices.Contains(seats, a.Seat) {
			continue
		}
		require.NoError(h.s.t, h.seat(h.s.ctx, a))
	}
}

func (h *hall) seat(ctx context.Context, a demo.Account) error {
	c, err := seat.SignInOver(ctx, described(h.s.t), h.s.Panel, a.LoginName, a.Password)
	if err != nil {
		return err
	}
	path := "/api/v1/seats/" + a.Seat
	if err := c.Do(ctx, http.MethodPost, path+"/take", map[string]any{"place": "official", "take_over": true}, nil); err != nil {
		return err
	}
	account := map[string]any{"client": "test-" + a.Seat, "phone": "sip", "contact": "sip:" + a.Seat + "@" + h.phone.Addr()}
	if err := c.Do(ctx, http.MethodPost, path+"/phone", account, nil); err != nil {
		return err
	}
	for {
		var s struct {
			Version int64 `json:"version"`
		}
		if err := c.Do(ctx, http.MethodGet, path, nil, &s); err != nil {
			return err
		}
		err := c.Do(ctx, http.MethodPost, path+"/intent", map[string]any{"intent": "ready", "version": s.Version}, nil)
		var p *seat.ProblemError
		if err == nil || !errors.As(err, &p) || p.Status != http.StatusConflict {
			return err
		}
		if wait(ctx.Done(), 50*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// hangUp ends an answered call from the official's side.
func (r *ring) hangUp() error { return r.call.Hangup(context.Background()) }
