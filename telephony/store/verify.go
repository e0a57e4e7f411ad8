package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/store/db"
)

// Evidence is what Verify may compare the database with. Without a part, the invariants that need it are not examined.
type Evidence struct {
	Since    time.Time           // calls that arrived before are taken as they are
	Answered []telephony.LegID   // channels that the exchange or the caller's side says were answered (I1)
	Lines    LineQueue           // I6, I13
	Snapshot *telephony.Snapshot // I14
}

// LineQueue lists who is in a line, taken callers too, and the seats with somebody there as the queue knows them: whether each
// takes calls, and the time since which it may be rung, zero when it may not (telephony/line).
type LineQueue interface {
	List(ctx context.Context, line agent.LineID) ([]telephony.Waiting, []telephony.LineSeat, error)
}

// Breach is a broken invariant of reliability.md 5 with the rows that break it.
type Breach struct {
	Invariant string // I4
	What      string
	Rows      []string
}

func (b Breach) String() string {
	return b.Invariant + " " + b.What + ": " + strings.Join(b.Rows, ", ")
}

// orderSlack is how far apart two steps of one line may be stored and still have happened side by side: a caller whose entry
// is being stored keeps those behind from being served for ComingFor only, and pairs are made one after the other but stored
// each in its own transaction, which takes up to a quarter of a second more on a loaded machine.
const orderSlack = telephony.ComingFor + 250*time.Millisecond

// Verify examines I1 to I6, I9, I13 and I14 as far as the evidence goes. It asks for a quiet moment: a call that changes between
// two of its reads can look like a breach.
func Verify(ctx context.Context, pool *pgxpool.Pool, e Evidence) ([]Breach, error) {
	v := &verifier{q: db.New(pool), e: e}
	for _, examine := range []func(context.Context) error{v.rows, v.answered, v.queues, v.exchange} {
		if err := examine(ctx); err != nil {
			return nil, fmt.Errorf("verify: %w", err)
		}
	}
	return v.breaches, nil
}

type verifier struct {
	q        *db.Queries
	e        Evidence
	breaches []Breach
}

func (v *verifier) add(invariant, what string, rows []string) {
	if len(rows) > 0 {
		v.breaches = append(v.breaches, Breach{Invariant: invariant, What: what, Rows: rows})
	}
}

// rows are the invariants that the database can break by itself.
func (v *verifier) rows(ctx context.Context) error {
	for _, x := range []struct {
		invariant, what string
		find            func(context.Context) ([]string, error)
	}{
		{"I2", "calls without exactly one end", func(ctx context.Context) ([]string, error) { return v.q.BreachEnds(ctx, v.e.Since) }},
		{"I3", "calls with open offers that they may not have", v.q.BreachOpenOffers},
		{"I3", "calls that two seats served at once", func(ctx context.Context) ([]string, error) { return v.q.BreachSegments(ctx, v.e.Since) }},
		{"I3", "calls accepted without being served, or twice", func(ctx context.Context) ([]string, error) { return v.q.BreachAccepted(ctx, v.e.Since) }},
		{"I4", "seats with more than one live call", v.q.BreachSeatCalls},
		{"I4", "seats whose work is not their call's", v.q.BreachSeatWork},
		{"I4", "calls that have ended with somebody still in them", v.q.BreachParticipants},
		{"I5", "calls offered before others with an earlier place", func(ctx context.Context) ([]string, error) {
			return v.q.BreachOrder(ctx, db.BreachOrderParams{Since: v.e.Since, Slack: orderSlack, Skip: telephony.SkipFor + telephony.SkipPatience})
		}},
		{"I9", "facts of an epoch that was over", func(ctx context.Context) ([]string, error) { return v.q.BreachEpochs(ctx, v.e.Since) }},
		{"I6", "places that two calls have without resuming each other", func(ctx context.Context) ([]string, error) {
			seqs, err := v.q.BreachPlaces(ctx, v.e.Since)
			return texts(seqs), err
		}},
	} {
		found, err := x.find(ctx)
		if err != nil {
			return fmt.Errorf("%s %s: %w", x.invariant, x.what, err)
		}
		v.add(x.invariant, x.what, found)
	}
	return nil
}

func (v *verifier) answered(ctx context.Context) error {
	found, err := v.q.ChannelsWithoutCall(ctx, texts(v.e.Answered))
	v.add("I1", "answered channels without a call", found)
	return err
}

