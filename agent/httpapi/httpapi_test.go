package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/auth"
	"hotline/agent/door"
	"hotline/agent/door/doortest"
	"hotline/agent/httpapi"
	"hotline/agent/policy"
	"hotline/agent/store"
	"hotline/deploy/migrations/pgtest"
)

const good = "korrekt-pferd-batterie"

// desk is the API over a real database, with a fake exchange and no index.
type desk struct {
	pool    *pgxpool.Pool
	store   *store.Store
	auth    *auth.Service
	service *agent.Service
	handler http.Handler
}

type silent struct{}

func (silent) Put(context.Context, string, string, string) error { return nil }
func (silent) Drop(context.Context, string) error                { return nil }

func setup(t *testing.T, sipSeats bool) *desk {
	t.Helper()
	d := &desk{pool: pgtest.New(t)}
	log := slog.New(slog.DiscardHandler)
	d.store = store.New(d.pool, nil)
	d.service = &agent.Service{Store: d.store, Phones: silent{}, Now: time.Now, Log: log, Realm: "hotline"}
	var err error
	d.auth = auth.New(auth.Config{
		Store: d.store, Now: time.Now, Log: log, Wait: func(context.Context, time.Duration) error { return nil },
		Params: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32},
	})
	units, err := store.SampleUnits()
	require.NoError(t, err)
	require.NoError(t, d.store.PutUnits(t.Context(), units))
	require.NoError(t, d.store.PutLine(t.Context(), store.Line{ID: "session", Name: "接热线", Number: "12345"}))
	require.NoError(t, d.store.PutSeats(t.Context(), time.Now(),
		store.Seat{ID: "A01", Line: "session", Kind: agent.SeatOfficial, Unit: "MED", Label: "1号席"},
		store.Seat{ID: "A02", Line: "session", Kind: agent.SeatOfficial, Unit: "MED", Label: "2号席"}))

	mux := &door.Mux{}
	api := mux.API(door.Config("test", "1"))
	httpapi.Register(api, httpapi.Deps{
		Service: d.service, Door: d.auth, Hall: d.store, SIPSeats: sipSeats, Log: log,
		SIPNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.1.2.0/24")},
		Position:    func(context.Context) (string, error) { return "12-34", nil },
	})
	d.handler = doortest.Of(t, api).Checked(t, d.auth.Identify(mux))
	return d
}

// browser is one browser with its cookies.
type browser struct {
	t      *testing.T
	desk   *desk
	cookie *http.Cookie
}

// person is somebody signed in to whom every place is assigned.
func (d *desk) person(t *testing.T, name string, roles ...agent.Role) *browser {
	t.Helper()
	p, err := d.auth.CreatePerson(t.Context(), auth.NewPerson{LoginName: name, Name: "名" + name, Unit: "MED", Roles: roles, Password: good}, "cli:root")
	require.NoError(t, err)
	_, err = d.pool.Exec(t.Context(), `INSERT INTO assignment (id, seat, place, person, made_at)
		SELECT gen_random_uuid(), s.id, p.place, $1, now() FROM seat s, unnest('{official,recorder,operator}'::text[]) AS p (place)`, string(p.ID))
	require.NoError(t, err)
	b := &browser{t: t, desk: d}
	w := b.do(http.MethodPost, "/api/v1/login", `{"login_name":"`+name+`","password":"`+good+`"}`)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	require.Equal(t, "sid", w.Result().Cookies()[0].Name)
	b.cookie = w.Result().Cookies()[0]
	return b
}

func (b *browser) do(method, path, body string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	w := httptest.NewRecorder()
	b.desk.handler.ServeHTTP(w, r)
	return w
}

// ok does what must succeed, and returns the answer.
func (b *browser) ok(method, path, body string) map[string]any {
	b.t.Helper()
	w := b.do(method, path, body)
	require.Less(b.t, w.Code, 300, "%s %s: %s", method, path, w.Body)
	if w.Body.Len() == 0 {
		return nil
	}
	return decode(b.t, w)
}

