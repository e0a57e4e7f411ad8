package telephony_test

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/agent"
	"hotline/telephony"
)

// Any events in any order, duplicates and late ones included: what must hold of every call at every moment (F19).
func TestApplyLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, applyLaws)
}

func applyLaws(t *rapid.T) {
	w := newWalk(t)
	w.advance(t)
	for range rapid.IntRange(1, 60).Draw(t, "events") {
		w.now = w.now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
		w.step(t, w.draw(t))
	}
}

// FuzzApply : the same, in the orders that reach new code.
func FuzzApply(f *testing.F) {
	for seed := range byte(8) {
		story := make([]byte, 32<<10)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(story) // never fails
		f.Add(story)
	}
	f.Fuzz(rapid.MakeFuzz(applyLaws))
}

// Whatever happened before, a call that is lost is over, and its seats are free.
func TestEveryCallCanEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWalk(t)
		w.advance(t)
		for range rapid.IntRange(0, 40).Draw(t, "events") {
			w.now = w.now.Add(time.Second)
			w.step(t, w.draw(t))
		}
		w.step(t, telephony.Looked{At: w.now.Add(time.Second)})
		w.now = w.now.Add(time.Second) // nobody tells how it ended
		w.step(t, telephony.TimePassed{})
		require.Equal(t, telephony.PhaseEnded, w.call.Phase)
	})
}

// walk is a call on its way, with what it has said of its seats and ordered of the exchange.
type walk struct {
	call   telephony.Call
	now    time.Time
	work   map[agent.SeatID]agent.Work
	orders []telephony.Order // not answered yet
	offers int
}

func newWalk(t *rapid.T) *walk {
	w := &walk{call: newCall(), now: morning(), work: map[agent.SeatID]agent.Work{}}
	w.call.Rules.Open = rapid.Bool().Draw(t, "open")
	w.call.Rules.WrapUp = rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(t, "wrap-up")
	w.call.Rules.Notice = rapid.SampledFrom([]string{"", "notice"}).Draw(t, "notice")
	return w
}

// advance begins somewhere in the middle: chance alone seldom gets as far as a conversation.
func (w *walk) advance(t *rapid.T) {
	talk := telephony.TalkBridge(w.call.ID)
	way := []telephony.Event{
		telephony.Arrived{Up: true},
		telephony.PlayEnded{Playback: "pb-call-1-notice"},
		telephony.Offered{Offer: makeOffer("offer-a", "A01", agent.PhoneBrowser, w.now)},
		telephony.LegUp{Leg: "hl-offer-a"},
		telephony.LegEntered{Leg: "hl-offer-a", Bridge: talk},
		telephony.LegEntered{Leg: caller, Bridge: talk},
		telephony.LegDying{Leg: "hl-offer-a"},
		telephony.SeatKnown{Offer: "offer-b", Seat: agent.State{Seat: "A01", Person: "official-A01", Endpoint: "e", Phone: agent.PhoneBrowser}},
	}
	for _, e := range way[:rapid.IntRange(0, len(way)).Draw(t, "way")] {
		w.step(t, e)
	}
}

