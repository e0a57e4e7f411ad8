package control_test

import (
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/aritest"
)

// RT15: whatever happens to the answer's reply, the citizen is answered in the end, once, and served.
func TestAnswerGoesWrong(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]aritest.Fault{
		"lost":       {Op: aritest.OpAnswer, Times: 1, Eat: true},
		"never done": {Op: aritest.OpAnswer, Times: 1, Cut: true},
		"hangs":      {Op: aritest.OpAnswer, Times: 1, Hang: true},
		"slow":       {Op: aritest.OpAnswer, Times: 1, Delay: 3 * time.Second},
		"500":        {Op: aritest.OpAnswer, Times: 1, Status: 500, Message: "no"},
		"500 thrice": {Op: aritest.OpAnswer, Times: 3, Status: 500, Message: "no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHall(t, []agent.SeatID{"A01"})
			s := h.start()
			h.fake.Fault(f)
			call, citizen := h.call("13812345678")
			h.until("the citizen is answered", func() bool {
				l, there := h.fake.Leg(citizen)
				require.True(t, there, "never hung up")
				return l.State == "Up"
			})
			h.until("music", func() bool { l, _ := h.fake.Leg(citizen); return l.Music })
			h.compared(s)
			require.LessOrEqual(t, len(h.fake.Requests(aritest.OpAnswer)), max(f.Times, 1)+1)
			l, _ := h.fake.Leg(citizen)
			require.True(t, l.Music, "answering again would have stopped it")
			h.sit("A01")
			h.talk(call)
			require.Empty(t, h.fake.Returned())
			h.tidy()
		})
	}
}

// RT15: an arrival that can never be recorded goes back to the dialplan's net; a call that is up already is let go of there.
func TestArrivalThatCanNotBeStored(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	s.power.hook(func(act string, _ any) error {
		if act == "arrive" {
			return telephony.ErrUnstorable
		}
		return nil
	}, nil)
	leg := h.fake.Call("13812345678", number)
	h.until("it goes back", func() bool { return len(h.fake.Returned()) == 1 })
	require.Equal(t, []telephony.LegID{leg}, h.fake.Returned())
	require.EqualValues(t, 1, s.watch.alarms.Load())
	s.power.hook(nil, nil)
	call, _ := h.call("13812345679")
	h.talk(call)
	h.tidy()
}

// A call that nobody takes hears why; one that ends unheard is not refused either.
func TestUnknownNumberAndClosedLine(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	h.start()
	leg := h.fake.Call("13812345678", "99999")
	h.heard(leg, "unknown-number")
	h.exec(`UPDATE session SET closes_at = clock_timestamp() - interval '1 minute'`)
	h.compared(h.onDuty())
	late := h.fake.Call("13812345679", number)
	h.heard(late, "closed")
	h.until("both have ended", func() bool { return h.count(`SELECT count(*) FROM call WHERE phase = 'ended'`) == 2 })
	require.Equal(t, 1, h.count(`SELECT count(*) FROM call WHERE outcome = 'out_of_scope'`))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM call WHERE outcome = 'closed_before_turn'`))
	h.tidy()
}

// heard waits for an announcement to a leg and lets it end, after whatever plays before it: the exchange plays one after the other.
func (h *hall) heard(leg telephony.LegID, what string) {
	h.t.Helper()
	var playback string
	h.until("the words "+what, func() bool {
		for _, r := range h.fake.Requests(aritest.OpPlay) {
			if strings.Contains(r.Path, string(leg)) && strings.Contains(r.Body, what) {
				playback = path.Base(r.Path)
				return true
			}
		}
		return false
	})
	h.until("it plays", func() bool { l, _ := h.fake.Leg(leg); return slices.Contains(l.Playing, playback) })
	l, _ := h.fake.Leg(leg)
	for _, p := range l.Playing[:slices.Index(l.Playing, playback)+1] {
		h.fake.EndPlayback(p)
	}
}

// A row that is late by a moment has the caller hear that they have come through, and then the notice as ever.
func TestNoticeAfterWords(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	h.exec(pgtest.SetLines("notice", "hotline/recording-notice"))
	h.start()
	h.sit("A01")
	slow, err := pgtest.Super(t, h.pool).Begin(t.Context())
	require.NoError(t, err)
	_, err = slow.Exec(t.Context(), `LOCK TABLE call IN EXCLUSIVE MODE`)
	require.NoError(t, err)
	leg := h.fake.Call("13812345678", number)
	h.until("words", func() bool { l, _ := h.fake.Leg(leg); return len(l.Playing) > 0 })
	require.NoError(t, slow.Rollback(t.Context()))
	call := h.callIn(leg, h.fake.Entity())
	h.heard(leg, "recording-notice")
	h.talk(call)
	h.tidy()
}

// The notice is heard with music around it, then the caller is in the line. One whose end is never reported is over in time.
func TestNotice(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	h.exec(pgtest.SetLines("notice", "hotline/recording-notice"))
	h.start()
	h.sit("A01")
	call, citizen := h.call("13812345678")
	h.becomes(call, telephony.WordScreening)
	h.until("music from the first moment", func() bool { l, _ := h.fake.Leg(citizen); return l.Music })
	require.Empty(t, h.fake.Requests(aritest.OpOriginate))
	h.heard(citizen, "recording-notice")
	leg, _ := h.talk(call)
	l, _ := h.fake.Leg(leg)
	require.Contains(t, l.Caller, "138****5678")
	h.tidy()
}
