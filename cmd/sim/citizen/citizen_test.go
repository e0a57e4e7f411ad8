package citizen_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
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
	for _, port := range openPorts(t) {
		require.NotRegexp(t, `^(0\.0\.0\.0|\*|\[::\])`, port, "SIPp opens no port to strangers (RI6)")
	}
	<-over
	require.NoError(t, <-left)

	caller.Patience = 20 * time.Second
	go func() { left <- citizen.Call(ctx, caller) }()
	require.Equal(t, byte(0x2A), <-heard)
	hangup <- struct{}{}
	<-over
	require.NoError(t, <-left)
}

var process = regexp.MustCompile(`"sipp",pid=(\d+)`)

// openPorts are those of the SIPp that this test has started.
func openPorts(t *testing.T) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ss", "-Hlnup").Output()
	require.NoError(t, err)
	var ports []string
	for line := range strings.Lines(string(out)) {
		pid := process.FindStringSubmatch(line)
		if pid == nil {
			continue
		}
		status, err := os.ReadFile("/proc/" + pid[1] + "/status")
		if err == nil && strings.Contains(string(status), fmt.Sprintf("PPid:\t%d\n", os.Getpid())) {
			ports = append(ports, strings.Fields(line)[3])
		}
	}
	require.NotEmpty(t, ports, "SIPp runs")
	return ports
}

// Two who look for ports at the same time never get the same, though neither listens yet (RI6).
func TestPortsAreGivenOnce(t *testing.T) {
	t.Parallel()
	const many = 400 // of 9000: without claims the same is drawn twice, but for once in ten thousand runs
	given := map[int]bool{}
	for range many {
		port, release, err := citizen.FreePorts(t.Context(), "127.0.0.9", 4)
		require.NoError(t, err)
		defer release()
		require.False(t, given[port], "port %d", port)
		given[port] = true
	}
}
