package control

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
)

type someLease struct{}

func (someLease) Epoch() (int64, bool) { return 1, true }

// disk is a journal in memory.
type disk struct {
	mu      sync.Mutex
	kept    []telephony.Kept // guarded by mu
	old     []telephony.Kept // of an earlier controller
	cleared int
}

func (d *disk) Append(facts ...telephony.Kept) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kept = append(d.kept, facts...)
	return nil
}

func (d *disk) Inherit() ([]telephony.Kept, error) {
	old := d.old
	d.old = nil
	return old, nil
}

func (d *disk) Clear() error {
	d.cleared++
	return nil
}

// calm is the outage of a controller that has not begun; now is its clock.
func calm(now *time.Time) (*outage, *disk) {
	d := &disk{}
	return &New(Config{Lease: someLease{}, Journal: d, Now: func() time.Time { return *now }}).outage, d
}

var errAway = errors.New("the database is away")

// R7: an end that was heard just before anybody knew that the ledger is away may not be stored: it is kept, once.
func TestEndsHeardBeforeAreKept(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, knows := range map[string]func(*outage){
		"a write fails":     func(o *outage) { o.wrote(errAway) },
		"an arrival waits":  func(o *outage) { o.waited(o.enter(telephony.Arrival{Channel: "3.1"}, false)) },
		"another end comes": func(o *outage) { o.failing = true; o.left("2.1", false) },
	} {
		o, _ := calm(&now)
		o.left("1.1", true)
		require.Empty(t, o.ends, name)
		knows(o)
		require.Equal(t, telephony.Left{Leg: "1.1", Soft: true, At: now}, *o.ends[0].Left, name)
		n := len(o.ends)
		o.left("1.1", false)
		o.left("4.1", false)
		require.Len(t, o.ends, n+1, "%s: each once", name)
	}
}

// What is remembered of ends does not grow: each is there once, for as long as a write may take to fail.
func TestEndsAreForgotten(t *testing.T) {
	t.Parallel()
	now := time.Now()
	o, _ := calm(&now)
	for range 3 {
		o.left("1.1", false)
	}
	require.Len(t, o.recent, 1)
	now = now.Add(recentFor + time.Second)
	o.left("1.2", false)
	require.Len(t, o.recent, 1)
	o.wrote(errAway)
	require.Len(t, o.ends, 1, "what is older was stored")
}

// A ledger that answers others is only busy: who waits for a row goes on waiting for it, unanswered.
func TestBusyLedgerIsNotAway(t *testing.T) {
	t.Parallel()
	now := time.Now()
	o, _ := calm(&now)
	o.wrote(nil)
	e := o.enter(telephony.Arrival{Channel: "1.1"}, false)
	o.waited(e)
	require.Empty(t, o.arrivals)
	now = now.Add(rowPatience)
	o.waited(e)
	require.Len(t, o.arrivals, 1)
	o.enter(telephony.Arrival{Channel: "1.2"}, false)
	require.Len(t, o.arrivals, 2, "who comes behind is kept at once")
}

// An answer is no outage, whatever it says, nor is our own end.
func TestAnswersAreNoOutage(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		nil, telephony.ErrStale, telephony.ErrNotMaster, telephony.ErrSeatTaken, telephony.ErrUnstorable, telephony.ErrNoDecision, context.Canceled,
	} {
		require.False(t, lost(err), "%v", err)
	}
	require.True(t, lost(errAway))
	require.True(t, lost(context.DeadlineExceeded))
}

// Who waits for the ledger lets it be asked, and goes on as soon as it answers.
func TestRestIsOverWithTheOutage(t *testing.T) {
	t.Parallel()
	now := time.Now()
	o, _ := calm(&now)
	o.wrote(errAway)
	<-o.settle // it is asked, with nothing to store too
	ended := make(chan bool, 1)
	go func() { ended <- o.rest(t.Context(), time.Hour) }()
	<-o.settle
	o.wrote(nil)
	require.True(t, <-ended)
}

// R7: what was heard until the controller stops is on the disk.
func TestTheLastFactsAreKept(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // a select that is free takes either
		o, d := calm(&now)
		o.failing = true
		o.left("1.1", false)
		var writing sync.WaitGroup
		writing.Go(func() { o.writeLoop(ctx) })
		writing.Wait()
		require.NotEmpty(t, d.kept)
	}
}
