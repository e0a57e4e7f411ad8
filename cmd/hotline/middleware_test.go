package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/door"
	"hotline/agent/problem"
	"hotline/cmd/sim/seat"
	"hotline/deploy/migrations/pgtest"
)

// RA7: whoever looks for a panic finds where it was.
func TestPanicIsLoggedWithItsStack(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	h := recovering(slog.New(requestLog{slog.NewJSONHandler(&log, nil)}), http.HandlerFunc(panicky))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/x", nil))
	require.Equal(t, http.StatusInternalServerError, w.Code)
	var p, line map[string]string
	_ = json.Unmarshal(w.Body.Bytes(), &p)
	_ = json.Unmarshal([]byte(log.String()), &line)
	require.Contains(t, line["stack"], ".panicky(")
	require.Equal(t, "/api/v1/x", line["path"])
	require.Equal(t, "urn:hotline:request:"+line["request_id"], p["instance"])
	require.Equal(t, line["request_id"], w.Header().Get("X-Request-Id"))
}

func panicky(http.ResponseWriter, *http.Request) { panic("on purpose") }

// RA7: a command that is remembered can have deadlines like any other.
func TestRememberedCommandHasDeadlines(t *testing.T) {
	t.Parallel()
	var set error
	h := keyed(pgtest.New(t), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		set = http.NewResponseController(w).SetReadDeadline(time.Now().Add(time.Minute))
	}))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(agent.NewContext(r.Context(), agent.Identity{Person: "019be6a4-5c1f-7000-8000-000000000001"})))
	}))
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Idempotency-Key", "k")
	res, err := srv.Client().Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.NoError(t, set)
}

// RA7: huma's own refusals have our types, by the API's own settings and not by a variable of the package.
func TestOwnRefusalsOfTheAPIAreTyped(t *testing.T) {
	t.Parallel()
	mux := &door.Mux{}
	api := newAPI(mux)
	door.Register(api, huma.Operation{OperationID: "fails", Method: http.MethodPost, Path: "/fails"}, door.Open(), func(_ context.Context, in *struct {
		Body struct {
			How string `json:"how"`
		}
	},
	) (*struct{}, error) {
		if in.Body.How == "refused" {
			return nil, problem.New(http.StatusConflict, "offer.closed")
		}
		return nil, errors.New("a secret")
	})
	for body, want := range map[string]map[string]any{
		`{`:                 {"type": "urn:hotline:invalid", "status": 400.0},
		`{"what":1}`:        {"type": "urn:hotline:invalid", "status": 422.0},
		`{"how":"refused"}`: {"type": "urn:hotline:offer.closed", "status": 409.0, "title": "这次来电已经结束或已转给其他席位"},
		`{"how":"broken"}`:  {"type": "urn:hotline:internal", "status": 500.0},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/fails", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		mux.ServeHTTP(w, r)
		require.NotContains(t, w.Body.String(), "secret")
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), body)
		var p map[string]any
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
		for field, value := range want {
			require.Equal(t, value, p[field], "%s of %s: %s", field, body, w.Body)
		}
	}
	require.Empty(t, huma.NewError(http.StatusConflict, "").(*huma.ErrorModel).Type)
}

// A socket's ticket is bound to the network that asked for it, and works from there.
func TestTicketWorksWhereItWasAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c, err := seat.SignIn(t.Context(), b.base, "banzhang", password)
	require.NoError(t, err)
	require.NoError(t, b.hears(t, c, "board").Close())
}
