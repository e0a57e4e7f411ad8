package control_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

// RT2: what the ledger will never take is refused to the person who asked for it; call and seat go on.
func TestReasonThatCanNotBeStored(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	call, _ := h.call("13812345678")
	leg, _ := h.rings(call)
	o := h.read(call).Offers[0]
	require.ErrorIs(t, s.Decline(t.Context(), o.ID, h.who["A01"].Actor(), "\x00"), telephony.ErrUnstorable)
	require.Zero(t, s.watch.alarms.Load(), "it is the person's mistake")
	h.fake.AnswerSeat(leg)
	h.becomes(call, telephony.WordTalking)
	h.tidy()
}

// unstorable lets the ledger refuse a call's next writes for ever, as many as there are.
func unstorable(call telephony.CallID, writes int, how func() error) func(telephony.Change) error {
	return func(ch telephony.Change) error {
		if ch.After.ID == call && writes > 0 {
			writes--
			return how()
		}
		return nil
	}
}

// RT2, F34: a call that nothing more can be stored of, and one in whose step we panic, ends as system_failure, with an alarm,
// even by a minimal row; the seat is free and the others go on.
func TestCallThatCanNotGoOn(t *testing.T) {
	t.Parallel()
	refused := func() error { return telephony.ErrUnstorable }
	for name, x := range map[string]struct {
		writes int
		how    func() error
	}{
		"one step":         {1, refused},
		"not even its end": {2, refused},
		"panic":            {1, func() error { panic("a fault of ours") }},
		"panic twice":      {2, func() error { panic("a fault of ours") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHall(t, []agent.SeatID{"A01", "A02"})
			s := h.start()
			h.sit("A01", "A02")
			other, _ := h.call("13812345670")
			h.talk(other)
			call, citizen := h.call("13812345678")
			leg, seat := h.rings(call)
			s.ledger.onSave(unstorable(call, x.writes, x.how))
			h.fake.AnswerSeat(leg)
			ended := h.becomes(call, telephony.WordEnded)
			require.Equal(t, telephony.OutcomeSystemFailure, ended.Outcome)
			require.EqualValues(t, 1, s.watch.alarms.Load())
			h.until("nothing is left of it", func() bool {
				_, one := h.fake.Leg(citizen)
				_, two := h.fake.Leg(leg)
				return !one && !two
			})
			require.Equal(t, agent.WorkIdle, h.seat(seat).Work)
			if x.writes == 1 { // of the least that can be stored a task is no part
				require.Equal(t, 1, h.count(`SELECT count(*) FROM callback WHERE call = $1`, call))
			}
			require.Equal(t, telephony.WordTalking, h.read(other).Word())
			next, _ := h.call("13812345679")
			_, at := h.talk(next)
			require.Equal(t, seat, at)
			h.tidy()
		})
	}
}

// RT2: a call that not even an end can be stored of is let go of; the rest goes on, and it is closed when the ledger takes it.
func TestCallThatCanNotEvenEnd(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	s := h.start()
	h.sit("A01", "A02")
	call, _ := h.call("13812345678")
	leg, _ := h.rings(call)
	s.ledger.onSave(unstorable(call, 1<<30, func() error { return telephony.ErrUnstorable }))
	h.fake.AnswerSeat(leg)
	h.until("alarms", func() bool { return s.watch.alarms.Load() >= 2 })
	next, _ := h.call("13812345679")
	h.talk(next)
	s.ledger.onSave(nil)
	s.Reconcile()
	require.Equal(t, telephony.OutcomeSystemFailure, h.becomes(call, telephony.WordEnded).Outcome)
	h.tidy()
}

// RT2: a panic in what follows a stored step costs that call only.
func TestPanicBehindTheCommit(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	call, _ := h.call("13812345678")
	leg, _ := h.rings(call)
	s.watch.onClosed(func(telephony.OfferState) {
		s.watch.onClosed(nil)
		panic(errors.New("a fault of ours"))
	})
	h.fake.AnswerSeat(leg)
	h.becomes(call, telephony.WordEnded)
	require.EqualValues(t, 1, s.watch.alarms.Load())
	next, _ := h.call("13812345679")
	h.talk(next)
	h.tidy()
}
