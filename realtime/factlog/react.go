package factlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	defaultAttempts = 5
	firstRetry      = 50 * time.Millisecond
)

// Pool is what a reaction needs: reads, and a pipeline for each effect.
type Pool interface {
	DB
	Sender
}

// Reaction is a durable consumer of some kinds of facts. Its cursor moves in the transaction of its effect, so each fact
// takes effect once, whoever crashes when. Several processes may run the same consumer.
type Reaction struct {
	Consumer string   // its name in fact_cursor; never rename one
	Kinds    []string // the facts it wants; others pass unseen
	// Apply reads what it needs, on a connection of its own, and queues the effect in w, guarded by what it has read. It may be
	// called again for the same fact, and its effect then be dropped: another runner was first. No reader of the log waits for it.
	Apply func(ctx context.Context, w *Pipeline, f Fact) error

	Signal   *Signal
	Poll     time.Duration
	Gather   time.Duration // how long news waits for more of the same burst: a round costs four queries, whatever it finds
	Attempts int           // tries before a fact is set aside in fact_parked, so that the rest goes on (F34)
	Now      func() time.Time
	Log      *slog.Logger
	Parked   func(consumer string, f Fact, err error) // the alarm; optional
}

// React applies facts as they come, from the beginning of the log when the consumer is new, until ctx ends.
func React(ctx context.Context, pool Pool, r Reaction) error {
	if r.Consumer == "" || len(r.Kinds) == 0 || r.Apply == nil || r.Now == nil {
		return errors.New("a reaction needs a consumer, kinds, Apply and Now")
	}
	wait := Following{Signal: r.Signal, Poll: r.Poll, Log: r.Log}.withDefaults()
	if r.Attempts <= 0 {
		r.Attempts = defaultAttempts
	}
	r.Log = wait.Log.With("consumer", r.Consumer)
	run := &reacting{Reaction: r, pool: pool, reader: NewReader(pool)}
	pace := pacer{poll: wait.Poll}
	for {
		woken := wait.Signal.Wait()
		n, held, err := run.round(ctx, wait.Page)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && n == wait.Page {
			continue
		}
		if err != nil && pace.outage == 0 {
			r.Log.WarnContext(ctx, "reaction is held up, trying again", "err", err)
		}
		if n > 0 {
			pace.progress()
		}
		if err := pause(ctx, woken, pace.next(held, err != nil)); err != nil {
			return err
		}
		if err := pause(ctx, nil, r.Gather); err != nil {
			return err
		}
	}
}

type reacting struct {
	Reaction
	pool   Pool
	reader *Reader
	seen   Position // no fact of our kinds lies between the cursor and here
}

// round applies one page. It reads without a transaction of its own: a transaction id taken for nothing would hold back
// the other readers.
func (r *reacting) round(ctx context.Context, page int) (int, bool, error) {
	cursor, err := r.cursor(ctx)
	if err != nil {
		return 0, false, err
	}
	if cursor.Less(r.seen) {
		cursor = r.seen
	}
	head, err := Head(ctx, r.pool)
	if err != nil {
		return 0, false, err
	}
	facts, err := r.reader.query(ctx, `SELECT `+factColumns+` FROM fact
WHERE (xid, id) > ($1::xid8, $2::bigint) AND xid < $3::xid8 AND kind = ANY ($4::text[])
ORDER BY xid, id LIMIT $5`, cursor.XID, cursor.ID, head.XID, r.Kinds, page)
	if err != nil {
		return 0, false, err
	}
	for _, f := range facts {
		if err := r.settle(ctx, f); err != nil {
			return 0, false, err
		}
	}
	if len(facts) == page {
		return page, false, nil
	}
	if cursor.Less(head) {
		r.seen = head
	}
	held, err := r.reader.held(ctx)
	return len(facts), held, err
}

