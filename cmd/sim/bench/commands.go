package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"hotline/cmd/sim/seat"
)

// What is fired at hotline in the part of commands.
const (
	commandRate  = 1000             // a second, by everybody together
	commandWarm  = 2 * time.Second  // not counted
	commandTime  = 10 * time.Second // counted
	commandLate  = 5 * time.Second  // and what is not sent or answered by then is not
	commandPairs = 400              // of a command with a key and one without
	draftsOfSeat = 2                // in each of them official and recorder write, in two fields
)

// Of a seat's share of the rate: what the official does, and the rest is the recorder's. No login asks more than 30 times a second.
const (
	intentShare   = 0.2
	officialShare = 0.3
)

// commanded is what the part of commands has measured.
type commanded struct {
	people  int
	took    Sample // from when a command was due to its answer, so that one that had to wait for its turn counts as long as it waited
	refused int
	refusal error
	sent    time.Duration // how long it took to send all
	keyed   Sample        // a command with an idempotency key, and the same without, in turns
	keyless Sample
}

// cost is what a key costs a command: the median over all pairs, in milliseconds.
func (c commanded) cost() float64 {
	return float64(c.keyed.Quantile(.5)-c.keyless.Quantile(.5)) / float64(time.Millisecond)
}

// commanding is one person at one thing.
type commanding struct {
	every time.Duration
	do    func(ctx context.Context) error
}

// command measures how long commands take while 1,000 a second come from everybody in the hall, on one core, and what a key costs.
func (r *report) command(ctx context.Context, h *hall) error {
	o := r.options
	o.Say("commands: hotline starts anew on one core")
	if err := h.restart(ctx, "GOMAXPROCS=1"); err != nil {
		return err
	}
	all, people, err := h.commandings(ctx)
	if err != nil {
		return err
	}
	c := &r.commanded
	c.people = people
	o.Say(fmt.Sprintf("commands: %d a second by %d people, %s", commandRate, people, commandWarm+commandTime))
	c.fire(ctx, all)
	o.Say(fmt.Sprintf("commands: p50 %s  p99 %s  n %d  refused %d  load %s", short(c.took.Quantile(.5)), short(c.took.Quantile(.99)), len(c.took), c.refused, load()))
	if err := c.pairs(ctx, h); err != nil {
		return err
	}
	o.Say(fmt.Sprintf("commands: with a key p50 %s, without %s", short(c.keyed.Quantile(.5)), short(c.keyless.Quantile(.5))))
	return h.restart(ctx)
}

