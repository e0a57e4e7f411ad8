package telephony

import (
	"slices"
	"strings"
	"time"

	"hotline/agent"
)

// Act is one verb that the planner wants.
//
//sumtype:decl
type Act interface{ act() }

// The acts.
type (
	// Watch subscribes to the end of a leg.
	Watch struct{ Leg LegID }
	// Answer picks up the citizen's leg; never done twice.
	Answer struct{ Leg LegID }
	// Hangup ends a leg.
	Hangup struct{ Leg LegID }
	// Return gives a leg that was never answered back to the dialplan's net: we refuse nobody (RT15).
	Return struct{ Leg LegID }
	// Ring lets a seat's telephone ring.
	Ring struct{ RingRequest }
	// EnsureBridge makes the talk bridge.
	EnsureBridge struct{ Bridge BridgeID }
	// DeleteBridge removes it.
	DeleteBridge struct{ Bridge BridgeID }
	// Hold puts the citizen where music plays.
	Hold struct {
		Bridge BridgeID
		Leg    LegID
	}
	// Join brings legs into the talk bridge.
	Join struct {
		Bridge BridgeID
		Legs   []LegID
	}
	// SetMute stops a leg from being heard, or lets it be heard again.
	SetMute struct {
		Leg LegID
		On  bool
	}
	// Play starts an announcement to a leg.
	Play struct {
		Leg      LegID
		Playback string
		Media    string
	}
	// StopPlay ends an announcement; a move behind a running one would wait for its end (telephony.md 2.4).
	StopPlay struct{ Playback string }
	// AskPlay wants to know whether an announcement still runs; Gone: it does not.
	AskPlay struct{ Playback string }
	// AskSeat wants SeatKnown.
	AskSeat struct{ Seat agent.SeatID }
)

func (Watch) act()        {}
func (Answer) act()       {}
func (Hangup) act()       {}
func (Return) act()       {}
func (Ring) act()         {}
func (EnsureBridge) act() {}
func (DeleteBridge) act() {}
func (Hold) act()         {}
func (Join) act()         {}
func (SetMute) act()      {}
func (Play) act()         {}
func (StopPlay) act()     {}
func (AskPlay) act()      {}
func (AskSeat) act()      {}

// Order is an act with its place: acts of one lane are done one after the other, and those that it names must have succeeded
// before it.
type Order struct {
	Act   Act
	Key   string   // of the act and the version of the want: none is given twice while it is under way
	Lanes []string // legs and bridges that it touches
	After []string // keys
}

// Keys of acts begin so.
const (
	keyWatch  = "watch "
	keyAnswer = "answer "
	keyHangup = "hangup "
	keyRing   = "ring "
	keyEnsure = "ensure"
	keyDelete = "delete"
	keyHold   = "hold "
	keyJoin   = "join "
	keyMute   = "mute "
	keyPlay   = "play "
	keyStop   = "stop "
	keyAsk    = "ask "
)

// HangupKey is the key of the order that ends a leg.
func HangupKey(leg LegID) string { return keyHangup + string(leg) }

// Plan says what to do so that everyone comes to where they are wanted: it compares the call with what the exchange shows of
// it. It runs after every event and in every comparison with the exchange alike, so there is one way to be right. What is
// under way is not planned again before its result or deadline.
func Plan(c Call, seen Seen, now time.Time) []Order {
	p := planner{c: c, seen: seen, now: now}
	caller, there := c.caller()
	if there && c.Channel != "" {
		p.receive(caller)
	}
	p.ring()
	p.mute()
	p.move(caller)
	p.announce()
	p.dismiss()
	return p.orders
}

type planner struct {
	c      Call
	seen   Seen
	now    time.Time
	orders []Order
	moves  []string // keys of what must be done before anyone is sent away
}

// order plans an act unless it is under way. Acts before it that are not planned now and not under way are done already.
func (p *planner) order(key string, a Act, lanes []string, after ...string) {
	if p.seen.free(key, p.now) {
		p.orders = append(p.orders, Order{Act: a, Key: key, Lanes: lanes, After: after})
	}
}

func lane[T ~string](ids ...T) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = string(id)
	}
	return out
}

// receive listens to the citizen's leg and answers it. Who was turned away without a word goes back to the net.
func (p *planner) receive(caller Participant) {
	leg := p.seen.Legs[caller.Leg]
	if leg.Dying || p.c.Phase == PhaseEnded || p.c.Phase == PhaseArrived {
		return
	}
	if !leg.Watched {
		p.order(keyWatch+string(caller.Leg), Watch{Leg: caller.Leg}, lane(keyWatch+caller.Leg))
	}
	if !leg.Up {
		p.order(keyAnswer+string(caller.Leg), Answer{Leg: caller.Leg}, lane(caller.Leg))
	}
}

