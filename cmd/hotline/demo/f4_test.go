package demo_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/cmd/hotline/demo"
	"hotline/telephony"
)

// sink is where the far halves of Local channels stay. Who comes by quiet hears no music: its class has one file, and that
// is empty.
const sink = `
[sink]
exten => s,1,Answer()
 same => n,Wait(3600)
[quiet]
exten => ` + demo.Number + `,1,Set(CHANNEL(musicclass)=quiet)
 same => n,Goto(from-trunk,` + demo.Number + `,1)
`

// sinking gives Asterisk the sink, and callers who cost it no music.
func sinking(o *demo.Options) {
	empty := filepath.Join(o.Dir, "asterisk", "quiet") // /srv/quiet, as Asterisk sees it
	if os.MkdirAll(empty, 0o755) != nil || os.WriteFile(filepath.Join(empty, "nothing.alaw"), nil, 0o644) != nil {
		return // its callers hear music, then
	}
	o.Extra = map[string]string{
		"extensions.conf": sink + music, "musiconhold.conf": "\n[quiet]\nmode = files\ndirectory = /srv/quiet\n",
	}
}

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
		"endpoint": {"Local/" + demo.Number + "@quiet/n"}, "context": {"sink"}, "extension": {"s"}, "priority": {"1"},
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

// held counts who is where music plays, as Asterisk shows it.
func (s *stage) held() int {
	s.t.Helper()
	snapshot, err := s.exchange.Snapshot(s.ctx)
	require.NoError(s.t, err)
	for _, b := range snapshot.Bridges {
		if b.ID == telephony.HoldBridge(demo.Line) {
			return len(b.Channels)
		}
	}
	return 0
}

// F4: the server is killed while a thousand wait. Everybody keeps the place and the time of waiting, music plays on, and the
// order of service is the order of arrival, exactly. Music for a thousand takes both cores of a small machine: some dozens of
// citizens with telephones hear it, the rest wait in silence.
func TestF4WaitersKeepTheirOrder(t *testing.T) {
	const waiting, listening, served = 1000, 40, 60
	s := start(t, 2, sinking)
	s.hall.sit("A01")
	first := s.citizens.arrive(0, 1)[0]
	s.until("the first one talks", patience, func() bool { return s.count(telephony.WordTalking) == 1 })
	listeners := s.citizens.arrive(1, 1+listening)
	began := time.Now()
	s.originate(waiting - len(listeners))
	s.until("all wait", 5*time.Minute, // not measured here: they come while others are served by the machine
		func() bool { return s.count(telephony.WordQueued) == waiting })
	queued := time.Since(began)
	require.Eventually(t, func() bool { return s.held() == waiting }, 5*time.Minute, time.Second, "all are where music plays")
	settled := time.Since(began)
	places := `SELECT string_agg(id || ' ' || seq || ' ' || queued_at, E'\n' ORDER BY seq) FROM call WHERE phase = 'waiting'`
	before := one[string](s, places)

	s.hall.behave(s.hall.serve(0, 0))
	rang := len(s.hall.all())
	noise, ears := controls(s, 5), []*ear{}
	for _, c := range listeners {
		ears = append(ears, c.ear)
	}
	for _, e := range slices.Concat(noise, ears) {
		e.listen()
	}
	killed := time.Now()
	s.KillServer()
	require.NoError(t, s.Ready(s.ctx, time.Minute))
	ready := time.Since(killed)
	require.Equal(t, before, one[string](s, places), "place and time of waiting, to the microsecond")
	gap, noisy := worst(t, ears...), worst(t, noise...)
	freed := time.Now()
	require.NoError(t, first.leave())
	s.until("the next one is offered", patience, func() bool { return len(s.hall.all()) > rang })
	t.Logf("%d waiting, %d of them with music (queued in %s, held in %s): kill to ready %s; hang-up to next ring %s; largest gap in the music %s, in the control calls %s",
		waiting, listening, millis(queued), millis(settled), millis(ready), millis(s.hall.all()[rang].at.Sub(freed)), millis(gap), millis(noisy))
	require.Less(t, gap, 100*time.Millisecond+noisy, "music plays on, beyond what the machine does to calls that hotline has no part in")

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
	left, _, err := s.lines.List(s.ctx, demo.Line)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(left), waiting-len(got))
	s.verify()
}
