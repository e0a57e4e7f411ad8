package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations/pgtest"
	"hotline/realtime"
	"hotline/realtime/factlog"
	"hotline/realtime/realtimetest"
)

// bundle is a hub on a database of its own behind a real HTTP server.
type bundle struct {
	hub    *realtime.Hub
	pool   *pgxpool.Pool
	signal *factlog.Signal
	url    string
	origin string
}

// perSubject lets everybody hear the topics that carry their id, and "board".
type perSubject struct{}

func (perSubject) Rule(context.Context, ...realtime.Subject) (realtime.Rule, error) {
	return func(who realtime.Subject, topic string) (factlog.Position, bool) {
		return factlog.Position{}, topic == "board" || topic == "seat:"+who.ID
	}, nil
}

func setup(tb testing.TB, change func(*realtime.Config)) *bundle {
	tb.Helper()
	b := &bundle{pool: pgtest.New(tb), signal: factlog.NewSignal()}
	srv := httptest.NewUnstartedServer(nil)
	b.origin = "http://" + srv.Listener.Addr().String()
	b.url = "ws://" + srv.Listener.Addr().String()
	cfg := realtime.Config{
		Facts: b.pool, Authorizer: perSubject{}, Origins: []string{b.origin},
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	if change != nil {
		change(&cfg)
	}
	cfg.Feed = factlog.NewFeed(cfg.Facts, factlog.Following{Signal: b.signal})
	b.hub = realtime.New(cfg)
	srv.Config.Handler = b.hub
	srv.Start()
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	ended, fed := make(chan error, 1), make(chan error, 1)
	go func() { fed <- cfg.Feed.Run(ctx) }()
	go func() { ended <- b.hub.Run(ctx) }()
	tb.Cleanup(func() {
		stop()
		require.NoError(tb, <-ended)
		require.ErrorIs(tb, <-fed, context.Canceled)
		srv.Close()
	})
	return b
}

func (b *bundle) append(t *testing.T, kind string, topics ...string) {
	t.Helper()
	require.NoError(t, pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error {
		return factlog.Append(t.Context(), tx, factlog.Fact{
			At: time.Now(), Kind: kind, Subject: "s", Topics: topics, Actor: "test", Data: json.RawMessage(`{"n":1}`),
		})
	}))
	b.signal.Wake()
}

