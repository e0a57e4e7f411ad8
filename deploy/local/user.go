package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const capDACOverride = 1 // CAP_DAC_OVERRIDE, linux/capability.h

// User is whom a server runs as.
type User struct {
	Name     string
	UID, GID int

	reach atomic.Bool // lend CAP_DAC_OVERRIDE: the way to its directory is closed to it
}

// ServerUser is the first of names that exists, when we are root; nil when we are not, and servers run as we do.
func ServerUser(names ...string) (*User, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // no other user is a full answer here
	}
	for _, name := range names {
		u, err := lookUp(name)
		if _, missing := errors.AsType[user.UnknownUserError](err); missing {
			continue
		}
		return u, err
	}
	return nil, fmt.Errorf("none of the users %v exists, and servers must not run as root", names)
}

// OwnUser is a system user that one kind of server has to itself, made when it is missing, when we are root; nil when we are not, and
// servers run as we do. Others may make it at the same time.
func OwnUser(ctx context.Context, name string) (*User, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // as above
	}
	again := time.NewTicker(100 * time.Millisecond) // useradd waits for nobody who holds the file of users
	defer again.Stop()
	var out []byte
	for range 50 {
		u, err := lookUp(name)
		if _, missing := errors.AsType[user.UnknownUserError](err); !missing {
			return u, err
		}
		out, err = exec.CommandContext(ctx, "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
			"--shell", "/usr/sbin/nologin", name).CombinedOutput()
		if err == nil {
			continue
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("make user %s: %w", name, ctx.Err())
		}
	}
	return nil, fmt.Errorf("make user %s: %s", name, bytes.TrimSpace(out))
}

func lookUp(name string) (*User, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("look up user %s: %w", name, err)
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", name, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", name, err)
	}
	return &User{Name: name, UID: uid, GID: gid}, nil
}

// OwnDir makes dir private to the user, and remembers whether the user could get there by itself.
func (u *User) OwnDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	if u == nil {
		return nil
	}
	if err := os.Chown(dir, u.UID, u.GID); err != nil {
		return fmt.Errorf("hand %s to %s: %w", dir, u.Name, err)
	}
	u.Reach(dir)
	return nil
}

// Own gives the user everything below a folder, whoever had it before.
func (u *User) Own(dir string) error {
	if u == nil {
		return nil
	}
	root, err := os.OpenRoot(dir) // nobody who may write there already leads us elsewhere
	if err == nil {
		err = fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return root.Lchown(path, u.UID, u.GID)
		})
		err = errors.Join(err, root.Close())
	}
	if err != nil {
		return fmt.Errorf("hand %s to %s: %w", dir, u.Name, err)
	}
	return nil
}

// Share lets the group of another user into a folder of the user's, to do there what mode says; nobody shares nothing.
func (u *User) Share(dir string, with *User, mode fs.FileMode) error {
	if u == nil || with == nil {
		return nil
	}
	f, err := os.OpenFile(dir, syscall.O_NOFOLLOW, 0) // what was there may have become a way to elsewhere
	if err == nil {
		err = errors.Join(f.Chown(u.UID, with.GID), f.Chmod(mode), f.Close()) // in this order: a change of owner takes setgid away
	}
	if err != nil {
		return fmt.Errorf("share %s with %s: %w", dir, with.Name, err)
	}
	return nil
}

// Reach looks whether the user can get at something by itself.
func (u *User) Reach(path string) {
	if u != nil {
		if !u.canReach(path) {
			u.reach.Store(true)
		}
	}
}

func (u *User) canReach(dir string) bool {
	for dir = filepath.Dir(dir); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return false
		}
		search := info.Mode().Perm() & 0o001
		if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) == u.UID {
			search = info.Mode().Perm() & 0o100
		}
		if search == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

func (u *User) apply(attr *syscall.SysProcAttr) {
	attr.Credential = &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID), Groups: []uint32{uint32(u.GID)}}
	if u.reach.Load() {
		attr.AmbientCaps = []uintptr{capDACOverride}
	}
}
