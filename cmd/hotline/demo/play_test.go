package demo_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/cmd/hotline/demo"
)

// RA8: the server carries no telephone and no simulator: whoever plays people is a program of its own.
func TestServerLinksNoSimulator(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "hotline/cmd/hotline").Output()
	require.NoError(t, err)
	for dep := range strings.Lines(string(out)) {
		require.NotContains(t, dep, "sipgo")
		require.NotContains(t, dep, "hotline/cmd/sim")
	}
}

func TestMissingSimulatorSaysWhatToDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := demo.Simulator(filepath.Join(dir, "hotline"))
	require.ErrorContains(t, err, "make build")
	require.ErrorContains(t, err, "--calls=0")
	sim := filepath.Join(dir, "sim")
	require.NoError(t, os.WriteFile(sim, nil, 0o700))
	found, err := demo.Simulator(filepath.Join(dir, "hotline"))
	require.NoError(t, err)
	require.Equal(t, sim, found)
}

// simulator is a script in the simulator's place; it writes its process id, then what it was told.
func simulator(t *testing.T, then string) (*demo.Demo, demo.Cast) {
	t.Helper()
	dir := t.TempDir()
	sim := filepath.Join(dir, "sim")
	script := fmt.Sprintf("#!/bin/sh\necho $$ \"$@\" >%[1]s/told.new; mv %[1]s/told.new %[1]s/told\n%[2]s\n", dir, then)
	require.NoError(t, os.WriteFile(sim, []byte(script), 0o755))
	return &demo.Demo{Options: demo.Options{Dir: dir, Cache: dir}, Panel: "http://127.0.0.1:8080", Trunk: "127.0.0.1:5060"},
		demo.Cast{Simulator: sim, Calls: true, Officials: []demo.Account{{LoginName: "jieting03", Seat: "A03"}, {LoginName: "jieting04", Seat: "A04"}}}
}

// told waits until the simulator runs, and returns its process id and what it was told.
func told(t *testing.T, dir string) (int, []string) {
	t.Helper()
	var words []string
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(filepath.Join(dir, "told"))
		words = strings.Fields(string(b))
		return err == nil && len(words) > 0
	}, patience, look)
	pid, err := strconv.Atoi(words[0])
	require.NoError(t, err)
	return pid, words[1:]
}

// gone: it does not run any more; that somebody has asked how it ended is not needed.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestSimulatorPlaysUntilTheDemoStops(t *testing.T) {
	t.Parallel()
	d, cast := simulator(t, "exec sleep 1000")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Play(ctx, cast) }()
	pid, words := told(t, d.Options.Dir)
	require.Equal(t, []string{
		"play", "--base=http://127.0.0.1:8080", "--trunk=127.0.0.1:5060", "--number=12345", "--cache=" + filepath.Join(d.Options.Dir, "player"),
		"--password-file=" + filepath.Join(d.Options.Dir, "player", "password"), "--calls=true",
		"--official=jieting03@A03", "--official=jieting04@A04",
	}, words)
	require.False(t, gone(pid))
	stop()
	require.NoError(t, <-ended)
	require.True(t, gone(pid))
}

func TestSimulatorThatEndsEndsTheDemo(t *testing.T) {
	t.Parallel()
	d, cast := simulator(t, "echo no telephone here >&2; exit 1")
	err := d.Play(t.Context(), cast)
	require.ErrorContains(t, err, "sim.log")
	require.ErrorContains(t, err, "no telephone here")
}

// playIn names the folder of a demo that TestSimulatorDiesWithTheDemo starts in order to kill it.
const playIn = "PLAY_IN"

// A demo that is killed leaves nobody who calls.
func TestSimulatorDiesWithTheDemo(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv(playIn); dir != "" { // the demo that is killed
		d := &demo.Demo{Options: demo.Options{Dir: dir, Cache: dir}}
		require.NoError(t, d.Play(t.Context(), demo.Cast{Simulator: filepath.Join(dir, "sim")}))
		return
	}
	d, _ := simulator(t, "exec sleep 1000")
	doomed := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSimulatorDiesWithTheDemo$")
	doomed.Env = append(os.Environ(), playIn+"="+d.Options.Dir)
	require.NoError(t, doomed.Start())
	pid, _ := told(t, d.Options.Dir)
	require.NoError(t, doomed.Process.Kill())
	_ = doomed.Wait() // it was killed
	require.Eventually(t, func() bool { return gone(pid) }, 10*time.Second, look)
}
