package local_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/deploy/local"
)

const (
	patience = 20 * time.Second
	look     = 10 * time.Millisecond
)

// aptRoot is a root of apt's own: no source of packages, and none installed.
func aptRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"etc/apt/sources.list.d", "etc/apt/preferences.d", "etc/apt/apt.conf.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	for _, file := range []string{"etc/apt/sources.list", "var/lib/dpkg/status"} {
		require.NoError(t, os.WriteFile(filepath.Join(root, file), nil, 0o644))
	}
	return root
}

// RI1: whoever holds one of the locks of apt and dpkg is named and waited for, and apt is called when the lock is free.
func TestAnotherAptIsWaitedFor(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for _, lock := range []string{"var/lib/apt/lists/lock", "var/cache/apt/archives/lock", "var/lib/dpkg/lock-frontend", "var/lib/dpkg/lock"} {
		t.Run(lock, func(t *testing.T) {
			t.Parallel()
			root := aptRoot(t)
			pid, release := holdLock(t, filepath.Join(root, lock))
			said, done := make(chan string, 100), make(chan error, 1)
			go func() {
				done <- local.EnsureIn(t.Context(), root, "apt-get", patience, func(line string) { said <- line }, "no-such-package")
			}()
			require.Equal(t, "reading package lists", <-said)
			message := <-said
			require.Contains(t, message, "waiting until other work on packages has ended: process "+strconv.Itoa(pid)+" (")
			require.Contains(t, message, os.Args[0], "its command")
			require.Regexp(t, `since \d\d:\d\d:\d\d holds .*`+lock, message)
			select {
			case err := <-done:
				require.Fail(t, "apt was not waited for", "%v", err)
			default:
			}
			release()
			require.ErrorContains(t, <-done, "Unable to locate package no-such-package", "the lists were read, and apt was asked")
			require.NoFileExists(t, filepath.Join(root, "policy-rc.d"))
		})
	}
}

func TestAnotherAptThatDoesNotEndIsNamed(t *testing.T) {
	t.Parallel()
	needRoot(t)
	root := aptRoot(t)
	pid, _ := holdLock(t, filepath.Join(root, "var/lib/apt/lists/lock"))
	err := local.EnsureIn(t.Context(), root, "apt-get", 50*time.Millisecond, nil, "any")
	require.ErrorContains(t, err, "process "+strconv.Itoa(pid))
	require.ErrorContains(t, err, "let that end, then start again")
	require.NoFileExists(t, filepath.Join(root, "policy-rc.d"))
}

// holdLock lets another process hold a lock as apt does, until release.
func holdLock(t *testing.T, path string) (int, func()) {
	t.Helper()
	holder := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLockHolder$")
	holder.Env = append(os.Environ(), "HOLD_LOCK="+path)
	in, err := holder.StdinPipe()
	require.NoError(t, err)
	out, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	_, err = io.ReadFull(out, make([]byte, len("held\n")))
	require.NoError(t, err)
	return holder.Process.Pid, func() {
		_ = in.Close()
		_ = holder.Wait()
	}
}

// TestLockHolder is no test: it is who holds a lock.
func TestLockHolder(t *testing.T) {
	t.Parallel()
	path := os.Getenv("HOLD_LOCK")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640)
	require.NoError(t, err)
	require.NoError(t, syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK}))
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// RI2: whoever is told to end while packages are installed lets dpkg finish, keeps nothing running and leaves services as they were;
// what a kill -9 leaves is tidied up by the next start.
func TestStoppedWhileInstalling(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for _, step := range []string{"update", "fetch", "install"} {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGKILL} {
			t.Run(step+" "+sig.String(), func(t *testing.T) {
				t.Parallel()
				stopWhileInstalling(t, step, sig)
			})
		}
	}
}

