package control

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
)

// RH2: who ends does not wait for a call that is busy with something else: the end is stored alone, and the call, when it comes
// to the match, finds that it is too late.
func TestPassingWaitsForNobody(t *testing.T) {
	t.Parallel()
	c := New(Config{})
	busy := c.newActor()
	c.calls.calls["next"] = busy
	d := newDesk(c, telephony.LineInfo{ID: "line"})
	c.desks.lines["line"] = d
	d.flying["A01"] = "offer"
	m := match{
		line: "line", offer: "offer", seat: telephony.LineSeat{Seat: "A01"}, call: telephony.Waiting{Call: "next"}, from: &passing{stored: make(chan error, 1)},
	}
	require.False(t, c.hand(m))
	require.Empty(t, d.flying, "who ends tells of the seat when its end is stored, and it can be rung")
	require.True(t, d.line.Anyone(), "the caller keeps the place")
	require.False(t, m.from.claim.CompareAndSwap(false, true))
	require.Len(t, busy.box.take(), 1)
}

// What comes to a call that is over is given back once: by who ends, if that has not waited, and else here, who then stores alone.
func TestPassingToACallThatIsOver(t *testing.T) {
	t.Parallel()
	c := New(Config{})
	m := match{from: &passing{stored: make(chan error, 1)}}
	c.withdraw(t.Context(), m)
	require.ErrorIs(t, <-m.from.stored, errNotBoth)
	c.withdraw(t.Context(), m)
	require.Empty(t, m.from.stored)
}

// An adopted call that ends before it was looked at can not plan, since nothing of it is seen: its legs are the next comparison's,
// and that is asked for at once.
func TestAdoptedCallThatEndsUnseenIsCompared(t *testing.T) {
	t.Parallel()
	c := New(Config{})
	a := c.newActor()
	a.call = telephony.Call{ID: "adopted", Channel: "1.1", Phase: telephony.PhaseServing}
	a.plan(t.Context())
	require.Empty(t, c.mend, "a view is on its way")
	a.call.Phase = telephony.PhaseEnded
	a.plan(t.Context())
	require.Len(t, c.mend, 1)
}

type noLease struct{}

func (noLease) Epoch() (int64, bool) { return 0, false }

// What comes when who ends has stored that alone is neither offered nor given back again: the seat may ring for somebody else by now.
func TestPassingThatCameTooLateIsLeftAlone(t *testing.T) {
	t.Parallel()
	c := New(Config{})
	d := newDesk(c, telephony.LineInfo{ID: "line"})
	c.desks.lines["line"] = d
	d.flying["A01"] = "offer"
	a := c.newActor()
	m := match{line: "line", offer: "offer", seat: telephony.LineSeat{Seat: "A01"}, from: &passing{stored: make(chan error, 1)}}
	m.from.claim.Store(true)
	a.takeOffer(t.Context(), m)
	require.Len(t, d.flying, 1)
	require.Nil(t, a.takes)
}

// R4: when the lease lapses at a passing, who ends does not wait for it to come back: they have people to let go of.
func TestPassingWithoutLeaseIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	c := New(Config{Lease: noLease{}})
	a := c.newActor()
	p := &passing{stored: make(chan error, 1)}
	a.takes = &match{from: p}
	require.ErrorIs(t, a.trySave(t.Context(), telephony.Change{}), telephony.ErrNoDecision)
	require.Len(t, p.stored, 1)
	require.ErrorIs(t, a.trySave(t.Context(), telephony.Change{}), telephony.ErrNoDecision)
	require.Len(t, p.stored, 1, "what begins is stored alone, later")
}

// F10: a look that began before a pair failed and came back after it says nothing about the queue as it is now.
func TestLookThatBeganBeforeTheFailureCountsForNothing(t *testing.T) {
	t.Parallel()
	var q sharedQueue
	began := time.Date(2031, 5, 8, 0, 30, 0, 0, time.UTC)
	require.True(t, q.answered(nil, began))
	require.True(t, q.failed(began.Add(time.Second)))
	require.False(t, q.answered(nil, began.Add(900*time.Millisecond)))
	require.False(t, q.worthAsking())
	require.True(t, q.answered(nil, began.Add(2*time.Second)))
	require.True(t, q.worthAsking())
}

// An id that the exchange gave is one of a single run of it: in the next one it is somebody else's, who need not wait for the end of
// the earlier call to be noticed.
func TestSameLegInTheNextRun(t *testing.T) {
	t.Parallel()
	b := newBench()
	old, next := b.newActor(), b.newActor()
	require.True(t, b.calls.claim("first", "1.1", old))
	require.False(t, b.calls.claim("first", "1.1", next))
	require.True(t, b.calls.claim("second", "1.1", next))
	b.sync.heard("second")
	require.Same(t, next, b.ofLeg("1.1"))
	b.calls.update(old, telephony.Call{ID: "old", Channel: "1.1", Entity: "first", Parts: []telephony.Participant{{Leg: "ours"}}})
	require.Same(t, next, b.ofLeg("1.1"))
	require.Same(t, old, b.calls.byLeg("first", "1.1"))
	b.calls.drop(old)
	require.Same(t, next, b.ofLeg("1.1"))
}

// I5: a decision is stamped when it is its turn. One that was stamped while another was being made would look like the earlier one.
func TestDecisionsAreStampedInTheirOrder(t *testing.T) {
	t.Parallel()
	b := newBench()
	d := newDesk(b.Controller, telephony.LineInfo{ID: "line"})
	b.desks.lines["line"], b.desks.home["A01"] = d, "line"
	b.sync.heard("run")
	connection, _ := b.sync.begin()
	b.sync.compared(connection)
	require.True(t, b.mayDecide())
	early := 0
	now := b.cfg.Now
	b.cfg.Now = func() time.Time {
		if d.mu.TryLock() {
			early++
			d.mu.Unlock()
		}
		return now()
	}
	_, _ = d.next(t.Context(), time.Time{})
	require.Zero(t, early)
	_, _ = d.pass(t.Context(), "A01")
	require.Zero(t, early)
	_, _ = b.desks.meet(t.Context(), telephony.Change{After: telephony.Call{ID: "c", Line: "line", Phase: telephony.PhaseWaiting}})
	require.Zero(t, early)
}
