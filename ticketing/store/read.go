package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"hotline/agent"
	"hotline/agent/audit"
	"hotline/agent/calendar"
	"hotline/agent/policy"
	"hotline/realtime/factlog"
	"hotline/telephony"
	"hotline/ticketing"
	"hotline/ticketing/store/db"
)

const (
	popCalls   = 10 // shown on the card; the count tells of more
	popTickets = 10
)

// Ticket implements ticketing.Store.
func (s *Store) Ticket(ctx context.Context, id ticketing.TicketID) (ticketing.Ticket, []ticketing.Event, error) {
	t, err := one(ctx, s.q, id)
	if err != nil {
		return t, nil, err
	}
	shows(ctx, id)
	rows, err := s.q.History(ctx, string(id))
	if err != nil {
		return t, nil, fmt.Errorf("history of ticket %s: %w", id, err)
	}
	events := make([]ticketing.Event, len(rows))
	for i, r := range rows {
		events[i] = ticketing.Event{At: r.At, Actor: r.Actor, ActorName: r.ActorName, What: r.What}
		if err := json.Unmarshal(r.Data, &events[i].Data); err != nil {
			return t, nil, fmt.Errorf("history of ticket %s: %w", id, err)
		}
	}
	return t, events, nil
}

// shows: whatever else the request does, its answer shows a ticket.
func shows(ctx context.Context, id ticketing.TicketID) {
	audit.Show(ctx, policy.ReadTickets.String(), "ticket:"+string(id))
}

// OfCall implements ticketing.Store.
func (s *Store) OfCall(ctx context.Context, call telephony.CallID) ([]ticketing.Ticket, string, error) {
	head, err := factlog.Head(ctx, s.pool)
	if err != nil {
		return nil, "", err
	}
	ids, err := s.q.TicketsOfCall(ctx, string(call))
	if err != nil {
		return nil, "", fmt.Errorf("tickets of call %s: %w", call, err)
	}
	tickets, err := load(ctx, s.q, ids)
	if err != nil {
		return nil, "", err
	}
	slices.Reverse(tickets)
	return tickets, head.String(), nil
}

// Drafts implements ticketing.Store.
func (s *Store) Drafts(ctx context.Context, call telephony.CallID) ([]ticketing.Ticket, error) {
	rows, err := s.q.DraftsOfCall(ctx, string(call))
	if err != nil {
		return nil, fmt.Errorf("drafts of call %s: %w", call, missing(err))
	}
	drafts := make([]ticketing.Ticket, len(rows))
	for i, r := range rows {
		drafts[i] = ticketing.Ticket{
			ID: ticketing.TicketID(r.ID), Call: call, State: ticketing.StateDraft,
			Title: r.Title, Class: ticketing.Class(r.Class), Outcome: ticketing.Outcome(r.Outcome), Answer: r.Answer,
		}
	}
	return drafts, nil
}

// Call implements ticketing.Store.
func (s *Store) Call(ctx context.Context, call telephony.CallID) (ticketing.Origin, error) {
	r, err := s.q.LoadCall(ctx, string(call))
	if err != nil {
		return ticketing.Origin{}, fmt.Errorf("load call %s: %w", call, missing(err))
	}
	return ticketing.Origin{
		Masked: r.NumTail, Place: r.Place, ArrivedAt: r.ArrivedAt.UTC(), AnsweredAt: utc(r.AnsweredAt), EndedAt: utc(r.EndedAt),
		Holders: people(r.Holders),
	}, nil
}

