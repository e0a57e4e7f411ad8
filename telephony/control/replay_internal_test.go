package control

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

// book is a ledger whose answers are given.
type book struct {
	Ledger

	away    error // what it says instead of answering
	asked   int
	arrive  func(telephony.Arrival) (telephony.Call, error)
	save    func(telephony.Change) error
	open    []telephony.Call
	arrived []telephony.LegID
	saved   []telephony.Change
}

func (b *book) Arrive(_ context.Context, _ int64, a telephony.Arrival) (telephony.Call, bool, error) {
	b.arrived = append(b.arrived, a.Channel)
	if b.arrive == nil {
		return telephony.Call{ID: a.ID, Channel: a.Channel, Phase: telephony.PhaseArrived, ArrivedAt: a.At, Version: 1}, true, nil
	}
	c, err := b.arrive(a)
	return c, false, err
}

func (b *book) Save(_ context.Context, _ int64, changes ...telephony.Change) error {
	b.saved = append(b.saved, changes...)
	if b.save == nil {
		return nil
	}
	return b.save(changes[0])
}

func (b *book) Open(context.Context) ([]telephony.Call, error) {
	return b.open, nil
}

func (b *book) Pending(context.Context) ([]agent.SeatID, error) {
	b.asked++
	return nil, b.away
}

// alarms counts them.
type alarms struct {
	Unobserved

	n int
}

func (a *alarms) Alarmed(string) { a.n++ }

type lent struct{ held bool }

func (l *lent) Epoch() (int64, bool) { return 1, l.held }

// bench is a controller that has not begun, and what it works with.
type bench struct {
	*Controller

	disk  disk
	book  book
	lease lent
	rung  alarms
	now   time.Time
}

func newBench() *bench {
	b := &bench{now: time.Now(), lease: lent{held: true}}
	b.Controller = New(Config{
		Lease: &b.lease, Journal: &b.disk, Ledger: &b.book, Observer: &b.rung, Now: func() time.Time { return b.now },
		Log: slog.New(slog.DiscardHandler),
	})
	return b
}

// keep has facts on the disk that are not settled.
func (b *bench) keep(facts ...telephony.Kept) {
	b.outage.mu.Lock()
	defer b.outage.mu.Unlock()
	for _, f := range facts {
		e := newEntry(f)
		b.outage.addLocked(e)
		close(e.safe)
	}
	b.outage.fresh = nil
}

func came(leg telephony.LegID) telephony.Kept {
	return telephony.Kept{Arrival: &telephony.Arrival{ID: telephony.CallID(leg), Channel: leg}}
}

func went(leg telephony.LegID) telephony.Kept { return telephony.Kept{Left: &telephony.Left{Leg: leg}} }

// R7: what an earlier controller has kept comes first; when all is settled everything is as before the outage.
func TestDrain(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.disk.old = []telephony.Kept{came("1.1"), went("1.1")}
	b.outage.away = true
	b.keep(came("2.1"))
	b.outage.left("2.1", false)
	close(b.outage.ends[0].safe)
	require.NoError(t, b.outage.drain(t.Context()))
	require.Equal(t, []telephony.LegID{"1.1", "2.1"}, b.book.arrived)
	require.Equal(t, 1, b.disk.cleared)
	require.False(t, b.outage.away, "who arrives now has a row at once")
	require.Empty(t, b.outage.heard)
	require.Zero(t, b.book.asked, "a ledger that has not failed is not asked whether it is there")
	require.NoError(t, b.outage.drain(t.Context()))
	require.Equal(t, 1, b.disk.cleared, "nothing is kept")
}

// R4: without the lease nothing is stored, and no try counts; a ledger that does not answer is asked for nothing more.
func TestDrainWaitsForTheLedger(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.keep(came("1.1"), went("1.1"))
	b.outage.arrivals[0].tries = mostTries
	b.lease.held = false
	require.ErrorIs(t, b.outage.drain(t.Context()), telephony.ErrNoDecision)
	require.Zero(t, b.outage.arrivals[0].tries)
	require.Zero(t, b.book.asked)
	b.lease.held, b.book.away = true, errAway
	require.ErrorIs(t, b.outage.drain(t.Context()), errAway)
	require.Empty(t, b.book.arrived)
	b.book.away = nil
	require.NoError(t, b.outage.drain(t.Context()))
	require.Equal(t, 1, b.disk.cleared)
	b.keep(went("1.2"))
	b.lease.held = false
	require.ErrorIs(t, b.outage.drain(t.Context()), telephony.ErrNoDecision, "not even an end without a call is settled")
}

// What is not on the disk yet is not forgotten there: the line that would come behind would be stored again.
func TestDrainWaitsForTheDisk(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]telephony.Kept{"arrival": came("1.1"), "end": went("1.1")} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			e := newEntry(f)
			b.outage.addLocked(e)
			go func() { _ = b.outage.drain(t.Context()) }()
			synctest.Wait()
			require.Zero(t, b.disk.cleared, name)
			close(e.safe)
			synctest.Wait()
			require.Equal(t, 1, b.disk.cleared, name)
		})
	}
}

