package control_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/aritest"
)

// A deadline of an adopted call that is over already is not looked at before the exchange is: a citizen who waits with music
// is not answered a second time, which would stop it (telephony.md 2.4).
func TestAdoptedWithADeadlineThatIsOver(t *testing.T) {
	t.Parallel()
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			h := newHall(t, []agent.SeatID{"A01"})
			s := h.start()
			h.sit("A01")
			call, citizen := h.call("13812345678")
			h.rings(call)
			h.until("music", func() bool { l, _ := h.fake.Leg(citizen); return l.Music })
			require.NoError(t, s.stop())
			h.exec(`UPDATE offer SET expires_at = $1`, time.Now().Add(-time.Second))
			s = h.start()
			h.becomes(call, telephony.WordQueued)
			h.until("its telephone is sent away", func() bool { return s.power.count("hangup") > 0 })
			require.Zero(t, s.power.count("answer"), s.power.did())
		})
	}
}

// An official who answers while the next controller still looks at the exchange is not cut off: the call is adopted first.
func TestAnsweredBeforeTheFirstComparison(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	call, _ := h.call("13812345678")
	leg, _ := h.rings(call)
	require.NoError(t, s.stop())
	looks := len(h.fake.Requests(aritest.OpBridges))
	h.fake.Fault(aritest.Fault{Op: aritest.OpBridges, Delay: 700 * time.Millisecond})
	answered := false
	h.each = func() {
		if !answered && len(h.fake.Requests(aritest.OpBridges)) > looks {
			answered = true
			h.fake.AnswerSeat(leg)
		}
	}
	h.start()
	h.each = nil
	h.fake.Heal()
	require.True(t, answered)
	h.becomes(call, telephony.WordTalking)
	require.Len(t, h.fake.Requests(aritest.OpOriginate), 1)
	h.tidy()
}
