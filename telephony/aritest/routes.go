package aritest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// Op names a REST operation, for faults and records.
type Op string

// The operations.
const (
	OpInfo         Op = "info"
	OpFilter       Op = "event_filter"
	OpApplication  Op = "application"
	OpSubscribe    Op = "subscribe"
	OpChannels     Op = "channels"
	OpOriginate    Op = "originate"
	OpAnswer       Op = "answer"
	OpHangup       Op = "hangup"
	OpReturn       Op = "continue"
	OpMute         Op = "mute"
	OpPlays        Op = "plays"
	OpPlay         Op = "play"
	OpStopPlay     Op = "stop_play"
	OpBridges      Op = "bridges"
	OpCreateBridge Op = "create_bridge"
	OpDeleteBridge Op = "delete_bridge"
	OpAdd          Op = "add_channel"
	OpRemove       Op = "remove_channel"
	OpPush         Op = "push"
	OpDrop         Op = "drop"
	OpEndpoints    Op = "endpoints"
)

// answer is a status and a body: nil, a value for JSON.
type answer struct {
	status int
	body   any
}

func refuse(status int, text string) answer {
	return answer{status, map[string]string{"message": text}}
}

// act carries a request out, under the lock.
type act func(r *http.Request, body []byte) answer

func (a *Asterisk) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ari/events", a.events)
	for pattern, route := range map[string]struct {
		op  Op
		act act
	}{
		"GET /ari/asterisk/info":                                      {OpInfo, a.info},
		"GET /ari/applications/{app}":                                 {OpApplication, a.application},
		"PUT /ari/applications/{app}/eventFilter":                     {OpFilter, a.filter},
		"POST /ari/applications/{app}/subscription":                   {OpSubscribe, a.subscribe},
		"GET /ari/channels":                                           {OpChannels, a.listChannels},
		"POST /ari/channels/{id}":                                     {OpOriginate, a.originate},
		"DELETE /ari/channels/{id}":                                   {OpHangup, a.hangup},
		"POST /ari/channels/{id}/answer":                              {OpAnswer, a.answer},
		"POST /ari/channels/{id}/continue":                            {OpReturn, a.goOn},
		"POST /ari/channels/{id}/mute":                                {OpMute, a.mute},
		"DELETE /ari/channels/{id}/mute":                              {OpMute, a.mute},
		"POST /ari/channels/{id}/play/{playback}":                     {OpPlay, a.play},
		"GET /ari/playbacks/{id}":                                     {OpPlays, a.plays},
		"DELETE /ari/playbacks/{id}":                                  {OpStopPlay, a.stopPlay},
		"GET /ari/bridges":                                            {OpBridges, a.listBridges},
		"POST /ari/bridges/{id}":                                      {OpCreateBridge, a.createBridge},
		"DELETE /ari/bridges/{id}":                                    {OpDeleteBridge, a.deleteBridge},
		"POST /ari/bridges/{id}/addChannel":                           {OpAdd, a.addChannel},
		"POST /ari/bridges/{id}/removeChannel":                        {OpRemove, a.removeChannel},
		"GET /ari/endpoints/PJSIP":                                    {OpEndpoints, a.listEndpoints},
		"PUT /ari/asterisk/config/dynamic/res_pjsip/{kind}/{name}":    {OpPush, a.push},
		"DELETE /ari/asterisk/config/dynamic/res_pjsip/{kind}/{name}": {OpDrop, a.drop},
	} {
		mux.HandleFunc(pattern, a.serve(route.op, route.act))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.Now != nil {
			w.Header().Set("Date", a.Now().UTC().Format(http.TimeFormat))
		}
		if user, password, ok := r.BasicAuth(); !ok || user != a.User || password != a.Password {
			reply(w, refuse(http.StatusUnauthorized, "Authentication required"))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// serve wraps an operation in its record and its faults.
func (a *Asterisk) serve(op Op, act act) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		a.mu.Lock()
		fault := a.faultLocked(op)
		place := len(a.requests)
		a.requests = append(a.requests, Request{
			Op: op, Method: r.Method, Path: strings.TrimPrefix(r.URL.EscapedPath(), "/ari"), Query: r.URL.RawQuery, Body: string(body),
		})
		a.wakeLocked() // the act may wait
		var done answer
		switch {
		case fault.Cut:
		case fault.Status != 0:
			done = refuse(fault.Status, fault.Message)
			if fault.Plain {
				done.body = fault.Message
			}
		default:
			done = act(r, body)
		}
		silent := fault.Cut || fault.Eat || fault.Hang
		if !silent {
			a.requests[place].Status = done.status
		}
		a.wakeLocked()
		a.mu.Unlock()
		if fault.Hang || fault.Delay > 0 {
			a.keep(r, fault.Delay)
		}
		if silent {
			cut(w)
			return
		}
		reply(w, done)
	}
}

func reply(w http.ResponseWriter, done answer) {
	switch body := done.body.(type) {
	case nil:
		w.WriteHeader(done.status)
	case string:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(done.status)
		_, _ = io.WriteString(w, body)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(done.status)
		_ = json.NewEncoder(w).Encode(body)
	}
}

func (a *Asterisk) info(*http.Request, []byte) answer {
	return answer{http.StatusOK, map[string]any{
		"system": map[string]string{"version": "22.10.1", "entity_id": entityID},
		"status": map[string]string{"startup_time": a.startedLocked(), "last_reload_time": a.startedLocked()},
	}}
}

// existsLocked: the application object lives while it has a socket or a channel (telephony.md 2.2).
func (a *Asterisk) existsLocked(r *http.Request) bool {
	if r.PathValue("app") != a.App {
		return false
	}
	for _, ch := range a.channels {
		if ch.inApp || ch.watched {
			return true
		}
	}
	return len(a.app.sockets) > 0
}

func (a *Asterisk) application(r *http.Request, _ []byte) answer {
	if !a.existsLocked(r) {
		return refuse(http.StatusNotFound, "Application not found")
	}
	ids := []string{}
	for _, id := range a.order {
		if ch := a.channels[id]; ch.heard() {
			ids = append(ids, string(id))
		}
	}
	return answer{http.StatusOK, map[string]any{"name": a.App, "channel_ids": ids, "bridge_ids": []string{}}}
}

func (a *Asterisk) filter(r *http.Request, body []byte) answer {
	if !a.existsLocked(r) {
		return refuse(http.StatusNotFound, "Application not found")
	}
	var list struct {
		Disallowed []struct{ Type string }
	}
	if json.Unmarshal(body, &list) != nil {
		return refuse(http.StatusBadRequest, "Invalid format definition")
	}
	a.app.muted = map[string]bool{}
	for _, kind := range list.Disallowed {
		a.app.muted[kind.Type] = true
	}
	return a.application(r, nil)
}

func (a *Asterisk) subscribe(r *http.Request, _ []byte) answer {
	if !a.existsLocked(r) {
		return refuse(http.StatusNotFound, "Application not found")
	}
	kind, name, _ := strings.Cut(r.FormValue("eventSource"), ":")
	switch kind {
	case "channel":
		if ch := a.leg(name); ch != nil {
			ch.watched = true
			return a.application(r, nil)
		}
	case "endpoint":
		if ep := a.endpoints[strings.TrimPrefix(name, "PJSIP/")]; ep != nil {
			ep.watched = true
			return a.application(r, nil)
		}
	default:
		return refuse(http.StatusBadRequest, "Invalid event source URI scheme")
	}
	return refuse(http.StatusUnprocessableEntity, "Event source does not exist")
}
