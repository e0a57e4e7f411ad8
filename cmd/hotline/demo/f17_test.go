package demo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
)

// F17: what goes over the connections to Asterisk vanishes, and nobody says so. The server finds it by its own ping, opens others,
// and mends what it has not heard: who has left, who has come.
func TestF17HalfOpen(t *testing.T) {
	const seats = 3
	link, between := linked(t)
	s := start(t, seats, between)
	require.Equal(t, 1, s.says("hotline.log", `"slack":1000000`), "it sleeps as the kernel finds convenient")
	s.hall.sit()
	talkers := s.citizens.arrive(0, seats)
	s.until("all talk", patience, func() bool { return s.count(telephony.WordTalking) == seats })
	waiting := s.citizens.arrive(10, 12)
	s.until("the others wait", patience, func() bool { return s.count(telephony.WordQueued) == 2 })
	up := s.says("hotline.log", "event socket up")
	talkers[2].ear.listen()

	link.lose()
	lost := time.Now()
	require.NoError(t, talkers[0].leave())
	require.NoError(t, waiting[0].leave())
	found := s.until("the server finds it", patience, func() bool { return s.says("hotline.log", "no pong for 6s") > 0 })
	s.until("and opens another socket", patience, func() bool { return s.says("hotline.log", "event socket up") > up })
	ended := func(c *citizen) bool {
		return one[int](s, `SELECT count(*) FROM call WHERE num_tail = $1 AND phase = 'ended'`, c.masked) == 1
	}
	s.until("who left is known, and the freed seat talks", patience, func() bool {
		return ended(talkers[0]) && ended(waiting[0]) && s.count(telephony.WordTalking) == seats
	})
	healed := time.Since(lost)
	late := s.citizens.arrive(20, 21)[0]
	s.until("who comes now waits", patience, func() bool { return s.count(telephony.WordQueued) == 1 })
	t.Logf("half-open: found in %s, healed in %s", millis(found), millis(healed))
	require.Less(t, found, 9*time.Second, "promise: 6 s; with the race detector on a shared machine more is allowed")
	require.Less(t, healed, 12*time.Second, "promise: 8 s")
	gap, n := talkers[2].ear.gap()
	require.Positive(t, n)
	require.Less(t, gap, time.Second, "conversations go on")
	for _, c := range append(talkers[1:], waiting[1], late) {
		s.until("they are served", patience, func() bool {
			return one[int](s, `SELECT count(*) FROM offer o JOIN call c ON c.id = o.call WHERE c.num_tail = $1 AND o.state = 'accepted'`, c.masked) == 1
		})
		require.NoError(t, c.leave())
	}
	s.until("all is over", patience, func() bool { return one[int](s, nobodyLeft) == 0 })
	s.requireInOrder(seats)
	s.verify()
}