// ring asks every seat that has an open offer and no leg yet, and looks for those whose leg was lost.
func (p *planner) ring() {
	talk := false
	for _, part := range p.c.Parts {
		o, open := p.c.offerOf(part)
		switch {
		case part.State == StateLost && !open && !part.Retry.After(p.now):
			p.order(keyAsk+string(part.Seat), AskSeat{Seat: part.Seat}, lane(part.Seat))
		case open && part.State == StateAsked:
			talk = true
			if _, exists := p.seen.Legs[part.Leg]; !exists && p.now.Before(o.ExpiresAt) {
				p.order(keyRing+string(part.Leg), Ring{p.request(o)}, lane(part.Leg))
			}
		}
	}
	// The bridge is made while the telephone rings: from the answer to the first word it takes one request.
	if (talk || p.inTalk()) && !p.seen.Talk {
		p.order(keyEnsure, EnsureBridge{Bridge: TalkBridge(p.c.ID)}, lane(TalkBridge(p.c.ID)))
	}
}

func (p *planner) request(o Offer) RingRequest {
	return RingRequest{
		Leg: o.Leg(), Endpoint: o.Endpoint, Caller: p.c.Channel, CallerID: p.c.Masked, Limit: max(o.ExpiresAt.Sub(p.now), 0) + ringBackstop,
		Resume: o.Kind == OfferResume,
	}
}

func (p *planner) inTalk() bool {
	return slices.ContainsFunc(p.c.Parts, func(part Participant) bool { return p.c.wants(part) == RoomTalk && part.State == StateUp })
}

// mute restores what a participant wants before the leg can be heard.
func (p *planner) mute() {
	for _, part := range p.c.Parts {
		leg, exists := p.seen.Legs[part.Leg]
		if exists && leg.Up && !leg.Dying && part.State != StateGone && leg.Muted != part.Muted {
			p.order(muteKey(part), SetMute{Leg: part.Leg, On: part.Muted}, lane(part.Leg))
		}
	}
}

func muteKey(p Participant) string {
	if p.Muted {
		return keyMute + "on " + string(p.Leg)
	}
	return keyMute + "off " + string(p.Leg)
}

// move brings everyone who is up, or about to be answered, to the wanted room.
func (p *planner) move(caller Participant) {
	var joins []LegID
	after := []string{keyEnsure}
	for _, part := range p.c.Parts {
		leg, exists := p.seen.Legs[part.Leg]
		answering := part.Role == RoleCaller && p.answering(part.Leg)
		if !exists || leg.Dying || part.State == StateGone || part.State == StateLost || !leg.Up && !answering {
			continue
		}
		switch room := p.c.wants(part); {
		case room == RoomHold && leg.In != HoldBridge(p.c.Line):
			p.stopPlaying()
			key := keyHold + string(part.Leg)
			p.moves = append(p.moves, key)
			p.order(key, Hold{Bridge: HoldBridge(p.c.Line), Leg: part.Leg}, lane(part.Leg), keyAnswer+string(part.Leg))
		case room == RoomTalk && part.Muted && !leg.Muted && !p.planned(muteKey(part)): // failed: nobody joins before it is done
			return
		case room == RoomTalk && leg.In != TalkBridge(p.c.ID) && !p.joining(part.Leg):
			joins = append(joins, part.Leg)
			after = append(after, muteKey(part), keyAnswer+string(part.Leg))
		}
	}
	if len(joins) == 0 {
		return
	}
	if slices.Contains(joins, caller.Leg) {
		p.stopPlaying()
	}
	// Ours first: the citizen never waits in an empty room.
	slices.SortStableFunc(joins, func(a, b LegID) int {
		return boolOrder(a == caller.Leg) - boolOrder(b == caller.Leg)
	})
	key := keyJoin + strings.Join(lane(joins...), " ")
	p.moves = append(p.moves, key)
	p.order(key, Join{Bridge: TalkBridge(p.c.ID), Legs: joins}, append(lane(joins...), string(TalkBridge(p.c.ID))), after...)
}

// joining says that the leg is on its way into the talk room, alone or with others.
func (p *planner) joining(leg LegID) bool {
	for key, under := range p.seen.Acts {
		if join, ok := under.Act.(Join); ok && slices.Contains(join.Legs, leg) && !p.seen.free(key, p.now) {
			return true
		}
	}
	return false
}

func boolOrder(b bool) int {
	if b {
		return 1
	}
	return 0
}

// answering says that the citizen's leg is being answered: what needs it up comes after that.
func (p *planner) answering(leg LegID) bool {
	key := keyAnswer + string(leg)
	under, there := p.seen.Acts[key]
	return there && under.Until.IsZero() || p.planned(key)
}

func (p *planner) planned(key string) bool {
	return slices.ContainsFunc(p.orders, func(o Order) bool { return o.Key == key })
}

