// Package demo brings the whole product up on one machine: private Postgres, Redis and Asterisk below one folder, the server as a
// process of its own, a hall with people and an open session, and simulated citizens and officials. `hotline demo`, the browser
// tests, the failure tests and the benchmarks all start it; what they see is what a newcomer sees.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/deploy/asterisk"
	"hotline/deploy/local"
	"hotline/deploy/migrations"
)

// Options say what to bring up. Zero ports are free ones.
type Options struct {
	Dir         string // data of everything; kept for the next start
	Cache       string // Asterisk and sounds, shared by all
	Binary      string // the hotline that serves
	PanelPort   int
	MetricsPort int
	ARIPort     int
	SIPPort     int
	RTPStart    int // of 2,000 ports, a bench's of 4,000; 0: 12000 and up, away from others
	Bench       bool
	ServerArgs  []string          // further flags of the server
	Extra       map[string]string // appended to Asterisk's configuration, by file
	Hall        Hall
	Volatile    bool   // tests: no fsync
	ServerARI   string // how the server reaches Asterisk when a test stands between them; empty: directly
	Progress    func(string)
	Log         *slog.Logger
}

// Demo is the running product.
type Demo struct {
	Options  Options
	Panel    string // http://127.0.0.1:8080
	Metrics  string
	Trunk    string // 127.0.0.1:5060
	People   []Account
	Postgres *local.Postgres
	Redis    *local.Redis
	Exchange *asterisk.Instance
	Sounds   asterisk.Sounds

	install  asterisk.Installation
	exchange asterisk.Config
	netDir   string // where the dialplan writes whom it keeps
	server   *server
}

// Number is what citizens of the demo dial.
const Number = "12345"

// Start brings everything up and returns when the server is ready. What had been started is stopped again when something fails.
func Start(ctx context.Context, o Options) (*Demo, error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	d := &Demo{Options: o}
	for _, step := range []func(context.Context) error{d.ports, d.stores, d.migrate, d.telephones, d.hall, d.serve} {
		if err := step(ctx); err != nil {
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
			defer cancel()
			return nil, errors.Join(err, d.Stop(stop))
		}
	}
	return d, nil
}

// Stop ends everything that was started, the server first; what it had stored stays.
func (d *Demo) Stop(ctx context.Context) error {
	var errs []error
	if d.server != nil {
		errs = append(errs, d.server.stop(ctx))
	}
	if d.Exchange != nil {
		errs = append(errs, d.Exchange.Stop(ctx))
	}
	if d.Redis != nil {
		errs = append(errs, d.Redis.Stop(ctx))
	}
	if d.Postgres != nil {
		errs = append(errs, d.Postgres.Stop(ctx))
	}
	return errors.Join(errs...)
}

// ports gives every zero port a free one.
func (d *Demo) ports(ctx context.Context) error {
	o := &d.Options
	for _, p := range []*int{&o.PanelPort, &o.MetricsPort, &o.ARIPort} {
		if *p == 0 {
			port, err := FreePort(ctx, "tcp4")
			if err != nil {
				return err
			}
			*p = port
		}
	}
	if o.SIPPort == 0 {
		port, err := FreePort(ctx, "udp4")
		if err != nil {
			return err
		}
		o.SIPPort = port
	}
	if o.RTPStart == 0 {
		ports := rtpPorts(o.Bench)
		o.RTPStart = 12000 + (os.Getpid()%(40_000/ports))*ports
	}
	d.Panel = "http://127.0.0.1:" + strconv.Itoa(o.PanelPort)
	d.Metrics = "http://127.0.0.1:" + strconv.Itoa(o.MetricsPort) + "/metrics"
	d.Trunk = "127.0.0.1:" + strconv.Itoa(o.SIPPort)
	return nil
}

// Free ports are looked for below those of the media and those that the system gives to whoever connects: between the look and the
// moment when a server listens nobody takes one by chance.
const (
	firstFree = 8200
	freePorts = 3700
)

// FreePort is one of 127.0.0.1 on which nobody listens now, of "tcp4" or "udp4", and which no process that lives has got from here:
// whom it is for may listen on it a while later.
func FreePort(ctx context.Context, kind string) (int, error) {
	var c net.ListenConfig
	var err error
	for range 50 {
		port := firstFree + rand.IntN(freePorts) //nolint:gosec // which port it is, is no secret
		var claim int
		if claim, err = claimPort(kind, port); err != nil {
			continue
		}
		var closer io.Closer
		if kind == "udp4" {
			closer, err = c.ListenPacket(ctx, kind, "127.0.0.1:"+strconv.Itoa(port))
		} else {
			closer, err = c.Listen(ctx, kind, "127.0.0.1:"+strconv.Itoa(port))
		}
		if err == nil {
			return port, closer.Close()
		}
		_ = syscall.Close(claim)
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}

// claimPort keeps a port from other processes by a name that the system gives to one at a time: until the descriptor that it gives is
// closed, which is when this process ends at the latest.
func claimPort(kind string, port int) (int, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("claim a port: %w", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: fmt.Sprintf("@hotline-port-%s-%d", kind, port)}); err != nil {
		_ = syscall.Close(fd)
		return 0, fmt.Errorf("claim port %d: %w", port, err)
	}
	return fd, nil
}

