package asterisk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// CLI runs one command of Asterisk's console and returns what it prints. It speaks to the control socket itself, which is
// reached from outside the private root.
func (x *Instance) CLI(ctx context.Context, command string) (string, error) {
	dir, err := os.Open(filepath.Join(x.Dir, "run"))
	if err != nil {
		return "", fmt.Errorf("asterisk console: %w", err)
	}
	defer func() { _ = dir.Close() }() // only its number is used
	// By way of the open folder, since a socket's path may have no more than 107 bytes.
	socket := "/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) + "/asterisk.ctl"
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return "", fmt.Errorf("asterisk console: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		stop()
		_ = conn.Close()
	}()
	greeting := make([]byte, 512)
	if _, err := conn.Read(greeting); err != nil {
		return "", fmt.Errorf("asterisk console: read greeting: %w", err)
	}
	// The console ends the connection after the command and what it prints.
	if _, err := conn.Write([]byte("cli quit after " + command + "\x00")); err != nil {
		return "", fmt.Errorf("asterisk console: %w", err)
	}
	out, err := io.ReadAll(conn)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return "", fmt.Errorf("asterisk console: %s: %w", command, err)
	}
	return plain(out), nil
}

// plain drops the marks of verbosity (a byte above 0x7f at the start of a line) and zero bytes; our commands print ASCII.
func plain(out []byte) string {
	return strings.TrimSpace(string(bytes.Map(func(r rune) rune {
		if r == 0 || r > 0x7e {
			return -1
		}
		return r
	}, out)))
}