// List implements ticketing.Store, with one statement.
func (s *Store) List(ctx context.Context, f ticketing.Filter) (ticketing.Page, error) {
	p := db.ListTicketsParams{
		Part: string(f.Part), Class: string(f.Class), First: f.Places.First, Last: f.Places.Last, AtUnit: f.Unit,
		Pattern: pattern(f.Text), Sign: f.Sign, Number: f.Number, Scope: f.Reach.Scope.String(), Person: orNull(f.Reach.Person), Unit: f.Reach.Unit,
		Counted: ticketing.MaxCount + 1, Max: int32(f.Limit) + 1,
	}
	if f.After != nil {
		id := string(f.After.ID)
		p.AfterPlace, p.AfterID = f.After.Place, &id
	}
	rows, err := s.q.ListTickets(ctx, p)
	if err != nil {
		return ticketing.Page{}, err
	}
	var page ticketing.Page
	page.More = len(rows) > f.Limit
	for _, r := range rows[:min(len(rows), f.Limit)] {
		page.Tickets, page.Count = append(page.Tickets, line(r)), int(r.Total)
		page.Last = ticketing.Mark{Place: r.WorkOrder, ID: ticketing.TicketID(r.ID)}
	}
	return page, nil
}

// line is a ticket as lists show it: nothing of what was said but the title.
func line(r db.ListTicketsRow) ticketing.Ticket {
	t := ticketing.Ticket{
		ID: ticketing.TicketID(r.ID), Number: text[string](r.Number), QueryCode: r.QueryCode, Kind: ticketing.Kind(r.Kind), Call: telephony.CallID(r.Call),
		Seat: text[agent.SeatID](r.Seat), State: ticketing.State(r.State), Class: ticketing.Class(r.Class), Outcome: ticketing.Outcome(r.Outcome),
		Title: r.Title, Confidential: r.Confidential, OpenedAt: r.OpenedAt.UTC(), RegisteredAt: utc(r.RegisteredAt), ClosedAt: utc(r.ClosedAt),
		Version: r.Version,
		Origin: ticketing.Origin{
			Masked: r.NumTail, Place: r.Place, ArrivedAt: r.ArrivedAt.UTC(), EndedAt: utc(r.EndedAt),
			SessionNumber: int(value(r.SessionNumber)), Unit: r.UnitName, OfficialName: text[string](r.OfficialName),
		},
	}
	if r.DueAt != nil {
		t.Promise = &ticketing.Promise{WorkingDays: int(value(r.WorkingDays)), DueAt: r.DueAt.UTC(), Provisional: value(r.Provisional)}
	}
	return t
}

// Units implements ticketing.Store.
func (s *Store) Units(ctx context.Context) ([]ticketing.Unit, error) {
	rows, err := s.q.Units(ctx)
	units := make([]ticketing.Unit, len(rows))
	for i, r := range rows {
		units[i] = ticketing.Unit{Code: r.Code, Name: r.ShortName}
	}
	return units, err
}

