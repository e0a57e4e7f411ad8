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
	"hotline/agent/door"
	"hotline/agent/policy"
	"hotline/agent/problem"
	"hotline/telephony"
	"hotline/ticketing"
)

// Nexter carries 请接下一位 out; see ticketing.Service.Next.
type Nexter interface {
	Next(ctx context.Context, who agent.Identity, n ticketing.Next) error
}

// Deps are what the handlers need.
type Deps struct {
	Service *ticketing.Service
	Next    Nexter
	Log     *slog.Logger
}

// Register adds the operations to the API. Idempotency keys and logins are the server's middleware.
func Register(api huma.API, d Deps) {
	h := &handler{service: d.Service, nexter: d.Next, log: d.Log}
	add := func(id, method, path, summary string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{"ticketing"},
		}
	}
	door.Register(api, add("call-pop", http.MethodGet, "/api/v1/calls/{call}/pop", "Who calls, and what they brought before"),
		door.Each(policy.ReadPop), h.pop)
	door.Register(api, add("call-tickets", http.MethodGet, "/api/v1/calls/{call}/tickets", "The tickets of a call"),
		door.Each(policy.ReadTickets).Kept(door.Always), h.ofCall)
	door.Register(api, add("add-appeal", http.MethodPost, "/api/v1/calls/{call}/appeals", "Open a draft for a further matter of the call"),
		door.Each(policy.WriteTickets), h.addAppeal)
	door.Register(api, add("list-tickets", http.MethodGet, "/api/v1/tickets", "Find tickets in the order of work: what is due first, then drafts, then what is closed"),
		door.Each(policy.ReadTickets).Kept(door.Often), h.list)
	door.Register(api, add("list-units", http.MethodGet, "/api/v1/units", "The units, to narrow a list to one"), door.Whole(policy.ReadSession), h.units)
	door.Register(api, add("get-ticket", http.MethodGet, "/api/v1/tickets/{id}", "One ticket with its history"),
		door.Each(policy.ReadTickets).Kept(door.Always), h.ticket)
	door.Register(api, add("patch-ticket", http.MethodPatch, "/api/v1/tickets/{id}", "Write in a draft"), door.Each(policy.WriteTickets), h.patch)
	door.Register(api, add("register-ticket", http.MethodPost, "/api/v1/tickets/{id}/register", "Register a draft, or close it at once"),
		door.Each(policy.WriteTickets), h.register)
	next := add("next-caller", http.MethodPost, "/api/v1/seats/{seat}/next", "End a seat's wrap-up (请接下一位), once its tickets are registered or left as they are")
	next.DefaultStatus = http.StatusNoContent
	door.Register(api, next, door.Each(policy.NextCaller), h.next)
	door.Register(api, add("preview-promise", http.MethodGet, "/api/v1/promise", "What would be promised if a call ended now"),
		door.Whole(policy.ReadPromise), h.promise)
}

type handler struct {
	service *ticketing.Service
	nexter  Nexter
	log     *slog.Logger
}

// CallPath names the call; exported because huma fills embedded fields only then.
type CallPath struct {
	Call string `path:"call" format:"uuid" example:"019ac000-0000-7000-8000-000000000001" doc:"Id of the call"`
}

// TicketPath names the ticket.
type TicketPath struct {
	ID string `path:"id" format:"uuid" example:"019ac000-0000-7000-8000-000000000001" doc:"Id of the ticket"`
}

type body[T any] struct{ Body T }

func (h *handler) pop(ctx context.Context, in *CallPath) (*body[Pop], error) {
	p, err := h.service.Pop(ctx, door.Who(ctx), telephony.CallID(in.Call))
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[Pop]{popOf(p)}, nil
}

type callTickets struct {
	Position string   `json:"position" example:"7301-88" doc:"Place in the fact log from which to follow"`
	Tickets  []Ticket `json:"tickets"`
}

