package ari_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
	"hotline/telephony/ari"
	"hotline/telephony/aritest"
)

// TestOneCall : arrival to hang-up, with what is heard and told on the way (telephony.md 2.6).
func TestOneCall(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	ctx := t.Context()
	caller := b.fake.Call("13812345678", "12345")
	in := b.next(t).(telephony.Entered)
	require.Equal(t, telephony.Entered{
		Leg: caller, Args: []string{"inbound", "12345"}, Caller: "13812345678", Dialled: "12345", At: in.At,
	}, in)
	require.Equal(t, 2026, in.At.Year())
	require.NoError(t, b.client.Watch(ctx, "channel:"+string(caller)))
	require.NoError(t, b.client.Answer(ctx, caller))
	require.Equal(t, telephony.Answered{Leg: caller}, b.next(t))

	require.NoError(t, b.client.Play(ctx, caller, "pb-1", "sound:notice", "sound:tone"))
	b.fake.EndPlayback("pb-1")
	require.Equal(t, telephony.PlayDone{Playback: "pb-1"}, b.next(t))

	hold := telephony.HoldBridge("session")
	require.NoError(t, b.client.Hold(ctx, hold, caller), "the bridge is made on the way")
	require.Equal(t, telephony.EnteredBridge{Leg: caller, Bridge: hold}, b.next(t))
	require.True(t, b.music(t, caller))

	r := b.ring(t, caller)
	require.NoError(t, b.client.Ring(ctx, r))
	require.Equal(t, r.Leg, until[telephony.Ringing](t, b).Leg)
	require.Equal(t, telephony.Ringing{Leg: r.Leg}, b.next(t), "Dial says it too")
	b.fake.AnswerSeat(r.Leg)
	require.Equal(t, telephony.Answered{Leg: r.Leg}, b.next(t))
	require.Equal(t, r.Leg, b.next(t).(telephony.Entered).Leg)

	talk := telephony.TalkBridge("c1")
	require.NoError(t, b.client.EnsureBridge(ctx, talk, telephony.BridgeMixing))
	require.NoError(t, b.client.Join(ctx, talk, r.Leg, caller))
	require.Equal(t, telephony.EnteredBridge{Leg: r.Leg, Bridge: talk}, b.next(t))
	require.Equal(t, telephony.LeftBridge{Leg: caller, Bridge: hold}, b.next(t))
	require.Equal(t, telephony.EnteredBridge{Leg: caller, Bridge: talk}, b.next(t))

	s, err := b.client.Snapshot(ctx)
	require.NoError(t, err)
	require.Len(t, s.Channels, 2)
	require.Equal(t, telephony.Channel{
		ID: caller, State: "Up", Caller: "13812345678", Dialled: "12345", CreatedAt: s.Channels[0].CreatedAt, InApp: true, Bridge: talk,
	}, s.Channels[0])
	require.Equal(t, talk, s.Channels[1].Bridge)

	b.fake.HangUp(r.Leg)
	require.Equal(t, telephony.HangupRequested{Leg: r.Leg}, b.next(t))
	require.Equal(t, telephony.LeftBridge{Leg: r.Leg, Bridge: talk}, b.next(t))
	require.Equal(t, telephony.LegLeft{Leg: r.Leg}, b.next(t))
	require.Equal(t, telephony.LegGone{Leg: r.Leg, Cause: 16, Asked: true}, b.next(t))

	require.NoError(t, b.client.Hangup(ctx, caller, "normal"))
	require.Equal(t, telephony.HangupRequested{Leg: caller, Soft: true}, b.next(t))
	require.Equal(t, telephony.LegGone{Leg: caller, Cause: 16, Asked: true}, until[telephony.LegGone](t, b))
	require.NoError(t, b.client.Hangup(ctx, caller, "normal"), "gone is success")
	require.NoError(t, b.client.DeleteBridge(ctx, talk))
}

func (b bundle) music(t *testing.T, leg telephony.LegID) bool {
	t.Helper()
	seen, ok := b.fake.Leg(leg)
	require.True(t, ok)
	return seen.Music
}

// TestHoldKeepsTheMusic : whichever way a caller comes to a holding bridge, there is music (telephony.md 2.4).
func TestHoldKeepsTheMusic(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	ctx := t.Context()
	leg := b.arrive(t)
	require.NoError(t, b.client.Answer(ctx, leg))
	for _, line := range []telephony.BridgeID{"hold-a", "hold-b", "hold-b", "hold-a"} {
		require.NoError(t, b.client.Hold(ctx, line, leg))
		require.True(t, b.music(t, leg), line)
	}
	// A new controller finds the caller there by its snapshot.
	client, err := ari.New(config(b.fake))
	require.NoError(t, err)
	_, err = client.Snapshot(ctx)
	require.NoError(t, err)
	require.NoError(t, client.Hold(ctx, "hold-b", leg))
	require.True(t, b.music(t, leg))
	// From a conversation nothing is in the way.
	require.NoError(t, client.EnsureBridge(ctx, "talk-1", telephony.BridgeMixing))
	require.NoError(t, client.Join(ctx, "talk-1", leg))
	removals := len(b.fake.Requests(aritest.OpRemove))
	require.NoError(t, client.Hold(ctx, "hold-a", leg))
	require.True(t, b.music(t, leg))
	require.Len(t, b.fake.Requests(aritest.OpRemove), removals)
}

