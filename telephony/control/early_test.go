package control_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
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
