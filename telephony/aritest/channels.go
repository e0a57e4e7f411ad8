package aritest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"hotline/telephony"
)

// Leg is a channel as a test sees it.
type Leg struct {
	ID        telephony.LegID
	State     string // Down, Ring, Ringing, Up
	Endpoint  string // of a seat's leg; empty: a citizen's
	Caller    string // number of a citizen; what a seat's telephone shows
	Args      []string
	Variables map[string]string
	InApp     bool
	Watched   bool // subscribed to explicitly: LegGone will come
	Bridge    telephony.BridgeID
	Music     bool // hears music on hold, and not silence
	Playing   []string
	Dying     bool
	Muted     bool
}

type channel struct {
	id        telephony.LegID
	state     string
	caller    string
	dialled   string
	endpoint  string
	args      []string
	variables map[string]string
	created   string
	inApp     bool
	app       string // the application that has it, unless it is ours
	watched   bool
	bridge    *bridge
	music     bool
	playing   []string
	dying     bool
	gone      bool
	muted     bool
}

// heard: the application gets this channel's events.
func (ch *channel) heard() bool { return ch.inApp || ch.watched || ch.endpoint != "" }

// Leg looks a channel up; false when it does not exist (any more).
func (a *Asterisk) Leg(id telephony.LegID) (Leg, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ch := a.channels[id]
	if ch == nil {
		return Leg{}, false
	}
	return ch.seen(), true
}

// Legs are all channels, oldest first.
func (a *Asterisk) Legs() []Leg {
	a.mu.Lock()
	defer a.mu.Unlock()
	legs := make([]Leg, 0, len(a.order))
	for _, id := range a.order {
		legs = append(legs, a.channels[id].seen())
	}
	return legs
}

// SeatLeg finds the channel that rings or talks at an endpoint.
func (a *Asterisk) SeatLeg(endpoint string) (Leg, bool) {
	for _, leg := range a.Legs() {
		if leg.Endpoint == endpoint {
			return leg, true
		}
	}
	return Leg{}, false
}

func (ch *channel) seen() Leg {
	leg := Leg{
		ID: ch.id, State: ch.state, Endpoint: ch.endpoint, Caller: ch.caller, Args: ch.args, Variables: ch.variables,
		InApp: ch.inApp, Watched: ch.watched, Music: ch.music, Playing: append([]string(nil), ch.playing...), Dying: ch.dying, Muted: ch.muted,
	}
	if ch.bridge != nil {
		leg.Bridge = ch.bridge.id
	}
	return leg
}

// json is the channel object of ARI.
func (a *Asterisk) json(ch *channel) map[string]any {
	plan := map[string]any{"context": "from-trunk", "exten": ch.dialled, "priority": 3, "app_name": "", "app_data": ""}
	name := "PJSIP/trunk-" + string(ch.id)
	switch {
	case ch.app != "":
		plan["app_name"], plan["app_data"] = "Stasis", ch.app
	case ch.inApp:
		plan["app_name"] = "Stasis"
		plan["app_data"] = strings.Join(append([]string{a.App}, ch.args...), ",")
	case ch.endpoint != "":
		plan["app_name"], plan["app_data"] = "AppDial2", "(Outgoing Line)"
	}
	if ch.endpoint != "" {
		name = "PJSIP/" + ch.endpoint + "-" + string(ch.id)
	}
	return map[string]any{
		"id": ch.id, "name": name, "state": ch.state, "caller": map[string]string{"name": "", "number": ch.caller},
		"connected": map[string]string{"name": "", "number": ""}, "accountcode": "", "dialplan": plan,
		"creationtime": ch.created, "language": "en", "protocol_id": "",
	}
}

func (a *Asterisk) leg(id string) *channel { return a.channels[telephony.LegID(id)] }

func (a *Asterisk) addLocked(ch *channel) {
	ch.created = a.stampLocked()
	a.channels[ch.id] = ch
	a.order = append(a.order, ch.id)
	a.tellLocked(ch, "ChannelCreated", nil)
}

// tellLocked emits an event of a channel to the application if that hears it.
func (a *Asterisk) tellLocked(ch *channel, kind string, more map[string]any) {
	if !ch.heard() {
		return
	}
	fields := map[string]any{"channel": a.json(ch)}
	maps.Copy(fields, more)
	a.repeatLocked(a.timesLocked(ch, kind), kind, fields)
}

// timesLocked: what a channel says about itself comes twice while its endpoint is subscribed to as well [live]. What the
// application and the bridges say about it comes once.
func (a *Asterisk) timesLocked(ch *channel, kind string) int {
	ep := a.endpoints[ch.endpoint]
	if ep == nil || !ep.watched {
		return 1
	}
	switch kind {
	case "StasisStart", "StasisEnd", "ChannelEnteredBridge", "ChannelLeftBridge":
		return 1
	default:
		return 2
	}
}

func (a *Asterisk) listChannels(*http.Request, []byte) answer {
	all := []any{}
	for _, id := range a.order {
		all = append(all, a.json(a.channels[id]))
	}
	return answer{http.StatusOK, all}
}

