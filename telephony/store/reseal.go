package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"hotline/agent/vault"
	"hotline/telephony/store/db"
)

// ErrServerRuns says that a controller holds the lease, and what was asked for needs that none does.
var ErrServerRuns = errors.New("a server is at work on this database: stop it first")

const resealBatch = 200 // rows that a call that goes on may wait for: some milliseconds

// Resealed is what a reseal has done.
type Resealed struct {
	Changed    int
	Unreadable []string // calls whose number no key opens; they are left as they are
}

// Reseal seals every number with the newest key, and indexes it anew when that key has changed; which is done as if by the controller,
// with its lease, so that no call arrives meanwhile (ErrServerRuns). It works in batches, tells progress as numbers done of all, and
// goes on where an earlier one has stopped.
func (k *Keys) Reseal(ctx context.Context, progress func(done, all int64)) (Resealed, error) {
	v, known, err := k.open(ctx)
	if err != nil && !errors.Is(err, vault.ErrReseal) {
		return Resealed{}, err
	}
	r := &resealing{k: k, v: v, progress: progress, reindex: errors.Is(err, vault.ErrReseal)}
	for _, key := range v.Keys() {
		if key.Purpose == vault.PurposeIndex {
			r.index = int16(key.ID)
		}
	}
	if len(known) == 0 {
		return Resealed{}, vault.ErrNoneKnown
	}
	if r.reindex {
		err = k.alone(ctx, r.run)
	} else {
		err = r.run(ctx)
	}
	return r.is, err
}

// resealing is one run of it.
type resealing struct {
	k        *Keys
	v        *vault.Vault
	reindex  bool
	index    int16
	progress func(done, all int64)

	is    Resealed
	after string
	done  int64
	told  bool // the audit trail knows that it has begun
}

const passes = 5 // what was locked in one is taken in the next

func (r *resealing) run(ctx context.Context) error {
	if err := r.resume(ctx); err != nil {
		return err
	}
	for range passes {
		left, err := r.pass(ctx)
		if err != nil {
			return err
		}
		if left <= 0 {
			return r.finish(ctx)
		}
		r.after, r.done = uuid.Nil.String(), 0
	}
	return errors.New("some calls were being written all the time: run 'hotline vault reseal' again")
}

// resume looks for an earlier run with the same keys.
func (r *resealing) resume(ctx context.Context) error {
	r.after = uuid.Nil.String()
	was, err := r.k.q.Resealing(ctx)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("look how far numbers are resealed: %w", err)
	case was.Seal == int16(r.v.Current()) && was.Index == r.index:
		r.after, r.done = was.After, was.Done
	}
	return nil
}

// pass goes through the rest of the calls once and says how many it has not got at.
func (r *resealing) pass(ctx context.Context) (int64, error) {
	all, _, err := r.count(ctx)
	if err != nil {
		return 0, err
	}
	r.is.Unreadable = nil
	for more := true; more; {
		if more, err = r.batch(ctx); err != nil {
			return 0, err
		}
		r.progress(r.done, max(all, r.done))
	}
	all, stale, err := r.count(ctx)
	if r.reindex { // each one has to be seen: what it is indexed with does not stand there
		return all - r.done, err
	}
	return stale - int64(len(r.is.Unreadable)), err
}

// count is how many numbers there are, and how many the newest key has not sealed.
func (r *resealing) count(ctx context.Context) (int64, int64, error) {
	sealed, err := r.k.q.SealedByKey(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("count numbers by key: %w", err)
	}
	var all, stale int64
	for _, s := range sealed {
		all += s.Numbers
		if byte(s.Key) != r.v.Current() {
			stale += s.Numbers
		}
	}
	return all, stale, nil
}

// batch is one transaction; false: nothing came after.
func (r *resealing) batch(ctx context.Context) (bool, error) {
	var seen int
	after, changed, unreadable := r.after, 0, []string(nil)
	err := pgx.BeginFunc(ctx, r.k.conn, func(tx pgx.Tx) error {
		q := r.k.q.WithTx(tx)
		if !r.told {
			if err := r.k.record(ctx, tx, "vault.reseal_begun", nil); err != nil {
				return err
			}
		}
		rows, err := q.SealedAfter(ctx, db.SealedAfterParams{After: r.after, Rows: resealBatch})
		if err != nil || len(rows) == 0 {
			return err
		}
		fresh := db.ResealParams{Reindex: r.reindex}
		for _, row := range rows {
			number, err := r.v.Open(row.ID, row.NumEnc)
			switch {
			case err != nil:
				unreadable = append(unreadable, row.ID)
			case r.reindex || vault.SealedBy(row.NumEnc) != r.v.Current():
				fresh.Ids = append(fresh.Ids, row.ID)
				fresh.Encs = append(fresh.Encs, r.v.Seal(row.ID, number))
				fresh.Idxs = append(fresh.Idxs, r.v.Index(number))
			}
		}
		seen, changed, after = len(rows), len(fresh.Ids), rows[len(rows)-1].ID
		if err := q.Reseal(ctx, fresh); err != nil {
			return err
		}
		return q.RememberReseal(ctx, db.RememberResealParams{Seal: int16(r.v.Current()), Index: r.index, After: after})
	})
	if err != nil {
		return false, fmt.Errorf("reseal numbers after call %s: %w", r.after, err)
	}
	r.told = true
	r.after, r.done, r.is.Changed = after, r.done+int64(seen), r.is.Changed+changed
	r.is.Unreadable = append(r.is.Unreadable, unreadable...)
	return seen > 0, nil
}

// finish forgets how far it was, and lets the new key of the index take over.
func (r *resealing) finish(ctx context.Context) error {
	return pgx.BeginFunc(ctx, r.k.conn, func(tx pgx.Tx) error {
		q := r.k.q.WithTx(tx)
		if err := q.ForgetReseal(ctx); err != nil {
			return fmt.Errorf("finish the reseal: %w", err)
		}
		counts := fmt.Appendf(nil, `{"changed":%d,"unreadable":%d}`, r.is.Changed, len(r.is.Unreadable))
		if err := r.k.record(ctx, tx, "vault.reseal", counts); err != nil || !r.reindex {
			return err
		}
		if err := errors.Join(q.RetireIndex(ctx), q.ActivateIndex(ctx)); err != nil {
			return fmt.Errorf("let the index's new key take over: %w", err)
		}
		return nil
	})
}

// alone works while no controller does: it holds the lease, and servers that stand by compare their keys when they take it after us.
// What Retire and Reseal leave is never overwritten by one with older keys in memory.
func (k *Keys) alone(ctx context.Context, work func(context.Context) error) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("draw an id: %w", err)
	}
	lease := NewLease(k.conn.Config(), LeaseOptions{Holder: "hotline vault " + id.String(), Now: k.opt.Now, Log: k.opt.Log})
	wait, cancel := context.WithTimeout(ctx, LeaseTTL*3/2) // a dead controller's has ended by then
	defer cancel()
	if err := lease.Take(wait); err != nil {
		if ctx.Err() == nil {
			return ErrServerRuns
		}
		return err
	}
	ctx, end := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return lease.Run(ctx) })
	g.Go(func() error {
		defer end()
		return work(ctx)
	})
	return g.Wait()
}
