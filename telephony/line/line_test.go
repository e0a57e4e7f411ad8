package line_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/line"
)

const hall agent.LineID = "session"

func start() time.Time { return time.Date(2026, 11, 26, 0, 30, 0, 0, time.UTC) }

// bundle is a queue of one test, and the Redis it is in.
type bundle struct {
	*line.Queue

	rdb    *redis.Client
	prefix string
}

func setup(tb testing.TB) bundle {
	tb.Helper()
	rdb, prefix := pgtest.Redis(tb)
	q, err := line.New(rdb, prefix)
	require.NoError(tb, err)
	return bundle{Queue: q, rdb: rdb, prefix: prefix}
}

// pair asks once: "call seat", or nothing.
func (b bundle) pair(tb testing.TB, request string, news ...telephony.News) string {
	tb.Helper()
	call, seat, ok, err := b.Pair(context.WithoutCancel(tb.Context()), hall, news, request, start())
	require.NoError(tb, err)
	if !ok {
		require.Empty(tb, string(call)+string(seat))
		return ""
	}
	return string(call) + " " + string(seat)
}

// lose does what FLUSHALL does to this line, and flushes scripts, without harming the tests beside it.
func (b bundle) lose(t *testing.T) {
	t.Helper()
	keys, err := b.rdb.Keys(t.Context(), b.prefix+"*").Result()
	require.NoError(t, err)
	require.NoError(t, b.rdb.Del(t.Context(), keys...).Err())
	require.NoError(t, b.rdb.ScriptFlush(t.Context()).Err())
}

func callers(n int) []telephony.Waiting {
	ws := make([]telephony.Waiting, n)
	for i := range ws {
		ws[i] = telephony.Waiting{Call: telephony.CallID(fmt.Sprintf("call-%d", i)), Seq: int64(i + 1)}
	}
	return ws
}

// seats gives open seats; the first is idle longest.
func seats(n int) []telephony.LineSeat {
	all := make([]telephony.LineSeat, n)
	for i := range all {
		id := fmt.Sprintf("A%02d", i+1)
		all[i] = telephony.LineSeat{
			Seat: agent.SeatID(id), Person: agent.PersonID("person-" + id), Open: true, Since: start().Add(time.Duration(i) * time.Microsecond),
		}
	}
	return all
}

func joined(w telephony.Waiting) telephony.News { return telephony.News{Joined: &w} }
func sits(s telephony.LineSeat) telephony.News  { return telephony.News{Seat: &s} }

func TestOrderIsByPriorityThenArrival(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const big = 1<<49 - 1 // the last place of a band
	ws := []telephony.Waiting{
		{Call: "a", Priority: 9, Seq: big}, {Call: "b", Priority: 9, Seq: big - 1}, {Call: "c", Priority: 0, Seq: big}, {Call: "d", Priority: 0, Seq: 1},
	}
	require.NoError(t, b.Rebuild(t.Context(), hall, ws, seats(4)))
	for i, want := range []string{"d A01", "c A02", "b A03", "a A04", ""} {
		require.Equal(t, want, b.pair(t, strconv.Itoa(i)))
	}
	waiting, _, err := b.List(t.Context(), hall)
	require.NoError(t, err)
	slices.Reverse(ws)
	require.Equal(t, ws, waiting, "who is taken is still in the line")
}

func TestRepeatedRequestTakesOne(t *testing.T) { // R6
	t.Parallel()
	b := setup(t)
	ws, all := callers(3), seats(3)
	require.NoError(t, b.Rebuild(t.Context(), hall, ws[:2], all[:2]))
	for range 3 { // the answer was lost and the request comes again
		require.Equal(t, "call-0 A01", b.pair(t, "request", telephony.News{Left: "call-9"}))
	}
	require.Equal(t, "call-1 A02", b.pair(t, "another"))
	require.Empty(t, b.pair(t, "late"))
	require.Empty(t, b.pair(t, "late", joined(ws[2]), sits(all[2])), "no pair is an answer too, and news of a request count once")
	require.Equal(t, "call-2 A03", b.pair(t, "next", joined(ws[2]), sits(all[2])))

	ttl, err := b.rdb.PTTL(t.Context(), b.prefix+"line:{session}:answer:late").Result()
	require.NoError(t, err)
	require.Greater(t, ttl, time.Duration(0))
	require.LessOrEqual(t, ttl, 5*time.Second, "no longer than it may be asked for")
}

