package telephony_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

// sit lets every telephone be answered after a while; without it they ring on.
func (w *world) sit(after time.Duration) {
	w.onRing = func(r telephony.RingRequest) {
		time.AfterFunc(after, func() { w.pickUp(r.Leg) })
	}
}

// pass lets time go by and everything settle.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestCallFromRingToWrapUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01")
		w.rules.WrapUp = time.Minute
		c, stop := w.start(t)
		w.call("c1")
		pass(time.Second)
		require.Equal(t, telephony.StateScreening, w.callOf("c1").State)
		require.Equal(t, telephony.HoldBridge(line), w.bridgeOf("c1"), "music from the first moment")
		pass(4 * time.Second)
		call := w.callOf("c1")
		require.Equal(t, telephony.StateOffered, call.State, "offered as soon as the notice is over")
		require.Equal(t, "138****5678", w.rung()[0].CallerID)

		w.pickUp(call.Offer.Leg)
		synctest.Wait()
		require.Equal(t, telephony.StateTalking, w.callOf("c1").State)
		require.Equal(t, telephony.TalkBridge(call.ID), w.bridgeOf("c1"))
		require.Equal(t, agent.WorkEngaged, w.seat("A01").Work)

		pass(time.Minute)
		require.NoError(t, c.Hangup(t.Context(), call.ID, "person:1"))
		require.NoError(t, c.Hangup(t.Context(), call.ID, "person:1"), "once more is no error")
		synctest.Wait()
		require.Equal(t, telephony.OutcomeAnsweredOfficial, w.callOf("c1").Outcome)
		require.Equal(t, agent.WorkWrapUp, w.seat("A01").Work)

		w.call("c2")
		pass(30 * time.Second)
		require.Equal(t, telephony.StateQueued, w.callOf("c2").State, "nobody is offered to a seat in wrap-up")
		w.set(func() { w.seats["A01"].Pending = agent.PendingNone })
		pass(31 * time.Second)
		require.Equal(t, telephony.StateOffered, w.callOf("c2").State, "offered as soon as the wrap-up is over")
		w.hangup("c2")
		synctest.Wait()
		require.Equal(t, telephony.OutcomeAbandonedRinging, w.callOf("c2").Outcome)
		w.requireTidy(t, "")
		require.NoError(t, stop())
	})
}

func TestFinishWrapUpAppliesPendingIntent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01")
		w.rules.WrapUp = time.Hour
		w.sit(time.Second)
		c, stop := w.start(t)
		w.call("c1")
		pass(6 * time.Second)
		w.set(func() { w.seats["A01"].Pending = agent.PendingRest })
		w.hangup("c1")
		synctest.Wait()
		require.Equal(t, agent.WorkWrapUp, w.seat("A01").Work)
		require.NoError(t, c.FinishWrapUp(t.Context(), "A01", "person:1"))
		require.NoError(t, c.FinishWrapUp(t.Context(), "A01", "person:1"))
		require.Equal(t, []agent.SeatID{"A01"}, w.over(), "A4, once")
		require.ErrorIs(t, c.FinishWrapUp(t.Context(), "Z99", "person:1"), telephony.ErrNotFound)
		require.NoError(t, stop())
	})
}

func TestOrderOfService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01", "A02", "A03")
		w.sit(time.Second)
		_, stop := w.start(t)
		for i := range 40 {
			w.call(telephony.LegID(fmt.Sprintf("c%02d", i)))
			pass(10 * time.Millisecond)
		}
		for range 60 {
			pass(5 * time.Second)
			w.hangUpTalking()
		}
		pass(time.Second)
		w.requireOrder(t, 40)
		w.requireTidy(t, "")
		require.NoError(t, stop())
	})
}

func (w *world) hangUpTalking() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		if c.State == telephony.StateTalking {
			w.endLegLocked(c.Channel, false, 0)
		}
	}
}

func TestMissedOfferGoesOnFromTheHead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01", "A02")
		_, stop := w.start(t)
		w.call("c1")
		pass(5 * time.Second)
		first := w.callOf("c1").Offer
		require.EqualValues(t, "A01", first.Seat)
		w.call("c2") // is offered to A02 meanwhile
		pass(5 * time.Second)
		w.hangup("c2")
		pass(15 * time.Second)
		require.EqualValues(t, "A02", w.callOf("c1").Offer.Seat, "the other seat is idle longer now")
		require.Equal(t, telephony.OfferExpired, w.offer(first.ID).State)
		require.Equal(t, 1, w.seat("A01").miss)
		require.EqualValues(t, "gone", w.bridgeOf(first.Leg))

		w.signal(telephony.Entered{Leg: first.Leg, Args: []string{"seat", string(first.Leg)}})
		pass(time.Second)
		require.Equal(t, telephony.HoldBridge(line), w.bridgeOf("c1"), "a late answer is never bridged")
		w.hangup("c1")
		pass(time.Second)
		w.requireTidy(t, "")
		require.NoError(t, stop())
	})
}

