package control_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

// Someone else has changed the row: the step is decided again on what it says now.
func TestStaleRowIsReadAgain(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	h.start()
	h.sit("A01")
	call, _ := h.call("13812345678")
	leg, _ := h.rings(call)
	h.exec(`UPDATE call SET version = version + 1, place = '安徽合肥' WHERE id = $1`, call)
	h.fake.AnswerSeat(leg)
	c := h.becomes(call, telephony.WordTalking)
	require.Equal(t, "安徽合肥", c.Place)
	h.tidy()
}

// A seat that is not free any more: the caller keeps the place, the seat is not asked in a loop, another one is found.
func TestSeatTakenMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	s := h.start()
	h.sit("A01")
	h.sit("A02")
	h.exec(`UPDATE seat_state SET intent = 'busy' WHERE seat = 'A01'`) // and nobody has told us
	call, _ := h.call("13812345678")
	_, seat := h.talk(call)
	require.EqualValues(t, "A02", seat)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM offer`))
	require.LessOrEqual(t, s.power.count("save:"+string(call)), 4, "not in a loop")
	h.exec(`UPDATE seat_state SET intent = 'ready' WHERE seat = 'A01'`)
	next, _ := h.call("13812345679")
	_, seat = h.talk(next)
	require.EqualValues(t, "A01", seat)
	h.tidy()
}

// F9: the desk believes that a seat is free which is in a call; its call goes on, and nobody loses the turn by it.
func TestSeatInUseIsNotTaken(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	s := h.start()
	h.sit("A01", "A02")
	first, _ := h.call("13812345670")
	_, at := h.talk(first)
	second, citizen := h.call("13812345671")
	h.talk(second)
	third, _ := h.call("13812345672")
	h.becomes(third, telephony.WordQueued)
	fourth, _ := h.call("13812345673")
	h.becomes(fourth, telephony.WordQueued)
	st := h.seat(at)
	st.Work = agent.WorkIdle // a word that is older than the call
	s.SeatChanged(st)
	h.fake.HangUp(citizen)
	h.talk(third)
	require.Equal(t, telephony.WordTalking, h.read(first).Word())
	require.Equal(t, telephony.WordQueued, h.read(fourth).Word())
	h.serve()
	h.inOrder(4)
	h.tidy()
}
