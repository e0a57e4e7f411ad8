package main

import (
	"net/http"
	"slices"
	"strings"

	"hotline/agent"
	"hotline/agent/policy"
)

// The rows of the matrix. Requests are such that the domain changes nothing by them, or nothing that the next one minds: they carry an
// old version, an offer that is closed, a page that has been replaced.

var (
	mine    = policy.Resource{Own: true}
	nobodys = policy.Resource{}
)

func (m *matrix) hall() []attempt {
	take := func(whose string, seat, place string, a policy.Action) attempt {
		return attempt{of: "take-seat", whose: whose, action: a, method: http.MethodPost, path: "/api/v1/seats/" + seat + "/take", body: `{"place":"` + place + `"}`}
	}
	rows := []attempt{
		{of: "me", whose: "oneself", action: policy.ReadSelf, method: http.MethodGet, path: "/api/v1/me"},
		{of: "live-session", whose: "any", action: policy.ReadSession, method: http.MethodGet, path: "/api/v1/session"},
		{of: "list-units", whose: "any", action: policy.ReadSession, method: http.MethodGet, path: "/api/v1/units"},
		{of: "list-seats", whose: "assigned seat", action: policy.ReadSeats, what: mine, method: http.MethodGet, path: "/api/v1/seats", sees: `"A03"`},
		{of: "list-seats", whose: "other seat", action: policy.ReadSeats, method: http.MethodGet, path: "/api/v1/seats", sees: `"A04"`},
		{of: "get-seat", whose: "assigned seat", action: policy.ReadSeats, what: mine, method: http.MethodGet, path: "/api/v1/seats/A02"},
		{of: "get-seat", whose: "other seat", action: policy.ReadSeats, method: http.MethodGet, path: "/api/v1/seats/A04"},
		take("official's", "A03", "official", policy.SitOfficial),
		take("operator's", "B01", "official", policy.SitOperator),
		take("recorder's", "A03", "recorder", policy.SitRecorder),
		take("deputy's", "A03", "deputy", policy.SitDeputy),
		take("room", "A03", "room", policy.SitRoom),
		take("supervisor's", "A03", "supervisor", policy.SitSupervisor),
	}
	return slices.Concat(rows,
		m.both("leave-seat", policy.LeaveSeat, "A02", "sign-out", `{"place":"own","reason":"r"}`),
		m.both("connect-phone", policy.UsePhone, "A02", "phone", `{"client":"c","phone":"browser"}`),
		beside(m.both("connect-phone", policy.PhoneBeside, "A02", "phone", `{"client":"c","phone":"browser","place":"own"}`)),
		m.both("report-device", policy.UsePhone, "A02", "device", `{"client":"replaced","device":"ok"}`),
		m.both("set-intent", policy.SetIntent, "A02", "intent", `{"intent":"busy","version":999999,"reason":"r"}`),
		m.both("cancel-pending", policy.SetIntent, "A02", "cancel-pending", `{"version":999999}`),
		m.both("next-caller", policy.NextCaller, "A02", "next", `{"call":"019be6a4-5c1f-7000-8000-000000000001"}`),
	)
}

// both makes a command at the own seat, and at that of somebody else.
func (m *matrix) both(of string, a policy.Action, seat agent.SeatID, act, body string) []attempt {
	return m.pair(attempt{of: of, action: a, method: http.MethodPost, path: "/api/v1/seats/" + string(seat) + "/" + act, body: body}, seat)
}

// beside has who asks sit at a place beside.
func beside(rows []attempt) []attempt {
	for i := range rows {
		rows[i].beside = true
	}
	return rows
}

// pair makes a request by who sits at the seat, and by who sits nowhere.
func (m *matrix) pair(a attempt, seat agent.SeatID) []attempt {
	own, other := a, a
	own.whose, own.sits, own.what = "own seat", seat, mine
	other.whose, other.what = "other seat", nobodys
	return []attempt{own, other}
}

