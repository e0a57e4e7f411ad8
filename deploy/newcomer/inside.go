package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

// home is the clone, in a folder that only root may enter, as /root is.
const home = "root/hotline"

// inside turns this process into the first one of the bare machine, and then does what a newcomer does.
func inside(root string) error {
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil { //nolint:noctx // at once
		return fmt.Errorf("raise loopback: %w: %s", err, out)
	}
	if err := furnish(root); err != nil {
		return err
	}
	if err := enter(root); err != nil {
		return fmt.Errorf("enter %s: %w", root, err)
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) // under nohup a newcomer's terminal can be closed all the same
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := relay(ctx); err != nil {
		return err
	}
	return story(ctx)
}

// furnish brings what a machine has that a folder has not, and this machine's Go, Node and certificates.
func furnish(root string) error {
	at := func(path string) string { return filepath.Join(root, path) }
	var errs []error
	mount := func(source, target, kind string, flags uintptr) {
		if err := syscall.Mount(source, target, kind, flags, ""); err != nil {
			errs = append(errs, fmt.Errorf("mount %s: %w", target, err))
		}
	}
	bind := func(source, path string) {
		errs = append(errs, os.MkdirAll(at(path), 0o755)) //nolint:gosec // G301: as on any machine
		mount(source, at(path), "", syscall.MS_BIND|syscall.MS_REC)
	}
	mount(root, root, "", syscall.MS_BIND|syscall.MS_REC) // a root has to be a mount
	mount("proc", at("proc"), "proc", 0)
	mount("sysfs", at("sys"), "sysfs", syscall.MS_RDONLY)
	mount("tmpfs", at("dev/shm"), "tmpfs", 0)
	bind(os.Getenv("GOROOT"), "usr/local/go")
	bind(os.Getenv("NPM_ROOT"), "opt/node/lib/node_modules")
	errs = append(errs, os.MkdirAll(at("opt/node/bin"), 0o755)) //nolint:gosec // G301: as on any machine
	if node, err := exec.LookPath("node"); err == nil {
		errs = append(errs, copyFile(node, at("opt/node/bin/node"), 0o755))
	}
	for _, name := range []string{"npm", "npx"} {
		errs = append(errs, os.Symlink("../lib/node_modules/npm/bin/"+name+"-cli.js", at("opt/node/bin/"+name)))
	}
	const certificates = "/etc/ssl/certs/ca-certificates.crt"
	errs = append(errs, copyFile(certificates, at(certificates), 0o644))
	return errors.Join(errs...)
}

func copyFile(from, to string, mode os.FileMode) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, mode) //nolint:gosec // G703: the folder is ours
}

// enter makes root the root: not by chroot, in which nobody may make a user namespace.
func enter(root string) error {
	old := filepath.Join(root, "mnt")
	return errors.Join(syscall.PivotRoot(root, old), os.Chdir("/"), syscall.Unmount("/mnt", syscall.MNT_DETACH))
}

// environment is a newcomer's.
func environment() []string {
	env := []string{
		"HOME=/root", "USER=root", "LANG=C.UTF-8", "PATH=/usr/local/go/bin:/opt/node/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt",
		"no_proxy=127.0.0.1,localhost", "NO_PROXY=127.0.0.1,localhost",
	}
	for _, name := range []string{"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"} {
		env = append(env, name+"=http://"+proxyAddress)
	}
	for _, name := range []string{"GOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE", "npm_config_registry"} {
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}
