package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
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

// Database is made at the first start, and Superuser with the cluster.
const (
	Database  = "hotline"
	Superuser = "hotline"
)

const (
	postgresMajor = 15  // the oldest we accept: MERGE, jsonlog, and CREATE DATABASE by write-ahead log
	maxSocketPath = 100 // sun_path has 108 bytes
)

// PostgresConfig says where a private Postgres lives. The zero values of all but Dir are right for the demo.
type PostgresConfig struct {
	Dir            string   // data, socket and log; made when missing
	Volatile       bool     // no fsync: for tests, whose data dies with them
	MaxConnections int      // 200
	Settings       []string // further ones, name=value
	Clients        *User    // whose group may connect too, as the roles of ClientRoles; nil: only the server's own user and root
	ClientRoles    []string // whoever else a client says to be must be root or the server's own user:
	OperatorRoles  []string // one of these, or Superuser
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
	if err := errors.Join(owner.OwnDir(socket), owner.Share(socket, cfg.Clients, 0o750)); err != nil {
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
	if err := admit(cfg, data, owner); err != nil {
		return nil, err
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
func (pg *Postgres) URL(database string) string { return pg.URLOf(Superuser, database) }

// URLOf is URL for another role than the superuser.
func (pg *Postgres) URLOf(role, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database}
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
	err := pg.process.Stop(ctx, syscall.SIGINT)
	_ = os.Remove(pg.socket) // a folder made for a short name; the next start makes it again, and one that is not empty stays
	return err
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

// admit says who may connect as whom: a client as its roles, and as a superuser or the owner of the tables only who runs the server, or root.
func admit(cfg PostgresConfig, data string, owner *User) error {
	if cfg.Clients == nil {
		return nil // the folder of the socket lets nobody else in
	}
	access := "local all " + strings.Join(cfg.ClientRoles, ",") + " trust\nlocal all all peer map=operators\n"
	var names strings.Builder
	for _, role := range append([]string{Superuser}, cfg.OperatorRoles...) {
		for _, name := range []string{"root", owner.Name} {
			fmt.Fprintln(&names, "operators", name, role)
		}
	}
	root, err := os.OpenRoot(data)
	if err != nil {
		return fmt.Errorf("say who may connect to Postgres: %w", err)
	}
	defer func() { _ = root.Close() }() // it was written by then
	for file, text := range map[string]string{"pg_hba.conf": access, "pg_ident.conf": names.String()} {
		if err := owner.write(root, file, text); err != nil {
			return fmt.Errorf("say who may connect to Postgres: %w", err)
		}
	}
	return nil
}

// write puts a file of the user's in place of what is there: the folder is theirs, and what they have left there leads root nowhere.
func (u *User) write(root *os.Root, name, text string) error {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Chown(u.UID, u.GID), f.Close())
}

func postgresArgs(cfg PostgresConfig, data, socket string) []string {
	connections := cfg.MaxConnections
	if connections == 0 {
		connections = 200
	}
	settings := []string{
		"listen_addresses=", "unix_socket_directories=" + strconv.Quote(socket), "unix_socket_permissions=" + socketMode(cfg.Clients),
		"max_connections=" + strconv.Itoa(connections), "shared_buffers=128MB", "jit=off", "timezone=UTC", "log_timezone=UTC",
		"log_line_prefix=%m [%p] %q%u@%d ", "log_min_duration_statement=500ms", "track_commit_timestamp=on",
		// what citizens said and who they are stands in no log, however slow or wrong a statement is (RS2)
		"log_parameter_max_length=0", "log_parameter_max_length_on_error=0", "log_error_verbosity=terse",
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
		"-D", fresh, "--username=" + Superuser, "--encoding=UTF8", "--locale=C.UTF-8",
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

// socketMode is that of a socket: who may enter its folder may use it.
func socketMode(clients *User) string {
	if clients != nil {
		return "0777"
	}
	return "0700"
}

// socketDir is dir, or, where the path of a socket in it would be too long for the kernel, a short name made from it.
func socketDir(dir, socket string) string {
	if len(filepath.Join(dir, socket)) <= maxSocketPath {
		return dir
	}
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join("/tmp", "hotline-"+hex.EncodeToString(sum[:6]))
}
