package telephony_test

import (
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
	rapid.Check(t, func(t *rapid.T) {
		call := newCall()
		call.Rules.Open = rapid.Bool().Draw(t, "open")
		call.Rules.WrapUp = rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(t, "wrap-up")
		call.Rules.Notice = rapid.SampledFrom([]string{"", "notice"}).Draw(t, "notice")
		work := seatsAtWork{}
		now := morning()
		call = advance(t, call, work, now)
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
			e := drawEvent(t, call, now)
			before, offer := call, offerOf(call)
			next, effects := telephony.Apply(call, e, now)
			require.Equal(t, before, call, "Apply touched what it was given")
			require.Equal(t, offer, offerOf(call), "Apply touched what it was given")
			checkStep(t, call, next, effects)
			work.follow(t, effects)
			checkSeats(t, next, work)
			if _, looks := e.(telephony.Seen); !looks {
				again, _ := telephony.Apply(next, e, now)
				require.Equal(t, next.Version, again.Version, "%T twice had an effect beyond the first", e)
			}
			call = next
		}
	})
}

// Whatever happened before, a call that is lost is over, and its seat is free.
func TestEveryCallCanEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		work, now := seatsAtWork{}, morning()
		call := advance(t, newCall(), work, now)
		for range rapid.IntRange(0, 40).Draw(t, "events") {
			now = now.Add(time.Second)
			next, effects := telephony.Apply(call, drawEvent(t, call, now), now)
			work.follow(t, effects)
			call = next
		}
		next, effects := telephony.Apply(call, telephony.Lost{}, now)
		work.follow(t, effects)
		require.Equal(t, telephony.StateEnded, next.State)
		checkSeats(t, next, work)
	})
}

// advance begins somewhere in the middle: chance alone seldom gets as far as a conversation.
func advance(t *rapid.T, c telephony.Call, work seatsAtWork, now time.Time) telephony.Call {
	way := []telephony.Event{
		telephony.Arrived{},
		telephony.TimerFired{Timer: telephony.TimerNotice},
		telephony.OfferMade{Offer: makeOffer("offer-1", "A01", agent.PhoneBrowser, now)},
		telephony.SeatAnswered{Leg: "offer-1"},
		telephony.LegJoined{Leg: "offer-1"},
		telephony.LegJoined{Leg: caller},
		telephony.SeatDying{Leg: "offer-1"},
		telephony.SeatKnown{Leg: "leg-3", Seat: agent.State{Seat: "A01", Person: "official-A01", Endpoint: "e", Phone: agent.PhoneBrowser}},
	}
	for _, e := range way[:rapid.IntRange(0, len(way)).Draw(t, "way")] {
		var effects []telephony.Effect
		c, effects = telephony.Apply(c, e, now)
		work.follow(t, effects)
	}
	return c
}

func offerOf(c telephony.Call) telephony.Offer {
	if c.Offer == nil {
		return telephony.Offer{}
	}
	return *c.Offer
}

func checkStep(t *rapid.T, call, next telephony.Call, effects []telephony.Effect) {
	require.Equal(t, call.Seq, next.Seq, "I6")
	require.Equal(t, call.Priority, next.Priority, "I6")
	require.Contains(t, []int64{call.Version, call.Version + 1}, next.Version)
	if !call.QueuedAt.IsZero() {
		require.Equal(t, call.QueuedAt, next.QueuedAt)
	}
	if !call.AnsweredAt.IsZero() {
		require.Equal(t, call.AnsweredAt, next.AnsweredAt)
	}
	if call.State == telephony.StateEnded {
		require.Equal(t, call, next, "a finished call stays finished")
		for _, e := range effects {
			require.IsType(t, telephony.Hangup{}, e)
		}
		return
	}
	ended := next.State == telephony.StateEnded
	require.Equal(t, ended, next.Outcome != "")
	require.Equal(t, ended, next.Cause != "", "every ending has a reason")
	require.Equal(t, ended, !next.EndedAt.IsZero())
	callback := slices.ContainsFunc(effects, func(e telephony.Effect) bool { return e == telephony.Effect(telephony.OpenCallback{}) })
	if callback {
		require.True(t, ended && next.AnsweredAt.IsZero())
	}
	if ended && next.AnsweredAt.IsZero() {
		require.NotContains(t, []telephony.Outcome{telephony.OutcomeAnsweredOfficial, telephony.OutcomeAnsweredOperator}, next.Outcome)
	}
}

// seatsAtWork is what the effects say that seats do for the call.
type seatsAtWork map[agent.SeatID]agent.Work

