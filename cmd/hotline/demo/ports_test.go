package demo_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/cmd/hotline/demo"
	sipp "hotline/cmd/sim/citizen"
	"hotline/deploy/local"
)

// A port that somebody was given is given to no other process, though whom it is for does not listen yet.
func TestFreePortIsKept(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"tcp4", "udp4"} {
		port, err := demo.FreePort(t.Context(), kind)
		require.NoError(t, err)
		_, err = (&net.ListenConfig{}).Listen(t.Context(), "unix", fmt.Sprintf("@hotline-port-%s-%d", kind, port))
		require.ErrorContains(t, err, "address already in use", "what another process would claim")
	}
}

func TestMediaPortsAreGivenOnce(t *testing.T) {
	t.Parallel()
	given := map[int]bool{}
	for _, n := range []int{2000, 4000, 2000} {
		start, release, err := demo.MediaPorts(n)
		require.NoError(t, err)
		t.Cleanup(release)
		for port := start; port < start+n; port++ {
			require.False(t, given[port], "port %d", port)
			given[port] = true
		}
	}
}

// A process may run one demo after the other for as long as it likes.
func TestMediaPortsAreGivenBack(t *testing.T) {
	t.Parallel()
	for range 100 {
		_, release, err := demo.MediaPorts(2000)
		require.NoError(t, err)
		release()
	}
}

// RI3: each port that somebody has is named, with whom, before anything is done.
func TestTakenPortsAreNamedBeforeAnyWork(t *testing.T) {
	t.Parallel()
	var c net.ListenConfig
	tcp, err := c.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = tcp.Close() }()
	udp, err := c.ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = udp.Close() }()
	panel, trunk := tcp.Addr().(*net.TCPAddr).Port, udp.LocalAddr().(*net.UDPAddr).Port
	dir := t.TempDir()
	_, err = demo.Start(t.Context(), demo.Options{Dir: dir, Cache: dir, PanelPort: panel, SIPPort: trunk})
	require.ErrorContains(t, err, fmt.Sprintf("port %d (panel): it is taken by process %d (%s", panel, os.Getpid(), os.Args[0]))
	require.ErrorContains(t, err, "PORT=")
	require.ErrorContains(t, err, fmt.Sprintf("port %d (trunk): it is taken by process %d", trunk, os.Getpid()))
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "lock")}, files)
}

func TestASecondDemoInAFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock, err := local.LockDir(t.Context(), dir)
	require.NoError(t, err)
	defer func() { _ = lock.Close() }()
	_, err = demo.Start(t.Context(), demo.Options{Dir: dir, Cache: dir})
	require.ErrorIs(t, err, local.ErrInUse)
}

// listener collects what is told to who waits.
type listener struct {
	mu    sync.Mutex
	lines []string // guarded by mu
}

func (s *listener) say(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func (s *listener) count(words string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(strings.Join(s.lines, "\n"), words)
}

// keep runs a script in the server's place.
func keep(t *testing.T, panel, script string) (*demo.Demo, *listener) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "hotline")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"+script+"\n"), 0o700))
	heard := &listener{}
	d, err := demo.Keep(t.Context(), demo.Options{Dir: dir, Binary: program, Progress: heard.say}, panel)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Stop(t.Context()) })
	return d, heard
}

// RI3: another hotline that answers at our address is not taken for ours.
func TestAnotherServerIsNotTakenForOurs(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Hotline-Instance", "another") }))
	defer other.Close()
	d, _ := keep(t, other.URL, "exec sleep 1000")
	err := d.Ready(t.Context(), patience)
	require.ErrorContains(t, err, fmt.Sprintf("is answered by another server than ours: process %d", os.Getpid()))
}

// RI3: a server that cannot run is started ever more seldom, which is told once, with what it says.
func TestAServerThatCannotRunIsGivenTime(t *testing.T) {
	t.Parallel()
	require.Equal(t, []time.Duration{0, 0, 200 * time.Millisecond, 400 * time.Millisecond, 12800 * time.Millisecond, 15 * time.Second, 15 * time.Second},
		[]time.Duration{demo.Pause(1), demo.Pause(3), demo.Pause(4), demo.Pause(5), demo.Pause(10), demo.Pause(11), demo.Pause(500)})

	d, heard := keep(t, "http://127.0.0.1:1", "echo began; echo the port is gone; exit 1")
	require.Eventually(t, func() bool { return d.ServerStarts() >= 6 }, patience, look)
	require.Equal(t, 1, heard.count("ends as soon as it is started"))
	require.Equal(t, 1, heard.count("the port is gone"))
	require.LessOrEqual(t, d.ServerStarts(), 8, "without a pause there would be hundreds")
}

// RI6: whatever a running demo has opened, only this machine can reach it.
func TestNothingIsOpenBeyondLoopback(t *testing.T) {
	s := start(t, 2)
	called := make(chan error, 1)
	go func() {
		called <- sipp.Call(s.ctx, sipp.Caller{Trunk: s.Trunk, Number: demo.Number, From: "13812345678", IP: "127.0.0.2", Patience: 3 * time.Second})
	}()
	s.until("a citizen is on the telephone", patience, func() bool {
		var n int
		require.NoError(t, s.db.QueryRow(s.ctx, `SELECT count(*) FROM call WHERE ended_at IS NULL`).Scan(&n))
		return n > 0
	})
	for _, open := range local.OpenPorts() {
		require.False(t, descends(open.PID, os.Getpid()) && !open.OfResolver(), "%+v", open)
	}
	require.NoError(t, <-called)
}

// descends: a process is another one, or was started by it or by one that it started.
func descends(pid, from int) bool {
	for pid > 1 {
		if pid == from {
			return true
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return false
		}
		_, after, _ := strings.Cut(string(stat), ") ")
		var state string
		if _, err := fmt.Sscan(after, &state, &pid); err != nil {
			return false
		}
	}
	return false
}
