package control_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/control"
)

// oneStep says that two facts were told in one transaction.
func (h *hall) oneStep(ended string, endedKind string, next telephony.CallID) bool {
	h.t.Helper()
	return h.count(`SELECT count(*) FROM fact a JOIN fact b ON b.xid = a.xid
		WHERE a.subject = $1 AND a.kind = $2 AND b.subject = $3 AND b.kind = 'call.offered'`, ended, endedKind, string(next)) == 1
}

// patient lets who ends wait for the next call's actor however busy the machine is.
func patient(c *control.Config) { c.PassingLimit = patience }

// backlog has a seat in conversation and one more who waits.
func backlog(t *testing.T, wrapUp int) (*hall, *shift, telephony.CallID, telephony.LegID, telephony.CallID) {
	t.Helper()
	h := newHall(t, []agent.SeatID{"A01"})
	h.exec(pgtest.SetLines("wrapup", strconv.Itoa(wrapUp)))
	s := h.start(patient)
	h.sit("A01")
	first, _ := h.call("13812345678")
	leg, _ := h.talk(first)
	next, _ := h.call("13812345679")
	h.known(next)
	return h, s, first, leg, next
}

// known waits until the controller on duty has a stored call in its line, as the queue has heard by then.
func (h *hall) known(call telephony.CallID) {
	h.t.Helper()
	h.becomes(call, telephony.WordQueued)
	h.until("the line knows of it", func() bool {
		all, _, err := h.queue.List(h.t.Context(), hallLine)
		require.NoError(h.t, err)
		return slices.ContainsFunc(all, func(w telephony.Waiting) bool { return w.Call == call })
	})
}

// wrapsUp waits until the controller on duty knows that the first call's end is stored, and counts the time of the wrap-up.
func (h *hall) wrapsUp(s *shift) {
	h.t.Helper()
	h.until("wrap-up", func() bool { return s.watch.ended.Load() > 0 })
	require.Equal(h.t, agent.WorkWrapUp, h.seat("A01").Work)
}

// RH2: what ends at a seat and what begins there are one step of the ledger, when the official hangs up and no wrap-up follows.
func TestEndAndNextOfferAreOneStep(t *testing.T) {
	t.Parallel()
	h, s, first, leg, next := backlog(t, 0)
	h.fake.HangUp(leg)
	h.talk(next)
	require.True(t, h.oneStep(string(first), "call.ended", next))
	require.Equal(t, 1, s.power.count("save_both:"+string(next)))
	h.fake.HangUp(h.read(next).Channel)
	h.tidy()
}

// RH2: the telephone of the seat is hung up before it rings again, though both are stored together.
func TestSeatIsHungUpBeforeItRingsAgain(t *testing.T) {
	t.Parallel()
	h, s, first, leg, next := backlog(t, 0)
	done := make(chan string, 8)
	s.power.hook(nil, func(act string, arg any) {
		if act == "ring" || act == "hangup" && arg == leg {
			done <- act
		}
	})
	h.fake.HangUp(h.read(first).Channel)
	h.talk(next)
	require.True(t, h.oneStep(string(first), "call.ended", next))
	require.Equal(t, "hangup", <-done)
	require.Equal(t, "ring", <-done)
	h.fake.HangUp(h.read(next).Channel)
	h.tidy()
}

