package demo_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/cmd/hotline/demo"
	"hotline/telephony"
)

// sink is where the far halves of Local channels stay.
const sink = "\n[sink]\nexten => s,1,Answer()\n same => n,Wait(3600)\n"

// sinking gives Asterisk the sink.
func sinking(o *demo.Options) { o.Extra = map[string]string{"extensions.conf": sink} }

// originate lets Asterisk itself call the line n times: callers without a telephone.
func (s *stage) originate(n int) {
	s.t.Helper()
	var wg sync.WaitGroup
	failed := make(chan error, n)
	places := make(chan struct{}, 8)
	for i := range n {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			failed <- s.originateOne(s.ctx, i)
		})
	}
	wg.Wait()
	for range n {
		require.NoError(s.t, <-failed)
	}
}

func (s *stage) originateOne(ctx context.Context, i int) error {
	q := url.Values{
		"endpoint": {"Local/" + demo.Number + "@from-trunk/n"}, "context": {"sink"}, "extension": {"s"}, "priority": {"1"},
		"callerId": {fmt.Sprintf("1395512%04d", i)}, "timeout": {"60"}, "formats": {"alaw"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Exchange.ARIURL+"/ari/channels?"+q.Encode(), http.NoBody)
	if err != nil {
		return err
	}
	req.SetBasicAuth(s.Exchange.ARIUser, s.Exchange.ARIPassword)
	client := &http.Client{Timeout: patience}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("originate: %s", res.Status)
	}
	return nil
}

// waiters is how many wait: music for a thousand takes both cores of a small machine, and then Asterisk's answers take
// seconds. HOTLINE_TEST_WAITERS=1000 is for a larger one.
func waiters(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("HOTLINE_TEST_WAITERS"), "300"))
	require.NoError(t, err)
	return n
}

// F4: the server is killed while hundreds wait. Everybody keeps the place and the time of waiting, music plays on, and
// the order of service is the order of arrival, exactly.
func TestF4WaitersKeepTheirOrder(t *testing.T) {
	const served = 60
	waiting := waiters(t)
	s := start(t, 2, sinking)
	s.hall.sit("A01")
	first := s.citizens.arrive(0, 1)[0]
	s.until("the first one talks", patience, func() bool { return s.count(telephony.StateTalking) == 1 })
	listeners := s.citizens.arrive(1, 4)
	began := time.Now()
	s.originate(waiting - len(listeners))
	s.until("all wait", time.Minute, func() bool { return s.count(telephony.StateQueued) == waiting })
	queued := time.Since(began)
	places := `SELECT string_agg(id || ' ' || seq || ' ' || queued_at, E'\n' ORDER BY seq) FROM call WHERE state = 'queued'`
	before := one[string](s, places)

	s.hall.behave(s.hall.serve(0, 0))
	rang := len(s.hall.all())
	for _, c := range listeners {
		c.ear.listen()
	}
	killed := time.Now()
	s.KillServer()
	require.NoError(t, s.Ready(s.ctx, time.Minute))
	ready := time.Since(killed)
	require.Equal(t, before, one[string](s, places), "place and time of waiting, to the microsecond")
	var gap time.Duration
	for _, c := range listeners {
		g, n := c.ear.gap()
		require.Positive(t, n)
		gap = max(gap, g)
	}
	freed := time.Now()
	require.NoError(t, first.leave())
	s.until("the next one is offered", patience, func() bool { return len(s.hall.all()) > rang })
	t.Logf("%d waiting (queued in %s): kill to ready %s; hang-up to next ring %s; largest gap in the music %s", waiting, millis(queued), millis(ready),
		millis(s.hall.all()[rang].at.Sub(freed)), millis(gap))
	require.Less(t, gap, max(time.Second, time.Duration(waiting)*3*time.Millisecond), "music plays on, as far as the machine can play it")

	s.until("many are served", time.Minute, func() bool { return len(s.hall.all()) > rang+served })
	s.hall.behave(pickUp(time.Hour))
	s.requireInOrder(1)
	want := many[int64](s, `SELECT seq FROM call ORDER BY seq`)
	got := s.firstOffers()
	require.Equal(t, want[:len(got)], got, "exactly those who were first")
	var numbers []string
	for _, r := range s.hall.all()[rang : rang+served] {
		numbers = append(numbers, r.masked)
	}
	numbers = slices.Compact(numbers) // an overloaded exchange may fail to connect, and the same citizen is offered again
	require.Equal(t, many[string](s, `SELECT num_tail FROM call ORDER BY seq OFFSET 1 LIMIT $1`, len(numbers)), numbers, "as the telephone heard it")
	left, err := s.lines.List(s.ctx, demo.Line)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(left), waiting-len(got))
	s.verify()
}
