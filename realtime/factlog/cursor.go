package factlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// move takes a consumer's cursor past the facts of one effect, first to last. It lets one runner through: one that comes second waits
// for the first, finds the cursor on or past the first of its facts, and its effect is undone.
type move struct {
	consumer    string
	first, last Position
}

const (
	moveSQL = `moved AS (
  UPDATE fact_cursor SET xid = $2::xid8, id = $3 WHERE consumer = $1 AND (xid, id) < ($4::xid8, $5::bigint) RETURNING 1)
SELECT must(count(*) = 1, $6) FROM moved`
	// moveAndTellSQL also writes the facts that the effect tells: one statement less.
	moveAndTellSQL = `WITH told AS (` + appendSQL + `), moved AS (
  UPDATE fact_cursor SET xid = $9::xid8, id = $10 WHERE consumer = $8 AND (xid, id) < ($11::xid8, $12::bigint) RETURNING 1)
SELECT must(count(*) = 1, $13) FROM moved`
)

func (m move) queue(b *pgx.Batch, facts []Fact) {
	args := []any{m.consumer, m.last.XID, m.last.ID, m.first.XID, m.first.ID, codeMoved}
	if len(facts) == 0 {
		b.Queue(`WITH `+moveSQL, args...)
		return
	}
	b.Queue(moveAndTellSQL, append(columns(facts), args...)...)
}

// cursor is how far the consumer has come, whoever runs it.
func (r *reacting) cursor(ctx context.Context) (Position, error) {
	var p Position
	err := r.pool.QueryRow(ctx, `SELECT xid, id FROM fact_cursor WHERE consumer = $1`, r.Consumer).Scan(&p.XID, &p.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		err = r.command(ctx, `INSERT INTO fact_cursor (consumer, xid, id) VALUES ($1, '0', 0) ON CONFLICT DO NOTHING`, r.Consumer)
	}
	if err != nil {
		return Position{}, fmt.Errorf("read cursor of %s: %w", r.Consumer, err)
	}
	return p, nil
}

// pass moves the cursor on over facts that nobody here wants, so that the next start has less to read.
func (r *reacting) pass(ctx context.Context, upto Position) error {
	return r.command(ctx, `UPDATE fact_cursor SET xid = $2::xid8, id = $3 WHERE consumer = $1 AND (xid, id) < ($2::xid8, $3::bigint)`,
		r.Consumer, upto.XID, upto.ID)
}

func (r *reacting) command(ctx context.Context, sql string, args ...any) error {
	var w Pipeline
	if _, err := w.Exec(ctx, sql, args...); err != nil {
		return err
	}
	return w.Commit(ctx, r.pool)
}
