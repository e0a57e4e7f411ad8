package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/auth"
	"hotline/agent/door"
	"hotline/agent/policy"
	agentstore "hotline/agent/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

const golden = "testdata/rights.golden"

// attempt is a row of the golden file: one request, made by everybody in turn.
type attempt struct {
	of     string // operationId, or the socket
	whose  string // what it is made on
	action policy.Action
	method string
	path   string
	body   string
	sits   agent.SeatID    // where who asks sits meanwhile; empty: nowhere
	beside bool            // at a place beside
	what   policy.Resource // what it is made on, as the table sees it
	holds  bool            // a ticket of the seat's call: the own one of who may write, for a unit's clerk holds no calls
	sees   string          // what a list must show to count as an answer
	hidden bool            // 404 refuses: what is not theirs does not exist for them
}

// allows is what the table says.
func (a attempt) allows(roles ...policy.Role) bool {
	if a.action == 0 {
		return true // an open door
	}
	if a.holds && policy.Can(roles, policy.WriteTickets, policy.Resource{Own: true}) {
		return policy.Can(roles, a.action, policy.Resource{Own: true})
	}
	return policy.Can(roles, a.action, a.what)
}

// The matrix of reliability.md 8 (V8.2, RG3): every operation, topic and socket, tried by every role and by nobody on what is
// theirs and on what is not, at a running server. An answer other than the table's fails, and so does an operation without a row.
func TestRightsOfEveryOperation(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *server) { // who sits is put there past the rights
		s.sitters = func(context.Context, time.Time) ([]agent.Sitter, error) { return nil, nil }
	})
	m := newMatrix(t, b)
	rows := slices.Concat(m.hall(), m.calls(), m.tickets(), m.sockets(), m.settings(), m.logins())

	covered := map[string]map[policy.Action]bool{}
	var text strings.Builder
	_, _ = fmt.Fprintf(&text, "# What the running server answers: every operation, topic and socket, by who asks. Written by go test ./cmd/hotline -run TestRights -update.\n"+
		"# own: the seat where one sits, and what it holds; unit: of one's unit. x allowed, - refused.\n"+
		"%-16s %-16s %-19s nobody official recorder operator supervisor office unit system security audit\n", "# operation", "made on", "right")
	for _, a := range rows {
		if covered[a.of] == nil {
			covered[a.of] = map[policy.Action]bool{}
		}
		covered[a.of][a.action] = true
		line := fmt.Sprintf("%-16s %-16s %-19s", a.of, a.whose, a.action)
		for i, role := range slices.Concat([]policy.Role{""}, policy.Roles()) {
			want := a.allows(role)
			got := m.try(a, role)
			require.Equal(t, want, got, "%s on %s, by %q: the table says otherwise", a.of, a.whose, role)
			mark := "-"
			if got {
				mark = "x"
			}
			line += fmt.Sprintf(" %-*s", []int{6, 8, 8, 8, 10, 6, 4, 6, 8, 5}[i], mark)
		}
		text.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	m.everyDoorHasARow(covered)
	m.everyTopicHasARow(rows)
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(text.String()), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), text.String(), "rights have changed: if that is meant, go test ./cmd/hotline -run TestRights -update")
}

// RG3: a server with an operation that has declared no action does not start.
func TestOperationWithoutAnActionIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.srv.routes(b.srv.register)
	require.NoError(t, err)
	_, err = b.srv.routes(func(api huma.API) {
		b.srv.register(api)
		huma.Register(api, huma.Operation{OperationID: "payroll", Method: http.MethodGet, Path: "/api/v1/payroll"}, b.srv.wsTicket)
	})
	require.ErrorContains(t, err, "GET /api/v1/payroll")
}

// matrix is a hall with one person of each role, a call in conversation at A01, and tickets of two units.
type matrix struct {
	*bundle

	t       *testing.T
	people  map[policy.Role]string // ids
	cookies map[policy.Role]*http.Cookie
	call    string
	offer   string
	found   map[string]string // tickets by whose they are
	own     string            // everybody's unit
	other   string            // another one
	task    string            // a callback that is open
	closed  string            // and one that is not
}

