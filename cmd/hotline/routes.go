package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"hotline/agent/door"
	agenthttp "hotline/agent/httpapi"
	"hotline/agent/policy"
	"hotline/agent/problem"
	"hotline/cmd/panel"
	"hotline/realtime"
	"hotline/realtime/factlog"
	callhttp "hotline/telephony/httpapi"
	tickethttp "hotline/ticketing/httpapi"
)

// routes is everything on the panel's address, with the operations that are registered. It refuses doors without an action.
func (s *server) routes(register func(huma.API)) (http.Handler, error) {
	mux := &door.Mux{}
	api := newAPI(mux)
	register(api)
	if err := finish(api, mux); err != nil {
		return nil, err
	}
	s.sockets(mux)
	mux.Handle("GET /healthz", door.Open(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) }))
	mux.Handle("GET /readyz", door.Open(), http.HandlerFunc(s.readyz))
	mux.Handle("/", door.Open(), panel.Handler(s.settings.PanelProxy))
	if err := errors.Join(mux.Err(), checkTopics(published())); err != nil {
		return nil, err
	}
	kept := newTrail(s.web, mux.Watched, s.now, s.log)
	guarded := http.NewCrossOriginProtection()
	guarded.SetDenyHandler(http.HandlerFunc(kept.foreign))
	limits := newPerLogin(s.settings.RequestsPerLogin, s.now)
	inner := within(s.patience, s.unversioned(plain(guarded.Handler(s.auth.Identify(limits.wrap(keyed(s.web, kept.wrap(mux))))))))
	return recovering(s.log, headers(s.settings.Secure, s.now, behind(s.settings.TrustedProxy, headed(inner)))), nil
}

// sockets are what pages hold open.
func (s *server) sockets(mux *door.Mux) {
	mux.Handle("GET /ws", door.Open().As("socket.open", "socket"), s.hub) // the ticket says who it is, and what they may hear
	mux.Handle("GET /sip", door.Each(policy.UsePhone, policy.PhoneBeside).As("seat.phone", "phone"), s.sip)
}

// newAPI is the HTTP API without its operations.
func newAPI(mux *door.Mux) huma.API {
	cfg := door.Config("hotline", "1.0.0")
	cfg.Info.Description = "Commands and snapshots of the 12345 hotline. What happens is pushed over /ws: see /api/asyncapi.json."
	cfg.Formats = map[string]huma.Format{"application/json": plainJSON(), "json": plainJSON()}
	return mux.API(cfg)
}

// finish publishes the document that the operations add up to.
func finish(api huma.API, mux *door.Mux) error {
	doc, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return fmt.Errorf("write the OpenAPI document: %w", err)
	}
	mux.Handle("GET /api/openapi.json", door.Open(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(doc)
	}))
	mux.Handle("GET /api/asyncapi.json", door.Open(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(realtime.AsyncAPI())
	}))
	mux.Handle("/api/", door.Open(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if allow := strings.Join(mux.Methods(r), ", "); allow != "" {
			w.Header().Set("Allow", allow)
			problem.Write(w, r, problem.New(http.StatusMethodNotAllowed, "method", "allow="+allow))
			return
		}
		problem.Write(w, r, problem.New(http.StatusNotFound, "not_found").Because("address"))
	}))
	return nil
}

// register adds every domain's operations. It reads no field of s but to hand it on, so that the document can be made without a server.
func (s *server) register(api huma.API) {
	agenthttp.Register(api, agenthttp.Deps{
		Service: s.agents, Door: s.auth, Hall: s.agentStore, Position: s.position, Log: s.log,
		SIPSeats: s.settings.SIPSeats, SIPNetworks: prefixes(s.settings.SIPNetwork),
	})
	agenthttp.RegisterSettings(api, agenthttp.Settings{Service: s.business, Names: s.names, Log: s.log})
	once := newOnceCommands(tracedCommands{s.controller, s.trace}, s.log)
	callhttp.Register(api, callhttp.Deps{Reader: s.callReads, Commands: once, Now: s.now, Log: s.log})
	tickethttp.Register(api, tickethttp.Deps{Service: s.tickets, Next: onceNext{once, s.tickets}, Log: s.log})
	door.Register(api, huma.Operation{
		OperationID: "ws-ticket", Method: http.MethodPost, Path: "/api/v1/ws-ticket", Summary: "A ticket for the push socket", Tags: []string{"push"},
		Description:  "Open /ws with the subprotocols v1.hotline and t.<ticket>, within 30 seconds, once. since is the position of the snapshot that the page has read.",
		MaxBodyBytes: 8 << 10,
	}, door.Whole(policy.OpenPush), s.wsTicket)
}

