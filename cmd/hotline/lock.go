package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/google/uuid"
)

// identity is this server's name among controllers, and the lock that proves that nobody else bears it.
type identity struct {
	id   string
	lock *os.File // nil: another process has the lock, and the id is of this start only
}

// takeIdentity reads the server's id from its lock file under the lock, which ends with this process, however it ends: a lease
// under that id is a dead process's. The first start writes the id. Host names and addresses are no names: two machines may
// have them alike, each with a lock of its own. Whoever cannot have the lock gets an id that nobody has borne, and an error.
func takeIdentity(path string) (identity, error) {
	stranger := identity{id: uuid.Must(uuid.NewV7()).String()}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return stranger, fmt.Errorf("open %s: %w", path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		return stranger, fmt.Errorf("lock %s: %w", path, err)
	}
	id, err := keptID(f, stranger.id)
	if err != nil {
		_ = f.Close() // the error says more
		return stranger, fmt.Errorf("keep this server's id in %s: %w", path, err)
	}
	return identity{id: id, lock: f}, nil
}

// keptID is the id in the file. One that is none, as after a crash in mid-write, is replaced: it costs one wait for a lease.
func keptID(f *os.File, fresh string) (string, error) {
	const longest = 64
	b, err := io.ReadAll(io.LimitReader(f, longest))
	if err != nil {
		return "", err
	}
	if kept := strings.TrimSpace(string(b)); uuid.Validate(kept) == nil {
		return kept, nil
	}
	if err := f.Truncate(0); err != nil {
		return "", err
	}
	if _, err := f.WriteAt([]byte(fresh+"\n"), 0); err != nil {
		return "", err
	}
	return fresh, f.Sync()
}
