package factlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// mostUnsettled is how many facts Unsettled looks at.
const mostUnsettled = 1000

// Unsettled are the facts that a reaction has not dealt with, told as "call.ended of 01a2…": those after its cursor that it wants, and
// those that it has set aside. While nothing happens there are none (I10).
func Unsettled(ctx context.Context, db DB, r Reaction) ([]string, error) {
	var at Position
	err := db.QueryRow(ctx, `SELECT xid, id FROM fact_cursor WHERE consumer = $1`, r.Consumer).Scan(&at.XID, &at.ID)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) { // who has never run has dealt with nothing
		return nil, fmt.Errorf("read cursor of %s: %w", r.Consumer, err)
	}
	facts, err := NewReader(db).query(ctx, `SELECT `+factColumns+` FROM fact
WHERE (xid, id) > ($1::xid8, $2::bigint) AND kind = ANY ($3::text[]) ORDER BY xid, id LIMIT $4`, at.XID, at.ID, r.Kinds, mostUnsettled)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, f := range facts {
		if r.Wants == nil || r.Wants(f) {
			all = append(all, f.Kind+" of "+f.Subject)
		}
	}
	rows, err := db.Query(ctx, `SELECT kind || ' of ' || subject || ', set aside' FROM fact_parked
WHERE consumer = $1 ORDER BY xid, id LIMIT $2`, r.Consumer, mostUnsettled)
	if err != nil {
		return nil, fmt.Errorf("read what %s has set aside: %w", r.Consumer, err)
	}
	parked, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read what %s has set aside: %w", r.Consumer, err)
	}
	return append(all, parked...), nil
}
