package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

func TestOneCallsWay(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	c := h.arrive("sip:+8613812345678@carrier")
	require.Equal(t, telephony.PhaseArrived, c.Phase)
	require.Equal(t, "138****5678", c.Masked)
	require.Equal(t, hall, c.Line)
	require.Equal(t, h.session, c.Session)
	require.Equal(t, telephony.Rules{Ring: 20 * time.Second, WrapUp: 2 * time.Minute, Grace: 20 * time.Second, Notice: "hotline/recording-notice", Open: true}, c.Rules)
	require.Equal(t, []telephony.Participant{{
		ID: telephony.ParticipantID(c.ID), Role: telephony.RoleCaller, Leg: c.Channel, State: telephony.StateUp, Since: at,
	}}, c.Parts)
	n, err := h.Number(ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, "13812345678", string(n))

	c = h.step(c, telephony.Arrived{Up: true})
	h.same(c)
	require.Equal(t, telephony.RoomHold, h.stored(c).Parts[0].Want)
	c = h.step(c, telephony.PlayEnded{Playback: c.Cue.ID})
	h.same(c)
	c = h.offered(c, "A01")
	h.same(c)
	c = h.answered(c)
	h.same(c)
	require.Equal(t, h.now, c.Segment.BeganAt)
	st, err := h.Seat(ctx, "A01")
	require.NoError(t, err)
	require.Equal(t, agent.WorkEngaged, st.Work)
	require.Equal(t, h.people["A01"], st.Person)
	require.Equal(t, "ep-A01", st.Endpoint)
	require.Empty(t, st.HA1, "RA5")

	c = h.step(c, telephony.Held{Seat: "A01", On: true})
	h.same(c)
	c = h.step(c, telephony.Muted{Seat: "A01", On: true})
	h.same(c)
	c = h.hungUp(c)
	h.same(c)
	open, err := h.Open(ctx)
	require.NoError(t, err)
	require.Empty(t, open)
	wraps, err := h.WrapUps(ctx)
	require.NoError(t, err)
	require.Equal(t, []telephony.SeatWork{{Seat: "A01", Work: agent.WorkWrapUp, Call: c.ID, Until: c.EndedAt.Add(2 * time.Minute), Since: c.EndedAt}}, wraps)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM segment WHERE call = $1 AND why = 'finished' AND wrapup_until = $2 AND wrapup_ended_at IS NULL`,
		c.ID, c.EndedAt.Add(2*time.Minute)))

	another := telephony.WrapUpOver("A01", telephony.CallID(id(t)), "session", "controller", c.EndedAt)
	require.ErrorIs(t, h.Save(ctx, h.epoch, another), telephony.ErrNoWrapUp, "the wrap-up of another call (RC4)")
	for _, want := range []error{nil, telephony.ErrNoWrapUp} {
		require.ErrorIs(t, h.Save(ctx, h.epoch, telephony.WrapUpOver("A01", c.ID, "session", "controller", c.EndedAt.Add(time.Minute))), want)
	}
	require.Equal(t, 1, h.count(`SELECT count(*) FROM segment WHERE call = $1 AND wrapup_ended_at = $2`, c.ID, c.EndedAt.Add(time.Minute)))
	require.ErrorIs(t, h.Save(ctx, h.epoch, telephony.WrapUpOver("Z99", c.ID, "session", "controller", at)), telephony.ErrNoWrapUp)

	require.Equal(t, 2, h.count(`SELECT count(*) FROM participant WHERE call = $1 AND joined_at < left_at AND state = 'gone'`, c.ID))
	require.Zero(t, h.count(`SELECT count(*) FROM callback`))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM fact WHERE subject = $1 AND kind = 'call.ended' AND epoch = 1`, c.ID))
	require.Equal(t, 4, h.count(`SELECT count(*) FROM fact WHERE subject = 'A01' AND kind = 'seat.work'`))
}

