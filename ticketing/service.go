package ticketing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"hotline/agent"
	"hotline/telephony"
)

// Store keeps tickets. Each write is one short transaction that ends with its fact.
type Store interface {
	// Change locks the ticket, lets decide see it as it is then, and stores what it decides; a change to the same version
	// stores nothing. ErrNotFound, and whatever decide returns.
	Change(ctx context.Context, id TicketID, now time.Time, decide func(Ticket) (Change, error)) (Ticket, error)
	// Appeal opens a further draft for a call. ErrNotFound.
	Appeal(ctx context.Context, call telephony.CallID, code, actor string, now time.Time) (Ticket, error)
	// Ticket loads one ticket and its history, oldest first. ErrNotFound.
	Ticket(ctx context.Context, id TicketID, now time.Time) (Ticket, []Event, error)
	// OfCall loads a call's tickets, oldest first, and the position in the fact log before that. No such call: none.
	OfCall(ctx context.Context, call telephony.CallID, now time.Time) ([]Ticket, string, error)
	// Call loads what tickets show of a call, and who handles it. ErrNotFound.
	Call(ctx context.Context, call telephony.CallID, now time.Time) (Origin, error)
	// List finds tickets, newest first.
	List(ctx context.Context, f Filter) (Page, error)
	// Earlier finds what the citizen of a call brought before it; nothing for anonymous ones.
	Earlier(ctx context.Context, call telephony.CallID, confidential bool) (Earlier, error)
}

// Service is what people do with tickets: it checks their rights, lets the pure functions decide, and stores.
type Service struct {
	Store    Store
	Calendar Calendar
	Rules    Rules
	Now      func() time.Time
	Random   io.Reader // crypto/rand.Reader
}

// Patch edits a draft. ErrNotFound, ErrNotAllowed, ErrNotDraft, ErrStale, *InvalidError.
func (s *Service) Patch(ctx context.Context, who agent.Identity, id TicketID, p Patch) (Ticket, error) {
	return s.change(ctx, who, id, func(t Ticket, now time.Time) (Change, error) {
		next, fields, err := Edit(t, p)
		return Change{Before: t, After: next, What: WhatDrafted, Fields: fields, Actor: who.Actor(), At: now}, err
	})
}

// Register ends a draft of that version. ErrNotFound, ErrNotAllowed, ErrNotDraft, ErrStale, *InvalidError.
func (s *Service) Register(ctx context.Context, who agent.Identity, id TicketID, version int64) (Ticket, error) {
	return s.change(ctx, who, id, func(t Ticket, now time.Time) (Change, error) {
		if t.State == StateDraft && t.Version != version {
			return Change{}, ErrStale
		}
		next, err := Register(t, s.Calendar, s.Rules, now)
		what := WhatRegistered
		if next.State == StateClosed {
			what = WhatClosed
		}
		return Change{Before: t, After: next, What: what, Actor: who.Actor(), At: now}, err
	})
}

func (s *Service) change(ctx context.Context, who agent.Identity, id TicketID, decide func(Ticket, time.Time) (Change, error)) (Ticket, error) {
	access := Access{who}
	if !access.Any() {
		return Ticket{}, ErrNotAllowed
	}
	now := s.Now()
	return s.Store.Change(ctx, id, now, func(t Ticket) (Change, error) {
		switch {
		case !access.Read(t):
			return Change{}, ErrNotFound
		case !access.Edit(t):
			return Change{}, ErrNotAllowed
		}
		return decide(t, now)
	})
}

// AddAppeal opens a draft for a further matter of the call (design.md 8). ErrNotFound, ErrNotAllowed.
func (s *Service) AddAppeal(ctx context.Context, who agent.Identity, call telephony.CallID) (Ticket, error) {
	now := s.Now()
	if _, err := s.handled(ctx, who, call, now); err != nil {
		return Ticket{}, err
	}
	code, err := QueryCode(s.Random)
	if err != nil {
		return Ticket{}, err
	}
	return s.Store.Appeal(ctx, call, code, who.Actor(), now)
}

