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

	"github.com/google/uuid"

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
	killed  bool           // the one that runs was killed by us; guarded by mu

	instance string // what it calls itself at /readyz
	quit     chan struct{}
	say      func(string)
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
	second := &Demo{Options: d.Options, user: d.user, Trunk: d.Trunk, People: d.People, netDir: d.Exchange.NetDir()}
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
	if err := d.user.Own(filepath.Join(dir, "secrets")); err != nil {
		return err
	}
	d.user.Reach(filepath.Join(dir, "secrets"))
	binary, err := filepath.Abs(d.Options.Binary)
	if err != nil {
		return fmt.Errorf("find the server: %w", err)
	}
	instance := uuid.Must(uuid.NewV7()).String()
	d.server = &server{instance: instance, quit: make(chan struct{}), say: d.Options.Progress, spec: local.ProcessSpec{
		Name: "hotline", Path: binary, Dir: "/", User: d.user, Log: d.path(log), DeathSignal: syscall.SIGTERM,
		Args: []string{
			"serve", "--sip-seats", "--listen=" + d.Panel[len("http://"):], fmt.Sprintf("--metrics-listen=127.0.0.1:%d", d.Options.MetricsPort),
			"--database-url-file=" + filepath.Join(dir, "secrets/database-url"),
			"--controller-database-url-file=" + filepath.Join(dir, "secrets/controller-database-url"),
			"--reactions-database-url-file=" + filepath.Join(dir, "secrets/reactions-database-url"), "--redis-url-file=" + filepath.Join(dir, "secrets/redis-url"),
			"--ari-url=" + d.serverARI(), "--ari-password-file=" + filepath.Join(dir, "secrets/ari-password"),
			"--number-key-file=" + filepath.Join(dir, keys), "--sockets-per-address=1000",
			"--net-dir=" + d.netDir, "--instance=" + instance,
		},
		Env: environment(),
	}}
	if d.Options.Bench { // a bench opens the sockets of a whole province by one login
		d.server.spec.Args = append(d.server.spec.Args, "--sockets-per-login=600")
	}
	d.server.spec.Args = append(d.server.spec.Args, d.Options.ServerArgs...)
	d.release("tcp4", d.Options.PanelPort, d.Options.MetricsPort)
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
			switch other := res.Header.Get("Hotline-Instance"); {
			case other != d.server.instance:
				return fmt.Errorf("%s is answered by another server than ours: %s", d.Panel, local.PortHolder("tcp4", d.Panel[len("http://"):]))
			case res.StatusCode == http.StatusOK:
				return nil
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("the server does not get ready; %s says:\n%s", d.server.spec.Log, local.Tail(d.server.spec.Log, 4))
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

// A server that has ended within worked of its start has not worked. Such ends happen, and a few are followed by a start at once; who
// goes on ending is given ever longer to be mended.
const (
	worked       = 5 * time.Second
	quickStarts  = 3
	firstPause   = 200 * time.Millisecond
	longestPause = 15 * time.Second
)

// pause is how long to wait before the start that follows so many quick ends.
func pause(ends int) time.Duration {
	if ends <= quickStarts {
		return 0
	}
	return min(firstPause<<min(ends-quickStarts-1, 10), longestPause)
}

// keep starts the server again whenever it ends. Who kills it by kill waits for nothing.
func (s *server) keep(ctx context.Context) {
	for ends := 0; ; {
		began := time.Now()
		s.mu.Lock()
		done, stopped := s.process.Done(), s.stopped
		s.mu.Unlock()
		if stopped {
			return
		}
		<-done
		ends++
		if s.wasKilled() || time.Since(began) >= worked {
			ends = 0
		}
		wait := pause(ends)
		if wait > 0 && pause(ends-1) == 0 {
			s.say("the server ends as soon as it is started, and is started again after ever longer pauses; " + s.spec.Log + " says:\n" + local.Tail(s.spec.Log, 1))
		}
		select {
		case <-time.After(wait):
		case <-s.quit:
		}
		if err := s.start(ctx); err != nil && ends == 0 {
			s.say("the server is not started: " + err.Error())
		}
	}
}

// wasKilled tells once that the server which has ended was killed by us.
func (s *server) wasKilled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	killed := s.killed
	s.killed = false
	return killed
}

func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.killed = true
	s.process.Kill()
}

func (s *server) stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopped {
		s.stopped = true
		close(s.quit)
	}
	return s.process.Stop(ctx, syscall.SIGTERM)
}
