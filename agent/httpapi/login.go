package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"hotline/agent"
)

// longestPassword bounds the work; policy is a matter of setting a password, not of giving it.
const longestPassword = 512

// Me is who is signed in.
type Me struct {
	Person   Account      `json:"person"`
	Roles    []agent.Role `json:"roles" nullable:"false"`
	Seat     *Sitting     `json:"seat" doc:"null: nowhere"`
	SIPSeats bool         `json:"sip_seats" doc:"Plain SIP telephones are allowed (demo, load tests)"`
}

// Account is a person as they see themselves.
type Account struct {
	ID        string `json:"id" format:"uuid"`
	LoginName string `json:"login_name"`
	Name      string `json:"name"`
	Unit      string `json:"unit" doc:"Code; empty for people of the hotline itself"`
	UnitName  string `json:"unit_name"`
}

// Sitting is where a person sits.
type Sitting struct {
	ID    string `json:"id"`
	Place string `json:"place" enum:"official,recorder"`
}

type signInAnswer struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      Me
}

type signInRequest struct {
	LoginName string `json:"login_name" doc:"As given by the administrator; case does not matter"`
	Password  string `json:"password"`
}

func (h *handler) signIn(ctx context.Context, in *body[signInRequest]) (*signInAnswer, error) {
	if len(in.Body.Password) > longestPassword || len(in.Body.LoginName) > longestPassword {
		in.Body.LoginName, in.Body.Password = "", "" // as wrong as any other, on the same way
	}
	who, cookie, err := h.Door.SignIn(ctx, in.Body.LoginName, in.Body.Password)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	me, err := h.meOf(ctx, who)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &signInAnswer{SetCookie: *cookie, Body: me}, nil
}

type signOutAnswer struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

// signOut ends the login only: the seat stays with its person, and is given back by leaving it.
func (h *handler) signOut(ctx context.Context, _ *struct{}) (*signOutAnswer, error) {
	cookie, err := h.Door.SignOut(ctx)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &signOutAnswer{SetCookie: *cookie}, nil
}

func (h *handler) me(ctx context.Context, _ *struct{}) (*body[Me], error) {
	who, err := acting(ctx)
	if err != nil {
		return nil, err
	}
	me, err := h.meOf(ctx, who)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &body[Me]{me}, nil
}

func (h *handler) meOf(ctx context.Context, who agent.Identity) (Me, error) {
	p, err := h.Hall.Person(ctx, who.Person)
	if err != nil {
		return Me{}, err
	}
	me := Me{
		Person:   Account{ID: string(p.ID), LoginName: p.LoginName, Name: p.Name, Unit: p.Unit, UnitName: p.UnitName},
		Roles:    append([]agent.Role{}, p.Roles...),
		SIPSeats: h.SIPSeats,
	}
	sitting, err := h.Hall.SittingOf(ctx, who.Person)
	switch {
	case errors.Is(err, agent.ErrNotFound):
		return me, nil
	case err != nil:
		return Me{}, err
	}
	me.Seat = &Sitting{ID: string(sitting.Seat), Place: string(sitting.Place)}
	return me, nil
}

// Session is the Thursday event (场次).
type Session struct {
	Number   int       `json:"number"`
	UnitName string    `json:"unit_name"`
	Theme    string    `json:"theme"`
	OpensAt  time.Time `json:"opens_at"`
	ClosesAt time.Time `json:"closes_at"`
	State    string    `json:"state" enum:"open,closing,draining"`
}

type liveSession struct {
	Session *Session `json:"session" doc:"null: none takes calls"`
}

func (h *handler) session(ctx context.Context, _ *struct{}) (*body[liveSession], error) {
	if _, err := acting(ctx); err != nil {
		return nil, err
	}
	s, err := h.Hall.LiveSession(ctx)
	switch {
	case errors.Is(err, agent.ErrNotFound):
		return &body[liveSession]{}, nil
	case err != nil:
		return nil, h.problem(ctx, err)
	}
	return &body[liveSession]{liveSession{&Session{
		Number: s.Number, UnitName: s.UnitName, Theme: s.Theme, OpensAt: s.OpensAt, ClosesAt: s.ClosesAt, State: s.State,
	}}}, nil
}
