package demo_test

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
)

// F33: the citizen hangs up in the millisecond in which the official answers, or while the two are
// being brought together, a thousand times. Each call has one outcome,
// no seat is stuck, no call is without its ticket.
func TestF33HangUpAsTheOfficialAnswers(t *testing.T) {
	const lanes, rounds = 10, 100
	s := start(t, lanes)
	s.hall.sit()
	s.hall.behave(func(r *ring) {
		c := s.citizens.byMask(r.masked)
		if c == nil || r.call.Ring() != nil {
			return
		}
		<-c.done // Asterisk has answered long since; so has the citizen's own telephone now
		if c.err != nil {
			return
		}
		jitter := time.Duration(rand.IntN(7)-3) * time.Millisecond
		if rand.IntN(2) == 0 {
			jitter = rand.N(80 * time.Millisecond) // the way from the answer to the first word takes some time: all along it
		}
		var both sync.WaitGroup
		both.Go(func() {
			wait(s.ctx.Done(), 10*time.Millisecond+jitter)
			_ = c.leave()
		})
		both.Go(func() {
			if !wait(r.call.Done(), 10*time.Millisecond) && r.answer() == nil {
				<-r.call.Done()
			}
		})
		both.Wait()
	})
	began := time.Now()
	var wg sync.WaitGroup
	errs := make(chan error, lanes*rounds)
	for lane := range lanes {
		wg.Go(func() {
			for round := range rounds {
				c := s.citizens.dial(s.ctx, lane*rounds+round)
				errs <- c.err
				if c.err == nil {
					wait(c.call.Done(), patience)
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	s.until("all is over", patience, func() bool { return one[int](s, nobodyLeft) == 0 })
	t.Logf("%d races in %s: %v", lanes*rounds, millis(time.Since(began)), many[string](s, `SELECT outcome || '/' || cause || ' ' || count(*) FROM call GROUP BY outcome, cause ORDER BY 1`))
	require.Equal(t, lanes*rounds, one[int](s, `SELECT count(*) FROM call`))
	s.verify()

	s.hall.behave(pickUp(0))
	last := s.citizens.arrive(9000, 9000+lanes)
	s.until("every seat still serves", patience, func() bool { return s.count(telephony.WordTalking) == lanes })
	for _, c := range last {
		require.NoError(t, c.leave())
	}
	s.until("all is over", patience, func() bool { return one[int](s, nobodyLeft) == 0 })
	s.verify()
}
