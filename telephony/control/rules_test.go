package control_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/control"
)

// asked counts how often the rules of the lines are read, and how often for a comparison, which reads the open calls as well.
type asked struct {
	control.Ledger

	lines, compared *atomic.Int64
}

func (l asked) Open(ctx context.Context) ([]telephony.Call, error) {
	l.compared.Add(1)
	return l.Ledger.Open(ctx)
}

func (l asked) Lines(ctx context.Context) ([]telephony.LineInfo, error) {
	l.lines.Add(1)
	return l.Ledger.Lines(ctx)
}

// A wrap-up is as long as the line has it when it begins, also after a call that began before the change; one that runs keeps its end.
// No comparison is waited for.
func TestRulesAreReadWhenTheyHaveChanged(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	h.exec(pgtest.SetLines("wrapup", "300"))
	var lines, compared atomic.Int64
	s := h.start(func(c *control.Config) { c.Ledger = asked{c.Ledger, &lines, &compared} })
	h.sit("A01", "A02")
	first, firstLeg := h.call("13812350001")
	_, was := h.talk(first)
	second, secondLeg := h.call("13812350002")
	_, now := h.talk(second)
	length := func(seat agent.SeatID) int {
		return h.count(`SELECT coalesce((SELECT extract(epoch FROM until - since)::int FROM seat_work WHERE seat = $1 AND work = 'wrap_up'), 0)`, string(seat))
	}
	h.fake.HangUp(firstLeg)
	h.until("the first wrap-up runs", func() bool { return length(was) == 300 })

	h.exec(pgtest.SetLines("wrapup", "900"))
	h.until("the rules are read, and not by a comparison", func() bool {
		without := compared.Load()
		for range 2 { // when they are asked for again, those of before have been taken over
			before := lines.Load()
			s.RulesChanged()
			h.until("the rules are read", func() bool { return lines.Load() > before })
		}
		return compared.Load() == without
	})
	h.fake.HangUp(secondLeg)
	h.until("the second wrap-up runs", func() bool { return length(now) > 0 })
	require.Equal(t, 900, length(now))
	require.Equal(t, 300, length(was))
}
