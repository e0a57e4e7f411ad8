package control_test

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/aritest"
)

// RT5, R4: in hold-only who has lost the partner for good is hung up, and nothing else; it is stored when the lease is back.
func TestHoldOnlyHangsUpThePartner(t *testing.T) {
	t.Parallel()
	for name, citizenGoes := range map[string]bool{"citizen": true, "seat": false} {
		t.Run(name+" hangs up", func(t *testing.T) {
			t.Parallel()
			h := newHall(t, []agent.SeatID{"A01"})
			s := h.start()
			h.sit("A01")
			call, citizen := h.call("13812345678")
			leg, _ := h.talk(call)
			h.held.Store(false)
			require.True(t, s.HoldOnly())
			require.ErrorIs(t, s.Hangup(t.Context(), call, telephony.HungUp{}, "person:1"), telephony.ErrNoDecision)
			require.ErrorIs(t, s.Hold(t.Context(), call, telephony.Held{Seat: "A01", On: true}, "person:1"), telephony.ErrNoDecision)
			gone, left := leg, citizen
			if citizenGoes {
				gone, left = citizen, leg
			}
			before := len(h.fake.Requests(aritest.OpHangup))
			h.fake.HangUp(gone)
			h.until("the partner is hung up", func() bool { _, there := h.fake.Leg(left); return !there })
			for _, r := range h.fake.Requests(aritest.OpHangup)[before:] {
				require.Contains(t, r.Path, string(left), "nobody else")
			}
			require.Equal(t, telephony.WordTalking, h.read(call).Word(), "nothing is decided")
			h.held.Store(true)
			require.Equal(t, telephony.OutcomeAnsweredOfficial, h.becomes(call, telephony.WordEnded).Outcome)
			h.until("seat is free", func() bool { return h.seat("A01").Work == agent.WorkIdle })
			h.tidy()
		})
	}
}

// RT5: a citizen who goes while a step of the call waits for the ledger is heard all the same: the official is not left alone.
func TestWhoGoesWhileAStepWaitsIsMourned(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	call, citizen := h.call("13812345678")
	leg, _ := h.talk(call)
	waits := make(chan struct{}, 100)
	s.ledger.onSave(func(telephony.Change) error {
		waits <- struct{}{}
		return errors.New("the database is away")
	})
	answer := make(chan error, 1)
	go func() {
		answer <- s.Hold(t.Context(), call, telephony.Held{Seat: "A01", On: true}, h.who["A01"].Actor())
	}()
	<-waits
	h.fake.HangUp(citizen)
	h.until("the official is let go of", func() bool { _, there := h.fake.Leg(leg); return !there })
	require.Equal(t, telephony.WordTalking, h.read(call).Word(), "nothing is stored")
	s.ledger.onSave(nil)
	require.NoError(t, <-answer)
	h.becomes(call, telephony.WordEnded)
	h.tidy()
}

// RT5: in hold-only a citizen whose official's page is lost hears words where they are: nothing is moved, nobody hung up.
func TestHoldOnlyLostPage(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	h.start()
	h.sitWithBrowser("A01")
	call, citizen := h.call("13812345678")
	leg, _ := h.talk(call)
	h.held.Store(false)
	moves := len(h.fake.Requests(aritest.OpAdd, aritest.OpHangup))
	h.fake.HangUp(leg)
	h.until("words", func() bool { l, _ := h.fake.Leg(citizen); return len(l.Playing) == 1 })
	require.Equal(t, telephony.TalkBridge(call), h.in(citizen))
	require.Len(t, h.fake.Requests(aritest.OpAdd, aritest.OpHangup), moves, "nothing is moved")
	require.Equal(t, telephony.WordTalking, h.read(call).Word())
	h.held.Store(true)
	h.becomes(call, telephony.WordReconnecting)
	l, _ := h.fake.Leg(citizen)
	for _, pb := range l.Playing {
		h.fake.EndPlayback(pb)
	}
	h.until("music", func() bool { l, _ := h.fake.Leg(citizen); return l.Music || len(l.Playing) > 0 })
	h.page("A01", "page-2")
	h.answerAgain(call)
	h.fake.HangUp(citizen)
	h.becomes(call, telephony.WordEnded)
	h.tidy()
}

// RT5: words that are said before a step is stored are said once, though their reply is lost and the step is tried again.
func TestWordsBeforeAStepAreSaidOnce(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sitWithBrowser("A01")
	call, citizen := h.call("13812345678")
	leg, _ := h.talk(call)
	var tries atomic.Int32
	s.ledger.onSave(func(telephony.Change) error {
		tries.Add(1)
		return errors.New("the database is away")
	})
	h.fake.Fault(aritest.Fault{Op: aritest.OpPlay, Times: 1, Status: http.StatusInternalServerError, Message: "no answer that helps"})
	h.fake.HangUp(leg)
	h.until("it is tried again and again", func() bool { return tries.Load() > 4 })
	require.Equal(t, 1, s.power.count("play"))
	s.ledger.onSave(nil)
	h.becomes(call, telephony.WordReconnecting)
	h.fake.HangUp(citizen)
	h.becomes(call, telephony.WordEnded)
	h.tidy()
}

// answerAgain lets the seat's page answer the conversation that it comes back to.
func (h *hall) answerAgain(call telephony.CallID) telephony.LegID {
	h.t.Helper()
	var o telephony.Offer
	h.until("the seat is asked to come back", func() bool {
		c := h.read(call)
		for _, o = range c.Offers {
			if l, ok := h.fake.Leg(o.Leg()); o.Kind == telephony.OfferResume && ok && l.State == "Ringing" {
				return true
			}
		}
		return false
	})
	h.fake.AnswerSeat(o.Leg())
	h.until("they talk again", func() bool {
		return h.in(o.Leg()) == telephony.TalkBridge(call) && h.read(call).Word() != telephony.WordReconnecting
	})
	return o.Leg()
}

// R4: a caller who comes in hold-only is not decided about, and served when the lease is back.
func TestHoldOnlyArrival(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	h.held.Store(false)
	leg := h.fake.Call("13812345678", number)
	h.until("it was tried", func() bool { l, ok := h.fake.Leg(leg); return ok && l.InApp })
	require.Zero(t, h.count(`SELECT count(*) FROM call`))
	h.held.Store(true)
	s.Reconcile()
	var id telephony.CallID
	h.until("the call has a row", func() bool {
		return h.pool.QueryRow(t.Context(), `SELECT id FROM call WHERE channel = $1`, string(leg)).Scan(&id) == nil
	})
	h.talk(id)
	h.tidy()
}