func (m *matrix) calls() []attempt {
	post := func(of string, a policy.Action, path, body string) []attempt {
		return m.pair(attempt{of: of, action: a, method: http.MethodPost, path: path, body: body}, "A01")
	}
	call := "/api/v1/calls/" + m.call
	return slices.Concat(
		m.pair(attempt{of: "seat-call", action: policy.ReadDesk, method: http.MethodGet, path: "/api/v1/seats/A01/call", sees: m.call}, "A01"),
		post("decline-offer", policy.DeclineOffer, "/api/v1/offers/"+m.offer+"/decline", `{"reason":""}`),
		post("hang-up-call", policy.HangUp, call+"/hangup", `{"version":1}`),
		post("hold-call", policy.HoldCall, call+"/hold", `{"version":1}`),
		post("resume-call", policy.HoldCall, call+"/resume", `{"version":1}`),
		post("mute-call", policy.MuteCall, call+"/mute", `{"muted":false,"version":1}`),
		[]attempt{
			{of: "board", whose: "all", action: policy.ReadBoard, method: http.MethodGet, path: "/api/v1/board"},
			{of: "callbacks", whose: "all", action: policy.ReadCallbacks, method: http.MethodGet, path: "/api/v1/callbacks", sees: m.task},
			{of: "close-callback", whose: "all", action: policy.EndCallback, method: http.MethodPost, path: "/api/v1/callbacks/" + m.closed + "/close", body: `{"state":"done"}`},
		},
	)
}

func (m *matrix) tickets() []attempt {
	call := "/api/v1/calls/" + m.call
	rows := slices.Concat(
		m.pair(attempt{of: "call-pop", action: policy.ReadPop, method: http.MethodGet, path: call + "/pop", hidden: true}, "A01"),
		m.pair(attempt{of: "add-appeal", action: policy.WriteTickets, method: http.MethodPost, path: call + "/appeals", hidden: true}, "A01"),
	)
	for _, way := range []attempt{
		{of: "list-tickets", action: policy.ReadTickets, method: http.MethodGet, path: "/api/v1/tickets?limit=200"},
		{of: "call-tickets", action: policy.ReadTickets, method: http.MethodGet, path: call + "/tickets"},
		{of: "get-ticket", action: policy.ReadTickets, method: http.MethodGet},
		{of: "patch-ticket", action: policy.WriteTickets, method: http.MethodPatch, body: `{"version":999999,"title":"x"}`},
		{of: "register-ticket", action: policy.WriteTickets, method: http.MethodPost, body: `{"version":999999}`},
	} {
		for _, is := range []attempt{
			{whose: "own", sits: "A01", what: policy.Resource{SameUnit: true, Withheld: true}, holds: true},
			{whose: "unit's", what: policy.Resource{SameUnit: true}},
			{whose: "confidential", what: policy.Resource{SameUnit: true, Withheld: true}},
			{whose: "unit's draft", what: policy.Resource{SameUnit: true, Withheld: true}},
			{whose: "other unit's", what: nobodys},
		} {
			is.of, is.action, is.method, is.path, is.body, is.hidden = way.of, way.action, way.method, way.path, way.body, true
			switch is.sees = m.found[is.whose]; way.of {
			case "list-tickets":
				if strings.HasSuffix(is.whose, "draft") || is.whose == "own" {
					is.path += "&state=live"
				}
			case "get-ticket":
				is.path = "/api/v1/tickets/" + m.found[is.whose]
			case "patch-ticket":
				is.path, is.sees = "/api/v1/tickets/"+m.found[is.whose], ""
			case "register-ticket":
				is.path, is.sees = "/api/v1/tickets/"+m.found[is.whose]+"/register", ""
			}
			rows = append(rows, is)
		}
	}
	return append(rows, attempt{of: "preview-promise", whose: "any", action: policy.ReadPromise, method: http.MethodGet, path: "/api/v1/promise?class=other"})
}

