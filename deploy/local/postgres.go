package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Database is made at the first start.
const Database = "hotline"

const (
	postgresMajor = 15 // the oldest we accept: MERGE, jsonlog, and CREATE DATABASE by write-ahead log
	dbUser        = "hotline"
	maxSocketPath = 100 // sun_path has 108 bytes
)

// PostgresConfig says where a private Postgres lives. The zero values of all but Dir are right for the demo.
type PostgresConfig struct {
	Dir            string   // data, socket and log; made when missing
	Volatile       bool     // no fsync: for tests, whose data dies with them
	MaxConnections int      // 200
	Settings       []string // further ones, name=value
	Lock           *os.File
	Progress       Progress
}

// Postgres is a running private server with a database "hotline" in UTF-8.
type Postgres struct {
	process *Process
	socket  string
	lock    *os.File
}

// StartPostgres makes the cluster if there is none yet (locale C.UTF-8, checksums), starts it and waits until it answers.
// When cfg.Lock is nil, the directory is locked here.
func StartPostgres(ctx context.Context, cfg PostgresConfig) (*Postgres, error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("postgres directory: %w", err)
	}
	bin, err := postgresBin(ctx, dir, cfg.Progress)
	if err != nil {
		return nil, err
	}
	lock := cfg.Lock
	if lock == nil {
		if lock, err = LockServer(ctx, dir); err != nil {
			return nil, fmt.Errorf("postgres: %w", err)
		}
	}
	pg, err := startPostgres(ctx, cfg, dir, bin, lock)
	if err != nil {
		_ = lock.Close() // the error says more
		return nil, err
	}
	return pg, nil
}

func startPostgres(ctx context.Context, cfg PostgresConfig, dir, bin string, lock *os.File) (*Postgres, error) {
	owner, err := ServerUser("postgres", "nobody")
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	socket := socketDir(filepath.Join(dir, "run"), ".s.PGSQL.5432")
	if err := owner.OwnDir(socket); err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	data := filepath.Join(dir, "data")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		cfg.Progress.Say("making the database directory")
		if err := initdb(ctx, cfg, bin, data, owner); err != nil {
			return nil, err
		}
	}
	if err := owner.OwnDir(data); err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	cfg.Progress.Say("starting Postgres")
	process, err := StartProcess(ctx, ProcessSpec{
		Name: "postgres", Path: filepath.Join(bin, "postgres"), Args: postgresArgs(cfg, data, socket),
		Dir: "/", Env: []string{"LC_ALL=C.UTF-8", "TZ=UTC", "PATH=/usr/bin:/bin"},
		User: owner, Log: filepath.Join(dir, "postgres.log"), DeathSignal: syscall.SIGINT, Lock: lock,
	})
	if err != nil {
		return nil, err
	}
	pg := &Postgres{process: process, socket: socket, lock: lock}
	wait, cancel := context.WithTimeout(ctx, time.Minute) // crash recovery after a kill takes its time
	defer cancel()
	if err := process.WaitReady(wait, pg.ready); err != nil {
		process.Kill()
		return nil, err
	}
	return pg, nil
}

// URL reaches a database of the server; Database is the one that is made at the first start. Who may enter the socket's
// folder may connect: the server's own user, and root.
func (pg *Postgres) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(dbUser), Path: "/" + database}
	u.RawQuery = url.Values{"host": {pg.socket}, "sslmode": {"disable"}}.Encode()
	return u.String()
}

// Socket is the folder of the server's socket, for programs that want it as a host.
func (pg *Postgres) Socket() string { return pg.socket }

// PID is the postmaster's.
func (pg *Postgres) PID() int { return pg.process.PID() }

// Done is closed when the server has ended, whoever ended it.
func (pg *Postgres) Done() <-chan struct{} { return pg.process.Done() }

// Stop closes all connections and shuts down cleanly; twice does no harm.
func (pg *Postgres) Stop(ctx context.Context) error {
	defer func() { _ = pg.lock.Close() }() // closed twice is closed
	return pg.process.Stop(ctx, syscall.SIGINT)
}

// Crash is an immediate shutdown: every backend ends at once, and the next start recovers from the write-ahead log (F12).
func (pg *Postgres) Crash(ctx context.Context) error {
	defer func() { _ = pg.lock.Close() }() // closed twice is closed
	return pg.process.Stop(ctx, syscall.SIGQUIT)
}