func newMatrix(t *testing.T, b *bundle) *matrix {
	t.Helper()
	m := &matrix{bundle: b, t: t, people: map[policy.Role]string{}, cookies: map[policy.Role]*http.Cookie{}, found: map[string]string{}}
	units, err := agentstore.SampleUnits()
	require.NoError(t, err)
	own, other := units[0].Code, units[1].Code
	m.own, m.other = own, other
	require.NoError(t, b.srv.agentStore.PutSeats(t.Context(), time.Now(),
		agentstore.Seat{ID: "A02", Line: "session", Kind: agent.SeatOfficial, Unit: own, Label: "二号"},
		agentstore.Seat{ID: "A03", Line: "session", Kind: agent.SeatOfficial, Unit: other, Label: "三号"},
		agentstore.Seat{ID: "A04", Line: "session", Kind: agent.SeatOfficial, Unit: other, Label: "五号"},
		agentstore.Seat{ID: "B01", Line: "session", Kind: agent.SeatOperator, Label: "四号"}))
	person := func(name, unit string, role policy.Role) string {
		p, err := b.srv.auth.CreatePerson(t.Context(), auth.NewPerson{LoginName: name, Name: name, Unit: unit, Roles: []policy.Role{role}, Password: password}, "test")
		require.NoError(t, err)
		return string(p.ID)
	}
	for _, role := range policy.Roles() {
		name := "m-" + strings.ReplaceAll(string(role), "_", "-")
		m.people[role], m.cookies[role] = person(name, own, role), b.signIn(t, name)
	}
	m.exec(`UPDATE seat_state SET person = $1, recorder = $2, deputy = $3, room = $4, supervisor = $5 WHERE seat = 'A03'`,
		person("x-one", other, policy.Official), person("x-two", other, policy.Recorder), person("x-five", other, policy.Official),
		person("x-nine", other, policy.UnitClerk), person("x-seven", other, policy.Supervisor))
	person("x-four", other, policy.Recorder)
	person("x-six", other, policy.UnitClerk)
	person("x-eight", other, policy.UnitClerk)
	m.exec(`UPDATE seat_state SET person = $1 WHERE seat = 'B01'`, person("x-three", "", policy.Operator))
	m.exec(`INSERT INTO assignment (id, seat, place, person, made_at) SELECT gen_random_uuid(), s.id, place, p.id, now()
		FROM seat s, person p, unnest('{official,recorder,operator,deputy,room,supervisor}'::text[]) AS place WHERE s.id <> 'A04' ON CONFLICT DO NOTHING`)
	m.talks()

	session := m.scan(`SELECT id::text FROM session`)
	elsewhere := uuid.NewString() //nolint:forbidigo // any id
	m.exec(`INSERT INTO session (id, number, unit, theme, opens_at, closes_at, state) VALUES ($1, 900, $2, 't', now(), now() + interval '1 hour', 'closed')`, elsewhere, other)
	for whose, of := range map[string]struct {
		session, state string
		confidential   bool
	}{
		"unit's": {session, "registered", false}, "confidential": {session, "registered", true}, "unit's draft": {session, "draft", false},
		"other unit's": {elsewhere, "registered", false},
	} {
		number, since := any(nil), any(nil)
		if of.state != "draft" {
			number, since = "n-"+whose, time.Now()
		}
		m.found[whose] = m.scan(`INSERT INTO ticket (id, number, query_code, kind, call, session, state, class, outcome, title, confidential, opened_at, registered_at)
			VALUES (gen_random_uuid(), $1, 'ACDEFG', 'appeal', $2, $3, $4, 'other', 'ticket', 't', $5, now(), $6) RETURNING id::text`,
			number, m.call, of.session, of.state, of.confidential, since)
	}
	m.exec(`INSERT INTO ticket_unit (ticket, unit, role) SELECT t.id, s.unit, 'host' FROM ticket t JOIN session s ON s.id = t.session`)
	m.closed = m.scan(`WITH c AS (INSERT INTO call (id, channel, line, dialled, phase, seq, arrived_at, ended_at, outcome, epoch)
		VALUES (gen_random_uuid(), 'gone', 'session', '12345', 'ended', 0, now(), now(), 'abandoned_in_queue', 0) RETURNING id)
		INSERT INTO callback (id, call, state, reason, created_at, closed_at)
		SELECT gen_random_uuid(), id, 'done', 'abandoned_in_queue', now(), now() FROM c RETURNING id::text`)
	m.task = m.scan(`INSERT INTO callback (id, call, reason, created_at) VALUES (gen_random_uuid(), $1, 'abandoned_in_queue', now()) RETURNING id::text`, m.call)
	return m
}

