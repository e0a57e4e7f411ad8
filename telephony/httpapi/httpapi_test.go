package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2/humatest"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/command"
	"hotline/agent/door"
	"hotline/agent/door/doortest"
	"hotline/agent/vault/vaulttest"
	"hotline/deploy/migrations/pgtest"
	"hotline/realtime/factlog"
	"hotline/telephony"
	"hotline/telephony/httpapi"
	"hotline/telephony/store"
)

var (
	at = time.Date(2026, 11, 26, 0, 30, 0, 0, time.UTC)

	_ httpapi.Reader = (*store.Store)(nil)
)

// controller is a fake of ten lines: it notes what it was told and answers as it is told to.
type controller struct {
	told []string
	err  error
}

func (c *controller) Decline(_ context.Context, o telephony.OfferID, actor, reason string) error {
	c.told = append(c.told, "decline "+string(o)+" "+actor+" "+reason)
	return c.err
}

func (c *controller) Hangup(_ context.Context, call telephony.CallID, by telephony.HungUp, actor string) error {
	c.told = append(c.told, fmt.Sprintf("hangup %s %+v %s", call, by, actor))
	return c.err
}

func (c *controller) Hold(_ context.Context, call telephony.CallID, e telephony.Held, actor string) error {
	c.told = append(c.told, fmt.Sprintf("hold %s %+v %s", call, e, actor))
	return c.err
}

func (c *controller) Mute(_ context.Context, call telephony.CallID, e telephony.Muted, actor string) error {
	c.told = append(c.told, fmt.Sprintf("mute %s %+v %s", call, e, actor))
	return c.err
}

// desk is a hall with one seat, its two people, and a call offered there.
type desk struct {
	t          *testing.T
	api        humatest.TestAPI
	pool       *pgxpool.Pool
	store      *store.Store
	controller *controller
	log        *bytes.Buffer
	call       telephony.Call

	official, recorder, deputy, stranger, supervisor agent.Identity
}

func setup(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, pool: pgtest.New(t), controller: &controller{}, log: &bytes.Buffer{}}
	d.store = store.New(d.pool, vaulttest.New(t))
	api := (&door.Mux{}).API(door.Config("hotline", "test"))
	httpapi.Register(api, httpapi.Deps{
		Reader: d.store, Commands: d.controller, Now: func() time.Time { return at.Add(time.Minute) },
		Log: slog.New(slog.NewTextHandler(d.log, nil)),
	})
	d.api = humatest.Wrap(t, doortest.API(t, api))
	d.official = d.person("official", agent.RoleOfficial)
	d.recorder = d.person("recorder", agent.RoleRecorder)
	d.deputy = d.person("deputy", agent.RoleOfficial)
	d.stranger = d.person("stranger", agent.RoleOfficial)
	d.supervisor = d.person("boss", agent.RoleSupervisor)
	d.exec(`INSERT INTO line (id, name) VALUES ('session', '接热线、办实事')`)
	d.exec(`INSERT INTO line_number (number, line, rank, during) VALUES ('12345', 'session', 0, 'session')`)
	d.exec(`INSERT INTO seat VALUES ('A01', 'session', 'official', NULL, '一号席')`)
	d.exec(`INSERT INTO seat_state (seat, person, recorder, deputy, endpoint, intent, device, since) VALUES ('A01', $1, $2, $3, 'ep', 'ready', 'ok', $4)`,
		d.official.Person, d.recorder.Person, d.deputy.Person, at)
	d.exec(`INSERT INTO seat_work (seat, since) VALUES ('A01', $1)`, at)
	d.call = d.offered()
	return d
}

func (d *desk) person(name string, role agent.Role) agent.Identity {
	d.t.Helper()
	who := agent.Identity{Person: agent.PersonID(id(d.t)), LoginName: name, Roles: []agent.Role{role}}
	d.exec(`INSERT INTO person (id, login_name, name, password_hash, created_at) VALUES ($1, $2, $2, '-', $3)`, who.Person, name, at)
	return who
}

func (d *desk) exec(sql string, args ...any) {
	d.t.Helper()
	_, err := d.pool.Exec(d.t.Context(), sql, args...)
	require.NoError(d.t, err, sql)
}

