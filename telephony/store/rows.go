package store

import (
	"encoding/json"
	"fmt"
	"time"

	"hotline/agent"
	"hotline/telephony"
)

// Rows of a call that travel as one JSON value: any number of them is one statement, and what is loaded is of one instant. Their
// names are the columns'.
type (
	participantRow struct {
		ID       telephony.ParticipantID `json:"id"`
		Role     telephony.Role          `json:"role"`
		Seat     agent.SeatID            `json:"seat"`
		Person   agent.PersonID          `json:"person"`
		Phone    agent.Phone             `json:"phone,omitempty"`    // of the seat; only read
		Endpoint string                  `json:"endpoint,omitempty"` // of the seat; only read
		Leg      telephony.LegID         `json:"leg"`
		Want     telephony.Room          `json:"want"`
		State    telephony.PartState     `json:"state"`
		Muted    bool                    `json:"muted"`
		Since    time.Time               `json:"since"`
		Deadline time.Time               `json:"deadline,omitzero"`
		JoinedAt time.Time               `json:"joined_at,omitzero"`
		LeftAt   time.Time               `json:"left_at,omitzero"`
		Why      string                  `json:"why"`
	}
	offerRow struct {
		ID          telephony.OfferID       `json:"id"`
		Kind        telephony.OfferKind     `json:"kind"`
		Group       telephony.OfferID       `json:"grp"`
		Participant telephony.ParticipantID `json:"participant"`
		Seat        agent.SeatID            `json:"seat"`
		SeatKind    agent.SeatKind          `json:"seat_kind"`
		Person      agent.PersonID          `json:"person"`
		Phone       agent.Phone             `json:"phone"`    // of the seat, now
		Endpoint    string                  `json:"endpoint"` // of the seat, now
		Misses      int                     `json:"misses"`   // of the seat, in a row
		State       telephony.OfferState    `json:"state"`
		Reason      string                  `json:"reason"`
		OfferedAt   time.Time               `json:"offered_at"`
		RingingAt   time.Time               `json:"ringing_at"`
		ExpiresAt   time.Time               `json:"expires_at"`
		ClosedAt    time.Time               `json:"closed_at"`
	}
	segmentRow struct {
		Ord         int                     `json:"ord"`
		ID          telephony.ParticipantID `json:"id"`
		Seat        agent.SeatID            `json:"seat"`
		Person      agent.PersonID          `json:"person"`
		BeganAt     time.Time               `json:"began_at"`
		EndedAt     time.Time               `json:"ended_at,omitzero"`
		Why         telephony.SegmentEnd    `json:"why"`
		WrapUpUntil time.Time               `json:"wrapup_until,omitzero"`
	}
)

func participantRowOf(p telephony.Participant) participantRow {
	return participantRow{
		ID: p.ID, Role: p.Role, Seat: p.Seat, Person: p.Person, Leg: p.Leg, Want: p.Want, State: p.State, Muted: p.Muted,
		Since: stamp(p.Since), Deadline: stamp(p.Deadline), JoinedAt: stamp(p.Joined), LeftAt: stamp(p.Left), Why: p.Why,
	}
}

func (r participantRow) participant() telephony.Participant {
	return telephony.Participant{
		ID: r.ID, Role: r.Role, Seat: r.Seat, Person: r.Person, Phone: r.Phone, Endpoint: r.Endpoint, Leg: r.Leg, Want: r.Want, State: r.State,
		Muted: r.Muted, Since: r.Since.UTC(), Deadline: r.Deadline.UTC(), Joined: r.JoinedAt.UTC(), Left: r.LeftAt.UTC(), Why: r.Why,
	}
}

// role is what the offer asks somebody to be in the call.
func (r offerRow) role() telephony.Role {
	switch {
	case r.Kind == telephony.OfferConsult, r.Kind == telephony.OfferTransfer:
		return telephony.RoleConsulted
	case r.SeatKind == agent.SeatOperator:
		return telephony.RoleOperator
	}
	return telephony.RoleOfficial
}

func (r offerRow) offer() telephony.Offer {
	return telephony.Offer{
		ID: r.ID, Kind: r.Kind, Group: r.Group, Part: r.Participant, Role: r.role(), Seat: r.Seat, Person: r.Person, Phone: r.Phone, Endpoint: r.Endpoint,
		Misses: r.Misses, State: r.State, Reason: r.Reason, OfferedAt: r.OfferedAt.UTC(), RingingAt: r.RingingAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
		ClosedAt: r.ClosedAt.UTC(),
	}
}

func (r segmentRow) segment() *telephony.Segment {
	return &telephony.Segment{ID: r.ID, Seat: r.Seat, Person: r.Person, BeganAt: r.BeganAt.UTC(), EndedAt: r.EndedAt.UTC(), Why: r.Why}
}

// stamp is a time as Postgres keeps it: it would round what it reads as text, and cuts what it reads in binary.
func stamp(t time.Time) time.Time { return t.Truncate(time.Microsecond) }

// encode writes rows for a statement that takes them all at once.
func encode(rows any) ([]byte, error) {
	b, err := json.Marshal(rows)
	if err != nil {
		return nil, fmt.Errorf("encode rows: %w", err)
	}
	return b, nil
}

// decode reads what a query has aggregated; nothing when it found no rows.
func decode[T any](column []byte) (T, error) {
	var rows T
	if len(column) == 0 {
		return rows, nil
	}
	if err := json.Unmarshal(column, &rows); err != nil {
		return rows, fmt.Errorf("decode rows: %w", err)
	}
	return rows, nil
}

// latest keeps of things that came up more than once the last state, in the order of those.
func latest[T any, K comparable](all []T, key func(T) K) []T {
	last := make(map[K]int, len(all))
	for i, v := range all {
		last[key(v)] = i
	}
	kept := make([]T, 0, len(last))
	for i, v := range all {
		if last[key(v)] == i {
			kept = append(kept, v)
		}
	}
	return kept
}
