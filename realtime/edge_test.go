package realtime_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/realtime"
	"hotline/realtime/factlog"
)

// gate holds whoever comes while it is shut, and tells that somebody came.
type gate struct {
	shut    atomic.Bool
	entered chan struct{}
	open    chan struct{}
	once    sync.Once
}

func newGate() *gate { return &gate{entered: make(chan struct{}, 1000), open: make(chan struct{})} }

// release opens the gate for good; a test that fails must not leave anybody behind it.
func (g *gate) release() {
	g.once.Do(func() {
		g.shut.Store(false)
		close(g.open)
	})
}

func (g *gate) pass() {
	if g.shut.Load() {
		g.entered <- struct{}{}
		<-g.open
	}
}

// gatedLog is the fact log with a gate before the statements that hold the marker and not the other.
type gatedLog struct {
	factlog.DB
	*gate
	marker, not string
}

func (l gatedLog) gated(sql string) bool {
	return strings.Contains(sql, l.marker) && !strings.Contains(sql, l.not)
}

func (l gatedLog) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if l.gated(sql) {
		l.pass()
	}
	return l.DB.Query(ctx, sql, args...)
}

func (l gatedLog) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if l.gated(sql) {
		l.pass()
	}
	return l.DB.QueryRow(ctx, sql, args...)
}

// dialing opens a socket that will be held at the gate.
func (b *bundle) dialing(t *testing.T, name string) <-chan *websocket.Conn {
	t.Helper()
	out := make(chan *websocket.Conn, 1)
	go func() {
		c, _, _ := b.dial(t, func() string { return name }, b.origin)
		out <- c
	}()
	return out
}

func TestHelloComesFirst(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := setup(t, func(c *realtime.Config) { c.Facts = gatedLog{c.Facts, g, "count(*)", "\x00"} }) // resuming begins by counting
	t.Cleanup(g.release)
	other := b.open(t, "B02", "", "board")
	next(t, other)
	since := b.head(t)
	g.shut.Store(true)
	opening := b.dialing(t, b.ticket(t, "A01", since, "board"))
	<-g.entered
	b.hub.Gauge("board", map[string]int{"waiting": 1})
	b.append(t, "call.live", "board")
	for next(t, other).Kind != "call.live" { // so it waits for the other, too
	}
	g.release()
	c := <-opening
	t.Cleanup(func() { _ = c.Close() })
	require.Equal(t, "hello", next(t, c).Type)
	require.Equal(t, "call.live", next(t, c).Kind)
	require.Equal(t, "gauge", next(t, c).Type)
}

// A snapshot may be newer than what the hub has delivered: what it holds is not told again.
func TestSnapshotAheadOfTheHubIsNotRepeated(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := setup(t, func(c *realtime.Config) { c.Facts = gatedLog{c.Facts, g, "ORDER BY xid, id", "&&"} }) // the follower, not who resumes
	t.Cleanup(g.release)
	next(t, b.open(t, "B02", "", "board")) // the hub is up
	g.shut.Store(true)
	<-g.entered
	b.append(t, "call.known", "board")
	var since factlog.Position
	facts, err := factlog.NewReader(b.pool).Read(t.Context(), since, 10)
	for ; len(facts) == 0; facts, err = factlog.NewReader(b.pool).Read(t.Context(), since, 10) { // other databases hold the horizon
		require.NoError(t, err)
	}
	since = facts[len(facts)-1].Position
	c := b.open(t, "A01", since.String(), "board")
	hello := next(t, c)
	require.True(t, hello.Resumed)
	require.Equal(t, since.String(), hello.Position)
	g.release()
	b.append(t, "call.new", "board")
	require.Equal(t, "call.new", next(t, c).Kind)
}

// gatedRights allows everything, in its own time.
type gatedRights struct{ *gate }

func (r gatedRights) Rule(context.Context, ...realtime.Subject) (realtime.Rule, error) {
	r.pass()
	return func(realtime.Subject, string) (factlog.Position, bool) { return factlog.Position{}, true }, nil
}

func TestCutReachesASocketThatIsJustOpening(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := setup(t, func(c *realtime.Config) { c.Authorizer = gatedRights{g} })
	t.Cleanup(g.release)
	next(t, b.open(t, "B02", "", "board")) // the hub is up
	name := b.ticket(t, "A01", "", "board")
	g.shut.Store(true)
	opening := b.dialing(t, name)
	<-g.entered
	b.hub.Cut("login-A01")
	g.release()
	c := <-opening
	t.Cleanup(func() { _ = c.Close() })
	require.Equal(t, 3500, closed(t, c))
}

func TestPingsAreMeteredToo(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	c := b.open(t, "A01", "", "board")
	for range 60 {
		if c.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)) != nil {
			break
		}
	}
	require.Equal(t, 4429, closed(t, c))
}
