package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"hotline/agent"
	onekey "hotline/agent/command"
	"hotline/agent/problem"
	"hotline/telephony"
	callhttp "hotline/telephony/httpapi"
	callstore "hotline/telephony/store"
	"hotline/ticketing"
	tickethttp "hotline/ticketing/httpapi"
)

var (
	_ callhttp.Commands = (*onceCommands)(nil)
	_ tickethttp.Nexter = onceNext{}
	_ ticketing.Seats   = seats{}
)

// keyed puts the command of a request with an Idempotency-Key into its context, where the store that does it finds it (RC2). PATCH is
// fenced by the versions it carries and has no key; what answers with a secret is never repeated.
func keyed(memory onekey.DB, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys := r.Header.Values("Idempotency-Key")
		key := strings.Join(keys, ", ")
		id, signedIn := agent.FromContext(r.Context())
		if r.Method != http.MethodPost || key == "" || !signedIn || holdsSecret(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		wrong := ""
		switch {
		case len(keys) > 1:
			wrong = "given more than once"
		case utf8.RuneCountInString(key) > onekey.MaxKey:
			wrong = "expected length <= 100"
		}
		if wrong != "" {
			problem.Write(w, r, problem.New(http.StatusUnprocessableEntity, "idempotency_key").With(problem.Field{Location: "header.Idempotency-Key", Message: wrong}))
			return
		}
		c := onekey.New(id.Person, key, r.Method, r.URL.Path, memory)
		r = r.WithContext(onekey.NewContext(r.Context(), c))
		r.Body = c.Body(r.Body)
		next.ServeHTTP(w, r)
	})
}

func holdsSecret(path string) bool {
	return path == "/api/v1/login" || path == "/api/v1/ws-ticket" || strings.HasSuffix(path, "/phone")
}

// onceCommands gives a command to the controller one effect. That is a commit of the controller's own, so the key is kept after it: a
// repeat that comes between the two, because the server was killed there, names what its maker saw, and is told that this is over.
type onceCommands struct {
	callhttp.Commands
	log *slog.Logger

	mu      sync.Mutex // guards running
	running map[string]chan struct{}
}

func newOnceCommands(c callhttp.Commands, log *slog.Logger) *onceCommands {
	return &onceCommands{Commands: c, log: log, running: map[string]chan struct{}{}}
}

// Decline implements telephony's Commands, as do those below.
func (o *onceCommands) Decline(ctx context.Context, offer telephony.OfferID, actor, reason string) error {
	return o.once(ctx, func(ctx context.Context) error { return o.Commands.Decline(ctx, offer, actor, reason) })
}

// Hangup : see Decline.
func (o *onceCommands) Hangup(ctx context.Context, call telephony.CallID, by telephony.HungUp, actor string) error {
	return o.once(ctx, func(ctx context.Context) error { return o.Commands.Hangup(ctx, call, by, actor) })
}

// Hold : see Decline.
func (o *onceCommands) Hold(ctx context.Context, call telephony.CallID, e telephony.Held, actor string) error {
	return o.once(ctx, func(ctx context.Context) error { return o.Commands.Hold(ctx, call, e, actor) })
}

// Mute : see Decline.
func (o *onceCommands) Mute(ctx context.Context, call telephony.CallID, e telephony.Muted, actor string) error {
	return o.once(ctx, func(ctx context.Context) error { return o.Commands.Mute(ctx, call, e, actor) })
}

// onceNext gives 请接下一位, which ends with the controller, one effect.
type onceNext struct {
	once *onceCommands
	of   *ticketing.Service
}

// Next implements ticketing's Nexter.
func (o onceNext) Next(ctx context.Context, who agent.Identity, n ticketing.Next) error {
	return o.once.once(ctx, func(ctx context.Context) error { return o.of.Next(ctx, who, n) })
}

// seats are telephony's part in it: what the signed-in person may read of a seat, and the controller.
type seats struct {
	*callstore.Store
	tracedCommands
}

// once lets the twins of a command come one after the other: all of them come to the one process that holds the lease.
func (o *onceCommands) once(ctx context.Context, do func(context.Context) error) error {
	c := onekey.From(ctx)
	if c == nil {
		return do(ctx)
	}
	leave, err := o.enter(ctx, c.Name())
	if err != nil {
		return err
	}
	defer leave()
	if err := onekey.Known(ctx); err != nil {
		if _, repeated := errors.AsType[*agent.RepeatedError](err); repeated {
			return nil
		}
		return err
	}
	if err := do(onekey.NewContext(ctx, nil)); err != nil { // what follows in other stores is not the command
		return err
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := onekey.Keep(limited); err != nil { // it is done: whoever repeats it is told that it is over
		o.log.WarnContext(ctx, "command not kept", slog.Any("err", err))
	}
	return nil
}

func (o *onceCommands) enter(ctx context.Context, name string) (func(), error) {
	for {
		o.mu.Lock()
		running, ok := o.running[name]
		if !ok {
			done := make(chan struct{})
			o.running[name] = done
			o.mu.Unlock()
			return func() {
				o.mu.Lock()
				delete(o.running, name)
				o.mu.Unlock()
				close(done)
			}, nil
		}
		o.mu.Unlock()
		select {
		case <-running:
		case <-ctx.Done():
			return nil, agent.ErrRunning
		}
	}
}