func (r *reacting) cursor(ctx context.Context) (Position, error) {
	var p Position
	err := r.pool.QueryRow(ctx, `SELECT xid, id FROM fact_cursor WHERE consumer = $1`, r.Consumer).Scan(&p.XID, &p.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		var w Pipeline
		w.batch.Queue(`INSERT INTO fact_cursor (consumer, xid, id) VALUES ($1, '0', 0) ON CONFLICT DO NOTHING`, r.Consumer)
		err = w.Commit(ctx, r.pool)
	}
	if err != nil {
		return Position{}, fmt.Errorf("read cursor of %s: %w", r.Consumer, err)
	}
	return p, nil
}

// settle applies one fact, or parks it after the last attempt. Only the fact's own failures count as attempts, not the
// database's.
func (r *reacting) settle(ctx context.Context, f Fact) error {
	retry := firstRetry
	for attempt := 1; ; attempt++ {
		err := r.once(ctx, f, r.Apply)
		if err == nil || ctx.Err() != nil {
			if r.Signal != nil {
				r.Signal.Wake() // the effect may have told facts of its own
			}
			return ctx.Err()
		}
		if outage(err) {
			return fmt.Errorf("react to %s at %s: %w", f.Kind, f.Position, err)
		}
		if attempt == r.Attempts {
			return r.park(ctx, f, attempt, err)
		}
		r.Log.WarnContext(ctx, "reaction failed, trying again", "kind", f.Kind, "position", f.Position.String(), "attempt", attempt, "err", err)
		if err := pause(ctx, nil, retry); err != nil {
			return err
		}
		retry *= 2
	}
}

// moveCursor lets one runner through: one that comes second waits for the first, finds the cursor moved, and its effect is undone.
const moveCursor = `WITH moved AS (
  UPDATE fact_cursor SET xid = $2::xid8, id = $3 WHERE consumer = $1 AND (xid, id) < ($2::xid8, $3::bigint) RETURNING 1)
SELECT must(count(*) = 1, $4) FROM moved`

// once makes the effect and moves the cursor past the fact, both or neither, in one round trip after all that is read for it.
func (r *reacting) once(ctx context.Context, f Fact, effect func(context.Context, *Pipeline, Fact) error) error {
	var w Pipeline
	w.batch.Queue(moveCursor, r.Consumer, f.Position.XID, f.Position.ID, codeMoved)
	if err := guarded(ctx, &w, f, effect); err != nil {
		return err
	}
	err := w.Commit(ctx, r.pool)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == codeMoved {
		return nil
	}
	return err
}

func guarded(ctx context.Context, w *Pipeline, f Fact, effect func(context.Context, *Pipeline, Fact) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return effect(ctx, w, f)
}

const longestError = 500

func (r *reacting) park(ctx context.Context, f Fact, attempts int, cause error) error {
	text := cause.Error()
	if len(text) > longestError {
		text = text[:longestError]
	}
	err := r.once(ctx, f, func(_ context.Context, w *Pipeline, f Fact) error {
		w.batch.Queue(`INSERT INTO fact_parked (consumer, xid, id, at, attempts, error) VALUES ($1, $2::xid8, $3, $4, $5, $6)
ON CONFLICT DO NOTHING`, r.Consumer, f.Position.XID, f.Position.ID, r.Now(), attempts, text)
		return nil
	})
	if err != nil {
		return fmt.Errorf("park fact %s: %w", f.Position, err)
	}
	r.Log.ErrorContext(ctx, "fact parked: it failed every time and the rest goes on without it",
		"kind", f.Kind, "subject", f.Subject, "position", f.Position.String(), "attempts", attempts, "err", cause)
	if r.Parked != nil {
		r.Parked(r.Consumer, f, cause)
	}
	return nil
}

// outage tells a database that is away, or asks for another try, from a fact that cannot be digested. A statement that
// runs into its timeout is the fact's own fault.
func outage(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case pg.Code == "57014", pg.Code == "25P02":
			return false
		case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "57"),
			strings.HasPrefix(pg.Code, "40"), strings.HasPrefix(pg.Code, "25"):
			return true // connection, resources, shutdown, conflict, read-only standby
		}
		return false
	}
	var connect *pgconn.ConnectError
	var network *net.OpError
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || pgconn.SafeToRetry(err)
}
