package control_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

// RC4: a word for the next caller that comes late hits the wrap-up that its maker saw, or none: with a caller in the line and without.
func TestLateWordEndsNoOtherWrapUp(t *testing.T) {
	t.Parallel()
	h, s, first, leg, next := backlog(t, 3600)
	by := h.who["A01"].Actor()
	h.fake.HangUp(leg)
	h.becomes(first, telephony.WordEnded)
	h.wrapsUp(s)
	require.NoError(t, s.FinishWrapUp(t.Context(), "A01", first, by))
	h.talk(next)
	require.ErrorIs(t, s.FinishWrapUp(t.Context(), "A01", first, by), telephony.ErrStale, "while the next one talks")
	waits, _ := h.call("13812345670")
	h.becomes(waits, telephony.WordQueued)
	h.fake.HangUp(h.read(next).Channel)
	h.until("wrap-up of the next one", func() bool { return s.watch.ended.Load() > 1 && h.seat("A01").Work == agent.WorkWrapUp })
	require.ErrorIs(t, s.FinishWrapUp(t.Context(), "A01", first, by), telephony.ErrStale)
	require.Equal(t, agent.WorkWrapUp, h.seat("A01").Work)
	require.Equal(t, telephony.WordQueued, h.read(waits).Word())
	h.fake.HangUp(h.read(waits).Channel)
	h.becomes(waits, telephony.WordEnded)
	require.ErrorIs(t, s.FinishWrapUp(t.Context(), "A01", first, by), telephony.ErrStale, "nobody waits")
	require.Equal(t, agent.WorkWrapUp, h.seat("A01").Work)
	require.NoError(t, s.FinishWrapUp(t.Context(), "A01", next, by))
	h.tidy()
}

// RC4: an unmuting that was on its way while the official muted again opens no microphone.
func TestLateMute(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	call, _ := h.call("13812345678")
	h.talk(call)
	by, seen := h.who["A01"].Actor(), h.read(call).Version
	require.NoError(t, s.Mute(t.Context(), call, telephony.Muted{Seat: "A01", On: true, Version: seen}, by))
	require.ErrorIs(t, s.Mute(t.Context(), call, telephony.Muted{Seat: "A01", Version: seen}, by), telephony.ErrStale)
	require.NoError(t, s.Mute(t.Context(), call, telephony.Muted{Seat: "A01", Version: h.read(call).Version}, by))
	h.fake.HangUp(h.read(call).Channel)
	h.becomes(call, telephony.WordEnded)
	h.tidy()
}
