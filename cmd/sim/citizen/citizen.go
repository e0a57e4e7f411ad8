// Package citizen calls the hotline by SIPp: one caller with a voice and a patience of their own, or many at a rate.
package citizen

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"text/template"
	"time"

	"hotline/deploy/local"
)

//go:embed citizen.xml
var scenarioText string

// Caller is one citizen, or the pattern of many.
type Caller struct {
	Trunk    string        // where the trunk listens, 127.0.0.1:5060
	Number   string        // that is dialled, 12345
	From     string        // own number; "anonymous" hides it
	IP       string        // own address, 127.0.0.2
	Speech   string        // file of A-law speech; empty: nothing is said
	Patience time.Duration // after which the citizen hangs up, whatever happens
	Media    *net.UDPAddr  // where RTP is wanted instead of at SIPp itself; nil: at SIPp
}

// Load is many citizens.
type Load struct {
	Caller
	Rate   float64 // new calls per second
	AtOnce int     // most who are on the telephone together; 0: any number
	Calls  int     // how many in all
	Limit  time.Duration
}

// Call makes one call and returns when it is over. It fails when the call was not answered or went wrong.
func Call(ctx context.Context, c Caller) error {
	return run(ctx, Load{Caller: c, Rate: 1, Calls: 1, Limit: c.Patience + time.Minute})
}

// Run makes many calls.
func Run(ctx context.Context, l Load) error { return run(ctx, l) }

func run(ctx context.Context, l Load) error {
	dir, err := os.MkdirTemp("", "hotline-citizen-")
	if err != nil {
		return fmt.Errorf("make a folder for SIPp: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	scenario := filepath.Join(dir, "citizen.xml")
	if err := writeScenario(scenario, l.Caller); err != nil {
		return err
	}
	// Left to itself SIPp opens its control port to everybody, and takes whatever media port it is told (RI6).
	control, release, err := freePorts(ctx, loopback, 1)
	if err != nil {
		return err
	}
	defer release()
	media, release, err := freePorts(ctx, l.IP, mediaPorts)
	if err != nil {
		return err
	}
	defer release()
	cmd := exec.CommandContext(ctx, "sipp", l.Trunk, "-sf", scenario, "-s", l.Number, "-i", l.IP, "-mi", l.IP, "-bind_local",
		"-ci", loopback, "-cp", strconv.Itoa(control), "-mp", strconv.Itoa(media), "-r", strconv.FormatFloat(l.Rate, 'f', -1, 64), "-m", strconv.Itoa(l.Calls),
		"-timeout", strconv.Itoa(int(l.Limit.Seconds()))+"s", "-timeout_error", "-aa", "-nostdin", "-t", "u1", "-trace_err",
		"-error_file", filepath.Join(dir, "errors.log"))
	if l.AtOnce > 0 {
		cmd.Args = append(cmd.Args, "-l", strconv.Itoa(l.AtOnce))
	}
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		why, _ := os.ReadFile(filepath.Join(dir, "errors.log")) // absent when SIPp did not start
		if len(why) == 0 {
			why = out.Bytes()
		}
		return fmt.Errorf("citizens by SIPp: %w: %s", err, bytes.TrimSpace(tail(why, 600)))
	}
	return nil
}

const (
	loopback   = "127.0.0.1"
	mediaPorts = 4 // RTP and RTCP, of audio and of video
)

// freePorts finds n neighbouring UDP ports that nobody has, and keeps them from other citizens until release: several SIPp processes on
// one address must not meet, and each takes its ports a while after it was told which.
func freePorts(ctx context.Context, ip string, n int) (int, func(), error) {
	const first, places, tries = 20000, 9000, 100
	var err error
	for range tries {
		port := first + rand.IntN(places)*4 //nolint:gosec // a port is no secret
		var release func()
		if release, err = local.ClaimPort("citizen-"+ip, port); err != nil {
			continue
		}
		if err = vacant(ctx, ip, port, n); err == nil {
			return port, release, nil
		}
		release()
	}
	return 0, nil, fmt.Errorf("find free ports on %s for SIPp: %w", ip, err)
}

func vacant(ctx context.Context, ip string, port, n int) error {
	var lc net.ListenConfig
	for i := range n {
		c, err := lc.ListenPacket(ctx, "udp4", net.JoinHostPort(ip, strconv.Itoa(port+i)))
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
	}
	return nil
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

func writeScenario(path string, c Caller) error {
	if c.Patience < time.Second {
		return errors.New("a citizen needs at least a second of patience")
	}
	t, err := template.New("citizen").Parse(scenarioText)
	if err != nil {
		return fmt.Errorf("read scenario: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, map[string]any{
		"From": c.From, "Speech": c.Speech, "PatienceMS": c.Patience.Milliseconds(), "Media": c.Media,
	}); err != nil {
		return fmt.Errorf("fill in scenario: %w", err)
	}
	return os.WriteFile(path, b.Bytes(), 0o600)
}
