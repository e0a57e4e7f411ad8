package aritest

import (
	"net/http"
	"slices"
	"time"
)

// Fault is what goes wrong with REST requests. One of Cut, Status, Eat, Hang and Delay; the first fault that fits is used.
type Fault struct {
	Op    Op  // which requests; empty: all
	Times int // how many; 0: until Heal

	Cut     bool          // closes the connection before anything is done
	Status  int           // refuses with this status and Message, does nothing
	Message string        // as {"message":…}; with Plain as it is
	Plain   bool          // the body is no JSON
	Eat     bool          // does the act, then closes the connection instead of replying (F18)
	Hang    bool          // does the act and never replies
	Delay   time.Duration // does the act and replies late
}

// Request is one REST request as it came, and how it was answered: 0 when the reply was kept back.
type Request struct {
	Op     Op
	Method string
	Path   string // as sent, still escaped, without /ari
	Query  string
	Body   string
	Status int
}

// Fault adds a fault.
func (a *Asterisk) Fault(f Fault) {
	a.do(func() { a.faults = append(a.faults, &f) })
}

// Heal ends all faults.
func (a *Asterisk) Heal() {
	a.do(func() { a.faults = nil })
}

// Requests are all requests so far of these kinds, or all.
func (a *Asterisk) Requests(ops ...Op) []Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	var found []Request
	for _, r := range a.requests {
		if len(ops) == 0 || slices.Contains(ops, r.Op) {
			found = append(found, r)
		}
	}
	return found
}

func (a *Asterisk) faultLocked(op Op) Fault {
	for i, f := range a.faults {
		if f.Op != "" && f.Op != op {
			continue
		}
		found := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				a.faults = append(a.faults[:i:i], a.faults[i+1:]...)
			}
		}
		return found
	}
	return Fault{}
}

// keep holds a reply back until the client has given up or the fake is closed.
func (a *Asterisk) keep(r *http.Request, late time.Duration) {
	var timer <-chan time.Time
	if late > 0 {
		t := time.NewTimer(late)
		defer t.Stop()
		timer = t.C
	}
	for {
		a.mu.Lock()
		closed, changed := a.closed, a.changed
		a.mu.Unlock()
		if closed {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-timer:
			return
		case <-changed:
		}
	}
}

// cut ends the connection without a word.
func cut(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			_ = conn.Close()
		}
	}
}
