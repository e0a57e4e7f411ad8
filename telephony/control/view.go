package control

import (
	"cmp"
	"slices"
	"time"

	"hotline/telephony"
)

// view is a snapshot, ready to be asked about one call.
type view struct {
	at       time.Time // before it was taken
	told     time.Time // by the exchange's clock, to the second
	entity   string
	began    time.Time // that run of the exchange, by its clock
	channels map[telephony.LegID]telephony.Channel
	bridges  map[telephony.BridgeID]telephony.Bridge
}

func newView(s telephony.Snapshot, at time.Time) *view {
	v := &view{
		at: at, told: s.Told, entity: s.Entity, began: s.Began,
		channels: make(map[telephony.LegID]telephony.Channel, len(s.Channels)), bridges: make(map[telephony.BridgeID]telephony.Bridge, len(s.Bridges)),
	}
	for _, ch := range s.Channels {
		v.channels[ch.ID] = ch
	}
	for _, b := range s.Bridges {
		v.bridges[b.ID] = b
	}
	return v
}

// arrivals are the citizens' channels in our application, in the order in which they came: the first to come is the first to
// get a place.
func (v *view) arrivals() []telephony.Channel {
	var all []telephony.Channel
	for _, ch := range v.channels {
		if ch.InApp && !ch.ID.Ours() {
			all = append(all, ch)
		}
	}
	slices.SortFunc(all, func(a, b telephony.Channel) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// runOf is the run of the exchange in which something happened at a time that it told; empty: an earlier one.
func (v *view) runOf(at time.Time) string {
	if at.Before(v.began) {
		return ""
	}
	return v.entity
}

// came is when a channel came, by our clock.
func (v *view) came(ch telephony.Channel, now time.Time) time.Time {
	if ch.CreatedAt.IsZero() {
		return now
	}
	return v.ours(ch.CreatedAt, now)
}

// ours is, by our clock, a time that the exchange has told. Its clock may be set to another time; how it differs is known to a
// second or so, and less than two are no difference (F26). Nothing was later than now.
func (v *view) ours(at, now time.Time) time.Time {
	if off := v.told.Sub(v.at); !v.told.IsZero() && off.Abs() >= 2*time.Second {
		at = at.Add(-off)
	}
	if at.After(now) {
		return now
	}
	return at
}

// of says what the view shows of a call: its legs, and whoever else of ours is in its talk bridge.
func (v *view) of(c telephony.Call, adopted bool) telephony.Looked {
	looked := telephony.Looked{
		At: v.at, Adopted: adopted, Restarted: c.Entity != v.entity, Legs: make(map[telephony.LegID]telephony.LegSeen),
	}
	add := func(leg telephony.LegID) {
		ch, ok := v.channels[leg]
		if leg == c.Channel && looked.Restarted {
			return // who has this id now is somebody else
		}
		if ok && (ch.InApp || leg != c.Channel) {
			looked.Legs[leg] = telephony.LegSeen{Up: ch.Up() && ch.InApp, In: ch.Bridge}
		}
	}
	add(c.Channel)
	for _, p := range c.Parts {
		add(p.Leg)
	}
	for leg := range c.Seen.Legs {
		add(leg)
	}
	talk, ok := v.bridges[telephony.TalkBridge(c.ID)]
	looked.Talk = ok
	for _, leg := range talk.Channels {
		if leg.Ours() {
			add(leg)
		}
	}
	return looked
}