func stopWhileInstalling(t *testing.T, step string, sig syscall.Signal) {
	t.Helper()
	root := aptRoot(t)
	policy, fifo := filepath.Join(root, "policy-rc.d"), filepath.Join(root, "go-on")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	script := fmt.Sprintf(`#!/bin/sh
case " $* " in *" --download-only "*) step=fetch;; *" install "*) step=install;; *) step=update;; esac
echo $$ >%[1]s/begun.new && mv %[1]s/begun.new %[1]s/$step.begun
test $step = %[2]s && read -r line <%[1]s/go-on
echo >&2 some words
touch %[1]s/$step.ended
`, root, step)
	require.NoError(t, os.WriteFile(filepath.Join(root, "apt-get"), []byte(script), 0o755))
	doomed := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestInstallerThatIsStopped$")
	doomed.Env = append(os.Environ(), "INSTALL_IN="+root)
	doomed.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, doomed.Start())
	apt := begun(t, filepath.Join(root, step+".begun"))
	t.Cleanup(func() { _ = syscall.Kill(apt, syscall.SIGKILL) }) // gone already, unless something is wrong
	require.FileExists(t, policy)
	require.NoError(t, syscall.Kill(-doomed.Process.Pid, sig), "as a terminal does: to all of them")

	if step == "install" && sig != syscall.SIGKILL {
		require.Eventually(t, func() bool {
			said, err := os.ReadFile(filepath.Join(root, "said"))
			return err == nil && strings.Contains(string(said), "stopping as soon as dpkg has finished")
		}, patience, look)
		require.True(t, alive(apt), "dpkg is not broken off")
		require.FileExists(t, policy, "services rest until it has ended")
	}
	if step == "install" {
		goOn(t, fifo)
		require.Eventually(t, func() bool { return !alive(apt) }, patience, look)
		require.FileExists(t, filepath.Join(root, "install.ended"), "dpkg has finished")
	}
	err := doomed.Wait()
	require.Eventually(t, func() bool { return !alive(apt) }, patience, look)
	if step != "install" {
		require.NoFileExists(t, filepath.Join(root, step+".ended"), "what may be broken off is not waited for")
	}
	if sig != syscall.SIGKILL {
		require.NoError(t, err, "it has ended by itself, as told")
		require.NoFileExists(t, policy)
		return
	}
	require.FileExists(t, policy, "nobody was left to remove it")
	require.NoError(t, local.EnsureIn(t.Context(), root, "apt-get", patience, nil))
	require.NoFileExists(t, policy)
}

// A start that needs no package leaves the policy to another one that installs some, or whose apt still does.
func TestPolicyOfALivingInstallerStays(t *testing.T) {
	t.Parallel()
	needRoot(t)
	root := aptRoot(t)
	policy := filepath.Join(root, "policy-rc.d")
	require.NoError(t, os.WriteFile(policy, []byte(local.Policy), 0o755))
	dir, err := os.Open(root)
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(dir.Fd()), syscall.LOCK_EX))
	require.NoError(t, local.EnsureIn(t.Context(), root, "apt-get", patience, nil))
	require.FileExists(t, policy)
	said := make(chan string, 10)
	err = local.EnsureIn(expired(t), root, "apt-get", patience, func(line string) { said <- line }, "any")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, "waiting until another hotline has installed its packages", <-said)
	require.NoError(t, dir.Close())
}

func TestPolicyOfTheMachineStays(t *testing.T) {
	t.Parallel()
	needRoot(t)
	root := aptRoot(t)
	policy := filepath.Join(root, "policy-rc.d")
	require.NoError(t, os.WriteFile(policy, []byte("#!/bin/sh\nexit 101\n"), 0o755))
	require.ErrorContains(t, local.EnsureIn(t.Context(), root, "apt-get", patience, nil, "no-such-package"), "Unable to locate")
	require.NoError(t, local.EnsureIn(t.Context(), root, "apt-get", patience, nil))
	require.FileExists(t, policy)
}

// TestInstallerThatIsStopped is no test: it is who is stopped.
func TestInstallerThatIsStopped(t *testing.T) {
	t.Parallel()
	root := os.Getenv("INSTALL_IN")
	if root == "" {
		return
	}
	ctx, cancel := local.UntilStopped(context.Background())
	defer cancel()
	said, err := os.Create(filepath.Join(root, "said"))
	require.NoError(t, err)
	err = local.EnsureIn(ctx, root, filepath.Join(root, "apt-get"), patience, func(line string) { _, _ = fmt.Fprintln(said, line) }, "any")
	require.ErrorIs(t, err, context.Canceled)
}

// begun waits until a script has written its process id.
func begun(t *testing.T, path string) int {
	t.Helper()
	var pid int
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	}, patience, look)
	return pid
}

func goOn(t *testing.T, fifo string) {
	t.Helper()
	f, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("on\n")
	require.NoError(t, errors.Join(err, f.Close()))
}

// alive: it runs; one that waits for being asked how it ended does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// needRoot: only root installs packages, and the tests of this project run as root.
func needRoot(t *testing.T) {
	t.Helper()
	require.Zero(t, os.Geteuid(), "run the tests as root")
}
