// Package store is telephony's durable side: calls with their participants, offers and segments, seats' work, the
// controller's lease, and what boards read of them, in Postgres. Every write of a call is one pipelined transaction, one round trip, guarded by the epoch (R3) and by
// the version that the decision was made on; repeated after an unknown outcome it has the effect of one (R6).
//
// It must not decide anything: what follows from a call's state is telephony's, who may see it is httpapi's.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/agent"
	"hotline/agent/vault"
	"hotline/realtime/factlog"
	"hotline/telephony"
	"hotline/telephony/store/db"
)

// Store reads and writes calls.
type Store struct {
	pool  *pgxpool.Pool
	q     *db.Queries
	vault *vault.Vault
	told  func([]factlog.Fact)
	rules *atomic.Pointer[map[agent.LineID]telephony.Rules] // of the lines, as they were read last
}

// New returns a store on a pool of its own (reliability.md 11.4: calls have one of 8), with the vault for numbers.
func New(pool *pgxpool.Pool, v *vault.Vault) *Store {
	s := &Store{pool: pool, q: db.New(pool), vault: v, told: func([]factlog.Fact) {}, rules: &atomic.Pointer[map[agent.LineID]telephony.Rules]{}}
	s.rules.Store(&map[agent.LineID]telephony.Rules{})
	return s
}

// Telling is the same store that says after every write what was told by it; the receiver must not block. Of an arrival it has
// no facts: they are the database's.
func (s *Store) Telling(told func([]factlog.Fact)) *Store {
	return &Store{pool: s.pool, q: s.q, vault: s.vault, told: told, rules: s.rules}
}

// pipeline queues the generated queries instead of running them: all of them travel in one round trip and are one
// transaction. It has only commands, because a pipeline cannot branch on an answer; guards are must() in SQL.
type pipeline struct{ batch pgx.Batch }

var errPipeline = errors.New("a pipeline has no answers")

func (p *pipeline) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	p.batch.Queue(sql, args...)
	return pgconn.CommandTag{}, nil
}

func (p *pipeline) Query(context.Context, string, ...any) (pgx.Rows, error) {
	return nil, errPipeline
}

func (p *pipeline) QueryRow(context.Context, string, ...any) pgx.Row { return noRow{} }

type noRow struct{}

func (noRow) Scan(...any) error { return errPipeline }

// refusal names what a guard or a unique index refused. What else the data itself is refused for will be refused for ever:
// classes 22 (data exception) and 23 (integrity constraint).
func refusal(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	switch pg.Code {
	case "HL001":
		return telephony.ErrNotMaster
	case "HL002":
		return telephony.ErrStale
	case "HL003":
		return telephony.ErrSeatTaken
	case "HL004":
		return telephony.ErrNoWrapUp
	case "23505": // unique_violation
		switch pg.ConstraintName {
		case "offer_open_seat", "offer_open_call":
			return telephony.ErrSeatTaken
		case "call_pkey", "call_channel_key":
			return errThere
		case "call_resumes":
			return errResumed
		}
	}
	if strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23") {
		return fmt.Errorf("%w: %w", telephony.ErrUnstorable, err)
	}
	return err
}

var (
	errThere   = errors.New("call is there already")
	errResumed = errors.New("another call has resumed that call")
)

// notFound turns an empty answer, and an id that is none, into ErrNotFound.
func notFound(err error) error {
	var pg *pgconn.PgError
	if errors.Is(err, pgx.ErrNoRows) || errors.As(err, &pg) && pg.Code == "22P02" { // invalid_text_representation
		return telephony.ErrNotFound
	}
	return err
}

// rows are facts as the log takes them.
func rows(facts []telephony.Fact, actor string, epoch int64, at time.Time) ([]factlog.Fact, error) {
	out := make([]factlog.Fact, len(facts))
	for i, f := range facts {
		data := json.RawMessage("{}")
		if len(f.Data) > 0 {
			var err error
			if data, err = json.Marshal(f.Data); err != nil {
				return nil, fmt.Errorf("fact %s: %w", f.Kind, err)
			}
		}
		out[i] = factlog.Fact{
			At: at, Kind: f.Kind, Subject: f.Subject, Topics: f.Topics, Actor: actor, Epoch: epoch, Data: data,
		}
	}
	return out, nil
}

// null is NULL for the empty value.
func null[T ~string](v T) *string {
	if v == "" {
		return nil
	}
	s := string(v)
	return &s
}

func nullTime(t time.Time) *time.Time {
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

func timeOf(p *time.Time) time.Time {
	if p == nil {
		return time.Time{}
	}
	return p.UTC()
}