// Ticket returns a ticket with its history. ErrNotFound, ErrNotAllowed.
func (s *Service) Ticket(ctx context.Context, who agent.Identity, id TicketID) (Ticket, []Event, error) {
	access := Access{who}
	if !access.Any() {
		return Ticket{}, nil, ErrNotAllowed
	}
	t, history, err := s.Store.Ticket(ctx, id, s.Now())
	if err != nil {
		return Ticket{}, nil, err
	}
	if !access.Read(t) {
		return Ticket{}, nil, ErrNotFound
	}
	return t, history, nil
}

// OfCall returns the tickets of a call that the reader may see, and the position to follow them from. Before the draft is
// there, its handlers get an empty list. ErrNotFound, ErrNotAllowed.
func (s *Service) OfCall(ctx context.Context, who agent.Identity, call telephony.CallID) ([]Ticket, string, error) {
	access := Access{who}
	if !access.Any() {
		return nil, "", ErrNotAllowed
	}
	now := s.Now()
	all, position, err := s.Store.OfCall(ctx, call, now)
	if err != nil {
		return nil, "", err
	}
	readable := make([]Ticket, 0, len(all))
	for _, t := range all {
		if access.Read(t) {
			readable = append(readable, t)
		}
	}
	if len(readable) == 0 {
		if _, err := s.handled(ctx, who, call, now); err != nil {
			return nil, "", err
		}
	}
	return readable, position, nil
}

// handled returns the call if the person has to do with it. What one may not handle does not exist.
func (s *Service) handled(ctx context.Context, who agent.Identity, call telephony.CallID, now time.Time) (Origin, error) {
	access := Access{who}
	if !access.Any() {
		return Origin{}, ErrNotAllowed
	}
	o, err := s.Store.Call(ctx, call, now)
	if err != nil {
		return Origin{}, err
	}
	if !access.Handles(o) {
		return Origin{}, ErrNotFound
	}
	return o, nil
}

// Pop is the card that comes up with a call: who calls, and what they brought before.
type Pop struct {
	Call   telephony.CallID
	Origin Origin
	Earlier
}

// Pop reads the card of a call for those who handle it. Confidential matters stay with the desks: a citizen may have
// complained about the very unit that answers now (P-02). ErrNotFound, ErrNotAllowed.
func (s *Service) Pop(ctx context.Context, who agent.Identity, call telephony.CallID) (Pop, error) {
	o, err := s.handled(ctx, who, call, s.Now())
	if err != nil {
		return Pop{}, err
	}
	earlier, err := s.Store.Earlier(ctx, call, Access{who}.Desk())
	if err != nil {
		return Pop{}, err
	}
	return Pop{Call: call, Origin: o, Earlier: earlier}, nil
}

// Promise tells what would be promised if a call ended now.
func (s *Service) Promise(class Class) (Promise, error) {
	p, ok := Promised(class, s.Now(), s.Calendar, s.Rules)
	if !ok {
		return Promise{}, &InvalidError{Fields: []FieldError{{"class", "no_limit"}}}
	}
	return p, nil
}

// List finds tickets that the reader may see. ErrNotAllowed, *InvalidError.
func (s *Service) List(ctx context.Context, who agent.Identity, q Query) (Page, error) {
	access := Access{who}
	if !access.Any() {
		return Page{}, ErrNotAllowed
	}
	now := s.Now()
	f, err := q.filter(now)
	if err != nil {
		return Page{}, err
	}
	f.Reader = Reader{All: access.Desk(), Unit: who.Unit, Since: now.Add(-SeatMemory)}
	if who.Has(agent.RoleOfficial, agent.RoleRecorder) {
		f.Reader.Person = who.Person // a unit's clerk holds no calls
	}
	page, err := s.Store.List(ctx, f)
	if err != nil {
		return Page{}, fmt.Errorf("list tickets: %w", err)
	}
	return page, nil
}

// Invalid unwraps an error that names fields.
func Invalid(err error) ([]FieldError, bool) {
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		return nil, false
	}
	return invalid.Fields, true
}
