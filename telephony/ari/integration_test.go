package ari_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"hotline/telephony"
	"hotline/telephony/ari"
)

// TestLiveCall : a citizen over SIP, the hold music, a seat that comes back, the conversation, the hang-up.
func TestLiveCall(t *testing.T) {
	x := liveExchange(t)
	b := x.connect(t)
	ctx := t.Context()
	citizen, official := newPhone(t, x.trunk), newPhone(t, "127.0.0.11")
	name := "seat-" + uuid.Must(uuid.NewV7()).String()
	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{
		Name: name, Contact: fmt.Sprintf("sip:A01@%s:%d", official.ip, official.port),
	}))

	answered := citizen.call(t, "12345", x.sip)
	in := until[telephony.Entered](t, b)
	require.Equal(t, []string{"inbound", "12345"}, in.Args)
	require.Equal(t, "13812345678", in.Caller)
	require.Equal(t, "12345", in.Dialled)
	require.WithinDuration(t, time.Now(), in.At, time.Minute)
	caller := in.Leg
	require.NoError(t, b.client.Watch(ctx, "channel:"+string(caller)))
	require.NoError(t, b.client.Answer(ctx, caller))
	require.Equal(t, caller, until[telephony.Answered](t, b).Leg)
	dialog := <-answered
	require.NotNil(t, dialog)

	line := telephony.BridgeID("hold-" + name)
	require.NoError(t, b.client.Hold(ctx, line, caller))
	require.Equal(t, telephony.EnteredBridge{Leg: caller, Bridge: line}, until[telephony.EnteredBridge](t, b))
	citizen.hears(t, "music on hold")
	require.NoError(t, b.client.Hold(ctx, line, caller))
	citizen.hears(t, "music after holding again")

	offer := telephony.LegID(uuid.Must(uuid.NewV7()).String())
	r := telephony.RingRequest{Leg: offer, Endpoint: name, Caller: caller, CallerID: "138****5678", Limit: 22 * time.Second, Resume: true}
	require.NoError(t, b.client.Ring(ctx, r))
	require.NoError(t, b.client.Ring(ctx, r), "again is success")
	invite := <-official.rang
	require.Equal(t, "1", invite.GetHeader(ari.ResumeHeader).Value())
	require.Equal(t, "138****5678", invite.From().Address.User)
	require.Contains(t, string(invite.Body()), "RTP/AVP 8 0", "the originator's codec comes first")
	require.Equal(t, offer, until[telephony.Ringing](t, b).Leg)
	var s telephony.Snapshot
	var err error
	require.Eventually(t, func() bool { // the event that it rings comes before the channel's state says so
		s, err = b.client.Snapshot(ctx)
		return err == nil && channel(t, s, offer).State == "Ringing"
	}, patience, 20*time.Millisecond)
	require.False(t, channel(t, s, offer).InApp)
	require.True(t, channel(t, s, caller).InApp)
	require.Equal(t, line, channel(t, s, caller).Bridge)
	require.Equal(t, "12345", channel(t, s, caller).Dialled)

	official.pickUp <- 200
	require.Equal(t, []string{"seat", string(offer)}, until[telephony.Entered](t, b).Args)
	talk := telephony.BridgeID("talk-" + name)
	require.NoError(t, b.client.EnsureBridge(ctx, talk, telephony.BridgeMixing))
	require.NoError(t, b.client.EnsureBridge(ctx, talk, telephony.BridgeMixing))
	require.NoError(t, b.client.Join(ctx, talk, offer, caller))
	require.Equal(t, telephony.EnteredBridge{Leg: offer, Bridge: talk}, until[telephony.EnteredBridge](t, b))
	require.Equal(t, telephony.EnteredBridge{Leg: caller, Bridge: talk}, until[telephony.EnteredBridge](t, b))
	citizen.hears(t, "the official")
	official.hears(t, "the citizen")
	s, err = b.client.Snapshot(ctx)
	require.NoError(t, err)
	require.True(t, channel(t, s, offer).InApp)
	require.Equal(t, talk, channel(t, s, offer).Bridge)
	require.False(t, s.Began.IsZero())
	require.False(t, s.Began.After(channel(t, s, caller).CreatedAt), "the run began before its calls")

	require.NoError(t, dialog.Bye(ctx))
	require.Equal(t, telephony.HangupRequested{Leg: caller}, until[telephony.HangupRequested](t, b))
	require.Equal(t, caller, until[telephony.LegLeft](t, b).Leg)
	gone := until[telephony.LegGone](t, b)
	require.Equal(t, telephony.LegGone{Leg: caller, Cause: gone.Cause, Asked: true}, gone)
	require.NoError(t, b.client.Hangup(ctx, offer, "normal"))
	require.Equal(t, telephony.LegGone{Leg: offer, Cause: 16, Asked: true}, until[telephony.LegGone](t, b))
	<-official.byes
	for _, id := range []telephony.BridgeID{line, talk} {
		require.NoError(t, b.client.DeleteBridge(ctx, id))
		require.NoError(t, b.client.DeleteBridge(ctx, id))
	}
	require.NoError(t, b.client.DropEndpoint(ctx, name))
}

