package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/telephony"
	"hotline/telephony/store/db"
)

// LeaseTTL is how long a lease stands without renewal.
const LeaseTTL = 3 * time.Second

// LeaseOptions are a lease's settings.
type LeaseOptions struct {
	// Holder names this controller.
	Holder string
	// Alone says that the caller has proved, by a lock of the operating system, that no other process bears the name. Then a
	// lease of that name is a dead process's and is taken at once, which is what brings a restarted controller back within
	// two seconds (F1). Without the proof it is waited for like anybody's.
	Alone bool
	// TTL is LeaseTTL when zero.
	TTL time.Duration
	// Now is the machine's clock: only what passes by its monotonic reading counts.
	Now func() time.Time
	// Clock hears the database's time with every answer; nil: nobody needs it.
	Clock *Clock
	Log   *slog.Logger
}

// Lease is the proof of being the one controller (R3): a row in Postgres. The holder renews it every third of the TTL and
// trusts it for 0.6 of the TTL by its own monotonic clock, counted from before the renewal was sent; beyond that it may decide
// nothing (R4) until a renewal succeeds. Who stands by takes it when it has seen it unrenewed for a whole TTL by its own
// monotonic clock, without losing the database from sight: no clock that is set takes it from anybody (F26), and after a restart
// of the database the holder has a TTL to renew first (R4).
//
// It has a connection of its own, so that a renewal waits for no other statement. A connection that has failed is thrown away
// and the next renewal opens another: a pool of one would hold its place until the broken one is cleared away, which takes 15 s
// when the network swallows what is sent.
type Lease struct {
	config *pgx.ConnConfig
	conn   *pgx.Conn // of the goroutine that is in Take or Run; nil: none is open
	opt    LeaseOptions
	seen   sighting // of the goroutine that is in Take

	mu        sync.Mutex // guards epoch and confirmed
	epoch     int64
	confirmed time.Time
}

// sighting is a lease of somebody else as it was seen first, and has been seen since.
type sighting struct {
	epoch     int64
	renewedAt time.Time
	first     time.Time // by our clock, after the answer; zero: none
}

// NewLease returns a lease that is not held yet. It connects when it first asks.
func NewLease(config *pgx.ConnConfig, opt LeaseOptions) *Lease {
	if opt.TTL == 0 {
		opt.TTL = LeaseTTL
	}
	return &Lease{config: config, opt: opt}
}

// Epoch is the fencing number; false in hold-only mode (R4).
func (l *Lease) Epoch() (int64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epoch, l.epoch > 0 && l.opt.Now().Sub(l.confirmed) < l.opt.TTL*6/10
}

