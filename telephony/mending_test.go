package telephony_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

// Someone else has changed the row: the step is decided again on what it says now.
func TestStaleRowIsReadAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01")
		_, stop := w.start(t)
		w.call("c1")
		pass(5 * time.Second)
		call := w.callOf("c1")
		w.set(func() {
			call.Version, call.Place = call.Version+1, "安徽合肥"
			w.calls[call.ID] = call
		})
		w.pickUp(call.Offer.Leg)
		synctest.Wait()
		require.Equal(t, telephony.StateTalking, w.callOf("c1").State)
		require.Equal(t, "安徽合肥", w.callOf("c1").Place)
		require.NoError(t, stop())
	})
}

// The index offers a seat that is not free: the caller keeps the place, the seat is not asked in a loop, another is found.
func TestSeatTakenMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01", "A02")
		_, stop := w.start(t)
		w.set(func() { w.seats["A01"].Work = agent.WorkWrapUp })
		w.call("c1")
		pass(5 * time.Second)
		require.EqualValues(t, "A02", w.callOf("c1").Offer.Seat)
		require.Len(t, w.rung(), 1)
		w.set(func() { require.NotContains(t, w.ready, agent.SeatID("A01")) })
		require.NoError(t, stop())
	})
}

// F9: the index has lost that a seat is in a call and offers it; nobody loses the turn by it.
func TestSeatInUseIsNotTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01", "A02")
		w.sit(time.Second)
		_, stop := w.start(t)
		for _, leg := range []telephony.LegID{"c1", "c2", "c3", "c4"} {
			w.call(leg)
			pass(5 * time.Second)
		}
		require.EqualValues(t, "A01", w.callOf("c1").Seat)
		w.set(func() { w.ready["A01"] = time.Now().Add(-time.Hour) }) // it talks
		w.hangup("c2")
		pass(10 * time.Second)
		require.Equal(t, telephony.StateTalking, w.callOf("c3").State)
		require.Equal(t, telephony.StateQueued, w.callOf("c4").State)
		require.Len(t, w.rung(), 3)
		w.requireOrder(t, 3)
		require.NoError(t, stop())
	})
}

// The telephone comes back under the same endpoint, as the exchange itself reports.
func TestTelephoneComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01")
		w.sit(100 * time.Millisecond)
		c, stop := w.start(t)
		w.call("c1")
		pass(5 * time.Second)
		w.hangup(w.callOf("c1").Offer.Leg)
		pass(200 * time.Millisecond)
		require.Equal(t, telephony.StateReconnecting, w.callOf("c1").State)
		w.signal(telephony.EndpointChanged{Endpoint: "e-A01"})
		w.signal(telephony.EndpointChanged{Endpoint: "e-A01", Online: true})
		w.signal(telephony.EndpointChanged{Endpoint: "e-A01", Online: true})
		c.SeatOnline("A01")
		pass(200 * time.Millisecond)
		require.Equal(t, telephony.StateTalking, w.callOf("c1").State)
		require.Len(t, w.rung(), 2, "rung once, however often it reports")
		require.NoError(t, stop())
	})
}

// A failed telephone that reports is asked again at once.
func TestFailedTelephoneReports(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01")
		w.ringErr = func(telephony.RingRequest) error { return telephony.ErrSeatOffline }
		c, stop := w.start(t)
		w.call("c1")
		pass(5 * time.Second)
		require.Equal(t, telephony.StateQueued, w.callOf("c1").State)
		w.set(func() { w.ringErr = nil })
		c.SeatOnline("A01")
		synctest.Wait()
		require.Equal(t, telephony.StateOffered, w.callOf("c1").State)
		require.NoError(t, stop())
	})
}

// A call that is stuck at the exchange drops what does not fit into its mailbox, and catches up by a snapshot.
func TestFullMailbox(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01", "A02")
		w.slow["c1"] = 2 * time.Second
		_, stop := w.start(t)
		w.call("c1")
		pass(4500 * time.Millisecond) // its ring is under way
		for range 400 {
			w.signal(telephony.Answered{Leg: "c1"})
		}
		w.hangup("c1") // dropped
		w.call("c2")
		pass(5 * time.Second)
		require.Equal(t, telephony.StateOffered, w.callOf("c2").State, "others do not notice")
		pass(10 * time.Second)
		require.Equal(t, telephony.StateEnded, w.callOf("c1").State)
		require.Equal(t, "lost", w.callOf("c1").Cause)
		require.NoError(t, stop())
	})
}

func TestRebuildFillsBothIndexes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01")
		c, stop := w.start(t)
		for i := range 5 {
			w.call(telephony.LegID(fmt.Sprintf("c%d", i)))
			pass(10 * time.Millisecond)
		}
		pass(5 * time.Second)
		w.set(func() {
			clear(w.waiting)
			w.ready["A01"] = time.Now() // it rings
		})
		require.NoError(t, c.Rebuild(t.Context()))
		w.set(func() {
			require.Len(t, w.waiting, 4)
			require.Empty(t, w.ready)
		})
		require.NoError(t, stop())
	})
}

// Two wrap-ups at the death of a controller run on by their stored ends (F3).
func TestWrapUpOutlivesTheController(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("A01")
		w.rules.WrapUp = time.Minute
		w.sit(time.Second)
		_, stop := w.start(t)
		w.call("c1")
		pass(6 * time.Second)
		w.hangup("c1")
		pass(10 * time.Second)
		require.NoError(t, stop())
		pass(10 * time.Second)
		_, stop = w.start(t)
		w.call("c2")
		pass(39 * time.Second)
		require.Equal(t, agent.WorkWrapUp, w.seat("A01").Work)
		pass(1100 * time.Millisecond)
		require.Equal(t, telephony.StateOffered, w.callOf("c2").State)
		require.NoError(t, stop())
	})
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	call := newCall()
	require.ErrorIs(t, telephony.Refuse(call, telephony.Declined{Offer: "offer-1"}), telephony.ErrOfferClosed)
	require.ErrorIs(t, telephony.Refuse(call, telephony.HungUp{}), telephony.ErrNotInCall)
	call.State = telephony.StateEnded
	require.NoError(t, telephony.Refuse(call, telephony.HungUp{}), "ended already is what was wanted")
}
