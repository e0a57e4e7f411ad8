package main

import (
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent/setting"
	"hotline/cmd/sim/seat"
)

// Two servers go by one book: what is changed at either counts at both, also what was planned, and a server that starts later has it all
// from its start.
func TestEachServerHeedsTheSettings(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	other := d.standby(t, func(*server) {})
	has := func(srv *server, key setting.Key, scope string, value int) func() bool {
		return func() bool { return srv.live.Book().Number(key, scope, time.Now()) == value }
	}
	require.NoError(t, d.propose(d.supervisor, "line.ring", "session", "33"))
	require.NoError(t, d.propose(d.clerk, "promise.other", "", "7"))
	require.NoError(t, d.agree(d.second, "promise.other", "", 1))
	for name, srv := range map[string]*server{"here": d.srv, "there": other.srv} {
		require.Eventually(t, has(srv, setting.Ring, "session", 33), 2*time.Second, 5*time.Millisecond, name)
		require.Eventually(t, func() bool {
			p, err := srv.tickets.Promise("other")
			return err == nil && p.WorkingDays == 7
		}, 2*time.Second, 5*time.Millisecond, name)
	}

	begins := time.Now().Add(2 * time.Second)
	require.NoError(t, d.propose(d.supervisor, "line.ring", "session", "44", func(in map[string]any) { in["effective_from"] = begins }))
	s := d.srv.settings
	s.Listen = "127.0.0.1:0"
	late, err := newServer(t.Context(), s, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer late.close()
	require.Equal(t, 33, late.live.Book().Number(setting.Ring, "session", begins.Add(-time.Millisecond)))
	require.Equal(t, 44, late.live.Book().Number(setting.Ring, "session", begins))
	promise, err := late.tickets.Promise("other")
	require.NoError(t, err)
	require.Equal(t, 7, promise.WorkingDays)
}

// What is planned is looked at when it begins, and what has just begun is read again: by the database's clock it may still be to come.
func TestTheNextLook(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		key   setting.Key
		from  time.Duration
		hold  time.Duration
		again bool
	}{
		"long ago":             {setting.Ring, -time.Hour, settingsPoll, false},
		"now":                  {setting.Ring, 0, settingsAgain, true},
		"a moment ago":         {setting.Ring, 10*time.Millisecond - clockLag, settingsAgain, true},
		"a while ago":          {setting.Ring, -clockLag, settingsPoll, false},
		"soon":                 {setting.Ring, time.Second, time.Second + planLag, false},
		"tomorrow":             {setting.Ring, 24 * time.Hour, settingsPoll, false},
		"not of the call path": {setting.Other, -time.Second, settingsPoll, false},
	} {
		book := setting.NewBook([]setting.Version{{Key: c.key, Number: 1, Value: "9", InForceFrom: now.Add(c.from)}})
		hold, again := nextLook(book, now)
		require.Equal(t, c.hold, hold, name)
		require.Equal(t, c.again, again, name)
	}
}

