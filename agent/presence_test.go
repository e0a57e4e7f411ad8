package agent_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/agent"
)

const (
	li   agent.PersonID = "li"
	wang agent.PersonID = "wang"
)

func at() time.Time { return time.Date(2026, 11, 26, 0, 30, 0, 0, time.UTC) }

func empty() agent.State {
	return agent.State{
		Seat: "A01", Line: "session", Kind: agent.SeatOfficial, Phone: agent.PhoneBrowser,
		Intent: agent.IntentBusy, Device: agent.DeviceUnknown, Work: agent.WorkIdle, Since: at(), Version: 1,
	}
}

// after applies the events one after the other; all must be accepted.
func after(t *testing.T, s agent.State, events ...agent.Event) agent.State {
	t.Helper()
	for _, e := range events {
		var err error
		s, _, err = agent.Apply(s, e, at())
		require.NoError(t, err, "%T", e)
	}
	return s
}

func connected(by agent.PersonID, client, endpoint string) agent.Connected {
	return agent.Connected{By: by, Client: client, Phone: agent.PhoneBrowser, Endpoint: endpoint, HA1: "digest"}
}

// ready is li at the seat, with a page and a registered telephone, taking calls.
func ready(t *testing.T) agent.State {
	t.Helper()
	s := after(t, empty(),
		agent.Took{By: li, Place: agent.PlaceOfficial}, connected(li, "page-1", "ep-1"), agent.Registered{Endpoint: "ep-1", Online: true})
	s = after(t, s, agent.Wished{By: li, Intent: agent.IntentReady, Version: s.Version})
	require.True(t, s.Open())
	return s
}

func kinds(facts []agent.Fact) []string {
	var ks []string
	for _, f := range facts {
		ks = append(ks, f.Kind)
	}
	return ks
}

func TestSignInStartsNotReady(t *testing.T) { // A1
	t.Parallel()
	s, facts, err := agent.Apply(empty(), agent.Took{By: li, Place: agent.PlaceOfficial}, at())
	require.NoError(t, err)
	require.Equal(t, li, s.Person)
	require.Equal(t, agent.IntentBusy, s.Intent)
	require.Equal(t, int64(2), s.Version)
	require.Equal(t, []string{"seat.taken"}, kinds(facts))
	require.Equal(t, []string{"board", "line:session", "seat:A01"}, facts[0].Topics)

	_, _, err = agent.Apply(s, agent.Took{By: wang, Place: agent.PlaceOfficial}, at())
	var taken *agent.SeatTakenError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, li, taken.By)
	_, _, err = agent.Apply(s, agent.Took{By: li, Place: agent.PlaceRecorder}, at())
	var elsewhere *agent.PersonElsewhereError
	require.ErrorAs(t, err, &elsewhere, "nobody sits on both chairs")
}

func TestTakeOverFromTheOtherPage(t *testing.T) { // A1
	t.Parallel()
	s := ready(t)
	_, _, err := agent.Apply(s, agent.Took{By: li, Place: agent.PlaceOfficial}, at())
	var taken *agent.SeatTakenError
	require.ErrorAs(t, err, &taken, "a second browser asks first")
	require.Equal(t, li, taken.By)

	n, facts, err := agent.Apply(s, agent.Took{By: li, Place: agent.PlaceOfficial, TakeOver: true}, at())
	require.NoError(t, err)
	require.Equal(t, []string{"seat.client", "seat.device"}, kinds(facts))
	require.Empty(t, n.Endpoint)
	require.Empty(t, n.HA1)
	require.False(t, n.Open(), "no telephone, no calls")
	_, _, err = agent.Apply(n, agent.Reported{By: li, Client: "page-1", Device: agent.DeviceOK}, at())
	require.ErrorIs(t, err, agent.ErrReplaced)
	_, _, err = agent.Apply(s, agent.Took{By: wang, Place: agent.PlaceOfficial, TakeOver: true}, at())
	require.ErrorAs(t, err, &taken, "taking over is for the same person only")
}

func TestReloadKeepsTheIntent(t *testing.T) { // A11, A15
	t.Parallel()
	s := ready(t)
	n, facts, err := agent.Apply(s, connected(li, "page-2", "ep-2"), at())
	require.NoError(t, err)
	require.Equal(t, []string{"seat.client", "seat.device"}, kinds(facts))
	require.Equal(t, agent.IntentReady, n.Intent)
	require.False(t, n.Open(), "the new telephone has not registered yet")
	n = after(t, n, agent.Registered{Endpoint: "ep-1", Online: false}) // the old one's late goodbye
	require.Equal(t, agent.DeviceUnknown, n.Device)
	require.True(t, after(t, n, agent.Registered{Endpoint: "ep-2", Online: true}).Open())
}

