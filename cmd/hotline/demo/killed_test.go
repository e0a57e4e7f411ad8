package demo_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whoever kills the demo outright leaves nothing running: all that it has started ends with it, and what those have started.
func TestNothingOutlivesAKilledDemo(t *testing.T) {
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	cmd := exec.Command(binary, "demo", "--json", "--calls=0", "--officials=0", "--dir="+t.TempDir(), "--port=0", "--ports=free")
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended, if all is well
	up := make(chan struct{})
	go func() {
		defer close(up)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.Contains(lines.Text(), `"panel"`) {
				return
			}
		}
	}()
	select {
	case <-up:
	case <-time.After(2 * time.Minute):
		require.Fail(t, "the demo is not up")
	}
	started := children(t, cmd.Process.Pid)
	require.GreaterOrEqual(t, len(started), 4, "Postgres, Redis, Asterisk and the server")
	t.Cleanup(func() {
		for _, pid := range started {
			if t.Failed() {
				_ = syscall.Kill(pid, syscall.SIGKILL) // what has outlived it
			}
		}
	})
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // killed
	require.Eventually(t, func() bool {
		for _, pid := range started {
			if syscall.Kill(pid, 0) == nil {
				return false
			}
		}
		return true
	}, patience, 100*time.Millisecond, "all of %v have ended", started)
}