// after is the place behind what has been told, whatever other transactions still go on.
func (b *bundle) after(t *testing.T) factlog.Position {
	t.Helper()
	var p factlog.Position
	require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT max(xid::text::bigint) + 1 FROM fact`).Scan(&p.XID))
	return p
}

func (b *bundle) head(t *testing.T) string {
	t.Helper()
	p, err := factlog.Head(t.Context(), b.pool)
	require.NoError(t, err)
	return p.String()
}

func (b *bundle) ticket(t *testing.T, who, since string, topics ...string) string {
	t.Helper()
	name, _, err := b.hub.Issue(t.Context(), realtime.Request{
		Who: realtime.Subject{ID: who, Login: "login-" + who}, Address: "127.0.0.1:1", Topics: topics, Since: since,
	})
	require.NoError(t, err)
	return name
}

type answer struct {
	StatusCode  int
	Subprotocol string
}

// dial waits for the hub to be up, which Run does in its own time.
func (b *bundle) dial(tb testing.TB, ticket func() string, origin string) (*websocket.Conn, answer, error) {
	tb.Helper()
	for {
		d := websocket.Dialer{Subprotocols: []string{"v1.hotline", "t." + ticket()}}
		c, res, err := d.DialContext(tb.Context(), b.url, http.Header{"Origin": {origin}})
		if res != nil {
			_ = res.Body.Close()
		}
		if res == nil {
			return c, answer{}, err
		}
		if res.StatusCode == http.StatusServiceUnavailable && tb.Context().Err() == nil {
			continue
		}
		return c, answer{res.StatusCode, res.Header.Get("Sec-WebSocket-Protocol")}, err
	}
}

func (b *bundle) open(t *testing.T, who, since string, topics ...string) *websocket.Conn {
	t.Helper()
	c, res, err := b.dial(t, func() string { return b.ticket(t, who, since, topics...) }, b.origin)
	require.NoError(t, err)
	require.Equal(t, "v1.hotline", res.Subprotocol, "the ticket is not echoed")
	t.Cleanup(func() { _ = c.Close() })
	return c
}

type message struct {
	Type     string `json:"type"`
	Position string `json:"position"`
	Resumed  bool   `json:"resumed"`
	Early    bool   `json:"early"`
	Kind     string `json:"kind"`
	Topic    string `json:"topic"`
	Data     map[string]any
}

func next(t *testing.T, c *websocket.Conn) message {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	var m message
	_, told, err := c.ReadMessage()
	require.NoError(t, err)
	require.NoError(t, realtimetest.Check(told), "%s", told)
	require.NoError(t, json.Unmarshal(told, &m))
	return m
}

// closed reads until the server closes and returns its code.
func closed(t *testing.T, c *websocket.Conn) int {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	for {
		_, told, err := c.ReadMessage()
		if err != nil {
			var ce *websocket.CloseError
			require.ErrorAs(t, err, &ce)
			if ce.Code != websocket.CloseAbnormalClosure { // no word came
				require.Contains(t, string(realtime.AsyncAPI()), fmt.Sprintf("%d ", ce.Code), "a close code that is not described")
			}
			return ce.Code
		}
		require.NoError(t, realtimetest.Check(told), "%s", told)
	}
}

// F20, the socket's part: whoever comes back with a position misses nothing and hears what follows.
func TestResumeContinuesWithoutAGap(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	since := b.head(t)
	for i := range 3 {
		b.append(t, fmt.Sprintf("call.k%c", 'a'+i), "seat:A01", "board")
	}
	b.append(t, "call.other", "seat:B02")
	c := b.open(t, "A01", since, "seat:A01", "board")
	hello := next(t, c)
	require.True(t, hello.Resumed)
	for _, kind := range []string{"call.ka", "call.kb", "call.kc"} {
		require.Equal(t, kind, next(t, c).Kind)
	}
	b.append(t, "call.live", "board")
	last := next(t, c)
	require.Equal(t, "call.live", last.Kind)
	_ = c.Close()
	b.append(t, "call.missed", "board")
	again := b.open(t, "A01", last.Position, "seat:A01", "board")
	require.True(t, next(t, again).Resumed)
	require.Equal(t, "call.missed", next(t, again).Kind)
}

func TestWhoMissedTooMuchIsToldToReadASnapshot(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *realtime.Config) { c.ResumeFacts = 2 })
	since := b.head(t)
	other := b.open(t, "B02", "", "board")
	next(t, other)
	for range 3 {
		b.append(t, "call.k", "board")
		require.Equal(t, "call.k", next(t, other).Kind)
	}
	require.False(t, next(t, b.open(t, "A01", since, "board")).Resumed)
	require.False(t, next(t, b.open(t, "A01", "", "board")).Resumed)
	require.False(t, next(t, b.open(t, "A01", "9999999999-1", "board")).Resumed, "a position of another log")
}

func TestNobodyHearsAnotherSeat(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	_, _, err := b.hub.Issue(t.Context(), realtime.Request{Who: realtime.Subject{ID: "A01"}, Topics: []string{"seat:B02"}})
	require.ErrorIs(t, err, realtime.ErrNotAllowed)
	c := b.open(t, "A01", "", "seat:A01")
	next(t, c)
	b.append(t, "call.theirs", "seat:B02", "board")
	b.append(t, "call.mine", "seat:A01")
	require.Equal(t, "call.mine", next(t, c).Kind)
}

func TestTicketWorksOnceFromOurOriginOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	name := b.ticket(t, "A01", "", "board")
	next(t, b.open(t, "A01", "", "board")) // the hub is up
	for _, origin := range []string{"http://evil.example", ""} {
		_, res, err := b.dial(t, func() string { return b.ticket(t, "A01", "", "board") }, origin)
		require.Error(t, err)
		require.Equal(t, http.StatusForbidden, res.StatusCode)
	}
	c, _, err := b.dial(t, func() string { return name }, b.origin)
	require.NoError(t, err)
	_ = c.Close()
	_, res, err := b.dial(t, func() string { return name }, b.origin)
	require.Error(t, err)
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
}

func TestExpiredTicketIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *realtime.Config) { c.TicketLife = time.Nanosecond })
	_, res, err := b.dial(t, func() string { return b.ticket(t, "A01", "", "board") }, b.origin)
	require.Error(t, err)
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
}

// TestTicketIsOfItsNetwork : whoever has read one elsewhere can not use it.
func TestTicketIsOfItsNetwork(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	next(t, b.open(t, "A01", "", "board")) // the hub is up
	name, _, err := b.hub.Issue(t.Context(), realtime.Request{Who: realtime.Subject{ID: "A01"}, Address: "192.0.2.1:1", Topics: []string{"board"}})
	require.NoError(t, err)
	_, res, err := b.dial(t, func() string { return name }, b.origin)
	require.Error(t, err)
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
}

// TestRightsAreAskedWhenTheTicketIsUsed : what was lost meanwhile is not heard.
func TestRightsAreAskedWhenTheTicketIsUsed(t *testing.T) {
	t.Parallel()
	rights := &changing{}
	b := setup(t, func(c *realtime.Config) { c.Authorizer = rights })
	next(t, b.open(t, "A01", "", "board")) // the hub is up
	name := b.ticket(t, "A01", "", "board")
	lost := "board"
	rights.lost.Store(&lost)
	_, res, err := b.dial(t, func() string { return name }, b.origin)
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, res.StatusCode)
}

// from lets everybody hear everything, but a seat from a place in the log on only.
type from struct {
	at atomic.Pointer[factlog.Position]
}

func (f *from) Rule(context.Context, ...realtime.Subject) (realtime.Rule, error) {
	return func(_ realtime.Subject, topic string) (factlog.Position, bool) {
		if topic == "board" {
			return factlog.Position{}, true
		}
		return *f.at.Load(), true
	}, nil
}

// RS5: what was told of a seat before one sat down is neither resumed nor told late; what is for everybody is.
func TestNothingIsHeardFromBeforeItMay(t *testing.T) {
	t.Parallel()
	rights := &from{}
	b := setup(t, func(c *realtime.Config) { c.Authorizer = rights })
	since := b.head(t)
	b.append(t, "call.before", "seat:A01")
	b.append(t, "call.all", "seat:A01", "board")
	began := b.after(t)
	rights.at.Store(&began)
	b.append(t, "call.since", "seat:A01")
	b.append(t, "call.end", "board")

	kinds := func(topics ...string) []string {
		c := b.open(t, "A01", since, topics...)
		var all []string
		require.True(t, next(t, c).Resumed)
		for len(all) == 0 || all[len(all)-1] != "call.end" {
			all = append(all, next(t, c).Kind)
		}
		return all
	}
	require.Equal(t, []string{"call.all", "call.since", "call.end"}, kinds("seat:A01", "board"))

	late := b.after(t)
	late.XID += 1000 // other tests take numbers, too: the next fact is still before it
	rights.at.Store(&late)
	seat := b.open(t, "A01", "", "seat:A01")
	next(t, seat)
	b.append(t, "call.late", "seat:A01")
	for b.after(t).Less(late) {
		b.append(t, "call.other", "nobody")
	}
	b.append(t, "call.mine", "seat:A01")
	require.Equal(t, "call.mine", next(t, seat).Kind)
}

func TestCutEndsTheSocketsOfALogin(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	mine, other := b.open(t, "A01", "", "board"), b.open(t, "B02", "", "board")
	next(t, mine)
	next(t, other)
	b.hub.Cut("login-A01")
	require.Equal(t, 3500, closed(t, mine))
	b.append(t, "call.k", "board")
	require.Equal(t, "call.k", next(t, other).Kind)
}

// changing allows what it is told to, and counts how often it is asked.
type changing struct {
	asked atomic.Int64
	lost  atomic.Pointer[string] // topic that nobody may hear any more
	away  atomic.Bool
}

func (c *changing) Rule(context.Context, ...realtime.Subject) (realtime.Rule, error) {
	c.asked.Add(1)
	if c.away.Load() {
		return nil, errors.New("away")
	}
	lost := c.lost.Load()
	return func(_ realtime.Subject, topic string) (factlog.Position, bool) {
		return factlog.Position{}, lost == nil || topic != *lost
	}, nil
}

// RT12: everybody's topics are looked at again with one answer, however many sockets and topics there are.
func TestRecheckAsksOnce(t *testing.T) {
	t.Parallel()
	rights := &changing{}
	b := setup(t, func(c *realtime.Config) { c.Authorizer = rights })
	mine := b.open(t, "A01", "", "seat:A01", "call:1", "call:2", "board")
	again := b.open(t, "A01", "", "board")
	other := b.open(t, "B02", "", "seat:B02", "board")
	for _, c := range []*websocket.Conn{mine, again, other} {
		next(t, c)
	}
	everybody := b.hub.Open()
	require.ElementsMatch(t, []string{"login-A01", "login-B02"}, everybody.Logins())
	before := rights.asked.Load()
	recheck := func() {
		rule, err := rights.Rule(t.Context())
		require.NoError(t, err)
		everybody.Recheck(rule)
	}
	recheck()
	lost := "call:2"
	rights.lost.Store(&lost)
	recheck()
	require.EqualValues(t, 2, rights.asked.Load()-before, "the hub asks nothing by itself")
	require.Equal(t, 3501, closed(t, mine))
	b.append(t, "call.k", "board")
	require.Equal(t, "call.k", next(t, again).Kind, "nobody else was cut")
	require.Equal(t, "call.k", next(t, other).Kind)
}

// What was true before a socket was opened is no reason to cut it.
func TestRecheckLeavesWhoCameSince(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	before := b.open(t, "A01", "", "seat:A01")
	next(t, before)
	open := b.hub.Open()
	since := b.open(t, "A01", "", "seat:A01")
	next(t, since)
	open.Recheck(func(realtime.Subject, string) (factlog.Position, bool) { return factlog.Position{}, false })
	require.Equal(t, 3501, closed(t, before))
	b.append(t, "call.k", "seat:A01")
	require.Equal(t, "call.k", next(t, since).Kind)
}

// A board lets a burst gather; the seat that the burst is about does not wait, nor does a hello or an end.
func TestBoardsGatherAndSeatsDoNot(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *realtime.Config) { c.Gather = time.Hour })
	board, seat := b.open(t, "watcher", "", "board"), b.open(t, "A01", "", "seat:A01", "board")
	require.Equal(t, "hello", next(t, board).Type)
	require.Equal(t, "hello", next(t, seat).Type)
	b.append(t, "call.offered", "board", "seat:A01")
	require.Equal(t, "call.offered", next(t, seat).Kind)
	b.hub.Cut("login-watcher")
	_, _, err := board.ReadMessage()
	require.True(t, websocket.IsCloseError(err, 3500), "%v", err)
}

// F24: a browser that does not read is cut with the slow code; others do not notice.
func TestSlowReaderIsCut(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *realtime.Config) { c.QueueFrames, c.WriteLimit = 64, 200*time.Millisecond })
	slow, quick := b.open(t, "A01", "", "board"), b.open(t, "B02", "", "board")
	next(t, quick)
	const n = 240
	big, err := json.Marshal(map[string]string{"pad": strings.Repeat("x", 60_000)})
	require.NoError(t, err)
	for range n / 10 {
		facts := make([]factlog.Fact, 10)
		for i := range facts {
			facts[i] = factlog.Fact{At: time.Now(), Kind: "call.k", Subject: "s", Topics: []string{"board"}, Actor: "test", Data: big}
		}
		require.NoError(t, pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error { return factlog.Append(t.Context(), tx, facts...) }))
		b.signal.Wake()
		for range facts {
			require.Equal(t, "call.k", next(t, quick).Kind, "the quick one keeps up")
		}
	}
	require.NoError(t, slow.SetReadDeadline(time.Now().Add(20*time.Second)))
	read := 0
	for {
		if _, _, err := slow.ReadMessage(); err != nil {
			break
		}
		read++
	}
	require.Less(t, read, n, "the slow one was cut before the end")
}

// F23: a browser that is there but silent, as behind a cable that was pulled, is found by the pong's deadline.
func TestHalfOpenSocketIsFound(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *realtime.Config) { c.PingEvery, c.PongWait = 20*time.Millisecond, 100*time.Millisecond })
	c := b.open(t, "A01", "", "board")
	c.SetPingHandler(func(string) error { return nil }) // pings arrive, pongs never leave
	require.Equal(t, websocket.CloseNormalClosure, closed(t, c))
}

func TestTalkativeBrowserIsCut(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	c := b.open(t, "A01", "", "board")
	for range 60 {
		if c.WriteMessage(websocket.TextMessage, []byte("{}")) != nil {
			break
		}
	}
	require.Equal(t, 4429, closed(t, c))
}

func TestNewestGaugeWins(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	c := b.open(t, "A01", "", "board")
	next(t, c)
	b.hub.Gauge("seat:B02", map[string]int{"waiting": 1})
	for i := range 50 {
		b.hub.Gauge("board", map[string]int{"waiting": i})
	}
	for {
		m := next(t, c)
		require.Equal(t, "gauge", m.Type)
		require.Equal(t, "board", m.Topic)
		if m.Data["waiting"] == 49.0 {
			return
		}
	}
}
