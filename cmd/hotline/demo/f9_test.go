package demo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
)

// F9: Redis loses everything, again and again, while people wait and are served.
func TestF9RedisLosesEverything(t *testing.T) {
	const waiting, seats = 60, 2
	s := start(t, seats, sinking)
	s.hall.sit()
	firsts := s.citizens.arrive(0, seats)
	s.until("the first ones talk", patience, func() bool { return s.count(telephony.WordTalking) == seats })
	s.originate(waiting)
	s.until("the others wait", patience, func() bool { return s.count(telephony.WordQueued) == waiting })
	forget := func() {
		require.NoError(t, s.redis.FlushAll(s.ctx).Err())
		require.NoError(t, s.redis.ScriptFlush(s.ctx).Err())
	}
	forget()
	rang := len(s.hall.all())
	s.hall.behave(s.hall.serve(10*time.Millisecond, 20*time.Millisecond))
	freed := time.Now()
	for _, c := range firsts {
		require.NoError(t, c.leave())
	}
	s.until("the next one is offered", patience, func() bool { return len(s.hall.all()) > rang })
	next := s.hall.all()[rang].at.Sub(freed)
	flushes := 0
	s.until("all are served", time.Minute, func() bool {
		forget()
		flushes++
		return one[int](s, nobodyLeft) == 0
	})
	t.Logf("%d waiting: FLUSHALL, hang-up to next ring %s; served through %d further FLUSHALLs; %d offers", waiting, millis(next), flushes, one[int](s, `SELECT count(*) FROM offer`))
	s.requireInOrder(seats)
	require.Equal(t, waiting+seats, one[int](s, `SELECT count(*) FROM offer`), "one offer each")
	require.Equal(t, waiting+seats, one[int](s, `SELECT count(*) FROM offer WHERE state = 'accepted'`))
	s.verify()
}
