package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/audit"
	"hotline/agent/door"
	"hotline/cmd/sim/seat"
)

// doors are those of the server, as the trail sees them.
func doors() *door.Mux {
	mux := &door.Mux{}
	(&server{}).register(newAPI(mux))
	(&server{}).sockets(mux)
	return mux
}

// Every operation has a name in the trail, so that a refusal of it can be told, and says what of it is kept: whoever adds one that shows
// something of a citizen, or does something that no fact and no record tells, has to say more than nothing.
func TestEveryDoorIsNamed(t *testing.T) {
	t.Parallel()
	mux := doors()
	require.NoError(t, mux.Err())
	api := newAPI(&door.Mux{})
	(&server{}).register(api)
	patterns := []string{"GET /ws", "GET /sip"}
	for path, item := range api.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PATCH": item.Patch, "PUT": item.Put, "DELETE": item.Delete} {
			if op != nil {
				patterns = append(patterns, method+" "+path)
			}
		}
	}
	kept := map[string]string{}
	for _, pattern := range patterns {
		d, ok := mux.Watched(pattern)
		require.True(t, ok, pattern)
		require.Regexp(t, `^[a-z_]+\.[a-z_]+$`, d.Action, pattern)
		require.NotEmpty(t, d.Kind, pattern)
		require.Equal(t, strings.Contains(pattern, "{"), d.Param != "", pattern)
		if d.Kept != door.Elsewhere {
			kept[pattern] = strings.Join([]string{d.Action, d.Kind, d.Param}, " ")
		}
	}
	require.Equal(t, map[string]string{
		"POST /api/v1/login":               "login.in login ",
		"POST /api/v1/logout":              "login.out login ",
		"GET /api/v1/tickets":              "tickets.read tickets ",
		"GET /api/v1/tickets/{id}":         "tickets.read ticket id",
		"GET /api/v1/calls/{call}/tickets": "tickets.read call call",
		"GET /api/v1/callbacks":            "callbacks.read callbacks ",
		// GET /api/v1/calls/{call}/pop is shown to the seat to which the call is offered, while it rings: the offer's row says to whom.
	}, kept)
	for _, pattern := range []string{"GET /", "GET /healthz"} {
		_, ok := mux.Watched(pattern)
		require.False(t, ok, pattern)
	}
}

// trail is every record but those of what a test makes ready.
func (b *bundle) trail(t *testing.T) []string {
	t.Helper()
	rows, err := b.db.Query(t.Context(), `SELECT concat_ws(' ', a.action, a.subject, coalesce(p.login_name, a.actor), a.outcome, a.address, a.reason)
FROM audit a LEFT JOIN person p ON a.actor = 'person:' || p.id WHERE a.actor <> 'test' AND a.actor !~ '^cli:' ORDER BY a.id`)
	require.NoError(t, err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return out
}

// RS14: sign-ins, refusals and reads of tickets leave a record, each where its request came from; what is neither leaves none.
func TestReadsAndRefusalsLeaveARecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	for _, name := range []string{"jieting", "kaihui-anpai 2026!"} { // the second is a password in the wrong field
		_, err := seat.SignIn(ctx, b.base, name, "nicht-dieses-wort")
		refused(t, err, http.StatusUnauthorized, "login.wrong")
	}
	official, err := seat.SignIn(ctx, b.base, "jieting", password)
	require.NoError(t, err)
	supervisor, err := seat.SignIn(ctx, b.base, "banzhang", password)
	require.NoError(t, err)
	require.NoError(t, supervisor.Do(ctx, http.MethodGet, "/api/v1/tickets", nil, nil))
	const ticket = "01234567-89ab-7def-8123-456789abcdef"
	refused(t, supervisor.Do(ctx, http.MethodGet, "/api/v1/tickets/"+ticket, nil, nil), http.StatusNotFound, "not_found")
	refused(t, official.Do(ctx, http.MethodGet, "/api/v1/board", nil, nil), http.StatusForbidden, "not_allowed")
	require.NoError(t, supervisor.Do(ctx, http.MethodGet, "/api/v1/board", nil, nil))
	for _, path := range []string{"/api/v1/tickets/" + ticket, "/ws", "/sip"} {
		answer(t, b.base+path, nil)
	}
	require.Equal(t, http.StatusForbidden, answer(t, b.base+"/api/v1/logout", http.Header{"Sec-Fetch-Site": {"cross-site"}}))
	require.NoError(t, official.Do(ctx, http.MethodPost, "/api/v1/logout", nil, nil))
	got := b.trail(t)
	require.Equal(t, []string{
		"login.in login:jieting anonymous refused 127.0.0.1 Unauthorized",
		"login.in login anonymous refused 127.0.0.1 Unauthorized",
		"login.in login:jieting jieting done 127.0.0.1 ",
		"login.in login:banzhang banzhang done 127.0.0.1 ",
		"tickets.read tickets banzhang done 127.0.0.1 ",
		"tickets.read ticket:" + ticket + " banzhang refused 127.0.0.1 Not Found",
		"board.read board jieting refused 127.0.0.1 Forbidden",
		"tickets.read ticket:" + ticket + " anonymous refused 127.0.0.1 Unauthorized",
		"socket.open socket anonymous refused 127.0.0.1 Unauthorized",
		"seat.phone phone anonymous refused 127.0.0.1 Unauthorized",
		"door.foreign door anonymous refused 127.0.0.1 Forbidden",
		"login.out login jieting done 127.0.0.1 ",
	}, got)

	require.Eventually(t, func() bool { // the server seals by itself, and anchors
		var left int
		err := b.db.QueryRow(ctx, `SELECT count(*) FROM audit a WHERE NOT EXISTS (SELECT FROM audit_seal s WHERE s.id = a.id)`).Scan(&left)
		return err == nil && left == 0
	}, 20*time.Second, 20*time.Millisecond)
}

