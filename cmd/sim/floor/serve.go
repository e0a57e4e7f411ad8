package floor

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"

	"hotline/telephony/ari"
	"hotline/telephony/trace"
)

// App is the floor's ARI application.
const App = "floor"

// Options of a floor. What it is asked for it hears at Listen: a POST to /next/{seat}, the socket of B3 at /bare, its marks at
// /debug/trace, and whether it hears the exchange at /ready.
type Options struct {
	URL, User, Password string // of ARI
	Listen              string
	Seats               []string // endpoints
	Marks               int      // of a trace; 0: none
	Log                 *slog.Logger
}

// Serve brings callers and seats together until ctx ends.
func Serve(ctx context.Context, o Options) error {
	marks := trace.New(o.Marks, time.Now)
	exchange, err := ari.New(ari.Config{URL: o.URL, User: o.User, Password: o.Password, App: App, Trace: marks, Log: o.Log})
	if err != nil {
		return err
	}
	page := newBareSocket()
	f := newFloor(exchange, o.Seats, marks, page.tell, o.Log)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if !exchange.Connected() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("POST /next/{seat}", func(_ http.ResponseWriter, r *http.Request) {
		marks.Mark("next asked", r.PathValue("seat"))
		f.next <- r.PathValue("seat")
	})
	mux.HandleFunc("GET /bare", page.open)
	mux.HandleFunc("GET /debug/trace", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(marks.Take()) // the asker has gone
	})
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("open the floor's address: %w", err)
	}
	srv := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: mux}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return exchange.Run(ctx) })
	g.Go(func() error { f.run(ctx); return nil })
	g.Go(func() error { return srv.Serve(l) })
	return g.Wait()
}

// bareSocket is the least push: one socket and one frame that was made beforehand, written as it is.
type bareSocket struct {
	frame []byte

	mu   sync.Mutex
	conn net.Conn // guarded by mu
}

// newBareSocket makes a frame as long as an offer's: a text frame with a two-byte length.
func newBareSocket() *bareSocket {
	text := fmt.Appendf(nil, `{"type":"fact","kind":"call.offered","data":{"pad":"%0420d"}}`, 0)
	return &bareSocket{frame: append([]byte{0x81, 126, byte(len(text) >> 8), byte(len(text))}, text...)}
}

func (b *bareSocket) open(w http.ResponseWriter, r *http.Request) {
	var upgrader websocket.Upgrader
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conn = conn.NetConn()
}

// tell writes the frame.
func (b *bareSocket) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn != nil {
		_, _ = b.conn.Write(b.frame) // a page that is gone is missed by the measurement
	}
}
