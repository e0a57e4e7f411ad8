package demo

import (
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
	starts  int            // guarded by mu
	stopped bool           // guarded by mu
	once    []string       // environment of the next start; guarded by mu
}

// serve starts the server and waits until it takes calls.
func (d *Demo) serve(ctx context.Context) error {
	if err := d.run(ctx, "hotline.log", "secrets/number-keys"); err != nil {
		return err
	}
	return d.Ready(ctx, 30*time.Second)
}

// Second starts another server beside the first one, as on another machine: with its own addresses, lock and log, for the same
// stores, exchange and people. It reaches the exchange at serverARI, and stands by while the first one works. Its Stop ends it alone.
func (d *Demo) Second(ctx context.Context, serverARI string) (*Demo, error) {
	keys, err := os.ReadFile(d.secret("number-keys"))
	if err != nil {
		return nil, fmt.Errorf("read the keys of the first server: %w", err)
	}
	if err := os.WriteFile(d.secret("number-keys-2"), keys, 0o600); err != nil { //nolint:gosec // G703: the demo's own folder
		return nil, fmt.Errorf("copy the keys of the first server: %w", err)
	}
	second := &Demo{Options: d.Options, Trunk: d.Trunk, People: d.People, netDir: d.Exchange.NetDir()}
	second.Options.ServerARI, second.Options.PanelPort, second.Options.MetricsPort = serverARI, 0, 0
	if err := second.ports(ctx); err != nil {
		return nil, err
	}
	return second, second.run(ctx, "hotline-2.log", "secrets/number-keys-2")
}

// run starts the server as a process that is kept.
func (d *Demo) run(ctx context.Context, log, keys string) error {
	d.Options.Progress("starting the server")
	dir, err := filepath.Abs(d.Options.Dir)
	if err != nil {
		return fmt.Errorf("folder of the demo: %w", err)
	}
	d.server = &server{spec: local.ProcessSpec{
		Name: "hotline", Path: d.Options.Binary, Dir: dir, Log: d.path(log), DeathSignal: syscall.SIGTERM,
		Args: []string{
			"serve", "--sip-seats", "--listen=" + d.Panel[len("http://"):], fmt.Sprintf("--metrics-listen=127.0.0.1:%d", d.Options.MetricsPort),
			"--database-url-file=" + filepath.Join(dir, "secrets/database-url"), "--redis-url-file=" + filepath.Join(dir, "secrets/redis-url"),
			"--ari-url=" + d.serverARI(), "--ari-password-file=" + filepath.Join(dir, "secrets/ari-password"),
			"--number-key-file=" + filepath.Join(dir, keys), "--sockets-per-address=1000",
			"--net-dir=" + d.netDir,
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
	return nil
}

func (d *Demo) serverARI() string {
	if d.Options.ServerARI != "" {
		return d.Options.ServerARI
	}
	return d.Exchange.ARIURL
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

// SignalServer sends the server a signal.
func (d *Demo) SignalServer(sig syscall.Signal) error { return syscall.Kill(d.ServerPID(), sig) }

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

// ServerStarts is how often the server was started.
func (d *Demo) ServerStarts() int {
	d.server.mu.Lock()
	defer d.server.mu.Unlock()
	return d.server.starts
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
	s.process, s.starts = p, s.starts+1
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
