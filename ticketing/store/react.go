package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

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

// Kinds are the facts that Handler reacts to.
func Kinds() []string { return []string{"call.admitted", "call.talking", ended} }

const ended = "call.ended"

// Wants leaves out the facts of those kinds that change no ticket: the end of a call that was answered.
func Wants(f factlog.Fact) bool {
	if f.Kind != ended {
		return true
	}
	var end struct {
		Outcome telephony.Outcome `json:"outcome"`
	}
	if err := json.Unmarshal(f.Data, &end); err != nil {
		return true
	}
	switch end.Outcome {
	case telephony.OutcomeAnsweredOfficial, telephony.OutcomeAnsweredOperator, telephony.OutcomeAbandonedOnHold:
		return false
	case telephony.OutcomeRegisteredCallback, telephony.OutcomeAbandonedInQueue, telephony.OutcomeAbandonedShort, telephony.OutcomeAbandonedRinging,
		telephony.OutcomeClosedBeforeTurn, telephony.OutcomeOutOfScope, telephony.OutcomeBlocked, telephony.OutcomeSystemFailure:
	}
	return true
}

// Handler returns the reaction for factlog.React: an admitted call gets its draft, or that of the call it resumes; a call that
// is taken gives its drafts seat and official, and one that ended unanswered leaves a missed ticket. It reads the calls as they are now,
// so a fact that comes late, twice or after its successor leads to the same ticket, and facts of one call that come together to one change.
func (s *Store) Handler(random io.Reader) func(ctx context.Context, w *factlog.Pipeline, facts []factlog.Fact) error {
	return func(ctx context.Context, w *factlog.Pipeline, facts []factlog.Fact) error {
		tasks := make(map[string]task, len(facts))
		for _, f := range facts {
			if err := uuid.Validate(f.Subject); err != nil {
				return fmt.Errorf("%s of %q: %w", f.Kind, f.Subject, err)
			}
			t := tasks[f.Subject]
			t.at = f.At
			if f.Kind != ended && !t.opens { // a call that ended before it was admitted has no ticket
				t.opens, t.opened = true, f.At
			}
			tasks[f.Subject] = t
		}
		_, err := s.bringUp(ctx, w, tasks, random)
		return err
	}
}

// task is what facts ask for a call's tickets: that they are as the call is, and perhaps that there is one.
type task struct {
	at     time.Time // of the last fact
	opens  bool
	opened time.Time // of the first that asks for a ticket
}

// bringUp queues what makes the calls' tickets what they should be, and says how many it opens. What is so already is left alone, so
// a repetition does nothing.
func (s *Store) bringUp(ctx context.Context, w *factlog.Pipeline, tasks map[string]task, random io.Reader) (int, error) {
	rows, err := s.q.CallsWithTickets(ctx, slices.Sorted(maps.Keys(tasks)))
	if err != nil {
		return 0, fmt.Errorf("read %d calls and their tickets: %w", len(tasks), err)
	}
	b := &bringing{store: s, w: w, random: random}
	opened := 0
	for len(rows) > 0 {
		n := slices.IndexFunc(rows, func(r db.CallsWithTicketsRow) bool { return r.Call != rows[0].Call })
		if n < 0 {
			n = len(rows)
		}
		call, t := rows[:n], tasks[rows[0].Call]
		rows = rows[n:]
		if t.opens && !call[0].Resumed && !slices.ContainsFunc(call, first) {
			if err := b.open(ctx, call[0], t.opened); err != nil {
				return 0, err
			}
			opened++
			continue // a ticket that is opened now is up to date
		}
		for _, r := range call {
			b.follow(r, t.at)
		}
	}
	return opened, b.queue(ctx)
}

// first tells the ticket that a call is given from those that people add.
func first(r db.CallsWithTicketsRow) bool {
	return r.TicketKind != nil && ticketing.Kind(*r.TicketKind) != ticketing.KindAppeal
}

