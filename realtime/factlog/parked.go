package factlog

import (
	"context"
	"errors"
	"fmt"
)

// mostMended is how many facts that were set aside Mend tries at a time.
const mostMended = 100

// Mend tries again what a reaction has set aside, each fact by itself, and returns how many have taken effect now. It is for reactions
// whose effect is right however late it comes: its day may have gone from the log by then. What fails again goes to the end of the row, so
// that none that could be mended waits behind those that can not: see CountParked.
func Mend(ctx context.Context, pool Pool, r Reaction) (int, error) {
	facts, err := NewReader(pool).query(ctx, `SELECT xid, id, told_at, kind, subject, topics, actor, coalesce(epoch, 0), data FROM fact_parked
WHERE consumer = $1 ORDER BY at, xid, id LIMIT $2`, r.Consumer, mostMended)
	if err != nil {
		return 0, fmt.Errorf("read what %s has set aside: %w", r.Consumer, err)
	}
	mended := 0
	for i, f := range facts {
		err := mend(ctx, pool, r, facts[i:i+1])
		switch {
		case err == nil:
			mended++
		case ctx.Err() != nil:
			return mended, ctx.Err()
		case outage(err):
			return mended, fmt.Errorf("mend %s at %s: %w", f.Kind, f.Position, err)
		default:
			if err := putBack(ctx, pool, r, f.Position, err); err != nil {
				return mended, fmt.Errorf("put %s at %s back: %w", f.Kind, f.Position, err)
			}
		}
	}
	return mended, nil
}

func mend(ctx context.Context, pool Pool, r Reaction, fact []Fact) error {
	var w Pipeline
	at := fact[0].Position
	_, err := w.Exec(ctx, `WITH mended AS (DELETE FROM fact_parked WHERE consumer = $1 AND xid = $2::xid8 AND id = $3 RETURNING 1)
SELECT must(false, 'HL002') WHERE NOT EXISTS (SELECT FROM mended)`, r.Consumer, at.XID, at.ID) // another server was first
	if err = errors.Join(err, guarded(ctx, &w, fact, r.Apply)); err != nil {
		return err
	}
	told := len(w.facts) > 0
	if err := w.Commit(ctx, pool); err != nil {
		return err
	}
	if told && r.Wake != nil {
		r.Wake.Wake()
	}
	return nil
}

// putBack keeps with a fact that it has failed again, when, and why.
func putBack(ctx context.Context, pool Pool, r Reaction, at Position, cause error) error {
	var w Pipeline
	_, err := w.Exec(ctx, `UPDATE fact_parked SET at = $4, attempts = attempts + 1, error = $5 WHERE consumer = $1 AND xid = $2::xid8 AND id = $3`,
		r.Consumer, at.XID, at.ID, r.Now(), short(cause))
	return errors.Join(err, w.Commit(ctx, pool))
}

// CountParked is how many facts the reactions have set aside that have taken no effect yet.
func CountParked(ctx context.Context, db DB) (int, error) {
	var n int
	if err := db.QueryRow(ctx, `SELECT count(*) FROM fact_parked`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the facts that are set aside: %w", err)
	}
	return n, nil
}