// reliability.md 8: what people do to tickets and to others' seats leaves one record each, with where it came from, and with nothing of
// what a citizen said.
func TestActsLeaveOneRecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	one, _ := b.twoUnits(t)
	b.sitDown(t, one)
	b.serve(t, one, "13800000001")
	boss, err := seat.SignIn(ctx, b.base, "banzhang", password)
	require.NoError(t, err)
	signedIn := len(b.trail(t))

	var draft, now struct{ Version int64 }
	path := "/api/v1/tickets/" + one.ticket
	require.NoError(t, one.official.Do(ctx, http.MethodGet, path, nil, &draft))
	edit := map[string]any{"version": draft.Version, "title": said, "content": said, "class": "consultation", "outcome": "answered", "answer": said}
	require.NoError(t, one.official.Do(ctx, http.MethodPatch, path, edit, &draft))
	edit["version"], edit["content"] = draft.Version, said+"13800000001"
	require.NoError(t, one.official.Do(ctx, http.MethodPatch, path, edit, &draft))
	require.NoError(t, one.official.Do(ctx, http.MethodPost, path+"/register", map[string]any{"version": draft.Version}, nil))
	require.Error(t, one.official.Do(ctx, http.MethodPost, path+"/register", map[string]any{"version": draft.Version}, nil))
	refused(t, one.clerk.Do(ctx, http.MethodPost, "/api/v1/calls/"+one.call+"/appeals", nil, nil), http.StatusForbidden, "not_allowed")
	require.NoError(t, boss.Do(ctx, http.MethodGet, "/api/v1/seats/"+one.seat, nil, &now))
	forced := map[string]any{"intent": "busy", "version": now.Version, "reason": "检修"}
	require.NoError(t, boss.Do(ctx, http.MethodPost, "/api/v1/seats/"+one.seat+"/intent", forced, nil))
	require.Equal(t, []string{
		"tickets.read ticket:" + one.ticket + " u-official-2 done 127.0.0.1 ",
		"ticket.drafted ticket:" + one.ticket + " u-official-2 done 127.0.0.1 ",
		"ticket.closed ticket:" + one.ticket + " u-official-2 done 127.0.0.1 ",
		"tickets.write call:" + one.call + " u-unit-2 refused 127.0.0.1 Forbidden",
		"seat.intent seat:" + one.seat + " banzhang done 127.0.0.1 检修",
	}, b.trail(t)[signedIn:])
	var told int
	require.NoError(t, b.db.QueryRow(ctx, `SELECT count(*) FROM audit a WHERE a::text ~ $1`, said+"|1380000000").Scan(&told))
	require.Zero(t, told, "the trail holds nothing of a citizen")
}