func (w *walk) draw(t *rapid.T) telephony.Event {
	legs := append(slices.Sorted(maps.Keys(w.call.Seen.Legs)), caller, "hl-offer-a", "hl-nobody")
	leg := rapid.SampledFrom(legs).Draw(t, "leg")
	seat := rapid.SampledFrom([]agent.SeatID{"A01", "A02"}).Draw(t, "seat")
	bridge := rapid.SampledFrom([]telephony.BridgeID{telephony.TalkBridge(w.call.ID), telephony.HoldBridge(w.call.Line)}).Draw(t, "bridge")
	phone := rapid.SampledFrom([]agent.Phone{agent.PhoneBrowser, agent.PhoneSIP}).Draw(t, "phone")
	yes := rapid.Bool().Draw(t, "yes")
	events := []telephony.Event{
		telephony.Arrived{Up: yes},
		telephony.LegRings{Leg: leg},
		telephony.LegUp{Leg: leg},
		telephony.LegUp{Leg: leg},
		telephony.LegEntered{Leg: leg, Bridge: bridge},
		telephony.LegEntered{Leg: leg, Bridge: bridge},
		telephony.LegParted{Leg: leg, Bridge: bridge},
		telephony.TimePassed{},
		telephony.TimePassed{},
		telephony.PlayEnded{Playback: "pb-call-1-notice"},
		telephony.Held{Seat: seat, On: yes},
		telephony.Muted{Seat: seat, On: yes},
		telephony.PageReplaced{Seat: seat},
		telephony.PhoneGone{Seat: seat},
		telephony.SeatOnline{Seat: seat},
		telephony.SeatKnown{Offer: w.nextOffer(), Seat: agent.State{Seat: seat, Person: "official-" + agent.PersonID(seat), Endpoint: "e", Phone: phone}},
		telephony.Offered{Offer: makeOffer(w.nextOffer(), seat, phone, w.now)},
		telephony.Offered{Offer: makeOffer(w.nextOffer(), seat, phone, w.now)},
		w.look(t),
	}
	if rapid.IntRange(0, 5).Draw(t, "harsh") == 0 { // what ends most stories comes seldom
		events = append(events, telephony.LegDying{Leg: leg, Soft: yes}, telephony.HungUp{Seat: seat}, telephony.AllRecused{},
			telephony.LegEnded{Leg: leg, Cause: rapid.SampledFrom([]int{0, 16, 17, 19, 21, 58}).Draw(t, "cause"), Asked: yes})
	}
	for _, o := range w.call.Offers {
		events = append(events, telephony.Declined{Offer: o.ID, Reason: "conflict"})
	}
	for _, o := range w.orders {
		events = append(events, telephony.ActEnded{Order: o, Result: telephony.Result(rapid.IntRange(0, 4).Draw(t, "result"))})
	}
	return rapid.SampledFrom(events).Draw(t, "event")
}

func (w *walk) nextOffer() telephony.OfferID {
	w.offers++
	return telephony.OfferID("offer-" + string(rune('c'+w.offers%20)))
}

// look shows some of the legs.
func (w *walk) look(t *rapid.T) telephony.Looked {
	e := telephony.Looked{At: w.now, Adopted: rapid.IntRange(0, 3).Draw(t, "adopted") == 0, Legs: map[telephony.LegID]telephony.LegSeen{caller: {Up: true}}}
	for leg, seen := range w.call.Seen.Legs {
		if rapid.Bool().Draw(t, "shows") {
			e.Legs[leg] = telephony.LegSeen{Up: seen.Up, In: seen.In}
		}
	}
	return e
}

func (w *walk) step(t *rapid.T, e telephony.Event) {
	before := w.call
	copied := before
	copied.Parts, copied.Offers, copied.Skips = slices.Clone(before.Parts), slices.Clone(before.Offers), slices.Clone(before.Skips)
	copied.Seen.Legs, copied.Seen.Acts = maps.Clone(before.Seen.Legs), maps.Clone(before.Seen.Acts)
	next, records := telephony.Apply(before, e, w.now)
	require.True(t, reflect.DeepEqual(copied, before), "%T: Apply touched what it was given", e)
	w.checkStep(t, before, next, records)
	w.follow(t, next, records)
	w.checkTwice(t, next, e)
	orders := telephony.Plan(next, next.Seen, w.now)
	w.checkPlan(t, next, orders)
	w.call = telephony.Begun(next, orders, w.now)
	require.Empty(t, telephony.Plan(w.call, w.call.Seen, w.now), "%T: what is under way is planned again", e)
	if ended, ok := e.(telephony.ActEnded); ok {
		w.orders = slices.DeleteFunc(w.orders, func(o telephony.Order) bool { return o.Key == ended.Order.Key })
	}
	w.orders = append(w.orders, orders...)
	if _, timed := e.(telephony.TimePassed); timed {
		due := w.call.Due()
		require.True(t, due.IsZero() || due.After(w.now), "the call would look at the same deadline for ever: %s", due)
	}
}