// talks has a citizen in conversation at A01.
func (m *matrix) talks() {
	t := m.t
	jieting := m.signIn(t, "jieting")
	post := func(path, body string) string {
		status, answer := m.ask(jieting, http.MethodPost, "/api/v1/seats/A01/"+path, body)
		require.Less(t, status, 300, "%s: %s", path, answer)
		return answer
	}
	post("take", `{"place":"official"}`)
	post("phone", `{"client":"page","phone":"sip","contact":"sip:A01@127.0.0.3:5070"}`)
	endpoint := m.scan(`SELECT endpoint FROM seat_state WHERE seat = 'A01'`)
	post("intent", `{"intent":"ready","version":`+m.scan(`SELECT version::text FROM seat_state WHERE seat = 'A01'`)+`}`)
	citizen := m.fake.Call("13812345678", "12345")
	require.Eventually(t, func() bool {
		if l, ok := m.fake.Leg(citizen); ok && len(l.Playing) > 0 {
			m.fake.EndPlayback(l.Playing[0])
		}
		if l, ok := m.fake.SeatLeg(endpoint); ok && l.State != "Up" {
			m.fake.AnswerSeat(l.ID)
		}
		return m.scan(`SELECT count(*)::text FROM segment g JOIN ticket t ON t.call = g.call WHERE g.seat = 'A01' AND g.ended_at IS NULL AND t.seat = 'A01'`) == "1"
	}, 20*time.Second, 20*time.Millisecond, "conversation, and its draft at the seat")
	m.call = m.scan(`SELECT call::text FROM segment`)
	m.offer = m.scan(`SELECT id::text FROM offer WHERE state = 'accepted'`)
	m.found["own"] = m.scan(`SELECT id::text FROM ticket`)
}

func (m *matrix) exec(sql string, args ...any) {
	m.t.Helper()
	_, err := m.db.Exec(m.t.Context(), sql, args...)
	require.NoError(m.t, err, sql)
}

func (m *matrix) scan(sql string, args ...any) string {
	m.t.Helper()
	var s string
	require.NoError(m.t, m.db.QueryRow(m.t.Context(), sql, args...).Scan(&s), sql)
	return s
}

// sit has the person sit at a seat and nowhere else, and its usual people at every other one. It is done past the rights: the table
// must hold for whoever has come to a place.
func (m *matrix) sit(role policy.Role, at agent.SeatID, place string) {
	m.exec(`UPDATE seat_state s SET person = p.id, recorder = r.id, room = o.id, deputy = NULL, supervisor = NULL, pending = '' FROM person p, person r, person o
		WHERE (s.seat, p.login_name, r.login_name, o.login_name) IN (('A01', 'jieting', 'jilu', 'x-six'), ('A02', 'lingyige', 'x-four', 'x-eight'))`)
	m.exec(`DELETE FROM sitting`)
	if at == "" || role == "" {
		return
	}
	column := place
	if place == "official" {
		column = "person"
	}
	m.exec(`UPDATE seat_state SET `+column+` = $1 WHERE seat = $2`, m.people[role], string(at))
	m.exec(`INSERT INTO sitting (seat, place, person, began_at) VALUES ($1, $2, $3, now())`, string(at), place, m.people[role])
}

// ownPlace is where a role sits, past the rights as well: beside who speaks, or anywhere.
func ownPlace(role policy.Role, beside bool) string {
	switch role { //nolint:exhaustive // the others speak
	case policy.Recorder:
		return "recorder"
	case policy.Office, policy.UnitClerk:
		return "room"
	}
	if beside {
		return "deputy"
	}
	return "official"
}