func TestDecline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01")
		c, stop := w.start(t)
		w.call("c1")
		pass(5 * time.Second)
		o := w.callOf("c1").Offer
		require.ErrorIs(t, c.Decline(t.Context(), "nothing", "person:1", ""), telephony.ErrOfferClosed)
		require.ErrorIs(t, c.Hangup(t.Context(), w.callOf("c1").ID, "person:1"), telephony.ErrNotInCall)
		require.ErrorIs(t, c.Hangup(t.Context(), "nothing", "person:1"), telephony.ErrNotFound)
		require.NoError(t, c.Decline(t.Context(), o.ID, "person:1", "not_mine"))
		require.ErrorIs(t, c.Decline(t.Context(), o.ID, "person:1", "not_mine"), telephony.ErrOfferClosed)
		pass(1900 * time.Millisecond)
		require.Equal(t, telephony.StateQueued, w.callOf("c1").State, "not rung again at once")
		pass(200 * time.Millisecond)
		require.Equal(t, telephony.StateOffered, w.callOf("c1").State)
		require.NoError(t, stop())
	})
}

func TestDeviceFailedSeatStaysOutAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01", "A02")
		w.ringErr = func(r telephony.RingRequest) error {
			if r.Endpoint == "e-A01" {
				return fmt.Errorf("ring: %w", telephony.ErrSeatOffline)
			}
			return nil
		}
		_, stop := w.start(t)
		w.call("c1")
		pass(5 * time.Second)
		require.EqualValues(t, "A02", w.callOf("c1").Offer.Seat)
		require.Zero(t, w.seat("A01").miss, "A10: not a miss")
		w.call("c2")
		pass(10 * time.Second)
		require.Equal(t, telephony.StateQueued, w.callOf("c2").State)
		require.Len(t, w.rung(), 2, "a failed telephone is not rung in a loop")
		w.set(func() { w.ringErr = nil })
		pass(25 * time.Second)
		require.Equal(t, telephony.StateOffered, w.callOf("c2").State, "and not locked out for ever")
		require.NoError(t, stop())
	})
}

func TestReloadMidCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01")
		w.sit(time.Second)
		c, stop := w.start(t)
		w.call("c1")
		pass(6 * time.Second)
		call := w.callOf("c1")
		require.Equal(t, telephony.StateTalking, call.State)
		old := call.Offer.Leg
		w.set(func() { w.seats["A01"].Device = agent.DeviceUnregistered })
		w.set(func() { w.ringErr = func(telephony.RingRequest) error { return telephony.ErrSeatOffline } })
		c.ClientReplaced("A01")
		pass(100 * time.Millisecond)
		require.Equal(t, telephony.StateReconnecting, w.callOf("c1").State)
		require.Equal(t, telephony.HoldBridge(line), w.bridgeOf("c1"))
		require.EqualValues(t, "gone", w.bridgeOf(old))

		pass(2500 * time.Millisecond)
		w.set(func() { w.ringErr, w.seats["A01"].Endpoint, w.seats["A01"].Device = nil, "e-fresh", agent.DeviceOK })
		c.SeatChanged(line)
		pass(1100 * time.Millisecond)
		call = w.callOf("c1")
		require.Equal(t, telephony.StateTalking, call.State)
		require.NotEqual(t, old, call.Offer.Leg)
		last := w.rung()[len(w.rung())-1]
		require.True(t, last.Resume)
		require.Equal(t, "e-fresh", last.Endpoint)
		require.Equal(t, telephony.TalkBridge(call.ID), w.bridgeOf("c1"))
		w.hangup("c1")
		synctest.Wait()
		w.requireTidy(t, "")
		require.NoError(t, stop())
	})
}

func TestGraceOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01")
		w.sit(time.Second)
		c, stop := w.start(t)
		w.call("c1")
		pass(6 * time.Second)
		w.set(func() { w.seats["A01"].Intent = agent.IntentBusy })
		w.set(func() { w.ringErr = func(telephony.RingRequest) error { return telephony.ErrSeatOffline } })
		c.ClientReplaced("A01")
		pass(21 * time.Second)
		call := w.callOf("c1")
		require.Equal(t, telephony.StateQueued, call.State)
		require.Equal(t, agent.WorkIdle, w.seat("A01").Work)
		require.Equal(t, telephony.HoldBridge(line), w.bridgeOf("c1"))
		require.NoError(t, stop())
	})
}

// F33: whichever comes first, there is one outcome and no seat is stuck.
func TestCallerHangsUpAsTheOfficialAnswers(t *testing.T) {
	t.Parallel()
	for _, callerFirst := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld("A01")
			_, stop := w.start(t)
			w.call("c1")
			pass(5 * time.Second)
			leg := w.callOf("c1").Offer.Leg
			if callerFirst {
				w.hangup("c1")
				w.pickUp(leg)
			} else {
				w.pickUp(leg)
				w.hangup("c1")
			}
			pass(time.Second)
			require.Equal(t, telephony.OutcomeAbandonedRinging, w.callOf("c1").Outcome)
			w.requireTidy(t, fmt.Sprint(callerFirst))
			require.NoError(t, stop())
		})
	}
}

func TestPartiesThatDoNotComeTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01")
		w.silent["join"] = true
		_, stop := w.start(t)
		w.call("c1")
		pass(5 * time.Second)
		w.pickUp(w.callOf("c1").Offer.Leg)
		pass(2100 * time.Millisecond)
		require.Equal(t, telephony.StateQueued, w.callOf("c1").State)
		require.Equal(t, telephony.HoldBridge(line), w.bridgeOf("c1"))
		w.set(func() { w.silent["join"] = false })
		pass(2 * time.Second)
		w.pickUp(w.callOf("c1").Offer.Leg)
		synctest.Wait()
		require.Equal(t, telephony.StateTalking, w.callOf("c1").State)
		require.NoError(t, stop())
	})
}

func TestUnknownNumberAndClosedLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.rules.Open = false
		_, stop := w.start(t)
		w.call("c1")
		w.set(func() {
			w.channels["c2"] = &telephony.Channel{ID: "c2", State: "Ring", InApp: true, Dialled: "99999"}
		})
		w.signal(telephony.Entered{Leg: "c2", Args: []string{"inbound", "99999"}})
		pass(5 * time.Second)
		require.Equal(t, telephony.OutcomeClosedBeforeTurn, w.callOf("c1").Outcome)
		w.requireTidy(t, "")
		require.NoError(t, stop())
	})
}

func TestLostNoticeEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.silent["play"] = true
		_, stop := w.start(t)
		w.call("c1")
		pass(29 * time.Second)
		require.Equal(t, telephony.StateScreening, w.callOf("c1").State)
		pass(2 * time.Second)
		require.Equal(t, telephony.StateQueued, w.callOf("c1").State)
		require.NoError(t, stop())
	})
}

func TestHoldOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01")
		w.sit(time.Second)
		c, stop := w.start(t)
		w.call("c1")
		pass(6 * time.Second)
		talking := w.callOf("c1")
		require.Equal(t, telephony.StateTalking, talking.State)
		w.set(func() { w.held = false })
		require.True(t, c.HoldOnly())
		require.ErrorIs(t, c.Hangup(t.Context(), talking.ID, "person:1"), telephony.ErrNoDecision)
		w.call("c2")
		pass(30 * time.Second)
		require.Equal(t, telephony.TalkBridge(talking.ID), w.bridgeOf("c1"), "the conversation goes on")
		require.Zero(t, w.callOf("c2").ID)
		w.hangup("c1")
		pass(time.Second)
		require.EqualValues(t, "gone", w.bridgeOf(talking.Offer.Leg), "a leg whose partner is gone is hung up (R4)")
		w.set(func() { w.held = true })
		pass(10 * time.Second)
		require.Equal(t, telephony.StateEnded, w.callOf("c1").State, "and stored when the ledger is back")
		require.Equal(t, telephony.StateTalking, w.callOf("c2").State)
		require.NoError(t, stop())
	})
}

