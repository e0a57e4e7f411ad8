// Package httpapi is the ticketing desk's door: drafts, registration, lists and the pop card over HTTP. It translates; it
// must not decide anything, and it never sees a citizen's number, only its mask.
package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"hotline/agent"
	"hotline/telephony"
	"hotline/ticketing"
)

// Register adds the operations to the API. Idempotency keys and logins are the server's middleware.
func Register(api huma.API, service *ticketing.Service, log *slog.Logger) {
	h := &handler{service: service, log: log}
	add := func(id, method, path, summary string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{"ticketing"},
			RejectUnknownQueryParameters: true,
			Errors:                       []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity},
		}
	}
	huma.Register(api, add("call-pop", http.MethodGet, "/api/calls/{call}/pop", "Who calls, and what they brought before"), h.pop)
	huma.Register(api, add("call-tickets", http.MethodGet, "/api/calls/{call}/tickets", "The tickets of a call"), h.ofCall)
	huma.Register(api, add("add-appeal", http.MethodPost, "/api/calls/{call}/appeals", "Open a draft for a further matter of the call"), h.addAppeal)
	huma.Register(api, add("list-tickets", http.MethodGet, "/api/tickets", "Find tickets, newest first"), h.list)
	huma.Register(api, add("get-ticket", http.MethodGet, "/api/tickets/{id}", "One ticket with its history"), h.ticket)
	huma.Register(api, add("patch-ticket", http.MethodPatch, "/api/tickets/{id}", "Write in a draft"), h.patch)
	huma.Register(api, add("register-ticket", http.MethodPost, "/api/tickets/{id}/register", "Register a draft, or close it at once"), h.register)
	huma.Register(api, add("preview-promise", http.MethodGet, "/api/promise", "What would be promised if a call ended now"), h.promise)
}

type handler struct {
	service *ticketing.Service
	log     *slog.Logger
}

// CallPath names the call; exported because huma fills embedded fields only then.
type CallPath struct {
	Call string `path:"call" format:"uuid" doc:"Id of the call"`
}

// TicketPath names the ticket.
type TicketPath struct {
	ID string `path:"id" format:"uuid" doc:"Id of the ticket"`
}

type body[T any] struct{ Body T }

func (h *handler) pop(ctx context.Context, in *CallPath) (*body[Pop], error) {
	who, err := identity(ctx)
	if err != nil {
		return nil, err
	}
	p, err := h.service.Pop(ctx, who, telephony.CallID(in.Call))
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[Pop]{popOf(p)}, nil
}

type callTickets struct {
	Position string   `json:"position" doc:"Place in the fact log from which to follow"`
	Tickets  []Ticket `json:"tickets" nullable:"false"`
}

func (h *handler) ofCall(ctx context.Context, in *CallPath) (*body[callTickets], error) {
	who, err := identity(ctx)
	if err != nil {
		return nil, err
	}
	tickets, position, err := h.service.OfCall(ctx, who, telephony.CallID(in.Call))
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	out := callTickets{Position: position, Tickets: make([]Ticket, len(tickets))}
	for i, t := range tickets {
		out.Tickets[i] = ticketOf(t)
	}
	return &body[callTickets]{out}, nil
}

func (h *handler) addAppeal(ctx context.Context, in *struct {
	CallPath

	Body *struct{}
},
) (*body[Ticket], error) {
	who, err := identity(ctx)
	if err != nil {
		return nil, err
	}
	t, err := h.service.AddAppeal(ctx, who, telephony.CallID(in.Call))
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[Ticket]{ticketOf(t)}, nil
}