func (d *desk) offered() telephony.Call {
	d.t.Helper()
	ctx := d.t.Context()
	c, _, err := d.store.Arrive(ctx, 0, telephony.Arrival{
		ID: telephony.CallID(id(d.t)), Channel: "c1", Number: "13812345678", Dialled: "12345", At: at,
	})
	require.NoError(d.t, err)
	// The core's own words for it: admitted without a notice, in the line, offered.
	c.Rules = telephony.Rules{Ring: 20 * time.Second, Open: true}
	for _, e := range []telephony.Event{
		telephony.Arrived{Up: true},
		telephony.Offered{Offer: telephony.Offer{
			ID: telephony.OfferID(id(d.t)), Kind: telephony.OfferLine, Seat: "A01", Person: d.official.Person, Endpoint: "ep",
			OfferedAt: at, ExpiresAt: at.Add(20 * time.Second),
		}},
	} {
		after, records := telephony.Apply(c, e, at)
		change, stored := telephony.Gather(c, after, records, "controller", at)
		require.True(d.t, stored, "%T is stored", e)
		require.NoError(d.t, d.store.Save(ctx, 0, change))
		c = after
	}
	require.Len(d.t, c.Offers, 1)
	return c
}

func id(t *testing.T) string {
	t.Helper()
	v, err := uuid.NewV7()
	require.NoError(t, err)
	return v.String()
}

func (d *desk) as(who agent.Identity) context.Context {
	return agent.NewContext(d.t.Context(), who)
}

func (d *desk) refused(r *httptest.ResponseRecorder, status int, code string) {
	d.t.Helper()
	require.Equal(d.t, status, r.Code, r.Body.String())
	var p struct{ Type string }
	require.NoError(d.t, json.Unmarshal(r.Body.Bytes(), &p))
	require.Equal(d.t, "urn:hotline:"+code, p.Type)
}

type body = map[string]any

func TestCardIsForTheSeatsPeople(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for _, who := range []agent.Identity{d.official, d.recorder, d.supervisor} {
		r := d.api.GetCtx(d.as(who), "/api/v1/seats/A01/call")
		require.Equal(t, http.StatusOK, r.Code, r.Body.String())
		var got struct {
			Position string
			Call     *httpapi.Card
		}
		require.NoError(t, json.Unmarshal(r.Body.Bytes(), &got))
		require.NotEmpty(t, got.Position)
		require.Equal(t, &httpapi.Card{
			ID: string(d.call.ID), State: "offered", Masked: "138****5678", ArrivedAt: at, QueuedAt: &at, Seat: "A01", Version: d.call.Version,
			Offer: &httpapi.Offer{ID: string(d.call.Offers[0].ID), OfferedAt: at, ExpiresAt: at.Add(20 * time.Second)},
		}, got.Call)
		require.NotContains(t, r.Body.String(), "13812345678")
	}
	d.refused(d.api.GetCtx(d.as(d.stranger), "/api/v1/seats/A01/call"), http.StatusForbidden, "not_allowed")
	d.refused(d.api.GetCtx(d.as(d.supervisor), "/api/v1/seats/A99/call"), http.StatusNotFound, "not_found")
	d.refused(d.api.GetCtx(t.Context(), "/api/v1/seats/A01/call"), http.StatusUnauthorized, "login.required")
	require.Equal(t, http.StatusUnprocessableEntity, d.api.GetCtx(d.as(d.supervisor), "/api/v1/seats/x'--/call").Code)
}

