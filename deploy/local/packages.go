package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// EnsurePackages installs the Debian packages that are missing. Their services are kept from starting: the servers that
// we use are our own. Without root it changes nothing and says which command to run.
//
// It waits for whoever else works on packages, ten minutes at most, and says for whom. When ctx ends, dpkg finishes what it has begun:
// nothing is left half installed, and services are let go again. Who is killed instead leaves that to the next call.
func EnsurePackages(ctx context.Context, progress Progress, names ...string) error {
	return installer{
		apt: apt{command: "apt-get", patience: 10 * time.Minute, look: time.Second, progress: progress}, policy: "/usr/sbin/policy-rc.d", has: installed,
	}.ensure(ctx, names)
}

// installer is who brings packages, on this machine or, in tests, in a folder.
type installer struct {
	apt

	policy string // what Debian's maintainer scripts ask whether they may start a service
	has    func(ctx context.Context, name string) bool
}

func (i installer) ensure(ctx context.Context, names []string) error {
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return i.has(ctx, name) })
	if err := ctx.Err(); err != nil {
		return err // those who were asked may have ended with it
	}
	if len(missing) == 0 {
		return i.tidy()
	}
	list := strings.Join(missing, " ")
	if _, err := exec.LookPath(i.command); err != nil {
		return fmt.Errorf("missing: %s; install them with this system's package manager", list)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("missing: %s; only root installs packages: %s", list, InstallCommand(missing...))
	}
	release, err := i.begin(ctx)
	if err != nil {
		return err
	}
	defer release()
	i.progress.Say("reading package lists")
	if err := i.run(ctx, false, "update"); err != nil {
		return err
	}
	install := append([]string{"install", "--yes", "--no-install-recommends"}, missing...)
	i.progress.Say("fetching " + list)
	if err := i.run(ctx, false, append([]string{"--download-only"}, install...)...); err != nil {
		return err
	}
	i.progress.Say("installing " + list)
	return i.run(ctx, true, install...)
}

// InstallCommand is what root runs to install packages.
func InstallCommand(names ...string) string {
	return "sudo apt-get update && sudo apt-get install --no-install-recommends " + strings.Join(names, " ")
}

// MissingPackages are those that are not installed.
func MissingPackages(ctx context.Context, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return installed(ctx, name) })
}

// AptVersion is the version of a package that apt could install, "" if there is none. It asks no network.
func AptVersion(ctx context.Context, name string) string {
	out, err := exec.CommandContext(ctx, "apt-cache", "policy", name).Output()
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(out)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "Candidate: "); ok && v != "(none)" {
			return v
		}
	}
	return ""
}

func installed(ctx context.Context, name string) bool {
	out, err := exec.CommandContext(ctx, "dpkg-query", "-W", "-f", "${Status}", name).Output()
	return err == nil && strings.HasSuffix(string(out), " installed")
}

// ours lets services rest, and says whose it is: a machine may have such a file of its own, which is left alone.
const ours = `#!/bin/sh
# hotline: no service is started while packages are being installed for it; its next start removes this file if it was killed
exit 101
`

// begin keeps services from starting, and other installers waiting, until release is called. The mark of who installs is a lock on the
// policy's folder, which apt inherits: it ends with the last of us, however we end, and a policy of ours without it is a dead one's.
func (i *installer) begin(ctx context.Context) (func(), error) {
	dir, err := i.claim(ctx)
	if err != nil {
		return nil, fmt.Errorf("hold services: %w", err)
	}
	i.keep = dir
	if err := i.hold(); err != nil {
		_ = dir.Close()
		return nil, fmt.Errorf("hold services: %w", err)
	}
	return func() {
		if i.isOurs() {
			_ = os.Remove(i.policy) // root wrote it, root can remove it
		}
		_ = dir.Close()
	}, nil
}

// hold writes the policy where there is none. One of ours is a dead one's, and as good; another is the machine's own.
func (i installer) hold() error {
	f, err := os.OpenFile(i.policy, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755) //nolint:gosec // G302: invoke-rc.d runs it
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(ours)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(i.policy))
	}
	return nil
}

// claim waits for other installers of ours, and for what apt still does for one that was killed.
func (i installer) claim(ctx context.Context) (*os.File, error) {
	dir, err := os.Open(filepath.Dir(i.policy))
	if err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, i.patience)
	defer cancel()
	for told := false; ; told = true {
		err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return dir, nil
		}
		if !told {
			i.progress.Say("waiting until another hotline has installed its packages")
		}
		select {
		case <-time.After(i.look):
		case <-wait.Done():
			_ = dir.Close() // nothing was written
			return nil, cmp.Or(ctx.Err(), fmt.Errorf("another hotline installs packages, and after %s still so: %w", i.patience, err))
		}
	}
}

// tidy removes what an installer left that was killed.
func (i installer) tidy() error {
	if os.Geteuid() != 0 || !i.isOurs() {
		return nil
	}
	dir, err := os.Open(filepath.Dir(i.policy))
	if err != nil {
		return fmt.Errorf("let services go: %w", err)
	}
	defer func() { _ = dir.Close() }() // nothing was written
	if syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil // whose it is, is at work
	}
	if err := os.Remove(i.policy); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("let services go: %w", err)
	}
	return nil
}

func (i installer) isOurs() bool {
	text, err := os.ReadFile(i.policy)
	return err == nil && string(text) == ours
}
