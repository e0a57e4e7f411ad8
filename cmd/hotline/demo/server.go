package demo

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"hotline/deploy/local"
)

// server keeps `hotline serve` running as a process of its own: whoever kills it sees what a supervisor like systemd does.
type server struct {
	spec local.ProcessSpec

	mu      sync.Mutex
	process *local.Process // guarded by mu
	stopped bool           // guarded by mu
	once    []string       // environment of the next start; guarded by mu
}

// serve starts the server and waits until it takes calls.
func (d *Demo) serve(ctx context.Context) error {
	d.Options.Progress("starting the server")
	dir, err := filepath.Abs(d.Options.Dir)
	if err != nil {
		return fmt.Errorf("folder of the demo: %w", err)
	}
	d.server = &server{spec: local.ProcessSpec{
		Name: "hotline", Path: d.Options.Binary, Dir: dir, Log: d.path("hotline.log"), DeathSignal: syscall.SIGTERM,
		Args: []string{
			"serve", "--sip-seats", "--listen=" + d.Panel[len("http://"):], fmt.Sprintf("--metrics-listen=127.0.0.1:%d", d.Options.MetricsPort),
			"--database-url-file=" + filepath.Join(dir, "secrets/database-url"), "--redis-url-file=" + filepath.Join(dir, "secrets/redis-url"),
			"--ari-url=" + cmp.Or(d.Options.ServerARI, d.Exchange.ARIURL), "--ari-password-file=" + filepath.Join(dir, "secrets/ari-password"),
			"--number-key-file=" + filepath.Join(dir, "secrets/number-keys"), "--sockets-per-address=1000",
			"--net-dir=" + d.Exchange.NetDir(),
		},
		Env: environment(),
	}}
	if d.Options.Bench { // a bench opens the sockets of a whole province by one login
		d.server.spec.Args = append(d.server.spec.Args, "--sockets-per-login=600")
	}
	d.server.spec.Args = append(d.server.spec.Args, d.Options.ServerArgs...)
	if err := d.server.start(ctx); err != nil {
		return err
	}
	go d.server.keep(context.WithoutCancel(ctx))
	return d.Ready(ctx, 30*time.Second)
}

// environment of the server: ours, without the settings of another hotline.
func environment() []string {
	var out []string
	for _, e := range os.Environ() {
		if len(e) < 8 || e[:8] != "HOTLINE_" {
			out = append(out, e)
		}
	}
	return out
}

// Ready waits until the server takes calls.
func (d *Demo) Ready(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	client := &http.Client{Timeout: 2 * time.Second}
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.Panel+"/readyz", http.NoBody)
		if err != nil {
			return fmt.Errorf("ask the server: %w", err)
		}
		res, err := client.Do(req)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("the server does not get ready; see %s", d.path("hotline.log"))
		}
	}
}

// KillServer is kill -9. It comes back by itself, at once.
func (d *Demo) KillServer() { d.server.kill() }

// ArmServer adds to the environment of the server's next start, and of no other: a test build dies where HOTLINE_CRASH_AT
// says, and its successor must not (F2).
func (d *Demo) ArmServer(env ...string) {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	d.server.once = env
}

// ServerPID is the process id of the server that runs now.
func (d *Demo) ServerPID() int {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	return d.server.process.PID()
}

func (s *server) start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil
	}
	spec := s.spec
	spec.Env, s.once = slices.Concat(spec.Env, s.once), nil
	p, err := local.StartProcess(ctx, spec)
	if err != nil {
		return err
	}
	s.process = p
	return nil
}

// keep starts the server again whenever it ends.
func (s *server) keep(ctx context.Context) {
	for {
		s.mu.Lock()
		done, stopped := s.process.Done(), s.stopped
		s.mu.Unlock()
		if stopped {
			return
		}
		<-done
		if s.start(ctx) != nil {
			return
		}
	}
}

func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process.Kill()
}

func (s *server) stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	return s.process.Stop(ctx, syscall.SIGTERM)
}
