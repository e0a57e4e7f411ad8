package ticketing

import (
	"context"
	"errors"
	"strings"

	"hotline/agent"
	"hotline/agent/policy"
	"hotline/telephony"
)

// Seats is telephony's part when somebody asks for the next caller.
type Seats interface {
	// SeatPeople reads who sits at a seat, without a card. telephony.ErrNotFound.
	SeatPeople(ctx context.Context, seat agent.SeatID) (telephony.Desk, error)
	// Desk reads the seat with the card of its call. telephony.ErrNotFound.
	Desk(ctx context.Context, seat agent.SeatID) (telephony.Desk, error)
	// FinishWrapUp ends the seat's wrap-up of that call. telephony.ErrStale: it is in none; ErrNotFound, ErrNoDecision, ErrNotMaster.
	FinishWrapUp(ctx context.Context, seat agent.SeatID, call telephony.CallID, actor string) error
}

// Next is somebody's word for the next caller (请接下一位).
type Next struct {
	Seat  agent.SeatID
	Call  telephony.CallID // whose wrap-up ends, as they saw it: a word that comes late ends no other one's (RC4)
	Leave bool             // though something is missing: it stays in the draft (RU11)
}

// Unfinished is a draft that somebody is about to leave, and what it lacks.
type Unfinished struct {
	Ticket TicketID
	Fields []FieldError // required; or state unregistered, when nothing else is missing
}

// UnfinishedError says which drafts of the call are neither registered nor closed.
type UnfinishedError struct{ Drafts []Unfinished }

// Error names the fields.
func (e *UnfinishedError) Error() string {
	var all []string
	for _, d := range e.Drafts {
		all = append(all, string(d.Ticket)+": "+(&InvalidError{d.Fields}).Error())
	}
	return strings.Join(all, "; ")
}

// LateError is telephony's refusal of a word that came too late, with what is at the seat now.
type LateError struct {
	Why  error           // telephony.ErrStale
	Card *telephony.Card // nil: no call
}

// Error is that of the refusal.
func (e *LateError) Error() string { return e.Why.Error() }

// Unwrap gives the refusal.
func (e *LateError) Unwrap() error { return e.Why }

// Next ends the wrap-up of a seat for its people and supervisors, once nothing is missing in the call's drafts, or they leave it so.
// ErrNotAllowed, *UnfinishedError, *LateError, and telephony's errors.
func (s *Service) Next(ctx context.Context, who agent.Identity, n Next) error {
	desk, err := s.Seats.SeatPeople(ctx, n.Seat)
	if err != nil {
		return err
	}
	if !who.Can(policy.NextCaller, policy.Resource{Own: desk.Sits(who)}) {
		return ErrNotAllowed
	}
	if !n.Leave {
		drafts, err := s.Store.Drafts(ctx, n.Call)
		if err != nil {
			return err
		}
		if open := unfinished(drafts); len(open) > 0 {
			now, err := s.Seats.Desk(ctx, n.Seat)
			switch {
			case err != nil:
				return err
			case now.Card == nil || now.Card.ID != n.Call: // what it lacks is no matter of this seat's any more
				return &LateError{telephony.ErrStale, now.Card}
			}
			return &UnfinishedError{open}
		}
	}
	err = s.Seats.FinishWrapUp(ctx, n.Seat, n.Call, who.Actor())
	if errors.Is(err, telephony.ErrStale) {
		now, readErr := s.Seats.Desk(ctx, n.Seat)
		if readErr != nil {
			return readErr
		}
		return &LateError{err, now.Card}
	}
	return err
}

func unfinished(drafts []Ticket) []Unfinished {
	open := make([]Unfinished, len(drafts))
	for i, t := range drafts {
		open[i] = Unfinished{t.ID, missing(t)}
		if len(open[i].Fields) == 0 {
			open[i].Fields = []FieldError{{"state", "unregistered"}}
		}
	}
	return open
}
