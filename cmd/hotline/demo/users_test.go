package demo_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/cmd/hotline/demo"
	"hotline/deploy/asterisk"
	"hotline/deploy/local"
	"hotline/deploy/migrations"
)

// Nothing that listens or plays runs as root, and the server, Asterisk and the stores read nothing of each other's: what one of them is
// made to do by a stranger reaches its own files and no others. Each is asked by a process of that user.
func TestEachRunsAsAUserOfItsOwn(t *testing.T) {
	require.Zero(t, os.Getuid(), "the private Asterisk takes root to start, and so does this")
	s := start(t, 1)
	users := map[string]*local.User{}
	for _, name := range []string{demo.ServerUser, demo.SimulatorUser, asterisk.User, "postgres", "redis"} {
		u, err := local.OwnUser(t.Context(), name)
		require.NoError(t, err)
		users[name] = u
	}
	for pid, want := range map[int]string{s.ServerPID(): demo.ServerUser, s.Exchange.PID(): asterisk.User, s.Postgres.PID(): "postgres", s.Redis.PID(): "redis"} {
		require.Equal(t, [4]int{users[want].UID, users[want].UID, users[want].UID, users[want].UID}, uids(t, pid), want)
		require.Equal(t, "0000000000000000", status(t, pid, "CapEff"), "%s has no power of root's left", want)
	}
	for _, pid := range children(t, os.Getpid()) {
		require.NotContains(t, uids(t, pid), 0, "process %d: %s", pid, status(t, pid, "Name"))
	}

	may := func(who, path string) bool {
		cmd := exec.Command("cat", path)
		if strings.HasSuffix(path, "/") {
			cmd = exec.Command("ls", path)
		}
		u := users[who]
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID), Groups: []uint32{uint32(u.GID)}}}
		out, err := cmd.CombinedOutput()
		if err != nil {
			require.Contains(t, string(out), "ermission denied", "%s at %s: %v", who, path, err)
		}
		return err == nil
	}
	for path, readers := range map[string][]string{
		"secrets/number-keys":      {demo.ServerUser},
		"secrets/database-url":     {demo.ServerUser},
		"secrets/ari-password":     {demo.ServerUser},
		"secrets/password":         {demo.ServerUser},
		"secrets/":                 {demo.ServerUser},
		"asterisk/etc/ari.conf":    {asterisk.User},
		"asterisk/etc/":            {asterisk.User},
		"asterisk/log/":            {asterisk.User},
		"asterisk/spool/messages/": {asterisk.User},
		"asterisk/spool/":          {asterisk.User},
		"asterisk/spool/net/":      {asterisk.User, demo.ServerUser},
		"asterisk/run/":            {asterisk.User},
		"postgres/data/PG_VERSION": {"postgres"},
		"postgres/run/":            {"postgres", demo.ServerUser},
		"redis/run/":               {"redis", demo.ServerUser},
		"hotline.log":              {},
		"":                         {},
	} {
		for name := range users {
			require.Equal(t, slices.Contains(readers, name), may(name, s.Options.Dir+"/"+path), "%s reads %s", name, path)
		}
	}

	for _, role := range []string{migrations.RoleApp, migrations.RoleController, migrations.RoleReactions} {
		said, err := s.whoami(users[demo.ServerUser], s.Postgres.URLOf(role, local.Database))
		require.NoError(t, err, said)
		require.Equal(t, role, said)
	}
	for _, role := range []string{local.Superuser, migrations.RoleOwner, migrations.RoleMigrate, migrations.RoleReport, "postgres"} {
		said, err := s.whoami(users[demo.ServerUser], s.Postgres.URLOf(role, local.Database))
		require.Error(t, err, "the server is no %s", role)
		require.Contains(t, said, "authentication failed", role)
	}
}

// whoami says as whom a user is let into the database.
func (s *stage) whoami(u *local.User, url string) (string, error) {
	cmd := exec.CommandContext(s.ctx, "psql", url, "-XAtc", "SELECT current_user")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID), Groups: []uint32{uint32(u.GID)}}}
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// uids are those of a process: real, effective, saved, of the file system.
func uids(t *testing.T, pid int) [4]int {
	t.Helper()
	var all [4]int
	_, err := fmt.Sscan(status(t, pid, "Uid"), &all[0], &all[1], &all[2], &all[3])
	require.NoError(t, err)
	return all
}

func status(t *testing.T, pid int, field string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("process %d has no %s", pid, field)
	return ""
}

// children are those of a process, and theirs, but for what the test itself has started to look.
func children(t *testing.T, of int) []int {
	t.Helper()
	var all []int
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", of))
	require.NoError(t, err)
	for _, path := range tasks {
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		require.NoError(t, err)
		for word := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(word)
			require.NoError(t, err)
			all = append(append(all, pid), children(t, pid)...)
		}
	}
	return all
}
