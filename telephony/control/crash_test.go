package control_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/aritest"
	"hotline/telephony/control"
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
// every call to its end. The two stories together have everything that it can do.
func TestCrashSweep(t *testing.T) {
	t.Parallel()
	stories := map[string]tale{
		"two calls": {pgtest.SetLines("wrapup", "600", "notice", "hotline/recording-notice"), (*story).twoCalls},
		"mishaps":   {pgtest.SetLines("wrapup", "0", "notice", ""), (*story).mishaps},
	}
	acts := map[string][]string{}
	for name, tell := range stories {
		acts[name] = crashAt(t, tell, 0, false)
		t.Logf("%s: %d acts, %d crash points: %s", name, len(acts[name]), 2*len(acts[name]), strings.Join(acts[name], " "))
	}
	done := slices.Concat(slices.Collect(maps.Values(acts))...)
	for verb, act := range actsByVerb(t) {
		require.Contains(t, done, act, "%s: the controller can die at it, and no story comes by", verb)
	}
	for name, tell := range stories {
		for at := 1; at <= len(acts[name]); at++ {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %02d %s %s", name, at, word(after, "after", "before"), acts[name][at-1]), func(t *testing.T) {
					t.Parallel()
					crashAt(t, tell, at, after)
				})
			}
		}
	}
}

// tale is how a hall is, and what happens in it.
type tale struct {
	given string
	tell  func(*story)
}

// actsByVerb are all verbs by which the controller changes the world, with the names by which the tests know them.
func actsByVerb(t *testing.T) map[string]string {
	t.Helper()
	named := map[string]string{
		"Switch.Answer": "answer", "Switch.Hangup": "hangup", "Switch.Return": "return", "Switch.Ring": "ring", "Switch.EnsureBridge": "ensure",
		"Switch.DeleteBridge": "delete", "Switch.Hold": "hold", "Switch.Receive": "receive", "Switch.Join": "join", "Switch.Mute": "mute",
		"Switch.Play": "play", "Switch.StopPlay": "stop_play", "Switch.Watch": "watch", "Ledger.Arrive": "arrive", "Ledger.Save": "save",
		"Journal.Append": "append", "Journal.Inherit": "inherit", "Journal.Clear": "clear", "Presence.WorkOver": "work_over",
	}
	reads := []string{
		"Switch.Snapshot", "Switch.Plays", "Ledger.Call", "Ledger.Open", "Ledger.Seat", "Ledger.Seats", "Ledger.WrapUps", "Ledger.Pending", "Ledger.Lines",
	}
	var all []string
	for port, is := range map[string]reflect.Type{
		"Switch": reflect.TypeFor[control.Switch](), "Ledger": reflect.TypeFor[control.Ledger](), "Journal": reflect.TypeFor[control.Journal](),
		"Presence": reflect.TypeFor[control.Presence](),
	} {
		for m := range is.Methods() {
			all = append(all, port+"."+m.Name)
		}
	}
	require.ElementsMatch(t, all, slices.Concat(slices.Collect(maps.Keys(named)), reads), "a verb that no list here has")
	return named
}

// crashAt tells one story with a crash in it, and gives what was done.
func crashAt(t *testing.T, of tale, at int, after bool) []string {
	t.Helper()
	h := newHall(t, []agent.SeatID{"A01"})
	h.exec(of.given)
	s := h.start()
	st := &story{h: h, s: s}
	h.each = st.relief
	began := len(s.power.did())
	if at > 0 {
		s.power.dies(began+at, after)
	}
	of.tell(st)
	acts := s.power.did()[began:]
	for i, act := range acts {
		acts[i], _, _ = strings.Cut(act, ":")
	}
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

// story is one that goes on whoever is on duty.
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
			st.h.held.Store(true)
			require.NoError(st.h.t, st.s.stop())
			st.h.start()
		}
	default:
	}
}

