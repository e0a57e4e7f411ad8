// Command packages installs what the tests, the demo and the benchmarks need from the distribution, as root; without root it
// says which command to run. What is there already is left alone.
package main

import (
	"context"
	"fmt"
	"os"

	"hotline/deploy/local"
)

func main() {
	ctx, cancel := local.UntilStopped(context.Background())
	err := local.EnsurePackages(ctx, func(line string) { fmt.Fprintln(os.Stderr, "·", line) },
		"postgresql", "redis-server", "sip-tester", "chromium", "fonts-noto-cjk", "espeak-ng", "sox", "mmdebstrap", "debian-archive-keyring")
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "packages:", err)
		os.Exit(1)
	}
}
