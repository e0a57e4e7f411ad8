package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"hotline/agent"
)

// problem is the one table of errors; the panel translates by code. What is not in it stays inside.
func (h *handler) problem(ctx context.Context, err error) error {
	if field, ok := errors.AsType[*agent.FieldError](err); ok {
		p := problem(http.StatusUnprocessableEntity, "field."+field.Field, field.Error())
		p.Errors = []*huma.ErrorDetail{{Location: "body." + field.Field, Message: field.Mend}}
		return p
	}
	if taken, ok := errors.AsType[*agent.SeatTakenError](err); ok {
		return h.taken(ctx, taken.By)
	}
	if elsewhere, ok := errors.AsType[*agent.PersonElsewhereError](err); ok {
		p := problem(http.StatusConflict, "person.elsewhere", "you have another place; give it back first")
		p.Errors = []*huma.ErrorDetail{{Location: "seat", Message: "the other place", Value: elsewhere.Seat}}
		return p
	}
	for _, known := range []struct {
		err          error
		status       int
		code, detail string
	}{
		{agent.ErrLoginWrong, http.StatusUnauthorized, "login.wrong", "login name or password is wrong"},
		{agent.ErrNotAllowed, http.StatusForbidden, "not_allowed", "this is not yours to do"},
		{agent.ErrNotFound, http.StatusNotFound, "not_found", "there is no such seat"},
		{agent.ErrStale, http.StatusConflict, "version.stale", "the seat has changed since; look again"},
		{agent.ErrDeviceNotOK, http.StatusConflict, "device.not_ok", "the telephone is not ready"},
		{agent.ErrReplaced, http.StatusConflict, "client.replaced", "another page holds the telephone of this seat"},
		{agent.ErrReasonMissing, http.StatusUnprocessableEntity, "reason.missing", "say why"},
		{context.Canceled, http.StatusServiceUnavailable, "unavailable", "the request was given up"},
		{context.DeadlineExceeded, http.StatusServiceUnavailable, "unavailable", "it took too long; try again"},
	} {
		if errors.Is(err, known.err) {
			return problem(known.status, known.code, known.detail)
		}
	}
	h.Log.ErrorContext(ctx, "request failed", slog.Any("err", err))
	return problem(http.StatusInternalServerError, "internal", "something went wrong on our side; try again")
}

// taken names who has the place. It may be the same person on another page: the panel then offers to take over.
func (h *handler) taken(ctx context.Context, by agent.PersonID) error {
	name := string(by)
	if p, err := h.Hall.Person(ctx, by); err == nil {
		name = p.Name
	}
	p := problem(http.StatusConflict, "seat.taken", name)
	p.Errors = []*huma.ErrorDetail{{Location: "person", Message: name, Value: by}}
	return p
}

func problem(status int, code, detail string) *huma.ErrorModel {
	return &huma.ErrorModel{Type: "urn:hotline:" + code, Title: http.StatusText(status), Status: status, Detail: detail}
}
