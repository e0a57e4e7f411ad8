package control_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/control"
)

// F14, I1, I2: who gave up in the line, or while it rang, and rings again within ten minutes has the old place; the task to call
// them back is closed, and the old call stays closed.
func TestRedialHasTheOldPlace(t *testing.T) {
	t.Parallel()
	for _, ringing := range []bool{false, true} {
		t.Run(word(ringing, "ringing", "waiting"), func(t *testing.T) {
			t.Parallel()
			h := newHall(t, []agent.SeatID{"A01"})
			h.start()
			h.sit("A01")
			if !ringing {
				busy, _ := h.call("13812345670")
				h.talk(busy)
			}
			first, leg := h.call("13812345671")
			h.becomes(first, map[bool]telephony.Word{true: telephony.WordOffered, false: telephony.WordQueued}[ringing])
			h.fake.HangUp(leg)
			old := h.becomes(first, telephony.WordEnded)
			require.Equal(t, 1, h.count(`SELECT count(*) FROM callback WHERE call = $1 AND closed_at IS NULL`, first))
			if ringing {
				busy, _ := h.call("13812345670")
				h.talk(busy)
			}
			between, _ := h.call("13812345672")
			h.becomes(between, telephony.WordQueued)
			again, _ := h.call("13812345671")
			c := h.becomes(again, telephony.WordQueued)
			require.Equal(t, first, c.Resumes)
			require.Equal(t, old.Seq, c.Seq)
			require.Zero(t, h.count(`SELECT count(*) FROM callback WHERE call = $1 AND closed_at IS NULL`, first))
			other, _ := h.call("13812345673")
			require.Empty(t, h.becomes(other, telephony.WordQueued).Resumes, "another number is another citizen")
			h.fake.HangUp(h.read(h.engaged()).Channel)
			h.talk(again)
			require.Equal(t, telephony.WordQueued, h.read(between).Word(), "served before those who came between")
			after := h.read(first)
			require.Equal(t, old.Outcome, after.Outcome)
			require.Equal(t, old.EndedAt, after.EndedAt)
			h.serve()
			third, _ := h.call("13812345671")
			require.Empty(t, h.read(third).Resumes, "who has been served begins anew")
			h.serve()
			h.tidy()
		})
	}
}

// engaged is the call that the first seat talks with.
func (h *hall) engaged() telephony.CallID {
	h.t.Helper()
	return telephony.CallID(h.text(`SELECT call FROM seat_work WHERE work = 'engaged' LIMIT 1`))
}

// After ten minutes nothing is left of the old place.
func TestRedialTooLate(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	h.start()
	first, leg := h.call("13812345671")
	h.becomes(first, telephony.WordQueued)
	h.fake.HangUp(leg)
	h.becomes(first, telephony.WordEnded)
	h.exec(`UPDATE call SET ended_at = ended_at - interval '11 minutes', queued_at = queued_at - interval '11 minutes' WHERE id = $1`, first)
	again, _ := h.call("13812345671")
	require.Empty(t, h.read(again).Resumes)
	require.Greater(t, h.read(again).Seq, h.read(first).Seq)
}

// F14: the exchange was restarted so fast that it gives the ids of before again, and who rings is the first that is heard of it. That
// is another call, and nothing of the old one, whether the old one has a controller that knows it or not; a note of the net from
// before is known by its time.
func TestExchangeGivesTheSameIDsAgain(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		t.Run(map[bool]string{true: "known", false: "not known"}[known], func(t *testing.T) {
			t.Parallel()
			h := newHall(t, []agent.SeatID{"A01"})
			s := h.start()
			h.sit("A01")
			old, leg := h.call("13812345670")
			h.talk(old)
			if !known {
				require.NoError(t, s.stop())
			}
			h.fake.Restart()
			if !known {
				before := time.Date(2026, time.November, 26, 0, 30, 59, 0, time.UTC) // the fake's second run begins a second later
				h.start(func(c *control.Config) {
					c.Net = &net{open: make(chan []telephony.LegID, 1), calls: []telephony.NetCall{
						{Channel: "1764.9", Number: "13812345673", Dialled: number, Began: before, Ended: before.Add(time.Millisecond)},
					}}
				})
			}
			h.until("the telephones are told", func() bool { return h.agents.RepushAll(t.Context(), true) == nil })
			var same telephony.LegID
			h.until("somebody rings", func() bool { same = h.fake.Call("13812345671", number); return same != "" })
			require.Equal(t, leg, same)
			h.talk(h.callOf(same).ID)
			require.Equal(t, "platform", h.becomes(old, telephony.WordEnded).Cause)
			require.Empty(t, h.fake.Returned())
			if !known {
				require.Empty(t, h.read(h.callIn("1764.9", "")).Entity)
			}
			h.serve()
			h.tidy()
		})
	}
}

// F14: the exchange was restarted. Every call is closed as the platform's fault, the seats are free and nobody is rung before the
// telephones are back; who was talking and rings again talks to the same person, though another has been idle for longer.
func TestExchangeRestarted(t *testing.T) {
	t.Parallel()
	h := newHall(t, seats(3))
	s := h.start()
	h.sit("A01")
	talked, _ := h.call("13812345670")
	h.talk(talked)
	h.sit("A02")
	rings, _ := h.call("13812345671")
	h.rings(rings)
	h.wait(3)
	h.fake.Restart()
	h.until("all are closed", func() bool { return h.count(`SELECT count(*) FROM call WHERE phase <> 'ended'`) == 0 })
	require.Equal(t, 5, h.count(`SELECT count(*) FROM call WHERE cause = 'platform'`))
	require.Equal(t, 4, h.count(`SELECT count(*) FROM call WHERE outcome = 'system_failure'`))
	require.Equal(t, 4, h.count(`SELECT count(*) FROM callback`), "of all whom nobody reached")
	h.until("seats are free", func() bool { return h.count(`SELECT count(*) FROM seat_work WHERE work <> 'idle'`) == 0 })
	h.until("synced", s.Synced)
	require.NoError(t, h.agents.RepushAll(t.Context(), true))
	h.sit("A03")
	h.exec(`UPDATE seat_work SET since = clock_timestamp() - interval '1 hour' WHERE seat = 'A03'`)
	h.compared(s)
	ended := h.read(talked)
	again, _ := h.call("13812345670")
	_, seat := h.talk(again)
	require.EqualValues(t, "A01", seat)
	require.Equal(t, talked, h.read(again).Resumes)
	require.Equal(t, ended, h.read(talked), "old calls stay closed")
	for i := range 3 {
		waits, _ := h.call(fmt.Sprintf("1381234%04d", i))
		require.NotEmpty(t, h.read(waits).Resumes)
	}
	h.serve()
	h.tidy()
}
