package store

import (
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

// Handler returns the reaction for factlog.React: an admitted call gets its draft, a call that is taken gives its drafts
// seat and official, and one that ended unanswered leaves a missed ticket. It reads the call as it is now, so a fact that
// comes late, twice or after its successor leads to the same ticket.
func (s *Store) Handler(random io.Reader) func(ctx context.Context, tx pgx.Tx, f factlog.Fact) error {
	return func(ctx context.Context, tx pgx.Tx, f factlog.Fact) error {
		if err := uuid.Validate(f.Subject); err != nil {
			return fmt.Errorf("%s of %q: %w", f.Kind, f.Subject, err)
		}
		q := s.q.WithTx(tx)
		var news []ticketing.Change
		var err error
		if f.Kind != "call.ended" { // a call that ended before it was admitted has no ticket
			if news, err = open(ctx, q, f.Subject, random, f.At); err != nil {
				return err
			}
		}
		if len(news) == 0 { // a ticket that was opened just now is up to date
			if news, err = follow(ctx, q, f.Subject, f.At); err != nil {
				return err
			}
		}
		return tell(ctx, tx, q, news...)
	}
}

// open inserts the call's ticket unless it is there.
func open(ctx context.Context, q *db.Queries, call string, random io.Reader, at time.Time) ([]ticketing.Change, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("id of a ticket: %w", err)
	}
	code, err := ticketing.QueryCode(random)
	if err != nil {
		return nil, err
	}
	row, err := q.OpenTicket(ctx, db.OpenTicketParams{ID: id.String(), QueryCode: code, Call: call, OpenedAt: at})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the ticket of call %s: %w", call, err)
	}
	after := ticketing.Ticket{
		ID: ticketing.TicketID(row.ID), Kind: ticketing.Kind(row.Kind), Call: telephony.CallID(row.Call), Seat: agent.SeatID(value(row.Seat)),
		Version: row.Version,
	}
	return []ticketing.Change{{After: after, What: ticketing.WhatOpened, Actor: actor, At: at}}, nil
}

// follow brings the call's drafts up to the call.
func follow(ctx context.Context, q *db.Queries, call string, at time.Time) ([]ticketing.Change, error) {
	if _, err := q.LockDrafts(ctx, call); err != nil {
		return nil, fmt.Errorf("lock the drafts of call %s: %w", call, err)
	}
	rows, err := q.FollowCall(ctx, call)
	if err != nil {
		return nil, fmt.Errorf("bring drafts up to call %s: %w", call, err)
	}
	changes := make([]ticketing.Change, len(rows))
	for i, r := range rows {
		ch := ticketing.Change{
			Before: ticketing.Ticket{Seat: agent.SeatID(value(r.OldSeat))},
			After: ticketing.Ticket{
				ID: ticketing.TicketID(r.ID), Call: telephony.CallID(r.Call), Kind: ticketing.Kind(r.Kind),
				Seat: agent.SeatID(value(r.Seat)), Version: r.Version,
			},
			What: ticketing.WhatSeated, Actor: actor, At: at,
		}
		if r.Kind != r.OldKind {
			ch.What = ticketing.WhatMissed
		}
		changes[i] = ch
	}
	return changes, nil
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
		err := s.within(ctx, func(tx pgx.Tx, q *db.Queries) error {
			news, err := open(ctx, q, call, random, now)
			if err != nil {
				return err
			}
			opened += len(news)
			return tell(ctx, tx, q, news...)
		})
		if err != nil {
			return opened, err
		}
	}
	return opened, nil
}
