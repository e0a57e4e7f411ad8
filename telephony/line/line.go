// Package line is the queue of each line in Redis: who waits, and which seats are idle, with one Lua script per transition, so
// that each is atomic. It proposes pairs by the rule of telephony.Line. It may be lost at any moment and is rebuilt (F9);
// nothing is true because it stands here.
//
// Callers are a sorted set by priority band and order of arrival, never by a clock, so one who comes back has the old place
// (I6); seats are a sorted set by the time since which they are idle. Who is taken leaves these sets but stays known, until
// news puts them back or removes them: nothing runs out by itself. All keys of a line share one hash tag and so one slot of a
// cluster.
//
// It must not know what a call is beyond its place and whom it may be offered to.
package line

import (
	"cmp"
	"context"
	_ "embed" // the scripts
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"hotline/agent"
	"hotline/telephony"
)

// How long the answer to a request is remembered: longer than any client waits before it asks again.
const remember = 5 * time.Second

// Places are whole numbers that a double holds exactly: the priority band above 49 bits of order of arrival.
const bandBits = 49

var (
	//go:embed news.lua
	newsSource string
	//go:embed pair.lua
	pairSource string
	//go:embed tell.lua
	tellSource string
	//go:embed rebuild.lua
	rebuildSource string
)

// Queue is the lines in one Redis.
type Queue struct {
	rdb    *redis.Client
	prefix string

	pair, tell, rebuild *redis.Script

	mu   sync.Mutex // guards all below
	run  string     // of Redis, when it was asked last
	beat int64      // the answer then
}

// New returns the queue. A client that repeats commands by itself is refused: it would run a script twice (R6), so it must
// be made with MaxRetries -1.
func New(rdb *redis.Client, prefix string) (*Queue, error) {
	if rdb.Options().MaxRetries > 0 {
		return nil, errors.New("line: the Redis client repeats commands: set MaxRetries to -1")
	}
	return &Queue{
		rdb: rdb, prefix: prefix,
		pair: redis.NewScript(newsSource + pairSource), tell: redis.NewScript(newsSource + tellSource),
		rebuild: redis.NewScript(newsSource + rebuildSource),
	}, nil
}

// Pair takes over what has changed and takes the next pair, in one round trip; false when there is none. The caller waits no
// more and the seat is not idle until news says so. The same request gets the same answer (R6).
func (q *Queue) Pair(
	ctx context.Context, line agent.LineID, news []telephony.News, request string, now time.Time,
) (telephony.CallID, agent.SeatID, bool, error) {
	args := arguments(news, now.UnixMicro(), remember.Milliseconds(), telephony.SkipPatience.Microseconds())
	keys := append(q.content(line), q.generation(line), q.answer(line, request))
	pair, err := q.pair.Run(ctx, q.rdb, keys, args...).StringSlice()
	switch {
	case errors.Is(err, redis.Nil):
		return "", "", false, nil
	case err != nil:
		return "", "", false, fmt.Errorf("pair of line %s: %w", line, err)
	case len(pair) != 2:
		return "", "", false, fmt.Errorf("pair of line %s: answer %q", line, pair)
	}
	return telephony.CallID(pair[0]), agent.SeatID(pair[1]), true, nil
}

// Tell takes over what has changed.
func (q *Queue) Tell(ctx context.Context, line agent.LineID, news []telephony.News) error {
	if err := q.tell.Run(ctx, q.rdb, q.content(line), arguments(news)...).Err(); err != nil {
		return fmt.Errorf("tell line %s: %w", line, err)
	}
	return nil
}

// Rebuild replaces the content of a line; answers given before are void.
func (q *Queue) Rebuild(ctx context.Context, line agent.LineID, waiting []telephony.Waiting, seats []telephony.LineSeat) error {
	news := make([]telephony.News, 0, len(waiting)+len(seats))
	for i := range waiting {
		news = append(news, telephony.News{Joined: &waiting[i]})
	}
	for i := range seats {
		news = append(news, telephony.News{Seat: &seats[i]})
	}
	if err := q.rebuild.Run(ctx, q.rdb, append(q.content(line), q.generation(line)), arguments(news)...).Err(); err != nil {
		return fmt.Errorf("rebuild line %s: %w", line, err)
	}
	return nil
}

