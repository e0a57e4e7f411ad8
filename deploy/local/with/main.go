// Command with runs a command beside a private Postgres and Redis for tests, and stops them when it ends:
//
//	go run ./deploy/local/with -- go test -race ./...
//
// The command finds them by HOTLINE_TEST_DATABASE_URL and HOTLINE_TEST_REDIS_URL. Its exit status is passed on.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"hotline/deploy/local"
)

func main() {
	status, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "with:", err)
	}
	os.Exit(status)
}

func run(args []string) (int, error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return 2, errors.New("no command; use: go run ./deploy/local/with -- COMMAND ARGUMENTS")
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	root, err := local.ModuleRoot()
	if err != nil {
		return 1, err
	}
	pair, err := local.StartPair(ctx, filepath.Join(root, ".cache", "test"), func(line string) { fmt.Fprintln(os.Stderr, "·", line) })
	if err != nil {
		return 1, err
	}
	status, err := beside(ctx, pair, args)
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer done()
	if err := errors.Join(err, pair.Stop(stop)); err != nil {
		return max(status, 1), err
	}
	return status, nil
}

// beside runs the command; an interrupt reaches it as SIGTERM, and it has ten seconds.
func beside(ctx context.Context, pair *local.Pair, args []string) (int, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // G702: running what it is told is its purpose
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(),
		"HOTLINE_TEST_DATABASE_URL="+pair.Postgres.URL(local.Database), "HOTLINE_TEST_REDIS_URL="+pair.Redis.URL())
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1), nil
	}
	if err != nil {
		return 1, fmt.Errorf("run %s: %w", args[0], err)
	}
	return 0, nil
}