// queues are compared with what they would be rebuilt to.
func (v *verifier) queues(ctx context.Context) error {
	if v.e.Lines == nil {
		return nil
	}
	lines, err := v.q.Lines(ctx)
	if err != nil {
		return err
	}
	for _, l := range lines {
		line := agent.LineID(l.ID)
		waiting, seats, err := v.e.Lines.List(ctx, line)
		if err != nil {
			return err
		}
		if err := v.callers(ctx, line, waiting); err != nil {
			return err
		}
		if err := v.seats(ctx, line, seats); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) callers(ctx context.Context, line agent.LineID, queued []telephony.Waiting) error {
	rows, err := v.q.WaitingCalls(ctx, null(line))
	if err != nil {
		return err
	}
	have := make(map[telephony.CallID]telephony.Waiting, len(queued))
	for _, w := range queued {
		have[w.Call] = w
	}
	var absent, moved []string
	for _, r := range rows {
		call := telephony.CallID(r.ID)
		switch w, there := have[call]; {
		case !there && !r.Offered:
			absent = append(absent, r.ID)
		case !there:
		case w.Seq != r.Seq || w.Priority != int(r.Priority):
			moved = append(moved, r.ID)
		}
		delete(have, call)
	}
	v.add("I13", "calls that wait in line "+string(line)+" and are not in its queue", absent)
	v.add("I6", "calls whose place in line "+string(line)+" is not their own", moved)
	v.add("I13", "calls in the queue of line "+string(line)+" that do not wait", texts(slices.Sorted(maps.Keys(have))))
	return nil
}

func (v *verifier) seats(ctx context.Context, line agent.LineID, queued []telephony.LineSeat) error {
	want, err := (&Store{q: v.q}).Seats(ctx, line)
	if err != nil {
		return err
	}
	have := make(map[agent.SeatID]telephony.LineSeat, len(queued))
	for _, s := range queued {
		have[s.Seat] = s
	}
	var wrong []string
	for _, s := range want {
		q, there := have[s.Seat]
		if !there || q.Person != s.Person || q.Open != s.Open || s.Open && !q.Since.Equal(s.Since) {
			wrong = append(wrong, string(s.Seat))
		}
		delete(have, s.Seat)
	}
	wrong = append(wrong, texts(slices.Collect(maps.Keys(have)))...)
	slices.Sort(wrong)
	v.add("I13", "seats of line "+string(line)+" that its queue shows otherwise than the rows", wrong)
	return nil
}

// exchange compares the rows with what exists in Asterisk.
func (v *verifier) exchange(ctx context.Context) error {
	if v.e.Snapshot == nil {
		return nil
	}
	rows, err := v.q.LiveLegs(ctx, string(telephony.LegOf("")))
	if err != nil {
		return err
	}
	exists := make(map[telephony.LegID]bool)
	for _, ch := range v.e.Snapshot.Channels {
		exists[ch.ID] = true
	}
	known, talks := make(map[telephony.LegID]bool), make(map[telephony.BridgeID]bool)
	var lost, strays, bridges []string
	for _, r := range rows {
		known[telephony.LegID(r.Channel)] = true
		for _, leg := range r.Legs {
			known[telephony.LegID(leg)] = true
		}
		talks[telephony.TalkBridge(telephony.CallID(r.Call))] = true
		if r.Channel != "" && !exists[telephony.LegID(r.Channel)] { // a call back has none before the citizen is rung
			lost = append(lost, r.Call)
		}
	}
	for _, ch := range v.e.Snapshot.Channels {
		if ch.InApp && !known[ch.ID] {
			strays = append(strays, string(ch.ID))
		}
	}
	for _, b := range v.e.Snapshot.Bridges {
		if strings.HasPrefix(string(b.ID), string(telephony.TalkBridge(""))) && !talks[b.ID] {
			bridges = append(bridges, string(b.ID))
		}
	}
	v.add("I14", "calls that go on without a channel", lost)
	v.add("I14", "channels of ours without a call", strays)
	v.add("I14", "talk bridges without a call", bridges)
	return nil
}

func texts[T cmp.Ordered](vs []T) []string {
	out := make([]string, len(vs))
	for i, v := range vs {
		out[i] = fmt.Sprint(v)
	}
	return out
}
