package bench

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// report is everything that was measured.
type report struct {
	options   Options
	versions  string
	load      [2]string
	took      time.Duration
	rest      round              // nobody calls; its calls are seconds
	hungUp    map[string][]round // by opponent; seats are free when they hang up
	crowded   map[string][]round // with more who wait
	asked     map[string][]round // seats ask for the next caller
	pops      [2][]popRound      // hotline, bare
	assigned  []assignTurn
	rebuilt   time.Duration // the queue, with 10,000 callers
	commanded commanded
	killed    recovered
	offers    string
	uncounted error            // why statements were not counted
	absent    map[string]error // opponents and parts that could not be measured, and why
	ways      []*way

	b     strings.Builder
	goals []goal
}

func (r *report) line(format string, a ...any) { fmt.Fprintf(&r.b, format+"\n", a...) }

func (r *report) print(w io.Writer) error {
	o := r.options
	r.line("")
	r.line("hotline bench: %s", r.versions)
	r.line("%d pairs of turns, A B C A B C; load average before %s, after %s; %.0f s in all", o.Pairs, r.load[0], r.load[1], r.took.Seconds())
	r.line("The load average tells what else the machine did: trust ratios, not times, and no figure of another run.")
	if o.Trace {
		r.line("A trace was written: that costs a little, and every opponent's ARI client alike.")
	}
	for _, part := range Parts() {
		if o.has(part) {
			map[string]func(){
				PartQueue: r.printQueue, PartFull: r.printFull, PartNext: r.printNext, PartPop: r.printPop, PartAssign: r.printAssign, PartOrders: r.printCommands, PartKill: r.printKill,
			}[part]()
		}
	}
	for name, err := range r.absent {
		r.line("  %s COULD NOT BE MEASURED, so nothing is said about it: %v", name, err)
	}
	r.line("")
	r.line("  %-50s %12s   %-44s %s", "", "goal", "median of ratios (min-max), or the figure", "")
	for _, g := range r.goals {
		r.line("  %-50s %12s   %-44s %s", g.what, g.goal, g.got, g.verdict())
	}
	if o.Trace {
		r.printTrace()
	}
	_, err := io.WriteString(w, r.b.String())
	return err
}

func (r *report) printQueue() {
	o := r.options
	r.line("")
	r.line("B1, B2  A seat hangs up (its BYE leaves the telephone) -> its telephone rings for the next citizen (INVITE), over SIP.")
	r.line("        %d seats, %d citizens waiting all the time (SIPp) and hearing music, talk %s-%s drawn at random, measured for %s a turn.",
		o.Seats, o.Waiting, o.TalkMin, o.TalkMax, o.Window)
	r.line("        Queue(): retry=1 (its best), autofill, leastrecent. hotline: committed in Postgres, ordered in Redis. No board is open.")
	r.line("        ARI floor: the same verbs over ARI for the same calls, by a process that stores nothing.")
	r.gapTable(r.hungUp, opponents())
	r.line("  hotline's own hotline_calls_offer_seconds (matcher's wake-up -> asked to ring): %s", r.offers)
	queue, hotline, floor := gaps(r.hungUp[nameQueue]), gaps(r.hungUp[nameHotline]), gaps(r.hungUp[nameFloor])
	r.goal(
		atLeast("B1  Queue() / hotline, p50", 80, Ratios(queue, hotline, .5)),
		atLeast("B1  Queue() / hotline, p99", 80, Ratios(queue, hotline, .99)),
		atMost("B2  hotline / ARI floor, p50", 1.15, Ratios(hotline, floor, .5)),
		atMost("B2  hotline / ARI floor, p99", 1.3, Ratios(hotline, floor, .99)),
		atMost("B2  the same, all rounds together, p99", 1.3, Ratios([]Sample{pool(hotline)}, []Sample{pool(floor)}, .99)),
	)
	r.costTable()
}