func TestReadyNeedsTheDevice(t *testing.T) { // A2
	t.Parallel()
	s := after(t, empty(), agent.Took{By: li, Place: agent.PlaceOfficial}, connected(li, "page-1", "ep-1"))
	_, _, err := agent.Apply(s, agent.Wished{By: li, Intent: agent.IntentReady, Version: s.Version}, at())
	require.ErrorIs(t, err, agent.ErrDeviceNotOK)
}

func TestOnlyThePageTakesItsSilenceBack(t *testing.T) { // A10
	t.Parallel()
	s := after(t, ready(t), agent.Reported{By: li, Client: "page-1", Device: agent.DeviceMediaFailed})
	require.False(t, s.Open())
	require.Equal(t, agent.ShownDeviceFailed, s.Shown())
	s = after(t, s, agent.Registered{Endpoint: "ep-1", Online: false}, agent.Registered{Endpoint: "ep-1", Online: true})
	require.Equal(t, agent.DeviceMediaFailed, s.Device, "registering again does not mend a microphone")
	s = after(t, s, agent.Registered{Endpoint: "ep-1", Online: false}, agent.Reported{By: li, Client: "page-1", Device: agent.DeviceOK})
	require.Equal(t, agent.DeviceUnregistered, s.Device, "a page cannot talk a telephone into being registered")
	require.True(t, after(t, s, agent.Registered{Endpoint: "ep-1", Online: true}).Open())
}

func TestWishesDuringACallWait(t *testing.T) { // A3, A4
	t.Parallel()
	for _, work := range []agent.Work{agent.WorkOffered, agent.WorkEngaged, agent.WorkWrapUp} {
		s := ready(t)
		s.Work = work
		s = after(t, s, agent.Wished{By: li, Intent: agent.IntentRest, RestCode: "meal", Minutes: 30, Version: s.Version})
		require.Equal(t, agent.IntentReady, s.Intent)
		require.Equal(t, agent.PendingRest, s.Pending)
		require.Equal(t, s, after(t, s, agent.WorkEnded{}), "not before the work is over")

		back := after(t, s, agent.PendingCancelled{By: li, Version: s.Version})
		require.Equal(t, agent.PendingNone, back.Pending)
		require.Empty(t, back.RestCode)

		s.Work = agent.WorkIdle
		later := at().Add(time.Hour)
		n, facts, err := agent.Apply(s, agent.WorkEnded{}, later)
		require.NoError(t, err)
		require.Equal(t, []string{"seat.intent"}, kinds(facts))
		require.Equal(t, agent.IntentRest, n.Intent)
		require.Equal(t, later.Add(30*time.Minute), n.RestUntil, "the rest counts from its beginning, not from the wish")
	}
}

func TestSignOutDuringACallWaits(t *testing.T) { // A4
	t.Parallel()
	s := ready(t)
	s.Work = agent.WorkEngaged
	s = after(t, s, agent.Left{By: li, Place: agent.PlaceOfficial})
	require.Equal(t, agent.PendingSignOut, s.Pending)
	require.Equal(t, li, s.Person)
	require.Equal(t, agent.ShownTalking, s.Shown())
	s.Work = agent.WorkIdle
	n, facts, err := agent.Apply(s, agent.WorkEnded{}, at())
	require.NoError(t, err)
	require.Equal(t, []string{"seat.signed_out"}, kinds(facts))
	require.Empty(t, n.Person)
	require.Empty(t, n.Endpoint)
	require.Equal(t, agent.ShownSignedOut, n.Shown())
}

func TestRecorderComesAndGoesFreely(t *testing.T) {
	t.Parallel()
	s := ready(t)
	s.Work = agent.WorkEngaged
	s = after(t, s, agent.Took{By: wang, Place: agent.PlaceRecorder})
	require.Equal(t, wang, s.Recorder.Person)
	_, _, err := agent.Apply(s, agent.Left{By: li, Place: agent.PlaceRecorder}, at())
	require.ErrorIs(t, err, agent.ErrNotAllowed)
	s = after(t, s, agent.Left{By: wang, Place: agent.PlaceRecorder})
	require.Empty(t, s.Recorder)
	require.Equal(t, li, s.Person)
}

