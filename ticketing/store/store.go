// Package store keeps tickets, their promises and their history in Postgres, opens the ticket of every admitted call, and
// appends the fact of each change in its transaction. It must not decide what a ticket may become: that is ticketing's.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/agent/audit"
	"hotline/agent/command"
	"hotline/realtime/factlog"
	"hotline/telephony"
	"hotline/ticketing"
	"hotline/ticketing/store/db"
)

// Store reads and writes tickets.
type Store struct {
	pool *pgxpool.Pool
	q    *db.Queries
	wake factlog.Waker
}

var _ ticketing.Store = (*Store)(nil)

// New returns a store that wakes readers of the fact log after each of its commits.
func New(pool *pgxpool.Pool, wake factlog.Waker) *Store {
	return &Store{pool: pool, q: db.New(pool), wake: wake}
}

// within runs one write transaction, that of the command in the context if there is one, and wakes readers when it has committed. Makes is
// the id of what it makes, or empty.
func (s *Store) within(ctx context.Context, makes ticketing.TicketID, do func(tx pgx.Tx, q *db.Queries) error) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := command.Begin(ctx, tx, string(makes)); err != nil {
			return err
		}
		return do(tx, s.q.WithTx(tx))
	})
	err = command.Over(ctx, err)
	if err == nil {
		s.wake.Wake()
	}
	return err
}

// Change implements ticketing.Store.
func (s *Store) Change(
	ctx context.Context, id ticketing.TicketID, decide func(ticketing.Ticket) (ticketing.Change, error),
) (ticketing.Ticket, error) {
	var out ticketing.Ticket
	err := s.within(ctx, "", func(tx pgx.Tx, q *db.Queries) error {
		// What one may read and not write cannot be locked; decide says so.
		if _, err := q.LockTicket(ctx, string(id)); err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return missing(err)
		}
		before, err := one(ctx, q, id)
		if err != nil {
			return err
		}
		ch, err := decide(before)
		if _, stale := errors.AsType[*ticketing.StaleError](err); stale {
			shows(ctx, id)
		}
		if err != nil {
			return err
		}
		if out = ch.After; ch.After.Version == before.Version {
			shows(ctx, id)
			return nil
		}
		out, err = save(ctx, tx, q, ch)
		return err
	})
	if err != nil {
		return ticketing.Ticket{}, fmt.Errorf("change ticket %s: %w", id, err)
	}
	return out, nil
}

// save writes a decided change of a locked ticket: number, row, promise, history, fact.
func save(ctx context.Context, tx pgx.Tx, q *db.Queries, ch ticketing.Change) (ticketing.Ticket, error) {
	if ch.Numbered() {
		year := ch.Year()
		place, err := q.NextPlace(ctx, int32(year))
		if err != nil {
			return ch.After, fmt.Errorf("next number of %d: %w", year, err)
		}
		ch.After.Number = ticketing.Number(year, ticketing.SourceCall, place)
	}
	t := ch.After
	who, err := packWritten(t.Written)
	if err != nil {
		return t, err
	}
	n, err := q.SaveTicket(ctx, db.SaveTicketParams{
		ID: string(t.ID), Before: ch.Before.Version, Version: t.Version, Number: orNull(t.Number),
		State: string(t.State), Class: string(t.Class), Outcome: string(t.Outcome), Title: t.Title, Content: t.Content, Answer: t.Answer,
		ContactName: t.ContactName, EventPlace: t.EventPlace, Confidential: t.Confidential, Written: who,
		RegisteredAt: timeOrNull(t.RegisteredAt), ClosedAt: timeOrNull(t.ClosedAt),
	})
	if err != nil {
		return t, err
	}
	if n == 0 {
		return t, ticketing.ErrStale
	}
	for _, unit := range t.Units {
		if slices.Contains(ch.Before.Units, unit) {
			continue
		}
		if err := q.InsertTicketUnit(ctx, db.InsertTicketUnitParams{Ticket: string(t.ID), Unit: unit}); err != nil {
			return t, fmt.Errorf("give the ticket to unit %s: %w", unit, err)
		}
	}
	if p := t.Promise; p != nil && ch.Before.Promise == nil {
		err := q.InsertPromise(ctx, db.InsertPromiseParams{
			Ticket: string(t.ID), WorkingDays: int32(p.WorkingDays), StartsOn: civil(p.StartsOn), DueAt: p.DueAt, DueOriginal: p.DueOriginal,
			CalendarVersion: p.CalendarVersion, RuleVersion: p.RuleVersion, Provisional: p.Provisional,
		})
		if err != nil {
			return t, fmt.Errorf("store promise: %w", err)
		}
	}
	return t, tell(ctx, tx, ch)
}

