package factlog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// DB is what reading needs of a pool, a connection or a transaction.
type DB interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Head returns the place before which the log is complete: every fact that sorts before it has been committed or never
// will be. Take it before you read a snapshot; a reader that goes on from there may repeat, and never skips.
func Head(ctx context.Context, db DB) (Position, error) {
	var p Position
	if err := db.QueryRow(ctx, `SELECT pg_snapshot_xmin(pg_current_snapshot())`).Scan(&p.XID); err != nil {
		return Position{}, fmt.Errorf("read the head of the fact log: %w", err)
	}
	return p, nil
}

// Reader reads facts in their order, and only those below the transaction-id horizon.
type Reader struct{ db DB }

// NewReader reads through db; a pool lets several readers share it.
func NewReader(db DB) *Reader { return &Reader{db: db} }

const factColumns = `xid, id, at, kind, subject, topics, actor, coalesce(epoch, 0), data`

// Read returns at most limit facts after the position, oldest first.
func (r *Reader) Read(ctx context.Context, after Position, limit int) ([]Fact, error) {
	found, err := r.look(ctx, after, time.Time{}, limit)
	return found.facts, err
}

// found is what one look has seen.
type found struct {
	facts  []Fact
	stored time.Time // when the last of them was stored; zero: there are none
	held   bool      // committed facts after those still wait for an older transaction to end
}

const (
	lookSQL = `SELECT ` + factColumns + `, stored_at, xid < pg_snapshot_xmin(pg_current_snapshot()) FROM fact
WHERE (xid, id) > ($1::xid8, $2::bigint)`
	inOrderSQL = ` ORDER BY xid, id LIMIT $3`
	// nearSQL leaves out the days that nothing after a fact can lie in which was stored at $4: by a clock that runs on, it was stored
	// no earlier than that, but for transactions that were open together, of which none is open for a day. Where the clock is put
	// forward or back, both what it was and what it is are near.
	nearSQL = ` AND stored_at >= least($4::timestamptz, now()) - interval '1 day' AND stored_at < greatest($4::timestamptz, now()) + interval '1 day'`
)

// look is Read, and costs one step into the index of each day when there is nothing to read. When the fact at the position was stored
// says which days those are; zero: all.
func (r *Reader) look(ctx context.Context, after Position, stored time.Time, limit int) (found, error) {
	sql, args := lookSQL+inOrderSQL, []any{after.XID, after.ID, limit}
	if !stored.IsZero() {
		sql, args = lookSQL+nearSQL+inOrderSQL, append(args, stored)
	}
	rows, err := r.db.Query(ctx, sql, args...)
	if err != nil {
		return found{}, fmt.Errorf("read facts: %w", err)
	}
	defer rows.Close()
	var all found
	for rows.Next() {
		var f Fact
		var at time.Time
		var ready bool
		if err := rows.Scan(append(f.fields(), &at, &ready)...); err != nil {
			return found{}, fmt.Errorf("read facts: %w", err)
		}
		if !ready {
			all.held = true
			break // all that follow are held, too
		}
		all.facts, all.stored = append(all.facts, f), at
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return found{}, fmt.Errorf("read facts: %w", err)
	}
	return all, nil
}

// upto returns at most limit facts of the kinds, or of all when none is named, in (after, end]. The log has to be complete up to end.
func (r *Reader) upto(ctx context.Context, after, end Position, kinds []string, limit int) ([]Fact, error) {
	return r.query(ctx, `SELECT `+factColumns+` FROM fact
WHERE (xid, id) > ($1::xid8, $2::bigint) AND (xid, id) <= ($3::xid8, $4::bigint) AND (cardinality($5::text[]) = 0 OR kind = ANY ($5::text[]))
ORDER BY xid, id LIMIT $6`, after.XID, after.ID, end.XID, end.ID, append([]string{}, kinds...), limit)
}

// Between returns the facts of the topics in (after, upto]. It looks at no more than scan facts: whole is false, and the
// facts are none, when more than that lie between, or more than limit match.
func (r *Reader) Between(ctx context.Context, after, upto Position, topics []string, scan, limit int) (facts []Fact, whole bool, err error) { //nolint:nonamedreturns // two bare results of different meaning
	var n int
	err = r.db.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 FROM fact
WHERE (xid, id) > ($1::xid8, $2::bigint) AND (xid, id) <= ($3::xid8, $4::bigint) LIMIT $5) AS span`,
		after.XID, after.ID, upto.XID, upto.ID, scan+1).Scan(&n)
	if err != nil {
		return nil, false, fmt.Errorf("count facts between %s and %s: %w", after, upto, err)
	}
	if n > scan {
		return nil, false, nil
	}
	facts, err = r.query(ctx, `SELECT `+factColumns+` FROM fact
WHERE (xid, id) > ($1::xid8, $2::bigint) AND (xid, id) <= ($3::xid8, $4::bigint)
  AND xid < pg_snapshot_xmin(pg_current_snapshot()) AND topics && $5::text[]
ORDER BY xid, id LIMIT $6`, after.XID, after.ID, upto.XID, upto.ID, topics, limit+1)
	if err != nil {
		return nil, false, err
	}
	if len(facts) > limit {
		return nil, false, nil
	}
	return facts, true, nil
}

func (r *Reader) query(ctx context.Context, sql string, args ...any) ([]Fact, error) {
	rows, err := r.db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read facts: %w", err)
	}
	facts, err := pgx.CollectRows(rows, scanFact)
	if err != nil {
		return nil, fmt.Errorf("read facts: %w", err)
	}
	return facts, nil
}

func scanFact(row pgx.CollectableRow) (Fact, error) {
	var f Fact
	err := row.Scan(f.fields()...)
	return f, err
}

// fields are where factColumns go.
func (f *Fact) fields() []any {
	return []any{&f.Position.XID, &f.Position.ID, &f.At, &f.Kind, &f.Subject, &f.Topics, &f.Actor, &f.Epoch, (*[]byte)(&f.Data)}
}