// Deputies and the room are an official's; nobody takes a place that the seat has not, or a second one at it.
func TestASeatHasItsPlaces(t *testing.T) {
	t.Parallel()
	all := []agent.Place{agent.PlaceOfficial, agent.PlaceRecorder, agent.PlaceDeputy, agent.PlaceRoom, agent.PlaceSupervisor, agent.PlaceOperator, "throne"}
	for kind, has := range map[agent.SeatKind]int{agent.SeatOfficial: 5, agent.SeatOperator: 3} {
		got := 0
		for _, place := range all {
			s := empty()
			s.Kind = kind
			n, _, err := agent.Apply(s, agent.Took{By: wang, Place: place}, at())
			if field, ok := errors.AsType[*agent.FieldError](err); ok {
				require.Equal(t, "place", field.Field)
				continue
			}
			require.NoError(t, err)
			got++
			require.Equal(t, wang, n.At(place))
			require.True(t, n.Sits(wang))
			for _, other := range []agent.Place{agent.PlaceOfficial, agent.PlaceRecorder, agent.PlaceSupervisor} {
				var elsewhere *agent.PersonElsewhereError
				if _, _, err = agent.Apply(n, agent.Took{By: wang, Place: other}, at()); other != place {
					require.ErrorAs(t, err, &elsewhere)
				}
			}
		}
		require.Equal(t, has, got, kind)
	}
}

func TestSupervisorForcesWithAReason(t *testing.T) { // A14
	t.Parallel()
	s := ready(t)
	wish := agent.Wished{By: wang, Intent: agent.IntentBusy, Version: s.Version}
	_, _, err := agent.Apply(s, wish, at())
	require.ErrorIs(t, err, agent.ErrNotAllowed)
	wish.Force = true
	_, _, err = agent.Apply(s, wish, at())
	require.ErrorIs(t, err, agent.ErrReasonMissing)
	wish.Reason = "设备检修"
	n, facts, err := agent.Apply(s, wish, at())
	require.NoError(t, err)
	require.Equal(t, agent.IntentBusy, n.Intent)
	require.Equal(t, "设备检修", facts[0].Data["reason"])
}

func TestBadWishesNameTheField(t *testing.T) {
	t.Parallel()
	s := ready(t)
	for _, w := range []struct {
		wish  agent.Wished
		field string
	}{
		{agent.Wished{Intent: "lunch"}, "intent"},
		{agent.Wished{Intent: agent.IntentRest}, "rest_code"},
		{agent.Wished{Intent: agent.IntentRest, RestCode: "meal", Minutes: -1}, "rest_minutes"},
		{agent.Wished{Intent: agent.IntentRest, RestCode: "meal", Minutes: 481}, "rest_minutes"},
		{agent.Wished{Intent: agent.IntentBusy, RestCode: "meal"}, "rest_code"},
	} {
		w.wish.By, w.wish.Version = li, s.Version
		_, _, err := agent.Apply(s, w.wish, at())
		var field *agent.FieldError
		require.ErrorAs(t, err, &field)
		require.Equal(t, w.field, field.Field)
	}
}

// anyEvent draws an event as hostile as may be: wrong people, pages, endpoints and versions included.
func anyEvent(t *rapid.T, s agent.State) agent.Event {
	person := rapid.SampledFrom([]agent.PersonID{li, wang, ""})
	client := rapid.SampledFrom([]string{"page-1", "page-2", ""})
	endpoint := rapid.SampledFrom([]string{"ep-1", "ep-2", ""})
	place := rapid.SampledFrom([]agent.Place{agent.PlaceOfficial, agent.PlaceRecorder, agent.PlaceDeputy, agent.PlaceRoom})
	reason := rapid.SampledFrom([]string{"", "检修"})
	version := rapid.SampledFrom([]int64{s.Version, s.Version, s.Version - 1, s.Version + 1})
	coin := rapid.Bool()
	switch rapid.IntRange(0, 8).Draw(t, "event") {
	case 0:
		return agent.Took{By: person.Draw(t, "by"), Place: place.Draw(t, "place"), TakeOver: coin.Draw(t, "take over")}
	case 1:
		return agent.Left{By: person.Draw(t, "by"), Place: place.Draw(t, "place"), Force: coin.Draw(t, "force"), Reason: reason.Draw(t, "reason")}
	case 2:
		return agent.Connected{
			By: person.Draw(t, "by"), Client: client.Draw(t, "client"), Endpoint: endpoint.Draw(t, "endpoint"),
			Phone: rapid.SampledFrom([]agent.Phone{agent.PhoneBrowser, agent.PhoneSIP}).Draw(t, "phone"),
		}
	case 3:
		return agent.Registered{Endpoint: endpoint.Draw(t, "endpoint"), Online: coin.Draw(t, "online")}
	case 4:
		devices := []agent.Device{agent.DeviceOK, agent.DeviceMediaFailed, agent.DeviceUnknown, agent.DeviceUnregistered, "loud"}
		return agent.Reported{By: person.Draw(t, "by"), Client: client.Draw(t, "client"), Device: rapid.SampledFrom(devices).Draw(t, "device")}
	case 5:
		return agent.PendingCancelled{By: person.Draw(t, "by"), Version: version.Draw(t, "version"), Force: coin.Draw(t, "force")}
	case 6:
		return agent.WorkEnded{}
	case 7:
		return agent.Attended{Who: person.Draw(t, "who"), Place: place.Draw(t, "place"), Away: coin.Draw(t, "away")}
	}
	w := agent.Wished{
		By: person.Draw(t, "by"), Version: version.Draw(t, "version"), Force: coin.Draw(t, "force"), Reason: reason.Draw(t, "reason"),
		Intent: rapid.SampledFrom([]agent.Intent{agent.IntentReady, agent.IntentRest, agent.IntentBusy}).Draw(t, "intent"),
	}
	if w.Intent == agent.IntentRest {
		w.RestCode, w.Minutes = "meal", rapid.IntRange(0, 60).Draw(t, "minutes")
	}
	return w
}

