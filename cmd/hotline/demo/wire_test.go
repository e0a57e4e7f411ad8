package demo_test

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// wire is a connection between a server and a link. One that is lost leads nowhere, and says so to nobody.
type wire struct {
	net.Conn

	lost   atomic.Bool
	once   sync.Once
	closed chan struct{}
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if w.lost.Load() {
		<-w.closed
		return 0, net.ErrClosed
	}
	return n, err
}

func (w *wire) Write(b []byte) (int, error) {
	if w.lost.Load() {
		return len(b), nil
	}
	return w.Conn.Write(b)
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return w.Conn.Close()
}

// lose lets what goes over the connections of now vanish, both ways; those that are opened later work.
func (k *link) lose() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for c := range k.conns {
		c.(*wire).lost.Store(true)
	}
}

// asked is a request that a link has seen.
type asked struct {
	at           time.Time
	method, path string
}

func (k *link) note(r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.log = append(k.log, asked{time.Now(), r.Method, r.URL.Path})
}

func (k *link) seen() []asked {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.log)
}

// decision: all that changes something, but for the clean-up that any controller would do; and the event socket, which takes the
// application over.
func (a asked) decision() bool {
	switch {
	case strings.HasSuffix(a.path, "/events"):
		return true
	case a.method == http.MethodGet, strings.HasSuffix(a.path, "/eventFilter"), strings.HasSuffix(a.path, "/subscription"):
		return false
	case strings.Contains(a.path, "/play/"):
		return false
	case a.method == http.MethodDelete && strings.HasPrefix(a.path, "/ari/channels/"):
		return strings.HasSuffix(a.path, "/mute")
	}
	return true
}

// decisions are those that the link has seen since.
func (k *link) decisions(since time.Time) []asked {
	return slices.DeleteFunc(k.seen(), func(a asked) bool { return a.at.Before(since) || !a.decision() })
}
