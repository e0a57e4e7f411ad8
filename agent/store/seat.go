package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/agent"
	"hotline/agent/command"
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
	if err != nil || after.Version == before.Version { // perhaps because it has been done
		err = cmp.Or(command.Known(ctx), err)
	}
	if _, repeated := errors.AsType[*agent.RepeatedError](err); repeated {
		before, err = s.now(ctx, step.Seat)
		after = before
	}
	if err != nil {
		return agent.State{}, agent.State{}, fmt.Errorf("update seat %s: %w", step.Seat, err)
	}
	return before, after, nil
}

func (s *Store) update(ctx context.Context, step agent.Step) (agent.State, agent.State, error) {
	assigned, err := s.maySit(ctx, step)
	if err != nil {
		return agent.State{}, agent.State{}, err
	}
	row, err := s.q.SeatAndWork(ctx, string(step.Seat))
	if err != nil {
		return agent.State{}, agent.State{}, missing(err)
	}
	before := state(row.Line, row.Kind, row.SeatState, row.Work, row.WorkSince, row.WorkUntil)
	after, facts, err := step.Decide(before)
	if err == nil && !assigned {
		err = agent.ErrNotAssigned
	}
	if err != nil || after.Version == before.Version {
		return before, after, err
	}
	rows, err := factRows(facts, step.Actor, step.At)
	if err != nil {
		return before, after, err
	}
	var p factlog.Pipeline
	err = command.Begin(ctx, &p, "")
	q := db.New(&p)
	if step.Sits != "" {
		err = errors.Join(err, q.HoldPerson(ctx, string(step.Sits)),
			q.NoOtherSeat(ctx, db.NoOtherSeatParams{Person: string(step.Sits), Seat: string(step.Seat)}),
			q.HoldAssignment(ctx, db.HoldAssignmentParams{Person: string(step.Sits), Seat: string(step.Seat), Place: string(step.Place)}))
	}
	err = errors.Join(err, sit(ctx, q, before, after, step.At), q.SaveSeat(ctx, saveParams(before, after)),
		q.HoldWork(ctx, db.HoldWorkParams{Seat: string(step.Seat), Version: row.WorkVersion}),
		keep(ctx, &p, facts, step.Actor, step.At))
	if err != nil {
		return before, after, err
	}
	p.Tell(rows...)
	if err := command.Over(ctx, p.Commit(ctx, s.pool)); err != nil {
		return before, after, err
	}
	s.wake()
	return before, after, nil
}

// now is a seat as it is.
func (s *Store) now(ctx context.Context, seat agent.SeatID) (agent.State, error) {
	row, err := s.q.SeatAndWork(ctx, string(seat))
	if err != nil {
		return agent.State{}, missing(err)
	}
	return state(row.Line, row.Kind, row.SeatState, row.Work, row.WorkSince, row.WorkUntil), nil
}

// maySit refuses who may take no place at all now, and says whether this one is assigned to them.
func (s *Store) maySit(ctx context.Context, step agent.Step) (bool, error) {
	if step.Sits == "" {
		return true, nil
	}
	p, err := s.q.PersonToSit(ctx, db.PersonToSitParams{ID: string(step.Sits), Seat: string(step.Seat), Place: string(step.Place)})
	switch {
	case err != nil:
		return false, missing(err)
	case p.DisabledAt != nil:
		return false, agent.ErrNotAllowed
	case p.Seat != "" && agent.SeatID(p.Seat) != step.Seat:
		return false, &agent.PersonElsewhereError{Seat: agent.SeatID(p.Seat)}
	}
	return p.Assigned, nil
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
			Label: r.Label, UnitName: r.UnitName, PersonName: r.PersonName,
			Names: map[agent.Place]string{
				agent.PlaceRecorder: r.RecorderName, agent.PlaceDeputy: r.DeputyName, agent.PlaceRoom: r.RoomName, agent.PlaceSupervisor: r.SupervisorName,
			},
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

// StandingsOf finds what the people are now, in one look; who may not sign in is not in it.
func (s *Store) StandingsOf(ctx context.Context, people []agent.PersonID) (map[agent.PersonID]agent.Standing, error) {
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = string(p)
	}
	rows, err := s.q.StandingsOf(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("standings of %d people: %w", len(people), err)
	}
	standings := make(map[agent.PersonID]agent.Standing, len(people))
	for _, r := range rows {
		standings[agent.PersonID(r.Person)] = standing(r)
	}
	return standings, nil
}

func standing(r db.StandingsOfRow) agent.Standing {
	return agent.Standing{
		Identity: agent.Identity{Person: agent.PersonID(r.Person), Unit: r.Unit, Roles: roles(r.Roles)},
		Seat:     agent.SeatID(r.Seat), Place: agent.Place(r.Place), Line: agent.LineID(r.Line), Tx: uint64(r.Tx),
	}
}

func roles(names []string) []agent.Role {
	all := make([]agent.Role, len(names))
	for i, name := range names {
		all[i] = agent.Role(name)
	}
	return all
}

func state(line, kind string, r db.SeatState, work string, since time.Time, until *time.Time) agent.State {
	return agent.State{
		Seat: agent.SeatID(r.Seat), Line: agent.LineID(line), Kind: agent.SeatKind(kind),
		Person: text[agent.PersonID](r.Person), Recorder: side(r, agent.PlaceRecorder, r.Recorder), Deputy: side(r, agent.PlaceDeputy, r.Deputy),
		Room: side(r, agent.PlaceRoom, r.Room), Supervisor: side(r, agent.PlaceSupervisor, r.Supervisor),
		Client: r.Client, Phone: agent.Phone(r.Phone), Endpoint: r.Endpoint, Contact: r.Contact, HA1: r.Ha1,
		Intent: agent.Intent(r.Intent), RestCode: r.RestCode, RestUntil: utc(r.RestUntil), RestMinutes: int(r.RestMinutes),
		Pending: agent.Pending(r.Pending), Device: agent.Device(r.Device), Registered: r.Registered,
		Since: r.Since.UTC(), Version: r.Version,
		Work: agent.Work(work), WorkSince: since.UTC(), Until: utc(until),
	}
}

func side(r db.SeatState, place agent.Place, person *string) agent.Side {
	return agent.Side{Person: text[agent.PersonID](person), Away: slices.Contains(r.Away, string(place))}
}

func names(places []agent.Place) []string {
	all := make([]string, len(places))
	for i, p := range places {
		all[i] = string(p)
	}
	return all
}

func saveParams(before, s agent.State) db.SaveSeatParams {
	return db.SaveSeatParams{
		Seat: string(s.Seat), Before: before.Version, Version: s.Version,
		Person: orNull(s.Person), Recorder: orNull(s.Recorder.Person), Deputy: orNull(s.Deputy.Person), Room: orNull(s.Room.Person),
		Supervisor: orNull(s.Supervisor.Person), Away: names(s.Absent()),
		Client: s.Client, Phone: string(s.Phone), Endpoint: s.Endpoint, Contact: s.Contact, Ha1: s.HA1,
		Intent: string(s.Intent), RestCode: s.RestCode, RestUntil: timeOrNull(s.RestUntil), RestMinutes: int32(s.RestMinutes),
		Pending: string(s.Pending), Device: string(s.Device), Registered: s.Registered, Since: s.Since,
	}
}
