package control_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/aritest"
)

const rounds = 25

// seats are A01 to An.
func seats(n int) []agent.SeatID {
	all := make([]agent.SeatID, n)
	for i := range all {
		all[i] = agent.SeatID(fmt.Sprintf("A%02d", i+1))
	}
	return all
}

// wait lets so many citizens call in, one after the other, and wait in the line with music.
func (h *hall) wait(n int) ([]telephony.CallID, []telephony.LegID) {
	h.t.Helper()
	calls, legs := make([]telephony.CallID, n), make([]telephony.LegID, n)
	for i := range n {
		calls[i], legs[i] = h.call(fmt.Sprintf("1381234%04d", i))
		h.becomes(calls[i], telephony.WordQueued)
	}
	for i := range n {
		h.until("music", func() bool { l, _ := h.fake.Leg(legs[i]); return l.Music })
	}
	return calls, legs
}

// RT1: the reply to Join comes 2.9 s late, beyond the time in which the parties must come together; they are together.
func TestLateReplyOfJoin(t *testing.T) {
	t.Parallel()
	h := newHall(t, seats(rounds))
	s := h.start()
	calls, citizens := h.wait(rounds)
	h.fake.Fault(aritest.Fault{Op: aritest.OpAdd, Delay: 2900 * time.Millisecond})
	h.sit(seats(rounds)...)
	legs := make([]telephony.LegID, rounds)
	for i, call := range calls {
		legs[i], _ = h.talk(call)
	}
	h.until("the replies", func() bool { return s.power.over("join") >= rounds })
	for i, call := range calls {
		require.Equal(t, telephony.WordTalking, h.read(call).Word(), "round %d is torn", i)
		require.Equal(t, telephony.TalkBridge(call), h.in(citizens[i]))
		require.Equal(t, telephony.TalkBridge(call), h.in(legs[i]))
	}
	require.Len(t, h.fake.Requests(aritest.OpOriginate), rounds, "nobody was rung again")
	h.fake.Heal()
	h.tidy()
}

// RT1: a punctual answer waits behind a slow commit until the ring is over by the clock; what was said goes first.
func TestPunctualAnswerBehindASlowCommit(t *testing.T) {
	t.Parallel()
	h := newHall(t, seats(rounds))
	h.exec(pgtest.SetLines("ring", "5"))
	s := h.start()
	h.sit(seats(rounds)...)
	calls := make([]telephony.CallID, rounds)
	for i := range calls {
		calls[i], _ = h.call(fmt.Sprintf("1381234%04d", i))
	}
	answered, asked := make([]chan struct{}, rounds), make([]chan struct{}, rounds)
	place := make(map[telephony.CallID]int)
	for i, call := range calls {
		answered[i], asked[i], place[call] = make(chan struct{}), make(chan struct{}), i
	}
	s.ledger.onSave(func(ch telephony.Change) error { // a refusal that takes its time to be refused
		if len(ch.Closed) == 0 || ch.Closed[0].State != telephony.OfferDeclined {
			return nil
		}
		close(asked[place[ch.After.ID]])
		<-answered[place[ch.After.ID]]
		<-time.After(time.Until(ch.Closed[0].ExpiresAt) + 100*time.Millisecond)
		return telephony.ErrUnstorable
	})
	var declined sync.WaitGroup
	for i, call := range calls {
		leg, seat := h.rings(call)
		offer := h.read(call).Offers[0]
		declined.Go(func() {
			if err := s.Decline(t.Context(), offer.ID, h.who[seat].Actor(), "later"); !errors.Is(err, telephony.ErrUnstorable) {
				t.Errorf("declined: %v", err)
			}
		})
		<-asked[i]
		h.fake.AnswerSeat(leg)
		close(answered[i])
	}
	declined.Wait()
	for i, call := range calls {
		h.becomes(call, telephony.WordTalking)
		require.Zero(t, h.count(`SELECT count(*) FROM offer WHERE call = $1 AND state <> 'accepted'`, call), "round %d is torn", i)
	}
	h.tidy()
}