// Kill is kill -9 to the postmaster: a crash, for tests of failure.
func (pg *Postgres) Kill() {
	pg.process.Kill()
	_ = pg.lock.Close()
}

func (pg *Postgres) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, pg.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // it was a question only
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", Database).Scan(&there); err != nil {
		return fmt.Errorf("look for database: %w", err)
	}
	if !there {
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+Database); err != nil {
			return fmt.Errorf("create database: %w", err)
		}
	}
	return nil
}

func postgresArgs(cfg PostgresConfig, data, socket string) []string {
	connections := cfg.MaxConnections
	if connections == 0 {
		connections = 200
	}
	settings := []string{
		"listen_addresses=", "unix_socket_directories=" + strconv.Quote(socket), "unix_socket_permissions=0700",
		"max_connections=" + strconv.Itoa(connections), "shared_buffers=128MB", "jit=off", "timezone=UTC", "log_timezone=UTC",
		"log_line_prefix=%m [%p] %q%u@%d ", "log_min_duration_statement=500ms", "track_commit_timestamp=on",
	}
	if cfg.Volatile {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")
	} else {
		settings = append(settings, "fsync=on", "synchronous_commit=on", "full_page_writes=on")
	}
	args := []string{"-D", data}
	for _, s := range append(settings, cfg.Settings...) {
		args = append(args, "-c", s)
	}
	return args
}

// initdb works beside the final place and is renamed when complete.
func initdb(ctx context.Context, cfg PostgresConfig, bin, data string, owner *User) error {
	fresh := data + ".new"
	for _, dir := range []string{fresh, data} {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("clear %s: %w", dir, err)
		}
	}
	if err := owner.OwnDir(fresh); err != nil {
		return fmt.Errorf("initdb: %w", err)
	}
	args := []string{
		"-D", fresh, "--username=" + Database, "--encoding=UTF8", "--locale=C.UTF-8",
		"--auth=trust", "--data-checksums", "--no-instructions",
	}
	if cfg.Volatile {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), args...)
	cmd.Dir, cmd.Env = "/", []string{"LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if owner != nil {
		owner.apply(cmd.SysProcAttr)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if err := os.Rename(fresh, data); err != nil {
		return fmt.Errorf("initdb: %w", err)
	}
	return nil
}

// postgresBin is the folder of the binaries: those of the cluster's own version if there is one, else the newest.
func postgresBin(ctx context.Context, dir string, progress Progress) (string, error) {
	if version, err := os.ReadFile(filepath.Join(dir, "data", "PG_VERSION")); err == nil {
		bin := filepath.Join("/usr/lib/postgresql", strings.TrimSpace(string(version)), "bin")
		if _, err := os.Stat(filepath.Join(bin, "postgres")); err != nil { //nolint:gosec // G703: the data directory is the operator's own
			return "", fmt.Errorf("the data in %s is of Postgres %s, which is not installed: install it, or move the directory away",
				dir, strings.TrimSpace(string(version)))
		}
		return bin, nil
	}
	if bin := newestPostgres(); bin != "" {
		return bin, nil
	}
	if err := EnsurePackages(ctx, progress, "postgresql"); err != nil {
		return "", err
	}
	if bin := newestPostgres(); bin != "" {
		return bin, nil
	}
	return "", fmt.Errorf("no Postgres %d or newer below /usr/lib/postgresql", postgresMajor)
}

func newestPostgres() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is well formed
	majors := make([]int, 0, len(found))
	for _, path := range found {
		major, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		if err == nil && major >= postgresMajor {
			majors = append(majors, major)
		}
	}
	if len(majors) == 0 {
		return ""
	}
	return filepath.Join("/usr/lib/postgresql", strconv.Itoa(slices.Max(majors)), "bin")
}

// socketDir is dir, or, where the path of a socket in it would be too long for the kernel, a short name made from it.
func socketDir(dir, socket string) string {
	if len(filepath.Join(dir, socket)) <= maxSocketPath {
		return dir
	}
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join("/tmp", "hotline-"+hex.EncodeToString(sum[:6]))
}
