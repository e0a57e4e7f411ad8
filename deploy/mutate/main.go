// Command mutate switches off the guards of the product, one by one, and looks whether a test of each falls. The working tree is not
// touched: the compiler is given another text for one file. Tests that need servers need them here too:
//
//	go run ./deploy/local/with --asterisk -- go run ./deploy/mutate [part of a name]
//
// It exits with 1 when a guard can be missing without anybody noticing.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

// guard is one line of defence: the text that makes it, the text that it is without it, and who must notice.
type guard struct {
	name     string // what it promises
	file     string // from the top of the repository
	old, new string // old is there once
	pkg      string // of the tests
	tests    string // as -run takes it
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	part := strings.Join(os.Args[1:], " ")
	if err := run(ctx, part); err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, part string) error {
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is the system's to empty otherwise
	var alive []string
	n := 0
	for _, g := range guards() {
		if !strings.Contains(g.name, part) {
			continue
		}
		n++
		began := time.Now()
		noticed, said, err := g.try(ctx, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
		word := "noticed "
		if !noticed {
			word = "SURVIVES"
			alive = append(alive, g.name)
		}
		fmt.Printf("%s  %4.1f s  %-58s %s\n", word, time.Since(began).Seconds(), g.name, said)
	}
	switch {
	case n == 0:
		return fmt.Errorf("no guard's name holds %q", part)
	case len(alive) > 0:
		return fmt.Errorf("%d of %d guards can be missing: %s", len(alive), n, strings.Join(alive, "; "))
	}
	fmt.Printf("all of %d guards are held by a test\n", n)
	return nil
}

// try runs the guard's tests without it; what is said names the first test that fell.
func (g guard) try(ctx context.Context, dir string) (noticed bool, said string, err error) { //nolint:nonamedreturns // a verdict and its reason
	overlay, err := g.overlay(dir)
	if err != nil {
		return false, "", err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-timeout=5m", "-overlay="+overlay, "-run="+g.tests, g.pkg)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return false, "", ctx.Err()
	case err != nil && !errors.As(err, &exit):
		return false, "", fmt.Errorf("run its tests: %w", err)
	case bytes.Contains(out, []byte("[build failed]")), bytes.Contains(out, []byte("[setup failed]")):
		return false, "", fmt.Errorf("it does not compile without:\n%s", out)
	case bytes.Contains(out, []byte("no tests to run")):
		return false, "", fmt.Errorf("no test is called %s in %s", g.tests, g.pkg)
	}
	return err != nil, fallen(string(out)), nil
}

// overlay is the file that tells the compiler of the other text.
func (g guard) overlay(dir string) (string, error) {
	text, err := g.without()
	if err != nil {
		return "", err
	}
	path, err := filepath.Abs(g.file)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", g.file, err)
	}
	other, list := filepath.Join(dir, filepath.Base(g.file)), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: other}})
	if err != nil {
		return "", fmt.Errorf("write the overlay: %w", err)
	}
	if err := os.WriteFile(other, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write the overlay: %w", err)
	}
	if err := os.WriteFile(list, replace, 0o600); err != nil {
		return "", fmt.Errorf("write the overlay: %w", err)
	}
	return list, nil
}

// without is the file's text without the guard.
func (g guard) without() (string, error) {
	text, err := os.ReadFile(g.file)
	if err != nil {
		return "", fmt.Errorf("read what is guarded: %w", err)
	}
	if n := strings.Count(string(text), g.old); n != 1 {
		return "", fmt.Errorf("%s: its text is there %d times, not once: say it anew in deploy/mutate/guards.go", g.file, n)
	}
	return strings.Replace(string(text), g.old, g.new, 1), nil
}

// fallen is the first test that failed, by the tests' own words.
func fallen(out string) string {
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: "); ok {
			name, _, _ = strings.Cut(name, " ")
			return name
		}
	}
	return ""
}
