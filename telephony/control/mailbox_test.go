package control_test

import (
	"bytes"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/aritest"
	"hotline/telephony/control"
)

// RT12: a caller whose mailbox is full when a seat is found keeps the place; the desk does not run in circles meanwhile, others
// do not notice, and what was dropped is found by the comparison.
func TestFullMailbox(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	s := h.start()
	h.sit("A01")
	call, citizen := h.call("13812345678")
	h.rings(call)
	stuck, free := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(free) })
	t.Cleanup(release)
	s.watch.onClosed(func(telephony.OfferState) { // the actor is stuck behind its step: it waits again, and hears nothing
		s.watch.onClosed(nil)
		close(stuck)
		<-free
	})
	require.NoError(t, decline(h, s, call, "later"))
	<-stuck
	h.becomes(call, telephony.WordQueued)
	h.fake.Alter(func(frame []byte) [][]byte { // four hundred of them, none like the other
		var all [][]byte
		for i := range 400 {
			all = append(all, append(bytes.Clone(frame), bytes.Repeat([]byte(" "), i)...))
		}
		return all
	})
	h.fake.Shake(citizen)
	h.fake.Alter(nil)
	h.until("full", func() bool { return s.watch.overflows.Load() > 0 })
	h.sit("A02")
	asked := s.queue.asked.Load()
	h.until("some ticks", func() bool { return s.queue.asked.Load() > asked+1 })
	began := time.Now()
	asked = s.queue.asked.Load()
	h.until("two seconds", func() bool { return time.Since(began) > 2*time.Second })
	require.Less(t, s.queue.asked.Load()-asked, int64(20), "the next tick tries, and not at once")
	release()
	_, seat := h.rings(call)
	require.EqualValues(t, "A02", seat)
	h.fake.HangUp(citizen)
	h.becomes(call, telephony.WordEnded)
	h.tidy()
}

// decline refuses the offer that a call has; its answer comes when the actor has taken it.
func decline(h *hall, s *shift, call telephony.CallID, reason string) error {
	c := h.read(call)
	done := make(chan error, 1)
	go func() { done <- s.Decline(h.t.Context(), c.Offers[0].ID, h.who[c.Offers[0].Seat].Actor(), reason) }()
	select {
	case err := <-done:
		return err
	case <-time.After(200 * time.Millisecond): // it is stuck, as it should
		return nil
	}
}

// A signal that did not fit into the mailbox is found by the comparison.
func TestSignalDroppedIsFound(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	call, citizen := h.call("13812345678")
	h.talk(call)
	h.fake.Alter(func([]byte) [][]byte { return nil })
	h.fake.HangUp(citizen)
	h.fake.Alter(nil)
	s.Reconcile()
	c := h.becomes(call, telephony.WordEnded)
	require.Equal(t, "lost", c.Cause)
	h.tidy()
}

// RT12: a talk bridge that is gone when the parties come together is made again.
func TestMissingTalkBridgeIsMade(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	call, _ := h.call("13812345678")
	leg, _ := h.rings(call)
	h.until("its bridge", func() bool { _, there := h.fake.Bridge(telephony.TalkBridge(call)); return there })
	require.NoError(t, s.ari.DeleteBridge(t.Context(), telephony.TalkBridge(call)))
	h.fake.AnswerSeat(leg)
	h.becomes(call, telephony.WordTalking)
	require.Equal(t, telephony.OfferAccepted, telephony.OfferState(h.text(`SELECT state FROM offer WHERE call = $1`, call)))
	h.tidy()
}

func (h *hall) text(sql string, args ...any) string {
	h.t.Helper()
	var s string
	require.NoError(h.t, h.pool.QueryRow(h.t.Context(), sql, args...).Scan(&s), sql)
	return s
}

// RT12: the grace of a lost page goes on across a take-over; it does not begin again.
func TestGraceGoesOnAcrossATakeOver(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	const grace = 15 * time.Second
	h.exec(pgtest.SetLines("grace", strconv.Itoa(int(grace.Seconds()))))
	s := h.start()
	h.sitWithBrowser("A01")
	call, _ := h.call("13812345678")
	leg, _ := h.talk(call)
	st := h.seat("A01")
	h.fake.Unregister(st.Endpoint)
	require.NoError(t, h.agents.EndpointOnline(t.Context(), st.Endpoint, false))
	h.fake.HangUp(leg)
	c := h.becomes(call, telephony.WordReconnecting)
	until := c.Parts[1].Deadline
	require.Equal(t, grace, until.Sub(c.Parts[1].Since))
	h.until("some of it is over", func() bool { return time.Until(until) < grace-2*time.Second })
	require.NoError(t, s.stop())
	h.start()
	require.Equal(t, until, h.read(call).Parts[1].Deadline)
	h.becomes(call, telephony.WordQueued)
	require.Less(t, time.Since(until), grace-2*time.Second, "not the whole grace again")
	require.GreaterOrEqual(t, time.Since(until), time.Duration(0))
	h.until("seat is free", func() bool { return h.seat("A01").Work == agent.WorkIdle })
	h.tidy()
}

// RT12: a hang-up names the seat and the version: a late click ends nothing, and nobody hangs up another's call.
func TestHangUpNamesSeatAndVersion(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	s := h.start()
	h.sit("A01")
	call, _ := h.call("13812345678")
	h.rings(call)
	by := h.who["A01"].Actor()
	require.ErrorIs(t, s.Hangup(t.Context(), call, telephony.HungUp{Seat: "A02"}, by), telephony.ErrNotInCall)
	h.talk(call)
	seen := h.read(call).Version
	require.NoError(t, s.Hold(t.Context(), call, telephony.Held{Seat: "A01", On: true}, by))
	require.ErrorIs(t, s.Hangup(t.Context(), call, telephony.HungUp{Seat: "A01", Version: seen}, by), telephony.ErrStale)
	require.ErrorIs(t, s.Hangup(t.Context(), call, telephony.HungUp{Seat: "A02"}, by), telephony.ErrNotInCall)
	require.ErrorIs(t, s.Mute(t.Context(), call, telephony.Muted{Seat: "A02", On: true}, by), telephony.ErrNotInCall)
	require.ErrorIs(t, s.Hangup(t.Context(), "nothing", telephony.HungUp{}, by), telephony.ErrNotFound)
	require.ErrorIs(t, s.Decline(t.Context(), "nothing", by, ""), telephony.ErrOfferClosed)
	require.Equal(t, telephony.WordHeld, h.read(call).Word())
	require.NoError(t, s.Hangup(t.Context(), call, telephony.HungUp{Seat: "A01", Version: h.read(call).Version}, by))
	h.becomes(call, telephony.WordEnded)
	h.tidy()
}

// RT12: after a restart of the exchange nobody is rung before it knows the telephones.
func TestNobodyIsRungBeforeThePhonesAreReady(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	var ready atomic.Bool
	s := h.start(func(c *control.Config) {
		c.PhonesReady = func(entity string) bool { return ready.Load() && entity == h.fake.Entity() }
	})
	h.sit("A01")
	call, _ := h.call("13812345678")
	h.becomes(call, telephony.WordQueued)
	h.compared(s)
	h.compared(s)
	h.compared(s)
	require.Empty(t, h.fake.Requests(aritest.OpOriginate))
	require.Equal(t, telephony.WordQueued, h.read(call).Word())
	ready.Store(true)
	h.talk(call)
	h.tidy()
}
