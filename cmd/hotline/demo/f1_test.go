package demo_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
)

// F1: the server is killed while people talk. Nobody hears a gap; who hangs up meanwhile is recorded; the next caller is
// served by whoever has become free.
func TestF1ConversationsOutliveTheServer(t *testing.T) {
	const conversations = 50
	s := start(t, conversations, musical)
	s.hall.sit()
	citizens := s.citizens.arrive(0, conversations)
	s.until("all talk", patience, func() bool { return s.count(telephony.WordTalking) == conversations })
	byCitizen := map[string]*ring{}
	s.until("each with an official of their own, who knows", patience, func() bool {
		for _, r := range s.hall.talking() {
			byCitizen[r.masked] = r
		}
		return len(byCitizen) == conversations
	})

	// Judged by calls that Asterisk serves alone, over the same two seconds: what the machine does to everybody is not ours.
	noise := append(controls(s, 5), control(s))
	ears := func(of []*citizen) ([]*ear, []*ear) { // of citizens, of their officials
		var down, up []*ear
		for _, c := range of {
			down, up = append(down, c.ear), append(up, byCitizen[c.masked].ear)
		}
		return down, up
	}
	listen := func() {
		down, up := ears(citizens)
		for _, e := range slices.Concat(noise, down, up) {
			e.listen()
		}
	}
	listen()
	wait(s.ctx.Done(), 2*time.Second)
	down, up := ears(citizens)
	beforeDown, beforeUp, quiet := worst(t, down...), worst(t, up...), worst(t, noise...)

	listen()
	killed := time.Now()
	s.KillServer()
	leaving, hungUp, staying := citizens[:3], citizens[3:6], citizens[6:]
	for _, c := range leaving {
		require.NoError(t, c.leave())
	}
	for _, c := range hungUp {
		require.NoError(t, byCitizen[c.masked].hangUp())
	}
	require.NoError(t, s.Ready(s.ctx, patience))
	ready := time.Since(killed)
	s.until("the ends are recorded", patience, func() bool { return s.count(telephony.WordTalking) == len(staying) })
	recorded := time.Since(killed)
	late := s.citizens.arrive(100, 101)[0]
	s.until("a new caller talks", patience, func() bool { return s.count(telephony.WordTalking) == len(staying)+1 })
	wait(s.ctx.Done(), max(0, 3*time.Second-time.Since(killed)))
	down, up = ears(staying)
	afterDown, afterUp, noisy := worst(t, down...), worst(t, up...), worst(t, noise...)
	t.Logf("%d conversations; kill to ready %s, to ends recorded %s; largest RTP gap towards citizens %s, towards officials %s, in the control calls %s (before the kill %s, %s, %s)",
		conversations, millis(ready), millis(recorded), millis(afterDown), millis(afterUp), millis(noisy), millis(beforeDown), millis(beforeUp), millis(quiet))
	limit := 100*time.Millisecond + max(noisy, quiet)
	require.Less(t, afterDown, limit, "promise: 100 ms, beyond what the machine does to calls that hotline has no part in")
	require.Less(t, afterUp, limit, "promise: 100 ms, beyond what the machine does to calls that hotline has no part in")
	require.Less(t, ready, 5*time.Second, "promise: 2 s; with the race detector on a shared machine more is allowed")

	for _, c := range staying {
		require.False(t, c.gone())
	}
	for _, c := range leaving {
		require.Contains(t, []string{"answered_official/lost", "answered_official/caller"}, s.ended(c))
	}
	for _, c := range hungUp {
		require.Equal(t, "answered_official/seat", s.ended(c))
		s.until("the citizen is hung up", patience, c.gone)
	}
	for i, c := range staying {
		if i%2 == 0 {
			require.NoError(t, c.leave())
		} else {
			require.NoError(t, byCitizen[c.masked].hangUp())
		}
	}
	require.NoError(t, late.leave())
	s.until("all is over", patience, func() bool { return one[int](s, nobodyLeft) == 0 })
	for i, c := range staying {
		require.Equal(t, "answered_official/"+map[bool]string{true: "caller", false: "seat"}[i%2 == 0], s.ended(c))
	}
	s.verify()
}
