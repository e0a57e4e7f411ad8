package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	lockPatience = 15 * time.Second // a server whose parent was killed needs a moment to shut down
	slots        = 64
)

// ErrInUse says that another server holds the directory.
var ErrInUse = errors.New("in use by another server")

// LockServer is LockDir with the patience that a shutdown needs; a server that goes on running is an error then.
func LockServer(ctx context.Context, dir string) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	return LockDir(ctx, dir)
}

// LockDir takes the directory, waiting until ctx ends. The lock is the file's (flock), so it ends with the last process that
// has inherited it; nothing is left to clean up after a crash.
func LockDir(ctx context.Context, dir string) (*os.File, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		f, err := tryLock(dir)
		if !errors.Is(err, ErrInUse) {
			return f, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: stop it, or choose another directory", err)
		}
	}
}

// Slot takes the first free of several numbered directories below base. Concurrent test runs so get servers of their
// own, and later runs find directories that are already initialised. Close the file to give the slot back.
func Slot(base string) (string, *os.File, error) {
	for i := range slots {
		dir := filepath.Join(base, strconv.Itoa(i))
		f, err := tryLock(dir)
		if errors.Is(err, ErrInUse) {
			continue
		}
		return dir, f, err
	}
	return "", nil, fmt.Errorf("all %d slots below %s: %w", slots, base, ErrInUse)
}

func tryLock(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // G301: the server's user must walk through; what is private is below
		return nil, fmt.Errorf("make %s: %w", dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", dir, ErrInUse)
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return f, nil
}