// TestLiveMute : a talk room that is not there is made by the join (RT12), and who is muted is not heard by anybody, until the
// mute is over.
func TestLiveMute(t *testing.T) {
	x := liveExchange(t)
	b := x.connect(t)
	ctx := t.Context()
	citizen, official := newPhone(t, x.trunk), newPhone(t, "127.0.0.11")
	official.voice.Store(shout)
	name := "seat-" + uuid.Must(uuid.NewV7()).String()
	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{
		Name: name, Contact: fmt.Sprintf("sip:A01@%s:%d", official.ip, official.port),
	}))
	answered := citizen.call(t, "12345", x.sip)
	caller := until[telephony.Entered](t, b).Leg
	require.NoError(t, b.client.Watch(ctx, "channel:"+string(caller)))
	require.NoError(t, b.client.Answer(ctx, caller))
	dialog := <-answered
	require.NotNil(t, dialog)
	leg := telephony.LegID(uuid.Must(uuid.NewV7()).String())
	require.NoError(t, b.client.Ring(ctx, telephony.RingRequest{Leg: leg, Endpoint: name, Caller: caller, Limit: 22 * time.Second}))
	<-official.rang
	official.pickUp <- 200
	require.Equal(t, leg, until[telephony.Entered](t, b).Leg)

	require.NoError(t, b.client.Mute(ctx, leg, true), "before anybody hears it")
	talk := telephony.BridgeID("talk-" + name)
	require.NoError(t, b.client.Join(ctx, talk, leg, caller), "nobody has made the bridge")
	require.Equal(t, telephony.EnteredBridge{Leg: leg, Bridge: talk}, until[telephony.EnteredBridge](t, b))
	require.Equal(t, telephony.EnteredBridge{Leg: caller, Bridge: talk}, until[telephony.EnteredBridge](t, b))
	s, err := b.client.Snapshot(ctx)
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(s.Bridges, func(br telephony.Bridge) bool { return br.ID == talk && br.Kind == telephony.BridgeMixing }))

	official.hears(t, "who is muted hears")
	require.Zero(t, citizen.loud.Load(), "a mute from before the join holds")
	require.NoError(t, b.client.Mute(ctx, leg, false))
	citizen.hearsVoice(t, "the official")
	require.NoError(t, b.client.Mute(ctx, leg, true))
	require.NoError(t, b.client.Mute(ctx, leg, true), "twice is once")
	loud := citizen.loud.Load()
	official.hears(t, "who is muted hears")
	require.Less(t, citizen.loud.Load()-loud, int64(10), "what is on the way is heard, and then nothing")
	require.NoError(t, b.client.Mute(ctx, leg, false))
	citizen.hearsVoice(t, "the official again")

	require.NoError(t, dialog.Bye(ctx))
	require.NoError(t, b.client.Hangup(ctx, leg, "normal"))
	<-official.byes
	require.NoError(t, b.client.DeleteBridge(ctx, talk))
	require.NoError(t, b.client.DropEndpoint(ctx, name))
}

// TestLiveAnnouncement : whether one runs, a controller that has just come asks.
func TestLiveAnnouncement(t *testing.T) {
	x := liveExchange(t)
	b := x.connect(t)
	ctx := t.Context()
	citizen := newPhone(t, x.trunk)
	answered := citizen.call(t, "12345", x.sip)
	caller := until[telephony.Entered](t, b).Leg
	require.NoError(t, b.client.Answer(ctx, caller))
	dialog := <-answered
	require.NotNil(t, dialog)
	for i, stop := range []bool{true, false} {
		pb := fmt.Sprintf("pb-%s-%d", caller, i)
		require.ErrorIs(t, b.client.Plays(ctx, pb), telephony.ErrGone, "before it began")
		require.NoError(t, b.client.Play(ctx, caller, pb, "hotline/reconnecting"))
		require.NoError(t, b.client.Plays(ctx, pb))
		citizen.hearsVoice(t, "the announcement")
		require.NoError(t, b.client.Plays(ctx, pb))
		if stop {
			require.NoError(t, b.client.StopPlay(ctx, pb))
		}
		require.Equal(t, telephony.PlayDone{Playback: pb}, until[telephony.PlayDone](t, b))
		require.Eventually(t, func() bool { return errors.Is(b.client.Plays(ctx, pb), telephony.ErrGone) }, patience, time.Millisecond, "it is told before it is gone")
	}
	require.NoError(t, dialog.Bye(ctx))
	until[telephony.LegLeft](t, b)
}

