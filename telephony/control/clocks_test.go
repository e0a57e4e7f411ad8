package control_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/aritest"
	"hotline/telephony/control"
	"hotline/telephony/store"
)

// F26: an exchange whose clock is an hour off changes no stamp: neither of who is heard to come, nor of who came
// while nobody listened, nor of who was kept by the net.
func TestF26TheExchangesClockIsOff(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"an hour on": time.Hour, "an hour back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHall(t, []agent.SeatID{"A01"}, func(o *aritest.Options) {
				o.Now = func() time.Time { return time.Now().Add(off) }
			})
			began := time.Now()
			s := h.start()
			heard, _ := h.call("13812350001")
			s.power.cut()
			leg := h.fake.Call("13812350002", number)
			require.NotEmpty(t, leg)
			require.NoError(t, s.stop())
			netted := began.Add(-time.Minute)
			h.start(func(c *control.Config) {
				c.Net = &net{calls: []telephony.NetCall{{Channel: "1764.1", Dialled: number, Began: netted.Add(off), Ended: netted.Add(off + 10*time.Second)}}}
			})
			h.sit("A01")
			kept := h.callOf("1764.1")
			require.WithinDuration(t, netted, kept.ArrivedAt, 3*time.Second)
			require.WithinDuration(t, netted.Add(10*time.Second), h.becomes(kept.ID, telephony.WordEnded).EndedAt, 3*time.Second)
			var found string
			h.until("who came meanwhile is found", func() bool {
				return h.pool.QueryRow(t.Context(), `SELECT id FROM call WHERE channel = $1`, string(leg)).Scan(&found) == nil
			})
			for _, id := range []telephony.CallID{heard, telephony.CallID(found)} {
				at := h.read(id).ArrivedAt
				require.Less(t, began.Add(-3*time.Second), at, "the exchange tells its time to the second")
				require.Less(t, at, time.Now().Add(time.Millisecond))
			}
			h.serve()
			h.inOrder(2)
			h.tidy()
		})
	}
}

// F26: this machine's clock is an hour off, and then the database's is set by an hour while a telephone rings and a wrap-up runs.
// Stamps are by the database's clock as it was, no time runs out early or late, and the order stays.
func TestF26ClocksOfMachineAndDatabase(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"on": time.Hour, "back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHall(t, []agent.SeatID{"A01", "A02"})
			h.exec(pgtest.SetLines("wrapup", "2", "ring", "60"))
			clock := store.NewClock(func() time.Time { return time.Now().Add(off) }, slog.New(slog.DiscardHandler))
			require.NoError(t, store.SetClock(t.Context(), h.pool, clock))
			h.agents.Now = clock.Now
			s := h.start(func(c *control.Config) { c.Now = clock.Now })
			h.sit("A01", "A02")
			began := time.Now()
			first, leg := h.call("13812350001")
			_, wrapping := h.talk(first)
			ringing, _ := h.call("13812350002")
			rung, _ := h.rings(ringing)
			waiting, _ := h.call("13812350003")
			require.WithinRange(t, h.read(first).ArrivedAt, began.Add(-time.Second), time.Now().Add(time.Second))
			h.fake.HangUp(leg)
			h.until("the wrap-up runs", func() bool { return h.seat(wrapping).Work == agent.WorkWrapUp })

			clock.Saw(time.Now().Add(off), time.Now().Add(off)) // the database's clock is set to that of this machine
			s.Reconcile()
			h.until("the wrap-up ends", func() bool { return h.seat(wrapping).Work != agent.WorkWrapUp })
			require.Greater(t, time.Since(began), 2*time.Second, "not early")
			h.becomes(waiting, telephony.WordOffered)
			require.Equal(t, telephony.WordOffered, h.read(ringing).Word(), "it rings on")
			l, rings := h.fake.Leg(rung)
			require.True(t, rings)
			require.Equal(t, "Ringing", l.State)
			h.serve()
			h.inOrder(3)
			require.Zero(t, h.count(`SELECT count(*) FROM offer WHERE state <> 'accepted'`))
			require.WithinRange(t, h.read(waiting).EndedAt, began, time.Now().Add(time.Minute))
			h.tidy()
		})
	}
}
