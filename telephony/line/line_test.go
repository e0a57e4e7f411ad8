package line_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/line"
)

const hall agent.LineID = "session"

var start = time.Date(2026, 11, 26, 0, 30, 0, 0, time.UTC)

func setup(t *testing.T) (*line.Index, *redis.Client) {
	t.Helper()
	rdb, prefix := pgtest.Redis(t)
	x, err := line.New(rdb, prefix)
	require.NoError(t, err)
	return x, rdb
}

func waiting(n int) []telephony.Waiting {
	ws := make([]telephony.Waiting, n)
	for i := range ws {
		ws[i] = telephony.Waiting{Call: telephony.CallID(fmt.Sprintf("call-%d", i)), Seq: int64(i + 1)}
	}
	return ws
}

func TestOrderIsByPriorityThenArrival(t *testing.T) {
	t.Parallel()
	x, _ := setup(t)
	const big = 1<<49 - 1 // the last place of a band
	for _, w := range []telephony.Waiting{
		{Call: "d", Priority: 9, Seq: big}, {Call: "c", Priority: 9, Seq: big - 1}, {Call: "b", Priority: 0, Seq: big}, {Call: "a", Priority: 0, Seq: 1},
	} {
		require.NoError(t, x.Join(t.Context(), hall, w))
	}
	for i, want := range []telephony.CallID{"a", "b", "c", "d"} {
		ahead, ok, err := x.Position(t.Context(), hall, want)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, i, ahead, want)
	}
	for _, want := range []telephony.CallID{"a", "b", "c", "d"} {
		call, ok, err := x.Claim(t.Context(), hall, "r-"+string(want), start, start.Add(time.Second))
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, want, call)
	}
	ws, err := x.List(t.Context(), hall)
	require.NoError(t, err)
	require.Equal(t, telephony.Waiting{Call: "d", Priority: 9, Seq: big}, ws[3])
}

func TestRepeatedClaimTakesOne(t *testing.T) {
	t.Parallel()
	x, _ := setup(t)
	require.NoError(t, x.Rebuild(t.Context(), hall, waiting(3)))
	for range 3 { // R6: the answer was lost and the request comes again
		call, ok, err := x.Claim(t.Context(), hall, "request", start, start.Add(time.Second))
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, telephony.CallID("call-0"), call)
	}
	call, _, err := x.Claim(t.Context(), hall, "another", start, start.Add(time.Second))
	require.NoError(t, err)
	require.Equal(t, telephony.CallID("call-1"), call)
}

func TestF9EverythingLostIsRebuilt(t *testing.T) {
	t.Parallel()
	x, rdb := setup(t)
	ws := waiting(500)
	require.NoError(t, x.Rebuild(t.Context(), hall, ws))
	_, ok, err := x.Claim(t.Context(), hall, "before", start, start.Add(time.Hour))
	require.NoError(t, err)
	require.True(t, ok)

	lose(t, x, rdb, ws)
	_, ok, err = x.Claim(t.Context(), hall, "while empty", start, start.Add(time.Hour))
	require.NoError(t, err)
	require.False(t, ok)
	_, ok, err = x.Position(t.Context(), hall, "call-1")
	require.NoError(t, err)
	require.False(t, ok)

	require.NoError(t, x.Rebuild(t.Context(), hall, ws))
	got, err := x.List(t.Context(), hall)
	require.NoError(t, err)
	require.Equal(t, ws, got)
	call, ok, err := x.Claim(t.Context(), hall, "before", start, start.Add(time.Hour)) // its answer is void
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, telephony.CallID("call-0"), call)
}

// lose does what FLUSHALL does to this line, and flushes scripts, without harming the tests beside it.
func lose(t *testing.T, x *line.Index, rdb *redis.Client, ws []telephony.Waiting) {
	t.Helper()
	for _, w := range ws {
		require.NoError(t, x.Leave(t.Context(), hall, w.Call))
	}
	require.NoError(t, rdb.ScriptFlush(t.Context()).Err())
}

func TestClientThatRepeatsIsRefused(t *testing.T) {
	t.Parallel()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	_, err := line.New(rdb, "")
	require.ErrorContains(t, err, "MaxRetries")
}

