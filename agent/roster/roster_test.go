package roster_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/agent"
	"hotline/agent/roster"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
)

var _ telephony.Seats = (*roster.Roster)(nil)

const hall agent.LineID = "session"

var start = time.Date(2026, 11, 26, 0, 30, 0, 0, time.UTC)

func setup(t *testing.T) *roster.Roster {
	t.Helper()
	r, err := roster.New(pgtest.Redis(t))
	require.NoError(t, err)
	return r
}

func reserve(t *testing.T, r *roster.Roster, request string, now time.Time) agent.SeatID {
	t.Helper()
	seat, ok, err := r.Reserve(t.Context(), hall, request, now, now.Add(time.Second))
	require.NoError(t, err)
	require.Equal(t, seat != "", ok)
	return seat
}

func TestLongestIdleFirst(t *testing.T) {
	t.Parallel()
	r := setup(t)
	for i, seat := range []agent.SeatID{"A03", "A01", "A02"} {
		require.NoError(t, r.Open(t.Context(), hall, seat, true, start.Add(time.Duration(i)*time.Microsecond)))
	}
	require.Equal(t, agent.SeatID("A03"), reserve(t, r, "1", start))
	require.Equal(t, agent.SeatID("A01"), reserve(t, r, "2", start))
	require.NoError(t, r.Idle(t.Context(), hall, "A03", start.Add(time.Second)))
	require.Equal(t, agent.SeatID("A02"), reserve(t, r, "3", start))
	require.Equal(t, agent.SeatID("A03"), reserve(t, r, "4", start))
	require.Empty(t, reserve(t, r, "5", start))
	require.Equal(t, agent.SeatID("A03"), reserve(t, r, "1", start), "a repeated request has its old answer (R6)")
}

// F9: the index has lost that the seat is in a call; news of its telephone must not make it free.
func TestOccupiedSeatIsNotReadyBeforeItsWorkIsOver(t *testing.T) {
	t.Parallel()
	r := setup(t)
	require.NoError(t, r.Open(t.Context(), hall, "A01", true, time.Time{}))
	require.Empty(t, reserve(t, r, "1", start))
	require.NoError(t, r.Idle(t.Context(), hall, "A01", start))
	require.NoError(t, r.Open(t.Context(), hall, "A01", true, time.Time{}), "told late")
	require.Equal(t, agent.SeatID("A01"), reserve(t, r, "2", start))
}

func TestReservationRunsOutButKnownWorkDoesNot(t *testing.T) {
	t.Parallel()
	r := setup(t)
	require.NoError(t, r.Rebuild(t.Context(), hall, map[agent.SeatID]time.Time{"A01": start, "A02": start.Add(1 * time.Second), "A03": {}}))
	require.Equal(t, agent.SeatID("A01"), reserve(t, r, "1", start))
	require.Equal(t, agent.SeatID("A02"), reserve(t, r, "2", start))
	require.NoError(t, r.Idle(t.Context(), hall, "A02", start.Add(2*time.Second)))
	later := start.Add(time.Hour)
	require.Equal(t, agent.SeatID("A01"), reserve(t, r, "3", later))
	require.Equal(t, agent.SeatID("A02"), reserve(t, r, "3b", later))
	require.Empty(t, reserve(t, r, "4", later))
	require.NoError(t, r.Idle(t.Context(), hall, "A03", later))
	require.Equal(t, agent.SeatID("A03"), reserve(t, r, "5", later))
}

func TestSeatThatClosedWhileReservedStaysAway(t *testing.T) {
	t.Parallel()
	r := setup(t)
	require.NoError(t, r.Open(t.Context(), hall, "A01", true, start))
	require.Equal(t, agent.SeatID("A01"), reserve(t, r, "1", start))
	require.NoError(t, r.Open(t.Context(), hall, "A01", false, start))
	require.NoError(t, r.Idle(t.Context(), hall, "A01", start))
	require.Empty(t, reserve(t, r, "2", start.Add(time.Hour)))
	require.NoError(t, r.Open(t.Context(), hall, "A01", true, start))
	require.Equal(t, agent.SeatID("A01"), reserve(t, r, "3", start.Add(time.Hour)))
}

