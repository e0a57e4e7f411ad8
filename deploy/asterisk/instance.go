package asterisk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"hotline/deploy/local"
)

// Instance is a running Asterisk.
type Instance struct {
	ARIURL      string // http://127.0.0.1:8088
	SIPAddr     string
	ARIUser     string
	ARIPassword string
	App         string
	Dir         string
	Version     string

	process *local.Process
	lock    *os.File
}

// Start writes the configuration, runs Asterisk and waits until it is fully booted with every module and ARI answers.
// ctx governs the start; the instance lives until Stop, Kill, or the end of this process.
func Start(ctx context.Context, inst Installation, cfg Config) (*Instance, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("asterisk directory: %w", err)
	}
	cfg.Dir = dir
	lock, err := local.LockServer(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("asterisk: %w", err)
	}
	x, err := start(ctx, inst, cfg, lock)
	if err != nil {
		_ = lock.Close() // the error says more
		return nil, err
	}
	return x, nil
}

func start(ctx context.Context, inst Installation, cfg Config, lock *os.File) (*Instance, error) {
	if err := portsFree(ctx, cfg); err != nil {
		return nil, err
	}
	run, err := prepare(ctx, inst, cfg)
	if err != nil {
		return nil, err
	}
	run.Lock = lock
	cfg.Progress.Say("starting Asterisk " + inst.Version)
	process, err := local.StartProcess(ctx, run)
	if err != nil {
		return nil, err
	}
	x := &Instance{
		ARIURL: "http://" + cfg.HTTPAddr, SIPAddr: cfg.SIPAddr, ARIUser: cfg.ARIUser, ARIPassword: cfg.ARIPassword,
		App: cfg.App, Dir: cfg.Dir, Version: inst.Version, process: process, lock: lock,
	}
	wait, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = process.WaitReady(wait, x.booted)
	if err == nil {
		err = x.modulesRun(wait, modules(cfg.Bench))
	}
	if err != nil {
		process.Kill()
		return nil, fmt.Errorf("%w\n%s", err, complaints(filepath.Join(cfg.Dir, "log", "messages.log")))
	}
	return x, nil
}

// complaints are the last errors of Asterisk's own log.
func complaints(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "ERROR[") {
			lines = append(lines, "  "+line)
		}
	}
	return path + ":\n" + strings.Join(lines[max(0, len(lines)-8):], "")
}

// Stop hangs up what is left and ends Asterisk; twice does no harm. A signal alone would let calls go on for 15 s, and one
// that hangs in its own clean-up is killed after stopPatience: each call's record was written when the call ended.
func (x *Instance) Stop(ctx context.Context) error {
	defer func() { _ = x.lock.Close() }() // closed twice is closed
	patience, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	if _, err := x.CLI(patience, "core stop now"); err == nil {
		select {
		case <-x.process.Done():
			return nil
		case <-patience.Done():
		}
	}
	err := x.process.Stop(patience, syscall.SIGTERM)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	return err
}

const stopPatience = 5 * time.Second

// Kill is kill -9: a crash, for tests of failure. Start with the same Config brings it back.
func (x *Instance) Kill() {
	x.process.Kill()
	_ = x.lock.Close()
}

// Done is closed when Asterisk has ended, whoever ended it.
func (x *Instance) Done() <-chan struct{} { return x.process.Done() }

// PID is Asterisk's own.
func (x *Instance) PID() int { return x.process.PID() }

// CallRecords is the file of the rows that Asterisk keeps by itself (R1): linkedid, uniqueid, start, answer, end,
// context of the dialplan, disposition, last application. They hold no number (RS1).
func (x *Instance) CallRecords() string {
	return filepath.Join(x.Dir, "log", "cdr-custom", "calls.csv")
}

// NetDir is the folder in which the dialplan's net writes down the calls that it keeps, with their numbers, for package journal.
func (x *Instance) NetDir() string { return filepath.Join(x.Dir, "spool", "net") }

func (x *Instance) booted(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	answer, err := x.CLI(ctx, "core waitfullybooted")
	if err != nil {
		return err
	}
	if !strings.Contains(answer, "fully booted") {
		return fmt.Errorf("asterisk is not booted: %s", answer)
	}
	return x.get(ctx, "/asterisk/ping", nil)
}

func (x *Instance) modulesRun(ctx context.Context, want []string) error {
	missing, err := missingModules(ctx, x.ARIURL, x.ARIUser, x.ARIPassword, want)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("asterisk runs without modules %s", strings.Join(missing, " "))
	}
	return nil
}

