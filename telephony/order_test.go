package telephony_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

// conversation is a call in conversation at a browser, as it is loaded.
func conversation(legs map[telephony.LegID]telephony.LegSeen) telephony.Call {
	c := newCall()
	c.Phase, c.QueuedAt, c.AnsweredAt, c.Seat = telephony.PhaseServing, morning(), morning(), "A01"
	c.Parts = []telephony.Participant{
		{ID: "call-1", Role: telephony.RoleCaller, Leg: caller, Want: telephony.RoomTalk, State: telephony.StateUp, Joined: morning()},
		{
			ID: "offer-1", Role: telephony.RoleOfficial, Seat: "A01", Person: "p1", Phone: agent.PhoneBrowser, Endpoint: "A01", Leg: "hl-offer-1",
			Want: telephony.RoomTalk, State: telephony.StateUp, Joined: morning(), Muted: true,
		},
	}
	c.Segment = &telephony.Segment{ID: "offer-1", Seat: "A01", Person: "p1", BeganAt: morning()}
	c.Seen = telephony.Seen{Legs: legs, Talk: true, Acts: map[string]telephony.Under{}}
	return c
}

// planned applies an event and gives the acts of the plan that follows.
func planned(c telephony.Call, e telephony.Event, now time.Time) (telephony.Call, []telephony.Order) {
	next, _ := telephony.Apply(c, e, now)
	orders := telephony.Plan(next, next.Seen, now)
	return telephony.Begun(next, orders, now), orders
}

// Who is muted is not let into the room while the exchange has not muted the leg: not even when that has failed.
func TestWhoIsMutedIsNeverHeard(t *testing.T) {
	t.Parallel()
	c := conversation(map[telephony.LegID]telephony.LegSeen{
		caller:       {Up: true, Watched: true, In: telephony.HoldBridge("session")},
		"hl-offer-1": {Up: true},
	})
	now := morning().Add(time.Minute)
	c, orders := planned(c, telephony.TimePassed{}, now)
	mute, join := find(orders, telephony.SetMute{Leg: "hl-offer-1", On: true}), joinOf(orders)
	require.NotNil(t, mute)
	require.NotNil(t, join)
	c, orders = planned(c, telephony.ActEnded{Order: *mute, Result: telephony.ResultFailed}, now)
	require.Nil(t, joinOf(orders))
	c, orders = planned(c, telephony.ActEnded{Order: *join, Result: telephony.ResultDropped}, now)
	require.Nil(t, joinOf(orders), "not before the leg is muted")
	_, orders = planned(c, telephony.TimePassed{}, now.Add(2*time.Second))
	require.NotNil(t, find(orders, telephony.SetMute{Leg: "hl-offer-1", On: true}), "it is tried again")
	require.NotNil(t, joinOf(orders))
}

func find(orders []telephony.Order, a telephony.Act) *telephony.Order {
	for _, o := range orders {
		if _, join := o.Act.(telephony.Join); !join && o.Act == a {
			return &o
		}
	}
	return nil
}

func joinOf(orders []telephony.Order) *telephony.Order {
	for _, o := range orders {
		if _, ok := o.Act.(telephony.Join); ok {
			return &o
		}
	}
	return nil
}

// A snapshot that was begun before a leg was made, and read after, does not show it: that is no end of the leg.
func TestASnapshotOlderThanTheRingIsIgnored(t *testing.T) {
	t.Parallel()
	at := func(ms int) time.Time { return morning().Add(time.Duration(ms) * time.Millisecond) }
	c, ring := rung(t)
	c, _ = planned(c, telephony.ActEnded{Order: ring, Result: telephony.ResultDone}, at(20))
	c, _ = planned(c, telephony.Looked{At: at(10), Talk: true, Legs: map[telephony.LegID]telephony.LegSeen{
		caller: {Up: true, In: telephony.HoldBridge("session")},
	}}, at(30))
	require.Len(t, c.Offers, 1, "it rings")
	c, _ = planned(c, telephony.Looked{At: at(40), Talk: true, Legs: map[telephony.LegID]telephony.LegSeen{
		caller: {Up: true, In: telephony.HoldBridge("session")},
	}}, at(50))
	require.Len(t, c.Offers, 1, "an event may be under way that tells more")
	due := c.Due()
	c, _ = planned(c, telephony.Looked{At: at(90), Talk: true, Legs: map[telephony.LegID]telephony.LegSeen{
		caller: {Up: true, In: telephony.HoldBridge("session")},
	}}, at(100))
	require.Equal(t, due, c.Due(), "and no look puts it off")
	heard, _ := planned(c, telephony.LegRings{Leg: ring.Act.(telephony.Ring).Leg}, at(60))
	heard, _ = planned(heard, telephony.TimePassed{}, c.Due())
	require.Len(t, heard.Offers, 1, "or that it is there after all")
	c, _ = planned(c, telephony.TimePassed{}, c.Due())
	require.Empty(t, c.Offers, "a younger one counts")
}

