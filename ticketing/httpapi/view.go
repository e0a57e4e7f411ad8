package httpapi

import (
	"time"

	"hotline/ticketing"
)

// Ticket is a ticket as pages show and edit it.
type Ticket struct {
	ID            string     `json:"id" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Number        *string    `json:"number" example:"20261126000001" doc:"null before registration"`
	QueryCode     string     `json:"query_code" example:"ACDEFG"`
	Kind          string     `json:"kind" enum:"call,missed,appeal" example:"call"`
	Call          string     `json:"call" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Masked        string     `json:"masked" example:"138****5678" doc:"Empty: anonymous"`
	Place         string     `json:"place" example:"安徽省合肥市" doc:"Empty: unknown"`
	CallTimes     CallTimes  `json:"call_times"`
	SessionNumber *int       `json:"session_number" example:"41"`
	Seat          *string    `json:"seat" example:"A01"`
	OfficialName  *string    `json:"official_name" example:"王五"`
	State         string     `json:"state" enum:"draft,registered,closed" example:"draft"`
	Class         string     `json:"class" enum:",consultation,other" example:"consultation"`
	Outcome       string     `json:"outcome" enum:",answered,ticket,explained_policy,transfer_emergency,refer_legal,repeat_no_new_facts,secret_or_privacy,against_order,other_place_or_level,market_or_private,no_content,abusive" example:"answered"`
	Title         string     `json:"title" example:"学籍转接"`
	Content       string     `json:"content" example:"来电人咨询转学手续。"`
	Answer        string     `json:"answer" example:"已告知办理材料。"`
	ContactName   string     `json:"contact_name" example:"李女士"`
	EventPlace    string     `json:"event_place" example:"合肥市庐阳区"`
	Confidential  bool       `json:"confidential" example:"false"`
	OpenedAt      time.Time  `json:"opened_at" example:"2026-11-26T00:30:00Z"`
	RegisteredAt  *time.Time `json:"registered_at" example:"2026-11-26T00:30:00Z"`
	ClosedAt      *time.Time `json:"closed_at" example:"2026-11-26T00:30:00Z"`
	Version       int64      `json:"version" example:"3"`
	Promise       *Promise   `json:"promise"`

	Written map[string]Written `json:"written" example:"{\"title\":{\"version\":3,\"by\":\"王处长\",\"at\":\"2026-11-26T00:30:00Z\"}}" doc:"Who wrote what last in a draft, by field; nothing of a field that is as it was opened"`
}

// Written is the last change of a field of a draft.
type Written struct {
	Version int64     `json:"version" example:"3" doc:"Of the ticket, by that change: a patch made on an older one is told instead of carried out"`
	By      string    `json:"by" example:"王处长" doc:"Name"`
	At      time.Time `json:"at" example:"2026-11-26T00:30:00Z"`
}

// CallTimes are the instants of the ticket's call.
type CallTimes struct {
	ArrivedAt  time.Time  `json:"arrived_at" example:"2026-11-26T00:30:00Z"`
	AnsweredAt *time.Time `json:"answered_at" example:"2026-11-26T00:30:00Z"`
	EndedAt    *time.Time `json:"ended_at" example:"2026-11-26T00:30:00Z"`
}

// Promise is when the answer is due.
type Promise struct {
	DueAt       time.Time `json:"due_at" example:"2026-11-26T00:30:00Z" doc:"Exclusive"`
	LastDay     string    `json:"last_day" format:"date" example:"2026-12-01" doc:"In China; the answer is due by its end"`
	WorkingDays int       `json:"working_days" example:"3"`
	Provisional bool      `json:"provisional" example:"false" doc:"Shown as 预计: the holidays of a year are not published yet"`
}

// TicketHistory is a ticket with what happened to it.
type TicketHistory struct {
	Ticket

	Writable bool    `json:"writable" example:"true" doc:"The asker may write in it now: a draft belongs to the call's people as long as the citizen is on the line"`
	History  []Event `json:"history"`
}

// Event is one row of history.
type Event struct {
	At        time.Time      `json:"at" example:"2026-11-26T00:30:00Z"`
	Actor     string         `json:"actor" example:"person:019ac000-0000-7000-8000-000000000001"`
	ActorName string         `json:"actor_name" example:"王五" doc:"Empty: the system itself"`
	What      string         `json:"what" enum:"opened,drafted,seated,missed,resumed,registered,closed" example:"opened"`
	Data      map[string]any `json:"data" example:"{\"kind\":\"call\"}"`
}

// TicketSummary is a row of a list.
type TicketSummary struct {
	ID            string     `json:"id" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Number        *string    `json:"number" example:"20261126000001"`
	Kind          string     `json:"kind" enum:"call,missed,appeal" example:"call"`
	Call          string     `json:"call" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Masked        string     `json:"masked" example:"138****5678"`
	Place         string     `json:"place" example:"安徽省合肥市"`
	UnitName      string     `json:"unit_name" example:"省教育厅" doc:"That handles it; of a draft: that received the call; empty: none"`
	Title         string     `json:"title" example:"学籍转接"`
	State         string     `json:"state" enum:"draft,registered,closed" example:"draft"`
	Live          bool       `json:"live" example:"false" doc:"A draft whose citizen is still on the line"`
	Class         string     `json:"class" enum:",consultation,other" example:"consultation"`
	Outcome       string     `json:"outcome" enum:",answered,ticket,explained_policy,transfer_emergency,refer_legal,repeat_no_new_facts,secret_or_privacy,against_order,other_place_or_level,market_or_private,no_content,abusive" example:"answered"`
	Confidential  bool       `json:"confidential" example:"false"`
	SessionNumber *int       `json:"session_number" example:"41"`
	Seat          *string    `json:"seat" example:"A01"`
	OfficialName  *string    `json:"official_name" example:"王五"`
	OpenedAt      time.Time  `json:"opened_at" example:"2026-11-26T00:30:00Z"`
	RegisteredAt  *time.Time `json:"registered_at" example:"2026-11-26T00:30:00Z"`
	ClosedAt      *time.Time `json:"closed_at" example:"2026-11-26T00:30:00Z"`
	DueAt         *time.Time `json:"due_at" example:"2026-11-26T00:30:00Z"`
	Promise       *Promise   `json:"promise"`
	Version       int64      `json:"version" example:"3"`
}

