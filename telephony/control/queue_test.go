package control_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	agentstore "hotline/agent/store"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
)

// forget removes everything that the queue holds, as FLUSHALL does.
func (h *hall) forget() {
	h.t.Helper()
	keys := h.rdb.Scan(h.t.Context(), 0, h.prefix+"*", 1000).Iterator()
	for keys.Next(h.t.Context()) {
		require.NoError(h.t, h.rdb.Del(h.t.Context(), keys.Val()).Err())
	}
	require.NoError(h.t, keys.Err())
}

// F9: the queue loses everything while thirty wait, again and again, and somebody joins the empty one; order and places are kept,
// nobody is offered twice, and it is filled again.
func TestQueueLost(t *testing.T) {
	t.Parallel()
	h := newHall(t, seats(2))
	h.start()
	h.wait(30)
	h.forget()
	late, _ := h.call("13812349999")
	h.becomes(late, telephony.WordQueued)
	h.sit(seats(2)...)
	for served := 0; served < 31; {
		if n := h.count(`SELECT count(*) FROM call WHERE phase = 'ended'`); n/5 != served/5 {
			h.forget()
		}
		h.serveSome()
		served = h.count(`SELECT count(*) FROM call WHERE phase = 'ended'`)
	}
	h.inOrder(31)
	require.Equal(t, 31, h.count(`SELECT count(*) FROM offer`))
	h.tidy()
}

// F10: the queue is away, or hangs; offers go on in order, and it is filled when it is back.
func TestQueueAway(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"away", "hangs", "away at start"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			h := newHall(t, seats(3))
			s := h.start()
			h.wait(12)
			if how == "away at start" {
				require.NoError(t, s.stop())
				s = h.start(brokenQueue)
			}
			s.queue.broken.Store(how != "hangs")
			s.queue.hangs.Store(how == "hangs")
			h.sit(seats(3)...)
			for i := range 8 {
				call, _ := h.call(fmt.Sprintf("1381236%04d", i))
				require.Positive(t, h.read(call).Seq)
			}
			h.serve()
			h.inOrder(20)
			last, _ := h.call("13812379999")
			leg, _ := h.rings(last)
			filled := s.watch.rebuilt.Load()
			s.queue.broken.Store(false)
			s.queue.hangs.Store(false)
			h.until("it is filled again", func() bool { return s.watch.rebuilt.Load() > filled })
			h.fake.AnswerSeat(leg)
			h.becomes(last, telephony.WordTalking)
			h.tidy()
		})
	}
}

// F10: a queue that hangs costs one pair of a line its limit, not each pair; it is asked again beside the path, and on it only
// when it has answered there.
func TestHungQueueIsAskedOnce(t *testing.T) {
	t.Parallel()
	const other, otherNumber = agent.LineID("other"), "12346"
	h := newHall(t, seats(1))
	require.NoError(t, h.people.PutLine(t.Context(), agentstore.Line{ID: other, Name: "另一条热线", Number: otherNumber}))
	h.addSeat("B01", other, agent.SeatOfficial)
	h.exec(pgtest.SetLines("notice", "", "wrapup", "0"))
	s := h.start()
	h.wait(4)
	for i := range 4 {
		h.fake.Call(fmt.Sprintf("1381237%04d", i), otherNumber)
	}
	h.until("all wait", func() bool { return h.count(`SELECT count(*) FROM call WHERE phase = 'waiting'`) == 8 })
	h.tidy()

	before := s.queue.pairs.Load()
	s.queue.hangs.Store(true)
	h.sit("A01")
	h.until("one is offered", func() bool { return h.count(`SELECT count(*) FROM offer`) == 1 })
	h.sit("B01")
	h.serve()
	require.Equal(t, 8, h.count(`SELECT count(*) FROM offer`))
	during := s.queue.pairs.Load()
	require.LessOrEqual(t, during-before, int64(2), "asked on the path while it hung: by each line once, if both at the same time")
	h.until("it is known to be away", func() bool { since, err := s.QueueAway(); return !since.IsZero() && err != nil })

	s.queue.hangs.Store(false)
	h.until("it is known to be back", func() bool { since, _ := s.QueueAway(); return since.IsZero() })
	h.tidy()
	for i := 0; s.queue.pairs.Load() == during; i++ { // a pair that is made while news are being told does not wait for its turn
		require.Less(t, i, 20, "it is not asked on the path again")
		h.call(fmt.Sprintf("1381238%04d", i))
		h.serve()
	}
	h.tidy()
}