// rung is a call whose offer to A01 the telephone is being asked to ring for, and that order.
func rung(t *testing.T) (telephony.Call, telephony.Order) {
	t.Helper()
	c := newCall()
	c.Phase, c.QueuedAt = telephony.PhaseWaiting, morning()
	c.Parts = []telephony.Participant{{ID: "call-1", Role: telephony.RoleCaller, Leg: caller, Want: telephony.RoomHold, State: telephony.StateUp}}
	c.Seen = telephony.Seen{Legs: map[telephony.LegID]telephony.LegSeen{caller: {Up: true, Watched: true, In: telephony.HoldBridge("session")}}}
	c, orders := planned(c, telephony.Offered{Offer: telephony.Offer{
		ID: "1", Kind: telephony.OfferLine, Seat: "A01", Person: "p1", Endpoint: "A01", OfferedAt: morning(), ExpiresAt: morning().Add(20 * time.Second),
	}}, morning())
	var ring telephony.Order
	for _, o := range orders {
		if _, ok := o.Act.(telephony.Ring); ok {
			ring = o
		}
	}
	require.NotEmpty(t, ring.Key)
	return c, ring
}

// A ring that came to nothing takes the offer back, unless the telephone was heard meanwhile: then only the reply was lost.
func TestLostReplyOfARingTakesNoOfferBack(t *testing.T) {
	t.Parallel()
	for name, heard := range map[string]telephony.Event{
		"nothing": nil, "rings": telephony.LegRings{Leg: "hl-1"}, "answers": telephony.LegUp{Leg: "hl-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, ring := rung(t)
			if heard != nil {
				c, _ = planned(c, heard, morning().Add(time.Second))
			}
			c, _ = planned(c, telephony.ActEnded{Order: ring, Result: telephony.ResultFailed}, morning().Add(3*time.Second))
			require.Equal(t, heard != nil, len(c.Offers) == 1)
		})
	}
}

// An earlier controller may have died between storing that somebody may be heard again and telling the exchange.
func TestAdoptedLegIsToldWhetherItIsHeard(t *testing.T) {
	t.Parallel()
	for _, muted := range []bool{false, true} {
		c := conversation(nil)
		c.Parts[1].Muted = muted
		now := morning().Add(time.Minute)
		talk := telephony.TalkBridge(c.ID)
		_, orders := planned(c, telephony.Looked{At: now, Adopted: true, Talk: true, Legs: map[telephony.LegID]telephony.LegSeen{
			caller: {Up: true, In: talk}, "hl-offer-1": {Up: true, In: talk},
		}}, now)
		require.NotNil(t, find(orders, telephony.SetMute{Leg: "hl-offer-1", On: muted}))
		require.Nil(t, joinOf(orders))
	}
}

// A leg of which nothing was ever seen has no event to wait for.
func TestLegThatNobodySawIsGoneAtOnce(t *testing.T) {
	t.Parallel()
	c := conversation(nil)
	now := morning().Add(time.Minute)
	c, _ = planned(c, telephony.Looked{At: now, Talk: true, Legs: map[telephony.LegID]telephony.LegSeen{
		caller: {Up: true, In: telephony.TalkBridge(c.ID)},
	}}, now)
	require.NotEqual(t, telephony.WordTalking, c.Word())
}