func TestClientThatRepeatsIsRefused(t *testing.T) {
	t.Parallel()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { require.NoError(t, rdb.Close()) })
	_, err := roster.New(rdb, "")
	require.ErrorContains(t, err, "MaxRetries")
}

// model is the roster as anyone would write it without Redis.
type model struct {
	open    map[agent.SeatID]time.Time
	busy    map[agent.SeatID]time.Time
	answers map[string]agent.SeatID
}

var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func (m *model) reserve(request string, now, until time.Time) (agent.SeatID, bool) {
	if seat, again := m.answers[request]; again {
		return seat, true
	}
	var first agent.SeatID
	for seat, since := range m.open {
		if till, busy := m.busy[seat]; busy && till.After(now) {
			continue
		}
		if first == "" || since.Before(m.open[first]) || since.Equal(m.open[first]) && seat < first {
			first = seat
		}
	}
	for seat, till := range m.busy {
		if !till.After(now) {
			delete(m.busy, seat)
		}
	}
	if first == "" {
		return "", false
	}
	m.busy[first], m.answers[request] = until, first
	return first, true
}

func (m *model) list(now time.Time) map[agent.SeatID]time.Time {
	out := map[agent.SeatID]time.Time{}
	for seat, since := range m.open {
		if till, busy := m.busy[seat]; busy && till.After(now) {
			since = time.Time{}
		}
		out[seat] = since
	}
	return out
}

// Random operations give the same answers as the model (I13), in any order and with any repetition.
func TestModel(t *testing.T) {
	t.Parallel()
	rdb, prefix := pgtest.Redis(t)
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		r, err := roster.New(rdb, prefix+strconv.Itoa(runs)+":")
		require.NoError(rt, err)
		drive(rt, t.Context(), r)
	})
}

func drive(rt *rapid.T, ctx context.Context, r *roster.Roster) { //nolint:revive // rapid's T comes first, as testing's does
	m := &model{open: map[agent.SeatID]time.Time{}, busy: map[agent.SeatID]time.Time{}, answers: map[string]agent.SeatID{}}
	now := start
	seats := rapid.Map(rapid.IntRange(1, 6), func(n int) agent.SeatID { return agent.SeatID(fmt.Sprintf("A%02d", n)) })
	since := rapid.Map(rapid.IntRange(1, 9), func(n int) time.Time { return start.Add(time.Duration(n) * time.Microsecond) })
	rt.Repeat(map[string]func(*rapid.T){
		"open": func(t *rapid.T) {
			seat, at := seats.Draw(t, "seat"), since.Draw(t, "since")
			require.NoError(t, r.Open(ctx, hall, seat, true, at))
			m.open[seat] = at
		},
		"close": func(t *rapid.T) {
			seat := seats.Draw(t, "seat")
			require.NoError(t, r.Open(ctx, hall, seat, false, now))
			delete(m.open, seat)
		},
		"reserve": func(t *rapid.T) {
			request := strconv.Itoa(rapid.IntRange(1, 8).Draw(t, "request"))
			until := now.Add(time.Duration(rapid.IntRange(1, 20).Draw(t, "lease")) * time.Second)
			got, ok, err := r.Reserve(ctx, hall, request, now, until)
			require.NoError(t, err)
			want, wantOK := m.reserve(request, now, until)
			require.Equal(t, wantOK, ok)
			require.Equal(t, want, got)
		},
		"idle": func(t *rapid.T) {
			seat, at := seats.Draw(t, "seat"), since.Draw(t, "since")
			require.NoError(t, r.Idle(ctx, hall, seat, at))
			delete(m.busy, seat)
			if _, open := m.open[seat]; open {
				m.open[seat] = at
			}
		},
		"rebuild": func(t *rapid.T) {
			truth := m.list(now)
			require.NoError(t, r.Rebuild(ctx, hall, truth))
			m.open, m.busy, m.answers = truth, map[agent.SeatID]time.Time{}, map[string]agent.SeatID{}
			for seat, at := range truth {
				if at.IsZero() {
					m.busy[seat] = never
				}
			}
		},
		"time": func(t *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(1, 15).Draw(t, "seconds")) * time.Second) },
		"": func(t *rapid.T) {
			got, err := r.List(ctx, hall, now)
			require.NoError(t, err)
			require.Equal(t, m.list(now), got)
		},
	})
}
