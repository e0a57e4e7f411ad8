package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// taskPatience is how long a task that is told to end may take, and how long its children may keep its output.
const taskPatience = 5 * time.Second

// Task is a program that is run to its end. It has a session of its own: Ctrl-C on our terminal is for us, and so is the terminal's end.
type Task struct {
	Path string
	Args []string
	Env  []string // nil: the parent's
	Keep *os.File // a lock that lives as long as the task; nil: none

	// Whole: what has begun is not broken off, neither by the end of the context, for which the end of the task is waited for, nor by
	// our own. Other tasks end with either.
	Whole bool
	Wait  func() // told once, when the context ends while a whole task goes on; may be nil
}

// Run returns what the task has printed. After the end of ctx the error is ctx's, whatever the task says.
func (t Task) Run(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	said, err := os.CreateTemp("", "hotline-task-") // no pipe: whose reader is killed would kill who writes (SIGPIPE)
	if err != nil {
		return "", fmt.Errorf("keep what %s says: %w", t.Path, err)
	}
	defer func() { _ = said.Close() }() // it was read
	_ = os.Remove(said.Name())          // nothing is left, however we end

	cmd := exec.CommandContext(context.WithoutCancel(ctx), t.Path, t.Args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = t.Env, said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if !t.Whole {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
	}
	if t.Keep != nil {
		cmd.ExtraFiles = []*os.File{t.Keep}
	}
	started, ended := make(chan error, 1), make(chan struct{})
	var how error // of the end; to be read when ended is closed
	go func() {
		runtime.LockOSThread() // the death signal comes when this thread ends: never before the task
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		how = cmd.Wait()
		close(ended)
	}()
	if err := <-started; err != nil {
		return "", err
	}
	select {
	case <-ended:
		err = how
	case <-ctx.Done():
		t.end(cmd.Process.Pid, ended)
		err = ctx.Err()
	}
	if _, seek := said.Seek(0, io.SeekStart); seek != nil {
		return "", errors.Join(err, seek)
	}
	text, read := io.ReadAll(said)
	return strings.TrimSpace(string(text)), errors.Join(err, read)
}

// end waits for the end of a whole task, or brings that of another one about, and of all that it has started.
func (t Task) end(session int, ended <-chan struct{}) {
	if t.Whole {
		if t.Wait != nil {
			t.Wait()
		}
		<-ended
		return
	}
	_ = syscall.Kill(-session, syscall.SIGTERM) // gone already is what we want
	select {
	case <-ended:
		_ = syscall.Kill(-session, syscall.SIGKILL) // children that outlive it
	case <-time.After(taskPatience):
		_ = syscall.Kill(-session, syscall.SIGKILL)
		<-ended
	}
}

// lastLines is the end of what a program has said, indented for an error message.
func lastLines(said string, n int) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-n):], "\n  ")
}
