package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/auth"
	"hotline/agent/door/doortest"
	agentstore "hotline/agent/store"
	"hotline/cmd/sim/seat"
	"hotline/deploy/migrations"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony/aritest"
)

// command runs hotline as a person would, and returns its exit code and what it said.
func command(t *testing.T, environ []string, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	code := run(t.Context(), args, environ, &out, &out)
	return code, out.String()
}

func TestUnknownSettingIsRefused(t *testing.T) {
	t.Parallel()
	code, said := command(t, []string{"HOTLINE_LISTN=127.0.0.1:1", "HOME=/root"}, "doctor", "--config")
	require.Equal(t, 2, code)
	require.Contains(t, said, "HOTLINE_LISTN")
}

func TestEverySettingThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	code, said := command(t, nil, "serve")
	require.Equal(t, 1, code)
	for _, flag := range []string{"--database-url-file", "--controller-database-url-file", "--reactions-database-url-file", "--redis-url-file", "--ari-password-file", "--number-key-file"} {
		require.Contains(t, said, flag)
	}
	_, said = command(t, nil, "serve", "--listen=0.0.0.0:8080", "--metrics-listen=10.0.0.1:9090")
	require.Contains(t, said, "--secure")
	require.Contains(t, said, "loopback")
}

// files writes the settings of a server on its own database, with a fake exchange.
func files(t *testing.T, databaseURL, ariPassword string) []string {
	t.Helper()
	dir := t.TempDir()
	put := func(name, value string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(value), 0o600))
		return path
	}
	rdb, prefix := pgtest.Redis(t)
	keys := []string{
		"--controller-database-url-file=" + put("controller-url", pgtest.As(t, migrations.RoleController, databaseURL)), "--number-key-file=" + filepath.Join(dir, "keys"),
	}
	code, said := command(t, nil, append([]string{"vault", "init"}, keys...)...)
	require.Zero(t, code, said)
	return append(keys, "--database-url-file="+put("database-url", databaseURL),
		"--reactions-database-url-file="+put("reactions-url", pgtest.As(t, migrations.RoleReactions, databaseURL)),
		"--redis-url-file="+put("redis-url", "unix://"+rdb.Options().Addr),
		"--ari-password-file="+put("ari-password", ariPassword), "--redis-prefix="+prefix,
	)
}

func TestPortInUseSaysWhatToDo(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	args := append([]string{"serve", "--allow-root", "--listen=" + l.Addr().String()}, files(t, pgtest.URL(t), "secret")...)
	code, said := command(t, nil, args...)
	require.Equal(t, 1, code)
	require.Contains(t, said, "HOTLINE_LISTEN")
	require.Contains(t, said, "in use")
}

func TestWrongLocaleAndWrongSchemaAreRefused(t *testing.T) {
	t.Parallel()
	good := pgtest.URL(t)
	conn, err := pgx.Connect(t.Context(), pgtest.As(t, "", good))
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	name := "bad_" + conn.Config().Database
	_, err = conn.Exec(t.Context(), "CREATE DATABASE "+name+" ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0")
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = conn.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE "+name) })
	bad := strings.Replace(pgtest.As(t, "", good), conn.Config().Database, name, 1)
	path := filepath.Join(t.TempDir(), "url")
	require.NoError(t, os.WriteFile(path, []byte(bad), 0o600))
	code, said := command(t, nil, "migrate", "--database-url-file="+path)
	require.Equal(t, 1, code)
	require.Contains(t, said, "LC_CTYPE C")
	require.Contains(t, said, "C.UTF-8")

	args := append([]string{"serve", "--allow-root", "--listen=127.0.0.1:0"}, files(t, good, "secret")...)
	_, err = conn.Exec(t.Context(), `UPDATE public.schema_version SET version = version - 1`)
	require.NoError(t, err)
	code, said = command(t, nil, args...)
	require.Equal(t, 1, code)
	require.Contains(t, said, "hotline migrate")
}

// bundle is a running server with a fake exchange, two officials and a recorder, and an open session.
type bundle struct {
	srv  *server
	args []string // its settings
	base string
	fake *aritest.Asterisk
	db   *pgx.Conn
}

const password = "kaihui-anpai-2026"

// setup starts it; change may alter what is wired before anything moves.
func setup(t *testing.T, change ...func(*server)) *bundle {
	t.Helper()
	fake := aritest.New(t, aritest.Options{})
	b := setupOn(t, fake.URL(), fake.User, fake.Password, change...)
	b.fake = fake
	return b
}

