package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/calendar"
	"hotline/agent/door"
	"hotline/agent/door/doortest"
	"hotline/telephony"
	"hotline/ticketing"
	"hotline/ticketing/httpapi"
)

var now = time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)

const (
	ticketID = "019ac000-0000-7000-8000-000000000001"
	callID   = "019ac000-0000-7000-8000-000000000002"
)

// shelf is a store with one ticket; Postgres has its own tests.
type shelf struct {
	ticketing.Store

	ticket ticketing.Ticket
	broken error
}

func (s *shelf) Change(_ context.Context, id ticketing.TicketID, decide func(ticketing.Ticket) (ticketing.Change, error)) (ticketing.Ticket, error) {
	if s.broken != nil || id != s.ticket.ID {
		return ticketing.Ticket{}, errors.Join(s.broken, ticketing.ErrNotFound)
	}
	ch, err := decide(s.ticket)
	if err != nil {
		return ticketing.Ticket{}, err
	}
	s.ticket = ch.After
	return ch.After, nil
}

func (s *shelf) Ticket(_ context.Context, id ticketing.TicketID) (ticketing.Ticket, []ticketing.Event, error) {
	if s.broken != nil {
		return ticketing.Ticket{}, nil, s.broken
	}
	if id != s.ticket.ID {
		return ticketing.Ticket{}, nil, ticketing.ErrNotFound
	}
	return s.ticket, []ticketing.Event{{At: now, Actor: "ticketing", What: "opened", Data: map[string]any{"kind": "call"}}}, nil
}

func (s *shelf) OfCall(context.Context, telephony.CallID) ([]ticketing.Ticket, string, error) {
	return []ticketing.Ticket{s.ticket}, "7-9", nil
}

func (s *shelf) Call(context.Context, telephony.CallID) (ticketing.Origin, error) {
	return s.ticket.Origin, nil
}

func (s *shelf) Earlier(context.Context, telephony.CallID, bool) (ticketing.Earlier, error) {
	return ticketing.Earlier{}, nil
}

func (s *shelf) Appeal(_ context.Context, call telephony.CallID, _, _ string, _ time.Time) (ticketing.Ticket, error) {
	if call != s.ticket.Call {
		return ticketing.Ticket{}, ticketing.ErrNotFound
	}
	return s.ticket, nil
}

func (s *shelf) List(_ context.Context, f ticketing.Filter) (ticketing.Page, error) {
	return ticketing.Page{Tickets: []ticketing.Ticket{s.ticket}, Count: 5, More: f.Limit < 5, Last: ticketing.Mark{Place: 7, ID: s.ticket.ID}}, nil
}

func (s *shelf) Units(context.Context) ([]ticketing.Unit, error) {
	return []ticketing.Unit{{Code: "EDU", Name: "省教育厅"}}, s.broken
}

type server struct {
	t *testing.T
	*shelf

	seat    *place
	handler http.Handler
	who     *agent.Identity
	logged  *bytes.Buffer
}

func setup(t *testing.T) *server {
	t.Helper()
	cal, err := calendar.Vendored()
	require.NoError(t, err)
	s := &server{
		t: t, logged: &bytes.Buffer{},
		who: &agent.Identity{Person: "p", Roles: []agent.Role{agent.RoleOperator}},
		shelf: &shelf{ticket: ticketing.Ticket{
			ID: ticketID, Call: callID, Kind: ticketing.KindCall, QueryCode: "ACDEFG", State: ticketing.StateDraft, OpenedAt: now, Version: 1,
			Origin: ticketing.Origin{Masked: "138****5678", ArrivedAt: now, Holders: []agent.PersonID{"p"}},
		}},
	}
	mux := &door.Mux{}
	api := mux.API(door.Config("hotline", "test"))
	service := &ticketing.Service{
		Store: s.shelf, Calendar: func() ticketing.Calendar { return cal }, Rules: ticketing.PlanRules, Now: func() time.Time { return now },
		Random: bytes.NewReader(make([]byte, 64)),
	}
	s.seat = &place{desk: telephony.Desk{Person: "p"}}
	service.Seats = s.seat
	httpapi.Register(api, httpapi.Deps{Service: service, Next: service, Log: slog.New(slog.NewTextHandler(s.logged, nil))})
	s.handler = doortest.Of(t, api).Checked(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.who != nil {
			r = r.WithContext(agent.NewContext(r.Context(), *s.who))
		}
		mux.ServeHTTP(w, r)
	}))
	return s
}

func (s *server) do(method, path, body string) (int, map[string]any) {
	s.t.Helper()
	w := s.send(method, path, body)
	var out map[string]any
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &out), w.Body.String())
	return w.Code, out
}

func (s *server) status(method, path, body string) int {
	s.t.Helper()
	return s.send(method, path, body).Code
}