// model is the line as anyone would write it without Redis.
type model struct {
	places  map[telephony.CallID]telephony.Waiting
	claims  map[telephony.CallID]time.Time
	answers map[string]telephony.CallID
}

func (m *model) order(include func(telephony.CallID) bool) []telephony.Waiting {
	ws := []telephony.Waiting{}
	for call, w := range m.places {
		if include(call) {
			ws = append(ws, w)
		}
	}
	slices.SortFunc(ws, func(a, b telephony.Waiting) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Seq, b.Seq))
	})
	return ws
}

func (m *model) all() []telephony.Waiting {
	return m.order(func(telephony.CallID) bool { return true })
}

func (m *model) claim(request string, now, until time.Time) (telephony.CallID, bool) {
	if call, again := m.answers[request]; again {
		return call, true
	}
	free := m.order(func(call telephony.CallID) bool {
		till, claimed := m.claims[call]
		return !claimed || !till.After(now)
	})
	for call, till := range m.claims {
		if !till.After(now) {
			delete(m.claims, call)
		}
	}
	if len(free) == 0 {
		return "", false
	}
	m.claims[free[0].Call], m.answers[request] = until, free[0].Call
	return free[0].Call, true
}

// Random operations give the same answers as the model (I13), in any order and with any repetition.
func TestModel(t *testing.T) {
	t.Parallel()
	rdb, prefix := pgtest.Redis(t)
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		x, err := line.New(rdb, prefix+strconv.Itoa(runs)+":")
		require.NoError(rt, err)
		drive(rt, t.Context(), x)
	})
}

func drive(rt *rapid.T, ctx context.Context, x *line.Index) { //nolint:revive // rapid's T comes first, as testing's does
	m := &model{places: map[telephony.CallID]telephony.Waiting{}, claims: map[telephony.CallID]time.Time{}, answers: map[string]telephony.CallID{}}
	now := start
	call := rapid.Custom(func(t *rapid.T) telephony.Waiting {
		n := rapid.IntRange(1, 12).Draw(t, "call")
		return telephony.Waiting{Call: telephony.CallID("call-" + strconv.Itoa(n)), Priority: n % 3, Seq: int64(100 - n)}
	})
	rt.Repeat(map[string]func(*rapid.T){
		"join": func(t *rapid.T) {
			w := call.Draw(t, "w")
			require.NoError(t, x.Join(ctx, hall, w))
			m.places[w.Call] = w
			delete(m.claims, w.Call)
		},
		"leave": func(t *rapid.T) {
			w := call.Draw(t, "w")
			require.NoError(t, x.Leave(ctx, hall, w.Call))
			delete(m.places, w.Call)
			delete(m.claims, w.Call)
		},
		"claim": func(t *rapid.T) {
			request := "r" + strconv.Itoa(rapid.IntRange(1, 8).Draw(t, "request"))
			until := now.Add(time.Duration(rapid.IntRange(1, 20).Draw(t, "lease")) * time.Second)
			got, ok, err := x.Claim(ctx, hall, request, now, until)
			require.NoError(t, err)
			want, wantOK := m.claim(request, now, until)
			require.Equal(t, wantOK, ok)
			require.Equal(t, want, got)
		},
		"position": func(t *rapid.T) {
			w := call.Draw(t, "w")
			ahead, ok, err := x.Position(ctx, hall, w.Call)
			require.NoError(t, err)
			want := slices.IndexFunc(m.all(), func(o telephony.Waiting) bool { return o.Call == w.Call })
			require.Equal(t, want >= 0, ok)
			require.Equal(t, max(want, 0), ahead)
		},
		"rebuild": func(t *rapid.T) {
			require.NoError(t, x.Rebuild(ctx, hall, m.all()))
			clear(m.claims)
			clear(m.answers)
		},
		"time": func(t *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(1, 15).Draw(t, "seconds")) * time.Second) },
		"": func(t *rapid.T) {
			ws, err := x.List(ctx, hall)
			require.NoError(t, err)
			require.Equal(t, m.all(), ws)
		},
	})
}
