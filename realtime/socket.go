package realtime

import (
	"net"
	"slices"
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
	from   map[string]factlog.Position // by topic: what was told before is not for this browser
	ip     string
	conn   *websocket.Conn
	wake   chan struct{} // something is queued
	ending chan struct{} // closed with the last frame
	done   chan struct{} // closed when the writer has ended
	gather time.Duration // how long what is queued waits for more

	mu     sync.Mutex
	held   bool               // resuming: live facts wait behind what is being read; guarded by mu, as all below
	floor  factlog.Position   // the browser has been told the log up to here
	early  []factlog.Position // beyond the floor, and told already
	passed bool               // the browser does not know of the floor: what it last passed was told early
	live   []held             // facts that came while resuming
	queue  net.Buffers        // whole frames
	bytes  int                // in queue
	gauges map[string][]byte  // newest frame of each topic
	last   []byte             // close frame; nothing is queued after it
	first  bool               // the hello waits, and does not gather

	round uint64 // last fact it was chosen for; guarded by Hub.mu
}

// mayHear says that one of the fact's topics may be heard already where it stands in the log.
func (s *socket) mayHear(f factlog.Fact) bool {
	return slices.ContainsFunc(f.Topics, func(topic string) bool {
		from, ok := s.from[topic]
		return ok && !f.Position.Less(from)
	})
}

// endGrace is what a socket that is being closed has left for the write it is in: an ended login hears nothing for long.
const endGrace = time.Second

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
	if !s.floor.Less(at) {
		return
	}
	s.floor = at
	s.passed = slices.Contains(s.early, at)
	s.early = slices.DeleteFunc(s.early, func(p factlog.Position) bool { return !at.Less(p) })
	if !s.passed { // that goes out with what comes next: nobody waits for it
		s.pushLocked(frame)
	}
}

// mostEarly bounds what is told early and not yet passed, as while the log is held back.
const mostEarly = 256

// sendEarly queues a fact before its turn, unless its turn has come or the socket is not that far.
func (s *socket) sendEarly(at factlog.Position, frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held || !s.floor.Less(at) || len(s.early) >= mostEarly || slices.Contains(s.early, at) {
		return
	}
	s.early = append(s.early, at)
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

// release ends the resuming: hello, what was missed, then what came meanwhile. Nothing up to floor is told again: a browser's snapshot
// may be newer than what the hub has delivered.
func (s *socket) release(hello []byte, missed [][]byte, floor factlog.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held, s.floor, s.first = false, floor, true
	s.pushLocked(hello)
	for _, frame := range missed {
		s.pushLocked(frame)
	}
	for _, f := range s.live {
		if floor.Less(f.at) {
			s.floor = f.at
			s.pushLocked(f.frame)
		}
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
	close(s.ending)
	s.queue, s.bytes, s.live = nil, 0, nil
	clear(s.gauges)
	s.hub.metrics.cut(code)
	s.limitLocked(endGrace)
	s.poke()
}

func (s *socket) poke() {
	select {
	case s.wake <- struct{}{}:
	default: // awake already
	}
}

// limitLocked gives the write that is under way or comes next a deadline. It is set under mu, so that of the writer and whoever ends
// the socket the latter has the last word.
func (s *socket) limitLocked(d time.Duration) {
	_ = s.conn.NetConn().SetWriteDeadline(s.hub.cfg.Machine().Add(min(d, s.hub.cfg.WriteLimit))) // an error ends the next write
}

// take empties the queue for one write; over says that nothing follows. Gauges wait for the hello, which comes first.
func (s *socket) take() (net.Buffers, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		return net.Buffers{s.last}, true
	}
	s.limitLocked(s.hub.cfg.WriteLimit)
	out := s.queue
	s.queue, s.bytes = nil, 0
	if s.held {
		return out, false
	}
	if s.passed {
		s.passed = false
		out = append(out, passedFrame(s.floor))
	}
	for topic, frame := range s.gauges {
		out = append(out, frame)
		delete(s.gauges, topic)
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
		pinging := false
		select {
		case <-s.wake:
			s.await()
		case <-ping.C:
			pinging = true
		}
		out, over := s.take()
		n := len(out)
		if pinging && !over {
			out = append(out, frame(0x89, nil))
		}
		if _, err := out.WriteTo(raw); err != nil || over {
			return
		}
		s.hub.metrics.deliveries.Add(float64(n))
	}
}

// await lets the rest of a burst come, unless the socket ends.
func (s *socket) await() {
	s.mu.Lock()
	now := s.gather <= 0 || s.first
	s.first = false
	s.mu.Unlock()
	if now {
		return
	}
	t := time.NewTimer(s.gather)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ending:
	}
}

// read hears only that the browser lives; what it says is thrown away, and too much of it ends the socket.
func (s *socket) read() {
	s.conn.SetReadLimit(16 << 10)
	alive := func() { _ = s.conn.SetReadDeadline(s.hub.cfg.Machine().Add(s.hub.cfg.PongWait)) } // an error ends the next read
	alive()
	s.conn.SetPongHandler(func(string) error {
		alive()
		return nil
	})
	limit := rate.NewLimiter(20, 40)
	meter := func() {
		if !limit.AllowN(s.hub.cfg.Now(), 1) {
			s.end(closeTooManySent, "too many messages")
		}
	}
	s.conn.SetPingHandler(func(data string) error {
		meter()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.pushLocked(frame(0x8A, []byte(data)))
		return nil
	})
	s.conn.SetCloseHandler(func(int, string) error { return nil })
	for {
		if _, _, err := s.conn.ReadMessage(); err != nil {
			s.end(websocket.CloseNormalClosure, "")
			return
		}
		meter()
	}
}
