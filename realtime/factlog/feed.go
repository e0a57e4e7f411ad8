package factlog

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	defaultPoll = 250 * time.Millisecond
	defaultIdle = 2 * time.Second
	defaultPage = 256
	defaultKeep = 2048
	outagePause = 500 * time.Millisecond // longest wait between tries while Postgres is away
	heldFirst   = time.Millisecond
	heldLongest = 20 * time.Millisecond
)

// Following says how a feed waits. Absent values have defaults.
type Following struct {
	Signal *Signal       // wakes of this process, and through it those of others; nil leaves polling alone
	Poll   time.Duration // the guarantee while wakes of other processes may be lost
	Idle   time.Duration // the guarantee while none should be
	Gather time.Duration // from one look to the next: news of one moment is read together
	Page   int           // most facts read or handed over at once
	Keep   int           // facts in memory for followers
	Log    *slog.Logger
}

func (f Following) withDefaults() Following {
	if f.Signal == nil {
		f.Signal = NewSignal()
	}
	if f.Poll <= 0 {
		f.Poll = defaultPoll
	}
	if f.Idle <= 0 {
		f.Idle = defaultIdle
	}
	if f.Page <= 0 {
		f.Page = defaultPage
	}
	if f.Keep <= 0 {
		f.Keep = defaultKeep
	}
	if f.Log == nil {
		f.Log = slog.New(slog.DiscardHandler)
	}
	return f
}

// Feed is the one reader of the log in a process (RH6). It keeps the newest facts in memory, whence everybody takes them who follows;
// only who is further behind reads for itself. Make one with NewFeed and Run it once.
type Feed struct {
	cfg    Following
	reader *Reader
	ready  chan struct{} // closed when start is known

	mu    sync.Mutex
	start Position      // what lies in (start, end] is in tail; guarded by mu, as all below
	end   Position      // read so far: up to here the log is complete
	tail  []Fact        // only appended to, and replaced: parts of it are being read
	news  chan struct{} // closed by the next facts
}

// NewFeed prepares a feed of the log from where it is complete when Run begins.
func NewFeed(db DB, f Following) *Feed {
	return &Feed{cfg: f.withDefaults(), reader: NewReader(db), ready: make(chan struct{}), news: make(chan struct{})}
}

// Run reads until ctx ends. An outage of Postgres is waited out.
func (f *Feed) Run(ctx context.Context) error {
	if err := f.begin(ctx); err != nil {
		return err
	}
	wait := pacer{}
	var stored time.Time // when the last fact read was; zero: unknown, or nobody has looked for a while
	for {
		woken := f.cfg.Signal.Wait()
		seen, err := f.reader.look(ctx, f.end, stored, f.cfg.Page) // nobody else writes end
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if len(seen.facts) > 0 {
			stored = seen.stored
			f.add(seen.facts)
			wait.progress()
		}
		if err != nil || seen.held { // what is held may lie in a day of a clock that is put right before it can be read
			stored = time.Time{}
		}
		if len(seen.facts) == f.cfg.Page {
			continue
		}
		f.warn(ctx, wait, err)
		looked := time.NewTimer(f.cfg.Gather)
		if err := pause(ctx, woken, wait.next(f.poll(), seen.held, err != nil)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-looked.C:
		}
	}
}

// begin waits for the database: a feed that starts first is no fault.
func (f *Feed) begin(ctx context.Context) error {
	wait := pacer{}
	for {
		head, err := Head(ctx, f.reader.db)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			f.mu.Lock()
			f.start, f.end = head, head
			f.mu.Unlock()
			close(f.ready)
			return nil
		}
		f.warn(ctx, wait, err)
		if err := pause(ctx, nil, wait.next(f.cfg.Poll, false, true)); err != nil {
			return err
		}
	}
}

func (f *Feed) warn(ctx context.Context, wait pacer, err error) {
	if err != nil && wait.outage == 0 {
		f.cfg.Log.WarnContext(ctx, "the fact log cannot be read, trying again", "err", err)
	}
}

