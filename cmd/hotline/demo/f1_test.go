package demo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
)

// F1: the server is killed while people talk. Nobody hears a gap; who hangs up meanwhile is recorded; the next caller is
// served by whoever has become free.
func TestF1ConversationsOutliveTheServer(t *testing.T) {
	const conversations = 20
	s := start(t, conversations)
	s.hall.sit()
	citizens := s.citizens.arrive(0, conversations)
	s.until("all talk", patience, func() bool { return s.count(telephony.StateTalking) == conversations })
	byCitizen := map[string]*ring{}
	for _, r := range s.hall.talking() {
		byCitizen[r.masked] = r
	}
	require.Len(t, byCitizen, conversations, "each with an official of their own")

	noise := control(s)
	listen := func() {
		noise.listen()
		for _, c := range citizens {
			c.ear.listen()
			byCitizen[c.masked].ear.listen()
		}
	}
	worst := func(of []*citizen) (time.Duration, time.Duration) {
		var down, up time.Duration
		for _, c := range of {
			heard, n := c.ear.gap()
			require.Positive(t, n, "%s hears", c.masked)
			said, m := byCitizen[c.masked].ear.gap()
			require.Positive(t, m, "%s is heard", c.masked)
			down, up = max(down, heard), max(up, said)
		}
		return down, up
	}
	listen()
	wait(s.ctx.Done(), time.Second)
	beforeDown, beforeUp := worst(citizens)
	quiet, _ := noise.gap()

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
	s.until("the ends are recorded", patience, func() bool { return s.count(telephony.StateTalking) == len(staying) })
	recorded := time.Since(killed)
	late := s.citizens.arrive(100, 101)[0]
	s.until("a new caller talks", patience, func() bool { return s.count(telephony.StateTalking) == len(staying)+1 })
	wait(s.ctx.Done(), max(0, 3*time.Second-time.Since(killed)))
	afterDown, afterUp := worst(staying)
	noisy, _ := noise.gap()
	t.Logf("%d conversations; kill to ready %s, to ends recorded %s; largest RTP gap towards citizens %s, towards officials %s (before the kill %s, %s; loopback alone %s, before %s)",
		conversations, millis(ready), millis(recorded), millis(afterDown), millis(afterUp), millis(beforeDown), millis(beforeUp), millis(noisy), millis(quiet))
	limit := 100*time.Millisecond + max(noisy, quiet, beforeDown, beforeUp)
	require.Less(t, afterDown, limit, "promise: 100 ms, beyond what this machine's scheduler does by itself")
	require.Less(t, afterUp, limit, "promise: 100 ms, beyond what this machine's scheduler does by itself")
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
	s.until("all is over", patience, func() bool { return one[int](s, `SELECT count(*) FROM call WHERE state <> 'ended'`) == 0 })
	for i, c := range staying {
		require.Equal(t, "answered_official/"+map[bool]string{true: "caller", false: "seat"}[i%2 == 0], s.ended(c))
	}
	s.verify()
}