// RS14: an edit that changes nothing, or comes too late, is answered with the ticket as it is: that is a read, and is recorded as one,
// once while the two texts are settled.
func TestWhatAnEditShowsIsRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	one, _ := b.twoUnits(t)
	b.sitDown(t, one)
	b.serve(t, one, "13800000001")
	var draft struct{ Version int64 }
	path := "/api/v1/tickets/" + one.ticket
	require.NoError(t, one.official.Do(ctx, http.MethodGet, path, nil, &draft))
	edit := map[string]any{"version": draft.Version, "title": said}
	require.NoError(t, one.official.Do(ctx, http.MethodPatch, path, edit, &draft))
	read := "tickets.read ticket:" + one.ticket + " u-official-2 done 127.0.0.1 "
	reads := func() int { return strings.Count(strings.Join(b.trail(t), "\n"), read) }
	require.Equal(t, 1, reads())
	edit["version"] = draft.Version
	for range 2 {
		require.NoError(t, one.official.Do(ctx, http.MethodPatch, path, edit, nil))
		require.Equal(t, 2, reads(), "what the edits were shown")
	}
}

const said = "光武镇的井盖"

// answer asks without a login; a POST when there are headers.
func answer(t *testing.T, url string, headers http.Header) int {
	t.Helper()
	method := http.MethodGet
	if headers != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	require.NoError(t, err)
	maps.Copy(req.Header, headers)
	res, err := http.DefaultClient.Do(req) //nolint:forbidigo // a test's own request
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}

// What becomes a record: an exchange that is away is asked again by every page each second, and is no matter for the trail.
func TestOutcomesOfRequests(t *testing.T) {
	t.Parallel()
	for status, want := range map[int][2]int{200: {1, 0}, 204: {1, 0}, 304: {1, 0}, 401: {1, 1}, 403: {1, 1}, 429: {1, 1}, 404: {}, 409: {}, 422: {}, 500: {1, 0}, 503: {1, 0}} {
		kept := &fakeTrail{}
		tr := newTrail(kept, doors().Watched, time.Now, slog.New(slog.DiscardHandler))
		mux := http.NewServeMux()
		answered := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
		mux.HandleFunc("GET /api/v1/tickets/{id}", answered)
		mux.HandleFunc("GET /sip", answered)
		mux.HandleFunc("GET /", answered)
		for i, path := range []string{"/api/v1/tickets/1", "/sip", "/index.html"} {
			kept.rows = 0
			tr.wrap(mux).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
			require.Equal(t, append(want[:], 0)[i], kept.rows, "%s %d", path, status)
		}
	}
}

type fakeTrail struct {
	rows int
	err  error
}

func (f *fakeTrail) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	if f.err == nil {
		f.rows++
	}
	return pgconn.CommandTag{}, f.err
}

