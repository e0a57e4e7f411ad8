package demo_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"hotline/agent/audit"
	"hotline/cmd/hotline/demo"
	"hotline/deploy/local"
	"hotline/deploy/migrations/pgtest"
	"hotline/realtime/factlog"
	"hotline/telephony"
	"hotline/telephony/ari"
	"hotline/telephony/line"
	"hotline/telephony/store"
	ticketstore "hotline/ticketing/store"
)

const (
	patience = 20 * time.Second // for what is not measured, on a machine that is shared
	look     = 20 * time.Millisecond
)

// stage is the running product and what a test looks at it with.
type stage struct {
	*demo.Demo

	t        *testing.T
	ctx      context.Context //nolint:containedctx // the test's
	db       *pgxpool.Pool
	redis    *redis.Client
	lines    *line.Queue
	exchange *ari.Client
	citizens *crowd
	hall     *hall
}

// start brings the product up with so many seats, all staffed and ready; change may set more.
func start(t *testing.T, seats int, change ...func(*demo.Options)) *stage {
	t.Helper()
	root, err := local.ModuleRoot()
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "hotline-stage-") //nolint:usetesting // kept when the test fails; and short: Unix sockets live in it
	require.NoError(t, err)
	o := demo.Options{
		Dir: dir, Cache: filepath.Join(root, ".cache"), Binary: binary, Volatile: true, Hall: demo.Hall{Seats: seats, Quick: true},
	}
	for _, f := range change {
		f(&o)
	}
	limit := 2 * time.Minute
	if os.Getenv("HOTLINE_SWEEP") != "" { // at every point
		limit = 20 * time.Minute
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	d, err := demo.Start(ctx, o)
	require.NoError(t, err)
	t.Cleanup(func() { end(t, d, "hotline.log") })
	s := &stage{Demo: d, t: t, ctx: ctx}
	s.open()
	s.citizens = newCrowd(s)
	s.hall = newHall(s)
	return s
}

// rules changes how the line rings and wraps up: the server, which reads it as it comes up, is started anew.
func (s *stage) rules(set ...string) {
	s.t.Helper()
	_, err := s.db.Exec(s.ctx, pgtest.SetLines(set...))
	require.NoError(s.t, err)
	s.KillServer()
	require.NoError(s.t, s.Ready(s.ctx, patience))
}

// end stops the product; what the race detector found in the server fails the test.
func end(t *testing.T, d *demo.Demo, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
	defer cancel()
	require.NoError(t, d.Stop(ctx))
	log, err := os.ReadFile(filepath.Join(d.Options.Dir, name))
	require.NoError(t, err)
	for _, sign := range []string{"DATA RACE", "panic:"} {
		if i := strings.Index(string(log), sign); i >= 0 {
			t.Errorf("the server's log has %s:\n%s", sign, log[i:min(len(log), i+3000)])
		}
	}
	for _, leak := range written(t, d.Options.Dir, citizens, "postgres/data") {
		t.Errorf("a citizen's number is written down (RS1): %s", leak)
	}
	if n := strings.Count(string(log), "offer not made"); n > 0 {
		t.Logf("offers that Postgres refused: %d", n)
	}
	if t.Failed() {
		t.Logf("left for a look: %s; the end of the server's log:\n%s", d.Options.Dir, log[max(0, len(log)-6000):])
		return
	}
	if name == "hotline.log" { // the folder is that of the first server
		require.NoError(t, os.RemoveAll(d.Options.Dir))
	}
}

// says counts how often a server's log has some words.
func (s *stage) says(log, words string) int {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.Options.Dir, log))
	require.NoError(s.t, err)
	return strings.Count(string(b), words)
}

// killNoticed kills the server and waits until the exchange has noticed: who calls in the milliseconds before is in nobody's hands
// until a server is back, and the net takes only who comes after.
func (s *stage) killNoticed() {
	s.t.Helper()
	const log, words = "asterisk/log/messages.log", "WebSocket read error"
	before := s.says(log, words)
	s.KillServer()
	s.until("the exchange has noticed", patience, func() bool { return s.says(log, words) > before })
}