// setupOn starts it on an exchange of another kind.
func setupOn(t *testing.T, exchange, user, secret string, change ...func(*server)) *bundle {
	t.Helper()
	url := pgtest.URL(t)
	args := files(t, url, secret)
	s := fromFlags(args)
	port, err := freePort(t)
	require.NoError(t, err)
	s.Listen, s.MetricsListen = fmt.Sprintf("127.0.0.1:%d", port), "127.0.0.1:0"
	s.ARIURL, s.ARIUser, s.ShutdownSeconds, s.SIPSeats = exchange, user, 1, true
	s.SIPNetwork = []network{{netip.MustParsePrefix("127.0.0.0/8")}}
	conn, err := pgx.Connect(t.Context(), pgtest.As(t, "", url))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	srv, err := newServer(t.Context(), s, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	for _, f := range change {
		f(srv)
	}
	srv.handler = described(t).Checked(t, srv.handler)
	b := &bundle{srv: srv, args: args, base: "http://" + s.Listen, db: conn}
	b.people(t, srv)
	b.runs(t, srv)
	require.Eventually(t, func() bool {
		res, err := http.Get(b.base + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = res.Body.Close() }()
		return res.StatusCode == http.StatusOK
	}, 15*time.Second, 20*time.Millisecond, "the server gets ready")
	return b
}

// described is the API's own description, to which every answer of every test here is held (RP4).
func described(t *testing.T) *doortest.Description {
	t.Helper()
	d, err := description()
	require.NoError(t, err)
	return d
}

var description = sync.OnceValues(func() (*doortest.Description, error) {
	var out bytes.Buffer
	if err := (openapiCmd{}).Run(env{stdout: &out}); err != nil {
		return nil, err
	}
	return doortest.Read(out.Bytes())
})

// runs starts a server, and stops it with the test.
func (*bundle) runs(t *testing.T, srv *server) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- srv.run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
		srv.close()
	})
}

// fromFlags are the settings that files wrote.
func fromFlags(args []string) settings {
	var s settings
	for _, a := range args {
		name, value, _ := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		switch name {
		case "database-url-file":
			s.DatabaseURLFile = value
		case "controller-database-url-file":
			s.ControllerURLFile = value
		case "reactions-database-url-file":
			s.ReactionsURLFile = value
		case "redis-url-file":
			s.RedisURLFile = value
		case "ari-password-file":
			s.ARIPasswordFile = value
		case "number-key-file":
			s.NumberKeyFile = value
		case "redis-prefix":
			s.RedisPrefix = value
		}
	}
	return s
}

func freePort(t *testing.T) (int, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (b *bundle) people(t *testing.T, srv *server) {
	t.Helper()
	ctx := t.Context()
	units, err := agentstore.SampleUnits()
	require.NoError(t, err)
	require.NoError(t, srv.agentStore.PutUnits(ctx, units))
	require.NoError(t, srv.agentStore.PutLine(ctx, agentstore.Line{ID: "session", Name: "接热线", Number: "12345"}))
	require.NoError(t, srv.agentStore.PutSeats(ctx, time.Now(), agentstore.Seat{ID: "A01", Line: "session", Kind: agent.SeatOfficial, Label: "一号"}))
	_, err = srv.agentStore.OpenSession(ctx, agentstore.NewSession{Unit: units[0].Code, Theme: "t", OpensAt: time.Now(), ClosesAt: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	for name, role := range map[string]agent.Role{"jieting": agent.RoleOfficial, "lingyige": agent.RoleOfficial, "jilu": agent.RoleRecorder, "banzhang": agent.RoleSupervisor} {
		_, err := srv.auth.CreatePerson(ctx, auth.NewPerson{LoginName: name, Name: name, Roles: []agent.Role{role}, Password: password}, "test")
		require.NoError(t, err)
		if place := agent.Place(role); place == agent.PlaceOfficial || place == agent.PlaceRecorder {
			_, err = srv.agentStore.Assign(ctx, agent.NewAssignment{LoginName: name, Seat: "A01", Place: place}, "test", time.Now())
			require.NoError(t, err)
		}
	}
}

// refused expects a problem of that type, whatever the command was.
func refused(t *testing.T, err error, status int, code string) {
	t.Helper()
	var p *seat.ProblemError
	require.ErrorAs(t, err, &p)
	require.Equal(t, status, p.Status, p)
	require.Equal(t, "urn:hotline:"+code, p.Type, p)
}

func TestBadInputChangesNothingAndIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	_, err := seat.SignIn(ctx, b.base, "jieting", "nicht-dieses-wort")
	refused(t, err, http.StatusUnauthorized, "login.wrong")
	_, err = seat.SignIn(ctx, b.base, "niemand", "nicht-dieses-wort")
	refused(t, err, http.StatusUnauthorized, "login.wrong")

	one, err := seat.SignIn(ctx, b.base, "jieting", password)
	require.NoError(t, err)
	two, err := seat.SignIn(ctx, b.base, "lingyige", password)
	require.NoError(t, err)
	take := map[string]any{"place": "official", "take_over": false}
	require.NoError(t, one.Do(ctx, http.MethodPost, "/api/v1/seats/A01/take", take, nil))
	refused(t, two.Do(ctx, http.MethodPost, "/api/v1/seats/A01/take", take, nil), http.StatusConflict, "seat.taken")
	refused(t, two.Do(ctx, http.MethodPost, "/api/v1/seats/B99/take", take, nil), http.StatusNotFound, "not_found")
	refused(t, one.Do(ctx, http.MethodPost, "/api/v1/seats/A01/take", map[string]any{"place": "official", "take_over": true, "rank": 1}, nil),
		http.StatusUnprocessableEntity, "invalid")
	refused(t, one.Do(ctx, http.MethodPost, "/api/v1/seats/A01/intent", map[string]any{"intent": "ready", "version": 99}, nil), http.StatusConflict, "version.stale")
	refused(t, one.Do(ctx, http.MethodGet, "/api/v1/board", nil, nil), http.StatusForbidden, "not_allowed")
	refused(t, one.Do(ctx, http.MethodPost, "/api/v1/ws-ticket", map[string]any{"topics": []string{"board"}}, nil), http.StatusForbidden, "not_allowed")

	var version int64
	require.NoError(t, b.db.QueryRow(ctx, `SELECT version FROM seat_state WHERE seat = 'A01' AND intent = 'busy' AND person IS NOT NULL`).Scan(&version))
	require.EqualValues(t, 2, version, "only the one good command has changed the seat")
}

func TestMalformedJSONIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.base+"/api/v1/login", strings.NewReader(`{"login_name": `))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req) //nolint:forbidigo // a test's own request
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	require.GreaterOrEqual(t, res.StatusCode, 400)
	require.Less(t, res.StatusCode, 500)
	var p map[string]any
	require.NoError(t, json.NewDecoder(res.Body).Decode(&p))
	require.Equal(t, "urn:hotline:invalid", p["type"])
	require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	require.Contains(t, res.Header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
}

