package local

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// apt is Debian's, on this machine or, with options, in a root of its own.
type apt struct {
	command  string   // apt-get
	options  []string // of each call
	patience time.Duration
	look     time.Duration // between two looks at locks
	progress Progress
	keep     *os.File // inherited by each call; nil: nothing
}

// run gives a command to apt as soon as nobody else is at work. Locks are waited for before the call, where it can be said for whom,
// because apt itself waits for some of its locks only, and tells nobody.
func (a apt) run(ctx context.Context, whole bool, args ...string) error {
	locks, err := a.locks(ctx)
	if err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, a.patience)
	defer cancel()
	for {
		if err := a.unlocked(wait, locks); err != nil {
			return cmp.Or(ctx.Err(), err)
		}
		said, err := Task{
			Path: a.command, Args: append(append([]string{"-q", "-o", "DPkg::Lock::Timeout=60"}, a.options...), args...),
			Env: append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"), Keep: a.keep, Whole: whole,
			Wait: func() { a.progress.Say("stopping as soon as dpkg has finished what it has begun") },
		}.Run(ctx)
		switch {
		case err == nil, ctx.Err() != nil:
			return ctx.Err()
		case !strings.Contains(said, "Could not get lock") && !strings.Contains(said, "Unable to acquire the dpkg frontend lock"):
			return fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, lastLines(said, 8))
		}
		select { // somebody was faster
		case <-time.After(a.look):
		case <-wait.Done():
			return fmt.Errorf("apt-get %s: gave up after %s:\n%s", strings.Join(args, " "), a.patience, lastLines(said, 8))
		}
	}
}

// unlocked waits until nobody holds one of the locks.
func (a apt) unlocked(ctx context.Context, locks []string) error {
	tick := time.NewTicker(a.look)
	defer tick.Stop()
	told := ""
	for {
		holder := holderOf(locks)
		if holder == "" {
			return nil
		}
		if holder != told {
			told = holder
			a.progress.Say("waiting until other work on packages has ended: " + holder)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("packages are worked on by somebody else, and after %s still so: %s; let that end, then start again", a.patience, holder)
		}
	}
}

// locks are the files by which apt and dpkg keep others out.
func (a apt) locks(ctx context.Context) ([]string, error) {
	out, err := exec.CommandContext(ctx, "apt-config", append(a.options, "shell",
		"LISTS", "Dir::State::lists/d", "ARCHIVES", "Dir::Cache::archives/d", "STATUS", "Dir::State::status/f")...).Output()
	if err != nil {
		return nil, fmt.Errorf("ask apt for its folders: %w", err)
	}
	var paths []string
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, "'")
		if name == "STATUS" {
			dir := filepath.Dir(value)
			paths = append(paths, filepath.Join(dir, "lock-frontend"), filepath.Join(dir, "lock"))
		} else {
			paths = append(paths, filepath.Join(value, "lock"))
		}
	}
	return paths, nil
}

// holderOf tells who holds one of the locks, "" when nobody does. It takes none itself, not even for a moment.
func holderOf(paths []string) string {
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			continue // nobody has ever held it
		}
		lock := syscall.Flock_t{Type: syscall.F_WRLCK}
		err = syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &lock)
		_ = f.Close() // nothing was written
		if err == nil && lock.Type != syscall.F_UNLCK {
			return who(int(lock.Pid)) + " holds " + path
		}
	}
	return ""
}

var handedOn = regexp.MustCompile(`^Acquire::(Check-Valid-Until|https?::Proxy\S*) "[^"]+"$`)

// AptOptions are those settings of this machine's apt that hold for another root too: by which proxy packages come, and whether a mirror
// may be older than it promises (Acquire::Check-Valid-Until). The latter is not ours to give away: without it whoever stands between
// may hold back what mends holes for good. Where an administrator has given it away, as mirrors that stand still need it, that counts.
func AptOptions(ctx context.Context) []string {
	out, err := exec.CommandContext(ctx, "apt-config", "dump", "--format", "%F \"%v\"%n").Output()
	if err != nil {
		return nil
	}
	var options []string
	for line := range strings.Lines(string(out)) {
		if handedOn.MatchString(strings.TrimSpace(line)) {
			options = append(options, strings.TrimSpace(line))
		}
	}
	return options
}