func (f *Feed) poll() time.Duration {
	if f.cfg.Signal.hearsAll() {
		return f.cfg.Idle
	}
	return f.cfg.Poll
}

func (f *Feed) add(facts []Fact) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(facts) == 0 {
		return
	}
	f.tail = append(f.tail, facts...)
	f.end = facts[len(facts)-1].Position
	if extra := len(f.tail) - f.cfg.Keep; extra > f.cfg.Keep {
		f.start = f.tail[extra-1].Position
		f.tail = slices.Clone(f.tail[extra:])
	}
	close(f.news)
	f.news = make(chan struct{})
}

// Begin waits until the feed has begun, and returns the position up to which it has read.
func (f *Feed) Begin(ctx context.Context) (Position, error) {
	select {
	case <-ctx.Done():
		return Position{}, ctx.Err()
	case <-f.ready:
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.end, nil
}

// Follow hands over every fact after from, in order and once, until ctx ends or handle returns an error. The facts are shared: they are
// not to be changed.
func (f *Feed) Follow(ctx context.Context, from Position, handle func(context.Context, []Fact) error) error {
	wait := pacer{}
	for {
		facts, upto, err := f.after(ctx, from, nil)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			f.warn(ctx, wait, err)
			if err := pause(ctx, nil, wait.next(f.cfg.Poll, false, true)); err != nil {
				return err
			}
			continue
		}
		wait.progress()
		if len(facts) > 0 {
			if err := handle(ctx, facts); err != nil {
				return err
			}
		}
		from = upto
	}
}

// after waits until there are facts after the position, and returns those of the kinds, or all when none is named, and up to where
// there are no others. Nothing is asked of the database unless the position is further back than what is in memory.
func (f *Feed) after(ctx context.Context, at Position, kinds []string) ([]Fact, Position, error) {
	if _, err := f.Begin(ctx); err != nil {
		return nil, at, err
	}
	for {
		f.mu.Lock()
		start, end, tail, news := f.start, f.end, f.tail, f.news
		f.mu.Unlock()
		switch {
		case at.Less(start):
			facts, err := f.reader.upto(ctx, at, start, kinds, f.cfg.Page)
			if err == nil && len(facts) == f.cfg.Page {
				start = facts[len(facts)-1].Position
			}
			return facts, start, err
		case at.Less(end):
			return f.remembered(tail, at, kinds)
		}
		select {
		case <-ctx.Done():
			return nil, at, ctx.Err()
		case <-news:
		}
	}
}

// remembered is a page of what lies after the position in memory, which is not nothing.
func (f *Feed) remembered(tail []Fact, at Position, kinds []string) ([]Fact, Position, error) {
	from, found := slices.BinarySearchFunc(tail, at, func(one Fact, p Position) int { return one.Position.Compare(p) })
	if found {
		from++
	}
	tail = tail[from:min(from+f.cfg.Page, len(tail)):len(tail)]
	upto := tail[len(tail)-1].Position
	if len(kinds) == 0 {
		return tail, upto, nil
	}
	var wanted []Fact
	for _, one := range tail {
		if slices.Contains(kinds, one.Kind) {
			wanted = append(wanted, one)
		}
	}
	return wanted, upto, nil
}

// pacer chooses how long to wait before the next read.
type pacer struct{ held, outage time.Duration }

func (p *pacer) progress() { p.held, p.outage = 0, 0 }

// next: a wake may come before the horizon has passed a concurrent transaction, so while committed facts are held back
// it looks again after 1, 2, 4 … 20 ms; after an error ever more slowly.
func (p *pacer) next(poll time.Duration, held, broken bool) time.Duration {
	switch {
	case broken:
		p.outage = min(max(2*p.outage, defaultPoll), outagePause)
		return p.outage
	case held:
		p.outage = 0
		p.held = min(max(2*p.held, heldFirst), heldLongest, poll)
		return p.held
	}
	p.progress()
	return poll
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
