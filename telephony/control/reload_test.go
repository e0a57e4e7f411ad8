package control_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/aritest"
)

// F20, RU3: the page is replaced in mid-call. It is the same call: the citizen is never given away, muted stays muted and before
// the leg can be heard, held stays held; the telephone is rung once.
func TestPageReplacedInACall(t *testing.T) {
	t.Parallel()
	for _, held := range []bool{false, true} {
		t.Run(word(held, "held", "talking"), func(t *testing.T) {
			t.Parallel()
			h := newHall(t, []agent.SeatID{"A01", "A02"})
			s := h.start()
			h.sitWithBrowser("A01")
			call, citizen := h.call("13812345678")
			old, _ := h.talk(call)
			h.sit("A02")
			require.NoError(t, s.Mute(t.Context(), call, telephony.Muted{Seat: "A01", On: true}, "person:1"))
			if held {
				require.NoError(t, s.Hold(t.Context(), call, telephony.Held{Seat: "A01", On: true}, "person:1"))
			}
			segment := h.text(`SELECT id FROM segment WHERE call = $1`, call)
			h.page("A01", "page-2")
			leg := h.answerAgain(call)
			require.NotEqual(t, old, leg)
			h.becomes(call, map[bool]telephony.Word{true: telephony.WordHeld, false: telephony.WordTalking}[held])
			h.until("muted", func() bool { l, _ := h.fake.Leg(leg); return l.Muted })
			h.mutedFirst(leg)
			if held {
				require.Equal(t, telephony.HoldBridge(hallLine), h.in(citizen))
			} else {
				h.until("they talk", func() bool { return h.in(citizen) == telephony.TalkBridge(call) })
			}
			_, there := h.fake.Leg(old)
			require.False(t, there)
			require.Equal(t, segment, h.text(`SELECT id FROM segment WHERE call = $1`, call), "one segment")
			require.Len(t, h.fake.Requests(aritest.OpOriginate), 2)
			require.EqualValues(t, "A01", h.read(call).Seat)
			require.NoError(t, s.Hangup(t.Context(), call, telephony.HungUp{Seat: "A01"}, "person:1"))
			h.becomes(call, telephony.WordEnded)
			h.tidy()
		})
	}
}

// mutedFirst says that a leg was muted before it could be heard.
func (h *hall) mutedFirst(leg telephony.LegID) {
	h.t.Helper()
	all := h.fake.Requests(aritest.OpMute, aritest.OpAdd)
	mute := slices.IndexFunc(all, func(r aritest.Request) bool { return r.Op == aritest.OpMute && strings.Contains(r.Path, string(leg)) })
	join := slices.IndexFunc(all, func(r aritest.Request) bool { return r.Op == aritest.OpAdd && strings.Contains(r.Body, string(leg)) })
	require.NotEqual(h.t, -1, mute)
	require.NotEqual(h.t, -1, join)
	require.Less(h.t, mute, join)
}

// A telephone that comes back under the same endpoint is rung once, however often it reports; the citizen hears why it waits.
func TestTelephoneComesBack(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01"})
	s := h.start()
	h.sitWithBrowser("A01")
	call, citizen := h.call("13812345678")
	leg, _ := h.talk(call)
	st := h.seat("A01")
	h.fake.Unregister(st.Endpoint)
	require.NoError(t, h.agents.EndpointOnline(t.Context(), st.Endpoint, false))
	h.fake.HangUp(leg)
	h.becomes(call, telephony.WordReconnecting)
	h.heard(citizen, "reconnecting")
	h.fake.Register(st.Endpoint)
	require.NoError(t, h.agents.EndpointOnline(t.Context(), st.Endpoint, true))
	for range 3 {
		s.SeatOnline("A01")
	}
	h.answerAgain(call)
	h.becomes(call, telephony.WordTalking)
	require.Len(t, h.fake.Requests(aritest.OpOriginate), 2)
	h.fake.HangUp(citizen)
	h.becomes(call, telephony.WordEnded)
	h.tidy()
}

// F21: the browser crashes while it rings. The citizen does not wait for the ring to end: the next seat rings, before who came
// later; the seat is not rung before its telephone is back.
func TestF21BrowserGoneWhileRinging(t *testing.T) {
	t.Parallel()
	h := newHall(t, []agent.SeatID{"A01", "A02"})
	h.exec(pgtest.SetLines("ring", "60"))
	s := h.start()
	h.sitWithBrowser("A01")
	first, _ := h.call("13812350001")
	leg, _ := h.rings(first)
	second, _ := h.call("13812350002")
	st := h.seat("A01")
	gone := time.Now()
	h.fake.Unregister(st.Endpoint)
	require.NoError(t, h.agents.EndpointOnline(t.Context(), st.Endpoint, false))
	h.becomes(first, telephony.WordQueued)
	took := time.Since(gone)
	h.until("it stops ringing", func() bool { _, rings := h.fake.Leg(leg); return !rings })
	require.Equal(t, agent.DeviceUnregistered, h.seat("A01").Device, "not reachable")
	require.Equal(t, 1, h.count(`SELECT count(*) FROM offer WHERE state = 'device_failed' AND reason = 'telephone_gone'`))
	t.Logf("rescinded %s after the exchange knew (promise: 3 s)", took)

	h.sit("A02")
	again, seat := h.rings(first)
	require.Equal(t, agent.SeatID("A02"), seat)
	require.Equal(t, telephony.WordQueued, h.read(second).Word(), "the place is kept")
	require.Equal(t, 2, h.count(`SELECT count(*) FROM offer`), "a seat that is not reachable is not rung")
	h.fake.AnswerSeat(again)
	h.becomes(first, telephony.WordTalking)
	h.fake.Register(st.Endpoint)
	require.NoError(t, h.agents.EndpointOnline(t.Context(), st.Endpoint, true))
	s.SeatOnline("A01")
	_, seat = h.rings(second)
	require.Equal(t, agent.SeatID("A01"), seat, "as soon as it is back")
	h.serve()
	h.tidy()
}
