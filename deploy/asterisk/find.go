package asterisk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"hotline/deploy/local"
)

// MinVersion is the oldest Asterisk that is run; 22.10.1 closes holes in ARI (telephony.md 5.3).
const MinVersion = "22.10.1"

// ErrNotInstalled says that there is no Asterisk to run; Install mends it.
var ErrNotInstalled = errors.New("no Asterisk " + MinVersion + " or newer")

// pinned is the version that is taken from the suite while the suite has it: it moves, and this is the one that the tests have seen.
const pinned = "1:22.10.1+dfsg+~cs6.17.60671434-1"

const (
	rootName   = "asterisk-root"
	suite      = "forky" // the first suite of Debian that carries a new enough Asterisk
	rootBinary = "/usr/sbin/asterisk"
)

// Installation is an Asterisk that can be run.
type Installation struct {
	Root    string // folder to chroot into; empty: it is part of the system
	Binary  string // as seen inside Root
	Version string
}

// Find looks for an Asterisk that is new enough, on PATH and in cache; it installs nothing.
func Find(ctx context.Context, cache string) (Installation, error) {
	if binary, err := exec.LookPath("asterisk"); err == nil {
		found := Installation{Binary: binary}
		if found.Version, err = found.version(ctx); err == nil && newEnough(found.Version) {
			return found, nil
		}
	}
	root, err := filepath.Abs(filepath.Join(cache, rootName))
	if err != nil {
		return Installation{}, fmt.Errorf("find Asterisk: %w", err)
	}
	found := Installation{Root: root, Binary: rootBinary}
	if _, err := os.Stat(filepath.Join(root, rootBinary)); err != nil {
		return Installation{}, fmt.Errorf("%w on PATH or in %s", ErrNotInstalled, root)
	}
	if found.Version, err = found.version(ctx); err != nil {
		return Installation{}, err
	}
	if !newEnough(found.Version) {
		return Installation{}, fmt.Errorf("%w: %s has %s; remove that folder to fetch a newer one", ErrNotInstalled, root, found.Version)
	}
	return found, nil
}

// Install finds an Asterisk, or brings one: the distribution's package where it is new enough, else a private root in cache.
// Several processes may call it at once; one works and the others wait.
func Install(ctx context.Context, cache string, progress local.Progress) (Installation, error) {
	found, err := Find(ctx, cache)
	if !errors.Is(err, ErrNotInstalled) {
		return found, err
	}
	lock, err := local.LockDir(ctx, filepath.Join(cache, "asterisk-lock"))
	if err != nil {
		return Installation{}, fmt.Errorf("install Asterisk: %w", err)
	}
	defer func() { _ = lock.Close() }() // it guards, it holds nothing
	if found, err = Find(ctx, cache); !errors.Is(err, ErrNotInstalled) {
		return found, err
	}
	if newEnough(local.AptVersion(ctx, "asterisk")) {
		err = local.EnsurePackages(ctx, progress, "asterisk", "asterisk-modules")
	} else {
		err = buildRoot(ctx, cache, progress)
	}
	if err != nil {
		return Installation{}, fmt.Errorf("install Asterisk: %w", err)
	}
	return Find(ctx, cache)
}

