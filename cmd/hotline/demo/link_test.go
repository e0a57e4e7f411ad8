package demo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"hotline/cmd/hotline/demo"
)

// fate is what becomes of one REST request between the server and Asterisk.
type fate int

const (
	pass  fate = iota
	eaten      // done, but the reply is lost (RST)
	fails      // not done: 503
	slow       // done, the reply is later than the server waits
)

// link stands between the server and Asterisk, where networks fail.
type link struct {
	t      *testing.T
	addr   string
	target string // host:port of Asterisk

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	down   bool
	fate   func(*http.Request) fate
	relay  func(in <-chan []byte, out func([]byte) error)
	fates  map[fate]int
	log    []asked
	events int
	made   map[string]int // channels that Asterisk said it made, by id
}

// linked puts a link between; change the returned link's behaviour at will.
func linked(t *testing.T) (*link, func(*demo.Options)) {
	t.Helper()
	port, err := demo.FreePort(t.Context(), "tcp4")
	require.NoError(t, err)
	k := linkTo(t, fmt.Sprintf("127.0.0.1:%d", port))
	return k, func(o *demo.Options) {
		o.ARIPort = port
		o.ServerARI = k.url()
	}
}

// linkTo puts one more link before the same Asterisk: each server has its own, so that what each has asked for is known.
func linkTo(t *testing.T, target string) *link {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	k := &link{
		t: t, addr: l.Addr().String(), target: target, conns: map[net.Conn]struct{}{},
		fate: func(*http.Request) fate { return pass }, relay: faithful, fates: map[fate]int{}, made: map[string]int{},
	}
	srv := &http.Server{Handler: k, ReadHeaderTimeout: patience}
	go func() { _ = srv.Serve(watched{l, k}) }()
	t.Cleanup(func() { _ = srv.Close() })
	return k
}

func (k *link) url() string { return "http://" + k.addr }

// watched notes every connection, so that it can be cut.
type watched struct {
	net.Listener

	link *link
}

func (w watched) Accept() (net.Conn, error) {
	for {
		c, err := w.Listener.Accept()
		if err != nil {
			return nil, err
		}
		wire := &wire{Conn: c, closed: make(chan struct{})}
		if w.link.admit(wire) {
			return wire, nil
		}
		reset(wire)
	}
}

func (k *link) admit(c net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.down {
		return false
	}
	k.conns[c] = struct{}{}
	return true
}

// reset closes with RST.
func reset(c net.Conn) {
	if w, ok := c.(*wire); ok {
		_ = w.Conn.(*net.TCPConn).SetLinger(0)
	}
	_ = c.Close()
}

// cut resets every connection and refuses new ones until mend.
func (k *link) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.down = true
	for c := range k.conns {
		reset(c)
	}
	clear(k.conns)
}

func (k *link) mend() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.down = false
}

// behave says what becomes of requests and of events; nil is faithful.
func (k *link) behave(fate func(*http.Request) fate, relay func(<-chan []byte, func([]byte) error)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fate, k.relay = fate, relay
}

func (k *link) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.note(r)
	if websocket.IsWebSocketUpgrade(r) {
		k.socket(w, r)
		return
	}
	k.mu.Lock()
	what := k.fate(r)
	k.fates[what]++
	k.mu.Unlock()
	if what == fails {
		http.Error(w, `{"message":"try again"}`, http.StatusServiceUnavailable)
		return
	}
	body, _ := io.ReadAll(r.Body)
	status, head, reply, err := k.forward(r, body)
	if what == slow {
		wait(r.Context().Done(), 3500*time.Millisecond)
	}
	if err != nil || what == eaten {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			reset(c)
		}
		return
	}
	w.Header().Set("Content-Type", head.Get("Content-Type"))
	w.WriteHeader(status)
	_, _ = w.Write(reply)
}

