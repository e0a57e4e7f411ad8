package ticketing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"hotline/agent"
	"hotline/agent/policy"
	"hotline/telephony"
)

// Store keeps tickets. Each write is one short transaction that ends with its fact.
type Store interface {
	// Change locks the ticket, lets decide see it as it is then, and stores what it decides; a change to the same version
	// stores nothing. ErrNotFound, *agent.RepeatedError, and whatever decide returns.
	Change(ctx context.Context, id TicketID, decide func(Ticket) (Change, error)) (Ticket, error)
	// Appeal opens a further draft for a call. ErrNotFound, *agent.RepeatedError with the one that the same command has opened.
	Appeal(ctx context.Context, call telephony.CallID, code, actor string, now time.Time) (Ticket, error)
	// Ticket loads one ticket and its history, oldest first. ErrNotFound.
	Ticket(ctx context.Context, id TicketID) (Ticket, []Event, error)
	// OfCall loads a call's tickets, oldest first, and the position in the fact log before that. No such call: none.
	OfCall(ctx context.Context, call telephony.CallID) ([]Ticket, string, error)
	// Drafts loads what registration asks of a call's drafts, oldest first: id, title, class, outcome, answer. Nothing of calls nobody answered.
	Drafts(ctx context.Context, call telephony.CallID) ([]Ticket, error)
	// Call loads what tickets show of a call, and who handles it. ErrNotFound.
	Call(ctx context.Context, call telephony.CallID) (Origin, error)
	// List finds tickets in the order of work, as lists show them: without what was written but the title.
	List(ctx context.Context, f Filter) (Page, error)
	// Units are those that a list may be narrowed to.
	Units(ctx context.Context) ([]Unit, error)
	// Earlier finds what the citizen of a call brought before it; nothing for anonymous ones.
	Earlier(ctx context.Context, call telephony.CallID, confidential bool) (Earlier, error)
}

// Service is what people do with tickets: it checks their rights, lets the pure functions decide, and stores.
type Service struct {
	Store    Store
	Seats    Seats
	Calendar func() Calendar // as it is now
	Rules    func() Rules    // as they are now
	Now      func() time.Time
	Random   io.Reader // crypto/rand.Reader
}

// Patch edits a draft. ErrNotFound, ErrNotAllowed, ErrLive, ErrNotDraft, *StaleError, *InvalidError.
func (s *Service) Patch(ctx context.Context, who agent.Identity, id TicketID, p Patch) (Ticket, error) {
	return s.change(ctx, who, id, func(t Ticket, now time.Time) (Change, error) {
		next, fields, err := Edit(t, p, who, now)
		return Change{Before: t, After: next, What: WhatDrafted, Fields: fields, Actor: who.Actor(), At: now}, err
	})
}

// Register ends a draft of that version. ErrNotFound, ErrNotAllowed, ErrLive, ErrNotDraft, *StaleError, *InvalidError.
func (s *Service) Register(ctx context.Context, who agent.Identity, id TicketID, version int64) (Ticket, error) {
	return s.change(ctx, who, id, func(t Ticket, now time.Time) (Change, error) {
		if t.State == StateDraft && t.Version != version {
			return Change{}, &StaleError{Now: t}
		}
		next, err := Register(t, s.Calendar(), s.Rules(), now)
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
	t, err := s.Store.Change(ctx, id, func(t Ticket) (Change, error) {
		switch {
		case !access.Read(t):
			return Change{}, ErrNotFound
		case !access.Edit(t):
			return Change{}, ErrNotAllowed
		case !access.Write(t):
			return Change{}, ErrLive
		}
		return decide(t, now)
	})
	if _, repeated := errors.AsType[*agent.RepeatedError](err); repeated {
		t, _, err = s.Ticket(ctx, who, id)
	}
	return t, err
}

// AddAppeal opens a draft for a further matter of the call (design.md 8). ErrNotFound, ErrNotAllowed, ErrLive.
func (s *Service) AddAppeal(ctx context.Context, who agent.Identity, call telephony.CallID) (Ticket, error) {
	o, err := s.handled(ctx, who, policy.WriteTickets, call)
	if err != nil {
		return Ticket{}, err
	}
	if !(Access{who}).Write(Ticket{State: StateDraft, Origin: o}) {
		return Ticket{}, ErrLive
	}
	code, err := QueryCode(s.Random)
	if err != nil {
		return Ticket{}, err
	}
	t, err := s.Store.Appeal(ctx, call, code, who.Actor(), s.Now())
	if repeated, ok := errors.AsType[*agent.RepeatedError](err); ok {
		t, _, err = s.Ticket(ctx, who, TicketID(repeated.Made))
	}
	return t, err
}

// Ticket returns a ticket with its history. ErrNotFound, ErrNotAllowed.
func (s *Service) Ticket(ctx context.Context, who agent.Identity, id TicketID) (Ticket, []Event, error) {
	access := Access{who}
	if !access.Any() {
		return Ticket{}, nil, ErrNotAllowed
	}
	t, history, err := s.Store.Ticket(ctx, id)
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
	all, position, err := s.Store.OfCall(ctx, call)
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
		if _, err := s.handled(ctx, who, policy.ReadPop, call); err != nil {
			return nil, "", err
		}
	}
	return readable, position, nil
}

// handled returns the call if the person has to do with it. What one may not handle does not exist.
func (s *Service) handled(ctx context.Context, who agent.Identity, what policy.Action, call telephony.CallID) (Origin, error) {
	access := Access{who}
	if !access.Any() {
		return Origin{}, ErrNotAllowed
	}
	o, err := s.Store.Call(ctx, call)
	if err != nil {
		return Origin{}, err
	}
	if !access.Handles(o, what) {
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
	o, err := s.handled(ctx, who, policy.ReadPop, call)
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
	p, ok := Promised(class, s.Now(), s.Calendar(), s.Rules())
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
	f, err := q.filter(s.Now())
	if err != nil {
		return Page{}, err
	}
	f.Reach = access.Reach()
	page, err := s.Store.List(ctx, f)
	if err != nil {
		return Page{}, fmt.Errorf("list tickets: %w", err)
	}
	return page, nil
}

// Units are those that a list may be narrowed to.
func (s *Service) Units(ctx context.Context) ([]Unit, error) {
	units, err := s.Store.Units(ctx)
	if err != nil {
		return nil, fmt.Errorf("list units: %w", err)
	}
	return units, nil
}

// Invalid unwraps an error that names fields.
func Invalid(err error) ([]FieldError, bool) {
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		return nil, false
	}
	return invalid.Fields, true
}