// stores starts Postgres and Redis and leaves their addresses in files that only we can read.
func (d *Demo) stores(ctx context.Context) error {
	if err := local.EnsurePackages(ctx, d.Options.Progress, "postgresql", "redis-server", "sip-tester", "espeak-ng", "sox"); err != nil {
		return err
	}
	d.Options.Progress("starting Postgres and Redis")
	if err := d.StartPostgres(ctx); err != nil {
		return err
	}
	if err := d.StartRedis(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(d.path("secrets"), 0o700); err != nil {
		return fmt.Errorf("make the folder of secrets: %w", err)
	}
	if err := os.WriteFile(d.secret("database-url"), []byte(d.DatabaseURL()), 0o600); err != nil {
		return fmt.Errorf("write a secret: %w", err)
	}
	if err := os.WriteFile(d.secret("redis-url"), []byte(d.Redis.URL()), 0o600); err != nil {
		return fmt.Errorf("write a secret: %w", err)
	}
	return nil
}

// settings lets Postgres count the statements of a bench, where it can.
func (d *Demo) settings() []string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/lib/pg_stat_statements.so") // the pattern is well formed
	if !d.Options.Bench || len(found) == 0 {
		return nil
	}
	return []string{"shared_preload_libraries=pg_stat_statements"}
}

// StartPostgres starts the database, again after it was stopped.
func (d *Demo) StartPostgres(ctx context.Context) error {
	var err error
	d.Postgres, err = local.StartPostgres(ctx, local.PostgresConfig{
		Dir: d.path("postgres"), Volatile: d.Options.Volatile, Settings: d.settings(), Progress: d.Options.Progress,
	})
	return err
}

// StartRedis starts Redis, again after a Kill. It keeps its file even when nothing else does: no call waits for that disk.
func (d *Demo) StartRedis(ctx context.Context) error {
	r, err := local.StartRedis(ctx, local.RedisConfig{Dir: d.path("redis"), Progress: d.Options.Progress})
	if err != nil {
		return err
	}
	d.Redis = r
	return nil
}

// RedisFiles is the folder with what Redis keeps.
func (d *Demo) RedisFiles() string { return d.path("redis/data") }

// DatabaseURL reaches the demo's database.
func (d *Demo) DatabaseURL() string { return d.Postgres.URL(local.Database) }

func (d *Demo) path(name string) string   { return filepath.Join(d.Options.Dir, name) }
func (d *Demo) secret(name string) string { return filepath.Join(d.Options.Dir, "secrets", name) }

func (d *Demo) migrate(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, d.DatabaseURL())
	if err != nil {
		return fmt.Errorf("reach the demo's Postgres: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	return migrations.Migrate(ctx, conn)
}

// telephones installs and starts Asterisk.
func (d *Demo) telephones(ctx context.Context) error {
	var err error
	if d.install, err = asterisk.Install(ctx, d.Options.Cache, d.Options.Progress); err != nil {
		return err
	}
	if d.Sounds, err = asterisk.BuildSounds(ctx, asterisk.SoundsConfig{Cache: d.Options.Cache, Progress: d.Options.Progress}); err != nil {
		return err
	}
	if _, err = asterisk.EnsureMediaAddress(ctx, d.Options.Progress); err != nil {
		return err
	}
	password, err := asterisk.LoadPassword(d.secret("ari-password"))
	if err != nil {
		return err
	}
	d.exchange = asterisk.Config{
		Dir: d.path("asterisk"), HTTPAddr: "127.0.0.1:" + strconv.Itoa(d.Options.ARIPort), SIPAddr: d.Trunk,
		RTPStart: d.Options.RTPStart, RTPEnd: d.Options.RTPStart + rtpPorts(d.Options.Bench) - 1, ARIPassword: password, Sounds: d.Sounds,
		Lines: []string{Number}, TrunkPeers: []string{"127.0.0.2"}, Bench: d.Options.Bench, Extra: d.Options.Extra, Progress: d.Options.Progress,
	}
	return d.StartExchange(ctx)
}

// rtpPorts is how many there are: each leg takes two, and a bench has a thousand callers.
func rtpPorts(bench bool) int {
	if bench {
		return 4000
	}
	return 2000
}

// StartExchange starts Asterisk, again after a Kill.
func (d *Demo) StartExchange(ctx context.Context) error {
	var err error
	d.Exchange, err = asterisk.Start(ctx, d.install, d.exchange)
	if err == nil {
		d.netDir = d.Exchange.NetDir()
	}
	return err
}