// A citizen who withholds the number is served like anybody: row, draft, no number anywhere, and no callback task that could not be done.
func TestAnonymousCallerIsServed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	leg := b.fake.Call("anonymous", "12345")
	require.NotEmpty(t, leg)
	b.fake.Await(t, "the notice", func() bool {
		l, ok := b.fake.Leg(leg)
		return ok && len(l.Playing) > 0
	})
	l, _ := b.fake.Leg(leg)
	b.fake.EndPlayback(l.Playing[0])
	require.Eventually(t, func() bool {
		var n int
		err := b.db.QueryRow(ctx, `SELECT count(*) FROM ticket t JOIN call c ON c.id = t.call WHERE c.phase = 'waiting' AND c.num_tail = '' AND c.num_enc IS NULL`).Scan(&n)
		return err == nil && n == 1
	}, 10*time.Second, 20*time.Millisecond, "the draft is there")
	b.fake.HangUp(leg)
	require.Eventually(t, func() bool {
		var outcome string
		err := b.db.QueryRow(ctx, `SELECT outcome FROM call WHERE phase = 'ended'`).Scan(&outcome)
		return err == nil && outcome == "abandoned_short"
	}, 10*time.Second, 20*time.Millisecond)
	var tasks int
	require.NoError(t, b.db.QueryRow(ctx, `SELECT count(*) FROM callback`).Scan(&tasks))
	require.Zero(t, tasks)
}

// A command sent twice with one key has the effect and the answer of one.
func TestRepeatedCommandHasOneEffect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	c, err := seat.SignIn(ctx, b.base, "jieting", password)
	require.NoError(t, err)
	take := map[string]any{"place": "official", "take_over": true}
	var first, second struct {
		Version int64 `json:"version"`
	}
	require.NoError(t, c.Do(ctx, http.MethodPost, "/api/v1/seats/A01/take", take, &first))
	rest := map[string]any{"intent": "rest", "rest_code": "break", "rest_minutes": 10, "version": first.Version}
	c.Key = "the same command"
	require.NoError(t, c.Do(ctx, http.MethodPost, "/api/v1/seats/A01/intent", rest, &first))
	require.NoError(t, c.Do(ctx, http.MethodPost, "/api/v1/seats/A01/intent", rest, &second))
	require.Equal(t, first, second)
	c.Key = "another"
	refused(t, c.Do(ctx, http.MethodPost, "/api/v1/seats/A01/intent", rest, nil), http.StatusConflict, "version.stale")

	c.Key = "the same command"
	other := map[string]any{"intent": "busy", "version": first.Version}
	refused(t, c.Do(ctx, http.MethodPost, "/api/v1/seats/A01/intent", other, nil), http.StatusUnprocessableEntity, "command.key_reused")
	refused(t, c.Do(ctx, http.MethodPost, "/api/v1/seats/A01/sign-out", map[string]any{"place": "official"}, nil), http.StatusUnprocessableEntity, "command.key_reused")
	require.NoError(t, c.Do(ctx, http.MethodGet, "/api/v1/seats/A01", nil, &second))
	require.Equal(t, first, second)
}

func TestDocumentOfTheAPIIsServed(t *testing.T) {
	t.Parallel()
	code, printed := command(t, nil, "openapi")
	require.Zero(t, code)
	var doc struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	require.NoError(t, json.Unmarshal([]byte(printed), &doc))
	require.Equal(t, "3.1.0", doc.OpenAPI)
	for _, path := range []string{"/api/v1/login", "/api/v1/seats/{seat}/take", "/api/v1/board", "/api/v1/tickets/{id}/register", "/api/v1/ws-ticket"} {
		require.Contains(t, doc.Paths, path)
	}
}