func (s *server) send(method, path, body string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, bytes.NewBufferString(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Idempotency-Key", uuid.Nil.String())
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func TestDraftToRegistration(t *testing.T) {
	t.Parallel()
	s := setup(t)
	code, out := s.do("POST", "/api/v1/tickets/"+ticketID+"/register", `{"version":1}`)
	require.Equal(t, http.StatusUnprocessableEntity, code)
	require.Equal(t, "urn:hotline:ticket.incomplete", out["type"])
	require.Equal(t, []any{
		map[string]any{"location": "title", "code": "required", "message": "必须填写"},
		map[string]any{"location": "class", "code": "required", "message": "必须填写"},
		map[string]any{"location": "outcome", "code": "required", "message": "必须填写"},
	}, out["errors"])

	code, out = s.do("PATCH", "/api/v1/tickets/"+ticketID, `{"version":1,"title":"学籍","class":"consultation","outcome":"ticket","confidential":true}`)
	require.Equal(t, http.StatusOK, code, out)
	require.InEpsilon(t, 2, out["version"], 0)
	require.Equal(t, true, out["confidential"])
	require.Nil(t, out["number"])
	require.Nil(t, out["promise"])

	code, out = s.do("POST", "/api/v1/tickets/"+ticketID+"/register", `{"version":2}`)
	require.Equal(t, http.StatusOK, code, out)
	require.Equal(t, "registered", out["state"])
	require.Equal(t, map[string]any{"due_at": "2026-12-01T16:00:00Z", "last_day": "2026-12-01", "working_days": 3.0, "provisional": false}, out["promise"])

	code, out = s.do("PATCH", "/api/v1/tickets/"+ticketID, `{"version":3,"title":"改"}`)
	require.Equal(t, http.StatusConflict, code)
	require.Equal(t, "urn:hotline:ticket.not_draft", out["type"])
}

func TestReads(t *testing.T) {
	t.Parallel()
	s := setup(t)
	code, out := s.do("GET", "/api/v1/tickets/"+ticketID, "")
	require.Equal(t, http.StatusOK, code, out)
	require.Equal(t, "138****5678", out["masked"])
	require.Equal(t, "opened", out["history"].([]any)[0].(map[string]any)["what"])
	require.Equal(t, map[string]any{"arrived_at": "2026-11-26T01:00:00Z", "answered_at": nil, "ended_at": nil}, out["call_times"])

	code, out = s.do("GET", "/api/v1/calls/"+callID+"/tickets", "")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, "7-9", out["position"])
	require.Len(t, out["tickets"], 1)

	code, out = s.do("GET", "/api/v1/calls/"+callID+"/pop", "")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, []any{}, out["earlier_calls"])
	require.Equal(t, []any{}, out["open_tickets"])
	require.Nil(t, out["last_ticket"])

	code, out = s.do("GET", "/api/v1/tickets?limit=1&state=draft", "")
	require.Equal(t, http.StatusOK, code)
	require.InEpsilon(t, 5, out["count"], 0)
	require.NotEmpty(t, out["next_cursor"])
	code, out = s.do("GET", "/api/v1/tickets?cursor="+out["next_cursor"].(string), "")
	require.Equal(t, http.StatusOK, code)
	require.Empty(t, out["next_cursor"])

	code, out = s.do("GET", "/api/v1/units", "")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, []any{map[string]any{"code": "EDU", "name": "省教育厅"}}, out["units"])
	code, out = s.do("GET", "/api/v1/promise?class=other", "")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, "2026-12-10", out["last_day"])

	for _, body := range []string{"", "{}"} {
		code, out = s.do("POST", "/api/v1/calls/"+callID+"/appeals", body)
		require.Equal(t, http.StatusOK, code, out)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	path := "/api/v1/tickets/" + ticketID
	for name, c := range map[string]struct {
		method, path, body string
		code               int
		problem            string
		location           string
	}{
		"stale":           {"PATCH", path, `{"version":9,"title":"x"}`, 409, "urn:hotline:version.stale", ""},
		"unknown outcome": {"PATCH", path, `{"version":1,"outcome":"won"}`, 422, "urn:hotline:invalid", "body.outcome"},
		"too long":        {"PATCH", path, `{"version":1,"contact_name":"` + string(bytes.Repeat([]byte("x"), 101)) + `"}`, 422, "urn:hotline:ticket.incomplete", "contact_name"},
		"nul":             {"PATCH", path, `{"version":1,"content":"\u0000"}`, 422, "urn:hotline:ticket.incomplete", "content"},
		"unknown field":   {"PATCH", path, `{"version":1,"number":"1"}`, 422, "", "body.number"},
		"unknown class":   {"PATCH", path, `{"version":1,"class":"vip"}`, 422, "", "body.class"},
		"no version":      {"PATCH", path, `{"title":"x"}`, 422, "", "body"},
		"malformed":       {"PATCH", path, `{"version":`, 400, "", "body"},
		"no such ticket":  {"GET", "/api/v1/tickets/" + callID, "", 404, "urn:hotline:not_found", ""},
		"no id":           {"GET", "/api/v1/tickets/1", "", 422, "", "path.id"},
		"bad cursor":      {"GET", "/api/v1/tickets?cursor=x", "", 422, "urn:hotline:ticket.incomplete", "cursor"},
		"unknown state":   {"GET", "/api/v1/tickets?state=lost", "", 422, "urn:hotline:invalid", "query.state"},
		"unknown due":     {"GET", "/api/v1/tickets?due=soon", "", 422, "urn:hotline:invalid", "query.due"},
		"bad unit":        {"GET", "/api/v1/tickets?unit=E%00U", "", 422, "urn:hotline:ticket.incomplete", "unit"},
		"unknown filter":  {"GET", "/api/v1/tickets?colour=red", "", 422, "", "query.colour"},
		"no class":        {"GET", "/api/v1/promise", "", 422, "", "query.class"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out := setup(t).do(c.method, c.path, c.body)
			require.Equal(t, c.code, code, out)
			if c.problem != "" {
				require.Equal(t, c.problem, out["type"])
			}
			if c.location != "" {
				require.Equal(t, c.location, out["errors"].([]any)[0].(map[string]any)["location"], out)
			}
		})
	}
}