// Nobody who has not signed in fills the disk: of an address so many refusals a minute are kept, and the rest is counted.
func TestRefusalsOfStrangersAreBounded(t *testing.T) {
	t.Parallel()
	kept, said, now := &fakeTrail{}, &bytes.Buffer{}, time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)
	tr := newTrail(kept, doors().Watched, func() time.Time { return now }, slog.New(slog.NewTextHandler(said, nil)))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	h := tr.wrap(mux)
	knock := func(address string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ws", http.NoBody)
		r.RemoteAddr = address
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	for range 3 * knocksKept {
		knock("10.0.0.1:99")
	}
	require.Equal(t, knocksKept, kept.rows)
	knock("10.0.0.2:99")
	require.Equal(t, knocksKept+1, kept.rows, "another address is another matter")
	for i := range 2 * knockers {
		knock(fmt.Sprintf("[2001:db8::%x]:99", i))
	}
	require.Equal(t, knocksKept+1+knockers-2+knocksKept, kept.rows, "of more addresses than that, all together")
	require.Len(t, tr.knocks, knockers+1)
	now = now.Add(knockWindow)
	knock("10.0.0.1:99")
	require.Equal(t, knocksKept+1+knockers-2+knocksKept+1, kept.rows)
	require.Contains(t, said.String(), "more=", "how many were not kept")

	mux.HandleFunc("POST /api/v1/logout", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	before := kept.rows
	for range 3 * knocksKept {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/logout", http.NoBody)
		r.RemoteAddr = "10.0.0.9:99"
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	require.Equal(t, before+knocksKept, kept.rows, "nor by what is refused to nobody")

	kept.err = context.DeadlineExceeded
	knock("10.0.0.3:99")
	require.Contains(t, said.String(), "address=10.0.0.3", "what cannot be written is told whole")
}

// A list that a page reads again with each piece of news is one record a minute of its person.
func TestListsLeaveARecordAMinute(t *testing.T) {
	t.Parallel()
	kept, now := &fakeTrail{}, time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)
	tr := newTrail(kept, doors().Watched, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/tickets", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /api/v1/tickets/{id}", func(http.ResponseWriter, *http.Request) {})
	read := func(person, path string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		tr.wrap(mux).ServeHTTP(httptest.NewRecorder(), r.WithContext(agent.NewContext(r.Context(), agent.Identity{Person: agent.PersonID(person)})))
	}
	for range 3 {
		read("a", "/api/v1/tickets")
		read("b", "/api/v1/tickets")
	}
	require.Equal(t, 2, kept.rows)
	read("a", "/api/v1/tickets/1")
	read("a", "/api/v1/tickets/1")
	require.Equal(t, 4, kept.rows, "each ticket is")
	now = now.Add(knockWindow)
	read("a", "/api/v1/tickets")
	require.Equal(t, 5, kept.rows)
}

// RS14: nobody reads what leaves no record, however long it is; who asks again when records can be written reads it.
func TestNothingIsReadWithoutARecord(t *testing.T) {
	t.Parallel()
	kept := &fakeTrail{err: context.DeadlineExceeded}
	tr := newTrail(kept, doors().Watched, time.Now, slog.New(slog.DiscardHandler))
	long := strings.Repeat("何某某说 ", 10_000)
	mux := http.NewServeMux()
	for _, pattern := range []string{"GET /api/v1/tickets", "GET /api/v1/tickets/{id}", "GET /api/v1/board"} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(long)) })
	}
	mux.HandleFunc("PATCH /api/v1/tickets/{id}", func(w http.ResponseWriter, r *http.Request) {
		audit.Show(r.Context(), "tickets.read", "ticket:"+r.PathValue("id"))
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte(long))
	})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tr.wrap(mux).ServeHTTP(w, r.WithContext(agent.NewContext(r.Context(), agent.Identity{Person: "a"})))
	}))
	defer srv.Close()
	ask := func(method, path string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, http.NoBody)
		require.NoError(t, err)
		res, err := srv.Client().Do(req)
		require.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		text, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return res.StatusCode, string(text)
	}
	kinds := [][]string{{http.MethodGet, "/api/v1/tickets"}, {http.MethodGet, "/api/v1/tickets/1"}, {http.MethodPatch, "/api/v1/tickets/1"}}
	for _, q := range kinds {
		status, text := ask(q[0], q[1])
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.NotContains(t, text, "何某某")
		require.Contains(t, text, `"code":"unrecorded"`)
	}
	status, text := ask(http.MethodGet, "/api/v1/board")
	require.Equal(t, http.StatusOK, status, "what needs no record is not held back")
	require.Equal(t, long, text)
	kept.err = nil
	for i, q := range kinds {
		status, text := ask(q[0], q[1])
		require.Equal(t, []int{http.StatusOK, http.StatusOK, http.StatusConflict}[i], status)
		require.Equal(t, long, text)
	}
	require.Equal(t, 3, kept.rows, "a list that left no record is kept when it is read")
}

// `hotline verify` names a row of the trail that somebody has changed (I11).
func TestVerifyNamesAChangedRecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := seat.SignIn(t.Context(), b.base, "banzhang", password)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		var sealed bool
		return b.db.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM audit_seal)`).Scan(&sealed) == nil && sealed
	}, 20*time.Second, 20*time.Millisecond)
	verify := func() (int, string) {
		return command(t, nil, "verify", "--reactions-database-url-file="+b.srv.settings.ReactionsURLFile, "--audit-anchor-file="+b.srv.settings.NumberKeyFile+".anchor")
	}
	code, said := command(t, nil, "verify", "--reactions-database-url-file="+b.srv.settings.ReactionsURLFile, "--audit-anchor-file="+t.TempDir())
	require.Equal(t, 1, code)
	require.Contains(t, said, "not examined: I11: read the anchor file")
	require.Contains(t, said, "I10", "the others are told all the same")
	code, said = verify()
	require.Equal(t, 0, code, said)
	require.Contains(t, said, "I11 hold")
	_, err = b.db.Exec(t.Context(), `BEGIN; SET LOCAL session_replication_role = replica; UPDATE audit SET address = '10.1.1.1'; COMMIT`)
	require.NoError(t, err)
	code, said = verify()
	require.Equal(t, 1, code)
	require.Contains(t, said, "I11 audit rows changed after they were sealed: row 1 (vault.init)")
}
