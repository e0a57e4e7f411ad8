package local

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// UntilStopped is a context that ends when this program is to end: by Ctrl-C, by SIGTERM, or because its terminal is gone (SIGHUP;
// not under nohup, which asks to outlive it). A reader of our output that has gone (make demo | tee, and Ctrl-C ends both) does not
// kill us in mid-work: writing to it fails, and that is all.
func UntilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // not ignored: our children would ignore it too
	return signal.NotifyContext(ctx, signals...)
}