// refused does what must fail, and returns status and code.
func (b *browser) refused(method, path, body string) (int, string) {
	b.t.Helper()
	w := b.do(method, path, body)
	require.GreaterOrEqual(b.t, w.Code, 400, "%s %s: %s", method, path, w.Body)
	kind, _ := decode(b.t, w)["type"].(string)
	return w.Code, strings.TrimPrefix(kind, "urn:hotline:")
}

func decode(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v), "%s", w.Body)
	return v
}

func TestAnOfficialsMorning(t *testing.T) {
	t.Parallel()
	d := setup(t, false)
	li := d.person(t, "li", agent.RoleOfficial)
	require.Nil(t, li.ok(http.MethodGet, "/api/v1/session", "")["session"])
	_, err := d.store.OpenSession(t.Context(), store.NewSession{Unit: "MED", Theme: "异地就医", OpensAt: time.Now(), ClosesAt: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	require.Equal(t, "省医保局", li.ok(http.MethodGet, "/api/v1/session", "")["session"].(map[string]any)["unit_name"])

	me := li.ok(http.MethodGet, "/api/v1/me", "")
	require.Nil(t, me["seat"])
	require.Equal(t, "省医保局", me["person"].(map[string]any)["unit_name"])
	require.Equal(t, []any{"official"}, me["roles"])

	seats := li.ok(http.MethodGet, "/api/v1/seats", "")
	require.Equal(t, "12-34", seats["position"])
	require.Len(t, seats["seats"], 2)
	require.Contains(t, seats["assigned"], map[string]any{"seat": "A01", "place": "official"})
	seat := li.ok(http.MethodPost, "/api/v1/seats/A01/take", `{"place":"official","take_over":false}`)
	require.Equal(t, "名li", seat["person"].(map[string]any)["name"])
	require.Equal(t, "busy", seat["shown"])
	me = li.ok(http.MethodGet, "/api/v1/me", "")
	require.Equal(t, map[string]any{"id": "A01", "place": "official"}, me["seat"])

	acc := li.ok(http.MethodPost, "/api/v1/seats/A01/phone", `{"client":"page-1","phone":"browser"}`)
	require.Equal(t, "sip:"+acc["endpoint"].(string)+"@hotline", acc["uri"])
	require.Len(t, acc["ha1"], 32)
	require.Equal(t, "/sip", acc["path"])
	code, kind := li.refused(http.MethodPost, "/api/v1/seats/A01/intent", `{"intent":"ready","version":3}`)
	require.Equal(t, http.StatusConflict, code)
	require.Equal(t, "device.not_ok", kind)
	require.NoError(t, d.service.EndpointOnline(t.Context(), acc["endpoint"].(string), true))
	require.Equal(t, http.StatusNoContent, li.do(http.MethodPost, "/api/v1/seats/A01/device", `{"client":"page-1","device":"ok"}`).Code)
	code, kind = li.refused(http.MethodPost, "/api/v1/seats/A01/intent", `{"intent":"ready","version":3}`)
	require.Equal(t, http.StatusConflict, code)
	require.Equal(t, "version.stale", kind)
	seat = li.ok(http.MethodPost, "/api/v1/seats/A01/intent", `{"intent":"ready","version":4}`)
	require.Equal(t, "ready", seat["shown"])
	seat = li.ok(http.MethodPost, "/api/v1/seats/A01/intent", `{"intent":"rest","rest_code":"meal","rest_minutes":30,"version":5}`)
	require.Equal(t, "rest", seat["shown"])
	require.NotNil(t, seat["rest_until"])
	seat = li.ok(http.MethodPost, "/api/v1/seats/A01/sign-out", `{"place":"official"}`)
	require.Nil(t, seat["person"])

	require.Equal(t, http.StatusNoContent, li.do(http.MethodPost, "/api/v1/logout", "").Code)
	code, kind = li.refused(http.MethodGet, "/api/v1/me", "")
	require.Equal(t, http.StatusUnauthorized, code)
	require.Equal(t, "login.required", kind)
}

// RS4: who is not assigned to a place is told so, and is offered no place.
func TestNotAssigned(t *testing.T) {
	t.Parallel()
	d := setup(t, false)
	li := d.person(t, "li", agent.RoleOfficial)
	_, err := d.pool.Exec(t.Context(), `DELETE FROM assignment`)
	require.NoError(t, err)
	require.Empty(t, li.ok(http.MethodGet, "/api/v1/seats", "")["assigned"])
	code, kind := li.refused(http.MethodPost, "/api/v1/seats/A01/take", `{"place":"official"}`)
	require.Equal(t, http.StatusForbidden, code)
	require.Equal(t, "seat.not_assigned", kind)
}

// Who leaves a place where nobody sits is shown the seat again, and only one that is theirs to look at.
func TestLeavingAFreePlaceShowsNoForeignSeat(t *testing.T) {
	t.Parallel()
	d := setup(t, false)
	clerk := d.person(t, "clerk", agent.RoleUnit)
	clerk.ok(http.MethodPost, "/api/v1/seats/A01/sign-out", `{"place":"recorder"}`)
	_, err := d.pool.Exec(t.Context(), `DELETE FROM assignment`)
	require.NoError(t, err)
	status, code := clerk.refused(http.MethodPost, "/api/v1/seats/A01/sign-out", `{"place":"recorder"}`)
	require.Equal(t, http.StatusForbidden, status)
	require.Equal(t, "not_allowed", code)
	status, _ = clerk.refused(http.MethodPost, "/api/v1/seats/Z99/sign-out", `{"place":"recorder"}`)
	require.Equal(t, http.StatusNotFound, status)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	d := setup(t, false)
	li, wang, rec := d.person(t, "li", agent.RoleOfficial), d.person(t, "wang", agent.RoleOfficial), d.person(t, "rec", agent.RoleRecorder)
	boss, nobody := d.person(t, "boss", agent.RoleSupervisor), &browser{t: t, desk: d}
	li.ok(http.MethodPost, "/api/v1/seats/A01/take", `{"place":"official"}`)
	li.ok(http.MethodPost, "/api/v1/seats/A01/phone", `{"client":"page-1","phone":"browser"}`)
	for _, c := range []struct {
		who        *browser
		path, body string
		status     int
		code       string
	}{
		{nobody, "/api/v1/login", `{"login_name":"li","password":"wrong"}`, 401, "login.wrong"},
		{nobody, "/api/v1/login", `{"login_name":"nobody","password":"` + good + `"}`, 401, "login.wrong"},
		{nobody, "/api/v1/login", `{"login_name":"li","password":"` + strings.Repeat("x", 2000) + `"}`, 401, "login.wrong"},
		{nobody, "/api/v1/seats/A01/take", `{"place":"official"}`, 401, "login.required"},
		{wang, "/api/v1/seats/A01/take", `{"place":"official"}`, 409, "seat.taken"},
		{wang, "/api/v1/seats/A01/take", `{"place":"official","take_over":true}`, 409, "seat.taken"},
		{li, "/api/v1/seats/A01/take", `{"place":"official"}`, 409, "seat.taken"},
		{li, "/api/v1/seats/A02/take", `{"place":"official"}`, 409, "person.elsewhere"},
		{wang, "/api/v1/seats/A99/take", `{"place":"official"}`, 404, "not_found"},
		{rec, "/api/v1/seats/A02/take", `{"place":"official"}`, 403, "not_allowed"},
		{wang, "/api/v1/seats/A02/take", `{"place":"recorder"}`, 403, "not_allowed"},
		{wang, "/api/v1/seats/A01/sign-out", `{"place":"official"}`, 403, "not_allowed"},
		{wang, "/api/v1/seats/A01/phone", `{"client":"page-9","phone":"browser"}`, 403, "not_allowed"},
		{wang, "/api/v1/seats/A01/intent", `{"intent":"busy","version":3}`, 403, "not_allowed"},
		{boss, "/api/v1/seats/A01/intent", `{"intent":"busy","version":3}`, 422, "reason.missing"},
		{boss, "/api/v1/seats/A01/sign-out", `{"place":"official"}`, 422, "reason.missing"},
		{li, "/api/v1/seats/A01/device", `{"client":"page-0","device":"ok"}`, 409, "client.replaced"},
		{li, "/api/v1/seats/A01/intent", `{"intent":"rest","version":3}`, 422, "field.rest_code"},
		{li, "/api/v1/seats/A01/phone", `{"client":"page-1","phone":"sip","contact":"sip:A01@127.0.0.3:5070"}`, 422, "field.phone"},
		{li, "/api/v1/seats/A01/cancel-pending", `{"version":1}`, 409, "version.stale"},
	} {
		status, code := c.who.refused(http.MethodPost, c.path, c.body)
		require.Equal(t, c.status, status, "%s %s", c.path, c.body)
		require.Equal(t, c.code, code, "%s %s", c.path, c.body)
	}
	taken := wang.do(http.MethodPost, "/api/v1/seats/A01/take", `{"place":"official"}`)
	require.Equal(t, "名li 正在使用，请选择别的席位。", decode(t, taken)["detail"])
	boss.ok(http.MethodPost, "/api/v1/seats/A01/sign-out", `{"place":"official","reason":"散场"}`)
}

// RS8: whoever has to wait is told for how long.
func TestTooManyIsTold(t *testing.T) {
	t.Parallel()
	d := setup(t, false)
	nobody := &browser{t: t, desk: d}
	for i := range 30 {
		status, _ := nobody.refused(http.MethodPost, "/api/v1/login", fmt.Sprintf(`{"login_name":"n%d","password":"wrong"}`, i))
		require.Equal(t, http.StatusUnauthorized, status)
	}
	w := nobody.do(http.MethodPost, "/api/v1/login", `{"login_name":"li","password":"`+good+`"}`)
	require.Equal(t, http.StatusTooManyRequests, w.Code, w.Body)
	require.Equal(t, "urn:hotline:too_many", decode(t, w)["type"])
	require.Regexp(t, "^(900|8[0-9][0-9])$", w.Header().Get("Retry-After"))
}

// RS12: a seat's contact is dialled, so it is the seat's own name at an address where telephones of seats are, and nothing else.
func TestContactIsTheSeatsOwn(t *testing.T) {
	t.Parallel()
	d := setup(t, true)
	li := d.person(t, "li", agent.RoleOfficial)
	li.ok(http.MethodPost, "/api/v1/seats/A01/take", `{"place":"official"}`)
	for _, bad := range []string{
		"", "127.0.0.3:5070", "sip:A02@127.0.0.3:5070", "sip:00442012345678@127.0.0.3:5070", "sip:a01@127.0.0.3:5070", "sip:A01@10.1.3.1:5070", "sip:A01@192.168.1.1:5060",
		"sip:A01@127.0.0.3", "sip:A01@127.0.0.3:0", "sip:A01@127.0.0.3:5070;user=phone", "sip:A01@127.0.0.3:05070", "sip:A01@[::1]:5070", "sips:A01@127.0.0.3:5070",
		"sip:A01@pbx:5070", "sip:A01@A01@127.0.0.3:5070", "sip:A01@127.0.0.3:5070,sip:9@8.8.8.8:5060", "sip:A01@::ffff:127.0.0.3:5070",
	} {
		status, code := li.refused(http.MethodPost, "/api/v1/seats/A01/phone", `{"client":"page-1","phone":"sip","contact":"`+bad+`"}`)
		require.Equal(t, http.StatusUnprocessableEntity, status, bad)
		require.Equal(t, "field.contact", code, bad)
	}
	for _, good := range []string{"sip:A01@127.0.0.3:5070", "sip:A01@10.1.2.77:5060"} {
		li.ok(http.MethodPost, "/api/v1/seats/A01/phone", `{"client":"page-1","phone":"sip","contact":"`+good+`"}`)
	}
}

// V2.2.2: what the schema does not know is refused, and nothing changes.
func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	d := setup(t, true)
	li := d.person(t, "li", agent.RoleOfficial)
	li.ok(http.MethodPost, "/api/v1/seats/A01/take", `{"place":"official"}`)
	for _, c := range []struct{ path, body string }{
		{"/api/v1/seats/A01/take", `{"place":"official","as":"king"}`},
		{"/api/v1/seats/A01/take", `{"place":"throne"}`},
		{"/api/v1/seats/A01/take", `{`},
		{"/api/v1/seats/A01/take", ``},
		{"/api/v1/seats/a01/take", `{"place":"official"}`},
		{"/api/v1/seats/A01/intent", `{"intent":"ready"}`},
		{"/api/v1/seats/A01/intent", `{"intent":"lunch","version":2}`},
		{"/api/v1/seats/A01/intent", `{"intent":"rest","rest_code":"meal","rest_minutes":481,"version":2}`},
		{"/api/v1/seats/A01/device", `{"client":"page-1","device":"unregistered"}`},
		{"/api/v1/seats/A01/phone", `{"client":"","phone":"browser"}`},
		{"/api/v1/seats/A01/phone", `{"client":"a b","phone":"browser"}`},
		{"/api/v1/seats/A01/phone", `{"client":"p","phone":"browser","contact":"sip:A01@127.0.0.3:5070"}`},
		{"/api/v1/seats/A01/phone", `{"client":"p","phone":"sip","contact":"sip:A01@203.0.113.9:5070"}`},
		{"/api/v1/seats/A01/phone", `{"client":"p","phone":"sip","contact":"sip:A01@127.0.0.3:5070\ntype=global"}`},
		{"/api/v1/seats/A01/phone", `{"client":"p","phone":"sip","contact":""}`},
		{"/api/v1/seats/A01/take", `{"place":"` + strings.Repeat("x", 9000) + `"}`},
	} {
		w := li.do(http.MethodPost, c.path, c.body)
		require.Contains(t, []int{400, 413, 422}, w.Code, "%s %.80s: %s", c.path, c.body, w.Body)
	}
	seat := li.ok(http.MethodGet, "/api/v1/seats/A01", "")
	require.InEpsilon(t, 2, seat["version"], 0)
	li.ok(http.MethodPost, "/api/v1/seats/A01/phone", `{"client":"p","phone":"sip","contact":"sip:A01@127.0.0.3:5070"}`)
	require.Equal(t, "ok", li.ok(http.MethodGet, "/api/v1/seats/A01", "")["device"])
}

// V8.2: function rights at the door, one row per read, one letter per role. The seat is assigned to everybody.
func TestRightsAtTheDoor(t *testing.T) {
	t.Parallel()
	d := setup(t, false)
	// official, recorder, operator, supervisor, office, unit, system, security, audit
	golden := map[string]string{"/api/v1/me": "xxxxxxxxx", "/api/v1/session": "xxxxxxxxx", "/api/v1/seats": "xxxxxxx--", "/api/v1/seats/A01": "xxxxxxx--"}
	rows := map[string]string{}
	for _, r := range policy.Roles() {
		b := d.person(t, strings.ReplaceAll(string(r), "_", "-"), r)
		for path := range golden {
			mark := "x"
			if w := b.do(http.MethodGet, path, ""); w.Code != http.StatusOK {
				require.Equal(t, http.StatusForbidden, w.Code)
				mark = "-"
			}
			rows[path] += mark
		}
	}
	require.Equal(t, golden, rows)
}

func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	d := setup(t, false)
	li := d.person(t, "li", agent.RoleOfficial)
	li.ok(http.MethodPost, "/api/v1/seats/A01/take", `{"place":"official"}`)
	acc := li.ok(http.MethodPost, "/api/v1/seats/A01/phone", `{"client":"page-1","phone":"browser"}`)
	for _, path := range []string{"/api/v1/seats", "/api/v1/seats/A01", "/api/v1/me"} {
		answer := li.do(http.MethodGet, path, "").Body.String()
		require.NotContains(t, answer, acc["ha1"])
		require.NotContains(t, answer, acc["endpoint"])
		require.NotContains(t, answer, "argon2")
	}
	var told int
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT count(*) FROM fact WHERE data::text LIKE '%' || $1 || '%'`, acc["ha1"]).Scan(&told))
	require.Zero(t, told)
}