// restart is kill -9 and what comes back, with more in its environment.
func (h *hall) restart(ctx context.Context, env ...string) error {
	h.demo.ArmServer(env...)
	pid := h.demo.ServerPID()
	h.demo.KillServer()
	for h.demo.ServerPID() == pid {
		if pause(ctx, 10*time.Millisecond); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return h.demo.Ready(ctx, time.Minute)
}

// fire sends everybody's commands when they are due.
func (c *commanded) fire(ctx context.Context, all []commanding) {
	var mu sync.Mutex // guards c
	var people sync.WaitGroup
	began := time.Now()
	counts, ends := began.Add(commandWarm), began.Add(commandWarm+commandTime)
	ctx, cancel := context.WithDeadline(ctx, ends.Add(commandLate))
	defer cancel()
	for i, w := range all {
		people.Go(func() {
			var took Sample
			var refused int
			var refusal error
			for due := began.Add(w.every * time.Duration(i) / time.Duration(len(all))); due.Before(ends) && ctx.Err() == nil; due = due.Add(w.every) {
				pause(ctx, time.Until(due))
				err := w.do(ctx)
				switch {
				case due.Before(counts), ctx.Err() != nil:
				case err != nil:
					refused, refusal = refused+1, err
				default:
					took = append(took, time.Since(due))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			c.took, c.refused = append(c.took, took...), c.refused+refused
			if refusal != nil {
				c.refusal = refusal
			}
		})
	}
	people.Wait()
	c.sent = time.Since(counts)
}

// pairs sends the same command with a key and without one, in turns, one at a time.
func (c *commanded) pairs(ctx context.Context, h *hall) error {
	var does []func(ctx context.Context, key bool) error
	for _, name := range h.seats() {
		does = append(does, intends(h.people[name], name))
	}
	for i := range commandPairs {
		do := does[i%len(does)]
		for turn := range 2 {
			keyed := (turn+i/len(does))%2 == 0 // who is first is second the next time
			began := time.Now()
			if err := do(ctx, keyed); err != nil {
				return fmt.Errorf("a command by itself: %w", err)
			}
			if took := time.Since(began); keyed {
				c.keyed = append(c.keyed, took)
			} else {
				c.keyless = append(c.keyless, took)
			}
		}
		pause(ctx, time.Millisecond)
	}
	return ctx.Err()
}

func (h *hall) seats() []string {
	names := make([]string, 0, len(h.people))
	for name := range h.people {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// commandings are what everybody does: the officials say 示忙 and 示闲, they and their recorders write in two fields of the same drafts.
func (h *hall) commandings(ctx context.Context) ([]commanding, int, error) {
	recorders, err := h.recorders(ctx)
	if err != nil {
		return nil, 0, err
	}
	var all []commanding
	each := commandRate / float64(len(h.people)) // of a seat
	every := func(share float64) time.Duration { return time.Duration(float64(time.Second) / (each * share)) }
	for _, name := range h.seats() {
		intend := intends(h.people[name], name)
		all = append(all, commanding{every(intentShare), func(ctx context.Context) error { return intend(ctx, true) }})
		for range draftsOfSeat {
			ticket, err := h.draft(ctx, name)
			if err != nil {
				return nil, 0, err
			}
			all = append(all,
				commanding{every(officialShare / draftsOfSeat), writes(h.people[name], ticket, "content")},
				commanding{every((1 - intentShare - officialShare) / draftsOfSeat), writes(recorders[name], ticket, "answer")})
		}
	}
	return all, len(h.people) + len(recorders), nil
}

// recorders sit down beside the officials.
func (h *hall) recorders(ctx context.Context) (map[string]*seat.Client, error) {
	recorders := map[string]*seat.Client{}
	var mu sync.Mutex // guards recorders
	var all errgroup.Group
	for _, a := range h.demo.People {
		if a.Role != "recorder" || h.people[a.Seat] == nil {
			continue
		}
		all.Go(func() error {
			c, err := seat.SignIn(ctx, h.demo.Panel, a.LoginName, a.Password)
			if err == nil {
				err = c.Do(ctx, http.MethodPost, "/api/v1/seats/"+a.Seat+"/take", map[string]any{"place": "recorder", "take_over": true}, nil)
			}
			mu.Lock()
			defer mu.Unlock()
			recorders[a.Seat] = c
			return err
		})
	}
	err := all.Wait()
	if err == nil && len(recorders) < len(h.people) {
		err = errors.New("not every seat has a recorder")
	}
	return recorders, err
}

// draft is an open ticket of a call that a seat has had: the people there may write in it.
func (h *hall) draft(ctx context.Context, seat string) (string, error) {
	var id string
	err := h.sql.QueryRow(ctx, `WITH c AS (
  INSERT INTO call (id, channel, line, dialled, num_tail, place, phase, seq, arrived_at, queued_at, answered_at, ended_at, outcome, seat, epoch)
  SELECT g, g::text, s.line, '12345', '138****0000', '合肥', 'ended', nextval('call_seq'), now(), now(), now(), now(), 'answered_official', s.id, 0
  FROM gen_random_uuid() g, seat s WHERE s.id = $1 RETURNING id),
g AS (INSERT INTO segment (id, call, seat, person, began_at, ended_at, why)
  SELECT gen_random_uuid(), c.id, $1, st.person, now(), clock_timestamp() + interval '1 minute', 'finished' FROM c, seat_state st WHERE st.seat = $1)
INSERT INTO ticket (id, query_code, kind, call, seat, official, state, opened_at)
SELECT gen_random_uuid(), upper(left(md5(random()::text), 6)), 'call', c.id, $1, st.person, 'draft', now() FROM c, seat_state st WHERE st.seat = $1 RETURNING id::text`,
		seat).Scan(&id)
	if err != nil {
		return "", fmt.Errorf("open a draft at %s: %w", seat, err)
	}
	return id, nil
}

// writes is a person who types in one field of a draft: nobody else does.
func writes(of *seat.Client, ticket, field string) func(context.Context) error {
	c, version, text := *of, int64(1), ""
	return func(ctx context.Context) error {
		if text += "诉求内容"; len(text) > 2000 {
			text = ""
		}
		var after struct {
			Version int64 `json:"version"`
		}
		if err := c.Do(ctx, http.MethodPatch, "/api/v1/tickets/"+ticket, map[string]any{"version": version, field: text}, &after); err != nil {
			return err
		}
		version = after.Version
		return nil
	}
}

// intends is an official who says 示忙 and 示闲 in turns.
func intends(of *seat.Client, name string) func(ctx context.Context, keyed bool) error {
	c, version, ready := *of, int64(0), true
	return func(ctx context.Context, keyed bool) error {
		path := "/api/v1/seats/" + name
		var now struct {
			Version int64 `json:"version"`
		}
		c.Key = ""
		if version == 0 {
			if err := c.Do(ctx, http.MethodGet, path, nil, &now); err != nil {
				return err
			}
			version = now.Version
		}
		if keyed {
			key, err := uuid.NewV7()
			if err != nil {
				return fmt.Errorf("key of a command: %w", err)
			}
			c.Key = key.String()
		}
		ready = !ready
		intent := map[bool]string{true: "ready", false: "busy"}[ready]
		err := c.Do(ctx, http.MethodPost, path+"/intent", map[string]any{"intent": intent, "version": version}, &now)
		if version = now.Version; err != nil {
			version = 0 // it is read anew
		}
		return err
	}
}

func (r *report) printCommands() {
	c := r.commanded
	if len(c.took) == 0 {
		return
	}
	r.line("")
	r.line("Commands  %d a second by %d people for %s, hotline on one core (GOMAXPROCS=1): the officials say 示忙 and 示闲 (%.0f %%, with keys), they and", commandRate,
		c.people, commandTime, 100*intentShare)
	r.line("    their recorders write in two fields of the same drafts. Counted from when a command was due to its answer, on the machine's cores with all else.")
	r.line("    A key by itself: the same 示忙 and 示闲 with one and without, in turns, one at a time.")
	r.line("")
	r.line("  %-10s %6s %10s %10s %10s %10s", "", "n", "p50", "p90", "p99", "longest")
	for _, s := range []struct {
		name string
		of   Sample
	}{{"all", c.took}, {"keyed", c.keyed}, {"keyless", c.keyless}} {
		r.line("  %-10s %6d %10s %10s %10s %10s", s.name, len(s.of), short(s.of.Quantile(.5)), short(s.of.Quantile(.9)), short(s.of.Quantile(.99)), short(s.of.Quantile(1)))
	}
	if c.refused > 0 {
		r.line("  %d were refused, the last: %s", c.refused, strings.TrimSpace(c.refusal.Error()))
	}
	answered := float64(len(c.took)) / c.sent.Seconds()
	r.goal(
		goal{"Commands a second on one core", fmt.Sprintf(">= %d", commandRate*99/100), fmt.Sprintf("%.0f, %d refused", answered, c.refused), c.refused == 0 && answered >= commandRate*.99},
		within("Commands, p99", 20*time.Millisecond, c.took.Quantile(.99), c.refused == 0),
		under("A key's cost to a command, p50", .3, "ms", c.cost(), len(c.keyed) > 0),
	)
}
