package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

const (
	sealEvery   = time.Second
	anchorEvery = time.Minute
	sealPage    = 500
	sealLock    = 0x61756469 // "audi": the sealers of all servers of the database
)

// Pool is what sealing needs.
type Pool interface {
	Reader
	Begin(ctx context.Context) (pgx.Tx, error)
}

// Sealer chains what has been committed, a second later at most while nothing holds the log back, and anchors the head every minute.
// Each server has one; a lock of the database lets one seal at a time, and none waits for it.
type Sealer struct {
	Pool   Pool
	Anchor string           // file of the heads; "" anchors nothing
	Now    func() time.Time // of the machine: for the anchors
	Log    *slog.Logger

	anchored Anchor // the last one of this process
}

// ErrContradicted says that the chain no longer holds what was anchored. Verify tells where.
var ErrContradicted = errors.New("the audit chain contradicts its anchor: run 'hotline verify'")

// Run seals until ctx ends, and then once more.
func (s *Sealer) Run(ctx context.Context) error {
	tick := time.NewTicker(sealEvery)
	defer tick.Stop()
	anchored, away := time.Time{}, false
	for {
		err := s.Seal(ctx)
		if now := s.Now(); err == nil && now.Sub(anchored) >= anchorEvery {
			anchored = now
			err = s.AnchorHead(ctx)
		}
		if err != nil && ctx.Err() == nil && !away {
			s.Log.ErrorContext(ctx, "the audit trail is not sealed or anchored; trying again", slog.Any("err", err))
		}
		away = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			return errors.Join(s.Seal(last), s.AnchorHead(last))
		}
	}
}

// waitingSQL is asked each second, and costs two steps into indexes when nothing waits.
const waitingSQL = `WITH last AS (SELECT xid, id FROM audit_seal ORDER BY n DESC LIMIT 1)
SELECT EXISTS (SELECT FROM audit WHERE (xid, id) > (coalesce((SELECT xid FROM last), '0'), coalesce((SELECT id FROM last), 0))
  AND xid < pg_snapshot_xmin(pg_current_snapshot()))`

// Seal chains everything that waits. Rows of transactions that an older one may still come before wait for that (I11).
func (s *Sealer) Seal(ctx context.Context) error {
	for {
		var waiting bool
		if err := s.Pool.QueryRow(ctx, waitingSQL).Scan(&waiting); err != nil {
			return fmt.Errorf("look for audit rows without a seal: %w", err)
		}
		if !waiting {
			return nil
		}
		n, err := s.page(ctx)
		if err != nil || n < sealPage {
			return err
		}
	}
}

// page seals some rows in one transaction; none when another sealer is at it.
func (s *Sealer) page(ctx context.Context) (int, error) {
	n := 0
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		var mine bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, sealLock).Scan(&mine); err != nil || !mine {
			return err
		}
		last, err := head(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT `+rowColumns+` FROM audit a WHERE (xid, id) > ($1::xid8, $2::bigint)
  AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY xid, id LIMIT $3`, last.XID, last.ID, sealPage)
		if err != nil {
			return err
		}
		fresh, err := pgx.CollectRows(rows, scanRow)
		if err != nil {
			return err
		}
		n = len(fresh)
		return write(ctx, tx, last, fresh)
	})
	if err != nil {
		return 0, fmt.Errorf("seal audit rows: %w", err)
	}
	return n, nil
}

func scanRow(row pgx.CollectableRow) (Row, error) {
	var r Row
	var storedAt, at pgtype.Timestamptz
	err := row.Scan(&r.ID, &r.XID, &storedAt, &at, &r.Actor, &r.Action, &r.Subject, &r.Outcome, &r.Address, &r.Reason, &r.Data)
	r.StoredAt, r.At = micros(storedAt), micros(at)
	return r, err
}

func write(ctx context.Context, tx pgx.Tx, last Seal, rows []Row) error {
	count := len(rows)
	n, id, xid := make([]int64, count), make([]int64, count), make([]uint64, count)
	digest, hash := make([][]byte, count), make([][]byte, count)
	for i, r := range rows {
		seal := after(last, r)
		n[i], id[i], xid[i], digest[i], hash[i] = seal.N, seal.ID, seal.XID, seal.Digest[:], seal.Hash[:]
		last = seal
	}
	_, err := tx.Exec(ctx, `INSERT INTO audit_seal (n, id, xid, digest, hash)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::xid8[], $4::bytea[], $5::bytea[])`, n, id, xid, digest, hash)
	return err
}

// head is the last seal; the zero one when there is none.
func head(ctx context.Context, db Reader) (Seal, error) {
	s, err := sealOf(ctx, db, `ORDER BY n DESC LIMIT 1`)
	if errors.Is(err, pgx.ErrNoRows) {
		return Seal{}, nil
	}
	return s, err
}

func sealOf(ctx context.Context, db Reader, which string, args ...any) (Seal, error) {
	var s Seal
	var digest, hash []byte
	err := db.QueryRow(ctx, `SELECT n, id, xid, digest, hash FROM audit_seal `+which, args...).Scan(&s.N, &s.ID, &s.XID, &digest, &hash)
	copy(s.Digest[:], digest)
	copy(s.Hash[:], hash)
	return s, err
}

// AnchorHead writes the head into the file if it has moved, and says whether the chain still holds what was anchored before: ErrContradicted.
func (s *Sealer) AnchorHead(ctx context.Context) error {
	if s.Anchor == "" {
		return nil
	}
	if s.anchored.N == 0 {
		known, _, err := readAnchors(s.Anchor)
		if err != nil {
			return err
		}
		if len(known) > 0 {
			s.anchored = known[len(known)-1]
		}
	}
	if s.anchored.N > 0 {
		then, err := sealOf(ctx, s.Pool, `WHERE n = $1`, s.anchored.N)
		switch {
		case errors.Is(err, pgx.ErrNoRows), err == nil && then.Hash != s.anchored.Hash:
			return ErrContradicted // nothing more is anchored: the file keeps what was true
		case err != nil:
			return fmt.Errorf("compare the audit chain with its anchor: %w", err)
		}
	}
	now, err := head(ctx, s.Pool)
	if err != nil {
		return fmt.Errorf("read the head of the audit chain: %w", err)
	}
	if now.N == s.anchored.N {
		return nil
	}
	a := Anchor{At: s.Now(), N: now.N, Hash: now.Hash}
	if err := writeAnchor(s.Anchor, a); err != nil {
		return err
	}
	s.anchored = a
	return nil
}
