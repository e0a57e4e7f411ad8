package phone_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/cmd/sim/phone"
)

// Two telephones on loopback: one calls, the other answers, each hears the other, and a hang-up reaches both.
func TestTwoPhonesTalk(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	heard := make(chan byte, 1)
	over := make(chan struct{})
	callee, err := phone.Open(ctx, "127.0.0.1:0", func(c *phone.Call) {
		defer close(over)
		v, err := phone.NewVoice("127.0.0.1", []byte{2}, nil)
		if err != nil || c.Ring() != nil || c.Answer(v) != nil {
			return
		}
		<-c.Done()
	})
	require.NoError(t, err)
	caller, err := phone.Open(ctx, "127.0.0.1:0", nil)
	require.NoError(t, err)
	v, err := phone.NewVoice("127.0.0.1", []byte{1}, func(alaw []byte) {
		select {
		case heard <- alaw[0]:
		default:
		}
	})
	require.NoError(t, err)
	defer v.Close()
	c, err := caller.Dial(ctx, "sip:A01@"+callee.Addr(), "055112345678", v)
	require.NoError(t, err)
	require.Equal(t, byte(2), <-heard)
	require.NoError(t, c.Hangup(ctx))
	select {
	case <-over:
	case <-ctx.Done():
		t.Fatal("the callee never learned of the hang-up")
	}
}
