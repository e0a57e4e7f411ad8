package aritest

import (
	"encoding/json"
	"fmt"
	"net/http"

	"hotline/telephony"
)

// Bridge is a bridge as a test sees it.
type Bridge struct {
	ID   telephony.BridgeID
	Kind telephony.BridgeKind
	Legs []telephony.LegID
}

type bridge struct {
	id   telephony.BridgeID
	kind telephony.BridgeKind
	legs []*channel
}

type playback struct {
	id    string
	media []string
	leg   *channel
}

// Bridge looks a bridge up.
func (a *Asterisk) Bridge(id telephony.BridgeID) (Bridge, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.bridges[id]
	if b == nil {
		return Bridge{}, false
	}
	seen := Bridge{ID: b.id, Kind: b.kind}
	for _, ch := range b.legs {
		seen.Legs = append(seen.Legs, ch.id)
	}
	return seen, true
}

func (b *bridge) json() map[string]any {
	ids := []telephony.LegID{}
	for _, ch := range b.legs {
		ids = append(ids, ch.id)
	}
	return map[string]any{
		"id": b.id, "bridge_type": b.kind, "bridge_class": "stasis", "creator": "Stasis", "name": "",
		"technology": "", "channels": ids,
	}
}

func (a *Asterisk) listBridges(*http.Request, []byte) answer {
	all := []any{}
	for _, b := range a.bridges {
		all = append(all, b.json())
	}
	return answer{http.StatusOK, all}
}

func (a *Asterisk) createBridge(r *http.Request, body []byte) answer {
	var o struct{ Type telephony.BridgeKind }
	if json.Unmarshal(body, &o) != nil {
		return refuse(http.StatusBadRequest, "Invalid JSON")
	}
	id := telephony.BridgeID(r.PathValue("id"))
	if a.bridges[id] != nil {
		return refuse(http.StatusConflict, fmt.Sprintf("Bridge with id '%s' already exists", id))
	}
	a.bridges[id] = &bridge{id: id, kind: o.Type}
	return answer{http.StatusOK, a.bridges[id].json()}
}

// deleteBridge puts its legs out; they live on in the application, in silence.
func (a *Asterisk) deleteBridge(r *http.Request, _ []byte) answer {
	b := a.bridges[telephony.BridgeID(r.PathValue("id"))]
	if b == nil {
		return refuse(http.StatusNotFound, "Bridge not found")
	}
	for len(b.legs) > 0 {
		a.takeOutLocked(b.legs[0])
	}
	delete(a.bridges, b.id)
	return answer{http.StatusNoContent, nil}
}

// names reads the channel field: one id or several.
type names []string

func (n *names) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*n = names{one}
		return nil
	}
	var all []string
	if err := json.Unmarshal(data, &all); err != nil {
		return fmt.Errorf("channel: %w", err)
	}
	*n = all
	return nil
}

// addChannel: each leg in turn, behind its announcement. A leg that dies while it waits makes no error, and a dying one
// enters and leaves at once: 204 says nothing (telephony.md 2.4).
func (a *Asterisk) addChannel(r *http.Request, body []byte) answer {
	var o struct {
		Channel names
		Role    string
	}
	if json.Unmarshal(body, &o) != nil || len(o.Channel) == 0 {
		return refuse(http.StatusBadRequest, "Invalid JSON")
	}
	b := a.bridges[telephony.BridgeID(r.PathValue("id"))]
	if b == nil {
		return refuse(http.StatusNotFound, "Bridge not found")
	}
	legs := make([]*channel, 0, len(o.Channel))
	for _, id := range o.Channel {
		ch := a.leg(id)
		if ch == nil {
			return refuse(http.StatusBadRequest, "Channel not found")
		}
		if !ch.inApp {
			return refuse(http.StatusUnprocessableEntity, "Channel not in Stasis application")
		}
		legs = append(legs, ch)
	}
	for _, ch := range legs {
		a.waitLocked(func() bool { return len(ch.playing) == 0 || ch.gone })
		if ch.gone || a.closed {
			continue
		}
		a.moveLocked(ch, b, o.Role)
		if ch.dying {
			a.takeOutLocked(ch)
		}
	}
	return answer{http.StatusNoContent, nil}
}