// Whole says whether this Redis has kept all that it was told since it was asked last; false when it is asked for the first time.
// Each asking writes one number more, so that it also tells a Redis that takes no writes (F28); another number, or another run,
// means that Redis was emptied, restarted (who loses its last second then says nothing), or replaced by a replica (F8, F9, F11).
func (q *Queue) Whole(ctx context.Context) (bool, error) {
	var beat *redis.IntCmd
	var info *redis.InfoCmd
	_, err := q.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		beat, info = p.Incr(ctx, q.prefix+"beat"), p.InfoMap(ctx, "server")
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("ask Redis for its beat: %w", err)
	}
	run := info.Item("Server", "run_id")
	q.mu.Lock()
	defer q.mu.Unlock()
	whole := run == q.run && beat.Val() == q.beat+1
	q.run, q.beat = run, beat.Val()
	return whole, nil
}

// List gives everyone in a line, callers who are taken too, and every seat with somebody there as far as the queue knows it:
// its person, whether that person takes calls, and the time since which it may be rung, zero when it may not.
func (q *Queue) List(ctx context.Context, line agent.LineID) ([]telephony.Waiting, []telephony.LineSeat, error) {
	var callers, people *redis.MapStringStringCmd
	var idle *redis.ZSliceCmd
	_, err := q.rdb.TxPipelined(ctx, func(p redis.Pipeliner) error {
		callers, people = p.HGetAll(ctx, q.callers(line)), p.HGetAll(ctx, q.seats(line))
		idle = p.ZRangeWithScores(ctx, q.idle(line), 0, -1)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list line %s: %w", line, err)
	}
	waiting := make([]telephony.Waiting, 0, len(callers.Val()))
	for call, text := range callers.Val() {
		var c caller
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			return nil, nil, fmt.Errorf("list line %s: call %s: %w", line, call, err)
		}
		waiting = append(waiting, c.waiting(telephony.CallID(call)))
	}
	slices.SortFunc(waiting, func(a, b telephony.Waiting) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Call, b.Call))
	})
	since := make(map[string]time.Time, len(idle.Val()))
	for _, z := range idle.Val() {
		seat, _ := z.Member.(string) // all members are strings
		since[seat] = instant(int64(z.Score))
	}
	seats := make([]telephony.LineSeat, 0, len(people.Val()))
	for seat, text := range people.Val() {
		takes, person, _ := strings.Cut(text, ":")
		seats = append(seats, telephony.LineSeat{
			Seat: agent.SeatID(seat), Person: agent.PersonID(person), Open: takes == open, Since: since[seat],
		})
	}
	slices.SortFunc(seats, func(a, b telephony.LineSeat) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Seat, b.Seat))
	})
	return waiting, seats, nil
}

func (q *Queue) content(line agent.LineID) []string {
	return []string{q.waiting(line), q.callers(line), q.idle(line), q.seats(line)}
}

func (q *Queue) waiting(line agent.LineID) string    { return q.key(line, "waiting") }
func (q *Queue) callers(line agent.LineID) string    { return q.key(line, "callers") }
func (q *Queue) idle(line agent.LineID) string       { return q.key(line, "idle") }
func (q *Queue) seats(line agent.LineID) string      { return q.key(line, "seats") }
func (q *Queue) generation(line agent.LineID) string { return q.key(line, "generation") }

func (q *Queue) answer(line agent.LineID, request string) string {
	return q.key(line, "answer:"+request)
}

// key has the line in braces: the hash tag that keeps a line's keys in one slot.
func (q *Queue) key(line agent.LineID, name string) string {
	return q.prefix + "line:{" + string(line) + "}:" + name
}
