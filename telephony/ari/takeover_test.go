package ari_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"hotline/telephony"
	"hotline/telephony/ari"
)

// TestLiveTakeOver : the second controller finds the caller where the first has left it, and hears what becomes of it; the
// first may do nothing any more, though Asterisk would let it.
func TestLiveTakeOver(t *testing.T) {
	x := liveExchange(t)
	first := x.connect(t)
	ctx := t.Context()
	citizen := newPhone(t, x.trunk)
	answered := citizen.call(t, "12345", x.sip)
	caller := until[telephony.Entered](t, first).Leg
	require.NoError(t, first.client.Watch(ctx, "channel:"+string(caller)))
	require.NoError(t, first.client.Answer(ctx, caller))
	line := telephony.BridgeID("hold-" + uuid.Must(uuid.NewV7()).String())
	require.NoError(t, first.client.Hold(ctx, line, caller))
	dialog := <-answered
	citizen.hears(t, "music")

	second := x.connect(t)
	until[telephony.Replaced](t, first)
	require.ErrorIs(t, <-first.ended, ari.ErrReplaced)
	require.ErrorIs(t, first.client.Hangup(ctx, caller, "normal"), telephony.ErrNoDecision)

	s, err := second.client.Snapshot(ctx)
	require.NoError(t, err)
	found := channel(t, s, caller)
	require.True(t, found.InApp)
	require.Equal(t, "Up", found.State)
	require.Equal(t, "13812345678", found.Caller)
	require.Equal(t, line, found.Bridge)
	other := line + "-other"
	require.NoError(t, second.client.Hold(ctx, other, caller))
	require.Equal(t, telephony.EnteredBridge{Leg: caller, Bridge: other}, until[telephony.EnteredBridge](t, second))
	citizen.hears(t, "music in the other line")

	require.NoError(t, second.client.Play(ctx, caller, string(line), "sound:hotline/technical-problem"))
	require.NoError(t, second.client.StopPlay(ctx, string(line)))
	require.Equal(t, telephony.PlayDone{Playback: string(line)}, until[telephony.PlayDone](t, second))
	require.NoError(t, dialog.Bye(ctx))
	require.Equal(t, caller, until[telephony.LegGone](t, second).Leg)
	for _, id := range []telephony.BridgeID{line, other} {
		require.NoError(t, second.client.DeleteBridge(ctx, id))
	}
}
