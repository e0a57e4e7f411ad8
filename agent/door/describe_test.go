package door_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"hotline/agent/door"
	"hotline/agent/door/doortest"
	"hotline/agent/policy"
)

// failing notes what the check finds, in place of failing.
type failing struct {
	testing.TB

	found []string
}

func (*failing) Helper() {}

func (f *failing) Errorf(_ string, args ...any) {
	if err, ok := args[3].(error); ok {
		f.found = append(f.found, err.Error())
	}
}

type thing struct {
	Name  string   `json:"name" enum:"a,b"`
	Other *thing   `json:"other"`
	List  []string `json:"list"`
}

type thingAnswer struct{ Body thing }

// RP4: whatever an answer has other than its description says is found, and so is a refusal that is no problem.
func TestAnswersAreHeldToTheDescription(t *testing.T) {
	t.Parallel()
	m := &door.Mux{}
	api := m.API(door.Config("test", "1"))
	var told thing
	door.Register(api, get("/x"), door.Open(), func(context.Context, *struct{}) (*thingAnswer, error) { return &thingAnswer{told}, nil })
	m.Handle("GET /plain", door.Open(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) }))
	status := 0
	for name, c := range map[string]struct {
		told   thing
		status int
		path   string
		find   string
	}{
		"as described":        {told: thing{Name: "a", Other: &thing{Name: "b", List: []string{}}, List: []string{"x"}}},
		"no word of the enum": {told: thing{Name: "c", List: []string{}}, find: "a"},
		"a list that is null": {told: thing{Name: "a"}, find: "null"},
		"deeper":              {told: thing{Name: "a", Other: &thing{Name: "b"}, List: []string{}}, find: "null"},
		"another status":      {status: http.StatusTeapot, find: "418"},
		"no problem":          {path: "/plain", find: "no problem"},
	} {
		f := &failing{TB: t}
		told, status = c.told, c.status
		h := doortest.Of(t, api).Checked(f, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if status != 0 {
				w.WriteHeader(status)
				return
			}
			m.ServeHTTP(w, r)
		}))
		path := c.path
		if path == "" {
			path = "/x"
		}
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
		if c.find == "" {
			require.Empty(t, f.found, name)
			continue
		}
		require.Len(t, f.found, 1, name)
		require.Contains(t, f.found[0], c.find, name)
	}
}

// RP4: a client of a server in another process holds its answers to the description, and reads them whole.
func TestAClientsAnswersAreHeldToTheDescription(t *testing.T) {
	t.Parallel()
	m := &door.Mux{}
	api := m.API(door.Config("test", "1"))
	door.Register(api, get("/x"), door.Open(), nothing)
	var full atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !full.Load() {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte("short and stout"))
	}))
	defer srv.Close()
	f := &failing{TB: t}
	client := http.Client{Transport: doortest.Of(t, api).Transport(f, srv.Client().Transport)}
	for _, found := range []int{0, 1} {
		res, err := client.Get(srv.URL + "/x")
		require.NoError(t, err)
		said, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Len(t, f.found, found)
		if found > 0 {
			require.Contains(t, f.found[0], "418")
			require.Equal(t, "short and stout", string(said))
		}
		full.Store(true)
	}
}

// RP3, RS16: the HTTP library's own refusals are problems in the reader's language, without what was sent and what went wrong inside.
func TestTheLibrarysRefusalsAreProblems(t *testing.T) {
	t.Parallel()
	m := &door.Mux{}
	api := m.API(door.Config("test", "1"))
	op := huma.Operation{OperationID: "post", Method: http.MethodPost, Path: "/x", MaxBodyBytes: 64}
	door.Register(api, op, door.Open(), func(_ context.Context, in *struct {
		Body struct {
			Age int `json:"age" maximum:"9"`
		}
	},
	) (*struct{}, error) {
		if in.Body.Age == 1 {
			return nil, errors.New("a secret")
		}
		return nil, &huma.ErrorModel{Type: "urn:hotline:offer.closed", Status: http.StatusConflict, Detail: "a secret"}
	})
	for body, want := range map[string][3]any{
		`{"age":`:                        {400.0, "invalid", "JSON 不完整"},
		`{"age":"a secret"}`:             {422.0, "invalid", "应为整数"},
		`{"age":10}`:                     {422.0, "invalid", "不能大于 9"},
		`{"secret":1,"age":1}`:           {422.0, "invalid", "没有这个字段，请去掉"},
		`{"age":1}`:                      {500.0, "internal", nil},
		`{"age":2}`:                      {409.0, "offer.closed", nil},
		strings.Repeat("a secret ", 100): {413.0, "too_large", "最多 64 B"},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/x", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		m.ServeHTTP(w, r)
		var p map[string]any
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
		require.NotContains(t, w.Body.String(), "a secret", body)
		require.Equal(t, want[0], p["status"], body)
		require.Equal(t, want[1], p["code"], body)
		require.Regexp(t, `\p{Han}`, p["title"])
		if want[2] == nil {
			require.NotContains(t, p, "errors", body)
			continue
		}
		require.Equal(t, want[2], p["errors"].([]any)[0].(map[string]any)["message"], w.Body)
	}
}

func TestMethodsOfAnAddress(t *testing.T) {
	t.Parallel()
	m := &door.Mux{}
	api := m.API(door.Config("test", "1"))
	door.Register(api, get("/x/{id}"), door.Whole(policy.ReadSelf), nothing)
	m.Handle("POST /x/{id}", door.Open(), http.NotFoundHandler())
	m.Handle("/", door.Open(), http.NotFoundHandler())
	for path, want := range map[string][]string{"/x/1": {"GET", "POST"}, "/x": nil, "/": nil} {
		require.Equal(t, want, m.Methods(httptest.NewRequestWithContext(t.Context(), http.MethodDelete, path, http.NoBody)), path)
	}
}