func (x *Instance) get(ctx context.Context, path string, into any) error {
	return ariGet(ctx, x.ARIURL+"/ari"+path, x.ARIUser, x.ARIPassword, into)
}

func ariGet(ctx context.Context, url, user, password string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask ARI: %w", err)
	}
	req.SetBasicAuth(user, password)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask ARI: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("read ARI's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ARI answers %s to %s", resp.Status, url)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read ARI's answer: %w", err)
	}
	return nil
}

// prepare writes the directory and says how Asterisk is run in it.
func prepare(ctx context.Context, inst Installation, cfg Config) (local.ProcessSpec, error) {
	run := local.ProcessSpec{
		Name: "asterisk", Dir: "/", Env: []string{"LC_ALL=C.UTF-8", "TZ=UTC", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
		Log: filepath.Join(cfg.Dir, "asterisk.log"), DeathSignal: syscall.SIGKILL, // its calls end with the controller; a clean end may take 15 s
	}
	at := layout{Home: cfg.Dir}
	owner, err := local.OwnUser(ctx, User)
	if err != nil {
		return run, fmt.Errorf("asterisk: %w", err)
	}
	if inst.Root == "" {
		if err := owner.OwnDir(filepath.Join(cfg.Dir, "run")); err != nil {
			return run, fmt.Errorf("asterisk: %w", err)
		}
		run.User, run.Path = owner, "/bin/sh"
		run.Args = []string{"-c", `umask "$2" && exec "$0" -f -C "$1"`, inst.Binary, filepath.Join(at.Home, "etc", "asterisk.conf"), umask(cfg)}
	} else {
		if err := writeHosts(inst.Root); err != nil { // the machine may have been renamed since
			return run, err
		}
		at.Home = "/srv"
		run.Path, run.Args = "/usr/bin/unshare", enter(inst, cfg, owner)
	}
	if at.Modules, err = moduleDir(inst.Root); err != nil {
		return run, err
	}
	files, err := render(cfg, at)
	if err != nil {
		return run, err
	}
	return run, write(cfg, files, owner)
}

// enter runs Asterisk in the root, with its directory at /srv. The mount is seen by that process alone and goes with it. The
// kernel forgets the death signal when the user changes, so setpriv sets it anew. Users are this machine's: the root's own
// numbers belong to somebody else outside. Who is not root stays who it is, and is called root in a user namespace.
func enter(inst Installation, cfg Config, as *local.User) []string {
	const script = `umask "$4"; root=$1 home=$2 asterisk=$3; shift 4; mount --bind "$home" "$root/srv" && ` +
		`exec chroot "$root" /usr/bin/setpriv "$@" --no-new-privs --pdeathsig KILL -- "$asterisk" -f -C /srv/etc/asterisk.conf`
	args := []string{"--mount", "--propagation", "private", "--", "/bin/sh", "-c", script, "sh", inst.Root, cfg.Dir, inst.Binary, umask(cfg)}
	if as == nil {
		return append([]string{"--user", "--map-root-user"}, args...)
	}
	return append(args, "--reuid", strconv.Itoa(as.UID), "--regid", strconv.Itoa(as.GID), "--clear-groups")
}

// umask lets a reader's group read what is written where the group may enter: in the net's folder, and nowhere else.
func umask(cfg Config) string {
	if cfg.Reader != nil {
		return "027"
	}
	return "077"
}

// User is whom Asterisk runs as when we are root: not one that an Asterisk of the machine's own has.
const User = "hotline-asterisk"

func moduleDir(root string) (string, error) {
	for _, pattern := range []string{"/usr/lib/*/asterisk/modules", "/usr/lib/asterisk/modules", "/usr/lib64/asterisk/modules"} {
		found, _ := filepath.Glob(root + pattern) // the pattern is well formed
		for _, dir := range found {
			if _, err := os.Stat(filepath.Join(dir, "chan_pjsip.so")); err == nil {
				return strings.TrimPrefix(dir, root), nil
			}
		}
	}
	return "", fmt.Errorf("no modules of Asterisk below %s/usr/lib: install asterisk-modules", root)
}

// writeNew puts a file in place of what is there: the folder is Asterisk's since the last start, and what it has left there leads root nowhere.
func writeNew(path, text string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640) //nolint:gosec // G302: Asterisk's group reads it
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// write fills the directory: configuration that only Asterisk may read, sounds, and places to write to.
func write(cfg Config, files map[string]string, owner *local.User) error {
	for _, sub := range []string{"log/cdr-custom", "data/agi-bin", "data/keys", "etc", "run", "db", "cache"} {
		if err := os.MkdirAll(filepath.Join(cfg.Dir, sub), 0o750); err != nil {
			return fmt.Errorf("write asterisk directory: %w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(cfg.Dir, "etc", name)
		if err := writeNew(path, files[name]); err != nil {
			return fmt.Errorf("write asterisk directory: %w", err)
		}
	}
	for _, sub := range []string{"sounds", "moh"} {
		to := filepath.Join(cfg.Dir, "data", sub)
		if err := os.RemoveAll(to); err != nil {
			return fmt.Errorf("write asterisk directory: %w", err)
		}
		if err := os.CopyFS(to, os.DirFS(filepath.Join(cfg.Sounds.Dir, sub))); err != nil {
			return fmt.Errorf("copy sounds: %w", err)
		}
	}
	if err := writeNet(cfg.Dir); err != nil {
		return err
	}
	for _, name := range []string{"documentation", "rest-api"} { // Asterisk reads them from its data folder
		link := filepath.Join(cfg.Dir, "data", name)
		_ = os.Remove(link) // there is none at the first start
		if err := os.Symlink(filepath.Join("/usr/share/asterisk", name), link); err != nil {
			return fmt.Errorf("write asterisk directory: %w", err)
		}
	}
	return handOver(cfg, owner)
}

// handOver makes the spool, and gives Asterisk all that is its own. The spool is nobody's to look into; but for the net's folder, which
// has citizens' numbers for a while: whoever seals them reads there, and takes them away.
func handOver(cfg Config, owner *local.User) error {
	spool := filepath.Join(cfg.Dir, "spool")
	for _, sub := range []string{"messages", "recording", "tmp", "net"} {
		dir := filepath.Join(spool, sub)
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o700)); err != nil { //nolint:gosec // G302: it is a folder
			return fmt.Errorf("make the spool: %w", err)
		}
	}
	for _, sub := range []string{"etc", "run", "log", "db", "cache", "data", "spool"} {
		if err := owner.Own(filepath.Join(cfg.Dir, sub)); err != nil {
			return err
		}
	}
	if cfg.Reader == nil || owner == nil {
		return nil
	}
	net := filepath.Join(spool, "net")
	left, err := filepath.Glob(filepath.Join(net, "*")) // of a start before
	for _, path := range left {
		err = errors.Join(err, owner.Share(path, cfg.Reader, 0o640))
	}
	err = errors.Join(err, owner.Share(net, cfg.Reader, 0o770|fs.ModeSetgid), os.Chmod(spool, 0o711)) //nolint:gosec // G302: to walk through
	if err != nil {
		return fmt.Errorf("make the spool: %w", err)
	}
	return nil
}

// writeNet makes the music class of the dialplan's net: the hold message, then the music.
func writeNet(dir string) error {
	net := filepath.Join(dir, "data", "net")
	if err := os.MkdirAll(net, 0o755); err != nil { //nolint:gosec // G301: sounds are no secret
		return fmt.Errorf("write hold message: %w", err)
	}
	for name, from := range map[string]string{"1-hold.alaw": "sounds/hotline/hold.alaw", "2-line.alaw": musicFile} {
		content, err := os.ReadFile(filepath.Join(dir, "data", from))
		if err == nil {
			err = os.WriteFile(filepath.Join(net, name), content, 0o644) //nolint:gosec // G306: sounds are no secret
		}
		if err != nil {
			return fmt.Errorf("write hold message: %w", err)
		}
	}
	return nil
}

// portsFree names the port that somebody else holds, before Asterisk starts half deaf.
func portsFree(ctx context.Context, cfg Config) error {
	var lc net.ListenConfig
	tcp, err := lc.Listen(ctx, "tcp", cfg.HTTPAddr)
	if err != nil {
		return fmt.Errorf("asterisk http_addr %s: stop what uses it, or choose another: %w", cfg.HTTPAddr, err)
	}
	udp, err := lc.ListenPacket(ctx, "udp", cfg.SIPAddr)
	if err != nil {
		_ = tcp.Close()
		return fmt.Errorf("asterisk sip_addr %s: stop what uses it, or choose another: %w", cfg.SIPAddr, err)
	}
	return errors.Join(tcp.Close(), udp.Close())
}