// costTable is what a call costs, with its draft ticket.
func (r *report) costTable() {
	r.line("")
	r.line("  Processor time per answered call with its ticket, ms, and what Postgres was asked for it (pg_stat_statements, pg_stat_database).")
	r.line("  %-18s %6s %9s %9s %9s %7s %7s   %11s %13s %8s", "", "calls", "asterisk", "hotline", "postgres", "redis", "floor", "statements", "transactions", "writing")
	row := func(name string, calls int, s round) {
		per := func(n int64) float64 { return float64(n) / float64(max(calls, 1)) }
		ms := func(process string) float64 {
			return float64(s.cpu[process].Microseconds()) / 1000 / float64(max(calls, 1))
		}
		r.line("  %-18s %6d %9.2f %9.2f %9.2f %7.2f %7.2f   %11.1f %13.1f %8.1f", name, calls, ms("asterisk"), ms("hotline"), ms("postgres"), ms("redis"),
			ms("floor"), per(s.sql.statements), per(s.sql.transactions), per(s.sql.writing))
	}
	for _, who := range opponents() {
		s := sum(r.hungUp[who.name])
		row(who.name, s.calls, s)
	}
	row("at rest, a second", r.rest.calls, r.rest)
	if r.uncounted != nil {
		r.line("  Statements were not counted: %v", r.uncounted)
	}
	s := sum(r.hungUp[nameHotline])
	ms := func(process string) float64 {
		return float64(s.cpu[process].Microseconds()) / 1000 / float64(max(s.calls, 1))
	}
	r.goal(
		under("CPU per call, hotline", 5, "ms", ms("hotline"), s.calls > 0),
		under("CPU per call, Postgres", 5, "ms", ms("postgres"), s.calls > 0),
		under("CPU per call, Redis", .5, "ms", ms("redis"), s.calls > 0),
		under("statements per call", 20, "", float64(s.sql.statements)/float64(max(s.calls, 1)), s.calls > 0 && r.uncounted == nil),
		under("transactions per call", 7, "", float64(s.sql.transactions)/float64(max(s.calls, 1)), s.calls > 0),
	)
	if r.options.Trace {
		r.line("")
		r.line("  What Postgres worked on longest in hotline's turns: times per call, µs each, µs per call:")
		for _, text := range s.sql.most(s.calls, 25) {
			r.line("  %s", text)
		}
	}
}

func (r *report) printFull() {
	r.line("")
	r.line("B1, B2  The same with %d waiting: their music fills the cores. No goal; printed.", r.options.Full)
	r.gapTable(r.crowded, opponents())
	queue, hotline, floor := gaps(r.crowded[nameQueue]), gaps(r.crowded[nameHotline]), gaps(r.crowded[nameFloor])
	r.line("  Queue() / hotline: p50 %s, p99 %s", said(Ratios(queue, hotline, .5)), said(Ratios(queue, hotline, .99)))
	r.line("  Queue() / floor:   p50 %s, p99 %s", said(Ratios(queue, floor, .5)), said(Ratios(queue, floor, .99)))
	r.line("  hotline / floor:   p50 %s, p99 %s", said(Ratios(hotline, floor, .5)), said(Ratios(hotline, floor, .99)))
}

func (r *report) printNext() {
	r.line("")
	r.line("B1, B2  An official asks for the next caller (POST …/next over HTTP) -> the telephone rings (INVITE). %d waiting.", r.options.Waiting)
	r.line("        ARI floor: a POST that stores nothing. Queue() has no such wish: its gaps are those of above.")
	all := opponents()
	r.gapTable(r.asked, []opponent{all[2], all[1]})
	queue, hotline, floor := gaps(r.hungUp[nameQueue]), gaps(r.asked[nameHotline]), gaps(r.asked[nameFloor])
	r.goal(
		atLeast("B1  Queue() / hotline by 请接下一位, p50", 80, Ratios(queue, hotline, .5)),
		atLeast("B1  Queue() / hotline by 请接下一位, p99", 80, Ratios(queue, hotline, .99)),
		atMost("B2  hotline / ARI floor by 请接下一位, p50", 1.15, Ratios(hotline, floor, .5)),
		atMost("B2  hotline / ARI floor by 请接下一位, p99", 1.3, Ratios(hotline, floor, .99)),
	)
}

func (r *report) gapTable(rounds map[string][]round, all []opponent) {
	r.line("")
	r.line("  %-10s %6s %6s %6s %10s %10s %10s %10s   %s", "", "n", "lost", "cut", "p50", "p90", "p99", "mean", "waiting")
	for _, who := range all {
		s := sum(rounds[who.name])
		r.line("  %-10s %6d %6d %6d %10s %10s %10s %10s   %d", who.name, len(s.gaps), s.lost, s.cut, short(s.gaps.Quantile(.5)),
			short(s.gaps.Quantile(.9)), short(s.gaps.Quantile(.99)), short(s.gaps.Mean()), s.waiting)
	}
}

