package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/agent"
	"hotline/agent/audit"
	"hotline/agent/command"
	"hotline/agent/store/db"
	"hotline/realtime/factlog"
)

// Store is the durable side of agent. It is safe for concurrent use.
type Store struct {
	pool *pgxpool.Pool
	q    *db.Queries
	wake func()
}

var _ agent.Store = (*Store)(nil)

// New returns a Store. Wake, which may be nil, is called after each commit that appended facts.
func New(pool *pgxpool.Pool, wake func()) *Store {
	if wake == nil {
		wake = func() {}
	}
	return &Store{pool: pool, q: db.New(pool), wake: wake}
}

// Postgres' codes that the code here tells apart.
const (
	codeUnique     = "23505"
	codeForeignKey = "23503"
	codeDeadlock   = "40P01"
	codeSerial     = "40001"
	codeNoID       = "22P02" // a text that is no uuid
)

// attempts is how often a transaction that lost a deadlock is tried.
const attempts = 3

// write runs fn in a transaction, appends its facts last, with what the audit trail keeps of them, and wakes their readers. Fn may run again after a deadlock.
func (s *Store) write(ctx context.Context, actor string, at time.Time, fn func(q *db.Queries) ([]agent.Fact, error)) error {
	var err error
	for range attempts {
		told := false
		err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			if err := command.Begin(ctx, tx, ""); err != nil {
				return err
			}
			facts, err := fn(db.New(tx))
			if err != nil || len(facts) == 0 {
				return err
			}
			rows, err := factRows(facts, actor, at)
			if err != nil {
				return err
			}
			if err := keep(ctx, tx, facts, actor, at); err != nil {
				return err
			}
			told = true
			return factlog.Append(ctx, tx, rows...)
		})
		err = command.Over(ctx, err)
		if err == nil && told {
			s.wake()
		}
		if code := pgCode(err); code != codeDeadlock && code != codeSerial {
			return err
		}
	}
	return err
}

func factRows(facts []agent.Fact, actor string, at time.Time) ([]factlog.Fact, error) {
	rows := make([]factlog.Fact, len(facts))
	for i, f := range facts {
		data, err := json.Marshal(f.Data)
		if err != nil {
			return nil, fmt.Errorf("fact %s: %w", f.Kind, err)
		}
		rows[i] = factlog.Fact{At: at, Kind: f.Kind, Subject: f.Subject, Topics: f.Topics, Actor: actor, Data: data}
	}
	return rows, nil
}

// keep gives the audit trail those of the facts that it keeps, in the transaction of their change.
func keep(ctx context.Context, db audit.DB, facts []agent.Fact, actor string, at time.Time) error {
	var records []audit.Record
	for _, f := range facts {
		if f.Trail == "" {
			continue
		}
		more := maps.Clone(f.Data)
		delete(more, "reason") // it has a column
		data, err := json.Marshal(more)
		if err != nil {
			return fmt.Errorf("audit record of %s: %w", f.Kind, err)
		}
		records = append(records, audit.Record{
			At: at, Actor: actor, Action: f.Kind, Subject: f.Trail, Outcome: audit.Done, Reason: f.Reason(), Data: data,
		})
	}
	return audit.Append(ctx, db, records...)
}

func pgCode(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}

// missing turns an empty answer, and an id that is none, into the domain's word for it.
func missing(err error) error {
	if errors.Is(err, pgx.ErrNoRows) || pgCode(err) == codeNoID {
		return agent.ErrNotFound
	}
	return err
}

// orNull is NULL for the empty value.
func orNull[T ~string](v T) *string {
	if v == "" {
		return nil
	}
	s := string(v)
	return &s
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func text[T ~string](p *string) T {
	if p == nil {
		return ""
	}
	return T(*p)
}

func utc(p *time.Time) time.Time {
	if p == nil {
		return time.Time{}
	}
	return p.UTC()
}
