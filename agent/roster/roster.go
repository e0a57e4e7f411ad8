// Package roster is the index of which seats are free, in Redis: one Lua script per transition, so that each is atomic. It
// may be lost at any moment and is rebuilt from Postgres; an offer counts only when Postgres took it.
//
// A seat is open when its person takes calls (agent.State.Open), busy while it is reserved or works. The agent service says
// open and closed, the call controller reserves and says idle; ready is what is open and not busy, ordered by the time since
// which it is idle. A reservation is a lease with an explicit end. All keys of a line share one hash tag.
//
// It must not know calls: a reservation names the request that made it, nothing else.
package roster

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"hotline/agent"
)

// How long the answer to a reservation is remembered: longer than any client waits before it asks again.
const remember = time.Minute

var (
	//go:embed open.lua
	openSource string
	//go:embed close.lua
	closeSource string
	//go:embed reserve.lua
	reserveSource string
	//go:embed idle.lua
	idleSource string
	//go:embed rebuild.lua
	rebuildSource string
	//go:embed list.lua
	listSource string
)

// Roster is the seats' index in one Redis. It is telephony's port Seats.
type Roster struct {
	rdb    *redis.Client
	prefix string

	open, shut, reserve, idle, rebuild, list *redis.Script
}

// New returns the roster. A client that repeats commands by itself is refused: it would run a script twice (R6), so it must
// be made with MaxRetries -1.
func New(rdb *redis.Client, prefix string) (*Roster, error) {
	if rdb.Options().MaxRetries > 0 {
		return nil, errors.New("roster: the Redis client repeats commands: set MaxRetries to -1")
	}
	return &Roster{
		rdb: rdb, prefix: prefix,
		open: redis.NewScript(openSource), shut: redis.NewScript(closeSource), reserve: redis.NewScript(reserveSource),
		idle: redis.NewScript(idleSource), rebuild: redis.NewScript(rebuildSource), list: redis.NewScript(listSource),
	}, nil
}

// Open says whether the person at a seat takes calls, and since when: the agent service calls it after every change of
// presence, intent or device. Work that goes on is not touched; zero time says that some does, should the index have lost it.
func (r *Roster) Open(ctx context.Context, line agent.LineID, seat agent.SeatID, open bool, since time.Time) error {
	var err error
	if open {
		err = r.open.Run(ctx, r.rdb, []string{r.opened(line), r.ready(line), r.busy(line)}, string(seat), micros(since)).Err()
	} else {
		err = r.shut.Run(ctx, r.rdb, []string{r.opened(line), r.ready(line)}, string(seat)).Err()
	}
	if err != nil {
		return fmt.Errorf("open seat %s of line %s (%t): %w", seat, line, open, err)
	}
	return nil
}

// Reserve takes the seat that is idle longest until then; false when none is ready. Until then is longer than any
// conversation, because the reservation also covers the work that follows; its end only mends what somebody forgot. A seat
// that Postgres refuses is not given back by Idle unless Postgres says that it is idle, or it would be the next again.
func (r *Roster) Reserve(ctx context.Context, line agent.LineID, request string, now, until time.Time) (agent.SeatID, bool, error) {
	keys := []string{r.opened(line), r.ready(line), r.busy(line), r.generation(line), r.answer(line, request)}
	seat, err := r.reserve.Run(ctx, r.rdb, keys, now.UnixMicro(), until.UnixMicro(), remember.Milliseconds()).Text()
	if errors.Is(err, redis.Nil) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("reserve a seat of line %s: %w", line, err)
	}
	return agent.SeatID(seat), true, nil
}

// Idle says that a seat's work is over since then, or gives a reservation back: ready again if its person takes calls.
func (r *Roster) Idle(ctx context.Context, line agent.LineID, seat agent.SeatID, since time.Time) error {
	keys := []string{r.opened(line), r.ready(line), r.busy(line)}
	if err := r.idle.Run(ctx, r.rdb, keys, string(seat), since.UnixMicro()).Err(); err != nil {
		return fmt.Errorf("free seat %s of line %s: %w", seat, line, err)
	}
	return nil
}

// Rebuild replaces what is known of a line: the open seats with the time since which each is idle; zero time: occupied.
func (r *Roster) Rebuild(ctx context.Context, line agent.LineID, open map[agent.SeatID]time.Time) error {
	args := make([]any, 0, 2*len(open))
	for seat, since := range open {
		args = append(args, string(seat), micros(since))
	}
	keys := []string{r.opened(line), r.ready(line), r.busy(line), r.generation(line)}
	if err := r.rebuild.Run(ctx, r.rdb, keys, args...).Err(); err != nil {
		return fmt.Errorf("rebuild the roster of line %s: %w", line, err)
	}
	return nil
}

// List gives what Rebuild takes: the open seats of a line with the time since which each is idle; zero time: reserved or
// occupied at that time.
func (r *Roster) List(ctx context.Context, line agent.LineID, now time.Time) (map[agent.SeatID]time.Time, error) {
	pairs, err := r.list.Run(ctx, r.rdb, []string{r.opened(line), r.busy(line)}, now.UnixMicro()).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("list the roster of line %s: %w", line, err)
	}
	open := make(map[agent.SeatID]time.Time, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		n, err := strconv.ParseInt(pairs[i+1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("list the roster of line %s: seat %s: %w", line, pairs[i], err)
		}
		since := time.Time{}
		if n != 0 {
			since = time.UnixMicro(n).UTC()
		}
		open[agent.SeatID(pairs[i])] = since
	}
	return open, nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func (r *Roster) opened(line agent.LineID) string     { return r.key(line, "open") }
func (r *Roster) ready(line agent.LineID) string      { return r.key(line, "ready") }
func (r *Roster) busy(line agent.LineID) string       { return r.key(line, "busy") }
func (r *Roster) generation(line agent.LineID) string { return r.key(line, "generation") }

func (r *Roster) answer(line agent.LineID, request string) string {
	return r.key(line, "answer:"+request)
}

// key has the line in braces: the hash tag that keeps a line's keys in one slot.
func (r *Roster) key(line agent.LineID, name string) string {
	return r.prefix + "roster:{" + string(line) + "}:" + name
}
