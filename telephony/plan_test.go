package telephony_test

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
)

// F18: the answer to the citizen's move to the music is late, and the join of a seat that has answered waits behind it. When
// the time to come together is over, the seat's leg goes at once: it waits neither for the move nor behind its own join, while
// another seat is asked for the citizen.
func TestWhoDidNotComeTogetherIsSentAwayAtOnce(t *testing.T) {
	t.Parallel()
	c, now := newCall(), morning()
	c.Rules.Notice, c.Rules.Open = "", true
	happen := func(e telephony.Event) []telephony.Order {
		c, _ = telephony.Apply(c, e, now)
		orders := telephony.Plan(c, c.Seen, now)
		c = telephony.Begun(c, orders, now)
		return orders
	}
	happen(telephony.Arrived{Up: true}) // the order to hold the citizen is never answered
	happen(telephony.Offered{Offer: makeOffer("offer-a", "A01", agent.PhoneSIP, now)})
	leg := telephony.LegOf("offer-a")
	orders := happen(telephony.LegUp{Leg: leg})
	require.True(t, slices.ContainsFunc(orders, func(o telephony.Order) bool { _, join := o.Act.(telephony.Join); return join }))
	now = now.Add(3 * time.Second)
	orders = happen(telephony.TimePassed{})
	i := slices.IndexFunc(orders, func(o telephony.Order) bool { return o.Act == telephony.Hangup{Leg: leg} })
	require.GreaterOrEqual(t, i, 0)
	require.Empty(t, orders[i].After)
	require.NotContains(t, orders[i].Lanes, string(leg))
}

// What could not be stopped runs on, and is stopped again before anybody moves; unless something else runs by now.
func TestFailedStopIsRemembered(t *testing.T) {
	t.Parallel()
	for _, runs := range []string{"", "the next words"} {
		c := newCall()
		c.Phase, c.Seen.Playing = telephony.PhaseWaiting, runs
		stop := telephony.Order{Act: telephony.StopPlay{Playback: "old words"}, Key: "stop old words"}
		c, _ = telephony.Apply(c, telephony.ActEnded{Order: stop, Result: telephony.ResultFailed}, morning())
		require.Equal(t, cmp.Or(runs, "old words"), c.Seen.Playing)
	}
}
