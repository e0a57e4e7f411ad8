package ari

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"time"

	"github.com/CyCoreSystems/ari/v5"

	"hotline/telephony"
)

const (
	replacedType = "ApplicationReplaced"
	unknownKind  = "unknown"
	garbageKind  = "garbage"
	inbound      = "inbound" // first argument of Stasis() in the dialplan; the second is the dialled number
)

// decoder turns frames into signals. It remembers which channels were asked to hang up, for LegGone.Asked, and the last
// frames, because Asterisk tells the events of a seat's leg twice, byte for byte: once for the channel and once for its
// endpoint, to both of which the application is subscribed.
type decoder struct {
	asked  [2]map[telephony.LegID]struct{} // young and old: a leg whose end is never told does not stay for ever
	recent [window][]byte
	at     int
	known  map[string]bool
}

const (
	generation   = 8192
	window       = 16 // repetitions are adjacent but for what other channels say in between
	repeatedKind = "repeated"
)

func newDecoder() decoder {
	return decoder{asked: [2]map[telephony.LegID]struct{}{{}, {}}, known: known()}
}

// event is what we need of an event, of whichever type: one pass over the frame. A field of an odd type is as good as absent, so that
// a date that is null does not cost a hang-up (L27).
type event struct {
	Type        string   `json:"type"`
	Application string   `json:"application"`
	Timestamp   string   `json:"timestamp"`
	Args        []string `json:"args"`
	Dialstatus  string   `json:"dialstatus"`
	Soft        bool     `json:"soft"`
	Cause       int      `json:"cause"`
	TechCause   int      `json:"tech_cause"` // since Asterisk 22.7
	Channel     thing    `json:"channel"`
	Peer        thing    `json:"peer"`
	Bridge      thing    `json:"bridge"`
	Playback    thing    `json:"playback"`
	Endpoint    thing    `json:"endpoint"`
}

// thing is what an event is about: a channel, a bridge, a playback, an endpoint.
type thing struct {
	ID         string `json:"id"`
	State      string `json:"state"`
	Technology string `json:"technology"` // of an endpoint, like resource
	Resource   string `json:"resource"`
	Created    string `json:"creationtime"`
	Caller     struct {
		Number string `json:"number"`
	} `json:"caller"`
	Dialplan struct {
		Exten string `json:"exten"`
	} `json:"dialplan"`
}

// known are the types of event that ari/v5 lists: metrics name these, and no others.
func known() map[string]bool {
	names := make(map[string]bool)
	for _, name := range reflect.ValueOf(ari.Events).Fields() {
		names[name.String()] = true
	}
	return names
}

// decode returns the frame's type as metrics may know it, and its signal: nil for events that nobody needs. Whatever
// the frame holds, it neither panics nor fails: what cannot be understood is Unknown.
func (d *decoder) decode(frame []byte) (string, telephony.Signal) {
	if d.repeated(frame) {
		return repeatedKind, nil
	}
	e := parse(frame)
	if e.Type == "" {
		return garbageKind, telephony.Unknown{Type: garbageKind}
	}
	if !d.known[e.Type] {
		return unknownKind, telephony.Unknown{Type: clip(e.Type)}
	}
	s, whole := d.signal(&e)
	if !whole {
		return garbageKind, telephony.Unknown{Type: e.Type}
	}
	return e.Type, s
}

// parse is nothing for what is no JSON.
func parse(frame []byte) event {
	var e event
	err := json.Unmarshal(frame, &e)
	if _, odd := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !odd {
		return event{}
	}
	return e
}

