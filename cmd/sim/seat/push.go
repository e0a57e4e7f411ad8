package seat

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// Listen opens a push socket on a topic, as a page does, and returns it after the server's hello. Whoever does not read on is cut.
func (c *Client) Listen(ctx context.Context, topic string) (*websocket.Conn, error) {
	return c.Resume(ctx, "", topic)
}

// Resume is Listen that is told first what has come since a position.
func (c *Client) Resume(ctx context.Context, since, topic string) (*websocket.Conn, error) {
	var out struct {
		Ticket string `json:"ticket"`
	}
	if err := c.Do(ctx, http.MethodPost, "/api/v1/ws-ticket", map[string]any{"topics": []string{topic}, "since": since}, &out); err != nil {
		return nil, err
	}
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second, Subprotocols: []string{"v1.hotline", "t." + out.Ticket}}
	conn, res, err := dialer.DialContext(ctx, "ws"+c.base[len("http"):]+"/ws", http.Header{"Origin": {c.base}})
	if err != nil {
		return nil, fmt.Errorf("open a push socket on %s: %w", topic, err)
	}
	_ = res.Body.Close() // of a switched protocol: empty
	if _, _, err := conn.ReadMessage(); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("wait for the hello on %s: %w", topic, err)
	}
	return conn, nil
}
