package control_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/aritest"
)

// F33: the citizen hangs up in the moment in which the official answers. There is one outcome, and no seat is stuck.
func TestAnswerAndHangUpAtOnce(t *testing.T) {
	t.Parallel()
	const lanes, times = 10, 20
	h := newHall(t, seats(lanes))
	s := h.start()
	h.sit(seats(lanes)...)
	for range times {
		var race sync.WaitGroup
		start := make(chan struct{})
		calls := make([]telephony.CallID, lanes)
		for i := range lanes {
			call, citizen := h.call("")
			calls[i] = call
			leg, _ := h.rings(call)
			race.Go(func() { <-start; h.fake.AnswerSeat(leg) })
			race.Go(func() { <-start; h.fake.HangUp(citizen) })
		}
		close(start)
		race.Wait()
		for _, call := range calls {
			c := h.becomes(call, telephony.WordEnded)
			require.Contains(t, []telephony.Outcome{telephony.OutcomeAbandonedRinging, telephony.OutcomeAnsweredOfficial}, c.Outcome)
		}
		h.until("every seat is free", func() bool { return h.count(`SELECT count(*) FROM seat_work WHERE work <> 'idle'`) == 0 })
	}
	require.Zero(t, s.watch.alarms.Load())
	h.tidy()
}

// The parties do not come together: the offer comes to nothing, the citizen waits with music, and is served in the end.
func TestPartiesThatDoNotComeTogether(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	h.start()
	call, citizen := h.call("13812345678")
	h.until("music", func() bool { l, _ := h.fake.Leg(citizen); return l.Music })
	h.sit("A01")
	leg, _ := h.rings(call)
	h.fake.Fault(aritest.Fault{Op: aritest.OpAdd, Status: 500, Message: "no"})
	h.fake.AnswerSeat(leg)
	h.until("the offer is over", func() bool { return h.count(`SELECT count(*) FROM offer WHERE state = 'rescinded'`) == 1 })
	h.fake.Heal()
	h.until("music again", func() bool { l, _ := h.fake.Leg(citizen); return l.Music })
	h.talk(call)
	h.tidy()
}

// RT8: the exchange takes seconds for each answer, and a thousand wait; the first comparison completes and offers begin.
func TestSlowSnapshotWithAThousand(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	const n = 1000
	for i := 1; i <= n; i++ {
		require.NotEmpty(t, h.fake.Call(fmt.Sprintf("1381234%04d", i), number))
		if i%100 == 0 {
			h.until("all wait", func() bool { return h.count(`SELECT count(*) FROM call WHERE phase = 'waiting'`) == i })
		}
	}
	require.NoError(t, s.stop())
	for _, op := range []aritest.Op{aritest.OpApplication, aritest.OpChannels, aritest.OpBridges} {
		h.fake.Fault(aritest.Fault{Op: op, Delay: 2500 * time.Millisecond})
	}
	began, looks := time.Now(), len(h.fake.Requests(aritest.OpChannels))
	h.start()
	require.Len(t, h.fake.Requests(aritest.OpChannels), looks+1, "the first comparison is not begun anew")
	require.Greater(t, time.Since(began), 7*time.Second, "it was as slow as it should be")
	h.sit("A01")
	h.until("the first is offered", func() bool { return h.count(`SELECT count(*) FROM offer`) == 1 })
	require.Equal(t, 1, h.count(`SELECT count(*) FROM call c JOIN offer o ON o.call = c.id WHERE c.seq = (SELECT min(seq) FROM call)`))
}