func (w *walk) checkStep(t *rapid.T, call, next telephony.Call, records []telephony.Record) {
	require.Equal(t, call.Seq, next.Seq, "I6")
	require.Equal(t, call.Priority, next.Priority, "I6")
	require.Contains(t, []int64{call.Version, call.Version + 1}, next.Version)
	require.True(t, len(records) == 0 || next.Version == call.Version+1, "records without a version")
	if !call.QueuedAt.IsZero() {
		require.Equal(t, call.QueuedAt, next.QueuedAt)
	}
	if !call.AnsweredAt.IsZero() {
		require.Equal(t, call.AnsweredAt, next.AnsweredAt)
	}
	if call.Phase == telephony.PhaseEnded {
		require.Equal(t, call, next, "a finished call stays finished")
		return
	}
	ended := next.Phase == telephony.PhaseEnded
	require.Equal(t, ended, next.Outcome != "")
	require.Equal(t, ended, next.Cause != "", "every ending has a reason")
	require.Equal(t, ended, !next.EndedAt.IsZero())
	if slices.ContainsFunc(records, func(r telephony.Record) bool { return r == telephony.Record(telephony.OpenCallback{}) }) {
		require.True(t, ended && next.AnsweredAt.IsZero())
	}
	if ended && next.AnsweredAt.IsZero() {
		require.NotContains(t, []telephony.Outcome{telephony.OutcomeAnsweredOfficial, telephony.OutcomeAbandonedOnHold}, next.Outcome)
	}
	lines := 0
	for _, o := range next.Offers {
		require.Equal(t, telephony.OfferOpen, o.State)
		if o.Kind == telephony.OfferLine {
			lines++
		}
	}
	require.LessOrEqual(t, lines, 1, "I3: one open offer of the line")
	require.Equal(t, next.Phase == telephony.PhaseServing, next.Segment != nil, "who is served is served by somebody")
}

// follow keeps the seats' work as the ledger would.
func (w *walk) follow(t *rapid.T, next telephony.Call, records []telephony.Record) {
	for _, r := range records {
		if work, ok := r.(telephony.SetWork); ok {
			if work.Work == agent.WorkOffered {
				require.NotContains(t, w.work, work.Seat, "a seat is offered what it holds already")
			}
			w.work[work.Seat] = work.Work
			if work.Work == agent.WorkIdle || work.Work == agent.WorkWrapUp {
				delete(w.work, work.Seat)
			}
		}
	}
	held := map[agent.SeatID]agent.Work{}
	if next.Phase != telephony.PhaseEnded {
		for _, p := range next.Parts {
			if p.Seat != "" && p.State != telephony.StateGone {
				held[p.Seat] = agent.WorkEngaged
				if p.Joined.IsZero() {
					held[p.Seat] = agent.WorkOffered
				}
			}
		}
	}
	require.Equal(t, held, w.work, "I4: what the seats do is what the call says")
}

func (w *walk) checkTwice(t *rapid.T, next telephony.Call, e telephony.Event) {
	_, looked := e.(telephony.Looked)
	_, acted := e.(telephony.ActEnded)
	_, passed := e.(telephony.TimePassed)
	if looked || acted || passed {
		return
	}
	again, _ := telephony.Apply(next, e, w.now)
	require.Equal(t, next.Version, again.Version, "%T twice had an effect beyond the first", e)
}

func (w *walk) checkPlan(t *rapid.T, c telephony.Call, orders []telephony.Order) {
	keys := map[string]bool{}
	for _, o := range orders {
		require.False(t, keys[o.Key], "%s twice in one plan", o.Key)
		keys[o.Key] = true
		switch a := o.Act.(type) {
		case telephony.Answer:
			require.False(t, c.Seen.Legs[a.Leg].Up, "a second answer would stop the music")
		case telephony.Hangup:
			for _, p := range c.Parts {
				require.False(t, c.Phase != telephony.PhaseEnded && p.Leg == a.Leg && p.State != telephony.StateGone, "%s is wanted", a.Leg)
			}
			require.True(t, a.Leg != caller || c.Seen.Legs[caller].Up, "RT15: nobody is refused")
		case telephony.Hold:
			require.NotEqual(t, a.Bridge, c.Seen.Legs[a.Leg].In, "a second hold would stop the music")
		case telephony.Watch, telephony.Return, telephony.Ring, telephony.EnsureBridge, telephony.DeleteBridge, telephony.Join, telephony.SetMute,
			telephony.Play, telephony.StopPlay, telephony.AskPlay, telephony.AskSeat:
		}
	}
}
