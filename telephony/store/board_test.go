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

	c := h.offered(h.queued("13812345678"), "A01")
	offer := c.Offers[0].ID
	d, err = h.Desk(ctx, "A01")
	require.NoError(t, err)
	require.Equal(t, c.ID, d.Card.ID)
	require.Equal(t, "138****5678", d.Card.Masked)
	require.Equal(t, telephony.WordOffered, d.Card.State)
	require.Equal(t, offer, d.Card.Offer.ID)
	held, err := h.OfferHolding(ctx, offer)
	require.NoError(t, err)
	require.Equal(t, telephony.Holding{Seat: "A01"}, held)
	held, err = h.CallHolding(ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, telephony.Holding{Seat: "A01", Version: c.Version}, held)

	c = h.answered(c)
	held, err = h.OfferHolding(ctx, offer)
	require.NoError(t, err)
	require.Equal(t, telephony.Holding{Seat: "A01"}, held)
	held, err = h.CallHolding(ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, telephony.Holding{Seat: "A01", Version: c.Version}, held)
	d, err = h.Desk(ctx, "A01")
	require.NoError(t, err)
	require.Nil(t, d.Card.Offer)
	require.Equal(t, c.AnsweredAt, d.Card.AnsweredAt)
	require.Equal(t, telephony.WordTalking, d.Card.State)
	require.False(t, d.Card.Muted)

	c = h.step(c, telephony.Muted{Seat: "A01", On: true})
	c = h.step(c, telephony.Held{Seat: "A01", On: true})
	d, err = h.Desk(ctx, "A01")
	require.NoError(t, err)
	require.True(t, d.Card.Muted)
	require.Equal(t, telephony.WordHeld, d.Card.State)
	caller, there := c.Parts[0], c.Parts[0].Role == telephony.RoleCaller
	require.True(t, there)
	require.Equal(t, caller.Since, d.Card.HeldAt, "since when the citizen holds")
	b, err := h.Board(ctx, c.AnsweredAt)
	require.NoError(t, err)
	require.Equal(t, map[agent.SeatID]telephony.Word{"A01": telephony.WordHeld}, b.Words, "one word for page and board")

	c = h.hungUp(c)
	d, err = h.Desk(ctx, "A01")
	require.NoError(t, err)
	require.Equal(t, c.EndedAt.Add(2*time.Minute), d.Card.WrapUpUntil)
	require.Equal(t, telephony.OutcomeAnsweredOfficial, d.Card.Outcome)
	require.Equal(t, telephony.WordEnded, d.Card.State)
	_, err = h.Desk(ctx, "Z99")
	require.ErrorIs(t, err, telephony.ErrNotFound)
	_, err = h.CallHolding(ctx, "x")
	require.ErrorIs(t, err, telephony.ErrNotFound)
}

// A page that comes back to its conversation is rung by an offer that it answers by itself: there is nothing to decide.
func TestDeskOfAConversationThatComesBack(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.talking("13812345678", "A01")
	c = h.step(c, telephony.LegDying{Leg: c.Parts[1].Leg})
	h.step(c, telephony.SeatKnown{
		Seat:  agent.State{Seat: "A01", Person: h.people["A01"], Phone: agent.PhoneBrowser, Endpoint: "ep-A01", Device: agent.DeviceOK},
		Offer: telephony.OfferID(id(t)),
	})
	d, err := h.Desk(t.Context(), "A01")
	require.NoError(t, err)
	require.Equal(t, telephony.WordReconnecting, d.Card.State)
	require.Nil(t, d.Card.Offer)
}

