package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"hotline/cmd/sim/seat"
)

// frame is what is read of a frame of the push socket.
type frame struct {
	Type string `json:"type"`
	Kind string `json:"kind"`
}

// listen opens a push socket for a signed-in person and hands over each frame with the moment at which it was read, on the
// socket's own goroutine, until ctx ends. It returns after the server's hello.
func listen(ctx context.Context, base string, who *seat.Client, topic string, hear func(frame []byte, at time.Time)) error {
	var out struct {
		Ticket string `json:"ticket"`
	}
	if err := who.Do(ctx, http.MethodPost, "/api/ws-ticket", map[string]any{"topics": []string{topic}}, &out); err != nil {
		return err
	}
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second, Subprotocols: []string{"v1.hotline", "t." + out.Ticket}}
	conn, res, err := dialer.DialContext(ctx, "ws"+base[len("http"):]+"/ws", http.Header{"Origin": {base}})
	if err != nil {
		return fmt.Errorf("open a push socket on %s: %w", topic, err)
	}
	_ = res.Body.Close() // of a switched protocol: empty
	if _, _, err := conn.ReadMessage(); err != nil {
		_ = conn.Close()
		return fmt.Errorf("wait for the hello on %s: %w", topic, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	go func() {
		defer stop()
		defer conn.Close() //nolint:errcheck // given up
		for {
			_, b, err := conn.ReadMessage()
			if err != nil {
				return
			}
			if hear != nil {
				hear(b, time.Now())
			}
		}
	}()
	return nil
}

// isOffer recognises the frame that makes a seat's page ring.
func isOffer(b []byte) bool {
	var f frame
	return json.Unmarshal(b, &f) == nil && f.Type == "fact" && f.Kind == "call.offered"
}