// signal maps an event; false when it lacks the id it is about.
func (d *decoder) signal(e *event) (telephony.Signal, bool) {
	leg, bridge := telephony.LegID(e.Channel.ID), telephony.BridgeID(e.Bridge.ID)
	switch e.Type {
	case ari.Events.StasisStart:
		return entered(e), leg != ""
	case ari.Events.ChannelStateChange:
		return stateChanged(leg, e.Channel.State), leg != ""
	case ari.Events.Dial:
		if e.Dialstatus != "RINGING" {
			return nil, true
		}
		return telephony.Ringing{Leg: telephony.LegID(e.Peer.ID)}, e.Peer.ID != ""
	case ari.Events.ChannelHangupRequest:
		d.ask(leg)
		return telephony.HangupRequested{Leg: leg, Soft: e.Soft}, leg != ""
	case ari.Events.StasisEnd:
		return telephony.LegLeft{Leg: leg}, leg != ""
	case ari.Events.ChannelDestroyed:
		return telephony.LegGone{Leg: leg, Cause: e.Cause, TechCause: e.TechCause, Asked: d.wasAsked(leg)}, leg != ""
	case ari.Events.ChannelEnteredBridge:
		return telephony.EnteredBridge{Leg: leg, Bridge: bridge}, leg != "" && bridge != ""
	case ari.Events.ChannelLeftBridge:
		return telephony.LeftBridge{Leg: leg, Bridge: bridge}, leg != "" && bridge != ""
	case ari.Events.PlaybackFinished:
		return telephony.PlayDone{Playback: e.Playback.ID, Failed: e.Playback.State == "failed"}, e.Playback.ID != ""
	case ari.Events.ApplicationReplaced:
		return telephony.Replaced{}, true
	case ari.Events.EndpointStateChange, ari.Events.PeerStatusChange, ari.Events.ContactStatusChange:
		return endpointChanged(e)
	default:
		return nil, true
	}
}

// online is the state of an endpoint whose telephone is there.
const online = "online"

// endpointChanged: all three carry the endpoint as it is by then, which says more than the event itself.
func endpointChanged(e *event) (telephony.Signal, bool) {
	if !strings.EqualFold(e.Endpoint.Technology, "PJSIP") {
		return nil, true
	}
	return telephony.EndpointChanged{Endpoint: e.Endpoint.Resource, Online: e.Endpoint.State == online}, e.Endpoint.Resource != ""
}

// entered has the event's own time, or the channel's, which is the earlier.
func entered(e *event) telephony.Signal {
	s := telephony.Entered{
		Leg: telephony.LegID(e.Channel.ID), Args: e.Args, Caller: e.Channel.Caller.Number, Dialled: e.Channel.Dialplan.Exten,
		At: cmp.Or(stamp(e.Timestamp), stamp(e.Channel.Created)),
	}
	if len(e.Args) > 1 && e.Args[0] == inbound {
		s.Dialled = e.Args[1]
	}
	return s
}

// stamp is no time for what is none.
func stamp(text string) time.Time {
	t, err := time.Parse("2006-01-02T15:04:05.000-0700", text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

func stateChanged(leg telephony.LegID, state string) telephony.Signal {
	switch state {
	case "Up":
		return telephony.Answered{Leg: leg}
	case "Ringing":
		return telephony.Ringing{Leg: leg}
	default:
		return nil
	}
}

func (d *decoder) ask(leg telephony.LegID) {
	if len(d.asked[0]) >= generation {
		d.asked[0], d.asked[1] = map[telephony.LegID]struct{}{}, d.asked[0]
	}
	d.asked[0][leg] = struct{}{}
}

// wasAsked does not forget: the end may be told again, late.
func (d *decoder) wasAsked(leg telephony.LegID) bool {
	_, young := d.asked[0][leg]
	_, old := d.asked[1][leg]
	return young || old
}

// repeated compares the whole frame, its time stamp included: no two events are alike.
func (d *decoder) repeated(frame []byte) bool {
	for _, seen := range d.recent {
		if len(seen) > 0 && bytes.Equal(seen, frame) {
			return true
		}
	}
	d.recent[d.at] = frame
	d.at = (d.at + 1) % window
	return false
}

// isReplaced verifies what a byte search has found: a caller's name could hold the word.
func isReplaced(frame []byte, app string) bool {
	e := parse(frame)
	return e.Type == ari.Events.ApplicationReplaced && (e.Application == app || e.Application == "")
}

func clip(s string) string {
	const most = 64
	return s[:min(len(s), most)]
}
