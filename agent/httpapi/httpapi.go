// Package httpapi is the hall's door over HTTP: sign-in, seats, telephones, presence. It translates between requests and
// the agent service and decides nothing; what may be done is in agent's table of rights, what follows in its machine.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"

	"hotline/agent"
	"hotline/agent/door"
	"hotline/agent/policy"
)

// Door signs people in and out; agent/auth is it.
type Door interface {
	SignIn(ctx context.Context, loginName, password string) (agent.Identity, []http.Cookie, error)
	SignOut(ctx context.Context) (*http.Cookie, error)
}

// Hall is what pages read; agent/store is it.
type Hall interface {
	SeatViews(ctx context.Context) ([]agent.SeatView, error)
	SeatView(ctx context.Context, seat agent.SeatID) (agent.SeatView, error)
	PlacesOf(ctx context.Context, person agent.PersonID) ([]agent.Sitting, error)
	SittingOf(ctx context.Context, person agent.PersonID) (agent.Sitting, error)
	LiveSession(ctx context.Context) (agent.Session, error)
	Person(ctx context.Context, id agent.PersonID) (agent.Person, error)
}

// Deps is what Register needs.
type Deps struct {
	Service     *agent.Service
	Door        Door
	Hall        Hall
	Position    func(ctx context.Context) (string, error) // of the fact log, for snapshots
	SIPSeats    bool                                      // plain SIP telephones are allowed (demo, load tests)
	SIPNetworks []netip.Prefix                            // where such telephones are; nothing else is dialled
	Log         *slog.Logger
}

type handler struct{ Deps }

// Register adds the operations to the API. The login middleware and idempotency keys are the server's.
func Register(api huma.API, d Deps) {
	h := &handler{d}
	door.Register(api, refusing(op("sign-in", http.MethodPost, "/api/v1/login", "Sign in", "login")), door.Open().As("login.in", "login").Kept(door.Always), h.signIn)
	door.Register(api, empty(op("sign-out", http.MethodPost, "/api/v1/logout", "End the login and its sockets", "login")),
		door.Open().As("login.out", "login").Kept(door.Always), h.signOut)
	door.Register(api, op("me", http.MethodGet, "/api/v1/me", "Who is signed in, and where they sit", "login"), door.Whole(policy.ReadSelf), h.me)
	door.Register(api, op("live-session", http.MethodGet, "/api/v1/session", "The session that takes calls now", "seats"),
		door.Whole(policy.ReadSession), h.session)
	door.Register(api, op("list-seats", http.MethodGet, "/api/v1/seats", "Every seat with its state", "seats"), door.Each(policy.ReadSeats), h.seats)
	door.Register(api, op("get-seat", http.MethodGet, "/api/v1/seats/{seat}", "One seat with its state", "seats"), door.Each(policy.ReadSeats), h.seat)
	door.Register(api, op("take-seat", http.MethodPost, "/api/v1/seats/{seat}/take", "Take a place at a seat", "seats"),
		door.Each(policy.SitOfficial, policy.SitOperator, policy.SitRecorder, policy.SitDeputy, policy.SitRoom, policy.SitSupervisor).As("seat.take", ""), h.take)
	door.Register(api, op("leave-seat", http.MethodPost, "/api/v1/seats/{seat}/sign-out", "Give a place back, after the call if there is one", "seats"),
		door.Each(policy.LeaveSeat), h.leave)
	door.Register(api, op("connect-phone", http.MethodPost, "/api/v1/seats/{seat}/phone", "A fresh telephone account for the page", "seats"),
		door.Each(policy.UsePhone, policy.PhoneBeside).As("seat.phone", ""), h.phone)
	door.Register(api, empty(op("report-device", http.MethodPost, "/api/v1/seats/{seat}/device", "The page's report of its sound", "seats")),
		door.Each(policy.UsePhone), h.device)
	door.Register(api, op("set-intent", http.MethodPost, "/api/v1/seats/{seat}/intent", "Ready, rest or busy", "seats"),
		door.Each(policy.SetIntent), h.intent)
	door.Register(api, op("cancel-pending", http.MethodPost, "/api/v1/seats/{seat}/cancel-pending", "Take a pending intent back", "seats"),
		door.Each(policy.SetIntent), h.cancelPending)
}

func op(id, method, path, summary, tag string) huma.Operation {
	const bodyLimit = 8 << 10
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{tag},
		MaxBodyBytes: bodyLimit,
	}
}

// refusing is the operation that refuses a password.
func refusing(o huma.Operation) huma.Operation {
	o.Errors = []int{http.StatusUnauthorized}
	return o
}

func empty(o huma.Operation) huma.Operation {
	o.DefaultStatus = http.StatusNoContent
	return o
}

type body[T any] struct{ Body T }