// tell writes the history of a change that a person has made, its audit record and, last, its fact, in one round trip.
func tell(ctx context.Context, tx pgx.Tx, ch ticketing.Change) error {
	events, facts, err := record(ch)
	if err != nil {
		return err
	}
	kept := audit.Record{
		At: ch.At, Actor: ch.Actor, Action: facts[0].Kind, Subject: "ticket:" + string(ch.After.ID), Outcome: audit.Done, Data: events[0].Data,
	}
	if ch.What == ticketing.WhatDrafted {
		kept.Once = drafting
	}
	var p factlog.Pipeline
	err = errors.Join(db.New(&p).InsertEvent(ctx, events[0]), audit.Append(ctx, &p, kept))
	if err == nil {
		p.Tell(facts...)
		err = p.Commit(ctx, tx)
	}
	if err != nil {
		return fmt.Errorf("history of ticket %s: %w", ch.After.ID, err)
	}
	return nil
}

// drafting is the time in which a page may save what its person types as often as it likes: the audit trail keeps each field once (N-16).
const drafting = time.Minute

// record is the history of changes and their facts.
func record(changes ...ticketing.Change) ([]db.InsertEventParams, []factlog.Fact, error) {
	events, facts := make([]db.InsertEventParams, len(changes)), make([]factlog.Fact, len(changes))
	for i, ch := range changes {
		history, err := json.Marshal(ch.History())
		if err != nil {
			return nil, nil, fmt.Errorf("history of ticket %s: %w", ch.After.ID, err)
		}
		events[i] = db.InsertEventParams{
			Ticket: string(ch.After.ID), Version: ch.After.Version, At: ch.At, Actor: ch.Actor, What: string(ch.What), Data: history,
		}
		f := ch.Fact()
		data, err := json.Marshal(f.Data)
		if err != nil {
			return nil, nil, fmt.Errorf("fact %s: %w", f.Kind, err)
		}
		facts[i] = factlog.Fact{At: ch.At, Kind: f.Kind, Subject: f.Subject, Topics: f.Topics, Actor: ch.Actor, Data: data}
	}
	return events, facts, nil
}

// Appeal implements ticketing.Store.
func (s *Store) Appeal(ctx context.Context, call telephony.CallID, code, actor string, now time.Time) (ticketing.Ticket, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return ticketing.Ticket{}, fmt.Errorf("id of an appeal: %w", err)
	}
	var out ticketing.Ticket
	err = s.within(ctx, ticketing.TicketID(id.String()), func(tx pgx.Tx, q *db.Queries) error {
		row, err := q.OpenAppeal(ctx, db.OpenAppealParams{ID: id.String(), QueryCode: code, Call: string(call), OpenedAt: now})
		if err != nil {
			return missing(err)
		}
		if out, err = one(ctx, q, ticketing.TicketID(row.ID)); err != nil {
			return err
		}
		return tell(ctx, tx, ticketing.Change{After: out, What: ticketing.WhatOpened, Actor: actor, At: now})
	})
	if err != nil {
		return ticketing.Ticket{}, fmt.Errorf("open an appeal of call %s: %w", call, err)
	}
	return out, nil
}

// missing turns an empty answer, and an id that is none, into the domain's word for it.
func missing(err error) error {
	const codeNoID = "22P02" // a text that is no uuid
	pg, told := errors.AsType[*pgconn.PgError](err)
	if errors.Is(err, pgx.ErrNoRows) || told && pg.Code == codeNoID {
		return ticketing.ErrNotFound
	}
	return err
}
