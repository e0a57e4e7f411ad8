package local

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

const capDACOverride = 1 // CAP_DAC_OVERRIDE, linux/capability.h

// User is whom a server runs as.
type User struct {
	Name     string
	UID, GID int

	reach bool // lend CAP_DAC_OVERRIDE: the way to its directory is closed to it
}

// ServerUser is the first of names that exists, when we are root; nil when we are not, and servers run as we do.
func ServerUser(names ...string) (*User, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // no other user is a full answer here
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			if _, missing := errors.AsType[user.UnknownUserError](err); missing {
				continue
			}
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
	return nil, fmt.Errorf("none of the users %v exists, and servers must not run as root", names)
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
	u.reach = u.reach || !u.canReach(dir)
	return nil
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
	if u.reach {
		attr.AmbientCaps = []uintptr{capDACOverride}
	}
}
