package door_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/door"
	"hotline/agent/policy"
)

func nothing(context.Context, *struct{}) (*struct{}, error) { return &struct{}{}, nil }

// quiet is an API without pages of its own, which have no rule either.
func quiet() huma.Config {
	cfg := huma.DefaultConfig("test", "1")
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	return cfg
}

func get(path string) huma.Operation {
	return huma.Operation{OperationID: path, Method: http.MethodGet, Path: path}
}

// RG3: what has declared no action is not served, and is named.
func TestWhatDeclaresNoActionIsNotServed(t *testing.T) {
	t.Parallel()
	for name, register := range map[string]func(*door.Mux, huma.API){
		"an operation past the door":         func(_ *door.Mux, api huma.API) { huma.Register(api, get("/x"), nothing) },
		"an operation without a rule":        func(_ *door.Mux, api huma.API) { door.Register(api, get("/x"), door.Rule{}, nothing) },
		"an operation without an action":     func(_ *door.Mux, api huma.API) { door.Register(api, get("/x"), door.Each(), nothing) },
		"an action that is not in the table": func(_ *door.Mux, api huma.API) { door.Register(api, get("/x"), door.Whole(255), nothing) },
		"several actions without a name": func(_ *door.Mux, api huma.API) {
			door.Register(api, get("/x"), door.Each(policy.ReadSelf, policy.ReadBoard), nothing)
		},
		"a hidden operation": func(_ *door.Mux, api huma.API) {
			op := get("/x")
			op.Hidden = true
			huma.Register(api, op, nothing)
		},
		"a socket": func(m *door.Mux, _ huma.API) { m.Handle("GET /x", door.Rule{}, http.NotFoundHandler()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &door.Mux{}
			api := m.API(quiet())
			door.Register(api, get("/fine"), door.Open(), nothing)
			require.NoError(t, m.Err())
			register(m, api)
			require.ErrorContains(t, m.Err(), "GET /x")
			require.NotContains(t, m.Err().Error(), "/fine")
			w := httptest.NewRecorder()
			ctx := agent.NewContext(t.Context(), agent.Identity{Person: "p", Roles: []agent.Role{agent.RoleSupervisor}})
			m.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/x", http.NoBody))
			require.Equal(t, http.StatusNotFound, w.Code)
		})
	}
}

// Who comes in: o nobody signed in, then an official, a supervisor and an audit administrator.
func TestWhoComesIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule door.Rule
		want [4]int
	}{
		"open":                      {door.Open(), [4]int{204, 204, 204, 204}},
		"the whole right":           {door.Whole(policy.ReadDesk), [4]int{401, 403, 204, 403}},
		"any scope":                 {door.Each(policy.ReadDesk), [4]int{401, 204, 204, 403}},
		"any of several":            {door.Each(policy.SitOfficial, policy.SitOperator).As("seat.sit", ""), [4]int{401, 204, 204, 403}},
		"no scope at all":           {door.Each(policy.SitRecorder), [4]int{401, 403, 204, 403}},
		"everybody who is somebody": {door.Whole(policy.ReadSelf), [4]int{401, 204, 204, 204}},
	} {
		m := &door.Mux{}
		door.Register(m.API(quiet()), get("/api"), c.rule, nothing)
		m.Handle("GET /socket", c.rule, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
		require.NoError(t, m.Err())
		for i, who := range []agent.Role{"", agent.RoleOfficial, agent.RoleSupervisor, agent.RoleAuditAdmin} {
			for _, path := range []string{"/api", "/socket"} {
				ctx := t.Context()
				if who != "" {
					ctx = agent.NewContext(ctx, agent.Identity{Person: "p", Roles: []agent.Role{who}})
				}
				w := httptest.NewRecorder()
				m.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody))
				require.Equal(t, c.want[i], w.Code, "%s: %q at %s", name, who, path)
				if w.Code < 400 {
					continue
				}
				var p huma.ErrorModel
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
				require.Equal(t, map[int]string{401: "urn:hotline:login.required", 403: "urn:hotline:not_allowed"}[w.Code], p.Type)
				require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			}
		}
	}
}

// What a door is called in the audit trail, and what it is about, stands in its declaration and its path.
func TestWhatTheTrailSees(t *testing.T) {
	t.Parallel()
	for path, c := range map[string]struct {
		rule door.Rule
		want door.Watched
	}{
		"/api/v1/tickets/{id}/register": {door.Each(policy.WriteTickets), door.Watched{Action: "tickets.write", Kind: "ticket", Param: "id", Hides: true}},
		"/api/v1/tickets":               {door.Each(policy.ReadTickets).Kept(door.Often), door.Watched{Action: "tickets.read", Kind: "tickets", Kept: door.Often}},
		"/api/v1/seats/{seat}/take": {
			door.Each(policy.SitOfficial, policy.SitRecorder).As("seat.take", ""), door.Watched{Action: "seat.take", Kind: "seat", Param: "seat", Hides: true},
		},
		"/api/v1/logout": {door.Open().As("login.out", "login").Kept(door.Always), door.Watched{Action: "login.out", Kind: "login", Kept: door.Always}},
	} {
		m := &door.Mux{}
		door.Register(m.API(quiet()), get(path), c.rule, nothing)
		m.Handle("POST "+path, c.rule, http.NotFoundHandler())
		m.Handle("GET /page", door.Open(), http.NotFoundHandler())
		for _, method := range []string{"GET ", "POST "} {
			got, ok := m.Watched(method + path)
			require.True(t, ok)
			require.Equal(t, c.want, got)
		}
		_, ok := m.Watched("GET /page")
		require.False(t, ok, "a page is nobody's act")
	}
}
