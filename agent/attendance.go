package agent

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Grace is how long the page of who sits beside may be away (RU13).
type Grace struct {
	Away time.Duration // until the place counts as empty: the official writes, and somebody else may take it
	Free time.Duration // until it is given back
}

// UsualGrace outlasts a reload (F22), and a computer that is started anew.
func UsualGrace() Grace { return Grace{Away: 15 * time.Second, Free: 10 * time.Minute} }

// Attendance is who sits beside, and when a page of theirs was seen last. Room and supervisor have none to be missed.
type Attendance struct {
	Sitting

	Person PersonID
	SeenAt time.Time // of the last page; when they sat down, if there was none since
	Away   bool
}

// Event is what follows by now; nil: nothing. Before since nobody knew who has a page: no absence begins or ends there.
func (a Attendance) Event(g Grace, now, since time.Time) Event {
	gone := now.Sub(a.SeenAt)
	known := min(gone, now.Sub(since))
	switch {
	case a.Away && gone < g.Away:
		return Attended{Who: a.Person, Place: a.Place}
	case a.Away && known >= g.Free:
		return Left{By: a.Person, Place: a.Place, Reason: "page closed"}
	case !a.Away && known >= g.Away:
		return Attended{Who: a.Person, Place: a.Place, Away: true}
	}
	return nil
}

// Attend brings a place to what is known of its person's page since then. True: the seat has changed.
func (s *Service) Attend(ctx context.Context, a Attendance, g Grace, since time.Time) (bool, error) {
	e := a.Event(g, s.Now(), since)
	if e == nil {
		return false, nil
	}
	before, after, err := s.step(ctx, Step{Seat: a.Seat, Actor: actorSystem}, func(st State) (Event, error) {
		if st.Beside(a.Place) != (Side{Person: a.Person, Away: a.Away}) {
			return nil, ErrStale // they have come or gone meanwhile
		}
		return e, nil
	})
	if errors.Is(err, ErrStale) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("attendance at seat %s: %w", a.Seat, err)
	}
	s.dropOld(ctx, before, after)
	return before.Version != after.Version, nil
}

func attend(s State, e Attended) (State, []Fact, error) {
	n := s
	side := n.side(e.Place)
	if side == nil || e.Who == "" || side.Person != e.Who || side.Away == e.Away {
		return s, nil, nil
	}
	side.Away = e.Away
	n.Version++
	kind := "seat.back"
	if e.Away {
		kind = "seat.away"
	}
	return n, []Fact{seatFact(n, kind, map[string]any{"person": e.Who, "place": e.Place, "version": n.Version})}, nil
}