func (h *handler) ofCall(ctx context.Context, in *CallPath) (*body[callTickets], error) {
	tickets, position, err := h.service.OfCall(ctx, door.Who(ctx), telephony.CallID(in.Call))
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
	t, err := h.service.AddAppeal(ctx, door.Who(ctx), telephony.CallID(in.Call))
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[Ticket]{ticketOf(t)}, nil
}

type listQuery struct {
	State  string `query:"state" enum:"live,draft,registered,closed" example:"draft" doc:"live: drafts whose citizen is still on the line, which stand in no other list but that of a search; draft: the others"`
	Class  string `query:"class" enum:"consultation,other" example:"consultation"`
	Due    string `query:"due" enum:"overdue,today,week,later" example:"overdue" doc:"Of registered ones; week: the next seven days, later: after these"`
	Unit   string `query:"unit" maxLength:"32" example:"EDU" doc:"Code of the unit that handles it; of a draft: that received the call"`
	Q      string `query:"q" maxLength:"100" example:"学籍" doc:"In title, content or number, with or without its strokes; or a whole query code"`
	Cursor string `query:"cursor" example:"eyJhdCI6IjIwMjYifQ" doc:"next_cursor of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" example:"50"`
}

type ticketPage struct {
	Tickets    []TicketSummary `json:"tickets"`
	NextCursor string          `json:"next_cursor" example:"eyJhdCI6IjIwMjYifQ" doc:"Empty on the last page"`
	Count      int             `json:"count" maximum:"1001" example:"128" doc:"Of the whole list; 1001: more than 1,000"`
}

func (h *handler) list(ctx context.Context, in *listQuery) (*body[ticketPage], error) {
	page, err := h.service.List(ctx, door.Who(ctx), ticketing.Query{
		Part: ticketing.Part(in.State), Class: ticketing.Class(in.Class), Due: ticketing.Due(in.Due), Unit: in.Unit,
		Text: in.Q, Cursor: in.Cursor, Limit: in.Limit,
	})
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[ticketPage]{ticketPage{Tickets: summaries(page.Tickets), NextCursor: page.Next(), Count: page.Count}}, nil
}

// Unit is one that a list may be narrowed to.
type Unit struct {
	Code string `json:"code" example:"EDU"`
	Name string `json:"name" example:"省教育厅"`
}

type unitList struct {
	Units []Unit `json:"units"`
}

func (h *handler) units(ctx context.Context, _ *struct{}) (*body[unitList], error) {
	units, err := h.service.Units(ctx)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	out := unitList{Units: make([]Unit, len(units))}
	for i, u := range units {
		out.Units[i] = Unit(u)
	}
	return &body[unitList]{out}, nil
}

func (h *handler) ticket(ctx context.Context, in *TicketPath) (*body[TicketHistory], error) {
	t, events, err := h.service.Ticket(ctx, door.Who(ctx), ticketing.TicketID(in.ID))
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	writable := t.State == ticketing.StateDraft && (ticketing.Access{Who: door.Who(ctx)}).Write(t)
	return &body[TicketHistory]{TicketHistory{Ticket: ticketOf(t), Writable: writable, History: historyOf(events)}}, nil
}

// The enums allow the empty string: people take a choice back. Lengths are the service's to judge, in characters.
type ticketPatch struct {
	Version      int64            `json:"version" minimum:"1" example:"3" doc:"The version that the change was made on: refused is what somebody else has written in the same field since"`
	Seen         map[string]int64 `json:"seen,omitempty" maxProperties:"8" example:"{\"title\":2}" doc:"Of fields that were last seen on another version than the rest: that version"`
	Title        *string          `json:"title,omitempty" example:"学籍转接"`
	Content      *string          `json:"content,omitempty" example:"来电人咨询转学手续。"`
	Answer       *string          `json:"answer,omitempty" example:"已告知办理材料。"`
	Class        *string          `json:"class,omitempty" enum:",consultation,other" example:"consultation"`
	Outcome      *string          `json:"outcome,omitempty" enum:",answered,ticket,explained_policy,transfer_emergency,refer_legal,repeat_no_new_facts,secret_or_privacy,against_order,other_place_or_level,market_or_private,no_content,abusive" example:"answered"`
	ContactName  *string          `json:"contact_name,omitempty" example:"李女士"`
	EventPlace   *string          `json:"event_place,omitempty" example:"合肥市庐阳区"`
	Confidential *bool            `json:"confidential,omitempty" example:"false"`
}

