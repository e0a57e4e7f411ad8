package citizen_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/cmd/sim/citizen"
	"hotline/cmd/sim/phone"
)

// A citizen who calls is heard, and hangs up when patience ends; one who is hung up on leaves at once.
func TestCitizenSpeaksAndLeaves(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	speech := filepath.Join(t.TempDir(), "speech.alaw")
	require.NoError(t, os.WriteFile(speech, bytes.Repeat([]byte{0x2A}, 8000), 0o600))
	heard := make(chan byte)
	over := make(chan struct{}, 2)
	hangup := make(chan struct{}, 1)
	callee, err := phone.Open(ctx, "127.0.0.1:0", func(c *phone.Call) {
		v, err := phone.NewVoice("127.0.0.1", nil, func(alaw []byte) {
			select {
			case heard <- alaw[0]:
			case <-c.Done():
			}
		})
		if err != nil || c.Answer(v) != nil {
			return
		}
		select {
		case <-c.Done():
		case <-hangup:
			_ = c.Hangup(ctx)
		}
		over <- struct{}{}
	})
	require.NoError(t, err)
	caller := citizen.Caller{Trunk: callee.Addr(), Number: "12345", From: "13812345678", IP: "127.0.0.2", Speech: speech, Patience: 2 * time.Second}
	left := make(chan error, 1)
	go func() { left <- citizen.Call(ctx, caller) }()
	require.Equal(t, byte(0x2A), <-heard)
	<-over
	require.NoError(t, <-left)

	caller.Patience = 20 * time.Second
	go func() { left <- citizen.Call(ctx, caller) }()
	require.Equal(t, byte(0x2A), <-heard)
	hangup <- struct{}{}
	<-over
	require.NoError(t, <-left)
}
