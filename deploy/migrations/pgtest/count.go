package pgtest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// Count is what a pool has asked of its database.
type Count struct {
	mu         sync.Mutex // guards all below
	statements []string
	trips      int
}

var (
	_ pgx.QueryTracer = (*Count)(nil)
	_ pgx.BatchTracer = (*Count)(nil)
)

// Counted is a pool on the same database that counts its statements.
func Counted(tb testing.TB, of *pgxpool.Pool) (*pgxpool.Pool, *Count) {
	tb.Helper()
	cfg, c := of.Config().Copy(), &Count{}
	cfg.ConnConfig.Tracer = c
	pool, err := pgxpool.NewWithConfig(tb.Context(), cfg)
	require.NoError(tb, err)
	tb.Cleanup(pool.Close)
	return pool, c
}

// Take returns the statements since the last time, and in how many trips they went: a batch is one, and one transaction.
func (c *Count) Take() ([]string, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	statements, trips := c.statements, c.trips
	c.statements, c.trips = nil, 0
	return statements, trips
}

// Matching is how many of the statements so far hold the text.
func (c *Count) Matching(text string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(c.statements), func(sql string) bool { return !strings.Contains(sql, text) }))
}

func (c *Count) add(trips int, sql ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trips += trips
	c.statements = append(c.statements, sql...)
}

// TraceQueryStart implements pgx.QueryTracer.
func (c *Count) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	c.add(1, data.SQL)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*Count) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer.
func (c *Count) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, q := range data.Batch.QueuedQueries {
		c.add(0, q.SQL)
	}
	c.add(1)
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (*Count) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (*Count) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}