func (s *stage) open() {
	s.t.Helper()
	var err error
	s.db, err = pgxpool.New(s.ctx, s.DatabaseURL())
	require.NoError(s.t, err)
	s.t.Cleanup(s.db.Close)
	opt, err := redis.ParseURL(s.Redis.URL())
	require.NoError(s.t, err)
	opt.MaxRetries = -1
	s.redis = redis.NewClient(opt)
	s.t.Cleanup(func() { _ = s.redis.Close() })
	s.lines, err = line.New(s.redis, "hotline:")
	require.NoError(s.t, err)
	s.exchange, err = ari.New(ari.Config{URL: s.Exchange.ARIURL, User: s.Exchange.ARIUser, Password: s.Exchange.ARIPassword, App: "hotline"})
	require.NoError(s.t, err)
}

// until waits for something outside this process.
func (s *stage) until(what string, limit time.Duration, ok func() bool) time.Duration {
	s.t.Helper()
	began := time.Now()
	require.Eventually(s.t, ok, limit, look, what)
	return time.Since(began)
}

// one reads one value.
func one[T any](s *stage, sql string, args ...any) T {
	s.t.Helper()
	rows, err := s.db.Query(s.ctx, sql, args...)
	require.NoError(s.t, err)
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	require.NoError(s.t, err)
	return v
}

// many reads one column.
func many[T any](s *stage, sql string, args ...any) []T {
	s.t.Helper()
	rows, err := s.db.Query(s.ctx, sql, args...)
	require.NoError(s.t, err)
	v, err := pgx.CollectRows(rows, pgx.RowTo[T])
	require.NoError(s.t, err)
	return v
}

// words are the calls that go on with the word that people see for each, read from the rows as the product's own function
// reads them (telephony.Word), but not by it.
const words = `SELECT c.id, c.num_tail, CASE c.phase
	WHEN 'arrived' THEN 'arrived'
	WHEN 'admission' THEN 'screening'
	WHEN 'waiting' THEN CASE WHEN EXISTS (SELECT 1 FROM offer o WHERE o.call = c.id AND o.state = 'open') THEN 'offered' ELSE 'queued' END
	ELSE CASE
		WHEN EXISTS (SELECT 1 FROM participant p JOIN segment g ON g.id = p.id AND g.ended_at IS NULL WHERE p.call = c.id AND p.state <> 'up') THEN 'reconnecting'
		WHEN EXISTS (SELECT 1 FROM participant p WHERE p.call = c.id AND p.role = 'caller' AND p.want = 'hold') THEN 'held'
		ELSE 'talking' END
	END AS word
	FROM call c WHERE c.ended_at IS NULL`

const nobodyLeft = `SELECT count(*) FROM call WHERE ended_at IS NULL`

// count of the calls that go on under a word.
func (s *stage) count(word telephony.Word) int {
	s.t.Helper()
	return one[int](s, `SELECT count(*) FROM (`+words+`) w WHERE word = $1`, string(word))
}

// ended is how a citizen's calls ended, "outcome/cause".
func (s *stage) ended(c *citizen) string {
	s.t.Helper()
	return strings.Join(many[string](s, `SELECT coalesce(outcome, phase) || '/' || cause FROM call WHERE num_tail = $1 ORDER BY seq`, c.masked), " ")
}

// answered are the citizens' channels that Asterisk's own records call answered (I1).
func (s *stage) answered() []telephony.LegID {
	s.t.Helper()
	f, err := os.Open(s.Exchange.CallRecords())
	if os.IsNotExist(err) {
		return nil // no call has ended
	}
	require.NoError(s.t, err)
	defer func() { _ = f.Close() }()
	r := csv.NewReader(f)
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	rows, err := r.ReadAll()
	require.NoError(s.t, err)
	var legs []telephony.LegID
	for _, row := range rows { // linkedid, uniqueid, start, answer, end, dcontext, disposition, lastapp
		if len(row) > 7 && row[5] == "from-trunk" && row[7] == "Stasis" && row[6] == "ANSWERED" {
			legs = append(legs, telephony.LegID(row[1]))
		}
	}
	return legs
}

