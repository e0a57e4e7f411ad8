// Failure tests of the whole product on real parts: Postgres, Redis, Asterisk, the server as a process, telephones over SIP
// with RTP. Each is named by its row in reliability.md 3; after each the invariants of reliability.md 5 are examined.
//
// They run one after the other: each measures gaps and times, and has the machine to itself as far as this package goes.
package demo_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the server under test: with the race detector, and with the points at which it can be made to die.
var binary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if os.Getenv(playIn) != "" { // it needs no server, and is killed before it could tidy up
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "hotline-failures-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o755); err != nil { // the server's user has to get there
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	binary = filepath.Join(dir, "hotline")
	build := exec.Command("go", "build", "-race", "-tags", "crashpoints", "-o", binary, "hotline/cmd/hotline")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the server: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
