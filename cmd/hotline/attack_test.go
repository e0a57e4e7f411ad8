package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/door"
	"hotline/agent/policy"
)

var (
	attackFor  = flag.Duration("attack", 8*time.Second, "how long the operations are attacked")
	attackSeed = flag.Uint64("seed", 0, "which requests the attack makes; 0: any")
)

// Every operation that the served description knows, asked by everybody and by nobody: as it wants to be asked, almost so, and not at all
// so (reliability.md 10). Whatever comes: no answer is a 500, none goes beyond the table of rights, each refusal is of a kind that the
// description knows, and what is refused has changed nothing. A seed makes the same requests again.
func TestEveryOperationUnderAttack(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *server) { // who sits is put there past the rights
		s.sitters = func(context.Context, time.Time) ([]agent.Sitter, error) { return nil, nil }
	})
	a := newAttack(t, newMatrix(t, b))
	defer a.client.CloseIdleConnections()
	t.Logf("-seed=%d", a.seed)
	order, end := rand.New(rand.NewPCG(a.seed, 0)), time.Now().Add(*attackFor)
	for time.Now().Before(end) {
		all := askers()
		order.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for _, who := range all {
			for _, at := range a.targets {
				if (who.sits == "" || who.sits == seatFor(at.path)) && time.Now().Before(end) {
					a.ask(at, who)
				}
			}
		}
	}
	t.Logf("%d requests, %d let in", a.asked, a.letIn)
	require.Positive(t, a.letIn, "an attack that is let in nowhere attacks nothing")
}

// asker is somebody of a role, or nobody, and where they sit meanwhile.
type asker struct {
	role policy.Role
	sits agent.SeatID
}

func askers() []asker {
	all := []asker{{}}
	for _, role := range policy.Roles() {
		all = append(all, asker{role, ""}, asker{role, "A01"}, asker{role, "A02"})
	}
	return all
}

// attack is everybody before one server.
type attack struct {
	*matrix

	t       *testing.T
	client  *http.Client
	seed    uint64
	draft   *drafter
	targets []target

	asked  uint64
	letIn  int
	before digest    // nil: something was let in since
	seated asker     // as long as nothing was
	last   digest    // before that
	moved  time.Time // when what was let in has changed something, the last time
	places string    // who sat where at first
}

// target is an operation, with the rule of its door.
type target struct {
	method, path string
	op           apiOperation
	rule         door.Rule
}

func newAttack(t *testing.T, m *matrix) *attack {
	t.Helper()
	a := &attack{matrix: m, t: t, seed: *attackSeed, client: &http.Client{
		Timeout:       20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for a.seed == 0 {
		a.seed = rand.Uint64()
	}
	status, served := m.ask(nil, http.MethodGet, "/api/openapi.json", "")
	require.Equal(t, http.StatusOK, status)
	a.draft = &drafter{names: map[string][]string{
		"seat": {"A01", "A02", "A03", "A04", "B01"}, "call": {m.call}, "offer": {m.offer},
		"id":     {m.found["own"], m.found["unit's"], m.found["confidential"], m.found["unit's draft"], m.found["other unit's"]},
		"key":    {"line.ring", "line.wrapup", "line.grace", "line.notice", "promise.consultation", "promise.other", "calendar.workdays"},
		".scope": {"", "session", "2027"}, ".value": {"0", "5", "40", "061", "3600", "hotline/hold"},
		"topic": {"board", "seat:A01", "line:session", "tickets:" + m.own, "tickets:" + m.other, "audit", "call:" + m.call},
	}}
	require.NoError(t, json.Unmarshal([]byte(served), &a.draft.doc))
	m.sit("", "", "")
	a.places = m.scan(`SELECT json_agg(s)::text FROM seat_state s`)
	mux := &door.Mux{}
	api := newAPI(mux)
	m.srv.register(api)
	rules := map[string]door.Rule{}
	for _, item := range api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Patch, item.Put, item.Delete} {
			if op != nil {
				rules[op.OperationID] = door.RuleOf(op)
			}
		}
	}
	for _, path := range sorted(a.draft.doc.Paths) {
		for _, method := range sorted(a.draft.doc.Paths[path]) {
			op := a.draft.doc.Paths[path][method]
			rule, known := rules[op.OperationID]
			require.True(t, known, "%s is served and has no rule", op.OperationID)
			a.targets = append(a.targets, target{method, path, op, rule})
		}
	}
	require.Len(t, a.targets, len(rules))
	return a
}