// Pop is the card that comes up with a call.
type Pop struct {
	Call         string          `json:"call" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	Masked       string          `json:"masked" example:"138****5678"`
	Place        string          `json:"place" example:"安徽省合肥市"`
	EarlierCalls []EarlierCall   `json:"earlier_calls" doc:"The latest"`
	EarlierCount int             `json:"earlier_count" example:"2" doc:"Of all"`
	OpenTickets  []TicketSummary `json:"open_tickets"`
	LastTicket   *TicketSummary  `json:"last_ticket"`
}

// EarlierCall is one call of the same citizen before this one.
type EarlierCall struct {
	ID        string    `json:"id" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	ArrivedAt time.Time `json:"arrived_at" example:"2026-11-26T00:30:00Z"`
	Outcome   *string   `json:"outcome" enum:"answered_official,answered_operator,registered_callback,abandoned_on_hold,abandoned_in_queue,abandoned_short,abandoned_ringing,closed_before_turn,out_of_scope,blocked,system_failure" example:"answered_official" doc:"null: still running"`
}

func ticketOf(t ticketing.Ticket) Ticket {
	written := make(map[string]Written, len(t.Written))
	for f, w := range t.Written {
		written[string(f)] = Written{Version: w.Version, By: w.Name, At: w.At.UTC()}
	}
	return Ticket{
		ID: string(t.ID), Number: optional(t.Number), QueryCode: t.QueryCode, Kind: string(t.Kind), Call: string(t.Call),
		Masked: t.Origin.Masked, Place: t.Origin.Place,
		CallTimes: CallTimes{
			ArrivedAt: t.Origin.ArrivedAt.UTC(), AnsweredAt: instant(t.Origin.AnsweredAt), EndedAt: instant(t.Origin.EndedAt),
		},
		SessionNumber: optional(t.Origin.SessionNumber), Seat: optional(string(t.Seat)), OfficialName: optional(t.Origin.OfficialName),
		State: string(t.State), Class: string(t.Class), Outcome: string(t.Outcome), Title: t.Title, Content: t.Content, Answer: t.Answer,
		ContactName: t.ContactName, EventPlace: t.EventPlace, Confidential: t.Confidential, OpenedAt: t.OpenedAt.UTC(),
		RegisteredAt: instant(t.RegisteredAt), ClosedAt: instant(t.ClosedAt), Version: t.Version, Promise: promiseOf(t.Promise), Written: written,
	}
}

func summaryOf(t ticketing.Ticket) TicketSummary {
	full := ticketOf(t)
	s := TicketSummary{
		ID: full.ID, Number: full.Number, Kind: full.Kind, Call: full.Call, Masked: full.Masked, Place: full.Place,
		UnitName: t.Origin.Unit, Title: full.Title, State: full.State, Live: t.Live(), Class: full.Class, Outcome: full.Outcome, Confidential: full.Confidential, SessionNumber: full.SessionNumber,
		Seat: full.Seat, OfficialName: full.OfficialName, OpenedAt: full.OpenedAt, RegisteredAt: full.RegisteredAt, ClosedAt: full.ClosedAt,
		Promise: full.Promise, Version: full.Version,
	}
	if s.Promise != nil {
		s.DueAt = &s.Promise.DueAt
	}
	return s
}

func summaries(tickets []ticketing.Ticket) []TicketSummary {
	out := make([]TicketSummary, len(tickets))
	for i, t := range tickets {
		out[i] = summaryOf(t)
	}
	return out
}

func promiseOf(p *ticketing.Promise) *Promise {
	if p == nil {
		return nil
	}
	return &Promise{DueAt: p.DueAt.UTC(), LastDay: p.LastDay(), WorkingDays: p.WorkingDays, Provisional: p.Provisional}
}

func historyOf(events []ticketing.Event) []Event {
	out := make([]Event, len(events))
	for i, e := range events {
		out[i] = Event{At: e.At.UTC(), Actor: e.Actor, ActorName: e.ActorName, What: e.What, Data: e.Data}
	}
	return out
}

func popOf(p ticketing.Pop) Pop {
	out := Pop{
		Call: string(p.Call), Masked: p.Origin.Masked, Place: p.Origin.Place,
		EarlierCalls: make([]EarlierCall, len(p.Calls)), EarlierCount: p.Count, OpenTickets: summaries(p.Open),
	}
	for i, c := range p.Calls {
		out.EarlierCalls[i] = EarlierCall{ID: string(c.ID), ArrivedAt: c.ArrivedAt.UTC(), Outcome: optional(string(c.Outcome))}
	}
	if p.Last != nil {
		last := summaryOf(*p.Last)
		out.LastTicket = &last
	}
	return out
}

// optional is null for what is not there.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
