package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/agent"
	"hotline/agent/store/db"
)

// Update implements agent.Store.
func (s *Store) Update(ctx context.Context, step agent.Step) (agent.State, agent.State, error) {
	var before, after agent.State
	err := s.write(ctx, step.Actor, step.At, func(q *db.Queries) ([]agent.Fact, error) {
		if err := maySit(ctx, q, step); err != nil {
			return nil, err
		}
		var err error
		if before, err = lockSeat(ctx, q, step.Seat); err != nil {
			return nil, err
		}
		var facts []agent.Fact
		after, facts, err = step.Decide(before)
		if err != nil || after.Version == before.Version {
			return nil, err
		}
		n, err := q.SaveSeat(ctx, saveParams(before, after))
		if err == nil && n == 0 {
			err = agent.ErrStale
		}
		return facts, err
	})
	if err != nil {
		return agent.State{}, agent.State{}, fmt.Errorf("update seat %s: %w", step.Seat, err)
	}
	return before, after, nil
}

// maySit holds the person's row, so that two sign-ins of one person at two seats go one after the other.
func maySit(ctx context.Context, q *db.Queries, step agent.Step) error {
	if step.Sits == "" {
		return nil
	}
	disabled, err := q.LockPerson(ctx, string(step.Sits))
	switch {
	case err != nil:
		return notFound(err)
	case disabled != nil:
		return agent.ErrNotAllowed
	}
	row, err := q.SittingOf(ctx, string(step.Sits))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	case agent.SeatID(row.Seat) != step.Seat:
		return &agent.PersonElsewhereError{Seat: agent.SeatID(row.Seat)}
	}
	return nil
}

func lockSeat(ctx context.Context, q *db.Queries, seat agent.SeatID) (agent.State, error) {
	row, err := q.LockSeat(ctx, string(seat))
	if err != nil {
		return agent.State{}, notFound(err)
	}
	w, err := q.HoldWork(ctx, string(seat))
	if err != nil {
		return agent.State{}, notFound(err)
	}
	return state(row.Line, row.Kind, row.SeatState, w.Work, w.Since, w.Until), nil
}

// Seats implements agent.Store.
func (s *Store) Seats(ctx context.Context) ([]agent.State, error) {
	rows, err := s.q.Seats(ctx)
	if err != nil {
		return nil, fmt.Errorf("load seats: %w", err)
	}
	seats := make([]agent.State, len(rows))
	for i, r := range rows {
		seats[i] = state(r.Line, r.Kind, r.SeatState, r.Work, r.WorkSince, r.WorkUntil)
	}
	return seats, nil
}

// SeatOfEndpoint implements agent.Store.
func (s *Store) SeatOfEndpoint(ctx context.Context, endpoint string) (agent.SeatID, error) {
	seat, err := s.q.SeatOfEndpoint(ctx, endpoint)
	if err != nil {
		return "", fmt.Errorf("seat of endpoint %s: %w", endpoint, notFound(err))
	}
	return agent.SeatID(seat), nil
}

// SeatViews loads every seat as screens show it, in the order of their names.
func (s *Store) SeatViews(ctx context.Context) ([]agent.SeatView, error) { return s.views(ctx, "") }

// SeatView loads one seat as screens show it. ErrNotFound.
func (s *Store) SeatView(ctx context.Context, seat agent.SeatID) (agent.SeatView, error) {
	if seat == "" {
		return agent.SeatView{}, fmt.Errorf("load a seat without a name: %w", agent.ErrNotFound)
	}
	views, err := s.views(ctx, string(seat))
	if err == nil && len(views) == 0 {
		err = fmt.Errorf("load seat %s: %w", seat, agent.ErrNotFound)
	}
	if err != nil {
		return agent.SeatView{}, err
	}
	return views[0], nil
}

func (s *Store) views(ctx context.Context, seat string) ([]agent.SeatView, error) {
	rows, err := s.q.SeatViews(ctx, seat)
	if err != nil {
		return nil, fmt.Errorf("load seat views: %w", err)
	}
	views := make([]agent.SeatView, len(rows))
	for i, r := range rows {
		views[i] = agent.SeatView{
			State: state(r.Line, r.Kind, r.SeatState, r.Work, r.WorkSince, r.WorkUntil),
			Label: r.Label, UnitName: r.UnitName, PersonName: r.PersonName, RecorderName: r.RecorderName,
			Call: text[string](r.Call), Offer: text[string](r.Offer), Misses: int(r.Misses),
		}
	}
	return views, nil
}

// SittingOf finds where a person sits. ErrNotFound when nowhere.
func (s *Store) SittingOf(ctx context.Context, person agent.PersonID) (agent.Sitting, error) {
	row, err := s.q.SittingOf(ctx, string(person))
	if err != nil {
		return agent.Sitting{}, fmt.Errorf("seat of person %s: %w", person, notFound(err))
	}
	return agent.Sitting{Seat: agent.SeatID(row.Seat), Place: agent.Place(row.Place)}, nil
}

// SittingsOf finds where the people sit, and those who sit beside them; who sits nowhere is not in it.
func (s *Store) SittingsOf(ctx context.Context, people []agent.PersonID) (map[agent.PersonID]agent.Sitting, error) {
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = string(p)
	}
	rows, err := s.q.SittingsOf(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("seats of %d people: %w", len(people), err)
	}
	sittings := make(map[agent.PersonID]agent.Sitting, len(people))
	for _, r := range rows {
		for place, person := range map[agent.Place]*string{agent.PlaceOfficial: r.Person, agent.PlaceRecorder: r.Recorder} {
			if person != nil {
				sittings[agent.PersonID(*person)] = agent.Sitting{Seat: agent.SeatID(r.Seat), Place: place}
			}
		}
	}
	return sittings, nil
}

func state(line, kind string, r db.SeatState, work string, since time.Time, until *time.Time) agent.State {
	return agent.State{
		Seat: agent.SeatID(r.Seat), Line: agent.LineID(line), Kind: agent.SeatKind(kind),
		Person: text[agent.PersonID](r.Person), Recorder: text[agent.PersonID](r.Recorder),
		Client: r.Client, Phone: agent.Phone(r.Phone), Endpoint: r.Endpoint, Contact: r.Contact, HA1: r.Ha1,
		Intent: agent.Intent(r.Intent), RestCode: r.RestCode, RestUntil: timeOf(r.RestUntil), RestMinutes: int(r.RestMinutes),
		Pending: agent.Pending(r.Pending), Device: agent.Device(r.Device), Registered: r.Registered,
		Since: r.Since.UTC(), Version: r.Version,
		Work: agent.Work(work), WorkSince: since.UTC(), Until: timeOf(until),
	}
}

func saveParams(before, s agent.State) db.SaveSeatParams {
	return db.SaveSeatParams{
		Seat: string(s.Seat), Before: before.Version, Version: s.Version,
		Person: null(s.Person), Recorder: null(s.Recorder),
		Client: s.Client, Phone: string(s.Phone), Endpoint: s.Endpoint, Contact: s.Contact, Ha1: s.HA1,
		Intent: string(s.Intent), RestCode: s.RestCode, RestUntil: nullTime(s.RestUntil), RestMinutes: int32(s.RestMinutes),
		Pending: string(s.Pending), Device: string(s.Device), Registered: s.Registered, Since: s.Since,
	}
}