func TestF9EverythingLostIsRebuilt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ws, all := callers(500), seats(20)
	require.NoError(t, b.Rebuild(t.Context(), hall, ws, all))
	require.Equal(t, "call-0 A01", b.pair(t, "before"))

	b.lose(t)
	require.Empty(t, b.pair(t, "while empty"))
	waiting, known, err := b.List(t.Context(), hall)
	require.NoError(t, err)
	require.Empty(t, waiting)
	require.Empty(t, known)

	ws, all = ws[1:], all[1:]
	require.NoError(t, b.Rebuild(t.Context(), hall, ws, all))
	waiting, known, err = b.List(t.Context(), hall)
	require.NoError(t, err)
	require.Equal(t, ws, waiting)
	require.Equal(t, all, known)
	require.Equal(t, "call-1 A02", b.pair(t, "before"), "its old answer is void")
}

func TestRebuildVoidsAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.NoError(t, b.Rebuild(t.Context(), hall, callers(2), seats(2)))
	require.Equal(t, "call-0 A01", b.pair(t, "request"))
	require.NoError(t, b.Rebuild(t.Context(), hall, callers(2)[1:], seats(2)[1:]))
	require.Equal(t, "call-1 A02", b.pair(t, "request"))
	require.NoError(t, b.Rebuild(t.Context(), hall, nil, nil))
	require.Empty(t, b.pair(t, "request"))
	require.Empty(t, b.pair(t, "request"))
}

func TestRecusalOutlastsAMissOfTheSameSeat(t *testing.T) { // RU4
	t.Parallel()
	b := setup(t)
	ws, all := callers(1), seats(1)
	ws[0].Skips = []telephony.Skip{{Seat: "A01", Until: start().Add(-time.Hour)}, {Seat: "A01", Person: all[0].Person, Never: true}}
	require.NoError(t, b.Rebuild(t.Context(), hall, ws, all))
	require.Empty(t, b.pair(t, "1"))
	slices.Reverse(ws[0].Skips)
	require.Empty(t, b.pair(t, "2", joined(ws[0])))
	all[0].Person = "somebody else"
	require.Equal(t, "call-0 A01", b.pair(t, "3", sits(all[0])))
}

func TestListGivesBackWhatItWasTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	until := start().Add(123456789 * time.Microsecond)
	w := telephony.Waiting{Call: "a", Priority: 2, Seq: 7, Prefer: "A02", Skips: []telephony.Skip{
		{Seat: "A01", Person: "p", Until: until}, {Seat: `"A':[]<`, Person: "p:q", Never: true},
	}}
	s := telephony.LineSeat{Seat: "A01", Person: "p:q", Open: true, Since: until}
	shut := telephony.LineSeat{Seat: "A02", Person: "r", Since: until}
	require.NoError(t, b.Tell(t.Context(), hall, []telephony.News{joined(w), sits(s), sits(shut), {}}))
	shut.Since = time.Time{}
	waiting, known, err := b.List(t.Context(), hall)
	require.NoError(t, err)
	require.Equal(t, []telephony.Waiting{w}, waiting)
	require.Equal(t, []telephony.LineSeat{shut, s}, known)

	require.NoError(t, b.Tell(t.Context(), hall, []telephony.News{{Left: "a"}, {Gone: "A01"}, {Gone: "A02"}}))
	waiting, known, err = b.List(t.Context(), hall)
	require.NoError(t, err)
	require.Empty(t, waiting)
	require.Empty(t, known)
}

