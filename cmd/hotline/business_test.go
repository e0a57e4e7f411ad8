package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/auth"
	"hotline/agent/setting"
	"hotline/cmd/sim/seat"
	"hotline/telephony"
)

// desk is where settings are read and changed settings over HTTP.
type desk struct {
	*bundle

	t                         *testing.T
	supervisor, clerk, second *seat.Client
}

func newDesk(t *testing.T, change ...func(*server)) *desk {
	t.Helper()
	d := &desk{bundle: setup(t, change...), t: t}
	for name, c := range map[string]struct {
		client **seat.Client
		role   agent.Role
	}{"banzhang": {&d.supervisor, ""}, "wenshu": {&d.clerk, agent.RoleOffice}, "chuzhang": {&d.second, agent.RoleOffice}} {
		if c.role != "" {
			_, err := d.srv.auth.CreatePerson(t.Context(), auth.NewPerson{LoginName: name, Name: name, Roles: []agent.Role{c.role}, Password: password}, "test")
			require.NoError(t, err)
		}
		client, err := seat.SignIn(t.Context(), d.base, name, password)
		require.NoError(t, err)
		*c.client = client
	}
	return d
}

func (d *desk) find(by *seat.Client, key, scope string) map[string]any {
	d.t.Helper()
	var all struct{ Settings []map[string]any }
	require.NoError(d.t, by.Do(d.t.Context(), http.MethodGet, "/api/v1/settings", nil, &all))
	for _, s := range all.Settings {
		if s["key"] == key && s["scope"] == scope {
			return s
		}
	}
	d.t.Fatalf("%s of %q is not listed", key, scope)
	return nil
}

// propose asks for a value on top of what is there.
func (d *desk) propose(by *seat.Client, key, scope, value string, more ...func(map[string]any)) error {
	d.t.Helper()
	in := map[string]any{"scope": scope, "value": value, "seen": int(d.find(by, key, scope)["newest"].(float64)), "reason": "试行"}
	for _, f := range more {
		f(in)
	}
	return by.Do(d.t.Context(), http.MethodPost, "/api/v1/settings/"+key+"/propose", in, nil)
}

func (d *desk) agree(by *seat.Client, key, scope string, version int) error {
	return by.Do(d.t.Context(), http.MethodPost, "/api/v1/settings/"+key+"/answer", map[string]any{"scope": scope, "version": version, "agree": true}, nil)
}

type promised struct {
	LastDay     string `json:"last_day"`
	WorkingDays int    `json:"working_days"`
	Provisional bool
}

func (d *desk) promise(class string) promised {
	d.t.Helper()
	var p promised
	require.NoError(d.t, d.supervisor.Do(d.t.Context(), http.MethodGet, "/api/v1/promise?class="+class, nil, &p))
	return p
}

// Issue 8, point 2: a supervisor changes the wrap-up and the next call goes by it; two people change the working days and what is promised
// is others. Nothing is started anew, and the trail says who.
func TestSettingsAreReadLive(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	one, _ := d.twoUnits(t)
	d.sitDown(t, one)
	require.NoError(t, d.propose(d.supervisor, "line.wrapup", "session", "900"))
	require.Equal(t, "900", d.find(d.supervisor, "line.wrapup", "session")["value"])
	require.Eventually(t, func() bool { return d.srv.live.Book().Number(setting.WrapUp, "session", time.Now()) == 900 }, time.Second, 5*time.Millisecond, "within a second")
	d.serve(t, one, "13812345678")
	var leg string
	require.NoError(t, d.db.QueryRow(ctx, `SELECT channel FROM call WHERE id = $1`, one.call).Scan(&leg))
	d.fake.HangUp(telephony.LegID(leg))
	require.Eventually(t, func() bool {
		var left float64
		err := d.db.QueryRow(ctx, `SELECT extract(epoch FROM until - since) FROM seat_work WHERE seat = $1 AND work = 'wrap_up'`, one.seat).Scan(&left)
		return err == nil && left == 900
	}, 10*time.Second, 20*time.Millisecond, "the wrap-up is as long as it was set")

	before := d.promise("consultation")
	require.Equal(t, 3, before.WorkingDays)
	require.NoError(t, d.propose(d.clerk, "promise.consultation", "", "5"))
	require.Equal(t, before, d.promise("consultation"), "it waits for somebody else")
	refused(t, d.agree(d.clerk, "promise.consultation", "", 1), http.StatusForbidden, "setting.own")
	refused(t, d.agree(d.supervisor, "promise.consultation", "", 1), http.StatusForbidden, "not_allowed")
	require.NoError(t, d.agree(d.second, "promise.consultation", "", 1))
	require.Eventually(t, func() bool { return d.promise("consultation").WorkingDays == 5 }, time.Second, 10*time.Millisecond, "within a second")
	require.Equal(t, 10, d.promise("other").WorkingDays)

	var kept []string
	rows, err := d.db.Query(ctx, `SELECT split_part(a.actor, ':', 1) || ' ' || p.name || ' ' || action || ' ' || subject || ' ' || (data->>'old') || ' ' || (data->>'new')
		FROM audit a JOIN person p ON a.actor = 'person:' || p.id WHERE subject LIKE 'setting:%' AND outcome = 'done' ORDER BY a.id`)
	require.NoError(t, err)
	for rows.Next() {
		var s string
		require.NoError(t, rows.Scan(&s))
		kept = append(kept, s)
	}
	require.NoError(t, rows.Err())
	require.Equal(t, []string{
		"person banzhang settings.tune setting:line.wrapup:session 120 900",
		"person wenshu settings.plan setting:promise.consultation 3 5",
		"person chuzhang settings.approve setting:promise.consultation 3 5",
	}, kept)
}