// stopPlaying ends the announcement that would keep the citizen's leg from moving, unless it is the call's own.
func (p *planner) stopPlaying() {
	if pb := p.seen.Playing; pb != "" && (p.c.Cue == nil || p.c.Cue.ID != pb) {
		p.order(keyStop+pb, StopPlay{Playback: pb}, lane(p.c.Channel))
		p.seen.Playing = ""
	}
}

// announce starts the call's announcement once the citizen has music to come back to.
func (p *planner) announce() {
	cue := p.c.Cue
	switch {
	case cue == nil || p.seen.Playing == cue.ID || p.seen.Legs[cue.Leg].Dying || p.c.Phase == PhaseEnded:
	case !p.seen.Legs[cue.Leg].Up && !p.answering(cue.Leg): // nobody hears it yet
	case cue.Asked:
		p.order(keyAsk+cue.ID, AskPlay{Playback: cue.ID}, lane(cue.Leg))
	default:
		p.order(keyPlay+cue.ID, Play{Leg: cue.Leg, Playback: cue.ID, Media: cue.Media}, lane(cue.Leg),
			keyAnswer+string(cue.Leg), keyHold+string(cue.Leg))
	}
}

// dismiss ends every leg that nobody wants any more, after all moves, so that nobody is left alone in between; and the talk bridge with
// its call. Not earlier, though nobody may be wanted there for a while: where a late request still touches a bridge that is being
// removed, Asterisk 22 keeps its id for ever, says 409 to who makes it anew and 404 to who would join it, and nobody would reach this
// citizen any more (F18).
func (p *planner) dismiss() {
	legs := make([]LegID, 0, len(p.seen.Legs))
	for leg := range p.seen.Legs {
		legs = append(legs, leg)
	}
	slices.Sort(legs)
	for _, leg := range legs {
		seen := p.seen.Legs[leg]
		if part, wanted := p.c.onLeg(leg); seen.Dying || wanted && p.c.Phase != PhaseEnded && part.State != StateGone {
			continue
		}
		var act Act = Hangup{Leg: leg}
		if leg == p.c.Channel && !seen.Up {
			act = Return{Leg: leg}
		}
		lanes, after := lane(leg), p.moves
		if _, hangup := act.(Hangup); hangup && p.alone(leg) {
			lanes, after = lane(HangupKey(leg)), nil
		}
		p.order(HangupKey(leg), act, lanes, after...)
	}
	if p.seen.Talk && p.c.Phase == PhaseEnded {
		p.order(keyDelete, DeleteBridge{Bridge: TalkBridge(p.c.ID)}, lane(TalkBridge(p.c.ID)), p.moves...)
	}
}

// alone says that the leg is up and nobody shares its room: no move has to come before its end, and no join that still waits
// in its lanes may hold it back, or bring it to a citizen whom another seat is asked for meanwhile. A leg that is not up may
// be on its way still, and its end must not overtake that.
func (p *planner) alone(leg LegID) bool {
	seen := p.seen.Legs[leg]
	if !seen.Up {
		return false
	}
	for other, l := range p.seen.Legs {
		if other != leg && seen.In != "" && l.In == seen.In && !l.Dying {
			return false
		}
	}
	return true
}

// wants is the room that a participant belongs to now: the wanted one; but a citizen who is wanted in the talk room waits on
// hold while nobody of ours is there, and where nobody is turned away to there is no room.
func (c Call) wants(p Participant) Room {
	if c.Phase == PhaseEnded || c.Phase == PhaseArrived || c.Line == "" {
		return RoomNone
	}
	if p.Role != RoleCaller || p.Want != RoomTalk {
		return p.Want
	}
	if slices.ContainsFunc(c.Parts, func(o Participant) bool { return o.ours() && !o.hears() && o.Want == RoomTalk && o.State == StateUp }) {
		return RoomTalk
	}
	return RoomHold
}

// Due is when the call must look at its deadlines; zero: never, unless something happens.
func (c Call) Due() time.Time {
	var first time.Time
	at := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	if c.Phase == PhaseEnded {
		return first
	}
	if c.Cue != nil {
		at(c.Cue.Until)
	}
	for _, p := range c.Parts {
		switch o, asked := c.offerOf(p); p.State {
		case StateAsked:
			if asked {
				at(o.ExpiresAt)
			}
		case StateUp:
			at(p.Deadline)
		case StateLost:
			at(p.Deadline)
			if c.Seen.free(keyAsk+string(p.Seat), p.Retry) {
				at(p.Retry)
			}
		case StateGone:
		}
	}
	for _, under := range c.Seen.Acts {
		at(under.Until)
	}
	for _, leg := range c.Seen.Legs {
		at(leg.EndBy)
	}
	return first
}