// Who may do what, and what the controller is told then. The version is the controller's to compare: an old one goes to it
// like a new one (RT12).
func TestActsAreForTheSeatsPeople(t *testing.T) {
	t.Parallel()
	d := setup(t)
	call := "/api/v1/calls/" + string(d.call.ID)
	decline := "/api/v1/offers/" + string(d.call.Offers[0].ID) + "/decline"
	told := func(act, what string, who agent.Identity) string {
		return act + " " + string(d.call.ID) + " " + what + " " + who.Actor()
	}
	for _, c := range []struct {
		path string
		in   body
		may  map[string]string // what the controller is told, by who may
	}{
		{decline, body{"reason": "away"}, map[string]string{
			"official":   "decline " + string(d.call.Offers[0].ID) + " " + d.official.Actor() + " away",
			"recorder":   "decline " + string(d.call.Offers[0].ID) + " " + d.recorder.Actor() + " away",
			"supervisor": "decline " + string(d.call.Offers[0].ID) + " " + d.supervisor.Actor() + " away",
			"deputy":     "decline " + string(d.call.Offers[0].ID) + " " + d.deputy.Actor() + " away",
		}},
		{call + "/hangup", body{"version": 1}, map[string]string{
			"official":   told("hangup", "{Seat:A01 Version:1}", d.official),
			"recorder":   told("hangup", "{Seat:A01 Version:1}", d.recorder),
			"supervisor": told("hangup", "{Seat: Version:1}", d.supervisor),
			"deputy":     told("hangup", "{Seat:A01 Version:1}", d.deputy),
		}},
		{call + "/hold", body{"version": 7}, map[string]string{
			"official": told("hold", "{Seat:A01 On:true Version:7}", d.official),
			"recorder": told("hold", "{Seat:A01 On:true Version:7}", d.recorder),
			"deputy":   told("hold", "{Seat:A01 On:true Version:7}", d.deputy),
		}},
		{call + "/resume", body{"version": 8}, map[string]string{
			"official": told("hold", "{Seat:A01 On:false Version:8}", d.official),
			"recorder": told("hold", "{Seat:A01 On:false Version:8}", d.recorder),
			"deputy":   told("hold", "{Seat:A01 On:false Version:8}", d.deputy),
		}},
		{call + "/mute", body{"muted": true, "version": 3}, map[string]string{
			"official": told("mute", "{Seat:A01 On:true Version:3}", d.official),
		}},
	} {
		for _, who := range []agent.Identity{d.official, d.recorder, d.deputy, d.supervisor, d.stranger} {
			d.controller.told = nil
			name := who.LoginName
			if who.LoginName == d.supervisor.LoginName {
				name = "supervisor"
			}
			r := d.api.PostCtx(d.as(who), c.path, c.in)
			if want, may := c.may[name]; may {
				require.Equal(t, http.StatusNoContent, r.Code, "%s by the %s: %s", c.path, name, r.Body)
				require.Equal(t, []string{want}, d.controller.told)
			} else {
				d.refused(r, http.StatusForbidden, "not_allowed")
				require.Empty(t, d.controller.told)
			}
		}
		d.refused(d.api.PostCtx(t.Context(), c.path, c.in), http.StatusUnauthorized, "login.required")
		c.in["surprise"] = 1
		require.Equal(t, http.StatusUnprocessableEntity, d.api.PostCtx(d.as(d.official), c.path, c.in).Code, "unknown fields are refused")
		require.Empty(t, d.controller.told)
	}
}

func TestActsOnWhatIsNotThere(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for _, act := range []string{"hangup", "hold", "resume", "mute"} {
		in := body{"version": 1}
		if act == "mute" {
			require.Equal(t, http.StatusUnprocessableEntity, d.api.PostCtx(d.as(d.official), "/api/v1/calls/"+id(t)+"/mute", in).Code)
			in["muted"] = false
		}
		for _, none := range []body{{"muted": false}, {"muted": false, "version": 0}, {}} { // a command names what its maker saw
			require.Equal(t, http.StatusUnprocessableEntity, d.api.PostCtx(d.as(d.official), "/api/v1/calls/"+id(t)+"/"+act, none).Code)
		}
		d.refused(d.api.PostCtx(d.as(d.official), "/api/v1/calls/"+id(t)+"/"+act, in), http.StatusNotFound, "not_found")
		require.Equal(t, http.StatusUnprocessableEntity, d.api.PostCtx(d.as(d.official), "/api/v1/calls/x/"+act, in).Code)
	}
	decline := "/api/v1/offers/" + string(d.call.Offers[0].ID) + "/decline"
	d.exec(`UPDATE offer SET state = 'expired', closed_at = $1`, at)
	d.controller.err = telephony.ErrOfferClosed // it is the controller's to say, after it is known whether this is a repeat (RC2)
	d.refused(d.api.PostCtx(d.as(d.official), decline, body{"reason": ""}), http.StatusConflict, "offer.closed")
	d.controller.told, d.controller.err = nil, nil
	d.exec(`UPDATE seat_work SET work = 'idle', offer = NULL, call = NULL`)
	d.refused(d.api.PostCtx(d.as(d.official), "/api/v1/calls/"+string(d.call.ID)+"/hangup", body{"version": 1}), http.StatusForbidden, "not_allowed")
	require.Empty(t, d.controller.told)
}

