package store

import (
	"context"
	_ "embed" // the units of the demonstration
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"hotline/agent"
	"hotline/agent/store/db"
)

//go:embed seed/units.tsv
var sampleUnits string

// Line is a line to be set up. How it rings and wraps up are settings (TuneLine).
type Line struct {
	ID     agent.LineID
	Name   string
	Number string // that citizens dial; two lines may have the same, then the window decides
	During string // DuringSession or DuringAlways; empty: the first for the session's own line, the second for all others
}

// When a line takes the calls to its number.
const (
	DuringSession = "session" // while a session is open and its window is not over
	DuringAlways  = "always"
)

// sessionLine is the line of the Thursday event.
const sessionLine = agent.LineID("session")

// window is when the line takes calls. Of two lines behind one number that are both open, the session's goes first.
func (l Line) window() (string, int32) {
	if l.During == DuringSession || l.During == "" && l.ID == sessionLine {
		return DuringSession, 0
	}
	return DuringAlways, 1
}

// Seat is a seat to be set up.
type Seat struct {
	ID    agent.SeatID
	Line  agent.LineID
	Kind  agent.SeatKind
	Unit  string // code; empty: none
	Label string
}

// NewSession is a Thursday event to be opened.
type NewSession struct {
	Unit              string // code
	Theme             string
	OpensAt, ClosesAt time.Time
}

// LiveSession loads the session that takes calls or drains. ErrNotFound when none does.
func (s *Store) LiveSession(ctx context.Context) (agent.Session, error) {
	row, err := s.q.LiveSession(ctx)
	if err != nil {
		return agent.Session{}, fmt.Errorf("live session: %w", missing(err))
	}
	return agent.Session{
		Number: int(row.Number), UnitName: row.UnitName, Theme: row.Theme,
		OpensAt: row.OpensAt.UTC(), ClosesAt: row.ClosesAt.UTC(), State: row.State,
	}, nil
}

// OpenSession opens a session under the next number and closes whatever was live.
func (s *Store) OpenSession(ctx context.Context, n NewSession) (int, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return 0, fmt.Errorf("session id: %w", err)
	}
	var number int32
	err = s.write(ctx, "system", n.OpensAt, func(q *db.Queries) ([]agent.Fact, error) {
		if _, err := q.CloseLiveSessions(ctx); err != nil {
			return nil, err
		}
		number, err = q.InsertOpenSession(ctx, db.InsertOpenSessionParams{
			ID: id.String(), Unit: n.Unit, Theme: n.Theme, OpensAt: n.OpensAt, ClosesAt: n.ClosesAt,
		})
		return nil, err
	})
	if pgCode(err) == codeForeignKey {
		err = &agent.FieldError{Field: "unit", Mend: "no unit has the code " + n.Unit}
	}
	if err != nil {
		return 0, fmt.Errorf("open session: %w", err)
	}
	return int(number), nil
}

// SampleUnits are the 43 units of the demonstration.
func SampleUnits() ([]agent.Unit, error) {
	var units []agent.Unit
	for row := range strings.Lines(sampleUnits) {
		row = strings.TrimSpace(row)
		if row == "" || strings.HasPrefix(row, "#") {
			continue
		}
		f := strings.Split(row, "\t")
		if len(f) != 4 {
			return nil, fmt.Errorf("sample unit %q: want 4 fields separated by tabs", row)
		}
		units = append(units, agent.Unit{Code: f[0], ShortName: f[1], FullName: f[2], Kind: f[3]})
	}
	return units, nil
}

// PutUnits adds units or brings their names up to date, all or none.
func (s *Store) PutUnits(ctx context.Context, units []agent.Unit) error {
	err := s.write(ctx, "system", time.Time{}, func(q *db.Queries) ([]agent.Fact, error) {
		for _, u := range units {
			err := q.PutUnit(ctx, db.PutUnitParams{Code: u.Code, ShortName: u.ShortName, FullName: u.FullName, Kind: u.Kind})
			if err != nil {
				return nil, fmt.Errorf("unit %s: %w", u.Code, err)
			}
		}
		return nil, nil
	})
	if err != nil {
		return fmt.Errorf("put units: %w", err)
	}
	return nil
}

// PutLine adds a line; one that is there keeps its name and number.
func (s *Store) PutLine(ctx context.Context, l Line) error {
	err := s.write(ctx, "system", time.Time{}, func(q *db.Queries) ([]agent.Fact, error) {
		if err := q.PutLine(ctx, db.PutLineParams{ID: string(l.ID), Name: l.Name}); err != nil {
			return nil, err
		}
		during, rank := l.window()
		return nil, q.PutLineNumber(ctx, db.PutLineNumberParams{Number: l.Number, Line: string(l.ID), Rank: rank, During: during})
	})
	if err != nil {
		return fmt.Errorf("put line %s: %w", l.ID, err)
	}
	return nil
}

// PutSeats adds seats, signed out, or moves those that are there; all or none.
func (s *Store) PutSeats(ctx context.Context, at time.Time, seats ...Seat) error {
	err := s.write(ctx, "system", at, func(q *db.Queries) ([]agent.Fact, error) {
		for _, seat := range seats {
			err := q.PutSeat(ctx, db.PutSeatParams{
				ID: string(seat.ID), Line: string(seat.Line), Kind: string(seat.Kind), Unit: orNull(seat.Unit), Label: seat.Label,
			})
			if err != nil {
				return nil, fmt.Errorf("seat %s: %w", seat.ID, err)
			}
			if err := q.PutSeatState(ctx, db.PutSeatStateParams{Seat: string(seat.ID), At: at}); err != nil {
				return nil, fmt.Errorf("presence of seat %s: %w", seat.ID, err)
			}
			if err := q.PutSeatWork(ctx, db.PutSeatWorkParams{Seat: string(seat.ID), At: at}); err != nil {
				return nil, fmt.Errorf("work of seat %s: %w", seat.ID, err)
			}
		}
		return nil, nil
	})
	if err != nil {
		return fmt.Errorf("put %d seats: %w", len(seats), err)
	}
	return nil
}