func (a *Asterisk) originate(r *http.Request, body []byte) answer {
	var o struct {
		Endpoint, App, AppArgs, CallerID, Originator, Formats string
		Timeout                                               int
		Variables                                             map[string]string
	}
	if json.Unmarshal(body, &o) != nil {
		return refuse(http.StatusBadRequest, "Invalid JSON")
	}
	id := telephony.LegID(r.PathValue("id"))
	if a.channels[id] != nil {
		return refuse(http.StatusConflict, "Channel with given unique ID already exists")
	}
	if o.Originator != "" && a.leg(o.Originator) == nil {
		return refuse(http.StatusBadRequest, "Provided originator channel was not found")
	}
	name := strings.TrimPrefix(o.Endpoint, "PJSIP/")
	if ep := a.endpoints[name]; ep == nil || !ep.online {
		return answer{http.StatusInternalServerError, map[string]string{"error": "Allocation failed"}}
	}
	ch := &channel{
		id: id, state: "Down", endpoint: name, caller: o.CallerID, args: strings.Split(o.AppArgs, ","), variables: o.Variables,
	}
	a.addLocked(ch)
	a.dialLocked(ch, "")
	made := a.json(ch)
	ch.state = "Ringing"
	a.tellLocked(ch, "ChannelStateChange", nil)
	a.dialLocked(ch, "RINGING")
	if a.SeatsAnswer {
		a.pickUpLocked(ch)
	}
	return answer{http.StatusOK, made}
}

func (a *Asterisk) dialLocked(ch *channel, status string) {
	a.repeatLocked(a.timesLocked(ch, "Dial"), "Dial", map[string]any{"dialstatus": status, "dialstring": ch.endpoint, "forward": "", "peer": a.json(ch)})
}

func (a *Asterisk) pickUpLocked(ch *channel) {
	ch.state = "Up"
	a.tellLocked(ch, "ChannelStateChange", nil)
	a.dialLocked(ch, "ANSWER")
	ch.inApp = true
	a.tellLocked(ch, "StasisStart", map[string]any{"args": ch.args})
}

// answer is synchronous: it waits behind an announcement, and on a channel that is up it stops the music.
func (a *Asterisk) answer(r *http.Request, _ []byte) answer {
	ch, no := a.controlled(r.PathValue("id"))
	if ch == nil {
		return no
	}
	a.waitLocked(func() bool { return len(ch.playing) == 0 || ch.gone })
	switch {
	case ch.gone:
	case ch.state == "Up":
		ch.music = false
	default:
		ch.state = "Up"
		a.tellLocked(ch, "ChannelStateChange", nil)
	}
	return answer{http.StatusNoContent, nil}
}

// controlled finds a channel that is in the application.
func (a *Asterisk) controlled(id string) (*channel, answer) {
	ch := a.leg(id)
	if ch == nil {
		return nil, refuse(http.StatusNotFound, "Channel not found")
	}
	if !ch.inApp {
		return nil, refuse(http.StatusConflict, "Channel not in Stasis application")
	}
	return ch, answer{}
}

func (a *Asterisk) hangup(r *http.Request, _ []byte) answer {
	ch := a.leg(r.PathValue("id"))
	if ch == nil {
		return refuse(http.StatusNotFound, "Channel not found")
	}
	causes := map[string]int{"": 16, "normal": 16, "busy": 17, "no_answer": 19, "answered_elsewhere": 26, "congestion": 34}
	cause, known := causes[r.FormValue("reason")]
	if !known {
		return refuse(http.StatusBadRequest, "Invalid Reason")
	}
	if ch.endpoint == "" && ch.state != "Up" { // the caller gets a 603
		a.refused = append(a.refused, ch.id)
	}
	a.dieLocked(ch, map[string]any{"soft": true, "cause": 32})
	a.buryLocked(ch, cause, 0)
	return answer{http.StatusNoContent, nil}
}

// Refused are the citizens whose call was hung up before it was answered: nobody may be (RT15).
func (a *Asterisk) Refused() []telephony.LegID {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.refused)
}

// goOn lets a channel go on in the dialplan: here it says its words and hangs up.
func (a *Asterisk) goOn(r *http.Request, _ []byte) answer {
	ch, no := a.controlled(r.PathValue("id"))
	if ch == nil {
		return no
	}
	a.takeOutLocked(ch)
	a.tellLocked(ch, "StasisEnd", nil)
	ch.inApp = false
	a.returned = append(a.returned, ch.id)
	a.buryLocked(ch, 16, 0)
	return answer{http.StatusNoContent, nil}
}

// Returned are the legs that were given back to the dialplan.
func (a *Asterisk) Returned() []telephony.LegID {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.returned)
}

// mute is asynchronous in Asterisk; here it is done at once. Muting twice is muting once.
func (a *Asterisk) mute(r *http.Request, _ []byte) answer {
	ch, no := a.controlled(r.PathValue("id"))
	if ch == nil {
		return no
	}
	ch.muted = r.Method == http.MethodPost
	return answer{http.StatusNoContent, nil}
}
