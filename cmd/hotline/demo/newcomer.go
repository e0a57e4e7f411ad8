package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"hotline/deploy/asterisk"
	"hotline/deploy/local"
)

// packages of the distribution that the demo runs.
func packages() []string {
	return []string{"postgresql", "redis-server", "sip-tester", "espeak-ng", "sox"}
}

// Prepare installs what the demo needs and starts nothing: what an administrator does once for people who are not root.
func Prepare(ctx context.Context, cache string, progress func(string)) error {
	if os.Geteuid() != 0 {
		return errors.New("only root installs packages: run this by sudo")
	}
	if err := local.EnsurePackages(ctx, progress, packages()...); err != nil {
		return err
	}
	if err := makeCache(cache); err != nil {
		return err
	}
	if _, err := asterisk.Install(ctx, cache, progress); err != nil {
		return err
	}
	if _, err := asterisk.BuildSounds(ctx, asterisk.SoundsConfig{Cache: cache, Progress: progress}); err != nil {
		return err
	}
	_, err := asterisk.EnsureMediaAddress(ctx, progress)
	return err
}

// makeCache makes the folder of what is installed once for whose clone it is in: who works there adds to it.
func makeCache(cache string) error {
	if _, err := os.Stat(cache); err == nil {
		return nil
	}
	parent, err := os.Stat(filepath.Dir(cache))
	if err == nil {
		err = os.Mkdir(cache, 0o755) //nolint:gosec // G301: nothing in it is secret
	}
	if err == nil {
		if owner, ok := parent.Sys().(*syscall.Stat_t); ok {
			err = os.Chown(cache, int(owner.Uid), int(owner.Gid))
		}
	}
	if err != nil {
		return fmt.Errorf("make the cache: %w", err)
	}
	return nil
}

// allowed tells who is not root all that is missing at once, and how an administrator mends it, before anything is begun.
func (d *Demo) allowed(ctx context.Context) error {
	if os.Geteuid() == 0 {
		return nil
	}
	var missing []string
	if names := local.MissingPackages(ctx, packages()...); len(names) > 0 {
		missing = append(missing, "packages: "+strings.Join(names, " "))
	}
	if _, err := asterisk.Find(ctx, d.Options.Cache); err != nil {
		missing = append(missing, "Asterisk: "+err.Error())
	}
	if _, err := asterisk.MediaAddress(); err != nil {
		missing = append(missing, "network: "+err.Error())
	}
	if err := ctx.Err(); err != nil {
		return err // those who were asked have ended with it
	}
	if len(missing) > 0 {
		cache, err := filepath.Abs(d.Options.Cache)
		if err != nil {
			return fmt.Errorf("the cache: %w", err)
		}
		return fmt.Errorf("you are not root, who alone installs packages; everything else of the demo runs as you are. Missing here:\n  %s\n"+
			"An administrator mends that, once, by\n  sudo %s demo --prepare --cache=%s", strings.Join(missing, "\n  "), d.Options.Binary, cache)
	}
	return writable(d.Options.Dir)
}

// writable: a folder is ours to write to, or can be made.
func writable(dir string) error {
	const write = 2 // W_OK
	path, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("find %s: %w", dir, err)
	}
	for ; ; path = filepath.Dir(path) {
		err := syscall.Access(path, write)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.ENOENT) || path == filepath.Dir(path) {
			return fmt.Errorf("you may not write to %s (%w): it was made by another user, root perhaps; give it away by sudo chown -R %d %s, "+
				"or choose another by --dir", path, err, os.Geteuid(), path)
		}
	}
}
