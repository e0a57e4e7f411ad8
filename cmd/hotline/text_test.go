package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/agent"
	"hotline/agent/door"
)

const marker = "geheim-4711"

// hostile are texts that no operation lets in, as they stand in JSON.
func hostile() map[string]string {
	return map[string]string{
		"NUL": marker + `\u0000`, "no UTF-8": marker + "\xff", "bidi": marker + "\u202e", "escaped bidi": marker + `\u2066`,
		"half a pair": marker + `\ud800`, "control": marker + `\u001b[2J`, "1 MB": marker + strings.Repeat("长", 1<<20/3),
	}
}

// RS16: whatever stands in whichever string of whichever operation, it is refused as the asker's mistake, is not repeated to the asker, and
// neither reaches the database nor the log.
func TestNoInputIsAnError(t *testing.T) {
	t.Parallel()
	var log lockedText
	b := setup(t, func(s *server) {
		s.log = slog.New(slog.NewJSONHandler(&log, nil))
		s.rewire(t)
	})
	cookie := b.signIn(t, "banzhang")
	api := newAPI(&door.Mux{})
	b.srv.register(api)
	tried := 0
	for path, item := range api.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPatch: item.Patch} {
			if op == nil {
				continue
			}
			for name, value := range hostile() {
				for field, body := range bodies(api, op, value) {
					status, said := b.send(t, cookie, method, plausible(path), body)
					require.GreaterOrEqual(t, status, 400, "%s %s %s: %s", method, path, field, name)
					require.Less(t, status, 500, "%s %s %s: %s: %s", method, path, field, name, said)
					require.NotContains(t, said, marker, "%s %s %s: %s", method, path, field, name)
					tried++
				}
			}
			for _, bad := range []string{marker + "%00", marker + "%ff", marker + "%E2%80%AE"} {
				status, said := b.send(t, cookie, method, plausible(path)+"?q="+bad, "")
				require.True(t, status >= 400 && status < 500, "%s %s: %d", method, path, status)
				require.NotContains(t, said, marker)
				if strings.Contains(path, "{") {
					status, _ = b.send(t, cookie, method, path[:strings.Index(path, "{")]+bad, "")
					require.True(t, status >= 400 && status < 500, "%s %s: %d", method, path, status)
				}
				tried++
			}
		}
	}
	require.Greater(t, tried, 150)
	require.NotContains(t, log.String(), marker)
	require.NotContains(t, log.String(), `"level":"ERROR"`)
}

// lockedText is a log that the server writes and the test reads.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (l *lockedText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// rewire makes the routes anew after a setting has changed.
func (s *server) rewire(t *testing.T) {
	t.Helper()
	handler, err := s.routes(s.register)
	require.NoError(t, err)
	s.handler = handler
}

// plausible fills a path in.
func plausible(path string) string {
	return strings.NewReplacer("{seat}", "A01", "{id}", "019be6a4-5c1f-7000-8000-000000000001", "{call}", "019be6a4-5c1f-7000-8000-000000000001").Replace(path)
}

// bodies are an operation's requests, each with the value in another string.
func bodies(api huma.API, op *huma.Operation, value string) map[string]string {
	if op.RequestBody == nil {
		return nil
	}
	schema := op.RequestBody.Content["application/json"].Schema
	if schema.Ref != "" {
		schema = api.OpenAPI().Components.Schemas.SchemaFromRef(schema.Ref)
	}
	whole := map[string]string{}
	for name, p := range schema.Properties {
		switch p.Type {
		case "string":
			whole[name] = `"x"`
			if len(p.Enum) > 0 {
				word, _ := json.Marshal(p.Enum[0])
				whole[name] = string(word)
			}
		case "array":
			whole[name] = "[]"
		case "integer":
			whole[name] = "1"
		case "boolean":
			whole[name] = "true"
		}
	}
	out := map[string]string{}
	for name, p := range schema.Properties {
		with := maps.Clone(whole)
		switch p.Type {
		case "string":
			with[name] = `"` + value + `"`
		case "array":
			with[name] = `["` + value + `"]`
		default:
			continue
		}
		out[name] = object(with)
	}
	return out
}

func object(fields map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		parts = append(parts, `"`+name+`":`+fields[name])
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (b *bundle) send(t *testing.T, cookie *http.Cookie, method, path, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.base+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.AddCookie(cookie)
	var client http.Client
	res, err := client.Do(r)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	said, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(said)
}

// RS16: what JSON lets through means what it says, and Postgres stores it.
func TestPlainJSONProperty(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		data, err := json.Marshal(map[string]any{"a": []string{s}})
		require.NoError(t, err)
		var v struct{ A []string }
		if err := plainJSON().Unmarshal(data, &v); err != nil {
			require.Error(t, agent.CheckText(s), "%q: %v", s, err)
			return
		}
		require.Equal(t, s, v.A[0])
		var stored string
		require.NoError(t, b.db.QueryRow(context.Background(), `SELECT $1::text`, s).Scan(&stored))
		require.Equal(t, s, stored)
	})
}

func TestPlainJSONNamesTheField(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		`{"a":{"b":["x","\u0000"]}}`: "body.a.b[1]: is no plain text", `{"\u202e":1}`: "body: is no plain text", `"\udc00"`: "half a surrogate",
		"{\"a\":\"\xff\"}": "body: is no plain text",
	} {
		var v any
		require.ErrorContains(t, plainJSON().Unmarshal([]byte(data), &v), want)
	}
	var v any
	require.NoError(t, plainJSON().Unmarshal([]byte(`["\ufffd","\ud83d\udc69"]`), &v))
}

// RS16: a command's key is text, too.
func TestIdempotencyKeyIsText(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]int{"fine": http.StatusOK, "bad\xff": http.StatusBadRequest, "\u202e": http.StatusBadRequest} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/"+url.PathEscape("路"), new(bytes.Buffer))
		r.Header.Set("Idempotency-Key", key)
		plain(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		require.Equal(t, want, w.Code, "%q", key)
	}
}

// An id has one spelling: what else the parser of ids knows never comes to an operation.
func TestIDsAreSpeltInOneWay(t *testing.T) {
	t.Parallel()
	const id = "0193bb70-0000-7000-8000-00000000abcd"
	for path, want := range map[string]int{
		"/api/v1/tickets/" + id: http.StatusOK, "/api/v1/tickets/" + strings.ToUpper(id) + "/register": http.StatusBadRequest, "/api/v1/tickets/urn:uuid:" + id: http.StatusBadRequest,
		"/api/v1/tickets/{" + id + "}": http.StatusBadRequest, "/api/v1/tickets/" + strings.ReplaceAll(id, "-", ""): http.StatusBadRequest, "/api/v1/seats/A01": http.StatusOK,
	} {
		w := httptest.NewRecorder()
		plain(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
		require.Equal(t, want, w.Code, path)
	}
}