// A seat whose leg is lost is rung again by an offer of its own, which may stand while the seat is in the conversation.
func TestComingBack(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.talking("13812345678", "A01")
	first := c.Segment.ID
	c = h.step(c, telephony.LegDying{Leg: c.Parts[1].Leg})
	h.same(c)
	require.Equal(t, telephony.StateLost, c.Parts[1].State)
	require.Equal(t, telephony.WordReconnecting, h.stored(c).Word())

	known := telephony.SeatKnown{
		Seat:  agent.State{Seat: "A01", Person: h.people["A01"], Phone: agent.PhoneBrowser, Endpoint: "ep-A01", Device: agent.DeviceOK},
		Offer: telephony.OfferID(id(t)),
	}
	other := h.change(c, known)
	other.Opened[0].Person = h.people["A02"]
	require.ErrorIs(t, h.Save(t.Context(), 1, other), telephony.ErrSeatTaken, "somebody else sits there now")
	c = h.step(c, known)
	h.same(c)
	loaded := h.stored(c)
	require.Equal(t, telephony.OfferResume, loaded.Offers[0].Kind)
	require.Equal(t, telephony.StateAsked, loaded.Parts[1].State)
	require.Equal(t, telephony.LegOf(known.Offer), loaded.Parts[1].Leg)
	require.Equal(t, first, loaded.Parts[1].ID)
	require.Equal(t, telephony.WordReconnecting, loaded.Word())

	c = h.answered(c)
	h.same(c)
	require.Equal(t, telephony.LegOf(known.Offer), h.stored(c).Parts[1].Leg, "who is up keeps the leg")
	require.Equal(t, 1, h.count(`SELECT count(*) FROM segment`))

	// A seat that another call holds can not come back to this one.
	other2 := h.queued("13912345678")
	wrong := h.change(other2, h.offer("A01"))
	wrong.Work, wrong.Opened[0].Kind = nil, telephony.OfferResume
	require.ErrorIs(t, h.Save(t.Context(), 1, wrong), telephony.ErrSeatTaken)
}