func (s *server) position(ctx context.Context) (string, error) {
	p, err := factlog.Head(ctx, s.web)
	return p.String(), err
}

type wsTicketInput struct {
	address string // the request's

	Body struct {
		Topics []string `json:"topics" maxItems:"32" example:"seat:A01" doc:"seat:A01, waiting:session, line:session, board, tickets, tickets:EDU of one unit"`
		Since  string   `json:"since,omitempty" maxLength:"64" example:"7301-88" doc:"Position of the snapshot that was read; empty: nothing is resumed"`
	}
}

// Resolve implements huma.Resolver.
func (in *wsTicketInput) Resolve(ctx huma.Context) []error {
	in.address = ctx.RemoteAddr()
	return nil
}

var _ huma.Resolver = (*wsTicketInput)(nil)

type wsTicketOutput struct {
	Body struct {
		Ticket    string    `json:"ticket" example:"9f86d081884c7d659a2feaa0c55ad015"`
		ExpiresAt time.Time `json:"expires_at" example:"2026-11-26T00:30:00Z"`
	}
}

func (s *server) wsTicket(ctx context.Context, in *wsTicketInput) (*wsTicketOutput, error) {
	id := door.Who(ctx)
	name, expires, err := s.hub.Issue(ctx, realtime.Request{
		Who: realtime.Subject{ID: string(id.Person), Login: id.Login}, Address: in.address, Topics: in.Body.Topics, Since: in.Body.Since,
	})
	switch {
	case errors.Is(err, realtime.ErrNotAllowed):
		return nil, problem.New(http.StatusForbidden, "not_allowed").Because("topics").With(problem.Field{Location: "body.topics", Message: "the topic is not for you"})
	case errors.Is(err, realtime.ErrBadPosition):
		return nil, problem.New(http.StatusUnprocessableEntity, "position").With(problem.Field{Location: "body.since", Message: "not a position"})
	case errors.Is(err, realtime.ErrTooMany), errors.Is(err, realtime.ErrBadTopic):
		return nil, problem.New(http.StatusUnprocessableEntity, "topics").With(problem.Field{Location: "body.topics", Message: "want at most 32 of the form kind or kind:name"})
	case err != nil:
		s.log.ErrorContext(ctx, "socket ticket not made", slog.Any("err", err))
		return nil, problem.New(http.StatusServiceUnavailable, "unavailable")
	}
	out := &wsTicketOutput{}
	out.Body.Ticket, out.Body.ExpiresAt = name, expires.UTC()
	return out, nil
}

// readyz says whether calls are taken, and what for: 200 as well while Redis is away, without which they are taken all the same (F10),
// with the status degraded. Whatever is away stands there with the time since when.
func (s *server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	state := map[string]string{"status": "ready", storePostgres: "ok", storeRedis: "ok", "lease": "held", "exchange": "connected"}
	ready := true
	fail := func(what, why string) {
		state["status"], state[what], ready = "not ready", why, false
	}
	if since := s.stores.since(storeRedis); since != nil {
		state["status"], state[storeRedis] = "degraded", awaySince(storeRedis, since)
	}
	if err := s.web.Ping(ctx); err != nil {
		fail(storePostgres, awaySince(storePostgres, s.stores.since(storePostgres)))
	}
	switch {
	case !s.master.Load():
		fail("lease", "standby")
		state["exchange"] = "not connected"
	case s.controller.HoldOnly():
		fail("lease", "not fresh: hold-only")
	}
	if s.master.Load() && (!s.ari.Connected() || !s.controller.Synced()) {
		fail("exchange", "not connected, or not compared with yet")
	}
	w.Header().Set("Content-Type", "application/json")
	if s.settings.Instance != "" {
		w.Header().Set("Hotline-Instance", s.settings.Instance)
	}
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(state) // the asker has gone
}

func awaySince(store string, since *time.Time) string {
	said := "away"
	if since != nil {
		said += " since " + since.Format(time.RFC3339)
	}
	return said + ": " + meanwhile(store)
}

func (s *server) metricsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/trace", s.traced)
	return mux
}