func TestStopsWhenReplaced(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]struct {
		do  func(w *world)
		err error
	}{
		"in the exchange": {func(w *world) { w.signal(telephony.Replaced{}) }, telephony.ErrReplaced},
		"in the ledger":   {func(w *world) { w.set(func() { w.epoch++ }); w.call("c2") }, telephony.ErrNotMaster},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld("A01")
			w.sit(time.Second)
			_, stop := w.start(t)
			w.call("c1")
			pass(6 * time.Second)
			replace.do(w)
			pass(time.Second)
			require.ErrorIs(t, stop(), replace.err, name)
			require.Equal(t, telephony.TalkBridge(w.callOf("c1").ID), w.bridgeOf("c1"), "nothing is hung up")
		})
	}
}

func TestSlowExchangeForOneCallDelaysNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01", "A02")
		w.sit(time.Second)
		w.slow["c1"] = 2900 * time.Millisecond
		_, stop := w.start(t)
		w.call("c1")
		w.call("c2")
		pass(5500 * time.Millisecond)
		require.Equal(t, telephony.StateTalking, w.callOf("c2").State)
		require.Equal(t, telephony.StateOffered, w.callOf("c1").State)
		require.NoError(t, stop())
	})
}

// F9: both indexes are emptied while thirty wait; nobody loses a place, no seat is forgotten.
func TestIndexLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01", "A02")
		w.sit(time.Second)
		_, stop := w.start(t)
		for i := range 30 {
			w.call(telephony.LegID(fmt.Sprintf("c%02d", i)))
			pass(10 * time.Millisecond)
		}
		for i := range 60 {
			pass(4 * time.Second)
			if i%3 == 0 {
				w.mu.Lock()
				clear(w.waiting)
				clear(w.ready)
				w.mu.Unlock()
			}
			if i == 7 {
				w.call("late") // joins an empty index: it must not be first
			}
			w.hangUpTalking()
		}
		pass(11 * time.Second)
		w.requireOrder(t, 31)
		w.requireTidy(t, "")
		require.NoError(t, stop())
	})
}

// F18: the reply of a ring is lost; the telephone rings all the same, and is rung once.
func TestRingReplyLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01")
		w.sit(time.Second)
		lost := false
		w.ringErr = func(r telephony.RingRequest) error {
			if !lost {
				lost = true
				w.channels[r.Leg] = &telephony.Channel{ID: r.Leg, State: "Ringing"}
				return errors.New("timeout")
			}
			return nil
		}
		_, stop := w.start(t)
		w.call("c1")
		pass(10 * time.Second)
		require.Equal(t, telephony.StateTalking, w.callOf("c1").State)
		w.hangup("c1")
		pass(time.Second)
		w.requireTidy(t, "")
		require.NoError(t, stop())
	})
}

// F5: the controller dies at every single act in turn, before or after the act; the next one brings every call to its end.
func TestCrashSweep(t *testing.T) {
	t.Parallel()
	total := crashAt(t, 0, false)
	require.Greater(t, total, 60)
	for at := 1; at <= total; at++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d after=%v", at, after), func(t *testing.T) {
				t.Parallel()
				crashAt(t, at, after)
			})
		}
	}
}

// crashAt lets three citizens be served by two seats, with a crash at an act; it returns how many acts it took.
func crashAt(t *testing.T, at int, after bool) int {
	t.Helper()
	acts := 0
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01", "A02")
		w.rules.WrapUp = 5 * time.Second
		w.sit(1500 * time.Millisecond)
		w.dieAt, w.after = at, after
		_, stop := w.start(t)
		for i := range 3 {
			w.call(telephony.LegID(fmt.Sprintf("c%d", i)))
			pass(100 * time.Millisecond)
		}
		for range 120 { // two minutes; whoever has talked for half a minute says goodbye
			pass(time.Second)
			w.goodbye(30 * time.Second)
			w.mu.Lock()
			dead := w.dieAt > 0 && w.ops >= w.dieAt
			w.mu.Unlock()
			if dead {
				require.NoError(t, stop())
				w.dieAt = 0
				pass(2 * time.Second)
				_, stop = w.start(t)
			}
		}
		acts = w.ops
		require.Len(t, w.calls, 3)
		for _, c := range w.calls {
			require.Equal(t, telephony.OutcomeAnsweredOfficial, c.Outcome, "%s %s", c.Channel, c.Cause)
		}
		accepted := 0
		for _, o := range w.offers {
			if o.State == telephony.OfferAccepted {
				accepted++
			}
		}
		require.Equal(t, 3, accepted, "each caller ends with exactly one accepted offer (F2)")
		w.requireTidy(t, "")
		require.NoError(t, stop())
	})
	return acts
}

