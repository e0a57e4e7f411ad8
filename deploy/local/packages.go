package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

const policyFile = "/usr/sbin/policy-rc.d"

// EnsurePackages installs the Debian packages that are missing. Their services are kept from starting: the servers that
// we use are our own. Without root it changes nothing and says which command to run.
func EnsurePackages(ctx context.Context, progress Progress, names ...string) error {
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return installed(ctx, name) })
	if len(missing) == 0 {
		return nil
	}
	list := strings.Join(missing, " ")
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("missing: %s; install them with this system's package manager", list)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("missing: %s; run: sudo apt-get update && sudo apt-get install --no-install-recommends %s", list, list)
	}
	restore, err := holdServices()
	if err != nil {
		return err
	}
	defer restore()
	progress.Say("reading package lists")
	if err := apt(ctx, "update"); err != nil {
		return err
	}
	progress.Say("installing " + list)
	return apt(ctx, append([]string{"install", "--yes", "--no-install-recommends"}, missing...)...)
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

func apt(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-q", "-o", "DPkg::Lock::Timeout=300"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("apt-get %s: %w\n  %s", strings.Join(args, " "), err, strings.Join(lines[max(0, len(lines)-8):], "\n  "))
	}
	return nil
}

// holdServices tells Debian's maintainer scripts to start nothing, unless the machine has a policy of its own.
func holdServices() (func(), error) {
	f, err := os.OpenFile(policyFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755) //nolint:gosec // G302: invoke-rc.d runs it
	if errors.Is(err, os.ErrExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("hold services: %w", err)
	}
	_, err = f.WriteString("#!/bin/sh\nexit 101\n")
	if err := errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(policyFile) // best effort beside the error itself
		return nil, fmt.Errorf("hold services: %w", err)
	}
	return func() { _ = os.Remove(policyFile) }, nil // root wrote it, root can remove it
}
