package control_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

func TestCallFromRingToEnd(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	call, citizen := h.call("13812345678")
	leg, seat := h.talk(call)
	require.EqualValues(t, "A01", seat)
	require.Equal(t, telephony.TalkBridge(call), h.in(citizen))
	require.Equal(t, telephony.TalkBridge(call), h.in(leg))
	require.Equal(t, agent.WorkEngaged, h.seat("A01").Work)

	by := h.who["A01"].Actor()
	require.NoError(t, s.Hangup(t.Context(), call, telephony.HungUp{Seat: "A01"}, by))
	require.NoError(t, s.Hangup(t.Context(), call, telephony.HungUp{Seat: "A01"}, by), "once more is no error")
	ended := h.becomes(call, telephony.WordEnded)
	require.Equal(t, telephony.OutcomeAnsweredOfficial, ended.Outcome)

	next, _ := h.call("13812345679")
	_, seat = h.talk(next)
	require.EqualValues(t, "A01", seat, "the seat serves the next citizen")
	h.fake.HangUp(h.read(next).Channel)
	h.becomes(next, telephony.WordEnded)
	h.tidy()
}

func TestHoldAndResume(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	call, citizen := h.call("13812345678")
	leg, _ := h.talk(call)
	by := h.who["A01"].Actor()
	require.ErrorIs(t, s.Hold(t.Context(), call, telephony.Held{Seat: "A02", On: true}, by), telephony.ErrNotInCall)
	require.NoError(t, s.Hold(t.Context(), call, telephony.Held{Seat: "A01", On: true}, by))
	h.becomes(call, telephony.WordHeld)
	h.until("the citizen hears music", func() bool { l, _ := h.fake.Leg(citizen); return l.Music })
	require.Equal(t, telephony.TalkBridge(call), h.in(leg), "the official stays")
	require.ErrorIs(t, s.Hold(t.Context(), call, telephony.Held{Seat: "A01", Version: 1}, by), telephony.ErrStale)
	require.NoError(t, s.Hold(t.Context(), call, telephony.Held{Seat: "A01"}, by))
	h.becomes(call, telephony.WordTalking)
	h.until("they talk again", func() bool { return h.in(citizen) == telephony.TalkBridge(call) })
	require.NoError(t, s.Hold(t.Context(), call, telephony.Held{Seat: "A01", On: true}, by))
	h.becomes(call, telephony.WordHeld)
	h.fake.HangUp(citizen)
	require.Equal(t, telephony.OutcomeAbandonedOnHold, h.becomes(call, telephony.WordEnded).Outcome)
	h.tidy()
}