// verify waits until the product is quiet and every invariant holds, from evidence outside of the server; no seat's telephone was
// ever told a citizen's number (RH4).
func (s *stage) verify() {
	s.t.Helper()
	s.hall.mu.Lock()
	require.Empty(s.t, s.hall.leaks)
	s.hall.mu.Unlock()
	began := time.Now()
	var breaches, last []string
	quiet := func() bool {
		last, breaches = breaches, s.breaches()
		return len(breaches) == 0
	}
	deadline := time.NewTimer(45 * time.Second) // a seat that is kept from being rung for a while is not quiet yet
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !quiet() {
		select {
		case <-tick.C:
		case <-deadline.C:
			require.Empty(s.t, breaches, "invariants of reliability.md 5")
		}
	}
	s.t.Logf("I1-I7, I9-I11, I13, I14 hold after %s (until then: %v): %d calls, %d offers, %d tickets, %d answered by Asterisk's own records", millis(time.Since(began)), last, one[int](s, `SELECT count(*) FROM call`),
		one[int](s, `SELECT count(*) FROM offer`), one[int](s, `SELECT count(*) FROM ticket`), len(s.answered()))
}

func (s *stage) breaches() []string {
	s.t.Helper()
	snapshot, err := s.exchange.Snapshot(s.ctx)
	require.NoError(s.t, err)
	found, err := store.Verify(s.ctx, s.db, store.Evidence{
		Answered: s.answered(), Lines: s.lines, Snapshot: &snapshot,
	})
	require.NoError(s.t, err)
	var out []string
	for _, b := range found {
		out = append(out, b.String())
	}
	unsettled, err := factlog.Unsettled(s.ctx, s.db, factlog.Reaction{Consumer: ticketstore.Consumer, Kinds: ticketstore.Kinds(), Wants: ticketstore.Wants})
	require.NoError(s.t, err)
	for _, fact := range unsettled {
		out = append(out, "I10 without effect: "+fact)
	}
	trail, err := audit.Verify(s.ctx, s.db, filepath.Join(s.Options.Dir, "secrets/number-keys.anchor"))
	require.NoError(s.t, err)
	for _, f := range trail {
		out = append(out, "I11 "+f.What+": "+strings.Join(f.Rows, ", "))
	}
	for _, x := range []struct{ what, sql string }{
		{"I7 admitted calls without their one ticket", `SELECT c.id::text FROM call c WHERE c.queued_at IS NOT NULL
			AND (SELECT count(*) FROM ticket t WHERE t.call = c.id AND t.kind IN ('call', 'missed'))
				<> CASE WHEN EXISTS (SELECT 1 FROM call again WHERE again.resumes = c.id AND again.queued_at IS NOT NULL) THEN 0 ELSE 1 END`},
		{"seats that work for no call", `SELECT w.seat FROM seat_work w LEFT JOIN call c ON c.id = w.call
			WHERE w.work IN ('offered', 'engaged') AND (c.id IS NULL OR c.phase = 'ended')`},
	} {
		if rows := many[string](s, x.sql); len(rows) > 0 {
			out = append(out, x.what+": "+strings.Join(rows, ", "))
		}
	}
	return append(out, s.hall.doubles()...)
}

// firstOffers are the places of the calls in the order in which they were first offered.
func (s *stage) firstOffers() []int64 {
	s.t.Helper()
	return many[int64](s, `SELECT c.seq FROM call c JOIN offer o ON o.call = c.id GROUP BY c.id, c.seq ORDER BY min(o.id::text)`)
}

// requireInOrder: all but the first few, who found free seats as they came, were offered in the order of arrival, exactly.
func (s *stage) requireInOrder(first int) {
	s.t.Helper()
	served := s.firstOffers()[first:]
	require.True(s.t, slices.IsSorted(served), "order of service is not the order of arrival: %v", served)
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}