// A reason that no text column takes made a call that nothing could be stored of (RT2).
func TestReasonIsOneLineOfText(t *testing.T) {
	t.Parallel()
	d := setup(t)
	path := "/api/v1/offers/" + string(d.call.Offers[0].ID) + "/decline"
	for _, sent := range []string{`"a\u0000b"`, `"\ud800"`, `"a\nb"`, `"\u0085"`, `"\u001b[2J"`, "\"\xff\xfe\"", `"` + strings.Repeat("远", 201) + `"`} {
		r := d.api.PostCtx(d.as(d.official), path, strings.NewReader(`{"reason": `+sent+`}`))
		require.Equal(t, http.StatusUnprocessableEntity, r.Code, "%q: %s", sent, r.Body)
		require.Contains(t, r.Body.String(), `"body.reason"`)
	}
	require.Empty(t, d.controller.told)
	require.Equal(t, http.StatusNoContent, d.api.PostCtx(d.as(d.official), path, body{"reason": telephony.ReasonRecusal}).Code)
	require.Equal(t, http.StatusNoContent, d.api.PostCtx(d.as(d.official), path, body{"reason": "请假 ☎ 10:30–11:00"}).Code)
}

func TestErrorsOfTheController(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{telephony.ErrNoDecision, http.StatusServiceUnavailable, "hold_only"},
		{telephony.ErrNotMaster, http.StatusServiceUnavailable, "hold_only"},
		{telephony.ErrStale, http.StatusConflict, "version.stale"},
		{telephony.ErrOfferClosed, http.StatusConflict, "offer.closed"},
		{telephony.ErrNotInCall, http.StatusConflict, "call.not_in_conversation"},
		{telephony.ErrNotFound, http.StatusNotFound, "not_found"},
		{errors.New("secret of the inside"), http.StatusInternalServerError, "internal"},
	} {
		d.controller.err = c.err
		for act, in := range map[string]body{"hangup": {}, "hold": {}, "resume": {}, "mute": {"muted": true}} {
			in["version"] = 1
			r := d.api.PostCtx(d.as(d.official), "/api/v1/calls/"+string(d.call.ID)+"/"+act, in)
			d.refused(r, c.status, c.code)
			require.NotContains(t, r.Body.String(), "secret")
			var moved struct{ Now *httpapi.Card }
			require.NoError(t, json.Unmarshal(r.Body.Bytes(), &moved))
			if c.status == http.StatusConflict { // RC4: what its maker did not see
				require.Equal(t, string(d.call.ID), moved.Now.ID)
				require.Equal(t, "offered", moved.Now.State)
				require.Equal(t, d.call.Version, moved.Now.Version)
			} else {
				require.Nil(t, moved.Now)
			}
		}
	}
	require.Contains(t, d.log.String(), "secret of the inside")
}

func TestBoardAndCallbacks(t *testing.T) {
	t.Parallel()
	d := setup(t)
	office := agent.Identity{Person: "o", Roles: []agent.Role{agent.RoleOffice}}
	r := d.api.GetCtx(d.as(office), "/api/v1/board")
	require.Equal(t, http.StatusOK, r.Code, r.Body.String())
	var b httpapi.Board
	require.NoError(t, json.Unmarshal(r.Body.Bytes(), &b))
	require.Equal(t, "接热线、办实事", b.Lines[0].Name)
	require.Equal(t, []httpapi.BoardCaller{{Call: string(d.call.ID), Masked: "138****5678", QueuedAt: &at, State: "offered"}}, b.Lines[0].Waiting)
	require.Equal(t, "ringing", b.Seats[0].Shown)
	require.Equal(t, "official", b.Seats[0].Person.Name)
	require.Equal(t, "recorder", b.Seats[0].Recorder.Name)
	require.Equal(t, 1, b.Counts.Offered)
	require.InDelta(t, 60, *b.Counts.WaitMax, 0.001)
	require.Nil(t, b.Counts.TalkMean)
	d.refused(d.api.GetCtx(d.as(d.official), "/api/v1/board"), http.StatusForbidden, "not_allowed")
	d.refused(d.api.GetCtx(t.Context(), "/api/v1/board"), http.StatusUnauthorized, "login.required")

	task := id(t)
	d.exec(`INSERT INTO callback (id, call, reason, created_at) VALUES ($1, $2, 'abandoned_in_queue', $3)`, task, d.call.ID, at)
	r = d.api.GetCtx(d.as(d.supervisor), "/api/v1/callbacks")
	require.Equal(t, http.StatusOK, r.Code, r.Body.String())
	var list struct{ Callbacks []httpapi.Callback }
	require.NoError(t, json.Unmarshal(r.Body.Bytes(), &list))
	require.Equal(t, []httpapi.Callback{{ID: task, Call: string(d.call.ID), Masked: "138****5678", Reason: "abandoned_in_queue", CreatedAt: at}}, list.Callbacks)
	r = d.api.GetCtx(d.as(d.supervisor), "/api/v1/callbacks?state=done")
	require.JSONEq(t, `[]`, string(mustField(t, r.Body.Bytes(), "callbacks")))
	require.Equal(t, http.StatusUnprocessableEntity, d.api.GetCtx(d.as(d.supervisor), "/api/v1/callbacks?state=x").Code)
	d.refused(d.api.GetCtx(d.as(d.official), "/api/v1/callbacks"), http.StatusForbidden, "not_allowed")
}