func (h *handler) patch(ctx context.Context, in *struct {
	TicketPath

	Body ticketPatch
},
) (*body[Ticket], error) {
	b := in.Body
	t, err := h.service.Patch(ctx, door.Who(ctx), ticketing.TicketID(in.ID), ticketing.Patch{
		Version: b.Version, Seen: seenOf(b.Seen), Title: b.Title, Content: b.Content, Answer: b.Answer, Class: (*ticketing.Class)(b.Class),
		Outcome: (*ticketing.Outcome)(b.Outcome), ContactName: b.ContactName, EventPlace: b.EventPlace, Confidential: b.Confidential,
	})
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[Ticket]{ticketOf(t)}, nil
}

func seenOf(in map[string]int64) map[ticketing.Field]int64 {
	seen := make(map[ticketing.Field]int64, len(in))
	for f, version := range in {
		seen[ticketing.Field(f)] = version
	}
	return seen
}

func (h *handler) register(ctx context.Context, in *struct {
	TicketPath

	Body struct {
		Version int64 `json:"version" minimum:"1" example:"3" doc:"The version that is to be registered"`
	}
},
) (*body[Ticket], error) {
	t, err := h.service.Register(ctx, door.Who(ctx), ticketing.TicketID(in.ID), in.Body.Version)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[Ticket]{ticketOf(t)}, nil
}

func (h *handler) promise(ctx context.Context, in *struct {
	Class string `query:"class" enum:"consultation,other" required:"true" example:"consultation"`
},
) (*body[Promise], error) {
	p, err := h.service.Promise(ticketing.Class(in.Class))
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[Promise]{*promiseOf(&p)}, nil
}

// problem is the one table from errors to problems; what it does not know is logged here and stays inside.
func (h *handler) problem(ctx context.Context, err error) error {
	if p := door.Command(err); p != nil {
		return p
	}
	if fields, ok := ticketing.Invalid(err); ok {
		p := problem.New(http.StatusUnprocessableEntity, "ticket.incomplete")
		for _, f := range fields {
			p.Errors = append(p.Errors, problem.Field{Location: f.Field, Code: f.Code})
		}
		return p
	}
	if stale, ok := errors.AsType[*ticketing.StaleError](err); ok {
		return moved(stale)
	}
	switch {
	case errors.Is(err, ticketing.ErrNotAllowed):
		return problem.New(http.StatusForbidden, "not_allowed").Because("ticket")
	case errors.Is(err, ticketing.ErrLive):
		return problem.New(http.StatusConflict, "ticket.live")
	case errors.Is(err, ticketing.ErrNotFound):
		return problem.New(http.StatusNotFound, "not_found").Because("ticket")
	case errors.Is(err, ticketing.ErrStale):
		return problem.New(http.StatusConflict, "version.stale")
	case errors.Is(err, ticketing.ErrNotDraft):
		return problem.New(http.StatusConflict, "ticket.not_draft")
	}
	h.log.ErrorContext(ctx, "ticketing request failed", "err", err)
	return problem.New(http.StatusInternalServerError, "internal")
}

// moved shows the ticket as it is now, with who wrote what in it, and names the fields in which somebody was first.
func moved(e *ticketing.StaleError) error {
	if len(e.Fields) == 0 {
		return door.Moved("version.stale", ticketOf(e.Now))
	}
	m := door.Moved("ticket.clash", ticketOf(e.Now))
	for _, f := range e.Fields {
		m.Errors = append(m.Errors, problem.Field{Location: "body." + string(f), Code: "changed"})
	}
	return m
}
