package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"hotline/agent"
	"hotline/telephony"
)

// The peers of B4 send what hotline really sends: one assignment is listened to, and its script and statements are handed to
// redis-benchmark and pgbench. What is different in every assignment is replaced: ids and versions.

// hearing notes what is sent while somebody listens.
type hearing struct {
	listens atomic.Bool

	mu         sync.Mutex
	script     []string // arguments of the last script; guarded by mu, as below
	statements []statement
}

type statement struct {
	sql  string
	args []any
}

// DialHook implements redis.Hook.
func (h *hearing) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessPipelineHook implements redis.Hook.
func (h *hearing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// ProcessHook implements redis.Hook.
func (h *hearing) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if h.listens.Load() && strings.HasPrefix(cmd.Name(), "evalsha") {
			h.mu.Lock()
			h.script = nil
			for _, arg := range cmd.Args() {
				if b, ok := arg.([]byte); ok {
					arg = string(b)
				}
				h.script = append(h.script, fmt.Sprint(arg))
			}
			h.mu.Unlock()
		}
		return next(ctx, cmd)
	}
}

func (h *hearing) heard(sql string, args []any) {
	if !h.listens.Load() || len(args) == 0 && !strings.Contains(sql, " ") { // begin, commit
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.statements = append(h.statements, statement{sql, args})
}

// TraceQueryStart implements pgx.QueryTracer.
func (h *hearing) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	h.heard(q.SQL, q.Args)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (h *hearing) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer.
func (h *hearing) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (h *hearing) TraceBatchQuery(_ context.Context, _ *pgx.Conn, q pgx.TraceBatchQueryData) {
	h.heard(q.SQL, q.Args)
}

// TraceBatchEnd implements pgx.BatchTracer.
func (h *hearing) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// named is everything that has a name of its own in one assignment.
type named struct {
	call     telephony.CallID
	channel  telephony.LegID
	seat     agent.SeatID
	person   agent.PersonID
	endpoint string
}

const (
	callPrefix   = "0190a000-0000-7000-8000-"
	personPrefix = "0190b000-0000-7000-8000-"
	offerPrefix  = "0190c000-0000-7000-8000-"
	firstVersion = 1_000_000
)

func names(i int) named {
	digits := fmt.Sprintf("%012d", i)
	return named{
		call: telephony.CallID(callPrefix + digits), channel: telephony.LegID("bench-" + digits), seat: agent.SeatID(fmt.Sprintf("B%02d", i)),
		person: agent.PersonID(personPrefix + digits), endpoint: "bench-ep-" + digits,
	}
}

// offerID is of one assigner's n-th offer in a turn.
func offerID(i, turn, n int) string {
	return fmt.Sprintf("%s%02d%03d%07d", offerPrefix, i%100, turn, n)
}

// listen lets the last pair of call and seat be assigned once and gives the script and the statements of the two commits.
func (a *assignments) listen(ctx context.Context) ([]string, [2][]statement, error) {
	const sample = assigners
	offer := telephony.OfferID(offerID(sample, 0, 0))
	a.heard.listens.Store(true)
	defer a.heard.listens.Store(false)
	var commits [2][]statement
	if err := a.claim(ctx, sample, string(offer)); err != nil {
		return nil, commits, err
	}
	c := a.calls[sample]
	if err := a.assign(ctx, sample, offer); err != nil {
		return nil, commits, err
	}
	a.heard.mu.Lock()
	defer a.heard.mu.Unlock()
	// The second commit begins where the version of the first is the one that is expected.
	half := len(a.heard.statements)
	for i, s := range a.heard.statements {
		if versioned(s, c.Version+2) {
			half = i
			break
		}
	}
	for half > 0 && half < len(a.heard.statements) && a.heard.statements[half-1].sql == a.heard.statements[0].sql { // the epoch's guard before it
		half--
	}
	commits = [2][]statement{a.heard.statements[:half], a.heard.statements[half:]}
	if len(commits[0]) == 0 || len(commits[1]) == 0 {
		return nil, commits, fmt.Errorf("cannot tell the two commits of an assignment apart in %d statements", len(a.heard.statements))
	}
	return a.heard.script, commits, nil
}

func versioned(s statement, version int64) bool {
	for _, arg := range s.args {
		if number, ok := whole(arg); ok && number == version {
			return true
		}
	}
	return false
}

func whole(arg any) (int64, bool) {
	v := reflect.ValueOf(arg)
	if v.IsValid() && v.CanInt() {
		return v.Int(), true
	}
	return 0, false
}

// redisBenchmark lets 50 clients of redis-benchmark run the script, each run under a request of its own.
func (a *assignments) redisBenchmark(ctx context.Context, script []string, runs int) (rate, error) {
	bin, err := exec.LookPath("redis-benchmark")
	if err != nil {
		return rate{}, fmt.Errorf("redis-benchmark is not installed: %w", err)
	}
	args := []string{"-s", a.hall.demo.Redis.Socket(), "-c", strconv.Itoa(assigners), "-n", strconv.Itoa(runs), "-r", "1000000000", "-q"}
	for _, arg := range script {
		args = append(args, strings.ReplaceAll(arg, offerID(assigners, 0, 0), "__rand_int__"))
	}
	measure := a.meter(false)
	cmd := exec.CommandContext(ctx, bin, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return rate{}, fmt.Errorf("redis-benchmark: %w: %s", err, tail(out))
	}
	r := measure(int64(runs))
	r.client = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()) / time.Duration(max(runs, 1))
	if r.perSecond, err = number(out, ` ([0-9.]+) requests per second`); err != nil {
		return rate{}, fmt.Errorf("redis-benchmark: %w", err)
	}
	return r, nil
}

