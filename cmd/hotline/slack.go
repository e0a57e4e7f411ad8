package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
)

// wakeSlack is how late the kernel may wake a thread of the server that sleeps for a time. Go's monitor of its own scheduler sleeps
// for 20 µs, again and again, for a while after every piece of work; with the kernel's usual 50 µs that was a fifth of the
// processor time of a call. Nothing else of ours notices: what a call waits for are events, not times.
const wakeSlack = time.Millisecond

// init keeps main on the first thread, which is the one that dies with who started us (the demo asks for that by a death signal). Starting
// once more makes a first thread of the one that asks for it: from another one nothing would end a server whose demo was killed.
func init() { runtime.LockOSThread() } //nolint:gochecknoinits // nothing else runs on the first thread for certain

// allowSlack starts the program once more if it has less: a thread has its slack from who made it, and Go's monitor is made before the
// first line of ours. The environment's word stands, as that of systemd's TimerSlackNSec, when it is no less.
func allowSlack() error {
	runtime.LockOSThread() // the thread that asks is the one that becomes the program
	defer runtime.UnlockOSThread()
	if timerSlack() >= wakeSlack {
		return nil
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_TIMERSLACK, uintptr(wakeSlack), 0); errno != 0 {
		return fmt.Errorf("set the timer slack: %w", errno)
	}
	if timerSlack() < wakeSlack { // threads of a real-time class have none; without this it would start for ever
		return errors.New("the kernel gives this class of threads no timer slack")
	}
	return fmt.Errorf("start once more: %w", syscall.Exec("/proc/self/exe", os.Args, os.Environ())) //nolint:gosec // itself, as it was called
}

// timerSlack is that of this thread.
func timerSlack() time.Duration {
	slack, _, _ := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_TIMERSLACK, 0, 0)
	return time.Duration(slack)
}
