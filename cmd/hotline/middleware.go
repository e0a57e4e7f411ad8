package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"hotline/agent"
	agentstore "hotline/agent/store"
)

// headers sets what ASVS V3.4 asks of every answer, and the date by which the page knows the time of our stamps.
func headers(secure bool, now func() time.Time, next http.Handler) http.Handler {
	const csp = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
		"img-src 'self' data:; font-src 'self'; media-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Date", now().UTC().Format(http.TimeFormat))
		h.Set("Content-Security-Policy", csp)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Permissions-Policy", "microphone=(self), camera=(), geolocation=()")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if secure {
			h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		}
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}

// recovering turns a panic of one handler into a 500 with an id: it never ends a call (ASVS V16.5).
func recovering(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler { //nolint:errorlint // the sentinel is panicked as itself, never wrapped
				panic(v)
			}
			id := randomID()
			log.ErrorContext(ctx, "handler panicked", slog.String("error_id", id), slog.String("path", r.URL.Path),
				slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			problem(w, http.StatusInternalServerError, "internal", "error id "+id)
		}()
		next.ServeHTTP(w, r)
	})
}

// problem writes an RFC 9457 answer outside huma.
func problem(w http.ResponseWriter, status int, code, detail string) {
	body, err := json.Marshal(refusal(status, code, detail))
	if err != nil { // three strings and a number
		status, body = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the asker has gone
}

func randomID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// idempotent answers a repeated command with the answer of the first one: same person, same path, same key. PATCH is
// fenced by its version and needs no memory; answers that hold secrets are never remembered.
type idempotent struct {
	commands *agentstore.Store
	now      func() time.Time
	log      *slog.Logger

	mu       sync.Mutex
	inFlight map[string]chan struct{} // guarded by mu
}

func newIdempotent(commands *agentstore.Store, now func() time.Time, log *slog.Logger) *idempotent {
	return &idempotent{commands: commands, now: now, log: log, inFlight: map[string]chan struct{}{}}
}

func (i *idempotent) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("Idempotency-Key")
		id, signedIn := agent.FromContext(r.Context())
		if r.Method != http.MethodPost || key == "" || !signedIn || holdsSecret(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		if len(key) > 100 {
			problem(w, http.StatusUnprocessableEntity, "idempotency_key", "Idempotency-Key: at most 100 characters")
			return
		}
		key = string(id.Person) + " " + key
		leave, first := i.enter(r.Context(), key)
		if !first {
			problem(w, http.StatusConflict, "command.running", "the same command is still running")
			return
		}
		defer leave()
		if i.replay(w, r, key) {
			return
		}
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r)
		i.remember(r, key, id, rec)
	})
}

func holdsSecret(path string) bool {
	return path == "/api/login" || path == "/api/ws-ticket" || strings.HasSuffix(path, "/phone")
}

// enter waits for a running twin of the command, so that the second finds the first one's answer.
func (i *idempotent) enter(ctx context.Context, key string) (func(), bool) {
	for {
		i.mu.Lock()
		running, ok := i.inFlight[key]
		if !ok {
			done := make(chan struct{})
			i.inFlight[key] = done
			i.mu.Unlock()
			return func() {
				i.mu.Lock()
				delete(i.inFlight, key)
				i.mu.Unlock()
				close(done)
			}, true
		}
		i.mu.Unlock()
		select {
		case <-running:
		case <-ctx.Done():
			return nil, false
		}
	}
}

func (i *idempotent) replay(w http.ResponseWriter, r *http.Request, key string) bool {
	c, err := i.commands.Command(r.Context(), key, r.URL.Path)
	if err != nil {
		return false
	}
	if len(c.Body) > 0 {
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set("Idempotency-Replayed", "true")
	w.WriteHeader(c.Status)
	_, _ = w.Write(c.Body)
	return true
}

func (i *idempotent) remember(r *http.Request, key string, id agent.Identity, rec *recorder) {
	if rec.status >= http.StatusMultipleChoices {
		return // a refused command changed nothing and may be tried again
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 2*time.Second)
	defer cancel()
	err := i.commands.SaveCommand(ctx, agentstore.Command{
		Key: key, Person: id.Person, Path: r.URL.Path, Status: rec.status, Body: rec.body.Bytes(), At: i.now(),
	})
	if err != nil {
		i.log.WarnContext(ctx, "command not remembered", slog.Any("err", err))
	}
}

// recorder copies an answer while it is written.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

// Unwrap lets deadlines be set through it.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
