package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

func TestDesk(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	d, err := h.Desk(ctx, "A01")
	require.NoError(t, err)
	require.Nil(t, d.Card)
	require.Equal(t, h.people["A01"], d.Person)

	c := h.mustStep(h.mustStep(h.arrive("13812345678"), queued), h.offered("A01"))
	d, err = h.Desk(ctx, "A01")
	require.NoError(t, err)
	require.Equal(t, c.ID, d.Card.ID)
	require.Equal(t, "138****5678", d.Card.Masked)
	require.Equal(t, c.Offer.ID, d.Card.Offer.ID)
	held, err := h.OfferHolding(ctx, c.Offer.ID)
	require.NoError(t, err)
	require.Equal(t, telephony.Holding{Seat: "A01", Open: true}, held)

	c = h.mustStep(c, answered)
	held, err = h.CallHolding(ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, telephony.Holding{Seat: "A01", Open: true, Version: c.Version}, held)
	d, err = h.Desk(ctx, "A01")
	require.NoError(t, err)
	require.Nil(t, d.Card.Offer)
	require.Equal(t, c.AnsweredAt, d.Card.AnsweredAt)

	c = h.mustStep(c, talkedOut)
	d, err = h.Desk(ctx, "A01")
	require.NoError(t, err)
	require.Equal(t, c.EndedAt.Add(2*time.Minute), d.Card.WrapUpUntil)
	require.Equal(t, telephony.OutcomeAnsweredOfficial, d.Card.Outcome)
	_, err = h.Desk(ctx, "Z99")
	require.ErrorIs(t, err, telephony.ErrNotFound)
	_, err = h.CallHolding(ctx, "x")
	require.ErrorIs(t, err, telephony.ErrNotFound)
}

func TestBoardShowsLinesInOrderAndSeats(t *testing.T) {
	t.Parallel()
	h := setup(t)
	first := h.mustStep(h.arrive("13812345678"), queued)
	urgent := h.arrive("055162345678")
	h.mustStep(h.arrive(""), queued)
	first = h.mustStep(first, h.offered("A01"))
	h.exec(`UPDATE call SET priority = 3 WHERE id <> $1`, urgent.ID)
	h.mustStep(urgent, queued)

	b, err := h.Board(t.Context(), at)
	require.NoError(t, err)
	require.NotEmpty(t, b.Position)
	require.Equal(t, []agent.LineID{"ordinary", "session"}, []agent.LineID{b.Lines[0].ID, b.Lines[1].ID})
	require.Empty(t, b.Lines[0].Waiting)
	require.NotNil(t, b.Lines[0].Waiting)
	require.Len(t, b.Lines[1].Waiting, 3)
	require.Equal(t, urgent.ID, b.Lines[1].Waiting[0].Call)
	require.Equal(t, telephony.BoardCaller{
		Call: first.ID, Masked: "138****5678", QueuedAt: first.QueuedAt, State: telephony.StateOffered,
	}, b.Lines[1].Waiting[1])
	require.Len(t, b.Seats, 2)
	require.Equal(t, agent.WorkOffered, b.Seats[0].Work)
	require.Equal(t, string(first.ID), b.Seats[0].Call)
	require.Equal(t, agent.ShownRinging, b.Seats[0].Shown())
	require.Equal(t, "张三", b.Seats[0].PersonName)
	require.Equal(t, "省教育厅", b.Seats[0].UnitName)
	require.Equal(t, agent.WorkIdle, b.Seats[1].Work)
}

// K-01 to K-05, K-09, K-10, K-12 with their edges: exactly T, exactly S, the caller who leaves while a seat rings, 0/0.
func TestCounts(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	b, err := h.Board(ctx, at)
	require.NoError(t, err)
	require.Equal(t, telephony.Counts{InSession: true}, b.Counts, "of nothing there is no average")

	leg := func(wait time.Duration, outcome telephony.Outcome, talk time.Duration) {
		c := h.mustStep(h.arrive("13812345678"), func(ch *telephony.Change) { ch.After.State, ch.After.QueuedAt = telephony.StateQueued, at })
		if outcome == "" {
			return
		}
		h.mustStep(c, func(ch *telephony.Change) {
			ended(outcome)(ch)
			ch.After.EndedAt = at.Add(wait + talk)
			if outcome == telephony.OutcomeAnsweredOfficial {
				ch.After.AnsweredAt = at.Add(wait)
			}
		})
	}
	leg(15*time.Second, telephony.OutcomeAnsweredOfficial, 100*time.Second)
	leg(15*time.Second+time.Microsecond, telephony.OutcomeAnsweredOfficial, 200*time.Second)
	leg(5*time.Second, telephony.OutcomeAbandonedShort, 0)
	leg(5*time.Second+time.Microsecond, telephony.OutcomeAbandonedInQueue, 0)
	leg(40*time.Second, telephony.OutcomeAbandonedRinging, 0)
	leg(60*time.Second, telephony.OutcomeClosedBeforeTurn, 0)
	leg(0, "", 0)     // waits
	h.arrive("10086") // has not entered the line
	b, err = h.Board(ctx, at.Add(90*time.Second))
	require.NoError(t, err)
	seconds := func(s float64) *time.Duration { d := time.Duration(s * float64(time.Second)); return &d }
	want := telephony.Counts{
		InSession: true, Offered: 7, Answered: 2, Abandoned: 2, Short: 1, FlowOut: 1, InTarget: 1,
		TalkMean: seconds(150), WaitMax: seconds(90),
	}
	require.InDelta(t, 15, b.Counts.WaitMean.Seconds(), 1e-5)
	b.Counts.WaitMean = nil
	require.Equal(t, want, b.Counts)

	h.exec(`UPDATE session SET state = 'closed'`)
	b, err = h.Board(ctx, at.Add(90*time.Second))
	require.NoError(t, err)
	require.False(t, b.Counts.InSession)
	require.Equal(t, 7, b.Counts.Offered)
	b, err = h.Board(ctx, at.Add(24*time.Hour))
	require.NoError(t, err)
	require.Zero(t, b.Today.Offered, "the day in Shanghai is over")
}
