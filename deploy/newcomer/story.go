package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"hotline/deploy/local"
)

const (
	patience    = 25 * time.Minute // for a first start
	goneWithin  = time.Minute      // for whatever has to end
	secondStart = 15 * time.Second // design 5
)

// story is what a newcomer does, one thing after the other.
func story(ctx context.Context) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	n := &newcomer{mounts: mounts, began: time.Now()}
	for _, step := range []struct {
		name   string
		starts string // the line after which
		until  func() bool
		signal syscall.Signal
		bound  time.Duration
		look   func(context.Context) error
	}{
		{name: "Ctrl-C while dpkg works", starts: "installing postgresql", until: runs("dpkg"), signal: syscall.SIGINT, bound: patience, look: dpkgIsWhole},
		{name: "the terminal is closed while Asterisk is unpacked", starts: "unpacking Asterisk", until: runs("mmdebstrap"), signal: syscall.SIGHUP, bound: patience, look: noHalfRoot},
		{name: "a first start, and Ctrl-C", starts: "hotline is up", signal: syscall.SIGINT, bound: patience},
		{name: "a second start, and it is terminated", starts: "hotline is up", signal: syscall.SIGTERM, bound: secondStart},
		{name: "a third start, and it is killed", starts: "hotline is up", signal: syscall.SIGKILL, bound: secondStart},
	} {
		say("STEP " + step.name)
		if err := n.demo(ctx, step.starts, step.until, step.signal, step.bound); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		if step.look != nil {
			if err := step.look(ctx); err != nil {
				return fmt.Errorf("%s: %w", step.name, err)
			}
		}
	}
	return nil
}

type newcomer struct {
	mounts []byte // as they were
	began  time.Time
}

// demo runs make demo until it says words and until holds, sends the signal to all that the terminal would, and looks what is left.
func (n *newcomer) demo(ctx context.Context, words string, until func() bool, sig syscall.Signal, bound time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience+goneWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, "make", "demo")
	cmd.Dir, cmd.Env = "/"+home, environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	said, out, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = out, out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("make demo: %w", err)
	}
	_ = out.Close() // make has its own
	heard, over := make(chan struct{}), make(chan struct{})
	go func() { n.hear(said, words, heard); close(over) }()
	select {
	case <-heard:
	case <-over:
		return fmt.Errorf("it ended before it said %q: %w", words, cmd.Wait())
	case <-ctx.Done():
		return fmt.Errorf("it has not said %q in %s", words, patience)
	}
	took := time.Since(began)
	if until == nil {
		err = n.lookAround(ctx)
	} else {
		err = wait(ctx, "what is to be interrupted", until)
	}
	if took > bound {
		err = errors.Join(err, fmt.Errorf("it took %s, and may take %s", took, bound))
	}
	say(fmt.Sprintf("said %q after %.1f s; sending: %s", words, took.Seconds(), sig))
	_ = syscall.Kill(-cmd.Process.Pid, sig) // make and all that it has in the foreground
	went := time.Now()
	_ = cmd.Wait() // make tells of a signal by its status
	err = errors.Join(err, n.nothingLeft(ctx))
	say(fmt.Sprintf("gone after %.1f s", time.Since(went).Seconds()))
	return err
}

// hear passes on what is said, and tells when the words come.
func (n *newcomer) hear(said io.Reader, words string, heard chan<- struct{}) {
	told := false
	for lines := bufio.NewScanner(said); lines.Scan(); {
		fmt.Printf("%7.1f  %s\n", time.Since(n.began).Seconds(), lines.Text())
		if !told && strings.Contains(lines.Text(), words) {
			told = true
			close(heard)
		}
	}
}

// lookAround looks at a demo that runs: it is ready, has a panel, and nobody beyond loopback reaches any of it.
func (n *newcomer) lookAround(ctx context.Context) error {
	var errs []error
	for _, path := range []string{"/readyz", "/"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:8080"+path, http.NoBody)
		if err != nil {
			return err
		}
		res, err := (&http.Client{Timeout: 5 * time.Second}).Do(req)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(io.LimitReader(res.Body, 300))
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			errs = append(errs, fmt.Errorf("%s: %s %s: %w", path, res.Status, text, err))
		}
		say(fmt.Sprintf("%s: %s %.120q", path, res.Status, text))
	}
	for _, open := range local.OpenPorts() {
		if open.OfResolver() {
			continue
		}
		errs = append(errs, fmt.Errorf("%s %s is open beyond loopback: %s", open.Kind, open.At, open.Who))
	}
	return errors.Join(errs...)
}

// nothingLeft waits until no process is left, and looks for what may not be left with them.
func (n *newcomer) nothingLeft(ctx context.Context) error {
	err := wait(ctx, "all processes to end", func() bool { return len(others()) == 0 })
	if err != nil {
		err = fmt.Errorf("%w: left are %v", err, others())
	}
	if _, stat := os.Stat("/usr/sbin/policy-rc.d"); stat == nil {
		err = errors.Join(err, errors.New("/usr/sbin/policy-rc.d is left"))
	}
	mounts, read := os.ReadFile("/proc/self/mountinfo")
	if read != nil || !bytes.Equal(mounts, n.mounts) {
		err = errors.Join(err, read, fmt.Errorf("mounts have changed:\n%s", mounts))
	}
	if left, _ := filepath.Glob("/tmp/hotline-*"); len(left) > 0 { // the pattern is well formed
		err = errors.Join(err, fmt.Errorf("left in /tmp: %v", left))
	}
	return err
}

// others are the processes of this machine but this one and those that wait for being asked how they ended.
func others() []string {
	var all []string
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well formed
	for _, dir := range dirs {
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil || filepath.Base(dir) == strconv.Itoa(os.Getpid()) || strings.Contains(string(stat), ") Z ") {
			continue
		}
		name, _, _ := strings.Cut(string(stat), ") ")
		all = append(all, name+")")
	}
	return all
}

// runs tells whether a program of that name does.
func runs(name string) func() bool {
	return func() bool {
		for _, other := range others() {
			if strings.HasSuffix(other, "("+name+")") {
				return true
			}
		}
		return false
	}
}

func dpkgIsWhole(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "dpkg", "--audit").CombinedOutput()
	if err != nil || len(bytes.TrimSpace(out)) > 0 {
		return fmt.Errorf("dpkg was broken off: %w\n%s", err, out)
	}
	return nil
}

func noHalfRoot(context.Context) error {
	if left, _ := filepath.Glob("/" + home + "/.cache/asterisk-root*"); len(left) > 0 { // the pattern is well formed
		return fmt.Errorf("left: %v", left)
	}
	return nil
}

func wait(ctx context.Context, what string, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, goneWithin)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s", what)
		}
	}
	return nil
}