// Whatever is sent, the server says what is wrong with it, and nothing is stored.
func TestBadChangesOfSettings(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	require.NoError(t, d.propose(d.clerk, "promise.other", "", "7"))
	post := func(by *seat.Client, key, act string, body map[string]any) error {
		return by.Do(t.Context(), http.MethodPost, "/api/v1/settings/"+key+"/"+act, body, nil)
	}
	const bad, gone, stale, forbidden = http.StatusUnprocessableEntity, http.StatusNotFound, http.StatusConflict, http.StatusForbidden
	want, got := map[string]int{}, map[string]int{}
	for name, c := range map[string]struct {
		by       *seat.Client
		key, act string
		body     map[string]any
		status   int
	}{
		"no patience":           {d.supervisor, "line.ring", "propose", map[string]any{"value": "0"}, bad},
		"a wrap-up for ever":    {d.supervisor, "line.wrapup", "propose", map[string]any{"value": "3601"}, bad},
		"less than none":        {d.supervisor, "line.wrapup", "propose", map[string]any{"value": "-1"}, bad},
		"other digits":          {d.supervisor, "line.ring", "propose", map[string]any{"value": "３０"}, bad},
		"more than a number":    {d.supervisor, "line.ring", "propose", map[string]any{"value": "99999999999999999999"}, bad},
		"no number":             {d.supervisor, "line.ring", "propose", map[string]any{"value": 30}, bad},
		"a control character":   {d.supervisor, "line.ring", "propose", map[string]any{"reason": "a\x00b"}, http.StatusBadRequest},
		"no reason":             {d.supervisor, "line.ring", "propose", map[string]any{"reason": " 　"}, bad},
		"a file of one's own":   {d.supervisor, "line.notice", "propose", map[string]any{"value": "hotline/../../etc/passwd"}, bad},
		"yesterday":             {d.supervisor, "line.ring", "propose", map[string]any{"effective_from": time.Now().AddDate(0, 0, -1)}, bad},
		"yesterday, elsewhere":  {d.supervisor, "line.ring", "propose", map[string]any{"effective_from": "2026-01-01T00:00:00-14:00"}, bad},
		"in a thousand years":   {d.supervisor, "line.ring", "propose", map[string]any{"effective_from": "3026-01-01T00:00:00Z"}, bad},
		"no time":               {d.supervisor, "line.ring", "propose", map[string]any{"effective_from": "morgen"}, bad},
		"no such line":          {d.supervisor, "line.ring", "propose", map[string]any{"scope": "x' OR true --"}, gone},
		"no such setting":       {d.supervisor, "line.colour", "propose", nil, gone},
		"of the future":         {d.supervisor, "line.ring", "propose", map[string]any{"seen": 7}, stale},
		"before anything":       {d.supervisor, "line.ring", "propose", map[string]any{"seen": -1}, bad},
		"not theirs":            {d.supervisor, "promise.other", "propose", map[string]any{"scope": "", "value": "8"}, forbidden},
		"while another waits":   {d.clerk, "promise.other", "propose", map[string]any{"scope": "", "value": "8", "seen": 1}, stale},
		"a year without end":    {d.clerk, "calendar.workdays", "propose", map[string]any{"scope": "9999", "value": "9999-01-01 休 元旦"}, bad},
		"too long a paper":      {d.clerk, "calendar.workdays", "propose", map[string]any{"scope": "2027", "value": strings.Repeat("x", 20001)}, bad},
		"one's own":             {d.clerk, "promise.other", "answer", map[string]any{"version": 1, "agree": true}, forbidden},
		"no, for no reason":     {d.second, "promise.other", "answer", map[string]any{"version": 1, "agree": false}, bad},
		"none such":             {d.second, "promise.other", "answer", map[string]any{"version": 2, "agree": true}, gone},
		"one that wraps around": {d.second, "promise.other", "answer", map[string]any{"version": 1<<32 + 1, "agree": true}, bad},
		"nobody else's":         {d.supervisor, "promise.other", "withdraw", map[string]any{"version": 1, "reason": "x"}, forbidden},
		"back, for no reason":   {d.second, "promise.other", "withdraw", map[string]any{"version": 1}, bad},
	} {
		body := map[string]any{"scope": ""}
		if c.act == "propose" {
			body = map[string]any{"scope": "session", "value": "30", "seen": 0, "reason": "试行"}
		}
		maps.Copy(body, c.body)
		var p *seat.ProblemError
		require.ErrorAs(t, post(c.by, c.key, c.act, body), &p, name)
		want[name], got[name] = c.status, p.Status
	}
	require.Equal(t, want, got)
	var stored string
	require.NoError(t, d.db.QueryRow(t.Context(), `SELECT string_agg(concat_ws(' ', key, version, value, approver, withdrawer), ',') FROM setting`).Scan(&stored))
	require.Equal(t, "promise.other 1 7", stored)
}
