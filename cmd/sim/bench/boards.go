package bench

import (
	"context"
	"encoding/json"
	"time"

	"hotline/cmd/sim/seat"
)

// frame is what is read of a frame of the push socket.
type frame struct {
	Type string `json:"type"`
	Kind string `json:"kind"`
}

// listen opens a push socket for a signed-in person and hands over each frame with the moment at which it was read, on the
// socket's own goroutine, until ctx ends. It returns after the server's hello.
func listen(ctx context.Context, who *seat.Client, topic string, hear func(frame []byte, at time.Time)) error {
	conn, err := who.Listen(ctx, topic)
	if err != nil {
		return err
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
