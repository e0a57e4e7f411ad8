// Package bench measures what an official and a citizen feel, side by side with the best that the same machine offers:
// Asterisk's own Queue(), an ARI loop without stores, a bare socket write. All opponents run on one Asterisk, in one run,
// turn by turn; what is compared are ratios. It knows the product from outside only: telephones, HTTP, sockets; B4 alone takes
// the queue and the ledger as packages.
package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"
)

// The parts of a run.
const (
	PartQueue  = "b1" // B1 and B2 by hanging up, and what a call costs
	PartNext   = "next"
	PartFull   = "full"
	PartPop    = "b3"
	PartAssign = "b4"
	PartKill   = "b8"
	PartOrders = "commands"
)

// Parts are all of them, in the order in which they are measured.
func Parts() []string {
	return []string{PartQueue, PartFull, PartPop, PartAssign, PartNext, PartOrders, PartKill}
}

// Options bound a run.
type Options struct {
	Dir, Cache, Binary string
	Parts              []string
	Only               []string // opponents in B1 and B2, to look into one; empty: all
	Pairs              int      // of rounds
	Seats              int
	Waiting            int     // citizens who wait all the time
	Full               int     // citizens who wait in the part that is full
	FullPairs          int     // of its rounds
	Rate               float64 // at which they call, per second
	Window             time.Duration
	TalkMin, TalkMax   time.Duration
	Boards             int
	Pops               int           // calls of one round of B3
	Burst              time.Duration // of one round of B4
	Crowd, Kills       int           // of B8
	Trace              bool
	Out                io.Writer
	Say                func(string)
	Log                *slog.Logger
}

func (o Options) has(part string) bool { return slices.Contains(o.Parts, part) }

// marks is how many are kept between two readings: a turn's.
func (o Options) marks() int {
	if o.Trace {
		return 1 << 15
	}
	return 0
}

func (o Options) serverArgs() []string {
	if o.Trace {
		return []string{fmt.Sprintf("--trace-marks=%d", o.marks())}
	}
	return nil
}

// Run measures and prints. A goal that is missed is printed and no error; so is a part that could not be measured.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	began, loadBefore := time.Now(), load()
	h, err := openHall(ctx, o)
	if err != nil {
		return err
	}
	r := report{options: o, load: [2]string{loadBefore}, versions: h.versions(ctx), uncounted: h.uncounted, absent: map[string]error{}}
	for _, part := range []struct {
		name    string
		measure func(context.Context, *hall) error
	}{
		{PartQueue, r.queue}, {PartFull, r.full}, {PartPop, r.pop}, {PartAssign, r.assign}, {PartNext, r.next}, {PartOrders, r.command}, {PartKill, r.kill},
	} {
		if !o.has(part.name) {
			continue
		}
		if err := part.measure(ctx, h); err != nil && ctx.Err() == nil {
			r.absent[part.name] = err
			o.Say(fmt.Sprintf("%s cannot be measured: %v", part.name, err))
		}
	}
	r.load[1], r.took, r.ways = load(), time.Since(began), h.ways
	if offers, err := offerSeconds(ctx, h.demo.Metrics); err == nil {
		r.offers = offers
	}
	o.Say("stopping")
	if err := h.close(ctx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.print(o.Out)
}

// queue measures B1 and B2 by hanging up, and first what everything costs while nobody calls.
func (r *report) queue(ctx context.Context, h *hall) error {
	const rest = 5 * time.Second
	pause(ctx, time.Second)
	sql, used := h.counted(ctx), cpu(h.processes())
	pause(ctx, rest)
	r.rest = round{cpu: map[string]time.Duration{}, sql: h.counted(ctx).minus(sql), calls: int(rest.Seconds())}
	for name, now := range cpu(h.processes()) {
		r.rest.cpu[name] = now - used[name]
	}
	var err error
	r.hungUp, err = r.turns(ctx, h, r.options.Pairs, queueTurn{waiting: r.options.Waiting}, opponents())
	return err
}

// full is the same with more who wait.
func (r *report) full(ctx context.Context, h *hall) error {
	var err error
	r.crowded, err = r.turns(ctx, h, r.options.FullPairs, queueTurn{waiting: r.options.Full}, opponents())
	return err
}

