package factlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	defaultAttempts = 5
	defaultLinger   = 10 * time.Second
	firstRetry      = 50 * time.Millisecond
	giveWay         = 100 * time.Millisecond // to a runner of another process that was first
)

// Pool is what a reaction needs: reads, and a pipeline for each effect.
type Pool interface {
	DB
	Sender
}

// Reaction is a durable consumer of some kinds of facts. Its cursor moves in the transaction of its effect, so each fact
// takes effect once, whoever crashes when. Several processes may run the same consumer.
type Reaction struct {
	Consumer string          // its name in fact_cursor; never rename one
	Kinds    []string        // the facts it wants; others cost it nothing
	Wants    func(Fact) bool // which of those; all of them when it is nil
	// Apply reads what it needs, on a connection of its own, and queues the effect of all the facts in w, guarded by what it has read.
	// They are in order, and as many as there are: one by one only when they fail together. It may be called again for the same facts,
	// and its effect then be dropped: another runner was first. No reader of the log waits for it.
	Apply func(ctx context.Context, w *Pipeline, facts []Fact) error

	Feed     *Feed         // where the facts come from
	Wake     Waker         // told when an effect has told facts of its own; optional
	Gather   time.Duration // from one effect to the next: facts of one moment take effect together
	Linger   time.Duration // how far behind in time the cursor may stay while there is nothing to do; 10 s
	Attempts int           // tries of a fact whose failure may pass, before it is set aside in fact_parked, so that the rest goes on (F34); any other failure is tried once
	Now      func() time.Time
	Log      *slog.Logger
	Parked   func(consumer string, f Fact, err error) // the alarm; optional
}

// React applies facts as they come, from the beginning of the log when the consumer is new, until ctx ends.
func React(ctx context.Context, pool Pool, r Reaction) error {
	if r.Consumer == "" || len(r.Kinds) == 0 || r.Apply == nil || r.Feed == nil || r.Now == nil {
		return errors.New("a reaction needs a consumer, kinds, Apply, Feed and Now")
	}
	if r.Attempts <= 0 {
		r.Attempts = defaultAttempts
	}
	if r.Linger <= 0 {
		r.Linger = defaultLinger
	}
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	r.Log = r.Log.With("consumer", r.Consumer)
	run := &reacting{Reaction: r, pool: pool, moved: r.Now()}
	wait := pacer{}
	for {
		acted, err := run.round(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && wait.outage == 0 {
			r.Log.WarnContext(ctx, "reaction is held up, trying again", "err", err)
		}
		rest := time.Duration(0)
		switch {
		case err != nil:
			rest = wait.next(0, false, true)
		case acted:
			rest = r.Gather
		}
		if err == nil {
			wait.progress()
		}
		if err := pause(ctx, nil, rest); err != nil {
			return err
		}
	}
}

type reacting struct {
	Reaction
	pool   Pool
	at     *Position // settled up to here, by whomever; nil: the cursor knows
	moved  time.Time // the cursor, lately
	second bool      // another runner was first the last time
}

// round waits for facts and applies one page of them. It reads without a transaction of its own: a transaction id taken for nothing
// would hold back the other readers.
func (r *reacting) round(ctx context.Context) (bool, error) {
	if r.at == nil {
		at, err := r.cursor(ctx)
		if err != nil {
			return false, err
		}
		r.at = &at
	}
	facts, upto, err := r.Feed.after(ctx, *r.at, r.Kinds)
	if err != nil {
		return false, err
	}
	if r.Wants != nil {
		facts = slices.DeleteFunc(facts, func(f Fact) bool { return !r.Wants(f) })
	}
	acted := len(facts) > 0
	switch {
	case acted:
		err = r.settle(ctx, facts)
	case r.Now().Sub(r.moved) >= r.Linger:
		r.moved = r.Now()
		err = r.pass(ctx, upto)
	}
	if err == nil {
		r.at = &upto
	}
	return acted, err
}

// settle applies the facts together, or each by itself when they fail.
func (r *reacting) settle(ctx context.Context, facts []Fact) error {
	var err error
	if r.second { // let the other runner go first, and look whether it goes at all
		if err := pause(ctx, nil, giveWay); err != nil {
			return err
		}
		if facts, err = r.left(ctx, facts); err != nil {
			return err
		}
	}
	for len(facts) > 0 {
		err = r.once(ctx, facts, r.Apply)
		switch {
		case err == nil:
			r.second, r.moved = false, r.Now()
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errMoved):
			r.second = true
			if facts, err = r.left(ctx, facts); err != nil {
				return err
			}
		case outage(err):
			return fmt.Errorf("react to %d facts from %s: %w", len(facts), facts[0].Position, err)
		default:
			return r.each(ctx, facts, err)
		}
	}
	return nil
}