// Laws that hold in every order of events (peers.md 3.1): nothing is routable without person and telephone, what is stale or
// refused changes nothing, every change is told and fenced, and the work is never touched.
func TestPresenceLaws(t *testing.T) {
	t.Parallel()
	works := []agent.Work{agent.WorkIdle, agent.WorkIdle, agent.WorkOffered, agent.WorkEngaged, agent.WorkWrapUp}
	rapid.Check(t, func(t *rapid.T) {
		s, now, online := empty(), at(), map[string]bool{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			if s.Person != "" { // telephony works only where someone sits
				s.Work = rapid.SampledFrom(works).Draw(t, "work")
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "pause")) * time.Second)
			e := anyEvent(t, s)
			n, facts, err := agent.Apply(s, e, now)
			track(s, n, e, online)

			require.Equal(t, s.Work, n.Work)
			if err != nil || len(facts) == 0 {
				require.Equal(t, s, n, "%T changed without a fact", e)
			} else {
				require.Equal(t, s.Version+1, n.Version)
				require.Contains(t, facts[0].Topics, "seat:A01")
				require.Equal(t, n.Version, facts[0].Data["version"], "screens learn the version that their next command needs")
			}
			if stale(e, s) {
				require.Error(t, err)
			}
			if n.Open() {
				require.NotEmpty(t, n.Person)
				require.NotEmpty(t, n.Client)
				require.True(t, online[n.Endpoint], "routable without a registered telephone")
				require.Equal(t, agent.PendingNone, n.Pending)
			}
			if n.Person == "" {
				require.Empty(t, n.Endpoint+n.HA1+n.Contact+n.Client, "a free seat keeps nothing of the one before")
				require.Equal(t, agent.IntentBusy, n.Intent)
				require.True(t, s.Person == "" || s.Work == agent.WorkIdle, "nobody is signed out of a call")
			}
			require.False(t, n.Person != "" && n.Person == n.Recorder.Person)
			require.True(t, s.Person == n.Person || !is[agent.Attended](e), "a page that is gone takes no official's place")
			for _, p := range agent.Sides() {
				require.False(t, n.Beside(p).Away && n.Beside(p).Person == "", "nobody is away")
			}
			if n.Work == agent.WorkIdle {
				require.False(t, n.IdleSince().Before(n.Since))
			} else {
				require.Zero(t, n.IdleSince(), "in a call")
			}
			s = n
		}
	})
}

func is[T agent.Event](e agent.Event) bool {
	_, ok := e.(T)
	return ok
}

// track keeps the model's own book of which telephone the exchange sees: a fresh account is not seen yet.
func track(s, n agent.State, e agent.Event, online map[string]bool) {
	if e, ok := e.(agent.Registered); ok && e.Endpoint == s.Endpoint {
		online[e.Endpoint] = e.Online
	}
	if e, ok := e.(agent.Connected); ok && n.Version != s.Version {
		online[e.Endpoint] = false
	}
}

func stale(e agent.Event, s agent.State) bool {
	if w, ok := e.(agent.Wished); ok {
		return w.Version != s.Version
	}
	c, ok := e.(agent.PendingCancelled)
	return ok && c.Version != s.Version
}
