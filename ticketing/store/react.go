package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"hotline/agent"
	"hotline/realtime/factlog"
	"hotline/telephony"
	"hotline/ticketing"
	"hotline/ticketing/store/db"
)

// Consumer is the name of the reaction's cursor in the fact log.
const Consumer = "ticketing"

// actor is who opens and follows tickets by itself.
const actor = "ticketing"

// Kinds are the facts that Handle reacts to.
func Kinds() []string { return []string{"call.admitted", "call.talking", "call.ended"} }

// Handler returns the reaction for factlog.React: an admitted call gets its draft, or that of the call it resumes; a call that
// is taken gives its drafts seat and official, and one that ended unanswered leaves a missed ticket. It reads the call as it is now, so a fact that
// comes late, twice or after its successor leads to the same ticket.
func (s *Store) Handler(random io.Reader) func(ctx context.Context, w *factlog.Pipeline, f factlog.Fact) error {
	return func(ctx context.Context, w *factlog.Pipeline, f factlog.Fact) error {
		if err := uuid.Validate(f.Subject); err != nil {
			return fmt.Errorf("%s of %q: %w", f.Kind, f.Subject, err)
		}
		if f.Kind != "call.ended" { // a call that ended before it was admitted has no ticket
			if opened, err := s.open(ctx, w, f.Subject, random, f.At); opened || err != nil {
				return err // a ticket that is opened now is up to date
			}
		}
		return s.follow(ctx, w, f.Subject, f.At)
	}
}

// open queues the call's ticket unless it is there: the draft of the call that it resumes, or a new one.
func (s *Store) open(ctx context.Context, w *factlog.Pipeline, call string, random io.Reader, at time.Time) (bool, error) {
	c, err := s.q.CallToOpen(ctx, call)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && c.Done {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read call %s: %w", call, err)
	}
	if c.Resumes != nil {
		if taken, err := s.takeOver(ctx, w, call, c, at); taken || err != nil {
			return taken, err
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return false, fmt.Errorf("id of a ticket: %w", err)
	}
	code, err := ticketing.QueryCode(random)
	if err != nil {
		return false, err
	}
	err = db.New(w).OpenTicket(ctx, db.OpenTicketParams{
		ID: id.String(), QueryCode: code, Kind: c.Kind, Call: call, Session: c.Session, Seat: c.Seat, Official: c.Official, OpenedAt: at,
	})
	if err != nil {
		return false, fmt.Errorf("open the ticket of call %s: %w", call, err)
	}
	const firstVersion = 1 // the table's default
	after := ticketing.Ticket{
		ID: ticketing.TicketID(id.String()), Kind: ticketing.Kind(c.Kind), Call: telephony.CallID(call), Seat: text[agent.SeatID](c.Seat), Version: firstVersion,
	}
	return true, queue(ctx, w, ticketing.Change{After: after, What: ticketing.WhatOpened, Actor: actor, At: at})
}

// takeOver queues that the draft of the call which this one resumes goes on with this one.
func (s *Store) takeOver(ctx context.Context, w *factlog.Pipeline, call string, c db.CallToOpenRow, at time.Time) (bool, error) {
	drafts, err := s.q.DraftToTakeOver(ctx, call)
	if err != nil || len(drafts) == 0 {
		return false, err
	}
	r := drafts[0]
	seat, official, session := cmp.Or(c.Seat, r.Seat), cmp.Or(c.Official, r.Official), cmp.Or(c.Session, r.Session)
	err = db.New(w).TakeOverDraft(ctx, db.TakeOverDraftParams{
		ID: r.ID, Before: r.Version, Call: call, Kind: c.Kind, Session: session, Seat: seat, Official: official,
	})
	if err != nil {
		return false, fmt.Errorf("take over a draft for call %s: %w", call, err)
	}
	return true, queue(ctx, w, ticketing.Change{
		Before: ticketing.Ticket{Call: telephony.CallID(r.Call), Seat: text[agent.SeatID](r.Seat)},
		After: ticketing.Ticket{
			ID: ticketing.TicketID(r.ID), Call: telephony.CallID(call), Kind: ticketing.Kind(c.Kind), Seat: text[agent.SeatID](seat), Version: r.Version + 1,
		},
		What: ticketing.WhatResumed, Actor: actor, At: at,
	})
}

// follow queues what brings the call's drafts up to the call. Drafts that are so already are left alone, so a repetition does nothing.
func (s *Store) follow(ctx context.Context, w *factlog.Pipeline, call string, at time.Time) error {
	behind, err := s.q.DraftsBehind(ctx, call)
	if err != nil {
		return fmt.Errorf("read the drafts of call %s: %w", call, err)
	}
	changes := make([]ticketing.Change, len(behind))
	for i, r := range behind {
		err := db.New(w).FollowCall(ctx, db.FollowCallParams{ID: r.ID, Before: r.Version, Seat: r.Seat, Official: r.Official, Kind: r.Kind})
		if err != nil {
			return fmt.Errorf("bring drafts up to call %s: %w", call, err)
		}
		changes[i] = ticketing.Change{
			Before: ticketing.Ticket{Seat: text[agent.SeatID](r.OldSeat)},
			After: ticketing.Ticket{
				ID: ticketing.TicketID(r.ID), Call: telephony.CallID(call), Kind: ticketing.Kind(r.Kind),
				Seat: text[agent.SeatID](r.Seat), Version: r.Version + 1,
			},
			What: ticketing.WhatSeated, Actor: actor, At: at,
		}
		if r.Kind != r.OldKind {
			changes[i].What = ticketing.WhatMissed
		}
	}
	return queue(ctx, w, changes...)
}

// queue adds history and facts of changes.
func queue(ctx context.Context, w *factlog.Pipeline, changes ...ticketing.Change) error {
	facts, err := record(ctx, db.New(w), changes...)
	if err == nil {
		w.Tell(facts...)
	}
	return err
}

// The guarantee looks back this far, and mends so many calls at a time.
const (
	sweepBack = 7 * 24 * time.Hour
	sweepMax  = 500
)

// Sweep opens the tickets of admitted calls that have none (I7), one short transaction each, and returns how many it opened.
// The reaction does it within milliseconds; this is for what went past it: a parked fact, a restored database.
func (s *Store) Sweep(ctx context.Context, random io.Reader, now time.Time) (int, error) {
	calls, err := s.q.CallsWithoutTicket(ctx, db.CallsWithoutTicketParams{Since: now.Add(-sweepBack), Max: sweepMax})
	if err != nil {
		return 0, fmt.Errorf("find calls without a ticket: %w", err)
	}
	opened := 0
	for _, call := range calls {
		var w factlog.Pipeline
		fresh, err := s.open(ctx, &w, call, random, now)
		if err == nil {
			err = w.Commit(ctx, s.pool)
		}
		switch {
		case errors.Is(err, factlog.ErrStale): // the reaction was first
		case err != nil:
			return opened, fmt.Errorf("sweep: %w", err)
		case fresh:
			opened++
			s.wake.Wake()
		}
	}
	return opened, nil
}