// next measures what an official feels who asks for the next caller. The floor begins: hotline reads its line's rules anew meanwhile.
func (r *report) next(ctx context.Context, h *hall) error {
	if err := h.wrapUpOf(ctx, 10*time.Minute); err != nil {
		return err
	}
	pause(ctx, rulesRead)
	all := opponents()
	var err error
	r.asked, err = r.turns(ctx, h, r.options.Pairs, queueTurn{waiting: r.options.Waiting, next: true}, []opponent{all[2], all[1]})
	if err != nil {
		return err
	}
	if r.options.has(PartKill) {
		err = h.wrapUpOf(ctx, 0)
		pause(ctx, rulesRead)
	}
	return err
}

// turns lets the opponents take turns. One that cannot run is named in the report; without hotline there is none.
func (r *report) turns(ctx context.Context, h *hall, pairs int, turn queueTurn, all []opponent) (map[string][]round, error) {
	o, rounds := r.options, map[string][]round{}
	for pair := range pairs {
		for _, who := range all {
			if len(o.Only) > 0 && !slices.Contains(o.Only, who.name) || r.absent[who.name] != nil {
				continue
			}
			turn.who = who
			got, err := h.queueRound(ctx, o, turn)
			if err != nil && ctx.Err() == nil && who.name != nameHotline {
				r.absent[who.name] = err
				o.Say(fmt.Sprintf("%s cannot run: %v", who.name, err))
				continue
			}
			if err != nil {
				return rounds, err
			}
			word := map[bool]string{true: "next", false: "BYE "}[turn.next]
			o.Say(fmt.Sprintf("B1/B2 %s %d/%d  %-10s p50 %9s  p99 %9s  n %3d  waiting %d  load %s", word, pair+1, pairs, who.name,
				short(got.gaps.Quantile(.5)), short(got.gaps.Quantile(.99)), len(got.gaps), got.waiting, load()))
			rounds[who.name] = append(rounds[who.name], got)
		}
	}
	return rounds, nil
}

// pop measures B3; the boards are open for it alone.
func (r *report) pop(ctx context.Context, h *hall) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o := r.options
	o.Say(fmt.Sprintf("opening %d boards", o.Boards))
	p, err := openPops(ctx, h, o.Boards)
	if err != nil {
		return err
	}
	for pair := range o.Pairs {
		for i, number := range popNumbers() {
			got, err := p.round(ctx, number, o.Pops)
			if err != nil {
				return err
			}
			o.Say(fmt.Sprintf("B3 %d/%d  %-8s INVITE p50 %8s  p99 %8s  200 OK p50 %8s  n %d  load %s", pair+1, o.Pairs, [2]string{"hotline", "bare"}[i],
				short(got.called.Quantile(.5)), short(got.called.Quantile(.99)), short(got.answered.Quantile(.5)), len(got.answered), load()))
			r.pops[i] = append(r.pops[i], got)
		}
	}
	return nil
}

// assign measures B4.
func (r *report) assign(ctx context.Context, h *hall) error {
	o := r.options
	a, err := openAssignments(ctx, h, o)
	if err != nil {
		return err
	}
	defer a.close()
	script, commits, err := a.listen(ctx)
	if err != nil {
		return err
	}
	if r.rebuilt, err = a.rebuild(ctx); err != nil {
		return err
	}
	for pair := range o.Pairs {
		turn := assignTurn{}
		if turn.claims, err = a.ours(ctx, o, false); err != nil {
			return err
		}
		turn.redis, turn.redisErr = a.redisBenchmark(ctx, script, int(turn.claims.perSecond*o.Burst.Seconds()))
		if turn.commits, err = a.ours(ctx, o, true); err != nil {
			return err
		}
		turn.pgbench, turn.pgbenchErr = a.pgbench(ctx, o, commits)
		o.Say(fmt.Sprintf("B4 %d/%d  claims %.0f/s  redis-benchmark %.0f/s  claims and commits %.0f/s  pgbench %.0f/s  load %s", pair+1, o.Pairs,
			turn.claims.perSecond, turn.redis.perSecond, turn.commits.perSecond, turn.pgbench.perSecond, load()))
		r.assigned = append(r.assigned, turn)
	}
	return nil
}

// assignTurn is one round of B4: ours and the peers'.
type assignTurn struct {
	claims, redis, commits, pgbench rate
	redisErr, pgbenchErr            error
}

// kill measures B8.
func (r *report) kill(ctx context.Context, h *hall) error {
	r.options.Say(fmt.Sprintf("B8: %d citizens call", r.options.Crowd))
	var err error
	r.killed, err = h.recovery(ctx, r.options)
	return err
}

func short(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}
