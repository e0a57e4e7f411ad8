package audit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/agent/audit"
	"hotline/deploy/migrations/pgtest"
)

var at = time.Date(2026, 11, 26, 0, 30, 0, 0, time.UTC)

type log struct {
	t     *testing.T
	pool  *pgxpool.Pool // the server's
	super *pgxpool.Pool // the attacker's
	file  string
	*audit.Sealer
}

func setup(t *testing.T) *log {
	t.Helper()
	l := &log{t: t, pool: pgtest.New(t), file: filepath.Join(t.TempDir(), "anchor")}
	l.super = pgtest.Super(t, l.pool)
	l.Sealer = l.sealer()
	return l
}

func (l *log) sealer() *audit.Sealer {
	return &audit.Sealer{Pool: l.pool, Anchor: l.file, Now: func() time.Time { return at }, Log: slog.New(slog.DiscardHandler)}
}

func record(subject string) audit.Record {
	return audit.Record{
		At: at, Actor: "person:1", Action: "ticket.read", Subject: subject, Outcome: audit.Done, Address: "10.0.0.1", Data: json.RawMessage(`{"b":1, "a":2}`),
	}
}

func (l *log) append(n int) {
	l.t.Helper()
	for i := range n {
		require.NoError(l.t, audit.Append(l.t.Context(), l.pool, record(fmt.Sprintf("ticket:%d", i))))
	}
}

// seals waits until rows have seals: transactions of other tests on the same server hold the horizon back for a moment.
func (l *log) seals(n int) {
	l.t.Helper()
	require.Eventually(l.t, func() bool {
		require.NoError(l.t, l.Seal(l.t.Context()))
		var have int
		require.NoError(l.t, l.pool.QueryRow(l.t.Context(), `SELECT count(*) FROM audit_seal`).Scan(&have))
		return have == n
	}, 20*time.Second, 5*time.Millisecond)
}

func (l *log) verify() []audit.Finding {
	l.t.Helper()
	found, err := audit.Verify(l.t.Context(), l.pool, l.file)
	require.NoError(l.t, err)
	return found
}

// attack does what only a superuser can, past the triggers.
func (l *log) attack(sql string) {
	l.t.Helper()
	_, err := l.super.Exec(l.t.Context(), `BEGIN; SET LOCAL session_replication_role = replica; `+sql+`; COMMIT`)
	require.NoError(l.t, err)
}

// I11 on the real tables: what a superuser changes, removes or inserts is named, and so is what nobody seals.
func TestVerifyNamesTheRow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql  string
		want audit.Finding
	}{
		"nothing":  {`SELECT 1`, audit.Finding{}},
		"changed":  {`UPDATE audit SET actor = 'person:2' WHERE id = 3`, audit.Finding{audit.Changed, []string{"row 3 (ticket.read)"}}},
		"data":     {`UPDATE audit SET data = '{"b":1,"a":2}' WHERE id = 3`, audit.Finding{audit.Changed, []string{"row 3 (ticket.read)"}}},
		"never":    {`UPDATE audit SET at = 'infinity' WHERE id = 4`, audit.Finding{audit.Changed, []string{"row 4 (ticket.read)"}}},
		"null":     {`ALTER TABLE audit ALTER subject DROP NOT NULL; UPDATE audit SET subject = NULL WHERE id = 4`, audit.Finding{audit.Changed, []string{"row 4 (ticket.read)"}}},
		"backdate": {`UPDATE audit SET stored_at = stored_at - interval '1 day' WHERE id = 2`, audit.Finding{audit.Changed, []string{"row 2 (ticket.read)"}}},
		"removed":  {`DELETE FROM audit WHERE id = 3`, audit.Finding{audit.Removed, []string{"row 3"}}},
		"both":     {`DELETE FROM audit WHERE id = 3; DELETE FROM audit_seal WHERE id = 3`, audit.Finding{audit.Missing, []string{"3 to 3 of the chain, between row 2 and row 4"}}},
		"inserted": {
			`INSERT INTO audit (id, xid, at, actor, action, subject, outcome, address, reason, data) OVERRIDING SYSTEM VALUE
			 SELECT -1, xid, at, actor, action, subject, outcome, address, reason, data FROM audit WHERE id = 3`,
			audit.Finding{audit.Inserted, []string{"row -1 (ticket.read)"}},
		},
		"hidden": {
			`DELETE FROM audit_seal WHERE id = 5; INSERT INTO audit_seal SELECT 5, 99, '99999999999', digest, hash FROM audit_seal WHERE n = 4`,
			audit.Finding{audit.Inserted, []string{"row 5 (ticket.read)"}},
		},
		"cut": {`DELETE FROM audit WHERE id > 3; DELETE FROM audit_seal WHERE id > 3`, audit.Finding{audit.Cut, []string{"4 to 6 of the chain, after row 3"}}},
		"all": {`DELETE FROM audit; DELETE FROM audit_seal`, audit.Finding{audit.Cut, []string{"1 to 6 of the chain, after the beginning"}}},
		"waits": {
			`INSERT INTO audit (stored_at, at, actor, action, subject, outcome, address, reason, data)
			 VALUES (now() - interval '11 s', now(), 'x', 'seat.forced', 'x', 'done', '', '', '{}')`,
			audit.Finding{audit.Unsealed, []string{"row 7 (seat.forced)"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setup(t)
			l.append(6)
			require.Empty(t, l.verify(), "rows may wait for their seal")
			l.seals(6)
			require.NoError(t, l.AnchorHead(t.Context()))
			require.Empty(t, l.verify())
			l.attack(c.sql)
			found := l.verify()
			if c.want.What == "" {
				require.Empty(t, found)
				return
			}
			require.Contains(t, found, c.want)
		})
	}
}

