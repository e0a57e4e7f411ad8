package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode"

	"hotline/agent"
	"hotline/agent/audit"
	"hotline/agent/door"
	"hotline/agent/problem"
)

// trail is the one place where requests become audit records (RS14).
type trail struct {
	db    audit.DB
	doors func(pattern string) (door.Watched, bool)
	now   func() time.Time
	log   *slog.Logger

	mu     sync.Mutex // guards window and knocks
	window time.Time
	knocks map[string]int  // what nobody in particular did, by address, in this window
	lists  map[string]bool // by person and action, in this window
}

// Who has not signed in is refused as often as he likes: of one address the trail keeps so many refusals a minute, of more addresses than
// that no more, so that nobody fills the disk from outside. How many more there were stands in the log.
const (
	anonymous   = "anonymous" // who has not signed in
	knockWindow = time.Minute
	knocksKept  = 30
	knockers    = 1000
)

func newTrail(db audit.DB, doors func(string) (door.Watched, bool), now func() time.Time, log *slog.Logger) *trail {
	return &trail{db: db, doors: doors, now: now, log: log, knocks: map[string]int{}, lists: map[string]bool{}}
}

// wrap stands right before the mux, behind whoever finds out who asks.
func (t *trail) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, act := audit.Open(r.Context(), host(r.RemoteAddr))
		r = r.WithContext(ctx)
		seen := &statusWriter{ResponseWriter: w, holds: func() bool {
			d, known := t.doors(r.Pattern)
			if _, shown := act.Shown(); known && shown != "" {
				return true
			}
			return known && r.Method == http.MethodGet && d.Kept != door.Elsewhere
		}}
		next.ServeHTTP(seen, r)
		if d, known := t.doors(r.Pattern); known && !t.keep(r, d, act, seen.status) && seen.held != nil {
			problem.Write(w, r, problem.New(http.StatusServiceUnavailable, "unrecorded"))
			return
		}
		seen.release()
	})
}

// foreign refuses what http.CrossOriginProtection has found to come from another site.
func (t *trail) foreign(w http.ResponseWriter, r *http.Request) {
	_, act := audit.Open(r.Context(), host(r.RemoteAddr))
	t.keep(r, door.Watched{Action: "door.foreign", Kind: "door"}, act, http.StatusForbidden)
	problem.Write(w, r, problem.New(http.StatusForbidden, "origin"))
}

// keep writes the record that an answer calls for, in a transaction of its own, before the answer goes out: nobody reads what leaves no
// record. One that cannot be written is told to the log, whole, and false to the caller.
func (t *trail) keep(r *http.Request, d door.Watched, act *audit.Act, status int) bool { //nolint:cyclop // one decision, line by line
	rec := audit.Record{At: t.now(), Action: d.Action, Subject: d.Kind, Outcome: outcome(status), Address: host(r.RemoteAddr), Actor: anonymous}
	id, signedIn := agent.FromContext(r.Context())
	if signedIn && d.Hides && status == http.StatusNotFound {
		rec.Outcome = audit.Refused
	}
	read, shown := act.Shown()
	shows := shown != "" && rec.Outcome != audit.Refused && d.Kept == door.Elsewhere
	switch {
	case shows:
		rec.Action, rec.Outcome = read, audit.Done
	case rec.Outcome == "", rec.Outcome != audit.Refused && d.Kept == door.Elsewhere:
		return true
	}
	if rec.Outcome != audit.Done {
		rec.Reason = http.StatusText(status)
	}
	if d.Param != "" {
		rec.Subject += ":" + printable(r.PathValue(d.Param))
	}
	if signedIn {
		rec.Actor = id.Actor()
	}
	if shows {
		rec.Subject = shown
	} else if subject, actor := act.Named(); subject != "" || actor != "" {
		rec.Subject, rec.Actor = cmp.Or(printable(subject), rec.Subject), cmp.Or(printable(actor), rec.Actor)
	}
	often, list := d.Kept == door.Often && rec.Outcome == audit.Done || shows, rec.Actor+" "+rec.Action
	if shows {
		list += " " + rec.Subject // a page asks again as long as two texts are not settled
	}
	if rec.Actor == anonymous && !t.admit(r.Context(), rec.Address) || often && t.listed(r.Context(), list) {
		return true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 2*time.Second)
	defer cancel()
	if err := audit.Append(ctx, t.db, rec); err != nil {
		t.log.ErrorContext(ctx, "an audit record could not be written", slog.Any("err", err), slog.String("action", rec.Action), slog.String("subject", rec.Subject),
			slog.String("actor", rec.Actor), slog.String("outcome", string(rec.Outcome)), slog.String("address", rec.Address))
		return false
	}
	if often {
		t.list(list)
	}
	return true
}

// outcome is "" for what is no act: input that was not understood, what is not there, a version that is old.
func outcome(status int) audit.Outcome {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusTooManyRequests:
		return audit.Refused
	case status >= http.StatusInternalServerError:
		return audit.Failed
	case status >= http.StatusBadRequest:
		return ""
	}
	return audit.Done
}

// listed says that a person's list has been kept in this window.
func (t *trail) listed(ctx context.Context, list string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turnLocked(ctx)
	return t.lists[list]
}

// list notes that it has been kept.
func (t *trail) list(list string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lists[list] = true
}

// turnLocked begins another window when this one is over.
func (t *trail) turnLocked(ctx context.Context) {
	if now := t.now(); now.Sub(t.window) >= knockWindow || now.Before(t.window) {
		more := 0
		for _, n := range t.knocks {
			more += max(0, n-knocksKept)
		}
		if more > 0 {
			t.log.WarnContext(ctx, "refusals of people who had not signed in were not all kept in the audit trail", slog.Int("more", more))
		}
		t.window = now
		clear(t.knocks)
		clear(t.lists)
	}
}

// admit counts what an address does without a login.
func (t *trail) admit(ctx context.Context, address string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turnLocked(ctx)
	if _, known := t.knocks[address]; !known && len(t.knocks) >= knockers {
		address = "" // all further ones together
	}
	t.knocks[address]++
	return t.knocks[address] <= knocksKept
}

const longestName = 100

// printable is a text of a request that may stand in a record.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, ""))
	if runes := []rune(s); len(runes) > longestName {
		s = string(runes[:longestName])
	}
	return s
}

func host(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return address
}

// statusWriter notes how a request was answered, and holds back what may go out only with its record.
type statusWriter struct {
	http.ResponseWriter
	status int
	holds  func() bool // asked when the answer begins: only then is it known which door it is
	held   *bytes.Buffer
}

var _ http.Hijacker = (*statusWriter)(nil)

func (w *statusWriter) WriteHeader(status int) {
	w.begin(status)
	if w.held == nil {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *statusWriter) begin(status int) {
	if w.status != 0 {
		return
	}
	if w.status = status; w.holds() {
		w.held = &bytes.Buffer{}
	}
}

// release sends what was held back.
func (w *statusWriter) release() {
	if w.held == nil {
		return
	}
	w.ResponseWriter.WriteHeader(w.status)
	_, _ = w.ResponseWriter.Write(w.held.Bytes()) // the asker has gone
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.begin(http.StatusOK)
	if w.held != nil {
		return w.held.Write(b)
	}
	return w.ResponseWriter.Write(b)
}

// Hijack hands the connection to a socket, which asks for it by this name.
func (w *statusWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.status = http.StatusSwitchingProtocols
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// Unwrap lets deadlines be set and answers be flushed through it.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