func (r *report) printPop() {
	r.line("")
	r.line("B3  A citizen calls -> call.offered is in the page of the seat, while %d boards hear every fact.", r.options.Boards)
	r.line("    bare: StasisStart, answer over ARI, one write of a ready-made frame to one socket when the channel is up. Where its page is")
	r.line("    told before the citizen's telephone has read the 200 OK, there is no ratio from there, and the time from the INVITE counts.")
	r.line("")
	r.line("  %-10s %6s %6s %14s %10s %10s %14s %10s", "", "n", "lost", "200 OK: p50", "p90", "p99", "INVITE: p50", "p99")
	for i, name := range [2]string{"hotline", "bare"} {
		s, c := pool(answered(r.pops[i])), pool(called(r.pops[i]))
		r.line("  %-10s %6d %6d %14s %10s %10s %14s %10s", name, len(s), missed(r.pops[i]), short(s.Quantile(.5)), short(s.Quantile(.9)),
			short(s.Quantile(.99)), short(c.Quantile(.5)), short(c.Quantile(.99)))
	}
	r.goal(
		atMost("B3  hotline / bare from 200 OK, p50", 1.5, Ratios(answered(r.pops[0]), answered(r.pops[1]), .5)),
		within("B3  hotline from 200 OK, p99", 12*time.Millisecond, pool(answered(r.pops[0])).Quantile(.99), len(r.pops[0]) > 0),
		atMost("B3  hotline / bare from INVITE, p50", 2.5, Ratios(called(r.pops[0]), called(r.pops[1]), .5)))
}

func (r *report) printAssign() {
	if len(r.assigned) == 0 {
		return
	}
	r.line("")
	r.line("B4  Assignments per second, %d at once. Claim: what changed and the next pair, one script in Redis. Commit: the offer, and the", assigners)
	r.line("    refusal that makes the seat free again. redis-benchmark: the same script, %d clients. pgbench -M prepared: the same", assigners)
	r.line("    statements in the same pipelines, %d clients. hotline's ledger has %d connections, as in the server.", assigners, connections)
	r.line("")
	r.line("  %-22s %12s %22s %22s", "", "per second", "CPU each: store, µs", "who asks, µs")
	var claims, commits Ratio
	claims, commits = rates(r.assigned, func(t assignTurn) (float64, float64) { return t.claims.perSecond, t.redis.perSecond }),
		rates(r.assigned, func(t assignTurn) (float64, float64) { return t.commits.perSecond, t.pgbench.perSecond })
	for _, row := range []struct {
		name string
		of   func(assignTurn) (rate, error)
	}{
		{"claim, hotline", func(t assignTurn) (rate, error) { return t.claims, nil }},
		{"claim, redis-benchmark", func(t assignTurn) (rate, error) { return t.redis, t.redisErr }},
		{"claim+commit, hotline", func(t assignTurn) (rate, error) { return t.commits, nil }},
		{"commit, pgbench", func(t assignTurn) (rate, error) { return t.pgbench, t.pgbenchErr }},
	} {
		all := make([]rate, len(r.assigned))
		var failed error
		for i, t := range r.assigned {
			var err error
			if all[i], err = row.of(t); err != nil {
				failed = err
			}
		}
		if failed != nil {
			r.line("  %-22s COULD NOT RUN, so nothing is said about it: %v", row.name, failed)
			continue
		}
		m := middle(all)
		r.line("  %-22s %12.0f %22.0f %22.0f", row.name, m.perSecond, float64(m.server.Nanoseconds())/1000, float64(m.client.Nanoseconds())/1000)
	}
	r.goal(atLeast("B4  claims, hotline / redis-benchmark", .9, claims), atLeast("B4  claims and commits, hotline / pgbench", .8, commits),
		within("B8  the queue filled anew with 10,000 callers", 80*time.Millisecond, r.rebuilt, r.rebuilt > 0))
}

func (r *report) printKill() {
	k := r.killed
	if len(k.ours) == 0 {
		return
	}
	r.line("")
	r.line("B8  kill -9 of hotline with %d citizens waiting without media; a seat hangs up meanwhile -> it is rung for the one whose turn it is.", k.waiting)
	r.line("    bare: a process starts, reads the open calls by one SELECT and the channels by one GET, and decides nothing.")
	r.line("")
	r.line("  %-10s %4s %10s %10s %10s   %s", "", "n", "min", "p50", "max", "offers to somebody whose turn it was not")
	r.line("  %-10s %4d %10s %10s %10s   %d", nameHotline, len(k.ours), short(k.ours.Quantile(0)), short(k.ours.Quantile(.5)), short(k.ours.Quantile(1)), k.wrong)
	r.line("  %-10s %4d %10s %10s %10s", "bare", len(k.bare), short(k.bare.Quantile(0)), short(k.bare.Quantile(.5)), short(k.bare.Quantile(1)))
	each := func(s Sample) []Sample {
		out := make([]Sample, len(s))
		for i := range s {
			out[i] = s[i : i+1]
		}
		return out
	}
	r.goal(atMost("B8  hotline / bare", 1.5, Ratios(each(k.ours), each(k.bare), .5)), within("B8  hotline, longest", time.Second, k.ours.Quantile(1), k.wrong == 0))
}

func (r *report) printTrace() {
	for _, line := range r.killed.way {
		r.line("%s", line)
	}
	for _, w := range r.ways {
		if len(w.took) == 0 {
			continue // Queue() notes nothing
		}
		r.line("")
		for _, line := range w.lines() {
			r.line("%s", line)
		}
	}
}