// TestLiveReturn : a citizen whom the controller can not take is not refused: the dialplan answers and says so (RT15).
func TestLiveReturn(t *testing.T) {
	x := liveExchange(t)
	b := x.connect(t)
	ctx := t.Context()
	citizen := newPhone(t, x.trunk)
	answered := citizen.call(t, "12345", x.sip)
	caller := until[telephony.Entered](t, b).Leg
	require.Empty(t, answered, "nobody has answered yet")
	require.NoError(t, b.client.Return(ctx, caller))
	require.Equal(t, caller, until[telephony.LegLeft](t, b).Leg)
	dialog := <-answered
	require.NotNil(t, dialog, "200 OK")
	citizen.hearsVoice(t, "the words")
	require.NoError(t, b.client.Return(ctx, caller), "once more is success")
	require.NoError(t, dialog.Bye(ctx))
	require.NoError(t, b.client.Return(ctx, "none"), "gone is success")
}

func channel(t *testing.T, s telephony.Snapshot, id telephony.LegID) telephony.Channel {
	t.Helper()
	for _, ch := range s.Channels {
		if ch.ID == id {
			return ch
		}
	}
	require.Fail(t, "no such channel", id)
	return telephony.Channel{}
}

// TestLiveRefusals : what Asterisk says to what cannot be.
func TestLiveRefusals(t *testing.T) {
	x := liveExchange(t)
	b := x.connect(t)
	ctx := t.Context()
	name := "seat-" + uuid.Must(uuid.NewV7()).String()
	r := telephony.RingRequest{Leg: telephony.LegID(name), Endpoint: name, Limit: 5 * time.Second}
	require.ErrorIs(t, b.client.Ring(ctx, r), telephony.ErrSeatOffline, "not pushed")
	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{Name: name, HA1: strings.Repeat("0a", 16)}))
	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{Name: name, HA1: strings.Repeat("0b", 16)}))
	require.ErrorIs(t, b.client.Ring(ctx, r), telephony.ErrSeatOffline, "not registered")
	r.Caller = "no-such-caller"
	require.ErrorIs(t, b.client.Ring(ctx, r), telephony.ErrGone)
	require.NoError(t, b.client.DropEndpoint(ctx, name))
	require.NoError(t, b.client.DropEndpoint(ctx, name))

	require.ErrorIs(t, b.client.Answer(ctx, "none"), telephony.ErrGone)
	require.NoError(t, b.client.Hangup(ctx, "none", "answered_elsewhere"))
	require.NoError(t, b.client.StopPlay(ctx, "none"))
	require.ErrorIs(t, b.client.Play(ctx, "none", "pb", "sound:x"), telephony.ErrGone)
	require.ErrorIs(t, b.client.Watch(ctx, "channel:none"), telephony.ErrGone)
	require.ErrorIs(t, b.client.Join(ctx, "none", "none"), telephony.ErrGone)
	require.ErrorIs(t, b.client.Leave(ctx, "none", "none"), telephony.ErrGone)
	bridge := telephony.BridgeID("hold-" + name)
	require.ErrorIs(t, b.client.Hold(ctx, bridge, "none"), telephony.ErrGone)
	require.NoError(t, b.client.DeleteBridge(ctx, bridge))
}

// TestLiveRefusedRing : the telephone's own busy.
func TestLiveRefusedRing(t *testing.T) {
	x := liveExchange(t)
	b := x.connect(t)
	ctx := t.Context()
	official := newPhone(t, "127.0.0.11")
	name := "seat-" + uuid.Must(uuid.NewV7()).String()
	require.NoError(t, b.client.PutEndpoint(ctx, telephony.Endpoint{
		Name: name, Contact: fmt.Sprintf("sip:A01@%s:%d", official.ip, official.port),
	}))
	for status, cause := range map[int]int{486: 17, 603: 21, 480: 19} {
		leg := telephony.LegID(uuid.Must(uuid.NewV7()).String())
		require.NoError(t, b.client.Ring(ctx, telephony.RingRequest{Leg: leg, Endpoint: name, Limit: 20 * time.Second}))
		<-official.rang
		official.pickUp <- status
		require.Equal(t, telephony.LegGone{Leg: leg, Cause: cause, TechCause: status, Asked: true}, until[telephony.LegGone](t, b))
	}
	leg := telephony.LegID(uuid.Must(uuid.NewV7()).String())
	require.NoError(t, b.client.Ring(ctx, telephony.RingRequest{Leg: leg, Endpoint: name, Limit: time.Second}))
	<-official.rang
	require.Equal(t, telephony.LegGone{Leg: leg, Cause: 19, TechCause: 480}, until[telephony.LegGone](t, b), "the limit")
	require.NoError(t, b.client.DropEndpoint(ctx, name))
}
