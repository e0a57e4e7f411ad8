package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// spec is what the tests look at of the description.
type spec struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas         map[string]schema `json:"schemas"`
		SecuritySchemes map[string]any    `json:"securitySchemes"`
	} `json:"components"`
}

type operation struct {
	OperationID string              `json:"operationId"`
	Summary     string              `json:"summary"`
	Tags        []string            `json:"tags"`
	Security    []map[string]any    `json:"security"`
	Parameters  []map[string]any    `json:"parameters"`
	Responses   map[string]response `json:"responses"`
}

type response struct {
	Headers map[string]any `json:"headers"`
	Content map[string]any `json:"content"`
}

type schema struct {
	Type       any               `json:"type"`
	Ref        string            `json:"$ref"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
	Items      *schema           `json:"items"`
	AnyOf      []schema          `json:"anyOf"`
	Enum       []any             `json:"enum"`
	Examples   []any             `json:"examples"`
}

func readSpec(t *testing.T) spec {
	t.Helper()
	code, printed := command(t, nil, "openapi")
	require.Zero(t, code)
	require.NotContains(t, printed, `"nullable"`, "null is a type (RP1)")
	var doc spec
	require.NoError(t, json.Unmarshal([]byte(printed), &doc))
	return doc
}

// RP1, RP2: one rule of null, and an example of everything.
func TestSchemasSayWhatTheyMean(t *testing.T) {
	t.Parallel()
	for name, s := range readSpec(t).Components.Schemas {
		require.Equal(t, "object", s.Type, "%s: null is said where it is told, not by the type of what is there", name)
		for field, p := range s.Properties {
			at := name + "." + field
			nullable := slices.ContainsFunc(p.AnyOf, func(s schema) bool { return s.Type == "null" })
			if types, several := p.Type.([]any); several {
				nullable = slices.Contains(types, any("null"))
			}
			require.False(t, nullable && !slices.Contains(s.Required, field), "%s: null or left out, not both", at)
			require.False(t, p.Items != nil && nullable, "%s: a list that is empty is no null", at)
			require.True(t, len(p.Enum) == 0 || !nullable || slices.Contains(p.Enum, nil), "%s: null and an enum without it", at)
			refers := p.Ref != "" || len(p.AnyOf) > 0 || p.Items != nil && p.Items.Ref != ""
			require.True(t, refers || len(p.Examples) > 0, "%s has no example", at)
		}
	}
}

// RP2: every operation says who may use it and how it refuses.
func TestOperationsSayHowTheyRefuse(t *testing.T) {
	t.Parallel()
	doc := readSpec(t)
	require.Contains(t, doc.Components.SecuritySchemes, "login")
	for path, methods := range doc.Paths {
		for method, op := range methods {
			at := strings.ToUpper(method) + " " + path
			require.Regexp(t, `^[a-z]+(-[a-z]+)*$`, op.OperationID, at)
			require.NotEmpty(t, op.Summary, at)
			require.NotEmpty(t, op.Tags, at)
			require.NotContains(t, op.Responses, "default", at)
			want := []string{"400", "422", "429", "431", "500", "503"}
			if len(op.Security) > 0 {
				want = append(want, "401", "403")
			}
			if strings.Contains(path, "{") {
				want = append(want, "404")
			}
			if method != "get" {
				want = append(want, "403", "408", "413", "415")
			}
			if method == "post" && len(op.Security) > 0 {
				want = append(want, "409")
				require.True(t, slices.ContainsFunc(op.Parameters, func(p map[string]any) bool { return p["name"] == "Idempotency-Key" }), at)
			}
			for _, status := range want {
				require.Contains(t, op.Responses, status, at)
			}
			for status, r := range op.Responses {
				if status >= "400" {
					require.Contains(t, r.Content, "application/problem+json", at)
				}
				if status == "429" || status == "503" {
					require.Contains(t, r.Headers, "Retry-After", at)
				}
			}
		}
	}
}

// RP2: what no operation answers is a problem as well, in the reader's language.
func TestWhatIsNoOperationIsAProblem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range []struct {
		method, path, language, allow, code, title string
		status                                     int
		headers                                    []string
	}{
		{method: http.MethodDelete, path: "/api/v1/tickets", status: 405, allow: "GET", code: "method", title: "这个地址不支持该方法"},
		{method: http.MethodGet, path: "/api/v1/login", language: "en", status: 405, allow: "POST", code: "method", title: "This address does not take that method"},
		{method: http.MethodPut, path: "/api/v1/tickets/x", status: 405, allow: "GET, PATCH", code: "method", title: "这个地址不支持该方法"},
		{method: http.MethodGet, path: "/api/v1/nothing", status: 404, code: "not_found", title: "没有这个地址"},
		{method: http.MethodGet, path: "/api/v1/promise?class=other&class=other", status: 400, code: "invalid", title: "提交的内容有误"},
		{method: http.MethodGet, path: "/api/v1/tickets/019BE6A4-5C1F-7000-8000-000000000001", status: 400, code: "invalid", title: "提交的内容有误"},
		{method: http.MethodGet, path: "/ws", status: 401, code: "socket.ticket", title: "推送连接已经失效"},
		{method: http.MethodPost, path: "/api/v1/logout", status: 403, code: "origin", title: "请求来自其他网站", headers: []string{"Sec-Fetch-Site", "cross-site"}},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, b.base+c.path, http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Accept-Language", c.language)
		for i := 0; i < len(c.headers); i += 2 {
			req.Header.Set(c.headers[i], c.headers[i+1])
		}
		res, err := http.DefaultClient.Do(req) //nolint:forbidigo // a test's own request
		require.NoError(t, err)
		var p map[string]any
		require.NoError(t, json.NewDecoder(res.Body).Decode(&p), c.path)
		require.NoError(t, res.Body.Close())
		require.Equal(t, c.status, res.StatusCode, c.path)
		require.Equal(t, c.allow, res.Header.Get("Allow"), c.path)
		require.Equal(t, c.code, p["code"], c.path)
		require.Equal(t, c.title, p["title"], c.path)
		require.Equal(t, "urn:hotline:request:"+res.Header.Get("X-Request-Id"), p["instance"], c.path)
	}
}