func buildRoot(ctx context.Context, cache string, progress local.Progress) error {
	if os.Geteuid() != 0 {
		return errors.New("unpacking a private Asterisk needs root: run bin/hotline demo --prepare once as root, or install asterisk " + MinVersion + " or newer yourself")
	}
	if err := local.EnsurePackages(ctx, progress, "mmdebstrap", "debian-archive-keyring", "mount"); err != nil {
		return err
	}
	cache, err := filepath.Abs(cache)
	if err != nil {
		return fmt.Errorf("find the cache: %w", err)
	}
	stale, _ := filepath.Glob(filepath.Join(cache, rootName+".new-*")) // the pattern is well formed
	for _, dir := range stale {
		if err := os.RemoveAll(dir); err != nil { // we hold the lock: nobody works there
			return fmt.Errorf("clear %s: %w", dir, err)
		}
	}
	fresh := filepath.Join(cache, rootName+".new-"+strconv.Itoa(os.Getpid()))
	progress.Say("unpacking Asterisk " + pinned + " from Debian " + suite + " (once, about 20 s)")
	said, err := unpack(ctx, fresh, "="+pinned)
	if err != nil && strings.Contains(said, "Version '"+pinned+"'") {
		progress.Say("Debian " + suite + " has moved on and has no Asterisk " + pinned + " any more: taking the one that it has")
		said, err = unpack(ctx, fresh, "")
	}
	if err != nil {
		return errors.Join(fmt.Errorf("mmdebstrap: %w\n%s", err, said), os.RemoveAll(fresh))
	}
	if err := writeHosts(fresh); err != nil {
		return err
	}
	if err := os.Chmod(fresh, 0o755); err != nil { //nolint:gosec // G302: Asterisk's own user lives in it
		return fmt.Errorf("open the root: %w", err)
	}
	if err := os.Rename(fresh, filepath.Join(cache, rootName)); err != nil {
		return fmt.Errorf("put the root in place: %w", err)
	}
	return nil
}

// unpack makes a root with a version of Asterisk ("=1:22…", or "" for whichever there is), and returns the last that it says. It works
// in a process namespace of its own: whatever ends it ends all of it, and what it has mounted is gone.
func unpack(ctx context.Context, dir, version string) (string, error) {
	args := []string{
		"--pid", "--fork", "--kill-child", "--", "mmdebstrap", "--quiet", "--variant=apt", "--mode=root", "--skip=cleanup/apt/lists",
		"--include=asterisk" + version + ",asterisk-modules" + version,
	}
	for _, option := range local.AptOptions(ctx) {
		args = append(args, "--aptopt="+option)
	}
	said, err := local.Task{Path: "unshare", Args: append(args, suite, dir)}.Run(ctx)
	lines := strings.Split(said, "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-8):], "\n  "), err
}

// writeHosts names this machine inside the root: without it PJSIP asks DNS for 5 to 10 s in every session (telephony.md 4.6).
func writeHosts(root string) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("read the machine's name: %w", err)
	}
	want := "127.0.0.1 localhost " + host + "\n::1 localhost\n"
	path := filepath.Join(root, "etc", "hosts")
	if have, err := os.ReadFile(path); err == nil && string(have) == want {
		return nil
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil { //nolint:gosec // G306: everybody reads hosts
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func (i Installation) version(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, i.Binary, "-V")
	if i.Root != "" {
		args := append(asRoot(), "chroot", i.Root, i.Binary, "-V")
		cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	}
	out, err := cmd.Output()
	if err != nil && i.Root != "" && os.Geteuid() != 0 {
		return "", fmt.Errorf("%w that you may run: this machine lets nobody but root enter %s (user namespaces are forbidden, or the way there is closed): %w",
			ErrNotInstalled, i.Root, err)
	}
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", filepath.Join(i.Root, i.Binary), err)
	}
	return strings.TrimSpace(strings.TrimPrefix(string(out), "Asterisk ")), nil
}

// asRoot runs a command that only root may: who is not root is root of a user namespace, which is enough to enter a folder as a root.
func asRoot() []string {
	if os.Geteuid() == 0 {
		return []string{"env"}
	}
	return []string{"unshare", "--user", "--map-root-user", "--"}
}

// newEnough reads Debian's way of writing versions, too: "1:22.10.1+dfsg+~cs6.17-1".
func newEnough(version string) bool {
	have, want := numbers(version), numbers(MinVersion)
	if len(have) < 2 {
		return false
	}
	for i := range want {
		var n int
		if i < len(have) {
			n = have[i]
		}
		if n != want[i] {
			return n > want[i]
		}
	}
	return true
}

func numbers(version string) []int {
	m := regexp.MustCompile(`^(?:[0-9]+:)?([0-9]+(?:\.[0-9]+)*)`).FindStringSubmatch(version)
	if m == nil {
		return nil
	}
	var out []int
	for part := range strings.SplitSeq(m[1], ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		out = append(out, n)
	}
	return out
}