// TestJoinWaitsBehindAnAnnouncement : and is free once it is stopped.
func TestJoinWaitsBehindAnAnnouncement(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	ctx := t.Context()
	leg := b.arrive(t)
	require.NoError(t, b.client.EnsureBridge(ctx, "talk-1", telephony.BridgeMixing))
	require.NoError(t, b.client.Play(ctx, leg, "pb-1", "sound:x"))
	joined := make(chan error, 1)
	go func() { joined <- b.client.Join(ctx, "talk-1", leg) }()
	b.fake.Await(t, "the join", func() bool { return len(b.fake.Requests(aritest.OpAdd)) == 1 })
	require.NoError(t, b.client.StopPlay(ctx, "pb-1"))
	require.NoError(t, <-joined)
	require.Equal(t, telephony.PlayDone{Playback: "pb-1"}, b.next(t))
	require.Equal(t, telephony.EnteredBridge{Leg: leg, Bridge: "talk-1"}, b.next(t))
}

// TestJoinOfTheDying : 204 and even the event say nothing after the hang-up request.
func TestJoinOfTheDying(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	ctx := t.Context()
	leg := b.arrive(t)
	require.NoError(t, b.client.EnsureBridge(ctx, "talk-1", telephony.BridgeMixing))
	b.fake.StartHangUp(leg)
	require.NoError(t, b.client.Join(ctx, "talk-1", leg))
	b.fake.FinishHangUp(leg)
	require.Equal(t, telephony.HangupRequested{Leg: leg}, b.next(t))
	require.Equal(t, telephony.EnteredBridge{Leg: leg, Bridge: "talk-1"}, b.next(t))
	require.Equal(t, telephony.LeftBridge{Leg: leg, Bridge: "talk-1"}, b.next(t))
	require.Equal(t, telephony.LegLeft{Leg: leg}, b.next(t))
	require.ErrorIs(t, b.client.Join(ctx, "talk-1", leg), telephony.ErrGone)
	require.ErrorIs(t, b.client.Watch(ctx, "channel:"+string(leg)), telephony.ErrGone)
}

// TestHowARingEnds : a telephone's own 480 is told from Asterisk's ring timeout (telephony.md 2.5).
func TestHowARingEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(*aritest.Asterisk, telephony.LegID)
		want telephony.LegGone
	}{
		"busy":    {func(a *aritest.Asterisk, l telephony.LegID) { a.RefuseSeat(l, 486) }, telephony.LegGone{Cause: 17, TechCause: 486, Asked: true}},
		"480":     {func(a *aritest.Asterisk, l telephony.LegID) { a.RefuseSeat(l, 480) }, telephony.LegGone{Cause: 19, TechCause: 480, Asked: true}},
		"timeout": {func(a *aritest.Asterisk, l telephony.LegID) { a.RingTimeout(l) }, telephony.LegGone{Cause: 19, TechCause: 480}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, aritest.Options{})
			r := b.ring(t, b.arrive(t))
			require.NoError(t, b.client.Ring(t.Context(), r))
			c.end(b.fake, r.Leg)
			c.want.Leg = r.Leg
			require.Equal(t, c.want, until[telephony.LegGone](t, b))
		})
	}
}

// TestEndpoints : a browser's account and a fixed telephone's, their news, and their end.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	b := setup(t, aritest.Options{})
	ctx := t.Context()
	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{Name: seat, HA1: "abc"}))
	fields, ok := b.fake.Endpoint(seat)
	require.True(t, ok)
	for attribute, want := range map[string]string{
		"auth/password_digest": "MD5:abc", "auth/realm": "hotline", "aor/max_contacts": "1", "aor/remove_existing": "yes",
		"endpoint/auth": seat, "endpoint/webrtc": "yes", "endpoint/transport": "transport-ws", "endpoint/allow": "!all,alaw,ulaw",
		"endpoint/device_state_busy_at": "1", "endpoint/allow_transfer": "no", "endpoint/context": "seats-nothing",
	} {
		require.Equal(t, want, fields[attribute], attribute)
	}
	b.fake.Register(seat)
	for range 3 {
		require.Equal(t, telephony.EndpointChanged{Endpoint: seat, Online: true}, b.next(t))
	}
	seen, err := b.client.Registered(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]bool{seat: true}, seen)
	b.fake.Drop() // subscribed to again at each connect
	until[telephony.Up](t, b)
	b.fake.Unregister(seat)
	require.Equal(t, telephony.EndpointChanged{Endpoint: seat}, b.next(t))
	seen, err = b.client.Registered(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]bool{seat: false}, seen)
	require.NoError(t, b.client.DropEndpoint(ctx, seat))
	require.NoError(t, b.client.DropEndpoint(ctx, seat), "gone is success")
	left, ok := b.fake.Endpoint(seat)
	require.False(t, ok)
	require.Empty(t, left)

	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{Name: "phone", Contact: "sip:A01@127.0.0.3:5070"}))
	fields, _ = b.fake.Endpoint("phone")
	require.Equal(t, "sip:A01@127.0.0.3:5070", fields["aor/contact"])
	require.Equal(t, "transport-udp", fields["endpoint/transport"])
	require.NotContains(t, fields, "endpoint/webrtc")
	require.Error(t, b.client.PutEndpoint(ctx, telephony.Endpoint{Name: "neither"}))
}