// try makes the request as somebody, and says whether it was allowed. What the domain says against it afterwards, with 409 or for
// want of a reason, is no refusal of the right; anything else that is neither answer nor refusal is a broken test.
func (m *matrix) try(a attempt, role policy.Role) bool {
	m.t.Helper()
	place := ownPlace(role, a.beside)
	if a.action == policy.UsePhone && a.of == "softphone" { // that of a place beside is another right
		place = "official"
	}
	m.sit(role, a.sits, place)
	body := a.body
	body = strings.ReplaceAll(body, `"place":"own"`, `"place":"`+place+`"`)
	cookie := m.cookies[role]
	if a.of == "sign-out" && cookie != nil {
		cookie = m.signIn(m.t, "m-"+strings.ReplaceAll(string(role), "_", "-"))
	}
	status, answer := m.ask(cookie, a.method, a.path, body)
	switch {
	case status == http.StatusUnauthorized && role == "", status == http.StatusForbidden && role != "":
		return false
	case status == http.StatusNotFound && a.hidden:
		return false
	case status < 300:
		return strings.Contains(answer, a.sees)
	case status == http.StatusConflict:
		return true
	case a.of == "softphone" && status == http.StatusBadGateway: // it has come through to the exchange, which wants a socket
		return true
	}
	require.Failf(m.t, "neither allowed nor refused", "%s on %s, by %q: %d %s", a.of, a.whose, role, status, answer)
	return false
}

func (m *matrix) ask(who *http.Cookie, method, path, body string) (int, string) {
	m.t.Helper()
	req, err := http.NewRequestWithContext(m.t.Context(), method, m.base+path, strings.NewReader(body))
	require.NoError(m.t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", m.base)
	if who != nil {
		req.AddCookie(who)
	}
	res, err := http.DefaultClient.Do(req) //nolint:forbidigo // a test's own request
	require.NoError(m.t, err)
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	require.NoError(m.t, err)
	return res.StatusCode, string(answer)
}

// everyDoorHasARow holds the rows against the document of the API: each operation, with every action that it declares.
func (m *matrix) everyDoorHasARow(covered map[string]map[policy.Action]bool) {
	mux := &door.Mux{}
	api := newAPI(mux)
	m.srv.register(api)
	require.NoError(m.t, mux.Err())
	known := map[string]bool{"topic": true, "softphone": true}
	for path, item := range api.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PATCH": item.Patch, "PUT": item.Put, "DELETE": item.Delete} {
			if op == nil {
				continue
			}
			known[op.OperationID] = true
			rule := door.RuleOf(op)
			for _, a := range rule.Actions() {
				require.True(m.t, covered[op.OperationID][a], "%s %s: nothing tries %s by the right %s", method, path, op.OperationID, a)
			}
			require.True(m.t, covered[op.OperationID][0] == rule.IsOpen() && covered[op.OperationID] != nil, "%s %s: %s has no row, or one that takes it for open", method, path, op.OperationID)
			require.Len(m.t, covered[op.OperationID], max(1, len(rule.Actions())), "%s is tried by a right that it does not declare", op.OperationID)
		}
	}
	for of := range covered {
		require.True(m.t, known[of], "%s is no operation", of)
	}
}

// everyTopicHasARow holds the rows against the kinds of topics that are declared, and those against what has been published.
func (m *matrix) everyTopicHasARow(rows []attempt) {
	for _, kind := range published() {
		require.True(m.t, slices.ContainsFunc(rows, func(a attempt) bool {
			name, _, _ := strings.Cut(strings.TrimPrefix(a.whose, "own "), ":")
			return a.of == "topic" && name == kind && a.action == hearingOf(kind)
		}), "nothing tries to hear %s", kind)
	}
	found, err := m.db.Query(m.t.Context(), `SELECT DISTINCT split_part(topic, ':', 1) FROM fact, unnest(topics) AS topic`)
	require.NoError(m.t, err)
	defer found.Close()
	for found.Next() {
		var kind string
		require.NoError(m.t, found.Scan(&kind))
		require.Contains(m.t, published(), kind, "a topic that no domain has named")
	}
	require.NoError(m.t, found.Err())
}
