package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hotline/agent"
	"hotline/agent/store/db"
)

// sit keeps the history of who sits where beside the seat: a sitting ends when its person leaves the place, or somebody else has it.
// A page of the same person that takes the telephone over goes on with it.
func sit(ctx context.Context, q *db.Queries, before, after agent.State, at time.Time) error {
	answers := agent.Chair(after.Kind, agent.PlaceOfficial)
	err := change(ctx, q, after.Seat, answers, before.Person, after.Person, at)
	for _, beside := range agent.Sides() {
		err = errors.Join(err, change(ctx, q, after.Seat, beside, before.At(beside), after.At(beside), at))
	}
	if after.Person == "" || before.Client == after.Client && before.Endpoint == after.Endpoint {
		return err
	}
	device := string(after.Phone)
	if after.Endpoint == "" {
		device = ""
	}
	return errors.Join(err, q.EquipSitting(ctx, db.EquipSittingParams{
		Seat: string(after.Seat), Place: string(answers), Client: after.Client, Endpoint: after.Endpoint, Device: device,
	}))
}

func change(ctx context.Context, q *db.Queries, seat agent.SeatID, place agent.Place, before, after agent.PersonID, at time.Time) error {
	if before == after {
		return nil
	}
	err := q.EndSittings(ctx, db.EndSittingsParams{Seat: string(seat), Place: string(place), Person: orNull(after), At: at})
	if after == "" {
		return err
	}
	return errors.Join(err, q.BeginSitting(ctx, db.BeginSittingParams{Seat: string(seat), Place: string(place), Person: string(after), At: at}))
}

// Sitters lists everybody who sits somewhere, with what must be true of them for that.
func (s *Store) Sitters(ctx context.Context, at time.Time) ([]agent.Sitter, error) {
	rows, err := s.q.Sitters(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("load who sits where: %w", err)
	}
	all := make([]agent.Sitter, len(rows))
	for i, r := range rows {
		all[i] = agent.Sitter{
			Person: agent.PersonID(r.Person), Sitting: agent.Sitting{Seat: agent.SeatID(r.Seat), Place: agent.Place(r.Place)}, Kind: agent.SeatKind(r.Kind),
			Roles: roles(r.Roles), Disabled: r.Disabled, SignedIn: r.SignedIn, Assigned: r.Assigned,
		}
	}
	return all, nil
}

// SawPages notes that these people had a page then; of who sits nowhere beside it notes nothing.
func (s *Store) SawPages(ctx context.Context, people []agent.PersonID, at time.Time) error {
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = string(p)
	}
	if err := s.q.SawPages(ctx, db.SawPagesParams{People: ids, At: at}); err != nil {
		return fmt.Errorf("note the pages of %d people: %w", len(people), err)
	}
	return nil
}

// Attendances lists who sits beside, with when they had a page last.
func (s *Store) Attendances(ctx context.Context) ([]agent.Attendance, error) {
	rows, err := s.q.Attendances(ctx)
	if err != nil {
		return nil, fmt.Errorf("load who sits beside: %w", err)
	}
	all := make([]agent.Attendance, len(rows))
	for i, r := range rows {
		all[i] = agent.Attendance{
			Sitting: agent.Sitting{Seat: agent.SeatID(r.Seat), Place: agent.Place(r.Place)}, Person: agent.PersonID(r.Person), SeenAt: r.SeenAt.UTC(), Away: r.Away,
		}
	}
	return all, nil
}
