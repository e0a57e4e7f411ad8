package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"hotline/agent"
	"hotline/agent/door"
	"hotline/agent/problem"
)

// problem is the one table of errors; the panel translates by code. What is not in it stays inside.
func (h *handler) problem(ctx context.Context, err error) error {
	if p := door.Command(err); p != nil {
		return p
	}
	if field, ok := errors.AsType[*agent.FieldError](err); ok {
		return problem.New(http.StatusUnprocessableEntity, "field."+field.Field).With(problem.Field{Location: "body." + field.Field, Message: field.Mend})
	}
	if taken, ok := errors.AsType[*agent.SeatTakenError](err); ok {
		return h.taken(ctx, taken.By)
	}
	if elsewhere, ok := errors.AsType[*agent.PersonElsewhereError](err); ok {
		return problem.New(http.StatusConflict, "person.elsewhere", "seat="+string(elsewhere.Seat)).With(problem.Field{Location: "seat", Message: string(elsewhere.Seat), Value: string(elsewhere.Seat)})
	}
	if many, ok := errors.AsType[*agent.TooManyError](err); ok {
		return problem.New(http.StatusTooManyRequests, "too_many").After(many.After)
	}
	for _, known := range []struct {
		err error
		no  *problem.Problem
	}{
		{agent.ErrLoginWrong, problem.New(http.StatusUnauthorized, "login.wrong")},
		{agent.ErrNotAllowed, problem.New(http.StatusForbidden, "not_allowed")},
		{agent.ErrNotAssigned, problem.New(http.StatusForbidden, "seat.not_assigned")},
		{agent.ErrNotFound, problem.New(http.StatusNotFound, "not_found").Because("seat")},
		{agent.ErrStale, problem.New(http.StatusConflict, "version.stale")},
		{agent.ErrDeviceNotOK, problem.New(http.StatusConflict, "device.not_ok")},
		{agent.ErrReplaced, problem.New(http.StatusConflict, "client.replaced")},
		{agent.ErrReasonMissing, problem.New(http.StatusUnprocessableEntity, "reason.missing").With(problem.Field{Location: "body.reason", Code: "required"})},
	} {
		if errors.Is(err, known.err) {
			return known.no
		}
	}
	h.Log.ErrorContext(ctx, "request failed", slog.Any("err", err))
	return problem.New(http.StatusInternalServerError, "internal")
}

// taken names who has the place. It may be the same person on another page: the panel then offers to take over.
func (h *handler) taken(ctx context.Context, by agent.PersonID) error {
	name := string(by)
	if p, err := h.Hall.Person(ctx, by); err == nil {
		name = p.Name
	}
	return problem.New(http.StatusConflict, "seat.taken", "name="+name).With(problem.Field{Location: "person", Message: name, Value: string(by)})
}
