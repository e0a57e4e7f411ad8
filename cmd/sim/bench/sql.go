package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// queries is what the database has been asked so far, or in a turn: by everybody but the bench itself.
type queries struct {
	statements   int64
	transactions int64 // begun, with those of a single read
	writing      int64 // those that were given an id
	by           map[string]work
}

// work is how often a statement was run, and how long that took in all, in milliseconds: its triggers too, not its commit.
type work struct {
	times int64
	took  float64
}

func (q queries) minus(before queries) queries {
	by := map[string]work{}
	for text, s := range q.by {
		if was := before.by[text]; s.times > was.times {
			by[text] = work{s.times - was.times, s.took - was.took}
		}
	}
	return queries{
		statements: q.statements - before.statements, transactions: q.transactions - before.transactions, writing: q.writing - before.writing, by: by,
	}
}

func (q queries) plus(other queries) queries {
	by := map[string]work{}
	for _, side := range []queries{q, other} {
		for text, s := range side.by {
			by[text] = work{by[text].times + s.times, by[text].took + s.took}
		}
	}
	return queries{
		statements: q.statements + other.statements, transactions: q.transactions + other.transactions, writing: q.writing + other.writing, by: by,
	}
}

// most are the statements that Postgres worked on longest: times per call, microseconds each, microseconds per call.
func (q queries) most(calls, n int) []string {
	texts := make([]string, 0, len(q.by))
	for text := range q.by {
		texts = append(texts, text)
	}
	slices.SortFunc(texts, func(a, b string) int { return cmp.Compare(q.by[b].took, q.by[a].took) })
	out := make([]string, 0, n)
	for _, text := range texts[:min(n, len(texts))] {
		s, all := q.by[text], float64(max(calls, 1))
		out = append(out, fmt.Sprintf("%6.2f %6.0f %6.0f  %s", float64(s.times)/all, 1000*s.took/float64(s.times), 1000*s.took/all, text))
	}
	return out
}

// countStatements asks Postgres to count; an error says why it cannot.
func countStatements(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, `CREATE EXTENSION IF NOT EXISTS pg_stat_statements`); err != nil {
		return fmt.Errorf("count statements: %w", err)
	}
	var n int
	return conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_statements`).Scan(&n)
}

// counted reads the counters. Transactions that some session has not told of yet, a second's at most, come with the next reading.
func (h *hall) counted(ctx context.Context) queries {
	q := queries{by: map[string]work{}}
	err := h.sql.QueryRow(ctx, `SELECT xact_commit + xact_rollback, pg_snapshot_xmax(pg_current_snapshot())::text::bigint
FROM pg_stat_database WHERE datname = current_database()`).Scan(&q.transactions, &q.writing)
	if err != nil || h.uncounted != nil {
		return q
	}
	rows, err := h.sql.Query(ctx, `SELECT coalesce(substring(query FROM '-- name: (\w+)'), left(regexp_replace(query, '\s+', ' ', 'g'), 110)), sum(calls)::bigint, sum(total_exec_time + total_plan_time)
FROM pg_stat_statements JOIN pg_database d ON d.oid = dbid
WHERE d.datname = current_database() AND toplevel AND query !~ 'pg_stat' GROUP BY 1`)
	if err != nil {
		return q
	}
	var text string
	var s work
	_, _ = pgx.ForEachRow(rows, []any{&text, &s.times, &s.took}, func() error { // a reading that breaks off counts less
		q.statements += s.times
		q.by[text] = s
		return nil
	})
	return q
}