func (w *world) goodbye(after time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		if c.State == telephony.StateTalking && time.Since(c.AnsweredAt) >= after {
			w.endLegLocked(c.Channel, false, 0)
		}
	}
}

// F4, F16: the next controller finds a thousand waiting, and serves them in their order; nobody's music was touched.
func TestTakeOverOfALongLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		_, stop := w.start(t)
		for i := range 1000 {
			w.call(telephony.LegID(fmt.Sprintf("c%04d", i)))
			pass(time.Millisecond)
		}
		pass(5 * time.Second)
		require.Equal(t, map[telephony.State]int{telephony.StateQueued: 1000}, w.states())
		require.NoError(t, stop())

		w.set(func() {
			clear(w.waiting)
			w.seats = newWorld("A01", "A02").seats
			w.epoch++
		})
		w.sit(10 * time.Millisecond)
		_, stop = w.start(t)
		for len(w.states()) > 0 && w.states()[telephony.StateEnded] < 1000 {
			pass(100 * time.Millisecond)
			w.hangUpTalking()
		}
		pass(11 * time.Second)
		w.requireOrder(t, 1000)
		require.Len(t, w.rung(), 1000)
		w.requireTidy(t, "")
		require.NoError(t, stop())
	})
}

// F19: every event comes twice.
func TestEveryEventTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01", "A02")
		w.twice = true
		w.sit(time.Second)
		_, stop := w.start(t)
		for i := range 10 {
			w.call(telephony.LegID(fmt.Sprintf("c%d", i)))
			pass(10 * time.Millisecond)
		}
		for range 12 {
			pass(4 * time.Second)
			w.hangUpTalking()
		}
		pass(time.Second)
		require.Len(t, w.calls, 10)
		require.Len(t, w.rung(), 10)
		w.requireOrder(t, 10)
		w.requireTidy(t, "")
		require.NoError(t, stop())
	})
}

// F16: the socket is lost; what happened meanwhile is found in the snapshot, and nothing is offered before.
func TestEventsMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01", "A02")
		c, stop := w.start(t)
		for _, leg := range []telephony.LegID{"c1", "c2", "c3"} {
			w.call(leg)
			pass(5 * time.Second)
		}
		first := w.callOf("c1").Offer.Leg
		w.signal(telephony.Down{Err: errors.New("reset")})
		synctest.Wait()
		require.False(t, c.Synced())
		w.set(func() {
			delete(w.channels, "c3")                                                                      // hangs up
			w.channels[first].State, w.channels[first].InApp = "Up", true                                 // is answered
			w.channels["c4"] = &telephony.Channel{ID: "c4", State: "Ring", Dialled: "12345", InApp: true} // calls
			w.channels["00dc6ad0-a600-7025-8890-26737d1f9a86"] = &telephony.Channel{
				ID: "00dc6ad0-a600-7025-8890-26737d1f9a86", State: "Up", InApp: true, // a seat that nobody knows
			}
			w.bridges["talk-of-nobody"] = telephony.BridgeMixing
		})
		w.signal(telephony.Up{Entity: w.entity})
		pass(100 * time.Millisecond)
		require.True(t, c.Synced())
		require.Equal(t, telephony.StateTalking, w.callOf("c1").State)
		require.Equal(t, telephony.OutcomeSystemFailure, w.callOf("c3").Outcome)
		require.Equal(t, "lost", w.callOf("c3").Cause)
		require.Equal(t, telephony.StateScreening, w.callOf("c4").State)
		require.EqualValues(t, "gone", w.bridgeOf("00dc6ad0-a600-7025-8890-26737d1f9a86"))
		require.NotContains(t, w.bridges, telephony.BridgeID("talk-of-nobody"))
		require.NoError(t, stop())
	})
}

// F14: the exchange was restarted; every call of the former one is closed at once.
func TestExchangeRestarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01")
		w.sit(time.Second)
		_, stop := w.start(t)
		w.call("c1")
		w.call("c2")
		pass(10 * time.Second)
		w.set(func() { clear(w.channels); clear(w.bridges); w.entity = "asterisk@2" })
		w.signal(telephony.Up{Entity: w.entity})
		pass(time.Second)
		for _, leg := range []telephony.LegID{"c1", "c2"} {
			require.Equal(t, "platform", w.callOf(leg).Cause)
		}
		w.requireTidy(t, "")
		require.NoError(t, stop())
	})
}
