// Package line is the index of who waits in which line, in Redis: one Lua script per transition, so that each is atomic. It
// may be lost at any moment and is rebuilt from Postgres (F9); nothing is true because it stands here.
//
// A line is a sorted set of calls by priority band and order of arrival, never by a clock, so a caller who comes back has the
// old place (I6). A claim is a lease with an explicit end: a claimed caller whose claim ran out waits again. All keys of a
// line share one hash tag and so one slot of a cluster.
//
// It must not know what a call is beyond its id and place.
package line

import (
	"cmp"
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"hotline/agent"
	"hotline/telephony"
)

// How long the answer to a claim is remembered: longer than any client waits before it asks again.
const remember = time.Minute

// Places are whole numbers that a double holds exactly: the priority band above 49 bits of order of arrival.
const bandBits = 49

var (
	//go:embed join.lua
	joinSource string
	//go:embed leave.lua
	leaveSource string
	//go:embed claim.lua
	claimSource string
	//go:embed position.lua
	positionSource string
	//go:embed rebuild.lua
	rebuildSource string
)

// Index is the lines in one Redis.
type Index struct {
	rdb    *redis.Client
	prefix string

	join, leave, claim, position, rebuild *redis.Script
}

var _ telephony.Line = (*Index)(nil)

// New returns the index. A client that repeats commands by itself is refused: it would run a script twice (R6), so it must
// be made with MaxRetries -1.
func New(rdb *redis.Client, prefix string) (*Index, error) {
	if rdb.Options().MaxRetries > 0 {
		return nil, errors.New("line: the Redis client repeats commands: set MaxRetries to -1")
	}
	return &Index{
		rdb: rdb, prefix: prefix,
		join: redis.NewScript(joinSource), leave: redis.NewScript(leaveSource), claim: redis.NewScript(claimSource),
		position: redis.NewScript(positionSource), rebuild: redis.NewScript(rebuildSource),
	}, nil
}

// Join implements telephony.Line.
func (x *Index) Join(ctx context.Context, line agent.LineID, w telephony.Waiting) error {
	keys := []string{x.waiting(line), x.claims(line), x.places(line)}
	if err := x.join.Run(ctx, x.rdb, keys, string(w.Call), place(w)).Err(); err != nil {
		return fmt.Errorf("join line %s: %w", line, err)
	}
	return nil
}

// Leave implements telephony.Line.
func (x *Index) Leave(ctx context.Context, line agent.LineID, call telephony.CallID) error {
	keys := []string{x.waiting(line), x.claims(line), x.places(line)}
	if err := x.leave.Run(ctx, x.rdb, keys, string(call)).Err(); err != nil {
		return fmt.Errorf("leave line %s: %w", line, err)
	}
	return nil
}

// Claim implements telephony.Line. The claim ends with Join (back at the old place), with Leave, or when its time is over.
func (x *Index) Claim(ctx context.Context, line agent.LineID, request string, now, until time.Time) (telephony.CallID, bool, error) {
	keys := []string{x.waiting(line), x.claims(line), x.places(line), x.generation(line), x.answer(line, request)}
	call, err := x.claim.Run(ctx, x.rdb, keys, now.UnixMicro(), until.UnixMicro(), remember.Milliseconds()).Text()
	if errors.Is(err, redis.Nil) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("claim a caller of line %s: %w", line, err)
	}
	return telephony.CallID(call), true, nil
}

// Position implements telephony.Line.
func (x *Index) Position(ctx context.Context, line agent.LineID, call telephony.CallID) (int, bool, error) {
	ahead, err := x.position.Run(ctx, x.rdb, []string{x.places(line), x.waiting(line), x.claims(line)}, string(call)).Int()
	if errors.Is(err, redis.Nil) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("position in line %s: %w", line, err)
	}
	return ahead, true, nil
}

// List implements telephony.Line: everyone in the line, claimed or not, in order.
func (x *Index) List(ctx context.Context, line agent.LineID) ([]telephony.Waiting, error) {
	places, err := x.rdb.HGetAll(ctx, x.places(line)).Result()
	if err != nil {
		return nil, fmt.Errorf("list line %s: %w", line, err)
	}
	ws := make([]telephony.Waiting, 0, len(places))
	for call, score := range places {
		n, err := strconv.ParseInt(score, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("list line %s: place of call %s: %w", line, call, err)
		}
		ws = append(ws, telephony.Waiting{Call: telephony.CallID(call), Priority: int(n >> bandBits), Seq: n & (1<<bandBits - 1)})
	}
	slices.SortFunc(ws, func(a, b telephony.Waiting) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Call, b.Call))
	})
	return ws, nil
}

// Rebuild implements telephony.Line.
func (x *Index) Rebuild(ctx context.Context, line agent.LineID, ws []telephony.Waiting) error {
	args := make([]any, 0, 2*len(ws))
	for _, w := range ws {
		args = append(args, string(w.Call), place(w))
	}
	keys := []string{x.waiting(line), x.claims(line), x.places(line), x.generation(line)}
	if err := x.rebuild.Run(ctx, x.rdb, keys, args...).Err(); err != nil {
		return fmt.Errorf("rebuild line %s: %w", line, err)
	}
	return nil
}

func place(w telephony.Waiting) int64 { return int64(w.Priority)<<bandBits | w.Seq }

func (x *Index) waiting(line agent.LineID) string    { return x.key(line, "waiting") }
func (x *Index) claims(line agent.LineID) string     { return x.key(line, "claims") }
func (x *Index) places(line agent.LineID) string     { return x.key(line, "places") }
func (x *Index) generation(line agent.LineID) string { return x.key(line, "generation") }

func (x *Index) answer(line agent.LineID, request string) string {
	return x.key(line, "answer:"+request)
}

// key has the line in braces: the hash tag that keeps a line's keys in one slot.
func (x *Index) key(line agent.LineID, name string) string {
	return x.prefix + "line:{" + string(line) + "}:" + name
}
