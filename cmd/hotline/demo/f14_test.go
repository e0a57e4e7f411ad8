package demo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
)

// F14: Asterisk is killed while people talk and others wait. Nothing keeps their calls, but each is closed as the platform's fault,
// the seats are freed, who was reached has a ticket, who was not a task to be called back, and who rings again has the old place.
func TestF14AsteriskKilled(t *testing.T) {
	const seats, waiting = 2, 4
	s := start(t, seats)
	s.hall.sit()
	s.citizens.arrive(0, seats)
	s.until("the first ones talk", patience, func() bool { return s.count(telephony.WordTalking) == seats })
	s.arriveOneByOne(10, 10+waiting)
	s.until("the others wait", patience, func() bool { return s.count(telephony.WordQueued) == waiting })
	s.until("everybody has a ticket, who talks at a seat", patience, func() bool {
		return one[int](s, `SELECT count(*) FROM ticket`) == seats+waiting && one[int](s, `SELECT count(*) FROM ticket WHERE seat IS NOT NULL`) == seats
	})

	s.Exchange.Kill()
	require.NoError(t, s.StartExchange(s.ctx))
	closed := s.until("every call is closed", patience, func() bool { return one[int](s, nobodyLeft) == 0 })
	t.Logf("%d calls closed %s after Asterisk's start", seats+waiting, millis(closed))
	require.Equal(t, seats, one[int](s, `SELECT count(*) FROM call WHERE outcome = 'answered_official' AND cause = 'platform'`))
	require.Equal(t, waiting, one[int](s, `SELECT count(*) FROM call WHERE outcome = 'system_failure' AND cause = 'platform'`))
	require.Equal(t, waiting, one[int](s, `SELECT count(*) FROM callback b JOIN call c ON c.id = b.call WHERE b.state = 'open' AND c.answered_at IS NULL`))
	require.Equal(t, seats, one[int](s, `SELECT count(*) FROM ticket t JOIN call c ON c.id = t.call WHERE c.answered_at IS NOT NULL`))
	s.until("the seats are free", patience, func() bool { return one[int](s, `SELECT count(*) FROM seat_work WHERE work <> 'idle'`) == 0 })

	for i := waiting - 1; i >= 0; i-- { // the last first: the places are those of before
		s.arriveOneByOne(10+i, 11+i)
	}
	require.Equal(t, waiting, one[int](s, `SELECT count(*) FROM call again JOIN call lost ON lost.id = again.resumes AND lost.seq = again.seq`))
	s.until("nobody need be called back", patience, func() bool { return one[int](s, `SELECT count(*) FROM callback WHERE state = 'open'`) == 0 })
	s.until("two talk again", patience, func() bool { return s.count(telephony.WordTalking) == seats })
	s.hall.behave(s.hall.serve(look, look))
	for _, r := range s.hall.talking() {
		_ = r.hangUp() // of the first ones there is nobody to hear it
	}
	s.until("all are served", patience, func() bool { return one[int](s, nobodyLeft) == 0 })
	require.Equal(t, waiting, one[int](s, `SELECT count(*) FROM call WHERE resumes IS NOT NULL AND outcome = 'answered_official'`))
	s.verify()
}
