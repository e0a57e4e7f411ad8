package control_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	agentstore "hotline/agent/store"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
)

const operators = agent.LineID("operators")

// missed lets a ring come to its end by the exchange.
func (h *hall) missed(call telephony.CallID) agent.SeatID {
	h.t.Helper()
	leg, seat := h.rings(call)
	h.fake.RingTimeout(leg)
	h.until("the offer is over", func() bool {
		return h.count(`SELECT count(*) FROM offer WHERE call = $1 AND seat = $2 AND state = 'expired'`, call, seat) > 0
	})
	return seat
}

// RU4, I5: a caller whom a seat has missed keeps the head and goes to another; the seat takes the next caller meanwhile.
func TestMissedCallerGoesToAnotherSeat(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	h.start()
	h.sit("A01", "A02")
	busy, _ := h.call("13812345670")
	_, at := h.talk(busy)
	call, _ := h.call("13812345671")
	seat := h.missed(call)
	require.NotEqual(t, at, seat)
	h.becomes(call, telephony.WordQueued)
	next, _ := h.call("13812345672")
	_, served := h.talk(next)
	require.Equal(t, seat, served, "the seat that missed takes the next caller")
	require.Equal(t, telephony.WordQueued, h.read(call).Word())
	h.fake.HangUp(h.read(busy).Channel)
	_, served = h.talk(call)
	require.Equal(t, at, served)
	h.tidy()
}

// RU4: the only seat is asked again for the caller that it missed, after twenty seconds and not before; the third miss in a row
// is told to staff. A late answer is never bridged.
func TestOnlySeatIsAskedAgain(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	h.start()
	h.sit("A01")
	h.exec(`UPDATE seat_work SET misses = 2 WHERE seat = 'A01'`)
	h.compared(h.onDuty())
	call, citizen := h.call("13812345678")
	h.missed(call)
	missedAt := time.Now()
	require.Equal(t, 1, h.facts("seat.unanswered"))
	require.Equal(t, telephony.WordQueued, h.read(call).Word())
	require.Equal(t, telephony.HoldBridge(hallLine), h.in(citizen))
	long := func() bool {
		return time.Since(missedAt) > 25*time.Second || h.read(call).Word() == telephony.WordOffered
	}
	for !long() {
		<-time.After(50 * time.Millisecond)
	}
	require.GreaterOrEqual(t, time.Since(missedAt), 19500*time.Millisecond)
	_, seat := h.talk(call)
	require.EqualValues(t, "A01", seat)
	h.tidy()
}

// facts counts the news of a kind.
func (h *hall) facts(kind string) int {
	h.t.Helper()
	return h.count(`SELECT count(*) FROM fact WHERE kind = $1`, kind)
}

// RU4: 需要回避 — the caller is never brought to that person again in this call; another seat takes them.
func TestRecusedNeverAgain(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	s := h.start()
	h.sit("A01", "A02")
	busy, _ := h.call("13812345670")
	h.talk(busy)
	call, _ := h.call("13812345671")
	_, seat := h.rings(call)
	require.NoError(t, s.Decline(t.Context(), h.read(call).Offers[0].ID, h.who[seat].Actor(), telephony.ReasonRecusal))
	h.becomes(call, telephony.WordQueued)
	require.NoError(t, s.stop())
	s = h.start()
	h.compared(s)
	next, _ := h.call("13812345672")
	_, served := h.talk(next)
	require.Equal(t, seat, served, "the seat takes others")
	h.fake.HangUp(h.read(busy).Channel)
	_, served = h.talk(call)
	require.NotEqual(t, seat, served)
	h.tidy()
}

// I5, design.md: all have recused themselves. Operators behind the same number take the call; it keeps its place.
func TestAllRecusedGoesToTheOperators(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	require.NoError(t, h.people.PutLine(t.Context(), agentstore.Line{ID: operators, Name: "总机", Number: number}))
	h.exec(pgtest.SetLines("notice", "", "wrapup", "0"))
	h.addSeat("B01", operators, agent.SeatOperator)
	s := h.start()
	h.sit("A01")
	h.sit("B01")
	call, citizen := h.call("13812345671")
	_, seat := h.rings(call)
	require.EqualValues(t, "A01", seat, "in the session's window the officials'")
	seq := h.read(call).Seq
	require.NoError(t, s.Decline(t.Context(), h.read(call).Offers[0].ID, h.who[seat].Actor(), telephony.ReasonRecusal))
	_, served := h.talk(call)
	require.EqualValues(t, "B01", served)
	require.Equal(t, seq, h.read(call).Seq)
	require.Equal(t, operators, h.read(call).Line)
	require.Equal(t, "session operators all_recused", h.text(`SELECT from_line || ' ' || to_line || ' ' || why FROM call_line WHERE call = $1`, call))
	h.fake.HangUp(citizen)
	h.becomes(call, telephony.WordEnded)
	h.tidy()
}

// All have recused themselves and no operator is there: the citizen hears that we call back, and we do.
func TestAllRecusedIsCalledBack(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sit("A01")
	call, citizen := h.call("13812345671")
	_, seat := h.rings(call)
	require.NoError(t, s.Decline(t.Context(), h.read(call).Offers[0].ID, h.who[seat].Actor(), telephony.ReasonRecusal))
	h.heard(citizen, "callback")
	require.Equal(t, telephony.OutcomeRegisteredCallback, h.becomes(call, telephony.WordEnded).Outcome)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM callback WHERE call = $1`, call))
	h.tidy()
}

// A10: a telephone that is not there is no miss; it is not rung in a loop, and asked again as soon as it reports.
func TestFailedTelephone(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	s := h.start()
	h.sitWithBrowser("A01")
	st := h.seat("A01")
	h.fake.Unregister(st.Endpoint) // nobody has told us
	call, _ := h.call("13812345671")
	h.until("its offer has failed", func() bool {
		return h.count(`SELECT count(*) FROM offer WHERE call = $1 AND state = 'device_failed'`, call) == 1
	})
	require.Zero(t, h.count(`SELECT misses FROM seat_work WHERE seat = 'A01'`))
	h.compared(s)
	h.compared(s)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM offer`), "not in a loop")
	h.fake.Register(st.Endpoint)
	s.SeatOnline("A01")
	h.talk(call)
	h.tidy()
}

// A declined offer rests the seat for a moment; the other one takes the caller at once.
func TestDecline(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	s := h.start()
	h.sit("A01", "A02")
	call, _ := h.call("13812345671")
	_, first := h.rings(call)
	o := h.read(call).Offers[0]
	require.NoError(t, s.Decline(t.Context(), o.ID, "person:1", "not_mine"))
	require.ErrorIs(t, s.Decline(t.Context(), o.ID, "person:1", "not_mine"), telephony.ErrOfferClosed)
	h.until("offered again", func() bool { c := h.read(call); return len(c.Offers) > 0 && c.Offers[0].ID != o.ID })
	_, second := h.rings(call)
	require.NotEqual(t, first, second)
	declined := time.Now()
	next, _ := h.call("13812345672")
	_, at := h.rings(next)
	require.Equal(t, first, at)
	require.Greater(t, time.Since(declined), time.Second, fmt.Sprint("not rung again at once: ", at))
	h.serve()
	h.tidy()
}
