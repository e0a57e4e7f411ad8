package realtime

import (
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"

	"hotline/realtime/factlog"
)

// socket is one browser. Everything for it goes through one queue, which a single goroutine writes out: all that is queued in one
// writev.
type socket struct {
	hub    *Hub
	who    Subject
	topics []string
	ip     string
	conn   *websocket.Conn
	wake   chan struct{} // something is queued
	done   chan struct{} // closed when the writer has ended

	mu     sync.Mutex
	held   bool              // resuming: live facts wait behind what is being read; guarded by mu, as all below
	live   []held            // facts that came while resuming
	queue  net.Buffers       // whole frames
	bytes  int               // in queue
	gauges map[string][]byte // newest frame of each topic
	last   []byte            // close frame; nothing is queued after it
}

type held struct {
	at    factlog.Position
	frame []byte
}

// sendFact queues a fact, or holds it while the ones before it are being read.
func (s *socket) sendFact(at factlog.Position, frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held {
		s.live = append(s.live, held{at, frame})
		if len(s.live) > s.hub.cfg.QueueFrames {
			s.endLocked(closeTooOld, "too much has happened")
		}
		return
	}
	s.pushLocked(frame)
}

// pushLocked queues a frame; a queue that is full is a verdict.
func (s *socket) pushLocked(frame []byte) {
	if s.last != nil {
		return
	}
	if len(s.queue) >= s.hub.cfg.QueueFrames || s.bytes+len(frame) > s.hub.cfg.QueueBytes {
		s.endLocked(closeSlow, "slow")
		return
	}
	s.queue = append(s.queue, frame)
	s.bytes += len(frame)
	s.poke()
}

// release ends the resuming: hello, what was missed, then what came meanwhile.
func (s *socket) release(hello []byte, missed [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
	s.pushLocked(hello)
	for _, frame := range missed {
		s.pushLocked(frame)
	}
	for _, f := range s.live {
		s.pushLocked(f.frame)
	}
	s.live = nil
}

// sendGauge replaces what is still queued of the topic's gauge.
func (s *socket) sendGauge(topic string, frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		return
	}
	s.gauges[topic] = frame
	s.poke()
}

// end closes the socket with a code, behind nothing: what is queued is dropped.
func (s *socket) end(code uint16, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(code, reason)
}

func (s *socket) endLocked(code uint16, reason string) {
	if s.last != nil {
		return
	}
	s.last = closeFrame(code, reason)
	s.queue, s.bytes, s.live = nil, 0, nil
	s.hub.metrics.cut(code)
	s.poke()
}

func (s *socket) poke() {
	select {
	case s.wake <- struct{}{}:
	default: // awake already
	}
}

// take empties the queue for one write; over says that nothing follows.
func (s *socket) take() (net.Buffers, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.queue
	s.queue, s.bytes = nil, 0
	for topic, frame := range s.gauges {
		out = append(out, frame)
		delete(s.gauges, topic)
	}
	if s.last != nil {
		return append(out, s.last), true
	}
	return out, false
}

// write is the only writer of the connection, control frames included.
func (s *socket) write() {
	defer close(s.done)
	defer func() { _ = s.conn.Close() }()
	ping := time.NewTicker(s.hub.cfg.PingEvery)
	defer ping.Stop()
	raw := s.conn.NetConn()
	for {
		var out net.Buffers
		over := false
		select {
		case <-s.wake:
			out, over = s.take()
		case <-ping.C:
			out = net.Buffers{frame(0x89, nil)}
		}
		n := len(out)
		if err := raw.SetWriteDeadline(s.hub.cfg.Now().Add(s.hub.cfg.WriteLimit)); err != nil {
			return
		}
		if _, err := out.WriteTo(raw); err != nil || over {
			return
		}
		s.hub.metrics.deliveries.Add(float64(n))
	}
}

// read hears only that the browser lives; what it says is thrown away, and too much of it ends the socket.
func (s *socket) read() {
	s.conn.SetReadLimit(16 << 10)
	alive := func() { _ = s.conn.SetReadDeadline(s.hub.cfg.Now().Add(s.hub.cfg.PongWait)) } // an error ends the next read
	alive()
	s.conn.SetPongHandler(func(string) error {
		alive()
		return nil
	})
	s.conn.SetPingHandler(func(data string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.pushLocked(frame(0x8A, []byte(data)))
		return nil
	})
	s.conn.SetCloseHandler(func(int, string) error { return nil })
	limit := rate.NewLimiter(20, 40)
	for {
		if _, _, err := s.conn.ReadMessage(); err != nil {
			s.end(websocket.CloseNormalClosure, "")
			return
		}
		if !limit.AllowN(s.hub.cfg.Now(), 1) {
			s.end(closeTooManySent, "too many messages")
		}
	}
}
