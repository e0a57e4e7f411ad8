package control_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/aritest"
)

// An offer that the ledger takes only when its time is over has missed nobody: no telephone rings for it, the official has
// no miss, and the caller is offered again at once.
func TestOfferStoredTooLate(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	h.exec(pgtest.SetLines("ring", "5"))
	s := h.start()
	h.sit("A01")
	var late atomic.Bool
	s.ledger.onSave(func(ch telephony.Change) error {
		if len(ch.Opened) > 0 && !late.Swap(true) {
			s.Reconcile()                                                               // and what it sees comes before the deadline
			<-time.After(time.Until(ch.Opened[0].ExpiresAt.Add(10 * time.Millisecond))) // the ledger is away so long
		}
		return nil
	})
	call, citizen := h.call("13812345678")
	h.until("the offer is closed", func() bool { return h.count(`SELECT count(*) FROM offer WHERE state <> 'open'`) == 1 })
	h.talk(call)
	require.Equal(t, "rescinded", h.text(`SELECT state FROM offer WHERE call = $1 AND state <> 'accepted'`, call))
	require.Len(t, h.fake.Requests(aritest.OpOriginate), 1)
	require.Zero(t, h.count(`SELECT count(*) FROM fact WHERE kind = 'seat.unanswered'`))
	h.fake.HangUp(citizen)
	h.becomes(call, telephony.WordEnded)
	h.tidy()
}

// I13: what changes at a seat while the queue makes its pair does not put the seat back among the idle ones there.
func TestSeatChangesWhileItsPairIsMade(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	h.tidy() // the queue knows the seat
	st := h.seat("A01")
	st.Version++
	change := func() { s.SeatChanged(st) }
	s.queue.paired.Store(&change)
	call, _ := h.call("13812345678")
	h.talk(call)
	require.Nil(t, s.queue.paired.Load(), "the queue was asked")
	h.tidy()
}