func TestClientThatRepeatsIsRefused(t *testing.T) {
	t.Parallel()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	_, err := line.New(rdb, "")
	require.ErrorContains(t, err, "MaxRetries")
}

// BenchmarkPair is one pair of a full hall: 1,000 wait, 20 seats, and the news are those of a call that ended. Who was skipped
// was so by three seats, of which one is idle again.
func BenchmarkPair(b *testing.B) {
	for _, c := range []struct {
		name    string
		skipped int // of those who wait, from the head
	}{{"nobody skipped", 0}, {"50 skipped", 50}, {"everybody skipped", 1000}} {
		b.Run(c.name, func(b *testing.B) { benchmarkPair(b, c.skipped) })
	}
}

func benchmarkPair(b *testing.B, skipped int) {
	b.Helper()
	q, ws, all := setup(b), callers(1000), seats(20)
	idle := sits(seats(1)[0])
	for i := range skipped {
		for _, s := range all[:3] {
			ws[i].Skips = append(ws[i].Skips, telephony.Skip{Seat: s.Seat, Person: s.Person, Until: start()})
		}
	}
	for i := range all {
		all[i].Since = time.Time{}
	}
	require.NoError(b, q.Rebuild(b.Context(), hall, ws, all))
	news, n := []telephony.News{idle}, 0
	for b.Loop() {
		n++
		call, _, ok, err := q.Pair(b.Context(), hall, news, strconv.Itoa(n), start())
		if err != nil || ok != (skipped < len(ws)) {
			b.Fatal(call, ok, err)
		}
		news = []telephony.News{idle}
		if ok { // the citizen has gone, and another comes to the end of the line
			w := telephony.Waiting{Call: telephony.CallID("new-" + strconv.Itoa(n)), Seq: int64(len(ws) + n)}
			news = append(news, telephony.News{Left: call}, joined(w))
		}
	}
}

// model is the queue as it should be: the rule itself, and who is known.
type model struct {
	rule    *telephony.Line
	callers map[telephony.CallID]telephony.Waiting
	seats   map[agent.SeatID]telephony.LineSeat
	answers map[string]telephony.Pair // without a call: there was none
}

func newModel() *model {
	return &model{
		rule: telephony.NewLine(), callers: map[telephony.CallID]telephony.Waiting{},
		seats: map[agent.SeatID]telephony.LineSeat{}, answers: map[string]telephony.Pair{},
	}
}

func (m *model) tell(news []telephony.News) {
	for _, n := range news {
		switch {
		case n.Joined != nil:
			m.rule.Join(*n.Joined)
			m.callers[n.Joined.Call] = *n.Joined
		case n.Left != "":
			m.rule.Leave(n.Left)
			delete(m.callers, n.Left)
		case n.Seat != nil:
			m.rule.Put(*n.Seat)
			m.seats[n.Seat.Seat] = *n.Seat
		case n.Gone != "":
			m.rule.Remove(n.Gone)
			delete(m.seats, n.Gone)
		}
	}
}

func (m *model) pair(request string, news []telephony.News, now time.Time) telephony.Pair {
	if p, again := m.answers[request]; again {
		return p
	}
	m.tell(news)
	p, ok := m.rule.Next(now)
	if ok {
		m.rule.Take(p)
		s := m.seats[p.Seat.Seat]
		s.Since = time.Time{}
		m.seats[s.Seat] = s
	}
	m.answers[request] = p
	return p
}

func (m *model) list() ([]telephony.Waiting, []telephony.LineSeat) {
	waiting := slices.Collect(maps.Values(m.callers))
	slices.SortFunc(waiting, func(a, b telephony.Waiting) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Call, b.Call))
	})
	known := slices.Collect(maps.Values(m.seats))
	for i, s := range known {
		if !s.Open {
			known[i].Since = time.Time{}
		}
	}
	slices.SortFunc(known, func(a, b telephony.LineSeat) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Seat, b.Seat))
	})
	return waiting, known
}