// pattern makes what people type a literal for ILIKE.
func pattern(text string) string {
	if text == "" {
		return ""
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

// Earlier implements ticketing.Store.
func (s *Store) Earlier(ctx context.Context, call telephony.CallID, confidential bool) (ticketing.Earlier, error) {
	var out ticketing.Earlier
	calls, err := s.q.EarlierCalls(ctx, db.EarlierCallsParams{Call: string(call), Max: popCalls})
	if err != nil {
		return out, fmt.Errorf("earlier calls: %w", err)
	}
	for _, c := range calls {
		out.Count = int(c.Total)
		out.Calls = append(out.Calls, ticketing.EarlierCall{
			ID: telephony.CallID(c.ID), ArrivedAt: c.ArrivedAt.UTC(), Outcome: text[telephony.Outcome](c.Outcome),
		})
	}
	if out.Open, err = s.earlierTickets(ctx, db.EarlierTicketsParams{Call: string(call), Confidential: confidential, Open: true, Max: popTickets}); err != nil {
		return out, err
	}
	last, err := s.earlierTickets(ctx, db.EarlierTicketsParams{Call: string(call), Confidential: confidential, Max: 1})
	if err != nil {
		return out, err
	}
	if len(last) > 0 {
		out.Last = &last[0]
	}
	return out, nil
}

func (s *Store) earlierTickets(ctx context.Context, p db.EarlierTicketsParams) ([]ticketing.Ticket, error) {
	ids, err := s.q.EarlierTickets(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("earlier tickets: %w", err)
	}
	return load(ctx, s.q, ids)
}

func one(ctx context.Context, q *db.Queries, id ticketing.TicketID) (ticketing.Ticket, error) {
	tickets, err := load(ctx, q, []string{string(id)})
	if err != nil {
		return ticketing.Ticket{}, err
	}
	if len(tickets) == 0 {
		return ticketing.Ticket{}, fmt.Errorf("load ticket %s: %w", id, ticketing.ErrNotFound)
	}
	return tickets[0], nil
}

func load(ctx context.Context, q *db.Queries, ids []string) ([]ticketing.Ticket, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := q.LoadTickets(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("load %d tickets: %w", len(ids), err)
	}
	tickets := make([]ticketing.Ticket, len(rows))
	for i, r := range rows {
		tickets[i] = ticket(r)
		if tickets[i].Written, err = unpackWritten(r.Written, r.Names); err != nil {
			return nil, fmt.Errorf("load ticket %s: %w", r.ID, err)
		}
	}
	return tickets, nil
}

func ticket(r db.LoadTicketsRow) ticketing.Ticket {
	t := ticketing.Ticket{
		ID: ticketing.TicketID(r.ID), Number: text[string](r.Number), QueryCode: r.QueryCode, Kind: ticketing.Kind(r.Kind),
		Call: telephony.CallID(r.Call), Session: text[string](r.Session), Seat: text[agent.SeatID](r.Seat), Official: text[agent.PersonID](r.Official),
		State: ticketing.State(r.State), Class: ticketing.Class(r.Class), Outcome: ticketing.Outcome(r.Outcome),
		Title: r.Title, Content: r.Content, Answer: r.Answer, ContactName: r.ContactName, EventPlace: r.EventPlace,
		Confidential: r.Confidential, OpenedAt: r.OpenedAt.UTC(), RegisteredAt: utc(r.RegisteredAt), ClosedAt: utc(r.ClosedAt), Version: r.Version,
		Units: r.Units, Accused: r.Accused,
		Origin: ticketing.Origin{
			Masked: r.NumTail, Place: r.Place, ArrivedAt: r.ArrivedAt.UTC(), AnsweredAt: utc(r.AnsweredAt), EndedAt: utc(r.EndedAt),
			SessionNumber: int(value(r.SessionNumber)), Unit: r.Unit, OfficialName: text[string](r.OfficialName), Holders: people(r.Holders),
		},
	}
	if r.DueAt != nil {
		t.Promise = &ticketing.Promise{
			WorkingDays: int(value(r.WorkingDays)), StartsOn: calendarDate(value(r.StartsOn)), DueAt: r.DueAt.UTC(), DueOriginal: utc(r.DueOriginal),
			CalendarVersion: text[string](r.CalendarVersion), RuleVersion: text[string](r.RuleVersion), Provisional: value(r.Provisional),
		}
	}
	return t
}

func people(ids []string) []agent.PersonID {
	out := make([]agent.PersonID, len(ids))
	for i, id := range ids {
		out[i] = agent.PersonID(id)
	}
	return out
}

// A date column has no zone: pgx gives and takes it as midnight UTC.
func calendarDate(t time.Time) calendar.Date {
	y, m, d := t.Date()
	return calendar.Date{Year: y, Month: m, Day: d}
}

func civil(d calendar.Date) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
}

// orNull is NULL for the empty value.
func orNull[T ~string](v T) *string {
	if v == "" {
		return nil
	}
	s := string(v)
	return &s
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func text[T ~string](p *string) T {
	if p == nil {
		return ""
	}
	return T(*p)
}

func utc(p *time.Time) time.Time {
	if p == nil {
		return time.Time{}
	}
	return p.UTC()
}

// value is zero for NULL.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