type listQuery struct {
	State  string `query:"state" enum:"draft,registered,closed"`
	Class  string `query:"class" enum:"consultation,other"`
	Due    string `query:"due" enum:"overdue,today,week"`
	Q      string `query:"q" maxLength:"100" doc:"In title, content or number"`
	Cursor string `query:"cursor" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type ticketPage struct {
	Tickets    []TicketSummary `json:"tickets" nullable:"false"`
	NextCursor string          `json:"next_cursor" doc:"Empty on the last page"`
	Count      int             `json:"count" doc:"Of the whole list"`
}

func (h *handler) list(ctx context.Context, in *listQuery) (*body[ticketPage], error) {
	who, err := identity(ctx)
	if err != nil {
		return nil, err
	}
	page, err := h.service.List(ctx, who, ticketing.Query{
		State: ticketing.State(in.State), Class: ticketing.Class(in.Class), Due: ticketing.Due(in.Due),
		Text: in.Q, Cursor: in.Cursor, Limit: in.Limit,
	})
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[ticketPage]{ticketPage{Tickets: summaries(page.Tickets), NextCursor: page.Next(), Count: page.Count}}, nil
}

func (h *handler) ticket(ctx context.Context, in *TicketPath) (*body[TicketHistory], error) {
	who, err := identity(ctx)
	if err != nil {
		return nil, err
	}
	t, events, err := h.service.Ticket(ctx, who, ticketing.TicketID(in.ID))
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[TicketHistory]{TicketHistory{Ticket: ticketOf(t), History: historyOf(events)}}, nil
}

// The enums allow the empty string: people take a choice back. Lengths are the service's to judge, in characters.
type ticketPatch struct {
	Version      int64   `json:"version" minimum:"1" doc:"The version that the change was made on"`
	Title        *string `json:"title,omitempty"`
	Content      *string `json:"content,omitempty"`
	Answer       *string `json:"answer,omitempty"`
	Class        *string `json:"class,omitempty" enum:",consultation,other"`
	Outcome      *string `json:"outcome,omitempty"`
	ContactName  *string `json:"contact_name,omitempty"`
	EventPlace   *string `json:"event_place,omitempty"`
	Confidential *bool   `json:"confidential,omitempty"`
}

func (h *handler) patch(ctx context.Context, in *struct {
	TicketPath

	Body ticketPatch
},
) (*body[Ticket], error) {
	who, err := identity(ctx)
	if err != nil {
		return nil, err
	}
	b := in.Body
	t, err := h.service.Patch(ctx, who, ticketing.TicketID(in.ID), ticketing.Patch{
		Version: b.Version, Title: b.Title, Content: b.Content, Answer: b.Answer, Class: (*ticketing.Class)(b.Class),
		Outcome: (*ticketing.Outcome)(b.Outcome), ContactName: b.ContactName, EventPlace: b.EventPlace, Confidential: b.Confidential,
	})
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[Ticket]{ticketOf(t)}, nil
}

func (h *handler) register(ctx context.Context, in *struct {
	TicketPath

	Body struct {
		Version int64 `json:"version" minimum:"1" doc:"The version that is to be registered"`
	}
},
) (*body[Ticket], error) {
	who, err := identity(ctx)
	if err != nil {
		return nil, err
	}
	t, err := h.service.Register(ctx, who, ticketing.TicketID(in.ID), in.Body.Version)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[Ticket]{ticketOf(t)}, nil
}

func (h *handler) promise(ctx context.Context, in *struct {
	Class string `query:"class" enum:"consultation,other" required:"true"`
},
) (*body[Promise], error) {
	if _, err := identity(ctx); err != nil {
		return nil, err
	}
	p, err := h.service.Promise(ticketing.Class(in.Class))
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[Promise]{*promiseOf(&p)}, nil
}

func identity(ctx context.Context) (agent.Identity, error) {
	who, ok := agent.FromContext(ctx)
	if !ok {
		return who, problem(http.StatusUnauthorized, "login.required", "sign in first")
	}
	return who, nil
}

// problem is the one table from errors to problems; what it does not know is logged here and stays inside.
func (h *handler) problem(ctx context.Context, err error) error {
	if fields, ok := ticketing.Invalid(err); ok {
		p := problem(http.StatusUnprocessableEntity, "ticket.incomplete", "some fields are missing or wrong")
		for _, f := range fields {
			p.Errors = append(p.Errors, &huma.ErrorDetail{Location: f.Field, Message: f.Code})
		}
		return p
	}
	switch {
	case errors.Is(err, ticketing.ErrNotAllowed):
		return problem(http.StatusForbidden, "not_allowed", "this is not yours to do")
	case errors.Is(err, ticketing.ErrNotFound):
		return problem(http.StatusNotFound, "not_found", "there is no such ticket or call, or it is not yours to see")
	case errors.Is(err, ticketing.ErrStale):
		return problem(http.StatusConflict, "version.stale", "somebody has changed it since; read it again")
	case errors.Is(err, ticketing.ErrNotDraft):
		return problem(http.StatusConflict, "ticket.not_draft", "it is registered already and stays as it is")
	case errors.Is(err, context.Canceled):
		return problem(http.StatusServiceUnavailable, "unavailable", "the request was given up")
	}
	h.log.ErrorContext(ctx, "ticketing request failed", "err", err)
	return problem(http.StatusInternalServerError, "internal", "something went wrong on our side; try again")
}

func problem(status int, code, detail string) *huma.ErrorModel {
	return &huma.ErrorModel{Type: "urn:hotline:" + code, Title: http.StatusText(status), Status: status, Detail: detail}
}
