package control

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/agent"
	"hotline/telephony"
)

// FuzzSignals : whatever the exchange says, in whatever order, of whatever leg, a call keeps to its states (reliability.md 10).
func FuzzSignals(f *testing.F) {
	for seed := range byte(8) {
		story := make([]byte, 32<<10)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(story) // never fails
		f.Add(story)
	}
	f.Fuzz(rapid.MakeFuzz(signalStory))
}

// A call of which any signals are heard: talking, waiting or new, with the legs it has and with strangers'.
func TestSignalsKeepACallToItsStates(t *testing.T) {
	t.Parallel()
	rapid.Check(t, signalStory)
}

func signalStory(t *rapid.T) {
	now := time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)
	call := telephony.Call{
		ID: "call-1", Channel: "1.1", Entity: "e", Line: "session", Phase: telephony.PhaseArrived, ArrivedAt: now, Version: 1,
		Rules: telephony.Rules{Ring: 20 * time.Second, Grace: 15 * time.Second, Open: true},
		Parts: []telephony.Participant{{ID: "call-1", Role: telephony.RoleCaller, Leg: "1.1", State: telephony.StateUp}},
	}
	hear := func(e telephony.Event) {
		next, _ := telephony.Apply(call, e, now)
		checkStates(t, call, next)
		call = telephony.Begun(next, telephony.Plan(next, next.Seen, now), now)
	}
	for i := range rapid.IntRange(1, 60).Draw(t, "signals") {
		now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
		switch rapid.IntRange(0, 9).Draw(t, "not the exchange") {
		case 0:
			hear(telephony.TimePassed{})
		case 1:
			hear(telephony.Arrived{})
		case 2:
			id := telephony.OfferID("offer-" + string(rune('a'+i%20)))
			hear(telephony.Offered{Offer: telephony.Offer{
				ID: id, Kind: telephony.OfferLine, Seat: "A01", Person: "p1", Phone: agent.PhoneBrowser, Endpoint: "sip-1", OfferedAt: now, ExpiresAt: now.Add(20 * time.Second),
			}})
		default:
			if e := eventOf(call, anySignal(t, call)); e != nil {
				hear(e)
			}
		}
	}
}

// anySignal is about a leg of the call's, one that was, or one that never belonged to it.
func anySignal(t *rapid.T, c telephony.Call) telephony.Signal {
	legs := []telephony.LegID{"1.1", "1.2", "hl-nobody", ""}
	for _, p := range c.Parts {
		legs = append(legs, p.Leg)
	}
	for _, o := range c.Offers {
		legs = append(legs, o.Leg())
	}
	leg := rapid.SampledFrom(legs).Draw(t, "leg")
	bridge := rapid.SampledFrom([]telephony.BridgeID{telephony.TalkBridge(c.ID), telephony.HoldBridge(c.Line), "stranger"}).Draw(t, "bridge")
	yes := rapid.Bool().Draw(t, "yes")
	return rapid.SampledFrom([]telephony.Signal{
		telephony.Entered{Leg: leg, Args: []string{"seat", "o"}},
		telephony.Entered{Leg: leg},
		telephony.Answered{Leg: leg},
		telephony.Ringing{Leg: leg},
		telephony.EnteredBridge{Leg: leg, Bridge: bridge},
		telephony.EnteredBridge{Leg: leg, Bridge: bridge},
		telephony.LeftBridge{Leg: leg, Bridge: bridge},
		telephony.HangupRequested{Leg: leg, Soft: yes},
		telephony.LegLeft{Leg: leg},
		telephony.LegGone{Leg: leg, Cause: rapid.IntRange(-1, 130).Draw(t, "cause"), Asked: yes},
		telephony.PlayDone{Playback: rapid.SampledFrom([]string{"", "pb-call-1-notice", "pb-call-2-notice"}).Draw(t, "playback"), Failed: yes},
		telephony.EndpointChanged{Endpoint: rapid.SampledFrom([]string{"", "sip-1", "sip-2"}).Draw(t, "endpoint"), Online: yes},
		telephony.Up{},
		telephony.Down{},
		telephony.Replaced{},
		telephony.Overflow{},
		telephony.Unknown{Type: rapid.String().Draw(t, "type")},
	}).Draw(t, "signal")
}

func checkStates(t *rapid.T, before, after telephony.Call) {
	order := []telephony.Phase{telephony.PhaseArrived, telephony.PhaseAdmission, telephony.PhaseWaiting, telephony.PhaseServing, telephony.PhaseEnded}
	require.Contains(t, order, after.Phase)
	require.Equal(t, before.ID, after.ID)
	require.Equal(t, before.Channel, after.Channel)
	require.Contains(t, []int64{before.Version, before.Version + 1}, after.Version)
	if before.Phase == telephony.PhaseEnded {
		require.Equal(t, before, after, "a finished call stays finished")
	}
	require.Equal(t, after.Phase == telephony.PhaseEnded, after.Outcome != "", "I2: one outcome, at the end")
	require.Equal(t, after.Phase == telephony.PhaseServing, after.Segment != nil, "who is served is served by somebody")
}
