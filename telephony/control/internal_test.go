package control

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
)

// RH2: who ends does not wait for a call that is busy with something else: the end is stored alone, and the call, when it comes
// to the match, finds that it is too late.
func TestHandoverWaitsForNobody(t *testing.T) {
	t.Parallel()
	c := New(Config{})
	busy := c.newActor()
	c.calls.calls["next"] = busy
	m := match{call: telephony.Waiting{Call: "next"}, from: &handover{stored: make(chan error, 1)}}
	require.False(t, c.hand(m))
	require.False(t, m.from.claim.CompareAndSwap(false, true))
	require.Len(t, busy.box.take(), 1)
}
