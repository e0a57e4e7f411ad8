package demo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
)

// F2: the server dies while telephones ring: before it rings, while it rings, as the official answers. The telephone
// connects that caller or stops; nobody rings twice for one caller; each caller ends with exactly one accepted offer.
func TestF2KilledWhileTelephonesRing(t *testing.T) {
	const callers = 3
	s := start(t, callers)
	s.hall.sit()
	for i, x := range []struct {
		point  string
		answer time.Duration // until the officials pick up
	}{
		{"offer committed", 100 * time.Millisecond},
		{"ring answered", time.Second},
		{"ring answered", 30 * time.Millisecond}, // nobody is there who could connect them
		{"seat answered", 100 * time.Millisecond},
	} {
		s.ArmServer("HOTLINE_CRASH_AT=" + x.point)
		s.KillServer()
		require.NoError(t, s.Ready(s.ctx, patience))
		armed := s.ServerPID()
		s.hall.behave(pickUp(x.answer))
		before := len(s.hall.all())
		began := time.Now()
		citizens := s.citizens.arrive(10*i, 10*i+callers)
		s.until("the server dies at "+x.point, patience, func() bool { return s.ServerPID() != armed })
		died := time.Since(began)
		s.until("all talk", patience, func() bool { return s.count(telephony.WordTalking) == callers })
		talk := time.Since(began)
		for _, c := range citizens {
			require.Equal(t, 1, one[int](s, `SELECT count(*) FROM offer o JOIN call c ON c.id = o.call WHERE c.num_tail = $1 AND o.state = 'accepted'`, c.masked))
			c.ear.listen()
		}
		for _, r := range s.hall.talking() {
			r.ear.listen()
			s.until("the official hears", patience, func() bool { _, n := r.ear.gap(); return n > 20 })
		}
		require.Len(t, s.hall.talking(), callers)
		for _, c := range citizens {
			s.until("the citizen hears", patience, func() bool { _, n := c.ear.gap(); return n > 20 })
			require.NoError(t, c.leave())
		}
		s.until("all is over", patience, func() bool { return one[int](s, nobodyLeft) == 0 })
		for _, c := range citizens {
			require.Equal(t, "answered_official/caller", s.ended(c))
		}
		t.Logf("%s, officials answer after %s: dead %s after the first call, all talk %s later; %d offers of which accepted %d; %d rings", x.point, x.answer,
			millis(died), millis(talk-died), one[int](s, `SELECT count(*) FROM offer`), one[int](s, `SELECT count(*) FROM offer WHERE state = 'accepted'`), len(s.hall.all())-before)
		s.verify()
	}
}
