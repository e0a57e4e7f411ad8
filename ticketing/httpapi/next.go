package httpapi

import (
	"context"
	"errors"
	"net/http"

	"hotline/agent"
	"hotline/agent/door"
	"hotline/agent/problem"
	"hotline/telephony"
	"hotline/ticketing"
)

type nextInput struct {
	Seat string `path:"seat" pattern:"^[A-Z][0-9]{2,3}$" doc:"Short name of the seat" example:"A01"`
	Body struct {
		Call  string `json:"call" format:"uuid" example:"019ac000-0000-7000-8000-000000000001" doc:"Whose wrap-up ends: a word that comes late ends no other one's"`
		Leave bool   `json:"leave,omitempty" example:"false" doc:"True: go on though something is missing; it stays in the draft"`
	}
}

// AtSeat is what is at a seat when a word came too late for it.
type AtSeat struct {
	Call    *string `json:"call" format:"uuid" example:"019ac000-0000-7000-8000-000000000001" doc:"null: no call"`
	State   string  `json:"state" example:"talking" doc:"Of the call; empty: none"`
	Version int64   `json:"version" example:"3" doc:"Of the call; 0: none"`
}

func (h *handler) next(ctx context.Context, in *nextInput) (*struct{}, error) {
	n := ticketing.Next{Seat: agent.SeatID(in.Seat), Call: telephony.CallID(in.Body.Call), Leave: in.Body.Leave}
	err := h.nexter.Next(ctx, door.Who(ctx), n)
	if err == nil {
		return nil, nil //nolint:nilnil // 204
	}
	if late, ok := errors.AsType[*ticketing.LateError](err); ok {
		return nil, door.Moved("version.stale", atSeat(late.Card))
	}
	if open, ok := errors.AsType[*ticketing.UnfinishedError](err); ok {
		return nil, unfinished(open)
	}
	switch {
	case errors.Is(err, ticketing.ErrNotAllowed):
		return nil, problem.New(http.StatusForbidden, "not_allowed", "seat="+in.Seat).Because("seat")
	case errors.Is(err, telephony.ErrNotFound):
		return nil, problem.New(http.StatusNotFound, "not_found").Because("seat")
	case errors.Is(err, telephony.ErrNoDecision), errors.Is(err, telephony.ErrNotMaster):
		return nil, problem.New(http.StatusServiceUnavailable, "hold_only")
	}
	return nil, h.problem(ctx, err)
}

// unfinished names each field as tickets.<id>.<field>.
func unfinished(e *ticketing.UnfinishedError) *problem.Problem {
	p := problem.New(http.StatusUnprocessableEntity, "ticket.unfinished")
	for _, d := range e.Drafts {
		for _, f := range d.Fields {
			p.Errors = append(p.Errors, problem.Field{Location: "tickets." + string(d.Ticket) + "." + f.Field, Code: f.Code})
		}
	}
	return p
}

func atSeat(c *telephony.Card) AtSeat {
	if c == nil {
		return AtSeat{}
	}
	call := string(c.ID)
	return AtSeat{Call: &call, State: string(c.State), Version: c.Version}
}
