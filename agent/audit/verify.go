package audit

import (
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Reader is what verifying needs of a pool or a connection.
type Reader interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// rowColumns: a superuser may have taken NOT NULL away; what is not there then differs from what was sealed.
const rowColumns = `a.id, a.xid, a.stored_at, a.at, coalesce(a.actor, ''), coalesce(a.action, ''), coalesce(a.subject, ''), coalesce(a.outcome, ''),
  coalesce(a.address, ''), coalesce(a.reason, ''), coalesce(a.data::text, '')`

// Beginner is what verifying needs of a pool.
type Beginner interface {
	BeginTx(ctx context.Context, opt pgx.TxOptions) (pgx.Tx, error)
}

const verifyPage = 1000 // rows at a time, some hundred bytes each

// sealedSQL is the next part of the chain after a seal, each beside its row. It follows the key of the seals, so that nothing is sorted,
// here or there; ids stand in it for whoever has taken the key away, to give two seals one place.
const sealedSQL = `SELECT s.n, s.id, s.xid, s.digest, s.hash, ` + rowColumns + `
FROM (SELECT * FROM audit_seal WHERE (n, id) > ($1, $2) ORDER BY n, id LIMIT $3) s LEFT JOIN audit a ON a.id = s.id ORDER BY s.n, s.id`

// unsealedSQL are the rows that no seal knows: those of the last seconds, and what should not be.
const unsealedSQL = `SELECT clock_timestamp(), ` + rowColumns + ` FROM audit a
WHERE NOT EXISTS (SELECT FROM audit_seal s WHERE s.id = a.id AND s.n IS NOT NULL) ORDER BY a.xid, a.id`

// Verify walks the whole chain (I11), a page at a time, and compares it with the anchors in the file; "" leaves them out. It sees one
// moment of the database, by whose clock it judges what has waited for its seal too long.
func Verify(ctx context.Context, db Beginner, anchorFile string) ([]Finding, error) {
	var anchors []Anchor
	var illegible []string
	if anchorFile != "" {
		var err error
		if anchors, illegible, err = readAnchors(anchorFile); err != nil { // before the chain: what is anchored has been sealed
			return nil, err
		}
	}
	c := newChecker(anchors)
	for _, line := range illegible {
		c.found(Illegible, line)
	}
	if err := c.walk(ctx, db); err != nil {
		return nil, fmt.Errorf("read the audit trail: %w", err)
	}
	return c.end(), nil
}

func (c *checker) walk(ctx context.Context, db Beginner) error {
	tx, err := db.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // it has read
	n, id := int64(math.MinInt64), int64(math.MinInt64)
	for count := verifyPage; count == verifyPage; {
		rows, err := tx.Query(ctx, sealedSQL, n, id, verifyPage)
		if err != nil {
			return err
		}
		count = 0
		for rows.Next() {
			if err := c.nextSealed(rows); err != nil {
				rows.Close()
				return err
			}
			count++
		}
		if err := rows.Err(); err != nil {
			return err
		}
		n, id = c.last.N, c.last.ID
	}
	rows, err := tx.Query(ctx, unsealedSQL)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := c.nextUnsealed(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// columns are those of rowColumns, as far as a superuser has left them.
type columns struct {
	id           *int64
	xid          *uint64
	storedAt, at pgtype.Timestamptz
	row          Row
}

func (k *columns) into() []any {
	r := &k.row
	return []any{&k.id, &k.xid, &k.storedAt, &k.at, &r.Actor, &r.Action, &r.Subject, &r.Outcome, &r.Address, &r.Reason, &r.Data}
}

// is the row; nil: there is none.
func (k *columns) is() *Row {
	if k.id == nil {
		return nil
	}
	k.row.ID, k.row.StoredAt, k.row.At = *k.id, micros(k.storedAt), micros(k.at)
	if k.xid != nil {
		k.row.XID = *k.xid
	}
	return &k.row
}

func (c *checker) nextSealed(row pgx.CollectableRow) error {
	var s Seal
	var xid *uint64
	var digest, hash []byte
	var k columns
	if err := row.Scan(append([]any{&s.N, &s.ID, &xid, &digest, &hash}, k.into()...)...); err != nil {
		return err
	}
	if xid != nil {
		s.XID = *xid
	}
	copy(s.Digest[:], digest)
	copy(s.Hash[:], hash)
	c.sealed(s, k.is())
	return nil
}

func (c *checker) nextUnsealed(row pgx.CollectableRow) error {
	var now pgtype.Timestamptz
	var k columns
	if err := row.Scan(append([]any{&now}, k.into()...)...); err != nil {
		return err
	}
	c.now = micros(now)
	c.unsealed(*k.is())
	return nil
}

// micros gives every timestamp of Postgres a number, NULL and infinity too.
func micros(t pgtype.Timestamptz) int64 {
	switch {
	case !t.Valid:
		return math.MinInt64 + 1
	case t.InfinityModifier == pgtype.Infinity:
		return math.MaxInt64
	case t.InfinityModifier == pgtype.NegativeInfinity:
		return math.MinInt64
	}
	return t.Time.UnixMicro()
}
