package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"hotline/agent"
	"hotline/agent/audit"
	"hotline/agent/door"
)

// longestPassword bounds the work; policy is a matter of setting a password, not of giving it.
const longestPassword = 512

// Me is who is signed in.
type Me struct {
	Person   Account      `json:"person"`
	Roles    []agent.Role `json:"roles" enum:"official,recorder,operator,supervisor,office,unit,system_admin,security_admin,audit_admin" example:"official"`
	Seat     *Sitting     `json:"seat" doc:"null: nowhere"`
	SIPSeats bool         `json:"sip_seats" example:"false" doc:"Plain SIP telephones are allowed (demo, load tests)"`
}

// Account is a person as they see themselves.
type Account struct {
	ID        string `json:"id" format:"uuid" example:"019ac000-0000-7000-8000-000000000001"`
	LoginName string `json:"login_name" example:"wangwu"`
	Name      string `json:"name" example:"王五"`
	Unit      string `json:"unit" example:"EDU" doc:"Code; empty for people of the hotline itself"`
	UnitName  string `json:"unit_name" example:"省教育厅"`
}

// Sitting is where a person sits.
type Sitting struct {
	ID    string `json:"id" example:"A01"`
	Place string `json:"place" enum:"official,recorder,deputy,room,supervisor" example:"official"`
}

type signInAnswer struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      Me
}

type signInRequest struct {
	LoginName string `json:"login_name" example:"wangwu" doc:"As given by the administrator; case does not matter"`
	Password  string `json:"password" example:"kaihui-anpai-2026"`
}

func (h *handler) signIn(ctx context.Context, in *body[signInRequest]) (*signInAnswer, error) {
	if len(in.Body.Password) > longestPassword || len(in.Body.LoginName) > longestPassword {
		in.Body.LoginName, in.Body.Password = "", "" // as wrong as any other, on the same way
	}
	audit.Name(ctx, loginSubject(in.Body.LoginName), "")
	who, cookies, err := h.Door.SignIn(ctx, in.Body.LoginName, in.Body.Password)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	audit.Name(ctx, "", who.Actor())
	me, err := h.meOf(ctx, who)
	if err != nil {
		return nil, h.problem(ctx, err)
	}
	return &signInAnswer{SetCookie: cookies, Body: me}, nil
}

// loginSubject names whom somebody tries to be. What can be no login name may be a password in the wrong field: it is kept nowhere.
func loginSubject(name string) string {
	if name = strings.ToLower(strings.TrimSpace(name)); !agent.IsLoginName(name) {
		return ""
	}
	return "login:" + name
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
	me, err := h.meOf(ctx, door.Who(ctx))
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
	Number   int       `json:"number" example:"41"`
	UnitName string    `json:"unit_name" example:"省教育厅"`
	Theme    string    `json:"theme" example:"教育"`
	OpensAt  time.Time `json:"opens_at" example:"2026-11-26T00:30:00Z"`
	ClosesAt time.Time `json:"closes_at" example:"2026-11-26T00:30:00Z"`
	State    string    `json:"state" enum:"open,closing,draining" example:"open"`
}

type liveSession struct {
	Session *Session `json:"session" doc:"null: none takes calls"`
}

func (h *handler) session(ctx context.Context, _ *struct{}) (*body[liveSession], error) {
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
