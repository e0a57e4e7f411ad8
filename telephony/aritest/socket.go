package aritest

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
)

// application is what Asterisk keeps of the one ARI application. Without a socket it is silent, its channels stay.
type application struct {
	sockets []*socket // the last one is the active one
	muted   map[string]bool
}

// socket is one event socket. Its writer has no bound, so that a test's reader may stall without stalling the fake.
type socket struct {
	conn    *websocket.Conn
	mu      sync.Mutex // guards below
	pending [][]byte
	stalled bool
	wake    chan struct{}
	done    chan struct{}
}

// Emit sends a frame as it is, whatever it holds.
func (a *Asterisk) Emit(frame string) {
	a.do(func() { a.sendLocked([]byte(frame)) })
}

// Sockets counts the event sockets that are open.
func (a *Asterisk) Sockets() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.app.sockets)
}

// Drop resets every event socket (RST), as a crash of the peer or a firewall does (F16).
func (a *Asterisk) Drop() {
	a.mu.Lock()
	sockets := a.app.sockets
	a.app.sockets = nil
	a.wakeLocked()
	a.mu.Unlock()
	for _, s := range sockets {
		if tcp, ok := s.conn.NetConn().(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // which makes the close a reset
		}
		_ = s.conn.Close()
	}
}

// Stall makes the open event sockets half-open: they stay, but nothing comes and no ping is answered (F17).
func (a *Asterisk) Stall() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.app.sockets {
		s.mu.Lock()
		s.stalled = true
		s.mu.Unlock()
	}
}

// Alter passes every frame through f before it is sent: the result may be empty, or hold it twice. Nil ends it.
func (a *Asterisk) Alter(f func(frame []byte) [][]byte) {
	a.do(func() { a.alter = f })
}

// Twice is for Alter: each event comes twice (F19).
func Twice(frame []byte) [][]byte { return [][]byte{frame, frame} }

// Withhold keeps all events back, until Release.
func (a *Asterisk) Withhold() {
	a.do(func() { a.withholding = true })
}

// Release sends what was withheld, in the order that arrange gives it; nil keeps the order (F19).
func (a *Asterisk) Release(arrange func(frames [][]byte) [][]byte) {
	a.do(func() {
		frames := a.withheld
		a.withheld, a.withholding = nil, false
		if arrange != nil {
			frames = arrange(frames)
		}
		for _, frame := range frames {
			a.deliverLocked(frame)
		}
	})
}

// events is GET /events: the newer socket wins, the older one is told and falls silent.
func (a *Asterisk) events(w http.ResponseWriter, r *http.Request) {
	var s *socket
	a.do(func() { s = a.openLocked(w, r) }) // no request that the client sends then overtakes it
	if s == nil {
		return
	}
	go s.write()
	conn := s.conn
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			break
		}
	}
	close(s.done)
	_ = conn.Close()
	a.do(func() { a.detachLocked(s) })
}

// openLocked takes a socket in, nil when there is none.
func (a *Asterisk) openLocked(w http.ResponseWriter, r *http.Request) *socket {
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return nil
	}
	s := &socket{conn: conn, wake: make(chan struct{}, 1), done: make(chan struct{})}
	conn.SetPingHandler(func(data string) error {
		if s.isStalled() {
			return nil
		}
		return conn.WriteControl(websocket.PongMessage, []byte(data), epoch().AddDate(100, 0, 0))
	})
	if a.closed {
		_ = conn.Close()
		return s
	}
	if n := len(a.app.sockets); n > 0 {
		a.app.sockets[n-1].send(a.eventLocked("ApplicationReplaced", nil))
	}
	a.app.sockets = append(a.app.sockets, s)
	return s
}

func (a *Asterisk) detachLocked(s *socket) {
	for i, open := range a.app.sockets {
		if open != s {
			continue
		}
		a.app.sockets = append(a.app.sockets[:i:i], a.app.sockets[i+1:]...)
		break
	}
	if len(a.app.sockets) == 0 && len(a.channels) == 0 {
		a.app.muted = map[string]bool{} // the application object is gone, its filter with it
	}
}

// emitLocked sends an event unless it is filtered.
func (a *Asterisk) emitLocked(kind string, fields map[string]any) {
	a.repeatLocked(1, kind, fields)
}

// repeatLocked sends it several times, byte for byte.
func (a *Asterisk) repeatLocked(times int, kind string, fields map[string]any) {
	if a.app.muted[kind] {
		return
	}
	frame := a.eventLocked(kind, fields)
	for range times {
		a.sendLocked(frame)
	}
}

func (a *Asterisk) eventLocked(kind string, fields map[string]any) []byte {
	event := map[string]any{
		"type": kind, "application": a.App, "asterisk_id": entityID, "timestamp": a.stampLocked(),
	}
	maps.Copy(event, fields)
	frame, err := json.Marshal(event)
	if err != nil {
		panic(err) // the fake's own maps
	}
	return frame
}

func (a *Asterisk) sendLocked(frame []byte) {
	frames := [][]byte{frame}
	if a.alter != nil {
		frames = a.alter(frame)
	}
	for _, frame := range frames {
		if a.withholding {
			a.withheld = append(a.withheld, frame)
			continue
		}
		a.deliverLocked(frame)
	}
}

// deliverLocked: without a socket an event is lost, as in Asterisk.
func (a *Asterisk) deliverLocked(frame []byte) {
	if n := len(a.app.sockets); n > 0 {
		a.app.sockets[n-1].send(frame)
	}
}

func (s *socket) send(frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stalled {
		return
	}
	s.pending = append(s.pending, frame)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *socket) isStalled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stalled
}

func (s *socket) write() {
	for {
		s.mu.Lock()
		frames := s.pending
		s.pending = nil
		s.mu.Unlock()
		for _, frame := range frames {
			if s.conn.WriteMessage(websocket.TextMessage, frame) != nil {
				return
			}
		}
		select {
		case <-s.wake:
		case <-s.done:
			return
		}
	}
}
