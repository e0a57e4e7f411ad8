package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/door"
	"hotline/agent/door/doortest"
	"hotline/agent/problem"
	"hotline/deploy/migrations/pgtest"
)

// RS10: whoever sends a body and never ends it is cut, whoever reads it: an operation, with an idempotency key and without one, or nobody.
func TestSlowBodyIsCut(t *testing.T) {
	t.Parallel()
	mux := &door.Mux{}
	api := newAPI(mux)
	door.Register(api, huma.Operation{OperationID: "reads", Method: http.MethodPost, Path: "/reads", BodyReadTimeout: 50 * time.Millisecond}, door.Open(),
		func(context.Context, *struct{ Body struct{} }) (*struct{}, error) { return &struct{}{}, nil })
	mux.Handle("POST /copies", door.Open(), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	mux.Handle("POST /ignores", door.Open(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	commands := keyed(pgtest.New(t), mux)
	signedIn := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		commands.ServeHTTP(w, r.WithContext(agent.NewContext(r.Context(), agent.Identity{Person: "019be6a4-5c1f-7000-8000-000000000001"})))
	})
	short := patience{header: time.Minute, body: 100 * time.Millisecond, answer: time.Minute, idle: time.Minute}
	only := patience{header: time.Minute, idle: time.Minute} // the operation's own patience must do
	for _, c := range []struct {
		path, key string
		patience
	}{
		{"/reads", "", only},
		{"/reads", "Idempotency-Key: a\r\n", only},
		{"/copies", "", short},
		{"/copies", "Idempotency-Key: b\r\n", short},
		{"/ignores", "", short},
		{"/ignores", "Idempotency-Key: c\r\n", short},
	} {
		t.Run(c.path+c.key, func(t *testing.T) {
			t.Parallel()
			conn := c.serve(t, signedIn)
			_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%sContent-Length: 100\r\n\r\n{", c.path, c.key)
			require.NoError(t, err)
			requireCut(t, conn)
		})
	}
}

// RP2, RS10: who sends a body a byte at a time is told by a problem how long it may take, however alive the connection is, and is cut.
func TestDribbledBodyIsToldAndCut(t *testing.T) {
	t.Parallel()
	mux := &door.Mux{}
	api := newAPI(mux)
	door.Register(api, huma.Operation{OperationID: "reads", Method: http.MethodPost, Path: "/reads", BodyReadTimeout: 200 * time.Millisecond}, door.Open(),
		func(context.Context, *struct{ Body struct{} }) (*struct{}, error) { return &struct{}{}, nil })
	conn := patience{header: time.Minute, idle: time.Minute}.serve(t, doortest.API(t, api).Adapter())
	_, err := io.WriteString(conn, "POST /reads HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{")
	require.NoError(t, err)
	go func() {
		for range time.Tick(5 * time.Millisecond) {
			if _, err := io.WriteString(conn, " "); err != nil {
				return
			}
		}
	}()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	var p problem.Problem
	require.NoError(t, json.NewDecoder(res.Body).Decode(&p))
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusRequestTimeout, res.StatusCode)
	require.Equal(t, []string{"slow", "请求发送得太慢", "须在 0.2 秒内发完；请检查网络后再试。"}, []string{p.Code, p.Title, p.Detail})
	requireCut(t, conn)
}

// F13: a database that takes a question and does not answer is told as 503 in time, by a read and by a command, and does nothing later.
func TestSilentDatabaseIsTold(t *testing.T) {
	t.Parallel()
	const patience = 300 * time.Millisecond
	var short http.Handler
	b := setup(t, func(s *server) {
		s.patience = patience
		h, err := s.routes(s.register)
		require.NoError(t, err)
		short = described(t).Checked(t, h)
	})
	login := b.signIn(t, "banzhang")
	ask := func(method, path, body string) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.AddCookie(login)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		short.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	const reading, acting = "/api/v1/tickets", "/api/v1/seats/A01/intent"
	code, _ := ask(http.MethodGet, reading, "")
	require.Equal(t, http.StatusOK, code)
	tx, err := b.db.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `LOCK TABLE ticket, seat IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	for _, q := range [][]string{{http.MethodGet, reading, ""}, {http.MethodPost, acting, `{"intent":"busy","version":1,"reason":"检修"}`}} {
		code, text := ask(q[0], q[1], q[2])
		require.Equal(t, http.StatusServiceUnavailable, code, "%s %s: %s", q[0], q[1], text)
		require.Contains(t, text, `"code":"unavailable"`)
	}
	require.NoError(t, tx.Rollback(t.Context()))
	code, _ = ask(http.MethodGet, reading, "")
	require.Equal(t, http.StatusOK, code)
}

// RP2: a head that is too large is told by a problem that names its largest field; of what is far too large the library says no more than
// 431.
func TestHeadIsBounded(t *testing.T) {
	t.Parallel()
	mux := &door.Mux{}
	api := newAPI(mux)
	door.Register(api, huma.Operation{OperationID: "reads", Method: http.MethodGet, Path: "/reads"}, door.Open(),
		func(context.Context, *struct{}) (*struct{}, error) { return &struct{}{}, nil })
	for _, c := range []struct {
		name, location string
		size, status   int
		problem        bool
	}{
		{name: "Cookie", size: mostHead - 1000, status: http.StatusNoContent},
		{name: "Cookie", location: "header.Cookie", size: mostHead, status: http.StatusRequestHeaderFieldsTooLarge, problem: true},
		{name: "X-Long", location: "header.X-Long", size: 3 * mostHead, status: http.StatusRequestHeaderFieldsTooLarge, problem: true},
		{name: "Cookie", size: 6 * mostHead, status: http.StatusRequestHeaderFieldsTooLarge},
	} {
		h := doortest.Of(t, api).Checked(t, headed(mux))
		conn := usualPatience().serve(t, h)
		go func() {
			_, _ = fmt.Fprintf(conn, "GET /reads HTTP/1.1\r\nHost: x\r\nAccept-Language: en\r\n%s: %s\r\n\r\n", c.name, strings.Repeat("x", c.size))
		}()
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.Equal(t, c.status, res.StatusCode, c.size)
		if c.problem {
			var p problem.Problem
			require.NoError(t, json.NewDecoder(res.Body).Decode(&p))
			require.Equal(t, "head_too_large", p.Code)
			require.Equal(t, "At most 32 KB; in a browser, delete this site's cookies.", p.Detail)
			require.Equal(t, []problem.Field{{Location: c.location, Message: "want less"}}, p.Errors)
			requireCut(t, conn)
		}
		require.NoError(t, res.Body.Close())
	}
}

// RS10: likewise who never ends the head, and who never reads the answer.
func TestSlowHeadAndSlowReaderAreCut(t *testing.T) {
	t.Parallel()
	conn := patience{header: 50 * time.Millisecond, body: time.Minute, idle: time.Minute}.serve(t, http.NotFoundHandler())
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost:")
	require.NoError(t, err)
	requireCut(t, conn)

	ended := make(chan error, 1)
	conn = patience{header: time.Minute, answer: 50 * time.Millisecond}.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for block := make([]byte, 1<<20); err == nil; {
			_, err = w.Write(block)
		}
		ended <- err
	}))
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.Error(t, <-ended)
}

func TestUsualPatienceHasNoGap(t *testing.T) {
	t.Parallel()
	p := usualPatience()
	srv := p.server(t.Context(), nil, slog.New(slog.DiscardHandler))
	for _, d := range []time.Duration{srv.ReadHeaderTimeout, srv.ReadTimeout, srv.WriteTimeout, srv.IdleTimeout, p.api} {
		require.Positive(t, d)
		require.LessOrEqual(t, d, 2*time.Minute)
	}
	require.Less(t, srv.ReadTimeout, p.api)
	require.Less(t, p.api, srv.WriteTimeout, "whoever waited in vain is still told")
}

// serve opens a connection to a server of such patience.
func (p patience) serve(t *testing.T, h http.Handler) net.Conn {
	t.Helper()
	l, err := listen(t.Context(), "listen", "127.0.0.1:0")
	require.NoError(t, err)
	srv := p.server(t.Context(), h, slog.New(slog.DiscardHandler))
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// requireCut reads until the server closes.
func requireCut(t *testing.T, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	_, err := io.Copy(io.Discard, bufio.NewReader(conn))
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server waits for ever")
}
