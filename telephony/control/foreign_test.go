package control_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

// RT6: channels and bridges of other applications are never touched, whatever they are called; what is ours and belongs to no
// call goes.
func TestForeignChannels(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	name := func() string { return uuid.Must(uuid.NewV7()).String() }
	foreign := []telephony.LegID{telephony.LegID(name()), telephony.LegID(name()), "ivr-1"}
	h.fake.Foreign("other", foreign[0], telephony.BridgeID(name()))
	h.fake.Foreign("", foreign[1], "conference-7")
	h.fake.Foreign("floor", foreign[2], telephony.BridgeID("hold-"+name()))
	mine := telephony.LegOf(telephony.OfferID(name()))
	h.fake.Foreign(h.fake.App, mine, telephony.TalkBridge(telephony.CallID(name())))
	h.compared(s)
	h.until("what is ours goes", func() bool { _, there := h.fake.Leg(mine); return !there })
	require.NoError(t, s.stop())
	s = h.start()
	h.compared(s)
	h.compared(s)
	for _, leg := range foreign {
		l, there := h.fake.Leg(leg)
		require.True(t, there, leg)
		require.NotEmpty(t, l.Bridge, "its bridge stands")
	}
	require.Zero(t, h.count(`SELECT count(*) FROM call`), "and is no arrival")
}

// compared waits for a comparison with the exchange that begins now.
func (h *hall) compared(s *shift) {
	h.t.Helper()
	was := s.watch.reconciled.Load()
	s.Reconcile()
	h.until("a comparison", func() bool { return s.watch.reconciled.Load() > was })
}
