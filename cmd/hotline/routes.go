package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"hotline/agent"
	agenthttp "hotline/agent/httpapi"
	"hotline/cmd/panel"
	"hotline/realtime"
	"hotline/realtime/factlog"
	callhttp "hotline/telephony/httpapi"
	tickethttp "hotline/ticketing/httpapi"
)

// routes is everything on the panel's address.
func (s *server) routes() (http.Handler, error) {
	mux := http.NewServeMux()
	api := newAPI(mux)
	s.register(api)
	if err := finish(api, mux); err != nil {
		return nil, err
	}
	mux.Handle("GET /ws", s.hub)
	mux.Handle("GET /sip", s.sip)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("/", panel.Handler(s.settings.PanelProxy))
	commands := newIdempotent(s.agentStore, s.now, s.log)
	guarded := http.NewCrossOriginProtection()
	return recovering(s.log, headers(s.settings.Secure, s.now, guarded.Handler(s.auth.Identify(commands.wrap(mux))))), nil
}

// newAPI is the HTTP API without its operations.
func newAPI(mux *http.ServeMux) huma.API {
	cfg := huma.DefaultConfig("hotline", "1.0.0")
	cfg.Info.Description = "Commands and snapshots of the 12345 hotline. What happens is pushed over /ws; see /api/ws-ticket."
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.CreateHooks = nil // no $schema links in answers
	cfg.RejectUnknownQueryParameters = true
	cfg.Transformers = []huma.Transformer{typed}
	return humago.New(mux, cfg)
}

// finish publishes the document that the operations add up to.
func finish(api huma.API, mux *http.ServeMux) error {
	doc, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return fmt.Errorf("write the OpenAPI document: %w", err)
	}
	mux.HandleFunc("GET /api/openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(doc)
	})
	mux.HandleFunc("/api/", func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusNotFound, "not_found", "no such operation; see /api/openapi.json")
	})
	return nil
}

// register adds every domain's operations. It reads no field of s but to hand it on, so that the document can be made without a server.
func (s *server) register(api huma.API) {
	agenthttp.Register(api, agenthttp.Deps{
		Service: s.agents, Door: s.auth, Hall: s.agentStore, Position: s.position, SIPSeats: s.settings.SIPSeats, Log: s.log,
	})
	callhttp.Register(api, callhttp.Deps{Reader: s.callReads, Commands: tracedCommands{s.controller, s.trace}, Now: s.now, Log: s.log})
	tickethttp.Register(api, s.tickets, s.log)
	huma.Register(api, huma.Operation{
		OperationID: "ws-ticket", Method: http.MethodPost, Path: "/api/ws-ticket", Summary: "A ticket for the push socket",
		Description: "Open /ws with the subprotocols v1.hotline and t.<ticket>, within 30 seconds, once. since is the position of the snapshot that the page has read.",
		Errors:      []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity},
	}, s.wsTicket)
}

func (s *server) position(ctx context.Context) (string, error) {
	p, err := factlog.Head(ctx, s.web)
	return p.String(), err
}

type wsTicketInput struct {
	address string // the request's

	Body struct {
		Topics []string `json:"topics" nullable:"false" maxItems:"32" doc:"seat:A01, line:session, board, tickets"`
		Since  string   `json:"since,omitempty" doc:"Position of the snapshot that was read; empty: nothing is resumed"`
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
		Ticket    string    `json:"ticket"`
		ExpiresAt time.Time `json:"expires_at"`
	}
}

func (s *server) wsTicket(ctx context.Context, in *wsTicketInput) (*wsTicketOutput, error) {
	id, ok := agent.FromContext(ctx)
	if !ok {
		return nil, refusal(http.StatusUnauthorized, "login.required", "sign in first")
	}
	name, expires, err := s.hub.Issue(ctx, realtime.Request{
		Who: realtime.Subject{ID: string(id.Person), Login: id.Login, Value: id}, Address: in.address, Topics: in.Body.Topics, Since: in.Body.Since,
	})
	switch {
	case errors.Is(err, realtime.ErrNotAllowed):
		return nil, refusal(http.StatusForbidden, "not_allowed", "one of the topics is not for you")
	case errors.Is(err, realtime.ErrBadPosition):
		return nil, refusal(http.StatusUnprocessableEntity, "position", "since: not a position; leave it empty and read a fresh snapshot")
	case errors.Is(err, realtime.ErrTooMany):
		return nil, refusal(http.StatusUnprocessableEntity, "topics", err.Error())
	case err != nil:
		s.log.ErrorContext(ctx, "socket ticket not made", slog.Any("err", err))
		return nil, refusal(http.StatusServiceUnavailable, "unavailable", "the rights cannot be read now; try again")
	}
	out := &wsTicketOutput{}
	out.Body.Ticket, out.Body.ExpiresAt = name, expires.UTC()
	return out, nil
}

func refusal(status int, code, detail string) *huma.ErrorModel {
	return &huma.ErrorModel{Type: "urn:hotline:" + code, Status: status, Title: http.StatusText(status), Detail: detail}
}

// typed gives huma's own refusals, made before a handler runs, a type that the panel can translate. Those of the handlers have one.
func typed(_ huma.Context, _ string, answer any) (any, error) {
	own, ok := answer.(*huma.ErrorModel)
	if !ok || own.Type != "" {
		return answer, nil
	}
	m := *own
	m.Type = "urn:hotline:invalid"
	if m.Status >= http.StatusInternalServerError {
		m.Type, m.Detail, m.Errors = "urn:hotline:internal", "", nil
	}
	return &m, nil
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