func TestBoardShowsLinesInOrderAndSeats(t *testing.T) {
	t.Parallel()
	h := setup(t)
	first := h.queued("13812345678")
	urgent := h.arrive("055162345678")
	last := h.queued("")
	h.talking("", "A02")
	first = h.offered(first, "A01")
	h.exec(`UPDATE call SET priority = 3 WHERE id <> $1`, urgent.ID)
	h.admitted(urgent)

	b, err := h.Board(t.Context(), at)
	require.NoError(t, err)
	require.NotEmpty(t, b.Position)
	require.Equal(t, []agent.LineID{"ordinary", "session"}, []agent.LineID{b.Lines[0].ID, b.Lines[1].ID})
	require.Empty(t, b.Lines[0].Waiting)
	require.NotNil(t, b.Lines[0].Waiting)
	require.Len(t, b.Lines[1].Waiting, 3)
	require.Equal(t, urgent.ID, b.Lines[1].Waiting[0].Call)
	require.Equal(t, telephony.BoardCaller{
		Call: first.ID, Masked: "138****5678", QueuedAt: first.QueuedAt, State: telephony.WordOffered,
	}, b.Lines[1].Waiting[1])
	require.Equal(t, last.ID, b.Lines[1].Waiting[2].Call)
	require.Equal(t, telephony.WordQueued, b.Lines[1].Waiting[2].State)
	require.Len(t, b.Seats, 2)
	require.Equal(t, agent.WorkOffered, b.Seats[0].Work)
	require.Equal(t, string(first.ID), b.Seats[0].Call)
	require.Equal(t, agent.ShownRinging, b.Seats[0].Shown())
	require.Equal(t, "张三", b.Seats[0].PersonName)
	require.Equal(t, "省教育厅", b.Seats[0].UnitName)
	require.Equal(t, agent.WorkEngaged, b.Seats[1].Work)

	h.step(h.arrive(""), telephony.Arrived{Up: true}) // hears the notice
	gauges, err := h.Gauges(t.Context(), first.QueuedAt.Add(time.Minute))
	require.NoError(t, err)
	require.Equal(t, []telephony.Gauge{
		{Line: "ordinary"}, {Line: "session", Waiting: 4, Longest: time.Minute, Talking: 1, Seated: 2},
	}, gauges)
}

// K-01 to K-05, K-09, K-10, K-12 with their edges: exactly T, exactly S, the caller who leaves while a seat rings, 0/0.
func TestCounts(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	b, err := h.Board(ctx, at)
	require.NoError(t, err)
	require.Equal(t, telephony.Counts{InSession: true}, b.Counts, "of nothing there is no average")

	leg := func(wait time.Duration, outcome telephony.Outcome, talk time.Duration) {
		_, err := h.raw(h.arrive(""), func(ch *telephony.Change) {
			ch.After.Phase, ch.After.QueuedAt = telephony.PhaseWaiting, at
			if outcome == "" {
				return
			}
			ch.After.Phase, ch.After.Outcome, ch.After.EndedAt = telephony.PhaseEnded, outcome, at.Add(wait+talk)
			if talk > 0 {
				ch.After.AnsweredAt = at.Add(wait)
			}
		})
		require.NoError(t, err)
	}
	leg(15*time.Second, telephony.OutcomeAnsweredOfficial, 100*time.Second)
	leg(15*time.Second+time.Microsecond, telephony.OutcomeAnsweredOfficial, 200*time.Second)
	leg(5*time.Second, telephony.OutcomeAbandonedShort, 0)
	leg(5*time.Second+time.Microsecond, telephony.OutcomeAbandonedInQueue, 0)
	leg(40*time.Second, telephony.OutcomeAbandonedRinging, 0)
	leg(60*time.Second, telephony.OutcomeClosedBeforeTurn, 0)
	leg(10*time.Second, telephony.OutcomeRegisteredCallback, 0)
	leg(15*time.Second, telephony.OutcomeAbandonedOnHold, 150*time.Second) // answered, whatever came then
	leg(0, "", 0)                                                          // waits
	h.arrive("10086")                                                      // has not entered the line
	b, err = h.Board(ctx, at.Add(90*time.Second))
	require.NoError(t, err)
	seconds := func(s float64) *time.Duration { d := time.Duration(s * float64(time.Second)); return &d }
	want := telephony.Counts{
		InSession: true, Offered: 9, Answered: 3, Abandoned: 2, Short: 1, FlowOut: 2, InTarget: 2,
		TalkMean: seconds(150), WaitMax: seconds(90),
	}
	require.InDelta(t, 15, b.Counts.WaitMean.Seconds(), 1e-5)
	b.Counts.WaitMean = nil
	require.Equal(t, want, b.Counts)

	h.exec(`UPDATE session SET state = 'closed'`)
	b, err = h.Board(ctx, at.Add(90*time.Second))
	require.NoError(t, err)
	require.False(t, b.Counts.InSession)
	require.Equal(t, 9, b.Counts.Offered)
	b, err = h.Board(ctx, at.Add(24*time.Hour))
	require.NoError(t, err)
	require.Zero(t, b.Today.Offered, "the day in Shanghai is over")
}