// pgbench lets 50 clients of pgbench commit the same statements, prepared and in one trip for each commit.
func (a *assignments) pgbench(ctx context.Context, o Options, commits [2][]statement) (rate, error) {
	bin, err := exec.LookPath("pgbench")
	if err != nil {
		return rate{}, fmt.Errorf("pgbench is not installed: %w", err)
	}
	if _, err := a.pool.Exec(ctx, `UPDATE call SET version = $1`, firstVersion); err != nil {
		return rate{}, fmt.Errorf("prepare pgbench: %w", err)
	}
	for i := range a.calls {
		a.calls[i].Version = firstVersion
	}
	file := filepath.Join(o.Dir, "assignment.pgbench")
	if err := os.WriteFile(file, []byte(pgbenchScript(commits)), 0o600); err != nil {
		return rate{}, fmt.Errorf("write pgbench's script: %w", err)
	}
	a.turns++
	measure := a.meter(true)
	cmd := exec.CommandContext(ctx, bin, "-h", a.hall.demo.Postgres.Socket(), "-U", "hotline", "-n", "-M", "prepared", "-c", strconv.Itoa(assigners),
		"-j", "2", "-T", strconv.Itoa(int(o.Burst.Seconds())), "-D", "v="+strconv.Itoa(firstVersion), "-D", "k=0", "-D", "turn="+strconv.Itoa(a.turns),
		"-f", file, a.database)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return rate{}, fmt.Errorf("pgbench: %w: %s", err, tail(out))
	}
	done, err := number(out, `actually processed: ([0-9]+)`)
	if err != nil {
		return rate{}, fmt.Errorf("pgbench: %w", err)
	}
	r := measure(int64(done))
	r.client = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()) / time.Duration(max(done, 1))
	if r.perSecond, err = number(out, `tps = ([0-9.]+)`); err != nil {
		return rate{}, fmt.Errorf("pgbench: %w", err)
	}
	// Ours go on from where pgbench has stopped.
	rows, err := a.pool.Query(ctx, `SELECT id::text, version FROM call`)
	if err != nil {
		return rate{}, fmt.Errorf("after pgbench: %w", err)
	}
	var id string
	var version int64
	_, err = pgx.ForEachRow(rows, []any{&id, &version}, func() error {
		for i := range a.calls {
			if string(a.calls[i].ID) == id {
				a.calls[i].Version = version
			}
		}
		return nil
	})
	return r, err
}

func number(out []byte, pattern string) (float64, error) {
	found := regexp.MustCompile(pattern).FindSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("no figure in %s", tail(out))
	}
	return strconv.ParseFloat(string(found[1]), 64)
}

func tail(out []byte) []byte { return out[max(0, len(out)-800):] }