// twoCalls: two citizens call, are served, one is held, and they hang up.
func (st *story) twoCalls() {
	h := st.h
	h.sit("A01")
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
	require.Equal(h.t, 2, h.count(`SELECT count(*) FROM call WHERE outcome = 'answered_official'`))
	require.Equal(h.t, 2, h.count(`SELECT count(*) FROM offer WHERE state = 'accepted' AND kind = 'line'`), "one accepted offer each")
}

// mishaps: an official is muted, and her telephone is lost and comes back while the citizen is told of it; one citizen can not be
// recorded, another calls while the ledger is away.
func (st *story) mishaps() {
	h := st.h
	h.sitWithBrowser("A01")
	call, citizen := st.arrives("13812345670")
	leg := st.talks(call)
	for _, on := range []bool{true, false} {
		st.click("mute", func(s *shift) error {
			return s.Mute(h.t.Context(), call, telephony.Muted{Seat: "A01", On: on}, "person:1")
		})
		h.until("muted", func() bool { l, _ := h.fake.Leg(leg); return l.Muted == on })
	}
	phone := h.seat("A01").Endpoint
	h.fake.Unregister(phone)
	require.NoError(h.t, h.agents.EndpointOnline(h.t.Context(), phone, false))
	h.fake.HangUp(leg)
	h.until("the citizen is told", func() bool { l, _ := h.fake.Leg(citizen); return len(l.Playing) > 0 || st.relieved && l.Music })
	h.fake.Register(phone)
	require.NoError(h.t, h.agents.EndpointOnline(h.t.Context(), phone, true))
	h.until("the telephone rings again", func() bool {
		h.onDuty().SeatOnline("A01")
		return slices.ContainsFunc(h.fake.Legs(), func(l aritest.Leg) bool { return l.ID.Ours() })
	})
	st.talks(call)
	h.wish("A01", agent.IntentRest) // takes effect when the call is over

	s := h.onDuty()
	s.power.hook(func(act string, _ any) error {
		if act == "arrive" {
			return telephony.ErrUnstorable
		}
		return nil
	}, nil)
	lost := h.fake.Call("13812345671", number)
	h.until("it goes back to the net, or a successor can record it", func() bool {
		return slices.Contains(h.fake.Returned(), lost) || st.relieved && h.count(`SELECT count(*) FROM call WHERE channel = $1`, string(lost)) == 1
	})
	s.power.hook(nil, nil)
	h.fake.HangUp(lost)
	h.held.Store(st.relieved) // hold-only: the ledger is away
	kept := h.fake.Call("13812345672", number)
	h.until("the citizen hears music", func() bool { l, _ := h.fake.Leg(kept); return l.Music })
	h.held.Store(true)
	waits := h.callOf(kept)
	h.until("the citizen waits", func() bool { return h.read(waits.ID).Word() == telephony.WordQueued })
	h.fake.HangUp(kept)
	h.fake.HangUp(citizen)
	h.until("all is over", func() bool { return h.count(`SELECT count(*) FROM call WHERE phase <> 'ended'`) == 0 })
	require.Equal(h.t, 1, h.count(`SELECT count(*) FROM call WHERE outcome = 'answered_official'`))
	require.Equal(h.t, 1, h.count(`SELECT count(*) FROM segment`), "one conversation")
	h.until("the official rests", func() bool { return h.seat("A01").Intent == agent.IntentRest })
}

// wrapsUp is the person's word that the notes are written.
func (st *story) wrapsUp() {
	h := st.h
	require.Equal(h.t, agent.WorkWrapUp, h.seat("A01").Work)
	call := telephony.CallID(h.text(`SELECT call::text FROM seat_work WHERE seat = 'A01'`))
	st.click("the next caller", func(s *shift) error {
		err := s.FinishWrapUp(h.t.Context(), "A01", call, "person:1")
		if errors.Is(err, telephony.ErrStale) { // the click before has done it
			return nil
		}
		return err
	})
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
