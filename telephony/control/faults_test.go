package control_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/aritest"
)

// F18: whatever the exchange does to the replies of one kind of request, every offer has one channel, the citizen is served and
// nothing stays behind.
func TestRepliesGoWrong(t *testing.T) {
	t.Parallel()
	faults := map[string]aritest.Fault{
		"lost": {Eat: true, Times: 1}, "500": {Status: 500, Message: "no", Times: 1}, "slow": {Delay: 2900 * time.Millisecond, Times: 1},
	}
	ops := []aritest.Op{
		aritest.OpSubscribe, aritest.OpOriginate, aritest.OpCreateBridge, aritest.OpAdd, aritest.OpHangup, aritest.OpDeleteBridge, aritest.OpMute,
	}
	for _, op := range ops {
		for name, f := range faults {
			f.Op = op
			t.Run(string(op)+" "+name, func(t *testing.T) {
				t.Parallel()
				h := newHall(t, []agent.SeatID{"A01"})
				s := h.start()
				h.sit("A01")
				h.fake.Fault(f)
				call, citizen := h.call("13812345678")
				st := &story{h: h, s: s}
				leg := st.talks(call)
				require.NoError(t, s.Mute(t.Context(), call, telephony.Muted{Seat: "A01", On: true}, "person:1"))
				h.until("muted", func() bool { l, _ := h.fake.Leg(leg); return l.Muted })
				require.Equal(t, telephony.TalkBridge(call), h.in(citizen))
				require.NoError(t, s.Hangup(t.Context(), call, telephony.HungUp{Seat: "A01"}, "person:1"))
				h.becomes(call, telephony.WordEnded)
				h.until("nothing is left", func() bool {
					_, bridge := h.fake.Bridge(telephony.TalkBridge(call))
					return len(h.fake.Legs()) == 0 && !bridge
				})
				rung := map[string]int{}
				for _, r := range h.fake.Requests(aritest.OpOriginate) {
					if r.Status == 200 {
						rung[r.Path]++
					}
				}
				for path, n := range rung {
					require.Equal(t, 1, n, "one channel per offer: %s", path)
				}
				require.Equal(t, 1, h.count(`SELECT count(*) FROM offer WHERE state = 'accepted'`))
				h.tidy()
			})
		}
	}
}

// A slow exchange for one call delays no other.
func TestSlowExchangeForOneCallDelaysNoOther(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	h.start()
	h.sit("A01", "A02")
	h.fake.Fault(aritest.Fault{Op: aritest.OpOriginate, Times: 1, Hang: true})
	slow, _ := h.call("13812345670")
	h.rings(slow)
	began := time.Now()
	call, _ := h.call("13812345671")
	h.talk(call)
	require.Less(t, time.Since(began), 2*time.Second)
	h.fake.Heal()
	h.serve()
	h.inOrder(2)
	h.tidy()
}

// F19: every event comes twice; nothing is done twice.
func TestEveryEventTwice(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	h.fake.Alter(func(frame []byte) [][]byte { return [][]byte{frame, append(slices.Clone(frame), ' ')} })
	s := h.start()
	h.sit("A01", "A02")
	for i := range 10 {
		h.call("1381234567" + string(rune('0'+i)))
	}
	h.serve()
	h.inOrder(10)
	require.Len(t, h.fake.Requests(aritest.OpOriginate), 10)
	require.Len(t, h.fake.Requests(aritest.OpAnswer), 10)
	require.Zero(t, s.watch.alarms.Load())
	h.tidy()
}

// F19: events come late and in another order: of each leg the end comes first.
func TestEventsInAnotherOrder(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func([][]byte) [][]byte{
		"backwards": func(f [][]byte) [][]byte { slices.Reverse(f); return f },
		"bridges last": func(f [][]byte) [][]byte {
			slices.SortStableFunc(f, func(a, b []byte) int {
				return strings.Count(string(a), "EnteredBridge") - strings.Count(string(b), "EnteredBridge")
			})
			return f
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHall(t, []agent.SeatID{"A01", "A02"})
			h.start()
			h.sit("A01", "A02")
			call, _ := h.call("13812345678")
			leg, _ := h.rings(call)
			other, citizen := h.call("13812345679")
			h.talk(other)
			h.fake.Withhold()
			h.fake.AnswerSeat(leg)
			h.fake.HangUp(citizen)
			h.fake.Release(arrange)
			h.becomes(other, telephony.WordEnded)
			h.becomes(call, telephony.WordTalking)
			h.serve()
			require.Equal(t, 2, h.count(`SELECT count(*) FROM offer WHERE state = 'accepted'`))
			require.Len(t, h.fake.Requests(aritest.OpOriginate), 2)
			h.tidy()
		})
	}
}

// F16: the socket is lost; what happened meanwhile is found in the comparison.
func TestSocketLost(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	s := h.start()
	h.sit("A01", "A02")
	talks, _ := h.call("13812345670")
	h.talk(talks)
	first, _ := h.call("13812345671")
	leg, _ := h.rings(first)
	second, waiting := h.call("13812345672")
	h.becomes(second, telephony.WordQueued)
	_, stays := h.call("13812345673")
	h.until("music", func() bool { l, _ := h.fake.Leg(stays); return l.Music })
	h.fake.Withhold() // nothing of it will ever be told
	h.fake.AnswerSeat(leg)
	h.fake.HangUp(waiting)
	h.fake.Release(func([][]byte) [][]byte { return nil })
	h.fake.Drop()
	h.becomes(first, telephony.WordTalking)
	c := h.becomes(second, telephony.WordEnded)
	require.Equal(t, telephony.OutcomeSystemFailure, c.Outcome)
	require.Equal(t, "lost", c.Cause)
	require.Equal(t, telephony.WordTalking, h.read(talks).Word(), "the conversation did not notice")
	h.until("synced", s.Synced)
	l, _ := h.fake.Leg(stays)
	require.True(t, l.Music)
	h.serve()
	h.tidy()
}

// R3: who has been replaced stops and hangs nothing up.
func TestStopsWhenReplaced(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(h *hall){
		"in the ledger": func(h *hall) {
			h.exec(`UPDATE controller SET epoch = epoch + 1`)
			h.fake.Call("13812345679", number)
		},
		"in the exchange": func(h *hall) { h.start() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHall(t, []agent.SeatID{"A01"})
			s := h.start()
			h.sit("A01")
			call, citizen := h.call("13812345678")
			leg, _ := h.talk(call)
			hung := len(h.fake.Requests(aritest.OpHangup))
			replace(h)
			select {
			case err := <-s.ended:
				require.Error(t, err)
			case <-time.After(patience):
				require.FailNow(t, "it goes on")
			}
			require.Equal(t, telephony.TalkBridge(call), h.in(citizen))
			require.Equal(t, telephony.TalkBridge(call), h.in(leg))
			require.Len(t, h.fake.Requests(aritest.OpHangup), hung)
		})
	}
}

// A ring whose reply is lost has reached the telephone: who answers meanwhile is not sent away for it.
func TestAnsweredBeforeTheReplyOfTheRing(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	h.start()
	h.sit("A01", "A02")
	h.fake.Fault(aritest.Fault{Op: aritest.OpOriginate, Times: 1, Hang: true})
	call, _ := h.call("13812345670")
	h.talk(call)
	require.Len(t, h.fake.Requests(aritest.OpOriginate), 1)
	h.serve()
	h.tidy()
}
