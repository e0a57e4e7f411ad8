// Package demo brings the whole product up on one machine: private Postgres, Redis and Asterisk below one folder, the server as a
// process of its own, a hall with people and an open session, and simulated citizens and officials. `hotline demo`, the browser
// tests, the failure tests and the benchmarks all start it; what they see is what a newcomer sees.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/agent/vault"
	"hotline/deploy/asterisk"
	"hotline/deploy/local"
	"hotline/deploy/migrations"
	callstore "hotline/telephony/store"
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
	Preset      vault.Preset // of the keys that a fresh folder gets; empty: vault.International
	Volatile    bool         // tests: no fsync
	ServerARI   string       // how the server reaches Asterisk when a test stands between them; empty: directly
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
	user     *local.User          // of the server; nil: ours
	lock     *os.File             // of the folder; nil: another one's
	claims   map[string]io.Closer // ports that are held until their server is started
	media    func()               // gives the ports of the media back; nil: they were given to us
}

// Users of the system that the demo makes when it is started as root, beside Asterisk's: nobody reads what another one keeps.
const (
	ServerUser    = "hotline"
	SimulatorUser = "hotline-sim"
)

// Number is what citizens of the demo dial.
const Number = "12345"

// Start brings everything up and returns when the server is ready. What had been started is stopped again when something fails.
func Start(ctx context.Context, o Options) (*Demo, error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	d := &Demo{Options: o}
	for _, step := range []func(context.Context) error{d.allowed, d.ports, d.folder, d.claim, d.stores, d.migrate, d.keys, d.telephones, d.hall, d.serve} {
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
	d.releaseAll()
	return errors.Join(errs...)
}

// folder lets users walk through that of the demo to their own, and look at nothing.
func (d *Demo) folder(ctx context.Context) error {
	var err error
	if d.user, err = local.OwnUser(ctx, ServerUser); err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(d.Options.Dir, 0o711), os.Chmod(d.Options.Dir, 0o711)); err != nil { //nolint:gosec // G301, G302: so that they can walk
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	return nil
}

// stores starts Postgres and Redis and leaves their addresses in files that only we can read.
func (d *Demo) stores(ctx context.Context) error {
	if err := local.EnsurePackages(ctx, d.Options.Progress, packages()...); err != nil {
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
	for name, url := range map[string]string{
		"database-url": d.AppURL(), "controller-database-url": d.Postgres.URLOf(migrations.RoleController, local.Database),
		"reactions-database-url": d.Postgres.URLOf(migrations.RoleReactions, local.Database), "redis-url": d.Redis.URL(),
	} {
		if err := os.WriteFile(d.secret(name), []byte(url), 0o600); err != nil {
			return fmt.Errorf("write a secret: %w", err)
		}
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
		Dir: d.path("postgres"), Volatile: d.Options.Volatile, Settings: d.settings(), Clients: d.user, Progress: d.Options.Progress,
		ClientRoles: []string{migrations.RoleApp, migrations.RoleController, migrations.RoleReactions}, OperatorRoles: migrations.Logins(),
	})
	return err
}

// StartRedis starts Redis, again after a Kill. It keeps its file even when nothing else does: no call waits for that disk.
func (d *Demo) StartRedis(ctx context.Context) error {
	r, err := local.StartRedis(ctx, local.RedisConfig{Dir: d.path("redis"), Clients: d.user, Progress: d.Options.Progress})
	if err != nil {
		return err
	}
	d.Redis = r
	return nil
}

// RedisFiles is the folder with what Redis keeps.
func (d *Demo) RedisFiles() string { return d.path("redis/data") }

// DatabaseURL reaches the demo's database as a superuser, for whoever looks into it or breaks it.
func (d *Demo) DatabaseURL() string { return d.Postgres.URL(local.Database) }

// AppURL reaches it as the server does for people.
func (d *Demo) AppURL() string { return d.Postgres.URLOf(migrations.RoleApp, local.Database) }

func (d *Demo) path(name string) string   { return filepath.Join(d.Options.Dir, name) }
func (d *Demo) secret(name string) string { return filepath.Join(d.Options.Dir, "secrets", name) }

// migrate does what an installation does: the roles as a superuser, the schema as hotline_migrate.
func (d *Demo) migrate(ctx context.Context) error {
	for _, step := range []struct {
		role string
		do   func(context.Context, *pgx.Conn) error
	}{{local.Superuser, migrations.Bootstrap}, {migrations.RoleMigrate, migrations.Migrate}} {
		conn, err := pgx.Connect(ctx, d.Postgres.URLOf(step.role, local.Database))
		if err != nil {
			return fmt.Errorf("reach the demo's Postgres as %s: %w", step.role, err)
		}
		err = step.do(ctx, conn)
		_ = conn.Close(ctx) // what it did is done
		if err != nil {
			return err
		}
	}
	return nil
}

// keys makes those of citizens' numbers as 'hotline vault' does: a fresh folder has none, and an older one may have some that its
// database does not know.
func (d *Demo) keys(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, d.DatabaseURL())
	if err != nil {
		return fmt.Errorf("reach the demo's Postgres: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	keys, err := callstore.OpenKeys(ctx, conn, callstore.KeysOptions{Path: d.secret("number-keys"), Now: time.Now, Log: d.Options.Log, By: "demo"})
	if err != nil {
		return err
	}
	if _, err := os.Stat(d.secret("number-keys")); err != nil {
		return keys.Init(ctx, d.preset())
	}
	_, err = keys.Adopt(ctx)
	return err
}

func (d *Demo) preset() vault.Preset { return cmp.Or(d.Options.Preset, vault.International) }

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
		Dir: d.path("asterisk"), HTTPAddr: loopback(d.Options.ARIPort), SIPAddr: d.Trunk,
		RTPStart: d.Options.RTPStart, RTPEnd: d.Options.RTPStart + rtpPorts(d.Options.Bench) - 1, ARIPassword: password, Sounds: d.Sounds, Reader: d.user,
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
	d.release("tcp4", d.Options.ARIPort)
	d.release("udp4", d.Options.SIPPort)
	var err error
	d.Exchange, err = asterisk.Start(ctx, d.install, d.exchange)
	if err == nil {
		d.netDir = d.Exchange.NetDir()
	}
	return err
}
