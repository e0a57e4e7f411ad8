package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"hotline/agent"
	"hotline/agent/store/db"
)

// Assign lets a person sit at a place. What is assigned already stays: false. *agent.FieldError.
func (s *Store) Assign(ctx context.Context, n agent.NewAssignment, actor string, at time.Time) (bool, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return false, fmt.Errorf("assignment id: %w", err)
	}
	fresh := false
	err = s.write(ctx, actor, at, func(q *db.Queries) ([]agent.Fact, error) {
		found, err := q.ToAssign(ctx, db.ToAssignParams{Seat: string(n.Seat), LoginName: n.LoginName, Session: int32(n.Session)})
		if err != nil {
			return nil, err
		}
		if err := checkFound(n, found); err != nil {
			return nil, err
		}
		rows, err := q.PutAssignment(ctx, db.PutAssignmentParams{
			ID: id.String(), Session: orNull(found.Session), Seat: string(n.Seat), Place: string(n.Place), Person: found.Person, MadeAt: at,
		})
		if fresh = rows > 0; err != nil || !fresh {
			return nil, err
		}
		return []agent.Fact{kept("assignment.made", agent.PersonID(found.Person), map[string]any{
			"seat": n.Seat, "place": n.Place, "session": n.Session,
		})}, nil
	})
	if err != nil {
		return false, fmt.Errorf("assign %s to %s: %w", n.Seat, n.LoginName, err)
	}
	return fresh, nil
}

func checkFound(n agent.NewAssignment, found db.ToAssignRow) error {
	switch {
	case found.Kind == "":
		return &agent.FieldError{Field: "seat", Mend: "there is no seat " + string(n.Seat)}
	case found.Person == "":
		return &agent.FieldError{Field: "login_name", Mend: "nobody signs in as " + n.LoginName}
	case n.Session != 0 && found.Session == "":
		return &agent.FieldError{Field: "session", Mend: fmt.Sprintf("there is no session %d", n.Session)}
	}
	return agent.CheckAssignment(agent.SeatKind(found.Kind), n.Place, roles(found.Roles))
}

// Unassign takes an assignment back. Who sits there by it loses the place. ErrNotFound.
func (s *Store) Unassign(ctx context.Context, id, actor string, at time.Time) error {
	err := s.write(ctx, actor, at, func(q *db.Queries) ([]agent.Fact, error) {
		a, err := q.DeleteAssignment(ctx, id)
		if err != nil {
			return nil, missing(err)
		}
		return []agent.Fact{kept("assignment.taken_back", agent.PersonID(a.Person), map[string]any{"seat": a.Seat, "place": a.Place})}, nil
	})
	if err != nil {
		return fmt.Errorf("take assignment %s back: %w", id, err)
	}
	return nil
}

// Assignments lists every assignment, by seat.
func (s *Store) Assignments(ctx context.Context) ([]agent.Assignment, error) {
	rows, err := s.q.Assignments(ctx)
	if err != nil {
		return nil, fmt.Errorf("load assignments: %w", err)
	}
	all := make([]agent.Assignment, len(rows))
	for i, r := range rows {
		all[i] = agent.Assignment{
			ID: r.ID, Session: int(r.Session), Seat: agent.SeatID(r.Seat), Place: agent.Place(r.Place), Person: agent.PersonID(r.Person),
			LoginName: r.LoginName, PersonName: r.Name, MadeAt: r.MadeAt.UTC(), Holds: r.Holds,
		}
	}
	return all, nil
}

// PlacesOf are the places that are assigned to a person now, as Chair names them.
func (s *Store) PlacesOf(ctx context.Context, person agent.PersonID) ([]agent.Sitting, error) {
	rows, err := s.q.PlacesOf(ctx, string(person))
	if err != nil {
		return nil, fmt.Errorf("places of person %s: %w", person, err)
	}
	places := make([]agent.Sitting, len(rows))
	for i, r := range rows {
		places[i] = agent.Sitting{Seat: agent.SeatID(r.Seat), Place: agent.Place(r.Place)}
	}
	return places, nil
}
