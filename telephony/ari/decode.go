package ari

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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
}

const (
	generation   = 8192
	window       = 16 // repetitions are adjacent but for what other channels say in between
	repeatedKind = "repeated"
)

func newDecoder() decoder {
	return decoder{asked: [2]map[telephony.LegID]struct{}{{}, {}}}
}

// decode returns the frame's type as metrics may know it, and its signal: nil for events that nobody needs. Whatever
// the frame holds, it neither panics nor fails: what cannot be understood is Unknown.
func (d *decoder) decode(frame []byte) (string, telephony.Signal) {
	if d.repeated(frame) {
		return repeatedKind, nil
	}
	event, err := decodeEvent(frame)
	if event != nil && err != nil {
		event, err = decodeEvent(undated(frame)) // a date that is null must not cost a hang-up (L27)
	}
	if event == nil {
		kind := typeOf(frame)
		if kind == "" {
			return garbageKind, telephony.Unknown{Type: garbageKind}
		}
		return unknownKind, telephony.Unknown{Type: kind}
	}
	s, whole := d.signal(event, frame)
	if err != nil || !whole {
		return garbageKind, telephony.Unknown{Type: typeOf(frame)}
	}
	return event.GetType(), s
}

// signal maps an event; false when it lacks the id it is about.
func (d *decoder) signal(event ari.Event, frame []byte) (telephony.Signal, bool) {
	switch e := event.(type) {
	case *ari.StasisStart:
		return entered(e), e.Channel.ID != ""
	case *ari.ChannelStateChange:
		return stateChanged(e), e.Channel.ID != ""
	case *ari.Dial:
		if e.Dialstatus != "RINGING" {
			return nil, true
		}
		return telephony.Ringing{Leg: telephony.LegID(e.Peer.ID)}, e.Peer.ID != ""
	case *ari.ChannelHangupRequest:
		d.ask(telephony.LegID(e.Channel.ID))
		return telephony.HangupRequested{Leg: telephony.LegID(e.Channel.ID), Soft: e.Soft}, e.Channel.ID != ""
	case *ari.StasisEnd:
		return telephony.LegLeft{Leg: telephony.LegID(e.Channel.ID)}, e.Channel.ID != ""
	case *ari.ChannelDestroyed:
		return d.gone(e, frame), e.Channel.ID != ""
	case *ari.ChannelEnteredBridge:
		return telephony.EnteredBridge{Leg: telephony.LegID(e.Channel.ID), Bridge: telephony.BridgeID(e.Bridge.ID)},
			e.Channel.ID != "" && e.Bridge.ID != ""
	case *ari.ChannelLeftBridge:
		return telephony.LeftBridge{Leg: telephony.LegID(e.Channel.ID), Bridge: telephony.BridgeID(e.Bridge.ID)},
			e.Channel.ID != "" && e.Bridge.ID != ""
	case *ari.PlaybackFinished:
		return telephony.PlayDone{Playback: e.Playback.ID, Failed: e.Playback.State == "failed"}, e.Playback.ID != ""
	case *ari.ApplicationReplaced:
		return telephony.Replaced{}, true
	default:
		return endpointSignal(event)
	}
}

// online is the state of an endpoint whose telephone is there.
const online = "online"

// endpointSignal: all three carry the endpoint as it is by then, which says more than the event itself.
func endpointSignal(event ari.Event) (telephony.Signal, bool) {
	var at ari.EndpointData
	switch e := event.(type) {
	case *ari.EndpointStateChange:
		at = e.Endpoint
	case *ari.PeerStatusChange:
		at = e.Endpoint
	case *ari.ContactStatusChange:
		at = e.Endpoint
	default:
		return nil, true
	}
	if !strings.EqualFold(at.Technology, "PJSIP") {
		return nil, true
	}
	return telephony.EndpointChanged{Endpoint: at.Resource, Online: at.State == online}, at.Resource != ""
}

func entered(e *ari.StasisStart) telephony.Signal {
	s := telephony.Entered{
		Leg:    telephony.LegID(e.Channel.ID),
		Args:   e.Args,
		Caller: e.Channel.GetCaller().GetNumber(),
		At:     stamp(e),
	}
	switch {
	case len(e.Args) > 1 && e.Args[0] == inbound:
		s.Dialled = e.Args[1]
	case e.Channel.Dialplan != nil:
		s.Dialled = e.Channel.Dialplan.Exten
	}
	return s
}

func stateChanged(e *ari.ChannelStateChange) telephony.Signal {
	leg := telephony.LegID(e.Channel.ID)
	switch e.Channel.State {
	case "Up":
		return telephony.Answered{Leg: leg}
	case "Ringing":
		return telephony.Ringing{Leg: leg}
	default:
		return nil
	}
}

func (d *decoder) gone(e *ari.ChannelDestroyed, frame []byte) telephony.Signal {
	var more struct {
		TechCause int `json:"tech_cause"` // 22.7; ari/v5 does not have it
	}
	_ = json.Unmarshal(frame, &more) // absent or odd: 0, which means not told
	leg := telephony.LegID(e.Channel.ID)
	return telephony.LegGone{Leg: leg, Cause: e.Cause, TechCause: more.TechCause, Asked: d.wasAsked(leg)}
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

// decodeEvent is ari.DecodeEvent that cannot take the process down.
func decodeEvent(frame []byte) (event ari.Event, err error) { //nolint:nonamedreturns // recover needs them
	defer func() {
		if r := recover(); r != nil {
			event, err = nil, fmt.Errorf("decode event: %v", r)
		}
	}()
	event, err = ari.DecodeEvent(frame)
	if err == nil && event == nil {
		err = errors.New("decode event: nothing in it")
	}
	return event, err
}

func typeOf(frame []byte) string {
	var head struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(frame, &head) != nil {
		return ""
	}
	return clip(head.Type)
}

// isReplaced verifies what a byte search has found: a caller's name could hold the word.
func isReplaced(frame []byte, app string) bool {
	var head struct {
		Type        string `json:"type"`
		Application string `json:"application"`
	}
	return json.Unmarshal(frame, &head) == nil && head.Type == replacedType && (head.Application == app || head.Application == "")
}

func clip(s string) string {
	const most = 64
	return s[:min(len(s), most)]
}

// stamp is the event's own time, or the channel's, which is the earlier.
func stamp(e *ari.StasisStart) time.Time {
	if t := time.Time(e.Timestamp); !t.IsZero() {
		return t.UTC()
	}
	if created := e.Channel.GetCreationtime(); created != nil {
		return time.Unix(created.Seconds, int64(created.Nanos)).UTC()
	}
	return time.Time{}
}

// undated is the frame without the dates, which ari/v5 insists on.
func undated(frame []byte) []byte {
	var event any
	if json.Unmarshal(frame, &event) != nil {
		return frame
	}
	strip(event)
	bare, err := json.Marshal(event)
	if err != nil {
		return frame
	}
	return bare
}

func strip(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "timestamp")
		delete(v, "creationtime")
		for _, inner := range v {
			strip(inner)
		}
	case []any:
		for _, inner := range v {
			strip(inner)
		}
	}
}