// RU18: who may see a callback says that it is done, once; whoever gives somebody up says why. It leaves a record and news for the boards,
// and neither holds more than the call's id.
func TestCallbackIsClosedOnce(t *testing.T) {
	t.Parallel()
	d := setup(t)
	task, told := id(t), 0
	d.store = d.store.Telling(func(f []factlog.Fact) { told += len(f) })
	api := (&door.Mux{}).API(door.Config("hotline", "test"))
	httpapi.Register(api, httpapi.Deps{Reader: d.store, Now: func() time.Time { return at.Add(time.Minute) }, Log: slog.New(slog.NewTextHandler(d.log, nil))})
	d.api = humatest.Wrap(t, doortest.API(t, api))
	d.exec(`INSERT INTO callback (id, call, reason, created_at) VALUES ($1, $2, 'abandoned_in_queue', $3)`, task, d.call.ID, at)
	path := "/api/v1/callbacks/" + task + "/close"
	post := func(who agent.Identity, path, body string) *httptest.ResponseRecorder {
		return d.api.PostCtx(d.as(who), path, "Content-Type: application/json", strings.NewReader(body))
	}
	d.refused(post(d.official, path, `{"state":"done"}`), http.StatusForbidden, "not_allowed")
	for body, location := range map[string]string{
		`{"state":"open"}`: "body.state", `{"state":"given_up"}`: "body.note", `{"state":"given_up","note":" "}`: "body.note",
		`{"state":"done","note":"a\nb"}`: "body.note", `{}`: "body",
	} {
		r := post(d.supervisor, path, body)
		require.Equal(t, http.StatusUnprocessableEntity, r.Code, body)
		require.Contains(t, r.Body.String(), `"location":"`+location+`"`, body)
	}
	d.refused(post(d.supervisor, "/api/v1/callbacks/"+id(t)+"/close", `{"state":"done"}`), http.StatusNotFound, "not_found")
	require.Zero(t, told)

	require.Equal(t, http.StatusNoContent, post(d.supervisor, path, `{"state":"given_up","note":"三次无人接听"}`).Code)
	d.refused(post(d.supervisor, path, `{"state":"done"}`), http.StatusConflict, "callback.closed")
	require.Equal(t, 1, told)
	var row string
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT concat_ws(' ', state, closed_at = $2) FROM callback WHERE id = $1`, task, at.Add(time.Minute)).Scan(&row))
	require.Equal(t, "given_up t", row)
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT string_agg(concat_ws(' ', action, subject, outcome, reason, data), E'\n') FROM audit WHERE action = 'callbacks.end'`).Scan(&row))
	require.Equal(t, `callbacks.end callback:`+task+` done 三次无人接听 {"call":"`+string(d.call.ID)+`","state":"given_up"}`, row)
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT string_agg(concat_ws(' ', subject, topics, actor, data), E'\n') FROM fact WHERE kind = 'callback.closed'`).Scan(&row))
	require.Equal(t, string(d.call.ID)+` {board} person:`+string(d.supervisor.Person)+` {"call": "`+string(d.call.ID)+`", "state": "given_up", "callback": "`+task+`"}`, row)

	d.exec(`UPDATE callback SET state = 'open', closed_at = NULL`)
	for range 2 { // one command, sent again because nobody heard the answer
		ctx := command.NewContext(d.as(d.supervisor), command.New(d.supervisor.Person, "k", http.MethodPost, path, d.pool))
		require.NoError(t, d.store.CloseCallback(ctx, telephony.TaskClosed{ID: task, State: telephony.TaskDone, Actor: d.supervisor.Actor(), At: at.Add(time.Minute)}))
	}
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT count(*)::text FROM audit WHERE action = 'callbacks.end'`).Scan(&row))
	require.Equal(t, "2", row)
}

func mustField(t *testing.T, content []byte, name string) json.RawMessage {
	t.Helper()
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(content, &fields))
	return fields[name]
}
