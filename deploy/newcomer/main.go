// Command newcomer does on a bare Debian 12 what a newcomer does: make demo, Ctrl-C and closed terminals included, and looks that
// nothing is left behind.
//
// The machine is a folder with nothing in it but Debian's essential packages, make, git, and this machine's Go and Node, with
// namespaces of its own for mounts, processes and the network: its ports are its own, and it reaches the world through a proxy only.
// It takes a quarter of an hour, has to be root, and removes everything again.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"hotline/deploy/local"
)

const limit = 40 * time.Minute // for everything

func main() {
	var err error
	if len(os.Args) == 3 && os.Args[1] == "inside" {
		err = inside(os.Args[2])
	} else {
		err = run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "newcomer:", err)
		os.Exit(1)
	}
}

func say(line string) { fmt.Fprintln(os.Stderr, "·", line) }

func run() error {
	ctx, cancel := local.UntilStopped(context.Background())
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, limit)
	defer cancel()
	if os.Geteuid() != 0 {
		return errors.New("a root folder can be made by root only: run this as root")
	}
	if err := local.EnsurePackages(ctx, say, "mmdebstrap", "debian-archive-keyring", "iproute2"); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hotline-newcomer-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // whatever was mounted there has gone with its namespace
	root := filepath.Join(dir, "root")
	if err := build(ctx, root); err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", filepath.Join(root, door))
	if err != nil {
		return fmt.Errorf("open the way to the world: %w", err)
	}
	defer func() { _ = l.Close() }()
	go serveProxy(l)
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--propagation", "private", "--net", "--pid", "--fork", "--kill-child", "--",
		self, "inside", root)
	cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdout, os.Stderr, append(os.Environ(), settings(ctx)...)
	if err := cmd.Run(); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("on the bare machine: %w", err))
	}
	return nil
}

// build makes the machine's root, from where this machine's packages come, and clones this repository into it.
func build(ctx context.Context, root string) error {
	say("making a bare Debian 12 (half a minute)")
	args := []string{"--pid", "--fork", "--kill-child", "--", "mmdebstrap", "--quiet", "--variant=apt", "--mode=root", "--include=make,git,ca-certificates"}
	for _, option := range local.AptOptions(ctx) {
		if !strings.Contains(option, "Proxy") { // it has one of its own
			args = append(args, "--aptopt="+option)
		}
	}
	args = append(args, "bookworm", root)
	// Where there are none, mmdebstrap's own are right.
	targets, _ := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
		"Created-By: Packages", "Origin: Debian").Output()
	for line := range strings.Lines(string(targets)) {
		if strings.Contains(line, " bookworm") {
			args = append(args, strings.TrimSpace(line))
		}
	}
	if said, err := (local.Task{Path: "unshare", Args: args}).Run(ctx); err != nil {
		return fmt.Errorf("mmdebstrap: %w\n%s", err, said)
	}
	source, err := local.ModuleRoot()
	if err != nil {
		return err
	}
	if said, err := (local.Task{Path: "git", Args: []string{"clone", "--quiet", "--no-hardlinks", source, filepath.Join(root, home)}}).Run(ctx); err != nil {
		return fmt.Errorf("clone the repository: %w\n%s", err, said)
	}
	return nil
}

// settings are those by which this machine's Go and npm find what they fetch.
func settings(ctx context.Context) []string {
	var out []string
	for _, name := range []string{"GOROOT", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE"} {
		if value, err := exec.CommandContext(ctx, "go", "env", name).Output(); err == nil {
			out = append(out, name+"="+strings.TrimSpace(string(value)))
		}
	}
	if value, err := exec.CommandContext(ctx, "npm", "config", "get", "registry").Output(); err == nil {
		out = append(out, "npm_config_registry="+strings.TrimSpace(string(value)))
	}
	if value, err := exec.CommandContext(ctx, "npm", "root", "--global").Output(); err == nil {
		out = append(out, "NPM_ROOT="+strings.TrimSpace(string(value)))
	}
	return out
}
