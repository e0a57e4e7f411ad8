package local

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// ProcessSpec says how a server is run.
type ProcessSpec struct {
	Name        string // for messages
	Path        string
	Args        []string
	Dir         string
	Env         []string // nil: the parent's
	User        *User    // nil: as we are
	Chroot      string
	Log         string         // file for stdout and stderr, appended to
	DeathSignal syscall.Signal // sent when the parent dies
	Lock        *os.File       // inherited, so that the lock lives as long as the last descendant
}

// Process is a server started by us. Its methods may be called by several goroutines.
type Process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{}
}

// StartProcess starts a server in the background. ctx governs the start only.
//
// The kernel sends the death signal when the *thread* that forked dies, so a locked thread is kept for the child's life.
func StartProcess(ctx context.Context, spec ProcessSpec) (*Process, error) {
	if err := os.MkdirAll(filepath.Dir(spec.Log), 0o750); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	defer func() { _ = log.Close() }() // the child has its own copy

	cmd := exec.CommandContext(context.WithoutCancel(ctx), spec.Path, spec.Args...)
	cmd.Dir, cmd.Env = spec.Dir, spec.Env
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Chroot:    spec.Chroot,
		Pdeathsig: spec.DeathSignal,
		Setpgid:   true, // Ctrl-C on the terminal is for us; we stop the servers in order
	}
	if spec.User != nil {
		spec.User.apply(cmd.SysProcAttr)
	}
	if spec.Lock != nil {
		cmd.ExtraFiles = []*os.File{spec.Lock}
	}
	if spec.User != nil && !spec.User.canReach(spec.Path) { // what is lent counts from the program's start on: it is given the open file
		program, err := os.Open(spec.Path)
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", spec.Name, err)
		}
		defer func() { _ = program.Close() }() // the child has its own
		cmd.Path = fmt.Sprintf("/proc/self/fd/%d", 3+len(cmd.ExtraFiles))
		cmd.ExtraFiles = append(cmd.ExtraFiles, program)
	}

	p := &Process{name: spec.Name, log: spec.Log, cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go p.own(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s (%s): %w", spec.Name, spec.Path, err)
	}
	return p, nil
}

// own starts the child and waits for it on a thread that ends after the child: it is never unlocked.
func (p *Process) own(started chan<- error) {
	runtime.LockOSThread()
	defer close(p.done)
	err := p.cmd.Start()
	started <- err
	if err == nil {
		_ = p.cmd.Wait() // how it ended is in ProcessState
	}
}

// PID is the process id of the server itself.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the server has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Kill ends the server as a crash would (SIGKILL) and returns when it is gone.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Stop asks with sig and waits; when ctx ends first it kills. Stopping twice does no harm.
func (p *Process) Stop(ctx context.Context, sig syscall.Signal) error {
	p.signal(sig)
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		p.Kill()
		return fmt.Errorf("stop %s: killed it: %w", p.name, ctx.Err())
	}
}

func (p *Process) signal(sig syscall.Signal) {
	_ = p.cmd.Process.Signal(sig) // gone already is what we want; the handle never hits a reused id
}

// WaitReady calls ready until it says nil. It ends early when the server does, with the end of its log.
func (p *Process) WaitReady(ctx context.Context, ready func(context.Context) error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("%s ended while starting (%s); %s says:\n%s", p.name, p.cmd.ProcessState, p.log, Tail(p.log, 12))
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (last: %w); %s says:\n%s", p.name, ctx.Err(), err, p.log, Tail(p.log, 12))
		}
	}
}

// Tail is the last n lines of a log, indented for an error message.
func Tail(path string, n int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "  (" + err.Error() + ")"
	}
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-n):], "\n  ")
}
