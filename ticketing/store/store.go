// Package store keeps tickets, their promises and their history in Postgres, opens the ticket of every admitted call, and
// appends the fact of each change in its transaction. It must not decide what a ticket may become: that is ticketing's.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// Change implements ticketing.Store. It reads, decides and commits on top of what it has read, in two round trips. Whoever was late then
// holds the ticket and decides anew, so that nobody is late twice.
func (s *Store) Change(
	ctx context.Context, id ticketing.TicketID, decide func(ticketing.Ticket) (ticketing.Change, error),
) (ticketing.Ticket, error) {
	ch, err := change(ctx, s.pool, s.q, id, decide)
	if errors.Is(err, factlog.ErrStale) {
		err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			q := s.q.WithTx(tx)
			// What one may read and not write cannot be locked; decide says so.
			if _, err := q.LockTicket(ctx, string(id)); err != nil && !errors.Is(err, pgx.ErrNoRows) {
				return missing(err)
			}
			var err error
			ch, err = change(ctx, tx, q, id, decide)
			return err
		})
	}
	kept := err == nil && ch.Kept()
	if err != nil || kept {
		err = command.Over(ctx, err)
	}
	if err != nil {
		return ticketing.Ticket{}, fmt.Errorf("change ticket %s: %w", id, err)
	}
	if kept {
		s.wake.Wake()
	}
	return ch.After, nil
}

// change is one try. factlog.ErrStale: somebody else was first, or what is wanted needs the ticket held.
func change(
	ctx context.Context, to factlog.Sender, q *db.Queries, id ticketing.TicketID, decide func(ticketing.Ticket) (ticketing.Change, error),
) (ticketing.Change, error) {
	before, err := one(ctx, q, id)
	if err != nil {
		return ticketing.Change{}, missing(err)
	}
	ch, err := decide(before)
	if err != nil { // unless the command has had its effect, after which it is another one
		if known := command.Known(ctx); known != nil {
			return ch, known
		}
		if _, stale := errors.AsType[*ticketing.StaleError](err); stale {
			shows(ctx, id)
		}
		return ch, err
	}
	if !ch.Kept() {
		shows(ctx, id)
		return ch, nil
	}
	if ch.Numbered() {
		if _, held := to.(pgx.Tx); !held {
			return ch, fmt.Errorf("number a ticket that is not held: %w", factlog.ErrStale)
		}
		year := ch.Year()
		place, err := q.NextPlace(ctx, int32(year))
		if err != nil {
			return ch, fmt.Errorf("next number of %d: %w", year, err)
		}
		ch.After.Number = ticketing.Number(year, ticketing.SourceCall, place)
	}
	return ch, commit(ctx, to, ch)
}

// commit keeps the command of the context with a decided change, its history, its audit record and its fact, in one round trip.
// factlog.ErrStale: somebody else was first.
func commit(ctx context.Context, to factlog.Sender, ch ticketing.Change) error {
	var p factlog.Pipeline
	// The ticket before the key: whoever holds the ticket already must not wait for a twin that waits for it.
	if err := errors.Join(save(ctx, db.New(&p), ch), command.Begin(ctx, &p, ""), tell(ctx, &p, ch)); err != nil {
		return err
	}
	return p.Commit(ctx, to)
}

// save is the ticket itself, with its units and its promise.
func save(ctx context.Context, q *db.Queries, ch ticketing.Change) error {
	t := ch.After
	who, err := packWritten(t.Written)
	if err != nil {
		return err
	}
	err = q.SaveTicket(ctx, db.SaveTicketParams{
		ID: string(t.ID), Before: ch.Before.Version, Version: t.Version, Number: orNull(t.Number),
		State: string(t.State), Class: string(t.Class), Outcome: string(t.Outcome), Title: t.Title, Content: t.Content, Answer: t.Answer,
		ContactName: t.ContactName, EventPlace: t.EventPlace, Confidential: t.Confidential, Written: who,
		RegisteredAt: timeOrNull(t.RegisteredAt), ClosedAt: timeOrNull(t.ClosedAt), Due: dueAt(t), Writer: strings.TrimPrefix(ch.Actor, "person:"),
	})
	for _, unit := range t.Units {
		if !slices.Contains(ch.Before.Units, unit) {
			err = errors.Join(err, q.InsertTicketUnit(ctx, db.InsertTicketUnitParams{Ticket: string(t.ID), Unit: unit}))
		}
	}
	if p := t.Promise; p != nil && ch.Before.Promise == nil {
		err = errors.Join(err, q.InsertPromise(ctx, db.InsertPromiseParams{
			Ticket: string(t.ID), WorkingDays: int32(p.WorkingDays), StartsOn: civil(p.StartsOn), DueAt: p.DueAt, DueOriginal: p.DueOriginal,
			CalendarVersion: p.CalendarVersion, RuleVersion: p.RuleVersion, Provisional: p.Provisional,
		}))
	}
	return err
}

// dueAt is the promise's instant as lists sort by it; the promise is the truth.
func dueAt(t ticketing.Ticket) *time.Time {
	if t.Promise == nil {
		return nil
	}
	return &t.Promise.DueAt
}

// tell is the history of a change that a person has made, its audit record and its fact.
func tell(ctx context.Context, p *factlog.Pipeline, ch ticketing.Change) error {
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
	p.Tell(facts...)
	return errors.Join(db.New(p).InsertEvent(ctx, events[0]), audit.Append(ctx, p, kept))
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
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := command.Begin(ctx, tx, id.String()); err != nil {
			return err
		}
		q := s.q.WithTx(tx)
		row, err := q.OpenAppeal(ctx, db.OpenAppealParams{
			ID: id.String(), QueryCode: code, Call: string(call), OpenedAt: now, Writer: strings.TrimPrefix(actor, "person:"),
		})
		if err != nil {
			return missing(err)
		}
		if out, err = one(ctx, q, ticketing.TicketID(row)); err != nil {
			return err
		}
		var p factlog.Pipeline
		if err := tell(ctx, &p, ticketing.Change{After: out, What: ticketing.WhatOpened, Actor: actor, At: now}); err != nil {
			return err
		}
		return p.Commit(ctx, tx)
	})
	if err := command.Over(ctx, err); err != nil {
		return ticketing.Ticket{}, fmt.Errorf("open an appeal of call %s: %w", call, err)
	}
	s.wake.Wake()
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