// RT9: after the grace the seat wraps up while its call waits again, first of all.
func TestRT9GraceOver(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.talking("13812345678", "A01")
	c = h.step(c, telephony.LegDying{Leg: c.Parts[1].Leg})
	h.now = c.Parts[1].Deadline
	c = h.step(c, telephony.TimePassed{})
	require.Equal(t, telephony.PhaseWaiting, c.Phase)
	h.same(c)
	require.Equal(t, telephony.WordQueued, h.stored(c).Word())
	require.Equal(t, 1, h.count(`SELECT count(*) FROM seat_work WHERE seat = 'A01' AND work = 'wrap_up' AND call = $1`, c.ID))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM segment WHERE why = 'lost' AND wrapup_until IS NOT NULL`))
	require.Empty(t, h.breaches())
	c = h.answered(h.offered(c, "A02"))
	require.Empty(t, h.breaches())
	require.Equal(t, 2, h.count(`SELECT count(*) FROM segment WHERE call = $1`, c.ID))
	h.exec(`DELETE FROM segment WHERE seat = 'A01'`)
	require.Contains(t, h.breaches(), "I4 seats whose work is not their call's: A01", "a wrap-up without a conversation before it")
}

func TestSkipsAreRemembered(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.declined(h.offered(h.queued("13812345678"), "A01"), telephony.ReasonRecusal)
	c = h.offered(c, "A02")
	h.now = c.Offers[0].ExpiresAt
	c = h.step(c, telephony.LegEnded{Leg: c.Offers[0].Leg(), Cause: 19}) // nobody answered
	h.same(c)
	require.Len(t, c.Skips, 2)
	require.True(t, c.Skips[0].Never)
	require.Equal(t, h.people["A01"], c.Skips[0].Person)
	require.Equal(t, 1, h.count(`SELECT misses FROM seat_work WHERE seat = 'A02'`))
	c = h.declined(h.offered(c, "A02"), "away")
	h.same(c)
	require.Len(t, c.Skips, 2, "the last word of each seat")
}

// A pair of offers by kind: one of the line, and beside it one that asks a second seat.
func TestOffersByKind(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	c := h.offered(h.queued("13812345678"), "A01")
	second := h.offer("A02").Offer
	ask := func(kind telephony.OfferKind) error {
		_, err := h.raw(c, func(ch *telephony.Change) {
			second.ID, second.Kind, second.Part, second.Group, second.State = telephony.OfferID(id(t)), kind, telephony.ParticipantID(second.ID), c.Offers[0].ID, telephony.OfferOpen
			ch.Opened = []telephony.Offer{second}
			ch.Work = []telephony.SeatWork{{Seat: "A02", Work: agent.WorkOffered, Offer: second.ID, Call: c.ID}}
		})
		return err
	}
	require.ErrorIs(t, ask(telephony.OfferLine), telephony.ErrSeatTaken, "one open line offer per call")
	require.NoError(t, ask(telephony.OfferConsult))
	loaded, err := h.Call(ctx, c.ID)
	require.NoError(t, err)
	require.Len(t, loaded.Offers, 2)
	require.Equal(t, c.Offers[0].ID, loaded.Offers[1].Group)
	require.Equal(t, []telephony.Role{telephony.RoleCaller, telephony.RoleOfficial, telephony.RoleConsulted},
		[]telephony.Role{loaded.Parts[0].Role, loaded.Parts[1].Role, loaded.Parts[2].Role})
	require.Equal(t, second.Leg(), loaded.Parts[2].Leg)
	require.Empty(t, h.breaches())
}

// RT2, F34: what the database will never take is told apart from a database that is away.
func TestUnstorable(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.offered(h.queued("13812345678"), "A01")
	ch := h.change(c, telephony.Declined{Offer: c.Offers[0].ID, Reason: "a\x00b"})
	err := h.Save(t.Context(), 1, ch)
	require.ErrorIs(t, err, telephony.ErrUnstorable)
	_, err = h.raw(c, func(ch *telephony.Change) { ch.After.Priority = 77 })
	require.ErrorIs(t, err, telephony.ErrUnstorable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = h.Save(ctx, 1, ch)
	require.Error(t, err)
	require.NotErrorIs(t, err, telephony.ErrUnstorable)
	h.declined(c, "away")
}

func TestArrivalIsRecordedOnceAndWhateverItIs(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	a := telephony.Arrival{ID: telephony.CallID(id(t)), Channel: "chan-1", Number: "055162345678", Dialled: number, At: at}
	first, created, err := h.Arrive(ctx, 1, a)
	require.NoError(t, err)
	require.True(t, created)
	require.Equal(t, "合肥", first.Place)
	again, created, err := h.Arrive(ctx, 1, a) // the answer was lost (R6)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, first, again)
	a.ID = telephony.CallID(id(t)) // the reconciler sees the channel too
	again, created, err = h.Arrive(ctx, 1, a)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, first, again)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM fact`))

	next := a
	next.ID, next.Entity = telephony.CallID(id(t)), "the next run" // which gives the same id anew
	other, created, err := h.Arrive(ctx, 1, next)
	require.NoError(t, err)
	require.True(t, created)
	require.NotEqual(t, first.ID, other.ID)
	again, created, err = h.Arrive(ctx, 1, next)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, other.ID, again.ID)
	a.Channel = "chan-of-whichever"
	a.ID, a.Entity = telephony.CallID(id(t)), "the next run"
	kept, _, err := h.Arrive(ctx, 1, a)
	require.NoError(t, err)
	a.ID, a.Entity = telephony.CallID(id(t)), "" // of an earlier run, who knows which: the row that is there is its
	again, created, err = h.Arrive(ctx, 1, a)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, kept.ID, again.ID)

	a = telephony.Arrival{ID: telephony.CallID(id(t)), Channel: "chan-2", Number: "garbage", Dialled: "99999", At: at}
	stray, created, err := h.Arrive(ctx, 1, a)
	require.NoError(t, err)
	require.True(t, created)
	require.Empty(t, stray.Line)
	require.Empty(t, stray.Masked)
	require.False(t, stray.Rules.Open)
	require.Greater(t, stray.Seq, first.Seq)

	_, _, err = h.Arrive(ctx, 2, telephony.Arrival{ID: telephony.CallID(id(t)), Channel: "chan-3", Dialled: number, At: at})
	require.ErrorIs(t, err, telephony.ErrNotMaster)
}