// An arrival that can never be stored is settled, and says so to its call; with another master nothing goes on.
func TestArrivalsThatAreRefused(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.keep(came("1.1"), came("1.2"))
	bad := b.outage.arrivals[0]
	b.book.arrive = func(a telephony.Arrival) (telephony.Call, error) {
		if a.Channel == "1.1" {
			return telephony.Call{}, telephony.ErrUnstorable
		}
		return telephony.Call{}, telephony.ErrNotMaster
	}
	require.ErrorIs(t, b.outage.drain(t.Context()), telephony.ErrNotMaster)
	_, err := bad.row(t.Context())
	require.ErrorIs(t, err, telephony.ErrUnstorable)
	require.Len(t, b.outage.arrivals, 1)
	require.ErrorIs(t, <-b.fatal, telephony.ErrNotMaster)
}

// The end of a leg is stored once, in the call that it belongs to; a call that has an actor hears of its own.
func TestEndsOfACall(t *testing.T) {
	t.Parallel()
	b := newBench()
	for id, leg := range map[telephony.CallID]telephony.LegID{"mine": "1.1", "other": "2.1"} {
		caller := telephony.Participant{ID: telephony.ParticipantID(id), Role: telephony.RoleCaller, Leg: leg, State: telephony.StateUp}
		b.book.open = append(b.book.open, telephony.Call{
			ID: id, Channel: leg, Phase: telephony.PhaseWaiting, Version: 3, Parts: []telephony.Participant{caller},
		})
	}
	b.calls.calls["other"] = b.newActor()
	b.keep(went("1.1"), went("2.1"), went("1.1"), went("3.1"))
	require.NoError(t, b.outage.drain(t.Context()))
	require.Len(t, b.book.saved, 1, "an end that is stored already does no harm")
	require.Equal(t, telephony.CallID("mine"), b.book.saved[0].After.ID)
	require.Empty(t, b.outage.ends)
}

// When all is settled the exchange is compared: what was not decided meanwhile is now.
func TestSettledIsCompared(t *testing.T) {
	t.Parallel()
	b := newBench()
	b.keep(came("1.1"))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); b.outage.settleLoop(ctx) }()
	<-b.mend
	cancel()
	<-ended
}

// handset hears how a caller is received.
type handset struct {
	Switch

	up bool
}

func (h *handset) Receive(_ context.Context, _ telephony.BridgeID, _ telephony.LegID, up bool) error {
	h.up = up
	return telephony.ErrGone
}

// A leg that the net has answered is not answered again, which would stop its music.
func TestLegOfTheNetIsNotAnsweredAgain(t *testing.T) {
	t.Parallel()
	b, h := newBench(), &handset{}
	b.cfg.Switch = h
	e := newEntry(came("1.1"))
	e.up = true
	b.outage.receive(t.Context(), e)
	require.True(t, h.up)
	require.Empty(t, e.seen.Legs)
}

// written is what the net has written.
type written struct {
	calls []telephony.NetCall
	err   error
	more  bool
	open  [][]telephony.LegID
}

func (w *written) Calls() ([]telephony.NetCall, error) { return w.calls, w.err }

func (w *written) Forget(open []telephony.LegID) (bool, error) {
	w.open = append(w.open, open)
	return w.more, nil
}

// R1: a call whose end nobody saw ended before the exchange was looked at; one that is told already is left as it is, and one that can
// not be recorded keeps nobody up.
func TestBackfill(t *testing.T) {
	t.Parallel()
	b := newBench()
	net := &written{calls: []telephony.NetCall{{Channel: "1.1"}, {Channel: "1.2"}, {Channel: "1.3"}}, err: errAway}
	b.cfg.Net = net
	b.book.arrive = func(a telephony.Arrival) (telephony.Call, error) {
		switch a.Channel {
		case "1.1":
			return telephony.Call{}, telephony.ErrUnstorable
		case "1.2":
			return telephony.Call{ID: "told", Channel: a.Channel, Phase: telephony.PhaseWaiting}, nil
		}
		return telephony.Call{ID: "new", Channel: a.Channel, Phase: telephony.PhaseArrived}, nil
	}
	v := newView(telephony.Snapshot{}, b.now.Add(-time.Second))
	require.NoError(t, b.backfill(t.Context(), b.netCalls(t.Context()), v))
	require.Equal(t, 2, b.rung.n, "for what can not be read, and for what can not be stored")
	require.Len(t, b.book.saved, 1)
	require.Equal(t, telephony.CallID("new"), b.book.saved[0].After.ID)
	require.Equal(t, v.at, b.book.saved[0].After.EndedAt)
	require.Equal(t, [][]telephony.LegID{nil}, net.open)
}

// Numbers do not lie about for longer than need be: what can be deleted a moment later is.
func TestNetIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.cfg.Net = &written{more: true}
		require.NoError(t, b.backfill(t.Context(), nil, newView(telephony.Snapshot{}, b.now)))
		<-b.mend
	})
}

func TestStepThatIsStoredLate(t *testing.T) {
	t.Parallel()
	after, records := telephony.Missed(telephony.Call{ID: "c", Phase: telephony.PhaseArrived}, time.Now())
	for _, c := range []struct{ answer, want error }{
		{nil, nil}, {telephony.ErrUnstorable, nil}, {telephony.ErrStale, nil}, {errAway, errAway}, {telephony.ErrNotMaster, telephony.ErrNotMaster},
	} {
		b := newBench()
		b.book.save = func(telephony.Change) error { return c.answer }
		err := b.saveLate(t.Context(), telephony.Call{ID: "c"}, after, records, time.Now())
		require.ErrorIs(t, err, c.want)
		require.Equal(t, errors.Is(c.answer, telephony.ErrUnstorable), b.rung.n == 1)
		require.Equal(t, errors.Is(c.answer, telephony.ErrNotMaster), len(b.fatal) == 1, "nothing goes on with another master")
	}
}
