package demo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/deploy/local"
)

const nobody = 65534

// asNobody is the demo, to be run by a user who may nothing, in a folder of that user's.
func asNobody(t *testing.T, path string, args ...string) *exec.Cmd {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "hotline-nobody-") //nolint:usetesting // that of a test may be closed to others
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chown(dir, nobody, nobody))
	program := filepath.Join(dir, "hotline")
	content, err := os.ReadFile(binary)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(program, content, 0o755))
	cmd := exec.CommandContext(t.Context(), program, append([]string{"demo", "--calls=0", "--officials=0", "--port=0", "--ports=free"}, args...)...)
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + path, "HOME=" + dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return cmd
}

// RI4: who is not root is told all that is missing and what an administrator does about it, and nothing is begun.
func TestWhoIsNotRootIsToldWhatIsMissing(t *testing.T) {
	t.Parallel()
	tools, err := os.MkdirTemp("/var/tmp", "hotline-tools-") //nolint:usetesting // that of a test may be closed to others
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(tools) })
	require.NoError(t, os.Chmod(tools, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(tools, "dpkg-query"), []byte("#!/bin/sh\nexit 1\n"), 0o755))
	demo := asNobody(t, tools+":"+os.Getenv("PATH"))
	out, err := demo.CombinedOutput()
	dir, said := demo.Dir, string(out)
	exit, ok := errors.AsType[*exec.ExitError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, 1, exit.ExitCode())
	require.Contains(t, said, "packages: postgresql redis-server sip-tester espeak-ng sox\n")
	require.Contains(t, said, "Asterisk: no Asterisk 22")
	require.Contains(t, said, fmt.Sprintf("sudo %[1]s/hotline demo --prepare --cache=%[1]s/.cache\n", dir))
	var files []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		files = append(files, path)
		return err
	}))
	require.Equal(t, []string{dir, filepath.Join(dir, "hotline")}, files)
}

// RI4: once an administrator has installed what is needed, the rest is for everybody.
func TestWhoIsNotRootRunsTheDemo(t *testing.T) {
	root, err := local.ModuleRoot()
	require.NoError(t, err)
	cache, err := filepath.EvalSymlinks(filepath.Join(root, ".cache"))
	require.NoError(t, err)
	cmd := asNobody(t, os.Getenv("PATH"), "--json", "--cache="+cache)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var up struct {
		Panel string `json:"panel"`
		PID   int    `json:"server_pid"`
	}
	if err := json.NewDecoder(out).Decode(&up); err != nil {
		_ = cmd.Wait() // then it has said all
		require.NoError(t, err, "%s", &said)
	}
	res, err := http.Get(up.Panel + "/readyz")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait(), "%s", &said)
	require.True(t, gone(up.PID))
}

// RI2: a demo that is killed takes with it all that it has started.
func TestDemoThatIsKilledLeavesNobody(t *testing.T) {
	root, err := local.ModuleRoot()
	require.NoError(t, err)
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), binary, "demo", "--json", "--calls=0", "--officials=0", "--port=0", "--ports=free",
		"--dir="+dir, "--cache="+filepath.Join(root, ".cache"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var up struct {
		PID int `json:"server_pid"`
	}
	require.NoError(t, json.NewDecoder(out).Decode(&up))
	t.Cleanup(func() { _ = syscall.Kill(up.PID, syscall.SIGKILL) }) // gone already, unless something is wrong
	require.False(t, gone(up.PID))
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	require.Eventually(t, func() bool { return gone(up.PID) }, patience, look)
	lock, err := local.LockServer(t.Context(), filepath.Join(dir, "postgres"))
	require.NoError(t, err, "Postgres has gone, too")
	require.NoError(t, lock.Close())
}
