package control_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

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