// bringing collects changes of tickets, to be written together.
type bringing struct {
	store   *Store
	w       *factlog.Pipeline
	random  io.Reader
	opened  []opening
	behind  []following
	changes []ticketing.Change
}

type opening struct {
	id, code string
	call     db.CallsWithTicketsRow
	at       time.Time
}

type following struct {
	id, kind string
	before   int64
	seat     *string
	official *string
}

// open adds the call's ticket: the draft of the call that it resumes, or a new one.
func (b *bringing) open(ctx context.Context, c db.CallsWithTicketsRow, at time.Time) error {
	if c.Resumes != nil {
		if taken, err := b.takeOver(ctx, c, at); taken || err != nil {
			return err
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("id of a ticket: %w", err)
	}
	code, err := ticketing.QueryCode(b.random)
	if err != nil {
		return err
	}
	b.opened = append(b.opened, opening{id: id.String(), code: code, call: c, at: at})
	const firstVersion = 1 // the table's default
	b.changes = append(b.changes, ticketing.Change{
		After: ticketing.Ticket{
			ID: ticketing.TicketID(id.String()), Kind: ticketing.Kind(c.Kind), Call: telephony.CallID(c.Call), Seat: text[agent.SeatID](c.Seat),
			Version: firstVersion,
		},
		What: ticketing.WhatOpened, Actor: actor, At: at,
	})
	return nil
}

// takeOver lets the draft of the call which this one resumes go on with this one, if there is one.
func (b *bringing) takeOver(ctx context.Context, c db.CallsWithTicketsRow, at time.Time) (bool, error) {
	drafts, err := b.store.q.DraftToTakeOver(ctx, c.Call)
	if err != nil {
		return false, fmt.Errorf("read the draft that call %s resumes: %w", c.Call, err)
	}
	if len(drafts) == 0 {
		return false, nil
	}
	r := drafts[0]
	seat, official, session := cmp.Or(c.Seat, r.Seat), cmp.Or(c.Official, r.Official), cmp.Or(c.Session, r.Session)
	err = db.New(b.w).TakeOverDraft(ctx, db.TakeOverDraftParams{
		ID: r.ID, Before: r.Version, Call: c.Call, Kind: c.Kind, Session: session, Seat: seat, Official: official,
	})
	if err != nil {
		return false, fmt.Errorf("take over a draft for call %s: %w", c.Call, err)
	}
	b.changes = append(b.changes, ticketing.Change{
		Before: ticketing.Ticket{Call: telephony.CallID(r.Call), Seat: text[agent.SeatID](r.Seat)},
		After: ticketing.Ticket{
			ID: ticketing.TicketID(r.ID), Call: telephony.CallID(c.Call), Kind: ticketing.Kind(c.Kind), Seat: text[agent.SeatID](seat), Version: r.Version + 1,
		},
		What: ticketing.WhatResumed, Actor: actor, At: at,
	})
	return true, nil
}

// follow adds what brings a draft up to its call: seat and official of its last segment; missed when it ended unanswered.
func (b *bringing) follow(r db.CallsWithTicketsRow, at time.Time) {
	if r.Ticket == nil || ticketing.State(*r.State) != ticketing.StateDraft {
		return
	}
	seat, official, kind := cmp.Or(r.Seat, r.TicketSeat), cmp.Or(r.Official, r.TicketOfficial), *r.TicketKind
	if ticketing.Kind(kind) == ticketing.KindCall {
		kind = r.Kind
	}
	if same(seat, r.TicketSeat) && same(official, r.TicketOfficial) && kind == *r.TicketKind {
		return
	}
	b.behind = append(b.behind, following{id: *r.Ticket, before: *r.Version, seat: seat, official: official, kind: kind})
	change := ticketing.Change{
		Before: ticketing.Ticket{Seat: text[agent.SeatID](r.TicketSeat)},
		After: ticketing.Ticket{
			ID: ticketing.TicketID(*r.Ticket), Call: telephony.CallID(r.Call), Kind: ticketing.Kind(kind), Seat: text[agent.SeatID](seat), Version: *r.Version + 1,
		},
		What: ticketing.WhatSeated, Actor: actor, At: at,
	}
	if kind != *r.TicketKind {
		change.What = ticketing.WhatMissed
	}
	b.changes = append(b.changes, change)
}

func same(a, b *string) bool { return text[string](a) == text[string](b) }

// queue adds all changes with their history to the transaction as one command, and their facts.
func (b *bringing) queue(ctx context.Context) error {
	if len(b.changes) == 0 {
		return nil
	}
	p := db.BringUpParams{Opened: []string{}, Followed: []string{}, Actor: actor} // an array that is NULL has no length
	for _, o := range b.opened {
		p.Opened, p.QueryCodes, p.OpenedKinds = append(p.Opened, o.id), append(p.QueryCodes, o.code), append(p.OpenedKinds, o.call.Kind)
		p.Calls, p.Sessions = append(p.Calls, o.call.Call), append(p.Sessions, text[string](o.call.Session))
		p.OpenedSeats, p.OpenedOfficials = append(p.OpenedSeats, text[string](o.call.Seat)), append(p.OpenedOfficials, text[string](o.call.Official))
		p.OpenedAt = append(p.OpenedAt, o.at)
	}
	for _, f := range b.behind {
		p.Followed, p.Before, p.Kinds = append(p.Followed, f.id), append(p.Before, f.before), append(p.Kinds, f.kind)
		p.Seats, p.Officials = append(p.Seats, text[string](f.seat)), append(p.Officials, text[string](f.official))
	}
	events, facts, err := record(b.changes...)
	if err != nil {
		return err
	}
	for _, e := range events {
		p.Tickets, p.Versions, p.At = append(p.Tickets, e.Ticket), append(p.Versions, e.Version), append(p.At, e.At)
		p.What, p.Data = append(p.What, e.What), append(p.Data, string(e.Data))
	}
	if err := db.New(b.w).BringUp(ctx, p); err != nil {
		return fmt.Errorf("bring %d tickets up to their calls: %w", len(b.changes), err)
	}
	b.w.Tell(facts...)
	return nil
}

// The guarantee looks back this far, or not so far when it has looked lately, and mends so many calls at a time.
const (
	sweepBack  = 7 * 24 * time.Hour
	sweepAgain = 2 * time.Hour
	sweepMax   = 500
)

// Sweep opens the tickets of admitted calls that have none (I7), one short transaction each, and returns how many it opened.
// The reaction does it within milliseconds; this is for what went past it: a parked fact, a restored database.
func (s *Store) Sweep(ctx context.Context, random io.Reader, now time.Time) (int, error) {
	return s.sweep(ctx, random, now, now.Add(-sweepBack))
}

// SweepAgain is Sweep over the calls of the last hours: for whoever sweeps all the time.
func (s *Store) SweepAgain(ctx context.Context, random io.Reader, now time.Time) (int, error) {
	return s.sweep(ctx, random, now, now.Add(-sweepAgain))
}

func (s *Store) sweep(ctx context.Context, random io.Reader, now, since time.Time) (int, error) {
	calls, err := s.q.CallsWithoutTicket(ctx, db.CallsWithoutTicketParams{Since: since, Max: sweepMax})
	if err != nil {
		return 0, fmt.Errorf("find calls without a ticket: %w", err)
	}
	opened := 0
	for _, call := range calls {
		var w factlog.Pipeline
		fresh, err := s.bringUp(ctx, &w, map[string]task{call: {at: now, opens: true, opened: now}}, random)
		if err == nil {
			err = w.Commit(ctx, s.pool)
		}
		switch {
		case errors.Is(err, factlog.ErrStale): // the reaction was first
		case err != nil:
			return opened, fmt.Errorf("sweep: %w", err)
		case fresh > 0:
			opened++
			s.wake.Wake()
		}
	}
	return opened, nil
}
