package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hotline/agent"
	"hotline/agent/store/db"
	"hotline/realtime/factlog"
)

// tries is how often a change is decided anew because the seat or its work has changed meanwhile. Each time somebody else got on.
const tries = 20

// Update implements agent.Store. It reads and lets decide without a lock, and then writes in one round trip, guarded by the versions
// it has read: nobody waits for a decision, and readers of the fact log for that one trip only.
func (s *Store) Update(ctx context.Context, step agent.Step) (agent.State, agent.State, error) {
	var before, after agent.State
	var err error
	for range tries {
		before, after, err = s.update(ctx, step)
		if code := pgCode(err); !errors.Is(err, factlog.ErrStale) && code != codeDeadlock && code != codeSerial {
			break
		}
	}
	if errors.Is(err, factlog.ErrStale) {
		err = agent.ErrStale
	}
	if err != nil {
		return agent.State{}, agent.State{}, fmt.Errorf("update seat %s: %w", step.Seat, err)
	}
	return before, after, nil
}

func (s *Store) update(ctx context.Context, step agent.Step) (agent.State, agent.State, error) {
	if err := s.maySit(ctx, step); err != nil {
		return agent.State{}, agent.State{}, err
	}
	row, err := s.q.SeatAndWork(ctx, string(step.Seat))
	if err != nil {
		return agent.State{}, agent.State{}, missing(err)
	}
	before := state(row.Line, row.Kind, row.SeatState, row.Work, row.WorkSince, row.WorkUntil)
	after, facts, err := step.Decide(before)
	if err != nil || after.Version == before.Version {
		return before, after, err
	}
	rows, err := factRows(facts, step.Actor, step.At)
	if err != nil {
		return before, after, err
	}
	var p factlog.Pipeline
	q := db.New(&p)
	if step.Sits != "" {
		err = errors.Join(q.HoldPerson(ctx, string(step.Sits)),
			q.NoOtherSeat(ctx, db.NoOtherSeatParams{Person: string(step.Sits), Seat: string(step.Seat)}))
	}
	err = errors.Join(err, q.SaveSeat(ctx, saveParams(before, after)),
		q.HoldWork(ctx, db.HoldWorkParams{Seat: string(step.Seat), Version: row.WorkVersion}))
	if err != nil {
		return before, after, err
	}
	p.Tell(rows...)
	if err := p.Commit(ctx, s.pool); err != nil {
		return before, after, err
	}
	s.wake()
	return before, after, nil
}

func (s *Store) maySit(ctx context.Context, step agent.Step) error {
	if step.Sits == "" {
		return nil
	}
	p, err := s.q.PersonToSit(ctx, string(step.Sits))
	switch {
	case err != nil:
		return missing(err)
	case p.DisabledAt != nil:
		return agent.ErrNotAllowed
	case p.Seat != "" && agent.SeatID(p.Seat) != step.Seat:
		return &agent.PersonElsewhereError{Seat: agent.SeatID(p.Seat)}
	}
	return nil
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
		return "", fmt.Errorf("seat of endpoint %s: %w", endpoint, missing(err))
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
		return agent.Sitting{}, fmt.Errorf("seat of person %s: %w", person, missing(err))
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
		Intent: agent.Intent(r.Intent), RestCode: r.RestCode, RestUntil: utc(r.RestUntil), RestMinutes: int(r.RestMinutes),
		Pending: agent.Pending(r.Pending), Device: agent.Device(r.Device), Registered: r.Registered,
		Since: r.Since.UTC(), Version: r.Version,
		Work: agent.Work(work), WorkSince: since.UTC(), Until: utc(until),
	}
}

func saveParams(before, s agent.State) db.SaveSeatParams {
	return db.SaveSeatParams{
		Seat: string(s.Seat), Before: before.Version, Version: s.Version,
		Person: orNull(s.Person), Recorder: orNull(s.Recorder),
		Client: s.Client, Phone: string(s.Phone), Endpoint: s.Endpoint, Contact: s.Contact, Ha1: s.HA1,
		Intent: string(s.Intent), RestCode: s.RestCode, RestUntil: timeOrNull(s.RestUntil), RestMinutes: int32(s.RestMinutes),
		Pending: string(s.Pending), Device: string(s.Device), Registered: s.Registered, Since: s.Since,
	}
}
