package bench

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// bareSocket is the opponent's push: one socket and one frame that was made beforehand, written as it is.
type bareSocket struct {
	mu    sync.Mutex
	conn  net.Conn // the server's side; guarded by mu
	frame []byte
	heard chan time.Time
}

func openBareSocket(ctx context.Context) (*bareSocket, error) {
	// As long as an offer's frame: a text frame with a two-byte length.
	text := fmt.Appendf(nil, `{"type":"fact","kind":"call.offered","data":{"pad":"%0420d"}}`, 0)
	b := &bareSocket{frame: append([]byte{0x81, 126, byte(len(text) >> 8), byte(len(text))}, text...), heard: make(chan time.Time, 64)}
	joined := make(chan struct{})
	upgrader := websocket.Upgrader{}
	srv := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		b.mu.Lock()
		b.conn = conn.NetConn()
		b.mu.Unlock()
		close(joined)
	})}
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the bare socket: %w", err)
	}
	go func() { _ = srv.Serve(l) }() // ends with ctx
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	page, res, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+l.Addr().String(), nil)
	if err != nil {
		return nil, fmt.Errorf("open the bare socket: %w", err)
	}
	_ = res.Body.Close() // of a switched protocol: empty
	context.AfterFunc(ctx, func() { _ = page.Close() })
	<-joined
	go func() {
		for {
			_, frame, err := page.ReadMessage()
			if err != nil {
				return
			}
			at := time.Now()
			if isOffer(frame) {
				b.heard <- at
			}
		}
	}()
	return b, nil
}

// tell writes the frame.
func (b *bareSocket) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, _ = b.conn.Write(b.frame) // a page that is gone is missed by the measurement
}