// Take waits until the lease is ours, or ctx ends. While another holds it, it is the standby's wait; while the database is
// away it keeps trying.
func (l *Lease) Take(ctx context.Context) error {
	tick := time.NewTicker(l.opt.TTL / 6)
	defer tick.Stop()
	for waiting := false; ; waiting = true {
		taken, err := l.take(ctx)
		switch {
		case taken:
			return nil
		case err != nil && ctx.Err() == nil:
			l.opt.Log.WarnContext(ctx, "lease not taken, trying again", "err", err)
		case !waiting:
			l.opt.Log.InfoContext(ctx, "standing by: another controller holds the lease")
		}
		select {
		case <-ctx.Done():
			l.disconnect(ctx)
			return fmt.Errorf("take the lease: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

func (l *Lease) take(ctx context.Context) (bool, error) {
	asked := l.opt.Now()
	ctx, cancel := context.WithTimeout(ctx, l.opt.TTL)
	defer cancel()
	watched := !l.seen.first.IsZero() && asked.Sub(l.seen.first) >= l.opt.TTL
	var is db.TakeLeaseRow
	err := l.ask(ctx, func(q *db.Queries) error {
		var err error
		is, err = q.TakeLease(ctx, db.TakeLeaseParams{
			Holder: l.opt.Holder, Alone: l.opt.Alone, Watched: watched, SeenEpoch: l.seen.epoch, SeenRenewedAt: l.seen.renewedAt,
		})
		return err
	})
	if err != nil {
		l.seen = sighting{} // what the holder did meanwhile is not known: it may have been cut off with us
		return false, err
	}
	l.told(asked, is.Told)
	if is.Taken == 0 {
		if l.seen.first.IsZero() || is.Epoch != l.seen.epoch || !is.RenewedAt.Equal(l.seen.renewedAt) {
			l.seen = sighting{epoch: is.Epoch, renewedAt: is.RenewedAt, first: l.opt.Now()}
		}
		return false, nil
	}
	l.confirm(is.Taken, asked)
	l.opt.Log.InfoContext(ctx, "lease taken", "epoch", is.Taken, "holder", l.opt.Holder)
	return true, nil
}

func (l *Lease) told(asked, database time.Time) {
	if l.opt.Clock != nil {
		l.opt.Clock.Saw(asked, database)
	}
}

// Run renews the lease until ctx ends, and then gives it back. It returns telephony.ErrNotMaster as soon as another has
// taken it. While the database does not answer, it goes on trying: nobody can know whether another took over before it does.
func (l *Lease) Run(ctx context.Context) error {
	defer l.disconnect(ctx)
	tick := time.NewTicker(l.opt.TTL / 3)
	defer tick.Stop()
	for failing := false; ; {
		select {
		case <-ctx.Done():
			return l.release(ctx)
		case <-tick.C:
		}
		err := l.renew(ctx)
		switch {
		case err == nil && failing:
			tick.Reset(l.opt.TTL / 3)
			failing = false
		case errors.Is(err, telephony.ErrNotMaster):
			l.lose()
			return fmt.Errorf("renew the lease of epoch %d: %w", l.held(), err)
		case err != nil && ctx.Err() == nil && !failing: // every decision waits for it: not longer than need be once the database is back
			l.opt.Log.WarnContext(ctx, "lease not renewed, hold-only until it is", "err", err)
			tick.Reset(l.opt.TTL / 12)
			failing = true
		}
	}
}

func (l *Lease) renew(ctx context.Context) error {
	epoch, asked := l.held(), l.opt.Now()
	ctx, cancel := context.WithTimeout(ctx, l.opt.TTL*6/10)
	defer cancel()
	var told time.Time
	err := l.ask(ctx, func(q *db.Queries) error {
		var err error
		told, err = q.RenewLease(ctx, epoch)
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return telephony.ErrNotMaster
	}
	if err != nil {
		return err
	}
	l.told(asked, told)
	l.confirm(epoch, asked)
	return nil
}

// release hands over: a standby need not wait for the end of the lease (F32).
func (l *Lease) release(ctx context.Context) error {
	epoch := l.held()
	l.lose()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.opt.TTL)
	defer cancel()
	err := l.ask(ctx, func(q *db.Queries) error {
		_, err := q.ReleaseLease(ctx, epoch)
		return err
	})
	if err != nil {
		l.opt.Log.WarnContext(ctx, "lease not given back, it ends by itself", "err", err)
	}
	return nil
}

// ask runs a query on the lease's connection, and once more on another one when that has died since the last time: each of the
// three may be repeated, and a restarted database need not cost a renewal.
func (l *Lease) ask(ctx context.Context, query func(q *db.Queries) error) error {
	for again := false; ; again = true {
		err := l.once(ctx, query)
		if err == nil || again || ctx.Err() != nil || l.conn == nil || !l.conn.IsClosed() {
			return err
		}
	}
}

func (l *Lease) once(ctx context.Context, query func(q *db.Queries) error) error {
	if l.conn == nil || l.conn.IsClosed() {
		l.conn = nil
		conn, err := pgx.ConnectConfig(ctx, l.config)
		if err != nil {
			return fmt.Errorf("connect for the lease: %w", err)
		}
		l.conn = conn
	}
	return query(db.New(l.conn))
}

func (l *Lease) disconnect(ctx context.Context) {
	if l.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.opt.TTL)
	defer cancel()
	_ = l.conn.Close(ctx) // it holds nothing
	l.conn = nil
}

func (l *Lease) confirm(epoch int64, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch, l.confirmed = epoch, at
}

// lose ends every decision at once.
func (l *Lease) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.confirmed = time.Time{}
}

func (l *Lease) held() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epoch
}
