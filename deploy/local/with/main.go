// Command with runs a command beside a private Postgres and Redis for tests, and stops them when it ends:
//
//	go run ./deploy/local/with -- go test -race ./...
//	go run ./deploy/local/with --asterisk -- go test -race ./...
//
// The command finds them by HOTLINE_TEST_DATABASE_URL, HOTLINE_TEST_REDIS_URL and, with --asterisk, a private Asterisk by
// HOTLINE_TEST_ASTERISK (http://user:password@host:port?sip=host:port&trunk=address). A command that fails makes this one
// fail with its status.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
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
	exchange := len(args) > 0 && args[0] == "--asterisk"
	if exchange {
		args = args[1:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return 2, errors.New("no command; use: go run ./deploy/local/with -- COMMAND ARGUMENTS")
	}
	ctx, cancel := local.UntilStopped(context.Background())
	defer cancel()
	root, err := local.ModuleRoot()
	if err != nil {
		return 1, err
	}
	cache := filepath.Join(root, ".cache")
	pair, err := local.StartPair(ctx, filepath.Join(cache, "test"), say)
	if err != nil {
		return 1, err
	}
	env := []string{"HOTLINE_TEST_DATABASE_URL=" + pair.Postgres.URL(local.Database), "HOTLINE_TEST_REDIS_URL=" + pair.Redis.URL()}
	status, err := inside(ctx, exchange, cache, env, args)
	stop, done := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer done()
	if err := errors.Join(err, pair.Stop(stop)); err != nil {
		return max(status, 1), err
	}
	return status, nil
}

func inside(ctx context.Context, exchange bool, cache string, env, args []string) (int, error) {
	if exchange {
		return withAsterisk(ctx, cache, env, args)
	}
	return beside(ctx, env, args)
}

// beside runs the command; an interrupt reaches it as SIGTERM, and it has ten seconds.
func beside(ctx context.Context, env, args []string) (int, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // G702: running what it is told is its purpose
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), env...)
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
