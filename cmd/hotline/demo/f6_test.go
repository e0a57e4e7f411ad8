package demo_test

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/cmd/hotline/demo"
	"hotline/telephony"
)

// second starts another server behind a link of its own, and waits until it stands by.
func second(s *stage, between *link) *demo.Demo {
	s.t.Helper()
	d, err := s.Second(s.ctx, between.url())
	require.NoError(s.t, err)
	s.t.Cleanup(func() { end(s.t, d, "hotline-2.log") })
	s.until("the second server stands by", patience, func() bool { return s.says("hotline-2.log", "standing by") > 0 })
	return d
}

const epochNow = `SELECT epoch FROM controller`

// F6: the active server is stopped in the midst of its work. The standby takes over; conversations go on, waiting callers keep their
// order. When the stopped one goes on, it decides nothing, and ends.
func TestF6StoppedServerDecidesNothing(t *testing.T) {
	const seats, staying, waiting = 6, 2, 24
	first, between := linked(t)
	s := start(t, seats, between, sinking)
	other := linkTo(t, first.target)
	standby := second(s, other)
	s.hall.sit()
	talkers := s.citizens.arrive(0, seats)
	s.until("all talk", patience, func() bool { return s.count(telephony.WordTalking) == seats })
	require.Empty(t, other.seen(), "whoever stands by asks the exchange for nothing")
	s.originate(waiting)
	s.until("the others wait", patience, func() bool { return s.count(telephony.WordQueued) == waiting })
	s.hall.behave(s.hall.serve(5*time.Millisecond, 10*time.Millisecond))
	for _, c := range talkers[:staying] {
		c.ear.listen()
	}
	for _, c := range talkers[staying:] {
		require.NoError(t, c.leave())
	}
	s.until("the line moves", patience, func() bool { return s.count(telephony.WordQueued) <= waiting-4 })

	old := s.ServerPID()
	require.NoError(t, s.SignalServer(syscall.SIGSTOP))
	first.lose()
	left := s.count(telephony.WordQueued)
	epoch := one[int64](s, epochNow)
	renewed := one[time.Time](s, `SELECT renewed_at FROM controller`)
	s.until("the standby takes over", time.Minute, func() bool { return one[int64](s, epochNow) > epoch })
	taken := one[time.Time](s, `SELECT least(clock_timestamp(), renewed_at) FROM controller`).Sub(renewed)
	require.NoError(t, standby.Ready(s.ctx, patience))
	s.until("the line moves again", patience, func() bool { return s.count(telephony.WordQueued) < left-2 })
	ready := one[time.Time](s, `SELECT clock_timestamp()`).Sub(renewed)
	s.until("all are served", time.Minute, func() bool { return one[int](s, nobodyLeft) == staying })

	// It hears from nobody that it is replaced: its connections to the exchange have died, and for a moment no renewal is answered.
	// It has nothing but its own clock.
	first.cut()
	first.mend()
	silence, err := s.db.Begin(s.ctx)
	require.NoError(t, err)
	_, err = silence.Exec(s.ctx, `LOCK TABLE controller`)
	require.NoError(t, err)
	went := time.Now()
	require.NoError(t, s.SignalServer(syscall.SIGCONT))
	wait(s.ctx.Done(), 700*time.Millisecond)
	require.NoError(t, silence.Rollback(s.ctx))
	s.until("the stopped one ends", patience, func() bool { return s.ServerPID() != old })
	ended := time.Since(went)
	late := s.citizens.arrive(100, 103)
	s.until("new callers are served", patience, func() bool { return one[int](s, nobodyLeft) == staying })
	t.Logf("standby took over %s after the last renewal, and served %s after it; the stopped one ended %s after it went on; %d decisions before the stop, %d of the standby",
		millis(taken), millis(ready), millis(ended), len(first.decisions(time.Time{})), len(other.decisions(time.Time{})))
	require.Empty(t, first.decisions(went), "of the old epoch after it went on")
	require.NotEmpty(t, other.decisions(went))
	require.Less(t, taken, 10*time.Second, "promise: 5 s; with the race detector on a shared machine more is allowed")
	for _, c := range talkers[:staying] {
		gap, n := c.ear.gap()
		require.Positive(t, n)
		require.Less(t, gap, time.Second, "conversations go on")
		require.False(t, c.gone())
		require.NoError(t, c.leave())
	}
	s.until("all is over", patience, func() bool { return one[int](s, nobodyLeft) == 0 })
	for _, c := range slices.Concat(talkers[:staying], late) {
		require.Regexp(t, "^answered_official/", s.ended(c))
	}
	s.requireInOrder(seats)
	require.Equal(t, epoch+1, one[int64](s, epochNow), "nobody has taken it since")
	require.Zero(t, one[int](s, `SELECT count(*) FROM offer o, controller c WHERE o.epoch < c.epoch AND o.offered_at > $1`, renewed.Add(taken)), "offers of the old epoch")
	s.verify()
}

// F7: two servers come up at once: one works, one waits. Then somebody takes the lease from the one that works: it stops deciding
// and ends, whoever waits takes over, and no offer bears a stale epoch.
func TestF7TwoServersAtOnce(t *testing.T) {
	const seats, waiting = 3, 30
	first, between := linked(t)
	s := start(t, seats, between, sinking)
	s.hall.sit()
	s.KillServer() // and it is back at once
	other := linkTo(t, first.target)
	standby := second(s, other)
	require.NoError(t, s.Ready(s.ctx, patience))
	s.originate(waiting)
	s.hall.behave(s.hall.serve(20*time.Millisecond, 100*time.Millisecond))
	s.until("the line moves", patience, func() bool { return one[int](s, `SELECT count(*) FROM offer WHERE state = 'accepted'`) > 5 })
	require.Empty(t, other.seen(), "one waits")

	old, epoch := s.ServerPID(), one[int64](s, epochNow)
	edited := one[time.Time](s, `UPDATE controller SET epoch = epoch + 1, holder = 'somebody else', renewed_at = clock_timestamp() RETURNING clock_timestamp()`)
	began := time.Now()
	s.until("the one that worked ends", patience, func() bool { return s.ServerPID() != old })
	ended := time.Since(began)
	s.until("one of the two takes over", patience, func() bool { return one[int64](s, epochNow) > epoch+1 })
	taken := time.Since(began)
	s.until("all are served", time.Minute, func() bool { return one[int](s, nobodyLeft) == 0 })
	stale := many[time.Duration](s, `SELECT o.offered_at - $2 FROM offer o WHERE o.epoch = $1 AND o.offered_at > $2`, epoch, edited)
	t.Logf("lease edited: the old one ended in %s, the next took over in %s (first server: %d decisions, second: %d)", millis(ended), millis(taken),
		len(first.decisions(began)), len(other.decisions(began)))
	require.Empty(t, stale, "offers of the stale epoch")
	require.Zero(t, one[int](s, `SELECT count(*) FROM offer WHERE epoch = $1`, epoch+1), "nor of somebody else")
	require.Less(t, taken, 10*time.Second, "promise: 5 s; with the race detector on a shared machine more is allowed")
	require.Equal(t, waiting, one[int](s, `SELECT count(*) FROM offer WHERE state = 'accepted'`), "each once")
	s.requireInOrder(seats)
	require.NotNil(t, standby)
	s.verify()
}
