// Package httpapi is the hall's door over HTTP: sign-in, seats, telephones, presence. It translates between requests and
// the agent service and decides nothing; what may be done is in agent's table of rights, what follows in its machine.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"hotline/agent"
)

// Door signs people in and out; agent/auth is it.
type Door interface {
	SignIn(ctx context.Context, loginName, password string) (agent.Identity, *http.Cookie, error)
	SignOut(ctx context.Context) (*http.Cookie, error)
}

// Hall is what pages read; agent/store is it.
type Hall interface {
	SeatViews(ctx context.Context) ([]agent.SeatView, error)
	SeatView(ctx context.Context, seat agent.SeatID) (agent.SeatView, error)
	SittingOf(ctx context.Context, person agent.PersonID) (agent.Sitting, error)
	LiveSession(ctx context.Context) (agent.Session, error)
	Person(ctx context.Context, id agent.PersonID) (agent.Person, error)
}

// Deps is what Register needs.
type Deps struct {
	Service  *agent.Service
	Door     Door
	Hall     Hall
	Position func(ctx context.Context) (string, error) // of the fact log, for snapshots
	SIPSeats bool                                      // plain SIP telephones are allowed (demo, load tests)
	Log      *slog.Logger
}

type handler struct{ Deps }

// Register adds the operations to the API. The login middleware and idempotency keys are the server's.
func Register(api huma.API, d Deps) {
	h := &handler{d}
	huma.Register(api, public(op("sign-in", http.MethodPost, "/api/login", "Sign in", "login")), h.signIn)
	huma.Register(api, public(op("sign-out", http.MethodPost, "/api/logout", "End the login and its sockets", "login")), h.signOut)
	huma.Register(api, op("me", http.MethodGet, "/api/me", "Who is signed in, and where they sit", "login"), h.me)
	huma.Register(api, op("live-session", http.MethodGet, "/api/session", "The session that takes calls now", "seats"), h.session)
	huma.Register(api, op("list-seats", http.MethodGet, "/api/seats", "Every seat with its state", "seats"), h.seats)
	huma.Register(api, op("get-seat", http.MethodGet, "/api/seats/{seat}", "One seat with its state", "seats"), h.seat)
	huma.Register(api, op("take-seat", http.MethodPost, "/api/seats/{seat}/take", "Take a place at a seat", "seats"), h.take)
	huma.Register(api, op("leave-seat", http.MethodPost, "/api/seats/{seat}/sign-out", "Give a place back, after the call if there is one", "seats"), h.leave)
	huma.Register(api, op("connect-phone", http.MethodPost, "/api/seats/{seat}/phone", "A fresh telephone account for the page", "seats"), h.phone)
	huma.Register(api, empty(op("report-device", http.MethodPost, "/api/seats/{seat}/device", "The page's report of its sound", "seats")), h.device)
	huma.Register(api, op("set-intent", http.MethodPost, "/api/seats/{seat}/intent", "Ready, rest or busy", "seats"), h.intent)
	huma.Register(api, op("cancel-pending", http.MethodPost, "/api/seats/{seat}/cancel-pending", "Take a pending intent back", "seats"), h.cancelPending)
}

func op(id, method, path, summary, tag string) huma.Operation {
	const bodyLimit = 8 << 10
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{tag},
		MaxBodyBytes: bodyLimit, RejectUnknownQueryParameters: true,
		Errors: []int{
			http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity,
		},
	}
}

func public(o huma.Operation) huma.Operation {
	o.Errors = []int{http.StatusUnauthorized, http.StatusUnprocessableEntity}
	if o.Path == "/api/logout" {
		o.DefaultStatus = http.StatusNoContent
	}
	return o
}

func empty(o huma.Operation) huma.Operation {
	o.DefaultStatus = http.StatusNoContent
	return o
}

type body[T any] struct{ Body T }

// acting is who is signed in, if that person may do it.
func acting(ctx context.Context, actions ...agent.Action) (agent.Identity, error) {
	who, ok := agent.FromContext(ctx)
	if !ok {
		return who, problem(http.StatusUnauthorized, "login.required", "sign in first")
	}
	for _, a := range actions {
		if !who.May(a) {
			return who, problem(http.StatusForbidden, "not_allowed", "this is not yours to do")
		}
	}
	return who, nil
}
