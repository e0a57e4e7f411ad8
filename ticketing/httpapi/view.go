package httpapi

import (
	"time"

	"hotline/ticketing"
)

// Ticket is a ticket as pages show and edit it.
type Ticket struct {
	ID            string     `json:"id" format:"uuid"`
	Number        *string    `json:"number" doc:"null before registration"`
	QueryCode     string     `json:"query_code"`
	Kind          string     `json:"kind" enum:"call,missed,appeal"`
	Call          string     `json:"call" format:"uuid"`
	Masked        string     `json:"masked" doc:"Empty: anonymous"`
	Place         string     `json:"place" doc:"Empty: unknown"`
	CallTimes     CallTimes  `json:"call_times"`
	SessionNumber *int       `json:"session_number"`
	Seat          *string    `json:"seat"`
	OfficialName  *string    `json:"official_name"`
	State         string     `json:"state" enum:"draft,registered,closed"`
	Class         string     `json:"class" enum:",consultation,other"`
	Outcome       string     `json:"outcome"`
	Title         string     `json:"title"`
	Content       string     `json:"content"`
	Answer        string     `json:"answer"`
	ContactName   string     `json:"contact_name"`
	EventPlace    string     `json:"event_place"`
	Confidential  bool       `json:"confidential"`
	OpenedAt      time.Time  `json:"opened_at"`
	RegisteredAt  *time.Time `json:"registered_at"`
	ClosedAt      *time.Time `json:"closed_at"`
	Version       int64      `json:"version"`
	Promise       *Promise   `json:"promise"`
}

// CallTimes are the instants of the ticket's call.
type CallTimes struct {
	ArrivedAt  time.Time  `json:"arrived_at"`
	AnsweredAt *time.Time `json:"answered_at"`
	EndedAt    *time.Time `json:"ended_at"`
}

// Promise is when the answer is due.
type Promise struct {
	_           struct{}  `nullable:"true"`
	DueAt       time.Time `json:"due_at" doc:"Exclusive"`
	LastDay     string    `json:"last_day" format:"date" doc:"In China; the answer is due by its end"`
	WorkingDays int       `json:"working_days"`
	Provisional bool      `json:"provisional" doc:"Shown as 预计: the holidays of a year are not published yet"`
}

// TicketHistory is a ticket with what happened to it.
type TicketHistory struct {
	Ticket

	History []Event `json:"history" nullable:"false"`
}

// Event is one row of history.
type Event struct {
	At        time.Time      `json:"at"`
	Actor     string         `json:"actor"`
	ActorName string         `json:"actor_name" doc:"Empty: the system itself"`
	What      string         `json:"what" enum:"opened,drafted,seated,missed,resumed,registered,closed"`
	Data      map[string]any `json:"data"`
}

// TicketSummary is a row of a list.
type TicketSummary struct {
	_             struct{}   `nullable:"true"`
	ID            string     `json:"id" format:"uuid"`
	Number        *string    `json:"number"`
	Kind          string     `json:"kind" enum:"call,missed,appeal"`
	Call          string     `json:"call" format:"uuid"`
	Masked        string     `json:"masked"`
	Place         string     `json:"place"`
	Title         string     `json:"title"`
	State         string     `json:"state" enum:"draft,registered,closed"`
	Class         string     `json:"class" enum:",consultation,other"`
	Outcome       string     `json:"outcome"`
	Confidential  bool       `json:"confidential"`
	SessionNumber *int       `json:"session_number"`
	Seat          *string    `json:"seat"`
	OfficialName  *string    `json:"official_name"`
	OpenedAt      time.Time  `json:"opened_at"`
	RegisteredAt  *time.Time `json:"registered_at"`
	ClosedAt      *time.Time `json:"closed_at"`
	DueAt         *time.Time `json:"due_at"`
	Promise       *Promise   `json:"promise"`
	Version       int64      `json:"version"`
}

// Pop is the card that comes up with a call.
type Pop struct {
	Call         string          `json:"call" format:"uuid"`
	Masked       string          `json:"masked"`
	Place        string          `json:"place"`
	EarlierCalls []EarlierCall   `json:"earlier_calls" nullable:"false" doc:"The latest"`
	EarlierCount int             `json:"earlier_count" doc:"Of all"`
	OpenTickets  []TicketSummary `json:"open_tickets" nullable:"false"`
	LastTicket   *TicketSummary  `json:"last_ticket"`
}

// EarlierCall is one call of the same citizen before this one.
type EarlierCall struct {
	ID        string    `json:"id" format:"uuid"`
	ArrivedAt time.Time `json:"arrived_at"`
	Outcome   *string   `json:"outcome" doc:"null: still running"`
}

func ticketOf(t ticketing.Ticket) Ticket {
	return Ticket{
		ID: string(t.ID), Number: optional(t.Number), QueryCode: t.QueryCode, Kind: string(t.Kind), Call: string(t.Call),
		Masked: t.Origin.Masked, Place: t.Origin.Place,
		CallTimes: CallTimes{
			ArrivedAt: t.Origin.ArrivedAt.UTC(), AnsweredAt: instant(t.Origin.AnsweredAt), EndedAt: instant(t.Origin.EndedAt),
		},
		SessionNumber: optional(t.Origin.SessionNumber), Seat: optional(string(t.Seat)), OfficialName: optional(t.Origin.OfficialName),
		State: string(t.State), Class: string(t.Class), Outcome: string(t.Outcome), Title: t.Title, Content: t.Content, Answer: t.Answer,
		ContactName: t.ContactName, EventPlace: t.EventPlace, Confidential: t.Confidential, OpenedAt: t.OpenedAt.UTC(),
		RegisteredAt: instant(t.RegisteredAt), ClosedAt: instant(t.ClosedAt), Version: t.Version, Promise: promiseOf(t.Promise),
	}
}

func summaryOf(t ticketing.Ticket) TicketSummary {
	full := ticketOf(t)
	s := TicketSummary{
		ID: full.ID, Number: full.Number, Kind: full.Kind, Call: full.Call, Masked: full.Masked, Place: full.Place, Title: full.Title,
		State: full.State, Class: full.Class, Outcome: full.Outcome, Confidential: full.Confidential, SessionNumber: full.SessionNumber,
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
