package factlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Guards that a pipeline's commands state by must() in SQL.
const (
	codeStale = "HL002" // what was read has changed since
	codeMoved = "HL005" // the cursor has passed the fact already
)

// ErrStale says that a guard found that what was read has changed since. Read and decide anew.
var ErrStale = errors.New("what was read has changed since")

// Pipeline is a transaction in one round trip: its commands wait, and Commit sends them all, the facts with them. A transaction holds
// readers back from its first lock or write on; here that is one trip, whatever was read and decided before.
//
// The generated queries of a store run on it. It has commands only, because it cannot branch on an answer: what must still hold is
// said by must() in SQL.
type Pipeline struct {
	commands []command
	facts    []Fact
	move     *move // of a reaction's cursor, past the facts whose effect this is
}

type command struct {
	sql  string
	args []any
}

// Sender is what a pipeline needs of a pool.
type Sender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// Exec queues a command.
func (p *Pipeline) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	p.commands = append(p.commands, command{sql, args})
	return pgconn.CommandTag{}, nil
}

var errNoAnswers = errors.New("a pipeline has no answers: read before")

// Query is refused.
func (p *Pipeline) Query(context.Context, string, ...any) (pgx.Rows, error) {
	return nil, errNoAnswers
}

// QueryRow is refused.
func (p *Pipeline) QueryRow(context.Context, string, ...any) pgx.Row { return noRow{} }

type noRow struct{}

func (noRow) Scan(...any) error { return errNoAnswers }

// Tell adds facts of the change.
func (p *Pipeline) Tell(facts ...Fact) { p.facts = append(p.facts, facts...) }

// Commit makes the change, whole or not at all. ErrStale.
func (p *Pipeline) Commit(ctx context.Context, to Sender) error {
	if err := check(p.facts); err != nil {
		return err
	}
	var b pgx.Batch
	if p.move != nil {
		p.move.queue(&b, p.facts) // first: who comes second waits here, before it has touched anything else
	}
	for _, c := range p.commands {
		b.Queue(c.sql, c.args...)
	}
	if p.move == nil {
		Queue(&b, p.facts...)
	}
	if b.Len() == 0 {
		return nil
	}
	err := to.SendBatch(ctx, &b).Close()
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == codeStale {
		return fmt.Errorf("%w (%s)", ErrStale, pg.Message)
	}
	return err
}