// moveLocked: the role is what brings the music, and a leg that comes straight from a holding bridge loses it.
func (a *Asterisk) moveLocked(ch *channel, b *bridge, role string) {
	straight := ch.bridge != nil && ch.bridge.kind == telephony.BridgeHolding
	a.takeOutLocked(ch)
	ch.bridge = b
	b.legs = append(b.legs, ch)
	ch.music = b.kind == telephony.BridgeHolding && role == "holding_participant" && !straight
	a.tellLocked(ch, "ChannelEnteredBridge", map[string]any{"bridge": b.json()})
}

func (a *Asterisk) takeOutLocked(ch *channel) {
	b := ch.bridge
	if b == nil {
		return
	}
	for i, in := range b.legs {
		if in == ch {
			b.legs = append(b.legs[:i:i], b.legs[i+1:]...)
			break
		}
	}
	ch.bridge, ch.music = nil, false
	a.tellLocked(ch, "ChannelLeftBridge", map[string]any{"bridge": b.json()})
}

func (a *Asterisk) removeChannel(r *http.Request, body []byte) answer {
	var o struct{ Channel names }
	if json.Unmarshal(body, &o) != nil || len(o.Channel) == 0 {
		return refuse(http.StatusBadRequest, "Invalid JSON")
	}
	b := a.bridges[telephony.BridgeID(r.PathValue("id"))]
	if b == nil {
		return refuse(http.StatusNotFound, "Bridge not found")
	}
	for _, id := range o.Channel {
		ch := a.leg(id)
		if ch == nil {
			return refuse(http.StatusBadRequest, "Channel not found")
		}
		a.waitLocked(func() bool { return len(ch.playing) == 0 || ch.gone })
		if ch.bridge != b {
			return refuse(http.StatusUnprocessableEntity, "Channel not in this bridge")
		}
		a.takeOutLocked(ch)
	}
	return answer{http.StatusNoContent, nil}
}

func (a *Asterisk) play(r *http.Request, body []byte) answer {
	var o struct{ Media names }
	if json.Unmarshal(body, &o) != nil {
		return refuse(http.StatusBadRequest, "Invalid JSON")
	}
	ch, no := a.controlled(r.PathValue("id"))
	if ch == nil {
		return no
	}
	p := &playback{id: r.PathValue("playback"), media: o.Media, leg: ch}
	a.playbacks[p.id] = p
	ch.playing = append(ch.playing, p.id)
	a.emitLocked("PlaybackStarted", map[string]any{"playback": p.json("playing")})
	if a.PlaysEnd {
		a.endLocked(p.id, "done")
	}
	return answer{http.StatusCreated, p.json("queued")}
}

func (a *Asterisk) plays(r *http.Request, _ []byte) answer {
	p := a.playbacks[r.PathValue("id")]
	if p == nil {
		return refuse(http.StatusNotFound, "Playback not found")
	}
	return answer{http.StatusOK, p.json("playing")}
}

func (a *Asterisk) stopPlay(r *http.Request, _ []byte) answer {
	id := r.PathValue("id")
	if a.playbacks[id] == nil {
		return refuse(http.StatusNotFound, "Playback not found")
	}
	a.endLocked(id, "done")
	return answer{http.StatusNoContent, nil}
}

func (a *Asterisk) endLocked(id, state string) {
	p := a.playbacks[id]
	if p == nil {
		return
	}
	delete(a.playbacks, id)
	for i, playing := range p.leg.playing {
		if playing == id {
			p.leg.playing = append(p.leg.playing[:i:i], p.leg.playing[i+1:]...)
			break
		}
	}
	a.emitLocked("PlaybackFinished", map[string]any{"playback": p.json(state)})
}

func (p *playback) json(state string) map[string]any {
	uri := ""
	if len(p.media) > 0 {
		uri = p.media[0]
	}
	return map[string]any{
		"id": p.id, "media_uri": uri, "target_uri": "channel:" + string(p.leg.id), "language": "en", "state": state,
	}
}