// Whoever rewrites the whole chain, by letting it be sealed anew, is told of by the anchor alone; and nothing is anchored on top of it.
func TestChainSealedAnewContradictsItsAnchor(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.append(4)
	l.seals(4)
	require.NoError(t, l.AnchorHead(t.Context()))
	before, err := os.ReadFile(l.file)
	require.NoError(t, err)
	l.attack(`DELETE FROM audit_seal; UPDATE audit SET actor = 'somebody else' WHERE id = 2`)
	l.seals(4)
	require.Equal(t, []audit.Finding{{audit.Unlike, []string{"one of 1 to 4 of the chain"}}}, l.verify())
	for _, s := range []*audit.Sealer{l.Sealer, l.sealer()} { // the one that wrote it, and one that reads it first
		require.ErrorIs(t, s.AnchorHead(t.Context()), audit.ErrContradicted)
	}
	now, err := os.ReadFile(l.file)
	require.NoError(t, err)
	require.Equal(t, string(before), string(now))
	unanchored, err := audit.Verify(t.Context(), l.pool, "")
	require.NoError(t, err)
	require.Empty(t, unanchored, "which is why there is an anchor")
}

// A row that is committed late is sealed late, in its place: nobody who writes waits, and nothing is left out.
func TestLateCommitIsSealed(t *testing.T) {
	t.Parallel()
	l := setup(t)
	l.append(1) // waits for nobody
	tx, err := l.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(t.Context()) }() // of the last one; a test that fails must end, too
	require.NoError(t, audit.Append(t.Context(), tx, record("ticket:early")))
	l.append(2)
	require.NoError(t, l.Seal(t.Context()))
	var n int
	require.NoError(t, l.pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_seal`).Scan(&n))
	require.LessOrEqual(t, n, 1, "the later ones wait for the earlier")
	require.NoError(t, tx.Commit(t.Context()))
	l.seals(4)
	require.Empty(t, l.verify())

	tx, err = l.pool.Begin(t.Context()) // the older transaction has the younger row
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `SELECT pg_current_xact_id()`)
	require.NoError(t, err)
	l.append(1)
	require.NoError(t, audit.Append(t.Context(), tx, record("ticket:late")))
	require.NoError(t, tx.Commit(t.Context()))
	l.seals(6)
	require.Empty(t, l.verify())

	tx, err = l.pool.Begin(t.Context())
	require.NoError(t, err)
	require.NoError(t, audit.Append(t.Context(), tx, record("ticket:never")))
	require.NoError(t, tx.Rollback(t.Context()), "an act that did not happen has no record")
	l.append(1)
	l.seals(7)
	require.Empty(t, l.verify())
}

// Sealers of several servers make one chain; it goes over pages.
func TestSealersMakeOneChain(t *testing.T) {
	t.Parallel()
	l := setup(t)
	many := make([]audit.Record, 1200)
	for i := range many {
		many[i] = record(fmt.Sprintf("ticket:%d", i))
	}
	require.NoError(t, audit.Append(t.Context(), l.pool, many...))
	errs := make(chan error, 4)
	for range cap(errs) {
		go func() { errs <- l.sealer().Seal(t.Context()) }()
	}
	for range cap(errs) {
		require.NoError(t, <-errs)
	}
	l.seals(1200)
	require.Empty(t, l.verify())
}

// What stands at the edge of a page is seen once, as everywhere; nothing but a page is in memory; and who has changed everything is told so
// with a number.
func TestVerifyGoesByPages(t *testing.T) {
	t.Parallel()
	l := setup(t)
	many := make([]audit.Record, 2*audit.VerifyPage)
	for i := range many {
		many[i] = record(fmt.Sprintf("ticket:%d", i))
	}
	require.NoError(t, audit.Append(t.Context(), l.pool, many...))
	l.seals(len(many))
	require.Empty(t, l.verify(), "two whole pages, and an empty one")
	cfg := l.pool.Config()
	most := &longest{}
	cfg.ConnConfig.Tracer = most
	traced, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	defer traced.Close()
	_, err = audit.Verify(t.Context(), traced, "")
	require.NoError(t, err)
	require.EqualValues(t, audit.VerifyPage, most.rows.Load())

	edge := audit.VerifyPage
	l.attack(fmt.Sprintf(`UPDATE audit SET actor = 'x' WHERE id IN (%d, %d)`, edge, edge+1))
	require.Equal(t, []audit.Finding{{audit.Changed, []string{fmt.Sprintf("row %d (ticket.read)", edge), fmt.Sprintf("row %d (ticket.read)", edge+1)}}}, l.verify())
	l.attack(fmt.Sprintf(`ALTER TABLE audit_seal DROP CONSTRAINT audit_seal_pkey;
INSERT INTO audit (actor, action, subject, outcome, address, reason, data, at) VALUES ('x', 'ticket.read', 'x', 'done', '', '', '{}', now());
INSERT INTO audit_seal (n, id, xid, digest, hash) SELECT %d, max(a.id), max(a.xid::text)::xid8, sha256(''), sha256('') FROM audit a`, edge))
	require.Contains(t, l.verify(), audit.Finding{audit.Changed, []string{
		fmt.Sprintf("row %d (ticket.read)", edge), fmt.Sprintf("row %d (ticket.read)", len(many)+1), fmt.Sprintf("row %d (ticket.read)", edge+1),
	}}, "a second seal in the same place hides no row")
	l.attack(`ALTER TABLE audit_seal ALTER n DROP NOT NULL; UPDATE audit_seal SET n = NULL WHERE id = 3`)
	require.Contains(t, l.verify(), audit.Finding{audit.Inserted, []string{"row 3 (ticket.read)"}}, "nor does one in no place")

	l.attack(`UPDATE audit SET actor = 'y'`)
	for _, f := range l.verify() {
		if f.What == audit.Changed {
			require.Len(t, f.Rows, 1001)
			require.Equal(t, fmt.Sprintf("and %d more", len(many)-1000), f.Rows[1000])
		}
	}
}

// longest is the most rows that one statement has brought.
type longest struct{ rows atomic.Int64 }

func (*longest) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (l *longest) TraceQueryEnd(_ context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	l.rows.Store(max(l.rows.Load(), data.CommandTag.RowsAffected()))
}

func TestRunSealsAndAnchorsToTheEnd(t *testing.T) {
	t.Parallel()
	l := setup(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	l.append(3)
	require.Eventually(t, func() bool {
		var n int
		return l.pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_seal`).Scan(&n) == nil && n == 3
	}, 20*time.Second, 20*time.Millisecond)
	stop()
	require.NoError(t, <-ended)
	anchors, bad, err := audit.ReadAnchors(l.file)
	require.NoError(t, err)
	require.Empty(t, bad)
	require.EqualValues(t, 3, anchors[len(anchors)-1].N, "the head at the end is anchored")
	require.Empty(t, l.verify())
}