// left are those of the facts that have not taken effect.
func (r *reacting) left(ctx context.Context, facts []Fact) ([]Fact, error) {
	cursor, err := r.cursor(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(facts, func(f Fact) bool { return !cursor.Less(f.Position) }), nil
}

// each applies facts one by one after they have failed together, and parks one after its last attempt. A single one has failed once
// already. Only the fact's own failures count as attempts, not the database's.
func (r *reacting) each(ctx context.Context, facts []Fact, cause error) error {
	for i := range facts {
		attempt := 0
		if len(facts) == 1 {
			attempt = 1
		}
		if err := r.one(ctx, facts[i:i+1], attempt, cause); err != nil {
			return err
		}
	}
	return nil
}

func (r *reacting) one(ctx context.Context, fact []Fact, attempt int, err error) error {
	f := fact[0]
	for retry := firstRetry; ; retry *= 2 {
		if attempt == r.Attempts || attempt > 0 && !passes(err) {
			return r.park(ctx, f, attempt, err)
		}
		if attempt > 0 {
			r.Log.WarnContext(ctx, "reaction failed, trying again", "kind", f.Kind, "position", f.Position.String(), "attempt", attempt, "err", err)
			if err := pause(ctx, nil, retry); err != nil {
				return err
			}
		}
		attempt++
		err = r.once(ctx, fact, r.Apply)
		switch {
		case err == nil || errors.Is(err, errMoved):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case outage(err):
			return fmt.Errorf("react to %s at %s: %w", f.Kind, f.Position, err)
		}
	}
}

var errMoved = errors.New("another runner was first")

// once makes the effect and moves the cursor past the facts, both or neither, in one round trip after all that is read for it.
func (r *reacting) once(ctx context.Context, facts []Fact, effect func(context.Context, *Pipeline, []Fact) error) error {
	w := Pipeline{move: &move{r.Consumer, facts[0].Position, facts[len(facts)-1].Position}}
	if err := guarded(ctx, &w, facts, effect); err != nil {
		return err
	}
	err := w.Commit(ctx, r.pool)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == codeMoved {
		return errMoved
	}
	if err == nil && r.Wake != nil && len(w.facts) > 0 {
		r.Wake.Wake()
	}
	return err
}

func guarded(ctx context.Context, w *Pipeline, facts []Fact, effect func(context.Context, *Pipeline, []Fact) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return effect(ctx, w, facts)
}

const longestError = 500

func (r *reacting) park(ctx context.Context, f Fact, attempts int, cause error) error {
	err := r.once(ctx, []Fact{f}, func(ctx context.Context, w *Pipeline, _ []Fact) error {
		_, err := w.Exec(ctx, `INSERT INTO fact_parked (consumer, xid, id, at, attempts, error, told_at, kind, subject, topics, actor, epoch, data)
VALUES ($1, $2::xid8, $3, $4, $5, $6, $7, $8, $9, $10, $11, nullif($12::bigint, 0), $13::jsonb) ON CONFLICT DO NOTHING`,
			r.Consumer, f.Position.XID, f.Position.ID, r.Now(), attempts, short(cause), f.At, f.Kind, f.Subject, f.Topics, f.Actor, f.Epoch, []byte(f.Data))
		return err
	})
	if errors.Is(err, errMoved) {
		return nil
	}
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

// short is an error as it is kept with a fact.
func short(err error) string {
	text := err.Error()
	if len(text) > longestError {
		text = text[:longestError]
	}
	return strings.ToValidUTF8(text, "")
}

// passes says that a failure may be another one's doing: what was read has changed since, a lock or a statement took too long. What
// else fails will fail again, and whoever waits behind it waits for nothing (RC3).
func passes(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return slices.Contains([]string{codeStale, "23505", "25P02", "55P03", "57014"}, pg.Code)
	}
	return errors.Is(err, ErrStale) || errors.Is(err, context.DeadlineExceeded)
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
