package aritest

import (
	"hotline/telephony"
)

// Call lets a citizen call in: the channel rings in the application. Without a controller connected the dialplan's
// fall-back takes it, and the id is empty (telephony.md 2.2).
func (a *Asterisk) Call(caller, dialled string) telephony.LegID {
	var id telephony.LegID
	a.do(func() {
		if len(a.app.sockets) == 0 {
			return
		}
		id = a.nextIDLocked()
		ch := &channel{id: id, state: "Ring", caller: caller, dialled: dialled, args: []string{"inbound", dialled}}
		a.addLocked(ch)
		ch.inApp = true
		a.tellLocked(ch, "StasisStart", map[string]any{"args": ch.args})
	})
	return id
}

// Foreign makes a channel with an id that somebody else has chosen, in a bridge of theirs: in another application, in none, or
// in ours without our having made it.
func (a *Asterisk) Foreign(app string, leg telephony.LegID, in telephony.BridgeID) {
	a.do(func() {
		ch := &channel{id: leg, state: "Up", app: app, inApp: app == a.App}
		if ch.inApp {
			ch.app = ""
		}
		ch.created = a.stampLocked()
		a.channels[leg] = ch
		a.order = append(a.order, leg)
		b := &bridge{id: in, kind: telephony.BridgeMixing, legs: []*channel{ch}}
		ch.bridge, a.bridges[in] = b, b
	})
}

// Shake reports the state of a leg that has not changed.
func (a *Asterisk) Shake(leg telephony.LegID) {
	a.do(func() {
		if ch := a.channels[leg]; ch != nil {
			a.tellLocked(ch, "ChannelStateChange", nil)
		}
	})
}

// HangUp is the far end of any leg hanging up: a citizen, or an official in conversation.
func (a *Asterisk) HangUp(leg telephony.LegID) {
	a.StartHangUp(leg)
	a.FinishHangUp(leg)
}

// StartHangUp leaves a leg dying: commands still find it, and addChannel answers 204 with a ChannelEnteredBridge after the
// ChannelHangupRequest (telephony.md 2.4).
func (a *Asterisk) StartHangUp(leg telephony.LegID) {
	a.do(func() {
		if ch := a.channels[leg]; ch != nil {
			fields := map[string]any{}
			if ch.endpoint == "" && ch.state != "Up" { // CANCEL
				fields["cause"], fields["tech_cause"] = 127, 487
			}
			a.dieLocked(ch, fields)
		}
	})
}

// FinishHangUp ends a dying leg.
func (a *Asterisk) FinishHangUp(leg telephony.LegID) {
	a.do(func() {
		ch := a.channels[leg]
		switch {
		case ch == nil:
		case ch.endpoint != "":
			a.buryLocked(ch, 16, 0)
		case ch.state != "Up":
			a.buryLocked(ch, 127, 487)
		default:
			a.buryLocked(ch, 0, 0) // a plain BYE has no cause
		}
	})
}

// AnswerSeat lets the official pick up a ringing leg.
func (a *Asterisk) AnswerSeat(leg telephony.LegID) {
	a.do(func() {
		if ch := a.channels[leg]; ch != nil && ch.state == "Ringing" {
			a.pickUpLocked(ch)
		}
	})
}

// RefuseSeat lets the telephone of a ringing leg answer with a SIP status: 486 busy, 603 declined, 480, 408 and so on.
func (a *Asterisk) RefuseSeat(leg telephony.LegID, status int) {
	causes := map[int]int{486: 17, 600: 17, 603: 21, 403: 21, 480: 19, 408: 18, 404: 1, 488: 58, 500: 38, 503: 34}
	a.do(func() {
		if ch := a.channels[leg]; ch != nil {
			a.dieLocked(ch, map[string]any{"cause": causes[status], "tech_cause": status})
			a.buryLocked(ch, causes[status], status)
		}
	})
}

// RingTimeout is Asterisk's own end of a ring: the causes of a 480, but without a ChannelHangupRequest (telephony.md 2.5).
func (a *Asterisk) RingTimeout(leg telephony.LegID) {
	a.do(func() {
		if ch := a.channels[leg]; ch != nil {
			a.buryLocked(ch, 19, 480)
		}
	})
}

// EndPlayback lets an announcement come to its end.
func (a *Asterisk) EndPlayback(id string) {
	a.do(func() { a.endLocked(id, "done") })
}

// dieLocked is the first sign of an end.
func (a *Asterisk) dieLocked(ch *channel, fields map[string]any) {
	ch.dying = true
	a.tellLocked(ch, "ChannelHangupRequest", fields)
}

// buryLocked is the rest of it, in the order that can be relied on. The dialplan's Hangup() after Stasis() adds a second
// request; ChannelDestroyed of a citizen's leg comes only if somebody has subscribed to it.
func (a *Asterisk) buryLocked(ch *channel, cause, techCause int) {
	for len(ch.playing) > 0 {
		a.endLocked(ch.playing[0], "failed")
	}
	a.takeOutLocked(ch)
	ch.dying, ch.gone, ch.music = true, true, false
	if ch.inApp {
		a.tellLocked(ch, "StasisEnd", nil)
		ch.inApp = false
		if ch.endpoint == "" {
			a.tellLocked(ch, "ChannelHangupRequest", map[string]any{"soft": true, "cause": 16})
		}
	}
	delete(a.channels, ch.id)
	for i, id := range a.order {
		if id == ch.id {
			a.order = append(a.order[:i:i], a.order[i+1:]...)
			break
		}
	}
	fields := map[string]any{"cause": cause, "cause_txt": ""}
	if techCause != 0 {
		fields["tech_cause"] = techCause
	}
	a.tellLocked(ch, "ChannelDestroyed", fields)
}
