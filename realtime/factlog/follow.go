package factlog

import (
	"context"
	"log/slog"
	"time"
)

const (
	defaultPoll = 250 * time.Millisecond
	defaultPage = 256
	outagePause = 2 * time.Second // longest wait between tries while Postgres is away
	heldFirst   = time.Millisecond
	heldLongest = 20 * time.Millisecond
)

// Following says where to begin and how to wait. Absent values have defaults.
type Following struct {
	From   Position
	Signal *Signal       // wakes of this process; nil leaves polling alone
	Poll   time.Duration // the guarantee when wakes are lost
	Page   int           // most facts handed over at once
	Log    *slog.Logger
}

func (f Following) withDefaults() Following {
	if f.Signal == nil {
		f.Signal = NewSignal()
	}
	if f.Poll <= 0 {
		f.Poll = defaultPoll
	}
	if f.Page <= 0 {
		f.Page = defaultPage
	}
	if f.Log == nil {
		f.Log = slog.New(slog.DiscardHandler)
	}
	return f
}

// Follow hands over every fact after f.From, in order and once, until ctx ends or handle returns an error. An outage of
// Postgres is waited out.
func (r *Reader) Follow(ctx context.Context, f Following, handle func(context.Context, []Fact) error) error {
	f = f.withDefaults()
	at := f.From
	wait := pacer{poll: f.Poll}
	for {
		woken := f.Signal.Wait()
		facts, err := r.Read(ctx, at, f.Page)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && len(facts) > 0 {
			if err := handle(ctx, facts); err != nil {
				return err
			}
			at = facts[len(facts)-1].Position
			wait.progress()
		}
		if err == nil && len(facts) == f.Page {
			continue
		}
		held := false
		if err == nil {
			held, err = r.held(ctx)
		}
		if err != nil && ctx.Err() == nil && wait.outage == 0 {
			f.Log.WarnContext(ctx, "the fact log cannot be read, trying again", "position", at.String(), "err", err)
		}
		if err := pause(ctx, woken, wait.next(held, err != nil)); err != nil {
			return err
		}
	}
}

// pacer chooses how long to wait before the next read.
type pacer struct {
	poll, held, outage time.Duration
}

func (p *pacer) progress() { p.held, p.outage = 0, 0 }

// next: a wake may come before the horizon has passed a concurrent transaction, so while committed facts are held back
// it looks again after 1, 2, 4 … 20 ms; after an error ever more slowly.
func (p *pacer) next(held, broken bool) time.Duration {
	switch {
	case broken:
		p.outage = min(max(2*p.outage, p.poll), outagePause)
		return p.outage
	case held:
		p.outage = 0
		p.held = min(max(2*p.held, heldFirst), heldLongest, p.poll)
		return p.held
	}
	p.progress()
	return p.poll
}

func pause(ctx context.Context, woken <-chan struct{}, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-woken:
	case <-timer.C:
	}
	return nil
}