func (s seatsAtWork) follow(t *rapid.T, effects []telephony.Effect) {
	t.Helper()
	released := map[agent.SeatID]bool{}
	let := map[agent.SeatID]bool{}
	for _, e := range effects {
		if e, ok := e.(telephony.SetWork); ok {
			s[e.Seat] = e.Work
			if e.Work == agent.WorkIdle || e.Work == agent.WorkWrapUp {
				delete(s, e.Seat)
				released[e.Seat] = true
			}
		}
		if e, ok := e.(telephony.FreeSeat); ok {
			let[e.Seat] = true
		}
		if e, ok := e.(telephony.StartWrapUp); ok {
			let[e.Seat] = true
		}
	}
	require.Equal(t, released, let, "every seat whose work is over is let go, and no other")
}

func checkSeats(t *rapid.T, c telephony.Call, work seatsAtWork) {
	t.Helper()
	var want seatsAtWork
	switch c.State {
	case telephony.StateOffered, telephony.StateConnecting:
		want = seatsAtWork{c.Offer.Seat: agent.WorkOffered}
	case telephony.StateTalking, telephony.StateReconnecting:
		want = seatsAtWork{c.Offer.Seat: agent.WorkEngaged}
	case telephony.StateArrived, telephony.StateScreening, telephony.StateQueued, telephony.StateEnded:
		want = seatsAtWork{}
		require.Nil(t, c.Offer)
	}
	require.Equal(t, want, work, "in state %s", c.State)
}

func drawEvent(t *rapid.T, c telephony.Call, now time.Time) telephony.Event {
	legs := []telephony.LegID{caller, "offer-1", "offer-2", "leg-3", "leg-4"}
	if c.Offer != nil && c.Offer.Leg != "" {
		legs = append(legs, c.Offer.Leg, c.Offer.Leg, c.Offer.Leg)
	}
	leg := rapid.SampledFrom(legs).Draw(t, "leg")
	seat := rapid.SampledFrom([]agent.SeatID{"A01", "A02"}).Draw(t, "seat")
	phone := rapid.SampledFrom([]agent.Phone{agent.PhoneBrowser, agent.PhoneSIP}).Draw(t, "phone")
	flag := rapid.Bool().Draw(t, "flag")
	if leg != caller && rapid.IntRange(0, 3).Draw(t, "luck") == 0 {
		return telephony.LegJoined{Leg: caller}
	}
	events := []telephony.Event{
		telephony.Arrived{Up: flag},
		telephony.PlayEnded{Playback: c.Live.Playback},
		telephony.TimerFired{Timer: rapid.SampledFrom([]telephony.Timer{
			telephony.TimerNotice, telephony.TimerRing, telephony.TimerConnect, telephony.TimerGrace, telephony.TimerRetry,
		}).Draw(t, "timer")},
		telephony.OfferMade{Offer: makeOffer(rapid.SampledFrom([]telephony.OfferID{"offer-1", "offer-2"}).Draw(t, "offer"), seat, phone, now)},
		telephony.SeatRinging{Leg: leg},
		telephony.SeatAnswered{Leg: leg},
		telephony.LegJoined{Leg: leg},
		telephony.LegParted{Leg: leg},
		telephony.SeatOnline{},
		telephony.PageReplaced{},
		telephony.HungUp{},
		telephony.SeatKnown{Leg: "leg-3", Seat: agent.State{Seat: seat, Person: "official-" + agent.PersonID(seat), Endpoint: "e", Phone: phone}},
		telephony.SeatDying{Leg: leg},
		telephony.SeatGone{Leg: leg, Cause: rapid.SampledFrom([]int{0, 16, 17, 19, 21, 58}).Draw(t, "cause"), Asked: flag},
		telephony.RingFailed{Leg: leg, Offline: flag},
		telephony.Declined{Offer: "offer-1", Reason: "no"},
	}
	if rapid.IntRange(0, 9).Draw(t, "rare") == 0 {
		events = []telephony.Event{
			telephony.CallerLeft{Soft: flag},
			telephony.Lost{Restarted: flag},
			telephony.Seen{
				Adopted: flag, CallerUp: rapid.Bool().Draw(t, "up"), CallerHeld: rapid.Bool().Draw(t, "held"),
				Seat: rapid.SampledFrom([]telephony.LegID{"", leg}).Draw(t, "seen"), SeatUp: rapid.Bool().Draw(t, "seat up"),
				SeatIn: rapid.Bool().Draw(t, "seat in"), CallerIn: rapid.Bool().Draw(t, "caller in"),
			},
		}
	}
	return rapid.SampledFrom(events).Draw(t, "event")
}