func TestRulesFollowTheSession(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.arrive("13812345678")
	for _, state := range []string{"open", "closing", "draining", "closed"} {
		h.exec(`UPDATE session SET state = $1`, state)
		require.Equal(t, state == "open", h.stored(c).Rules.Open, state)
		tagged := h.arrive("13812345678").Session
		require.Equal(t, state != "closed", tagged == h.session, state)
	}
	h.exec(`UPDATE session SET state = 'open', closes_at = now()`)
	require.False(t, h.stored(c).Rules.Open, "the window is over")
	a := h.arrival("13812345678")
	a.Dialled = "12346"
	ordinary, _, err := h.Arrive(t.Context(), 1, a)
	require.NoError(t, err)
	require.True(t, ordinary.Rules.Open, "the ordinary line is always open")
	require.Empty(t, ordinary.Session)
}

// Number and window choose the line: of two behind one number the session's while it takes calls, else the operators'.
func TestNumberAndWindowChooseTheLine(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	require.Equal(t, hall, h.arrive("13812345678").Line)
	h.exec(`UPDATE session SET state = 'closing'`)
	c := h.arrive("13812345678")
	require.Equal(t, hall, c.Line, "alone it takes the call all the same, and says that it is closed")
	require.False(t, c.Rules.Open)
	h.exec(`INSERT INTO line_number (number, line, rank, during) VALUES ('12345', 'ordinary', 1, 'always')`)
	c = h.arrive("13812345678")
	require.EqualValues(t, "ordinary", c.Line)
	require.True(t, c.Rules.Open)
	require.Empty(t, c.Session)
	h.exec(`UPDATE session SET state = 'open'`)
	require.Equal(t, hall, h.arrive("13812345678").Line)

	lines, err := h.Lines(ctx)
	require.NoError(t, err)
	require.Len(t, lines, 2)
	require.EqualValues(t, "ordinary", lines[0].ID)
	require.Equal(t, []string{"12345", "12346"}, lines[0].Numbers)
	require.Equal(t, c.Rules, lines[0].Rules)
	require.Equal(t, []string{"12345"}, lines[1].Numbers)
}

// A call may change its line, with history; nothing else of its place (I6).
func TestLineChangeHasAHistory(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.queued("13812345678")
	c = h.step(c, telephony.AllRecused{Line: "ordinary", Rules: c.Rules})
	require.EqualValues(t, "ordinary", c.Line)
	require.EqualValues(t, "ordinary", h.stored(c).Line)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM call_line WHERE call = $1 AND from_line = 'session' AND to_line = 'ordinary' AND why = 'all_recused' AND at = $2`,
		c.ID, h.now))
}

func TestSeatsOfALine(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	c := h.offered(h.queued("13812345678"), "A02")
	h.exec(`UPDATE seat_work SET misses = 2 WHERE seat = 'A01'`)
	seats, err := h.Seats(ctx, hall)
	require.NoError(t, err)
	want := []telephony.LineSeat{
		{Seat: "A01", Kind: agent.SeatOfficial, Person: h.people["A01"], Phone: agent.PhoneBrowser, Endpoint: "ep-A01", Open: true, Since: at, Misses: 2},
		{Seat: "A02", Kind: agent.SeatOfficial, Person: h.people["A02"], Phone: agent.PhoneBrowser, Endpoint: "ep-A02", Open: true},
	}
	require.Equal(t, want, seats)
	h.exec(`UPDATE seat_state SET intent = 'busy' WHERE seat = 'A01'`)
	h.exec(`UPDATE seat_state SET pending = 'rest' WHERE seat = 'A02'`)
	want[0].Open, want[1].Open = false, false
	seats, err = h.Seats(ctx, hall)
	require.NoError(t, err)
	require.Equal(t, want, seats)

	pending, err := h.Pending(ctx)
	require.NoError(t, err)
	require.Empty(t, pending, "the call that rings goes first")
	h.left(c, false)
	pending, err = h.Pending(ctx)
	require.NoError(t, err)
	require.Equal(t, []agent.SeatID{"A02"}, pending, "RT4")

	_, err = h.Seat(ctx, "Z99")
	require.ErrorIs(t, err, telephony.ErrNotFound)
	for _, none := range []telephony.CallID{"no-uuid", "", telephony.CallID(id(t))} {
		_, err = h.Call(ctx, none)
		require.ErrorIs(t, err, telephony.ErrNotFound)
	}
}