// ask makes one request, and looks at what comes of it.
func (a *attack) ask(at target, who asker) {
	a.asked++
	a.draft.r = rand.New(rand.NewPCG(a.seed, a.asked))
	role, sits := who.role, who.sits
	req := a.draft.draft(at.method, at.path, at.op)
	if a.ends(at, role, req) {
		return
	}
	if a.before == nil || a.seated != who {
		if a.before == nil && !a.quiet().same(a.last) {
			a.moved = time.Now()
		}
		a.clear()
		a.sit(role, sits, ownPlace(role, false))
		a.before, a.seated = a.quiet(), who
		a.last = a.before
	}
	status, header, body, err := a.send(req, a.cookies[role])
	what := fmt.Sprintf("-seed=%d, request %d, %s by %q sitting at %q: %s\nanswered %d %.600s", a.seed, a.asked, at.op.OperationID, role, sits, req, status, body)
	if err != nil {
		require.Greater(a.t, len(req.body), 16<<10, "%s: %v", what, err)
		a.before = nil
		return
	}
	require.Less(a.t, status, 500, what)
	if req.method == strings.ToUpper(at.method) {
		a.checkRights(at, role, sits, req, status, what)
	} else {
		require.True(a.t, status >= 300 || req.method == http.MethodHead, "no operation: %s", what)
	}
	require.True(a.t, status < 300 || status >= 400 || strings.Contains(req.path, ".."), "sent elsewhere: %s", what)
	if status < 300 {
		require.Contains(a.t, at.op.Responses, fmt.Sprint(status), what)
		a.letIn++
		if req.method != http.MethodGet {
			a.before = nil
		}
		return
	}
	if status >= 400 && req.method != http.MethodHead {
		a.checkRefusal(at, req, status, header, body, what)
	}
	if after := a.look(); !after.same(a.before) {
		a.before = a.disturbed(after, req, role, what)
	}
}

// clear gives every place back to whom it belonged at first, wherever somebody was let in or sent away.
func (a *attack) clear() {
	a.exec(`UPDATE seat_state s SET person = o.person, recorder = o.recorder, deputy = o.deputy, room = o.room, supervisor = o.supervisor
		FROM json_populate_recordset(NULL::seat_state, $1::json) o WHERE o.seat = s.seat`, a.places)
}

// seatFor is where to sit so that the path is about one's own.
func seatFor(path string) agent.SeatID {
	if strings.Contains(path, "{seat}") && !strings.HasSuffix(path, "/call") {
		return "A02"
	}
	return "A01"
}

// ends says that the request, let in, would end the scene: the conversation, or the login that asks. Passwords are checked slowly, and
// for who has signed in mostly not.
func (a *attack) ends(at target, role policy.Role, req drafted) bool {
	if strings.HasSuffix(at.path, "/login") && role != "" && !a.draft.chance(8) {
		return true
	}
	signsOut := strings.HasSuffix(at.path, "/logout") && role != ""
	hangsUp := strings.HasSuffix(at.path, "/hangup") && req.on["call"] == a.call && policy.ScopeOf([]policy.Role{role}, policy.HangUp) > policy.None
	return signsOut || hangsUp
}

func (a *attack) send(d drafted, who *http.Cookie) (int, http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(a.t.Context(), d.method, a.base, bytes.NewReader(d.body))
	require.NoError(a.t, err)
	req.URL = &url.URL{Scheme: "http", Host: req.URL.Host, Opaque: "//" + req.URL.Host + d.path, RawQuery: d.query}
	req.Header = d.header.Clone()
	req.Header.Set("Origin", a.base)
	if who != nil {
		req.AddCookie(who)
	}
	res, err := a.client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, body, err
}

// checkRights compares an answer with the table, slowly: by what the path names.
func (a *attack) checkRights(at target, role policy.Role, sits agent.SeatID, req drafted, status int, what string) {
	in := status < 300 || status == http.StatusConflict
	if at.rule.IsOpen() || !in {
		return
	}
	require.NotEmpty(a.t, role, "nobody is let in: %s", what)
	require.True(a.t, a.reaches(at, role, sits, req), "the table says otherwise: %s", what)
}

func (a *attack) reaches(at target, role policy.Role, sits agent.SeatID, req drafted) bool {
	roles := []policy.Role{role}
	return slices.ContainsFunc(at.rule.Actions(), func(action policy.Action) bool {
		switch {
		case len(req.on) == 0: // a list shows what is theirs; what it shows is the matrix's to try
			return policy.ScopeOf(roles, action) > policy.None
		case action == policy.ReadSeats:
			return policy.Can(roles, action, policy.Resource{Own: req.on["seat"] != "A04"}) // assigned to everybody
		case action == policy.LeaveSeat && a.free(req):
			return policy.Can(roles, policy.ReadSeats, policy.Resource{Own: req.on["seat"] != "A04"}) // nothing is left
		case req.on["seat"] != "":
			return policy.Can(roles, action, policy.Resource{Own: sits != "" && string(sits) == req.on["seat"]})
		case action == policy.ReadTickets || action == policy.WriteTickets:
			return a.reachesTicket(role, action, sits, req)
		}
		return policy.Can(roles, action, policy.Resource{Own: sits == "A01"}) // of the one call and its offer
	})
}

