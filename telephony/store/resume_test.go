package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/policy"
	"hotline/telephony"
)

const citizen = telephony.PhoneNumber("13812345678")

// unfinished is a call that its citizen gave up after a minute, and somebody else who came later and waits.
func unfinished(h *hallOf) (telephony.Call, telephony.Call) {
	h.t.Helper()
	first := h.queued(citizen)
	h.exec(`UPDATE call SET priority = 3 WHERE id = $1`, first.ID)
	first.Priority = 3
	behind := h.queued("13912345678")
	h.now = h.now.Add(time.Minute)
	return h.left(first, false), behind
}

// F14, architecture.md 8.1: who rings again goes on in the old place, and need not be called back.
func TestRedialKeepsThePlace(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	first, behind := unfinished(h)
	tasks, err := h.Callbacks(ctx, policy.Reach{Scope: policy.All}, "open")
	require.NoError(t, err)
	require.Len(t, tasks, 1)

	again := h.arrive("+86 138 1234 5678")
	require.Equal(t, first.ID, again.Resumes)
	require.Equal(t, first.Seq, again.Seq)
	require.Equal(t, 3, again.Priority)
	require.Equal(t, first.Line, again.Line)
	require.Equal(t, first.Session, again.Session)
	require.Empty(t, again.Prefer, "nobody had answered")
	require.Less(t, again.Seq, behind.Seq)
	tasks, err = h.Callbacks(ctx, policy.Reach{Scope: policy.All}, "open")
	require.NoError(t, err)
	require.Empty(t, tasks)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM callback WHERE call = $1 AND state = 'done' AND closed_at = $2`, first.ID, again.ArrivedAt))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM fact WHERE subject = $1 AND kind = 'call.arrived' AND data->>'resumes' = $2::text`, again.ID, first.ID))
	require.Empty(t, h.breaches(), "I6: a place is shared with the ended call")

	second := h.arrive(citizen)
	require.Empty(t, second.Resumes, "one call resumes another once")
	require.Greater(t, second.Seq, behind.Seq)

	// The chain goes on: what resumed was unfinished as well.
	h.now = h.now.Add(time.Minute)
	again = h.left(h.admitted(again), false)
	third := h.arrive(citizen)
	require.Equal(t, again.ID, third.Resumes)
	require.Equal(t, first.Seq, third.Seq)
	require.Empty(t, h.breaches())
}

func TestRedialIsANewCallOtherwise(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		call    func(h *hallOf) telephony.Call // that came before
		arrival func(h *hallOf, a *telephony.Arrival)
		resumes bool
	}{
		"in time":      {resumes: true, arrival: func(h *hallOf, a *telephony.Arrival) { a.At = h.now.Add(telephony.RedialWithin - time.Second) }},
		"too late":     {arrival: func(h *hallOf, a *telephony.Arrival) { a.At = h.now.Add(telephony.RedialWithin) }},
		"other number": {arrival: func(_ *hallOf, a *telephony.Arrival) { a.Number = "13912345678" }},
		"other line":   {arrival: func(_ *hallOf, a *telephony.Arrival) { a.Dialled = "12346" }},
		"anonymous": {
			call:    func(h *hallOf) telephony.Call { return h.left(h.queued(""), false) },
			arrival: func(_ *hallOf, a *telephony.Arrival) { a.Number = "" },
		},
		"while a seat rang": {resumes: true, call: func(h *hallOf) telephony.Call { return h.left(h.offered(h.queued(citizen), "A01"), false) }},
		"during the notice": {resumes: true, call: func(h *hallOf) telephony.Call {
			return h.left(h.step(h.arrive(citizen), telephony.Arrived{Up: true}), false)
		}},
		"our failure": {resumes: true, call: func(h *hallOf) telephony.Call { return h.step(h.queued(citizen), telephony.Failed{}) }},
		"goes on":     {call: func(h *hallOf) telephony.Call { return h.queued(citizen) }},
		"closed": {call: func(h *hallOf) telephony.Call {
			c, err := h.raw(h.queued(citizen), func(ch *telephony.Change) {
				ch.After.Phase, ch.After.Outcome, ch.After.EndedAt = telephony.PhaseEnded, telephony.OutcomeClosedBeforeTurn, ch.At
			})
			require.NoError(h.t, err)
			return c
		}},
		"answered":           {call: func(h *hallOf) telephony.Call { return h.hungUp(h.talking(citizen, "A01")) }},
		"answered, and left": {call: func(h *hallOf) telephony.Call { return h.left(h.talking(citizen, "A01"), false) }},
		"left while on hold": {call: func(h *hallOf) telephony.Call {
			return h.left(h.step(h.talking(citizen, "A01"), telephony.Held{Seat: "A01", On: true}), true)
		}},
		"answered, and dropped by the exchange": {resumes: true, call: func(h *hallOf) telephony.Call { return h.left(h.talking(citizen, "A01"), true) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			before := c.call
			if before == nil {
				before = func(h *hallOf) telephony.Call { return h.left(h.queued(citizen), false) }
			}
			first := before(h)
			a := h.arrival(citizen)
			if c.arrival != nil {
				c.arrival(h, &a)
			}
			got, _, err := h.Arrive(t.Context(), 1, a)
			require.NoError(t, err)
			require.Equal(t, c.resumes, got.Resumes == first.ID, "%s %s", first.Outcome, first.Cause)
			require.Equal(t, c.resumes, got.Seq == first.Seq)
		})
	}
}

// Who was talking gets the same seat first; and a line that is not the number's any more, or is closed, is not gone back to.
func TestRedialPrefersTheSeatAndKeepsTheLine(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.left(h.talking(citizen, "A02"), true)
	again := h.arrive(citizen)
	require.Equal(t, c.ID, again.Resumes)
	require.EqualValues(t, "A02", again.Prefer)
	require.EqualValues(t, "A02", again.Waits().Prefer)
	require.Empty(t, again.AnsweredAt)

	h.exec(`INSERT INTO line_number (number, line, rank, during) VALUES ('12345', 'ordinary', 1, 'always')`)
	for _, want := range []agent.LineID{"ordinary", hall} {
		moved := h.queued("13712345678")
		moved = h.left(h.step(moved, telephony.AllRecused{Line: "ordinary", Rules: moved.Rules}), false)
		if want == hall {
			h.exec(`DELETE FROM line_number WHERE line = 'ordinary' AND number = '12345'`)
		}
		again := h.arrive("13712345678")
		require.Equal(t, moved.ID, again.Resumes)
		require.Equal(t, want, again.Line)
		require.Equal(t, want == hall, again.Session != "")
		h.left(h.talking("", "A01"), false)
		h.exec(`UPDATE seat_work SET work = 'idle', call = NULL, until = NULL`)
		h.exec(`UPDATE call SET num_idx = NULL WHERE num_tail = '137****5678'`)
	}
}

// Two calls of one number at the same moment: one goes on with the old one, the other is a call of its own.
func TestOneOfTwoRedialsResumes(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	first, _ := unfinished(h)
	type answer struct {
		c   telephony.Call
		err error
	}
	const callers = 6
	done := make(chan answer, callers)
	for range callers {
		a := h.arrival(citizen)
		go func() {
			c, _, err := h.Arrive(ctx, 1, a)
			done <- answer{c, err}
		}()
	}
	resumed := 0
	for range callers {
		got := <-done
		require.NoError(t, got.err)
		if got.c.Resumes == first.ID {
			resumed++
		}
	}
	require.Equal(t, 1, resumed)
	require.Empty(t, h.breaches())
}