// The paper of a year is replaced while the server runs: the next promise is counted with it, the one before keeps its own. One that is
// wrong changes nothing, however it came there, and the doctor says so.
func TestCalendarIsReplacedWithoutARestart(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 30, 2, 0, 0, 0, time.UTC)
	d := newDesk(t, func(s *server) { s.tickets.Now = func() time.Time { return at } })
	one, two := d.twoUnits(t)
	given := func(s *side, number string) promised {
		d.sitDown(t, s)
		d.serve(t, s, number)
		var draft struct{ Version int64 }
		in := map[string]any{"version": 1, "title": "公交线路", "class": "consultation", "outcome": "ticket"}
		require.NoError(t, s.recorder.Do(t.Context(), http.MethodGet, "/api/v1/tickets/"+s.ticket, nil, &draft))
		in["version"] = draft.Version
		require.NoError(t, s.recorder.Do(t.Context(), http.MethodPatch, "/api/v1/tickets/"+s.ticket, in, &draft))
		require.NoError(t, s.recorder.Do(t.Context(), http.MethodPost, "/api/v1/tickets/"+s.ticket+"/register", map[string]any{"version": draft.Version}, nil))
		var found struct{ Promise promised }
		require.NoError(t, s.recorder.Do(t.Context(), http.MethodGet, "/api/v1/tickets/"+s.ticket, nil, &found))
		return found.Promise
	}
	versions := func() []string {
		found, err := d.db.Query(t.Context(), `SELECT p.calendar_version FROM promise p JOIN ticket t ON t.id = p.ticket ORDER BY t.number`)
		require.NoError(t, err)
		all, err := pgx.CollectRows(found, pgx.RowTo[string])
		require.NoError(t, err)
		return all
	}
	old := d.srv.days.Now()
	require.Equal(t, promised{LastDay: "2027-01-05", WorkingDays: 3, Provisional: true}, given(one, "13800000001"))

	paper := "2027-01-01 休 元旦\n2027-01-02 休 元旦\n2027-01-03 班 元旦\n"
	refused(t, d.propose(d.clerk, "calendar.workdays", "2027", paper), http.StatusUnprocessableEntity, "setting.incomplete")
	paper += "2027-02-05 休 春节\n2027-02-06 休 春节\n2027-02-07 休 春节\n2027-02-08 休 春节\n2027-04-05 休 清明节\n2027-05-01 休 劳动节\n2027-05-02 休 劳动节\n" +
		"2027-06-09 休 端午节\n2027-09-15 休 中秋节\n2027-10-01 休 国庆节\n2027-10-02 休 国庆节\n2027-10-03 休 国庆节\n"
	soon := func(in map[string]any) { in["effective_from"] = time.Now().Add(time.Second) }
	require.NoError(t, d.propose(d.clerk, "calendar.workdays", "2027", paper, soon))
	require.NoError(t, d.agree(d.second, "calendar.workdays", "2027", 1))
	require.Eventually(t, func() bool { return d.promise("consultation").LastDay == "2027-01-04" }, 4*time.Second, 10*time.Millisecond, "a Sunday that is worked, from when it was asked for")
	require.Equal(t, promised{LastDay: "2027-01-04", WorkingDays: 3}, given(two, "13800000002"))
	good := d.srv.days.Now()
	require.Equal(t, []string{old.Version(), good.Version()}, versions(), "what has been promised keeps the calendar that it was counted with")

	_, said := command(t, nil, append([]string{"doctor"}, d.args...)...)
	require.Contains(t, said, "official through 2027")
	_, err := d.db.Exec(t.Context(), `INSERT INTO setting (key, scope, version, value, effective_from, in_force_from, author, proposed_at)
		VALUES ('calendar.workdays', '2027', 2, 'nonsense', now(), now(), 'system', now())`)
	require.NoError(t, err)
	_, said = command(t, nil, append([]string{"doctor"}, d.args...)...)
	require.Contains(t, said, "the working days of the settings are not counted with")
	require.Contains(t, said, "propose the paper of that year anew")
	require.NoError(t, d.propose(d.supervisor, "line.wrapup", "session", "30")) // whatever is read anew
	require.Eventually(t, func() bool { return d.srv.live.Book().Number(setting.WrapUp, "session", time.Now()) == 30 }, time.Second, 5*time.Millisecond)
	require.Same(t, good, d.srv.days.Now(), "what was good stays in force")
}
