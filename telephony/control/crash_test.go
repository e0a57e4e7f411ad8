package control_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

// F2: the controller dies when an offer is committed, when the telephone was asked to ring, when the seat has answered. The
// caller ends with one accepted offer, and no telephone rings twice for it.
func TestKilledWhileASeatRings(t *testing.T) {
	t.Parallel()
	for _, point := range []string{"offer committed", "ring posted", "seat answered"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			h := newHall(t, []agent.SeatID{"A01", "A02"})
			s := h.start()
			s.power.hook(nil, func(act string, arg any) {
				stored, _ := arg.([]telephony.Change)
				offers := slices.ContainsFunc(stored, func(ch telephony.Change) bool { return len(ch.Opened) > 0 })
				if point == "offer committed" && offers || point == "ring posted" && act == "ring" {
					s.power.cut()
				}
			})
			h.sit("A01", "A02")
			call, _ := h.call("13812345678")
			var leg telephony.LegID
			if point == "seat answered" {
				leg, _ = h.rings(call)
				s.power.cut()
				h.fake.AnswerSeat(leg)
			}
			<-s.power.died
			require.NoError(t, s.stop())
			h.start()
			h.serve()
			h.inOrder(1)
			require.Equal(t, 1, h.count(`SELECT count(*) FROM offer`), "the same offer, rung once")
			h.tidy()
		})
	}
}

// F5: the controller dies before and after every single thing that it does to the world, in one run each; the next one brings
// every call to its end, and the seat serves the second caller.
func TestCrashSweep(t *testing.T) {
	t.Parallel()
	acts := crashAt(t, 0, false)
	points := 2 * len(acts)
	t.Logf("%d acts, %d crash points: %s", len(acts), points, strings.Join(acts, " "))
	require.Greater(t, len(acts), 30)
	for at := 1; at <= len(acts); at++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%02d %s %s", at, word(after, "after", "before"), acts[at-1]), func(t *testing.T) {
				t.Parallel()
				crashAt(t, at, after)
			})
		}
	}
}

// crashAt tells one story with a crash in it, and gives what was done.
func crashAt(t *testing.T, at int, after bool) []string {
	t.Helper()
	h := newHall(t, []agent.SeatID{"A01"})
	h.exec(`UPDATE line SET wrapup_seconds = 600, notice = 'hotline/recording-notice'`)
	s := h.start()
	h.sit("A01")
	if at > 0 {
		s.power.dies(len(s.power.did())+at, after)
	}
	began := len(s.power.did())
	st := &story{h: h, s: s}
	h.each = st.relief
	st.tell()
	acts := s.power.did()[began:]
	for i, act := range acts {
		acts[i], _, _ = strings.Cut(act, ":")
	}
	require.Equal(t, 2, h.count(`SELECT count(*) FROM call WHERE outcome = 'answered_official'`))
	require.Equal(t, 2, h.count(`SELECT count(*) FROM offer WHERE state = 'accepted' AND kind = 'line'`), "one accepted offer each")
	h.tidy()
	if at > 0 {
		select {
		case <-s.power.died:
		default:
			t.Log("the story was over before") // acts run side by side: a run may have one less
		}
	}
	return acts
}

// story lets two citizens call, be served, be held, and hang up, whoever is on duty.
type story struct {
	h *hall
	s *shift

	relieved bool
}

// relief brings the next controller when the one on duty has died.
func (st *story) relief() {
	select {
	case <-st.s.power.died:
		if !st.relieved {
			st.relieved = true
			require.NoError(st.h.t, st.s.stop())
			st.h.start()
		}
	default:
	}
}

func (st *story) tell() {
	h := st.h
	first, citizen := st.arrives("13812345670")
	leg := st.talks(first)
	st.click("hold", func(s *shift) error {
		return s.Hold(h.t.Context(), first, telephony.Held{Seat: "A01", On: true}, "person:1")
	})
	h.until("music", func() bool { l, _ := h.fake.Leg(citizen); return l.Music })
	st.click("resume", func(s *shift) error {
		return s.Hold(h.t.Context(), first, telephony.Held{Seat: "A01"}, "person:1")
	})
	h.until("they talk again", func() bool { return h.in(citizen) == telephony.TalkBridge(first) && h.in(leg) == h.in(citizen) })
	second, other := st.arrives("13812345671")
	st.click("hang up", func(s *shift) error {
		return s.Hangup(h.t.Context(), first, telephony.HungUp{Seat: "A01"}, "person:1")
	})
	h.until("the first has ended", func() bool { return h.read(first).Phase == telephony.PhaseEnded })
	st.wrapsUp()
	st.talks(second)
	h.fake.HangUp(other)
	h.until("the second has ended", func() bool { return h.read(second).Phase == telephony.PhaseEnded })
	st.wrapsUp()
}

// wrapsUp is the person's word that the notes are written.
func (st *story) wrapsUp() {
	h := st.h
	require.Equal(h.t, agent.WorkWrapUp, h.seat("A01").Work)
	st.click("the next caller", func(s *shift) error { return s.FinishWrapUp(h.t.Context(), "A01", "person:1") })
	require.NotEqual(h.t, agent.WorkWrapUp, h.seat("A01").Work)
}

// arrives lets a citizen call in, hear the notice and wait.
func (st *story) arrives(from string) (telephony.CallID, telephony.LegID) {
	h := st.h
	leg := h.fake.Call(from, number)
	var id telephony.CallID
	h.until("the caller waits", func() bool {
		l, there := h.fake.Leg(leg)
		require.True(h.t, there, "nobody hangs up on a citizen")
		for _, pb := range l.Playing {
			h.fake.EndPlayback(pb)
		}
		err := h.pool.QueryRow(h.t.Context(), `SELECT id FROM call WHERE channel = $1 AND phase <> 'arrived' AND phase <> 'admission'`, string(leg)).Scan(&id)
		return err == nil
	})
	return id, leg
}

// talks answers whatever rings for a call until it is in conversation.
func (st *story) talks(call telephony.CallID) telephony.LegID {
	h := st.h
	var at telephony.LegID
	h.until("conversation", func() bool {
		c := h.read(call)
		for _, o := range c.Offers {
			if l, ok := h.fake.Leg(o.Leg()); ok && l.State == "Ringing" {
				h.fake.AnswerSeat(l.ID)
			}
		}
		for _, p := range c.Parts {
			if p.Seat != "" && h.in(p.Leg) == telephony.TalkBridge(call) {
				at = p.Leg
			}
		}
		return c.Word() == telephony.WordTalking && at != ""
	})
	return at
}

// click is a person who clicks until it has taken effect: their controller may die meanwhile.
func (st *story) click(what string, do func(s *shift) error) {
	h := st.h
	next := time.Now()
	h.until(what, func() bool {
		if time.Now().Before(next) {
			return false
		}
		next = time.Now().Add(20 * time.Millisecond)
		return h.answers(do)
	})
}

// answers says that whoever is on duty has done what was asked, and lives.
func (h *hall) answers(do func(s *shift) error) bool {
	s := h.onDuty()
	done := make(chan error, 1)
	go func() { done <- do(s) }()
	select {
	case err := <-done:
		return err == nil
	case <-s.power.died:
		return false
	}
}