func TestWhoMayNot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		who  *agent.Identity
		code int
		kind string
	}{
		"nobody":        {nil, 401, "urn:hotline:login.required"},
		"administrator": {&agent.Identity{Person: "p", Roles: []agent.Role{agent.RoleSecurityAdmin}}, 403, "urn:hotline:not_allowed"},
		"other seat":    {&agent.Identity{Person: "q", Roles: []agent.Role{agent.RoleOfficial}}, 404, "urn:hotline:not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			s.who = c.who
			for _, call := range [][3]string{
				{"GET", "/api/v1/tickets/" + ticketID, ""},
				{"PATCH", "/api/v1/tickets/" + ticketID, `{"version":1,"title":"x"}`},
				{"POST", "/api/v1/tickets/" + ticketID + "/register", `{"version":1}`},
				{"GET", "/api/v1/calls/" + callID + "/pop", ""},
				{"GET", "/api/v1/calls/" + callID + "/tickets", ""},
				{"POST", "/api/v1/calls/" + callID + "/appeals", ""},
			} {
				code, out := s.do(call[0], call[1], call[2])
				require.Equal(t, c.code, code, call)
				require.Equal(t, c.kind, out["type"], call)
			}
		})
	}
}

// RU7: while the citizen is on the line the draft is the call's people's, whatever else somebody's right is; the answer says so.
func TestLiveDraftsAreTheCallsPeoples(t *testing.T) {
	t.Parallel()
	s := setup(t)
	acts := [][3]string{
		{"PATCH", "/api/v1/tickets/" + ticketID, `{"version":1,"title":"学籍","class":"consultation","outcome":"ticket"}`},
		{"POST", "/api/v1/calls/" + callID + "/appeals", ""},
		{"POST", "/api/v1/tickets/" + ticketID + "/register", `{"version":2}`},
	}
	may := func(roles ...agent.Role) bool {
		t.Helper()
		s.who = &agent.Identity{Person: "q", Roles: roles}
		code, out := s.do("GET", "/api/v1/tickets/"+ticketID, "")
		require.Equal(t, http.StatusOK, code)
		return out["writable"].(bool)
	}
	for _, role := range []agent.Role{agent.RoleOffice, agent.RoleOperator, agent.RoleSupervisor} {
		require.False(t, may(role))
		for _, act := range acts {
			code, out := s.do(act[0], act[1], act[2])
			require.Equal(t, http.StatusConflict, code, "%s %v", role, act)
			require.Equal(t, "urn:hotline:ticket.live", out["type"])
		}
	}
	s.ticket.Origin.EndedAt = now
	require.True(t, may(agent.RoleOffice))
	for _, act := range acts {
		code, out := s.do(act[0], act[1], act[2])
		require.Equal(t, http.StatusOK, code, out)
	}
	require.False(t, may(agent.RoleOffice), "registered")
}

func TestUnitReadsButDoesNotWrite(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.ticket.State, s.ticket.Units = ticketing.StateRegistered, []string{"EDU"}
	s.who = &agent.Identity{Person: "p", Unit: "EDU", Roles: []agent.Role{agent.RoleUnit}}
	code, _ := s.do("GET", "/api/v1/tickets/"+ticketID, "")
	require.Equal(t, http.StatusOK, code)
	code, out := s.do("PATCH", "/api/v1/tickets/"+ticketID, `{"version":1,"title":"x"}`)
	require.Equal(t, http.StatusForbidden, code)
	require.Equal(t, "urn:hotline:not_allowed", out["type"])
}

func TestFailureStaysInside(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.broken = errors.New("relation ticket does not exist")
	code, out := s.do("GET", "/api/v1/tickets/"+ticketID, "")
	require.Equal(t, http.StatusInternalServerError, code)
	require.NotContains(t, out["detail"], "relation")
	require.Contains(t, s.logged.String(), "relation ticket")
}