func (m *matrix) sockets() []attempt {
	hear := func(whose string, sits agent.SeatID, what policy.Resource, topic string, a policy.Action) attempt {
		return attempt{of: "topic", whose: whose, action: a, sits: sits, what: what, method: http.MethodPost, path: "/api/v1/ws-ticket", body: `{"topics":["` + topic + `"]}`}
	}
	return []attempt{
		{of: "ws-ticket", whose: "no topic", action: policy.OpenPush, method: http.MethodPost, path: "/api/v1/ws-ticket", body: `{"topics":[]}`},
		hear("own seat", "A01", mine, "seat:A01", policy.ReadDesk),
		hear("seat:", "", nobodys, "seat:A01", policy.ReadDesk),
		hear("own line", "A01", mine, "line:session", policy.HearLine),
		hear("line:", "", nobodys, "line:session", policy.HearLine),
		hear("own waiting", "A01", mine, "waiting:session", policy.HearWaiting),
		hear("waiting:", "", nobodys, "waiting:session", policy.HearWaiting),
		hear("board", "A01", nobodys, "board", policy.ReadBoard),
		hear("tickets", "A01", nobodys, "tickets", policy.ReadTickets),
		hear("tickets: unit's", "", policy.Resource{SameUnit: true}, "tickets:"+m.own, policy.ReadTickets),
		hear("tickets: other", "", nobodys, "tickets:"+m.other, policy.ReadTickets),
		hear("audit", "A01", nobodys, "audit", policy.ReadAudit),
		hear("settings", "A01", nobodys, "settings", policy.ReadSettings),
		hear("call:", "A01", mine, "call:"+m.call, policy.FollowOne),
		hear("ticket:", "A01", mine, "ticket:"+m.found["own"], policy.FollowOne),
		{of: "softphone", whose: "own seat", action: policy.UsePhone, sits: "A01", what: mine, method: http.MethodGet, path: "/sip"},
		{of: "softphone", whose: "beside", action: policy.PhoneBeside, sits: "A01", beside: true, what: mine, method: http.MethodGet, path: "/sip"},
	}
}

func (m *matrix) settings() []attempt {
	for _, key := range []string{"line.ring", "promise.other"} { // of which nothing waits
		m.exec(`INSERT INTO setting (key, scope, version, value, effective_from, author, proposed_at, withdrawer, withdrawn_at)
			VALUES ($1, $2, 1, '30', now(), 'system', now(), 'system', now())`, key, map[string]string{"line.ring": "session"}[key])
	}
	post := func(of, act string, a policy.Action, key, body string) attempt {
		return attempt{of: of, whose: key, action: a, method: http.MethodPost, path: "/api/v1/settings/" + key + "/" + act, body: body}
	}
	return []attempt{
		{of: "list-settings", whose: "all", action: policy.ReadSettings, method: http.MethodGet, path: "/api/v1/settings", sees: "line.ring"},
		{of: "setting-history", whose: "all", action: policy.ReadSettings, method: http.MethodGet, path: "/api/v1/settings/line.ring/history?scope=session"},
		post("propose-setting", "propose", policy.TuneLines, "line.ring", `{"scope":"session","value":"40","seen":99,"reason":"r"}`),
		post("propose-setting", "propose", policy.PlanSettings, "promise.other", `{"scope":"","value":"4","seen":99,"reason":"r"}`),
		post("answer-setting", "answer", policy.AgreeSettings, "promise.other", `{"scope":"","version":1,"agree":true}`),
		post("withdraw-setting", "withdraw", policy.TuneLines, "line.ring", `{"scope":"session","version":1}`),
		post("withdraw-setting", "withdraw", policy.PlanSettings, "promise.other", `{"scope":"","version":1}`),
	}
}

func (m *matrix) logins() []attempt {
	return []attempt{
		{of: "sign-in", whose: "oneself", method: http.MethodPost, path: "/api/v1/login", body: `{"login_name":"m-official","password":"` + password + `"}`},
		{of: "sign-out", whose: "oneself", method: http.MethodPost, path: "/api/v1/logout"},
	}
}
