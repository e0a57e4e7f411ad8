package line_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/line"
)

// Random news, pairs, repeats and rebuilds give the same pairs and the same content as the rule itself (I13).
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, stories(t, t.Context()))
}

// FuzzModel : the same, in the orders that reach new code.
func FuzzModel(f *testing.F) {
	for seed := range byte(4) {
		bytes := make([]byte, 32<<10)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(bytes) // never fails
		f.Add(bytes)
	}
	story := stories(f, context.WithoutCancel(f.Context()))
	f.Fuzz(rapid.MakeFuzz(story))
}

// stories are each of a line of its own in a real Redis.
func stories(tb testing.TB, ctx context.Context) func(*rapid.T) { //nolint:revive // testing's TB comes first
	tb.Helper()
	rdb, prefix := pgtest.Redis(tb) //nolint:contextcheck // it clears up when ctx is over
	var runs atomic.Int64
	return func(t *rapid.T) {
		q, err := line.New(rdb, prefix+strconv.FormatInt(runs.Add(1), 10)+":")
		require.NoError(t, err)
		drive(t, ctx, q)
	}
}

func drive(rt *rapid.T, ctx context.Context, q *line.Queue) { //nolint:revive // rapid's T comes first, as testing's does
	m, now := newModel(), start()
	news := rapid.SliceOfN(rapid.Custom(anyNews), 0, 6)
	rt.Repeat(map[string]func(*rapid.T){
		"pair": func(t *rapid.T) {
			request := "r" + strconv.Itoa(len(m.answers)+rapid.IntRange(-2, 0).Draw(t, "again")) // one of the last two, or a new one
			told := news.Draw(t, "news")
			call, seat, ok, err := q.Pair(ctx, hall, told, request, now)
			require.NoError(t, err)
			want := m.pair(request, told, now)
			require.Equal(t, want.Call, call)
			require.Equal(t, want.Seat.Seat, seat)
			require.Equal(t, want.Call != "", ok)
		},
		"tell": func(t *rapid.T) {
			told := news.Draw(t, "news")
			require.NoError(t, q.Tell(ctx, hall, told))
			m.tell(told)
		},
		"rebuild": func(t *rapid.T) {
			if !rapid.Bool().Draw(t, "rarely") {
				return
			}
			fresh, told := newModel(), news.Draw(t, "news")
			fresh.tell(told)
			waiting, seats := fresh.list()
			require.NoError(t, q.Rebuild(ctx, hall, waiting, seats))
			m = fresh
		},
		"time": func(t *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(1, 15).Draw(t, "seconds")) * time.Second) },
		"": func(t *rapid.T) {
			waiting, seats, err := q.List(ctx, hall)
			require.NoError(t, err)
			wantWaiting, wantSeats := m.list()
			require.Equal(t, wantWaiting, append([]telephony.Waiting(nil), waiting...))
			require.Equal(t, wantSeats, append([]telephony.LineSeat(nil), seats...))
		},
	})
}

func anyNews(t *rapid.T) telephony.News {
	call := telephony.CallID("call-" + strconv.Itoa(rapid.IntRange(1, 8).Draw(t, "call")))
	seat := rapid.SampledFrom([]agent.SeatID{"A01", "A02", "A03", "A04"})
	person := rapid.SampledFrom([]agent.PersonID{"li", "wang"})
	switch rapid.IntRange(0, 7).Draw(t, "what") {
	case 0:
		return telephony.News{Left: call}
	case 1:
		return telephony.News{Gone: seat.Draw(t, "gone")}
	case 2, 3, 4:
		s := telephony.LineSeat{Seat: seat.Draw(t, "seat"), Person: person.Draw(t, "person"), Open: rapid.IntRange(0, 4).Draw(t, "open") > 0}
		if rapid.IntRange(0, 4).Draw(t, "idle") > 0 {
			s.Since = start().Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "since")) * time.Microsecond)
		}
		return sits(s)
	}
	n := rapid.IntRange(0, 5).Draw(t, "place")
	w := telephony.Waiting{
		Call: call, Priority: n % 2, Seq: int64(n), Prefer: rapid.SampledFrom([]agent.SeatID{"", "", "A01", "A03"}).Draw(t, "prefer"),
	}
	for range max(0, rapid.IntRange(-2, 4).Draw(t, "skips")) {
		w.Skips = append(w.Skips, telephony.Skip{
			Seat: seat.Draw(t, "skipped"), Person: person.Draw(t, "by"), Never: rapid.Bool().Draw(t, "never"),
			Until: start().Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "until")) * time.Second),
		})
	}
	return joined(w)
}
