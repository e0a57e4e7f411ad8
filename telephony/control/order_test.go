package control_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/aritest"
)

// served are the places of the calls in the order of their first offers.
func (h *hall) served() []int64 {
	h.t.Helper()
	rows, err := h.pool.Query(h.t.Context(),
		`SELECT c.seq FROM call c JOIN offer o ON o.call = c.id AND o.kind = 'line' GROUP BY c.id, c.seq ORDER BY min(o.offered_at), c.seq`)
	require.NoError(h.t, err)
	defer rows.Close()
	var all []int64
	for rows.Next() {
		var seq int64
		require.NoError(h.t, rows.Scan(&seq))
		all = append(all, seq)
	}
	require.NoError(h.t, rows.Err())
	return all
}

// serve answers whatever rings and lets the citizens hang up, until everybody has ended.
func (h *hall) serve() {
	h.t.Helper()
	h.until("everybody has been served", func() bool {
		h.serveSome()
		return h.count(`SELECT count(*) FROM call WHERE phase <> 'ended'`) == 0
	})
}

func (h *hall) serveSome() {
	for _, l := range h.fake.Legs() {
		call, talks := strings.CutPrefix(string(l.Bridge), string(telephony.TalkBridge("")))
		switch {
		case l.Endpoint != "" && l.State == "Ringing":
			h.fake.AnswerSeat(l.ID)
		case l.Endpoint == "" && talks && h.isTalking(telephony.CallID(call)):
			h.fake.HangUp(l.ID)
		}
	}
}

func (h *hall) isTalking(call telephony.CallID) bool {
	return h.read(call).Word() == telephony.WordTalking
}

// inOrder says that everybody was served in order of arrival, and nobody was lost.
func (h *hall) inOrder(n int) {
	h.t.Helper()
	order := h.served()
	require.Len(h.t, order, n)
	require.IsIncreasing(h.t, order, "I5")
	require.Equal(h.t, n, h.count(`SELECT count(*) FROM call WHERE outcome = 'answered_official'`))
	require.Zero(h.t, h.count(`SELECT count(*) FROM (SELECT call FROM offer WHERE state = 'accepted' GROUP BY call HAVING count(*) > 1) AS twice`))
}

// heldOnce says that every citizen was answered once and brought to the music once, and never taken out of it but to talk.
func (h *hall) heldOnce(n int) {
	h.t.Helper()
	held := 0
	for _, r := range h.fake.Requests(aritest.OpAdd) {
		if strings.Contains(r.Body, "holding_participant") {
			held++
		}
	}
	require.Equal(h.t, n, held, "the music was restarted")
	require.Len(h.t, h.fake.Requests(aritest.OpAnswer), n)
	require.Empty(h.t, h.fake.Requests(aritest.OpRemove))
}

// RT14: the reply of an earlier caller's row, or the commit that lets them into the line, is slow; a later one, who is in
// already, is not served before.
func TestSlowAdmissionKeepsThePlace(t *testing.T) {
	t.Parallel()
	for _, slow := range []string{"row", "commit"} {
		for round := range 5 {
			t.Run(fmt.Sprint(slow, round), func(t *testing.T) {
				t.Parallel()
				slowAdmission(t, slow)
			})
		}
	}
}

func slowAdmission(t *testing.T, slow string) {
	t.Helper()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	later := make(chan struct{})
	late := func(first bool) {
		if first {
			<-later
			<-time.After(400 * time.Millisecond)
		}
	}
	if slow == "row" {
		s.power.hook(nil, func(act string, arg any) { late(act == "arrive" && arg.(telephony.Arrival).Number == "13812345670") }) //nolint:forcetypeassert // it is
	} else {
		s.ledger.onSave(func(ch telephony.Change) error {
			late(ch.After.Seq == 1 && ch.Before.Phase == telephony.PhaseArrived)
			return nil
		})
	}
	first, _ := h.call("13812345670")
	second, _ := h.call("13812345671")
	close(later)
	h.talk(first)
	require.Equal(t, telephony.WordQueued, h.read(second).Word())
	h.serve()
	h.inOrder(2)
	h.tidy()
}

// RT14, F4: the next controller finds thirty waiting and ten who came while nobody was there; it serves them in the order in
// which they came. Nobody's music was touched.
func TestOrderAtATakeOver(t *testing.T) {
	t.Parallel()
	for round := range 5 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			h := newHall(t, []agent.SeatID{"A01", "A02", "A03"})
			s := h.start()
			h.sit("A01", "A02", "A03")
			for i := range 33 {
				call, _ := h.call(fmt.Sprintf("1381234%04d", i))
				h.becomes(call, map[bool]telephony.Word{true: telephony.WordOffered, false: telephony.WordQueued}[i < 3]) // three ring at the kill
			}
			s.power.cut()
			for i := range 10 {
				require.NotEmpty(t, h.fake.Call(fmt.Sprintf("1381235%04d", i), number))
				<-time.After(2 * time.Millisecond) // an exchange counts in milliseconds
			}
			require.NoError(t, s.stop())
			s = h.start(patient)
			h.serve()
			h.inOrder(43)
			require.Zero(t, s.watch.refused.Load(), "no seat was matched twice")
			h.heldOnce(43)
			require.Equal(t, h.text(`SELECT string_agg(channel, ' ' ORDER BY arrived_at) FROM call`),
				h.text(`SELECT string_agg(channel, ' ' ORDER BY seq) FROM call`), "who came first has the first place")
			h.tidy()
		})
	}
}

// A call that ends while a comparison reads the rows is over: its row of before gets no second actor, which would end it once more and
// offer its seat, that rings for the next caller, to the one after.
func TestCallThatEndsWhileRowsAreRead(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	call, leg := h.call("13812345678")
	h.talk(call)
	compared := s.watch.reconciled.Load()
	s.ledger.onRows(func(rows []telephony.Call) {
		s.ledger.onRows(nil)
		require.Len(t, rows, 1)
		h.fake.HangUp(leg)
		h.until("the call is over, and its actor gone", func() bool {
			return s.watch.ended.Load() == 1 && errors.Is(s.Mute(t.Context(), call, telephony.Muted{Seat: "A01"}, "person:1"), telephony.ErrNotInCall)
		})
	})
	s.Reconcile()
	h.until("compared", func() bool { return s.watch.reconciled.Load() > compared })
	saves := s.power.count("save:" + string(call))
	compared = s.watch.reconciled.Load()
	s.Reconcile()
	h.until("compared again", func() bool { return s.watch.reconciled.Load() > compared })
	require.Equal(t, saves, s.power.count("save:"+string(call)))
	require.Equal(t, int64(1), s.watch.ended.Load(), "it ends once")
	h.tidy()
}

// RT14: two matches are in flight at the kill; the later caller's is stored, the earlier's is not. The next controller gives the
// earlier caller the seat at once, before anybody else.
func TestMatchInFlightAtTheKill(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	s := h.start()
	calls, _ := h.wait(3)
	s.ledger.onSave(func(ch telephony.Change) error {
		if ch.After.ID == calls[0] {
			<-s.power.died
			return errDead
		}
		return nil
	})
	h.sit("A01", "A02")
	_, at := h.rings(calls[1])
	s.power.cut()
	require.NoError(t, s.stop())
	h.start()
	_, seat := h.rings(calls[0])
	require.NotEqual(t, at, seat)
	require.Equal(t, telephony.WordQueued, h.read(calls[2]).Word())
	h.serve()
	require.Equal(t, 3, h.count(`SELECT count(*) FROM offer`))
	h.tidy()
}
