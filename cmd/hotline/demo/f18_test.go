package demo_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
)

// F18: replies of Asterisk's REST are lost, refused with 503, or come too late. Asterisk makes each channel once, and
// everyone is served by one seat. No citizen is refused (RT15).
func TestF18RepliesLost(t *testing.T) {
	const seats, callers = 3, 12
	link, between := linked(t)
	s := start(t, seats, between)
	s.hall.sit()
	s.hall.behave(s.hall.serve(50*time.Millisecond, 200*time.Millisecond))
	s.hall.slack = 3 * time.Second // the end of a ring that is refused is asked for again, a second later each time
	link.behave(misfortune(18), faithful)
	citizens := s.citizens.attempt(0, callers)
	var refused []string
	for _, c := range citizens {
		if c.err != nil {
			refused = append(refused, c.masked+": "+c.err.Error())
		}
	}
	require.Empty(t, refused, "citizens who were refused")
	s.until("all are offered", time.Minute, func() bool {
		return one[int](s, `SELECT count(*) FROM call c WHERE EXISTS (SELECT 1 FROM offer o WHERE o.call = c.id)`) == callers
	})
	link.behave(func(*http.Request) fate { return pass }, faithful)
	s.until("all are served", time.Minute, func() bool { return one[int](s, nobodyLeft) == 0 })
	for _, c := range citizens {
		require.Contains(t, []string{"answered_official/seat", "answered_official/lost"}, s.ended(c))
	}
	require.Equal(t, callers, one[int](s, `SELECT count(*) FROM offer WHERE state = 'accepted'`))
	link.requireOneChannelEach()
	link.mu.Lock()
	t.Logf("requests: %d done, %d with the reply eaten, %d refused, %d slow; %d offers and %d rings for %d callers", link.fates[pass], link.fates[eaten],
		link.fates[fails], link.fates[slow], one[int](s, `SELECT count(*) FROM offer`), len(s.hall.all()), callers)
	link.mu.Unlock()
	s.verify()
}

// F19: events come twice, late and in another order; nothing happens twice, and the record says what people did.
func TestF19EventsRepeatedAndReordered(t *testing.T) {
	const seats, callers = 3, 15
	link, between := linked(t)
	link.behave(func(*http.Request) fate { return pass }, shuffled(19))
	s := start(t, seats, between)
	s.hall.sit()
	gate := make(chan struct{})
	s.hall.behave(func(r *ring) {
		if r.call.Ring() != nil || wait(r.call.Done(), 50*time.Millisecond) || r.answer() != nil {
			return
		}
		select {
		case <-gate:
		case <-r.call.Done():
			return
		}
		if !wait(r.call.Done(), 100*time.Millisecond) {
			_ = r.hangUp()
		}
	})
	firsts := s.citizens.arrive(0, seats)
	s.until("the first ones talk", patience, func() bool { return s.count(telephony.WordTalking) == seats })
	others := s.citizens.arrive(10, 10+callers-seats)
	s.until("the others wait", patience, func() bool { return s.count(telephony.WordQueued) == callers-seats })
	want := map[*citizen]string{firsts[0]: "^answered_official/(caller|platform)$"}
	require.NoError(t, firsts[0].leave())
	for i, c := range others {
		if i%3 == 2 {
			require.NoError(t, c.leave())
			want[c] = "abandoned"
		}
	}
	s.until("who left is known", patience, func() bool {
		return one[int](s, `SELECT count(*) FROM call WHERE outcome LIKE 'abandoned%'`) == len(want)-1
	})
	close(gate)
	s.until("all are served", time.Minute, func() bool { return one[int](s, nobodyLeft) == 0 })
	for _, c := range append(firsts, others...) {
		switch how := want[c]; how {
		case "abandoned":
			require.Regexp(t, "^abandoned_(short|in_queue|ringing)/(caller|platform)$", s.ended(c), "whose request to hang up came first, the shuffle decides")
		case "":
			require.Equal(t, "answered_official/seat", s.ended(c))
		default:
			require.Regexp(t, how, s.ended(c))
		}
	}
	answered := callers - len(want) + 1
	require.Equal(t, callers, one[int](s, `SELECT count(*) FROM call`))
	require.Equal(t, answered, one[int](s, `SELECT count(*) FROM offer WHERE state = 'accepted'`))
	link.requireOneChannelEach()
	link.mu.Lock()
	t.Logf("%d events shuffled; %d offers for %d callers, %d of whom left", link.events, one[int](s, `SELECT count(*) FROM offer`), callers, len(want)-1)
	link.mu.Unlock()
	s.verify()
}