// RH2: to ask for the next caller ends the wrap-up and offers in one step.
func TestNextPleaseIsOneStep(t *testing.T) {
	t.Parallel()
	h, s, first, leg, next := backlog(t, 3600)
	h.fake.HangUp(leg)
	h.becomes(first, telephony.WordEnded)
	h.wrapsUp(s)
	require.NoError(t, s.FinishWrapUp(t.Context(), "A01", first, h.who["A01"].Actor()))
	require.Equal(t, telephony.WordOffered, h.read(next).Word(), "when the answer comes, the offer stands")
	require.Equal(t, 1, h.count(`SELECT count(*) FROM fact a JOIN fact b ON b.xid = a.xid WHERE a.subject = 'A01' AND a.kind = 'seat.work'
		AND a.actor = $1 AND b.subject = $2 AND b.kind = 'call.offered'`, h.who["A01"].Actor(), string(next)))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM segment WHERE call = $1 AND wrapup_ended_at IS NOT NULL`, string(first)))
	h.talk(next)
	h.fake.HangUp(h.read(next).Channel)
	h.until("wrap-up again", func() bool { return h.seat("A01").Work == agent.WorkWrapUp })
	h.tidy()
}

// RH2: who comes while a seat is idle enters the line and is offered in one step.
func TestArrivalMeetsIdleSeat(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	h.exec(pgtest.SetLines("notice", ""))
	h.start()
	h.sit("A01")
	call, _ := h.call("13812345678")
	h.talk(call)
	require.True(t, h.oneStep(string(call), "call.admitted", call))
	h.fake.HangUp(h.read(call).Channel)
	h.becomes(call, telephony.WordEnded)
	h.tidy()
}

// RH2: when the ledger refuses the pair, because the person there wants something else since, the end is stored alone and the
// caller keeps the place.
func TestRefusedPassingEndsAlone(t *testing.T) {
	t.Parallel()
	h, s, first, leg, next := backlog(t, 0)
	var rest sync.Once
	s.ledger.onSave(func(ch telephony.Change) error {
		if ch.After.ID == next && len(ch.Opened) > 0 { // in this very moment
			rest.Do(func() { h.exec(`UPDATE seat_state SET intent = 'rest', version = version + 1 WHERE seat = 'A01'`) })
		}
		return nil
	})
	h.fake.HangUp(leg)
	h.becomes(first, telephony.WordEnded)
	h.until("idle", func() bool { return h.seat("A01").Work == agent.WorkIdle })
	require.Equal(t, telephony.WordQueued, h.read(next).Word())
	require.Zero(t, h.count(`SELECT count(*) FROM offer WHERE call = $1`, string(next)))
	s.ledger.onSave(nil)
	h.exec(`UPDATE seat_state SET intent = 'ready', version = version + 1 WHERE seat = 'A01'`)
	h.talk(next)
	h.fake.HangUp(h.read(next).Channel)
	h.tidy()
}

// RH2, R6: the answer to the common step is lost. Whoever ends finds out that it is stored, and so does who begins.
func TestLostAnswerOfPassing(t *testing.T) {
	t.Parallel()
	h, s, first, leg, next := backlog(t, 0)
	lost := errDead
	s.ledger.answer(func(changes []telephony.Change, err error) error {
		if len(changes) > 1 && lost != nil {
			err, lost = lost, nil
		}
		return err
	})
	h.fake.HangUp(leg)
	h.becomes(first, telephony.WordEnded)
	h.talk(next)
	require.True(t, h.oneStep(string(first), "call.ended", next))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM offer WHERE call = $1`, string(next)))
	h.fake.HangUp(h.read(next).Channel)
	h.tidy()
}

// RH2: so it is when a person asks for the next caller; and the clock of the wrap-up that was ended does not run on.
func TestLostAnswerOfNextPlease(t *testing.T) {
	t.Parallel()
	h, s, first, leg, next := backlog(t, 2)
	h.fake.HangUp(leg)
	h.becomes(first, telephony.WordEnded)
	h.wrapsUp(s)
	over := h.seat("A01").Until
	lost := errDead
	s.ledger.answer(func(changes []telephony.Change, err error) error {
		if len(changes) > 1 && lost != nil {
			err, lost = lost, nil
		}
		return err
	})
	require.NoError(t, s.FinishWrapUp(t.Context(), "A01", first, h.who["A01"].Actor()))
	h.talk(next)
	alone := s.power.count("end_wrapup")
	h.until("the wrap-up would be over", func() bool { return time.Now().After(over.Add(100 * time.Millisecond)) })
	require.Equal(t, alone, s.power.count("end_wrapup"))
	h.fake.HangUp(h.read(next).Channel)
	h.tidy()
}

// RT2: a panic at the meeting of a caller and an idle seat costs that call; the seat serves the next.
func TestPanicAtAMeeting(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	h.exec(pgtest.SetLines("notice", ""))
	s := h.start()
	h.sit("A01")
	fault := true
	s.ledger.onSave(func(ch telephony.Change) error {
		if len(ch.Opened) > 0 && fault {
			fault = false
			panic(errDead)
		}
		return nil
	})
	call, _ := h.call("13812345678")
	h.becomes(call, telephony.WordEnded)
	next, _ := h.call("13812345679")
	h.talk(next)
	h.fake.HangUp(h.read(next).Channel)
	h.becomes(next, telephony.WordEnded)
	h.tidy()
}

// A person's request ends before the queue has heard of the pair: that is no fault of the queue's.
func TestQueueHearsOfAPairAfterTheRequest(t *testing.T) {
	t.Parallel()
	h, s, first, leg, next := backlog(t, 3600)
	h.fake.HangUp(leg)
	h.becomes(first, telephony.WordEnded)
	h.wrapsUp(s)
	request, done := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	s.queue.onPair(func(ctx context.Context) {
		<-request.Done()
		failed <- ctx.Err()
	})
	require.NoError(t, s.FinishWrapUp(request, "A01", first, h.who["A01"].Actor()))
	done()
	require.NotErrorIs(t, <-failed, context.Canceled)
	h.talk(next)
	h.fake.HangUp(h.read(next).Channel)
	h.until("wrap-up again", func() bool { return h.seat("A01").Work == agent.WorkWrapUp })
	h.tidy()
}
