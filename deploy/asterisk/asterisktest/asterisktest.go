// Package asterisktest gives a test a real Asterisk of its own, on free ports of 127.0.0.1 and in a temporary directory.
package asterisktest

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/deploy/asterisk"
	"hotline/deploy/local"
)

// Password is what test instances are opened with.
const Password = "test-password-test-password-test-pw"

// Start runs an Asterisk until the test ends; change may set what the test needs. Installing takes about 20 s, once.
func Start(tb testing.TB, change ...func(*asterisk.Config)) *asterisk.Instance {
	tb.Helper()
	inst, cfg := Prepare(tb, change...)
	ctx, cancel := context.WithTimeout(tb.Context(), 2*time.Minute)
	defer cancel()
	x, err := asterisk.Start(ctx, inst, cfg)
	require.NoError(tb, err)
	tb.Cleanup(x.Kill)
	return x
}

// Prepare is all of Start but the start, for tests that start more than once.
func Prepare(tb testing.TB, change ...func(*asterisk.Config)) (asterisk.Installation, asterisk.Config) {
	tb.Helper()
	root, err := local.ModuleRoot()
	require.NoError(tb, err)
	cache := filepath.Join(root, ".cache")
	ctx, cancel := context.WithTimeout(tb.Context(), 5*time.Minute)
	defer cancel()
	say := func(line string) { tb.Log(line) }
	inst, err := asterisk.Install(ctx, cache, say)
	require.NoError(tb, err)
	sounds, err := asterisk.BuildSounds(ctx, asterisk.SoundsConfig{Cache: cache, Progress: say})
	require.NoError(tb, err)
	cfg := asterisk.Config{
		Dir: tb.TempDir(), HTTPAddr: FreeTCP(tb), SIPAddr: FreeUDP(tb), ARIPassword: Password, Sounds: sounds,
	}
	for _, f := range change {
		f(&cfg)
	}
	return inst, cfg
}

// FreeTCP is an address of 127.0.0.1 that nobody listens on.
func FreeTCP(tb testing.TB) string {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	require.NoError(tb, l.Close())
	return l.Addr().String()
}

// FreeUDP is an address of 127.0.0.1 that nobody listens on.
func FreeUDP(tb testing.TB) string {
	tb.Helper()
	c, err := (&net.ListenConfig{}).ListenPacket(tb.Context(), "udp", "127.0.0.1:0")
	require.NoError(tb, err)
	require.NoError(tb, c.Close())
	return c.LocalAddr().String()
}
