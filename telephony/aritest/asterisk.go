package aritest

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"hotline/telephony"
)

// Options of a fake; the zero value is good.
type Options struct {
	App      string // hotline
	User     string // controller
	Password string // secret

	// Now stamps events. Without it a clock of its own runs, a millisecond per event, from a Thursday at 8:30.
	Now func() time.Time

	PlaysEnd    bool // announcements end as soon as they have started, instead of by EndPlayback
	SeatsAnswer bool // a seat that is rung answers at once, instead of by AnswerSeat
}

// Asterisk is one running fake.
type Asterisk struct {
	Options

	server *httptest.Server

	mu          sync.Mutex // guards all below
	changed     chan struct{}
	closed      bool
	ticks       time.Duration
	starts      int
	calls       int
	connections int
	channels    map[telephony.LegID]*channel
	order       []telephony.LegID
	bridges     map[telephony.BridgeID]*bridge
	playbacks   map[string]*playback
	objects     map[string]map[string]string // kind/name of run-time configuration
	endpoints   map[string]*endpoint
	app         application
	requests    []Request
	refused     []telephony.LegID
	returned    []telephony.LegID
	faults      []*Fault
	alter       func(frame []byte) [][]byte
	withheld    [][]byte
	withholding bool
}

// New starts a fake on a free port of 127.0.0.1; it ends with the test.
func New(tb testing.TB, o Options) *Asterisk {
	tb.Helper()
	o.App = cmp.Or(o.App, "hotline")
	o.User = cmp.Or(o.User, "controller")
	o.Password = cmp.Or(o.Password, "secret")
	a := &Asterisk{Options: o, changed: make(chan struct{})}
	a.emptyLocked()
	a.server = httptest.NewUnstartedServer(a.routes())
	a.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			a.do(func() { a.connections++ })
		}
	}
	a.server.Start()
	tb.Cleanup(a.close)
	return a
}

// URL is the address of its HTTP server.
func (a *Asterisk) URL() string { return a.server.URL }

// Await waits until cond holds; it is asked anew after each change, under no lock. The test fails after ten seconds.
func (a *Asterisk) Await(tb testing.TB, what string, cond func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 10*time.Second)
	defer cancel()
	for {
		changed := a.change()
		if cond() {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			tb.Fatalf("waited in vain for %s", what)
		}
	}
}

// Entity is what a client should find: it changes with Restart.
func (a *Asterisk) Entity() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return entityID + "@" + a.startedLocked()
}

// Restart is a crash and a new start: every channel, bridge and pushed endpoint is lost, nothing is told to anyone.
func (a *Asterisk) Restart() {
	a.Drop()
	a.do(func() {
		a.starts++
		a.calls = 0 // the next run gives the same ids: so does the real one within a second, or when its clock is set back
		a.emptyLocked()
	})
}

// Connections counts the TCP connections that have been opened, sockets included.
func (a *Asterisk) Connections() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.connections
}

func (a *Asterisk) emptyLocked() {
	a.channels = map[telephony.LegID]*channel{}
	a.order = nil
	a.bridges = map[telephony.BridgeID]*bridge{}
	a.playbacks = map[string]*playback{}
	a.objects = map[string]map[string]string{}
	a.endpoints = map[string]*endpoint{}
	a.app = application{muted: map[string]bool{}, sockets: a.app.sockets}
}

func (a *Asterisk) close() {
	a.do(func() { a.closed = true })
	a.Drop()
	a.server.CloseClientConnections()
	a.server.Close()
}

// do changes the world and wakes who waits.
func (a *Asterisk) do(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
	a.wakeLocked()
}

func (a *Asterisk) wakeLocked() {
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *Asterisk) change() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.changed
}

// waitLocked gives the lock up until cond holds or the fake is closed.
func (a *Asterisk) waitLocked(cond func() bool) {
	for !a.closed && !cond() {
		changed := a.changed
		a.mu.Unlock()
		<-changed
		a.mu.Lock()
	}
}

const (
	entityID   = "02:00:00:00:00:01"
	dateFormat = "2006-01-02T15:04:05.000-0700"
)

func (a *Asterisk) stampLocked() string {
	if a.Now != nil {
		return a.Now().Format(dateFormat)
	}
	a.ticks += time.Millisecond
	return epoch().Add(a.ticks).Format(dateFormat)
}

func (a *Asterisk) startedLocked() string {
	return epoch().Add(time.Duration(a.starts) * time.Minute).Format(dateFormat)
}

func epoch() time.Time { return time.Date(2026, time.November, 26, 0, 30, 0, 0, time.UTC) }

func (a *Asterisk) nextIDLocked() telephony.LegID {
	a.calls++
	return telephony.LegID(fmt.Sprintf("%d.%d", epoch().Unix(), a.calls))
}
