package control_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
)

// RT4: a wish that waits for the end of the work is not lost when the controller dies, or the agent service fails, between the
// commit that ends the work and the one that applies the wish.
func TestPendingWishIsNotLost(t *testing.T) {
	t.Parallel()
	wishes := map[string]struct {
		wish func(h *hall)
		done func(st agent.State) bool
	}{
		"rest": {
			func(h *hall) { h.wish("A01", agent.IntentRest) },
			func(st agent.State) bool { return st.Intent == agent.IntentRest && st.Pending == agent.PendingNone },
		},
		"sign out": {
			func(h *hall) {
				_, err := h.agents.SignOut(h.t.Context(), h.who["A01"], "A01", agent.PlaceOfficial, "")
				require.NoError(h.t, err)
			},
			func(st agent.State) bool { return st.Person == "" },
		},
	}
	for name, x := range wishes {
		for _, wrapUp := range []bool{false, true} {
			for _, dies := range []bool{false, true} {
				t.Run(name+word(wrapUp, " after a wrap-up", "")+word(dies, ", crash", ", failure"), func(t *testing.T) {
					t.Parallel()
					pendingWish(t, x.wish, x.done, wrapUp, dies)
				})
			}
		}
	}
}

func word(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

func pendingWish(t *testing.T, wish func(*hall), done func(agent.State) bool, wrapUp, dies bool) {
	t.Helper()
	h := newHall(t, []agent.SeatID{"A01"})
	if wrapUp {
		h.exec(pgtest.SetLines("wrapup", "1"))
	}
	s := h.start()
	h.sit("A01")
	call, _ := h.call("13812345678")
	h.talk(call)
	wish(h)
	require.NotEqual(t, agent.PendingNone, h.seat("A01").Pending)
	reached := make(chan struct{}, 8)
	s.power.hook(func(act string, _ any) error {
		if act != "work_over" {
			return nil
		}
		if dies {
			s.power.cut()
		}
		reached <- struct{}{}
		return errors.New("the agent service does not answer")
	}, nil)
	require.NoError(t, s.Hangup(t.Context(), call, telephony.HungUp{Seat: "A01"}, h.who["A01"].Actor()))
	<-reached
	require.Equal(t, agent.WorkIdle, h.seat("A01").Work)
	require.NotEqual(t, agent.PendingNone, h.seat("A01").Pending)
	if dies {
		require.NoError(t, s.stop())
		h.start()
	} else {
		s.power.hook(nil, nil)
		s.Reconcile()
	}
	h.until("the wish takes effect", func() bool { return done(h.seat("A01")) })
	h.tidy()
}

// A4: the person's own end of the wrap-up applies the wish at once; an unknown seat is none.
func TestFinishWrapUpAppliesTheWish(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	h.exec(pgtest.SetLines("wrapup", "3600"))
	s := h.start()
	h.sit("A01")
	call, _ := h.call("13812345678")
	h.talk(call)
	h.wish("A01", agent.IntentRest)
	h.fake.HangUp(h.read(call).Channel)
	h.wrapsUp(s)
	require.NoError(t, s.FinishWrapUp(t.Context(), "A01", call, h.who["A01"].Actor()))
	require.ErrorIs(t, s.FinishWrapUp(t.Context(), "A01", call, h.who["A01"].Actor()), telephony.ErrStale, "it is over")
	h.until("rest", func() bool { return h.seat("A01").Intent == agent.IntentRest })
	require.Positive(t, s.power.count("work_over"), "a comparison beside it may apply the wish too")
	require.ErrorIs(t, s.FinishWrapUp(t.Context(), "Z99", call, "person:1"), telephony.ErrNotFound)
	h.tidy()
}

// F3: a wrap-up runs on to its stored end under the next controller, and nobody is offered to the seat before.
func TestWrapUpOutlivesTheController(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	h.exec(pgtest.SetLines("wrapup", "3"))
	s := h.start()
	h.sit("A01")
	call, _ := h.call("13812345678")
	h.talk(call)
	h.fake.HangUp(h.read(call).Channel)
	h.until("wrap-up", func() bool { return h.seat("A01").Work == agent.WorkWrapUp })
	until := h.seat("A01").Until
	require.NoError(t, s.stop())
	h.start()
	next, _ := h.call("13812345679")
	h.talk(next)
	require.False(t, h.read(next).QueuedAt.After(until), "it waited")
	offered := h.count(`SELECT count(*) FROM offer WHERE call = $1 AND offered_at < $2`, next, until)
	require.Zero(t, offered, "nobody is offered to a seat in wrap-up")
	h.tidy()
}