// forward does the request at Asterisk, whether the server still waits or not.
func (k *link) forward(r *http.Request, body []byte) (int, http.Header, []byte, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), patience)
	defer cancel()
	u := *r.URL
	u.Scheme, u.Host = "http", k.target
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header = r.Header.Clone()
	res, err := (&http.Client{}).Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	reply, err := io.ReadAll(res.Body)
	if id, ok := strings.CutPrefix(r.URL.Path, "/ari/channels/"); ok && r.Method == http.MethodPost && res.StatusCode == http.StatusOK {
		if _, more, _ := strings.Cut(id, "/"); more == "" || strings.HasSuffix(id, "/create") {
			k.mu.Lock()
			k.made[strings.TrimSuffix(id, "/create")]++
			k.mu.Unlock()
		}
	}
	return res.StatusCode, res.Header, reply, err
}

// socket relays the event socket; the server's pings are answered here.
func (k *link) socket(w http.ResponseWriter, r *http.Request) {
	up := url.URL{Scheme: "ws", Host: k.target, Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	far, res, err := websocket.DefaultDialer.DialContext(r.Context(), up.String(), http.Header{"Authorization": r.Header["Authorization"]})
	if res != nil {
		defer func() { _ = res.Body.Close() }()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = far.Close() }()
	upgrade := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	near, err := upgrade.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = near.Close() }()
	go func() { // pings; and the end
		for {
			if _, _, err := near.ReadMessage(); err != nil {
				_ = far.Close()
				return
			}
		}
	}()
	k.mu.Lock()
	relay := k.relay
	k.mu.Unlock()
	in := make(chan []byte, 1024)
	done := make(chan struct{})
	go func() {
		defer close(done)
		relay(in, func(b []byte) error { return near.WriteMessage(websocket.TextMessage, b) })
	}()
	for {
		_, b, err := far.ReadMessage()
		if err != nil {
			break
		}
		k.mu.Lock()
		k.events++
		k.mu.Unlock()
		in <- b
	}
	close(in)
	<-done
}

func faithful(in <-chan []byte, out func([]byte) error) {
	for b := range in {
		_ = out(b) // a reader that is gone ends the socket by itself
	}
}

// shuffled repeats, delays and reorders events, and loses none.
func shuffled(seed uint64) func(<-chan []byte, func([]byte) error) {
	return func(in <-chan []byte, out func([]byte) error) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		type later struct {
			at time.Time
			b  []byte
		}
		var held []later
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		hold := func(b []byte, most time.Duration) {
			held = append(held, later{time.Now().Add(time.Duration(rnd.Int64N(int64(most)))), b})
		}
		for {
			select {
			case b, open := <-in:
				if !open {
					return
				}
				switch n := rnd.IntN(100); {
				case n < 25:
					_, _ = out(b), out(b)
				case n < 45:
					_ = out(b)
					hold(b, time.Second)
				case n < 65:
					hold(b, 60*time.Millisecond)
				default:
					_ = out(b)
				}
			case now := <-tick.C:
				held = slices.DeleteFunc(held, func(l later) bool {
					if l.at.After(now) {
						return false
					}
					_ = out(l.b)
					return true
				})
			}
		}
	}
}

// misfortune lets some of the requests that change something go wrong.
func misfortune(seed uint64) func(*http.Request) fate {
	rnd := rand.New(rand.NewPCG(seed, 0))
	return func(r *http.Request) fate {
		if r.Method == http.MethodGet {
			return pass
		}
		switch n := rnd.IntN(100); {
		case n < 15:
			return eaten
		case n < 25:
			return fails
		case n < 27:
			return slow
		}
		return pass
	}
}

// requireOneChannelEach: whatever was repeated, Asterisk made each of our channels once.
func (k *link) requireOneChannelEach() {
	k.t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, n := range k.made {
		require.Equal(k.t, 1, n, "channel %s", id)
	}
	if len(k.made) == 0 {
		require.NoError(k.t, errors.New("no channel was made: the link does not see them"))
	}
}