// free says that nobody has the place that somebody would leave.
func (a *attack) free(req drafted) bool {
	var is struct{ Place string }
	_ = json.Unmarshal(req.body, &is) // else it was not let in
	return a.scan(`SELECT count(*)::text FROM seat_state WHERE seat = $1
		AND CASE $2 WHEN 'official' THEN person WHEN 'recorder' THEN recorder WHEN 'deputy' THEN deputy WHEN 'room' THEN room ELSE supervisor END IS NULL`, req.on["seat"], is.Place) == "1"
}

// reachesTicket: whoever sits where the call is and may write has all of its tickets; who has written in one has that one.
func (a *attack) reachesTicket(role policy.Role, action policy.Action, sits agent.SeatID, req drafted) bool {
	var own, withheld, ours bool
	if id := req.on["id"]; id != "" {
		err := a.db.QueryRow(a.t.Context(), `SELECT t.state = 'draft' OR t.confidential, EXISTS (SELECT FROM ticket_unit u WHERE u.ticket = t.id AND u.unit = $2),
			EXISTS (SELECT FROM ticket_event e WHERE e.ticket = t.id AND e.actor = 'person:' || $3) FROM ticket t WHERE t.id = $1`, id, a.own, a.people[role]).Scan(&withheld, &ours, &own)
		require.NoError(a.t, err, "let in to what is not there")
	} else {
		ours = action == policy.ReadTickets // some of the call's are: which ones are shown is the matrix's to try
	}
	writes := policy.Can([]policy.Role{role}, policy.WriteTickets, policy.Resource{Own: true})
	is := policy.Resource{Own: writes && (own || sits == "A01"), SameUnit: ours, Withheld: withheld}
	return policy.Can([]policy.Role{role}, action, is)
}

// checkRefusal holds a refusal to the description: its status, and a problem that says so and repeats nothing that was sent.
func (a *attack) checkRefusal(at target, req drafted, status int, header http.Header, body []byte, what string) {
	_, said := at.op.Responses[fmt.Sprint(status)]
	other := req.method != strings.ToUpper(at.method) || strings.Contains(req.path, "%2F") && status == http.StatusNotFound
	require.True(a.t, said || other, "the description knows no such refusal: %s", what)
	require.Equal(a.t, "application/problem+json", header.Get("Content-Type"), what)
	var p struct {
		Type, Title string
		Status      int
	}
	require.NoError(a.t, json.Unmarshal(body, &p), what)
	require.Equal(a.t, status, p.Status, what)
	require.NotEmpty(a.t, p.Type, what)
	require.NotEmpty(a.t, p.Title, what)
	require.NotContains(a.t, string(body), `"value":"`+secretSent, what)
}

// digest is each table's content in one number, by name.
type digest map[string]string

// apart are the tables that live by themselves: the trail, logins (and their facts), and what a server keeps of its own run.
var apart = []string{"audit", "audit_seal", "login", "sign_in_failure", "controller", "fact_cursor"}

func (a *attack) look() digest {
	rows, err := a.db.Query(a.t.Context(), `SELECT c.relname, coalesce((xpath('/row/d/text()', query_to_xml(
		format('SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) AS d FROM public.%I t', c.relname)
		|| CASE c.relname WHEN 'fact' THEN $q$ WHERE kind NOT LIKE 'login.%'$q$ ELSE '' END, false, true, '')))[1]::text, '')
		FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> ALL ($1)`, apart)
	require.NoError(a.t, err)
	defer rows.Close()
	out := digest{}
	for rows.Next() {
		var name, sum string
		require.NoError(a.t, rows.Scan(&name, &sum))
		out[name] = sum
	}
	require.NoError(a.t, rows.Err())
	return out
}

func (d digest) same(other digest) bool { return len(d.differs(other)) == 0 }

func (d digest) differs(other digest) []string {
	return slices.DeleteFunc(sorted(d), func(name string) bool { return d[name] == other[name] })
}

// quiet waits until nothing changes any more of what was let in.
func (a *attack) quiet() digest {
	last, same := a.look(), 0
	require.Eventually(a.t, func() bool {
		now := a.look()
		if same++; !now.same(last) {
			same = 0
		}
		last = now
		return same == 3
	}, 20*time.Second, 15*time.Millisecond, "the server comes to rest")
	return last
}

// follows is how long what was let in may have consequences.
const follows = 500 * time.Millisecond

// disturbed fails, unless something was let in a moment ago that may have had consequences: then it asks once more when it is quiet.
func (a *attack) disturbed(after digest, req drafted, role policy.Role, what string) digest {
	changed := after.differs(a.before)
	require.Less(a.t, time.Since(a.moved), follows, "a refused request has changed %v: %s", changed, what)
	before := a.quiet()
	status, _, _, err := a.send(req, a.cookies[role])
	require.NoError(a.t, err)
	again := a.quiet().differs(before)
	require.Empty(a.t, again, "a refused request has changed %v, and sent again (%d) as well: %s", changed, status, what)
	a.t.Logf("%v changed a moment after something was let in: %s", changed, what)
	return before
}