// A line that a crash has cut short is named, and costs no other line.
func TestAnchorFileOutlivesACrash(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "anchor")
	a := audit.Anchor{At: at, N: 7, Hash: audit.Hash{1, 2, 3}}
	require.NoError(t, audit.WriteAnchor(path, a))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for cut := 1; cut < len(whole); cut++ {
		require.NoError(t, os.WriteFile(path, append(whole, whole[:cut]...), 0o600))
		b := a
		b.N = 8
		require.NoError(t, audit.WriteAnchor(path, b))
		anchors, bad, err := audit.ReadAnchors(path)
		require.NoError(t, err)
		if cut == len(whole)-1 {
			require.Empty(t, bad, "only its end of line was missing")
			continue
		}
		require.Equal(t, []audit.Anchor{a, b}, anchors)
		require.Equal(t, []string{"line 2"}, bad)
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077)
}

func TestAppendRefusesWhatIsNoRecord(t *testing.T) {
	t.Parallel()
	l := setup(t)
	for name, change := range map[string]func(*audit.Record){
		"no time": func(r *audit.Record) { r.At = time.Time{} }, "no actor": func(r *audit.Record) { r.Actor = "" },
		"no subject": func(r *audit.Record) { r.Subject = "" }, "outcome": func(r *audit.Record) { r.Outcome = "well" },
		"JSON": func(r *audit.Record) { r.Data = json.RawMessage(`{`) }, "not a text": func(r *audit.Record) { r.Reason = "a\x00b" },
		"append to the audit trail": func(r *audit.Record) { r.Action = "no action" },
	} {
		bad := record("ticket:1")
		change(&bad)
		require.ErrorContains(t, audit.Append(t.Context(), l.pool, record("ticket:0"), bad), name)
	}
	require.NoError(t, audit.Append(t.Context(), l.pool), "nothing is nothing")
	rows, err := l.pool.Query(t.Context(), `SELECT subject FROM audit`)
	require.NoError(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Empty(t, strings.Join(all, ""), "all or nothing")
}

// A record with a time of its own is left out when the same has been said within it: by the same person, from the same place, of the same
// thing. Row-level security shows people their own records alone, so nobody else would see that the rule asks for the person too.
func TestOnceIsOfOneActAndOnePerson(t *testing.T) {
	t.Parallel()
	l := setup(t)
	for _, c := range []struct {
		change func(r *audit.Record)
		kept   bool
	}{
		{func(*audit.Record) {}, true},
		{func(r *audit.Record) { r.At = at.Add(59 * time.Second) }, false},
		{func(r *audit.Record) { r.Data = json.RawMessage(`{"a":2}`) }, false},
		{func(r *audit.Record) { r.Data = json.RawMessage(`{"a":3}`) }, true},
		{func(r *audit.Record) { r.Actor = "person:2" }, true},
		{func(r *audit.Record) { r.Address = "10.0.0.2" }, true},
		{func(r *audit.Record) { r.Action = "ticket.drafted" }, true},
		{func(r *audit.Record) { r.Subject = "ticket:2" }, true},
		{func(r *audit.Record) { r.Outcome = audit.Refused }, true},
		{func(r *audit.Record) { r.At = at.Add(time.Minute) }, true},
		{func(r *audit.Record) { r.Once = 0 }, true},
	} {
		count := func() int {
			var n int
			require.NoError(t, l.super.QueryRow(t.Context(), `SELECT count(*) FROM audit`).Scan(&n))
			return n
		}
		r, before := record("ticket:1"), count()
		r.Once = time.Minute
		c.change(&r)
		require.NoError(t, audit.Append(t.Context(), l.pool, r))
		require.Equal(t, c.kept, count() > before, "%+v", r)
	}
}
