package factlog_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations/pgtest"
	"hotline/realtime/factlog"
)

// Polling is the guarantee, fast or slow as wakes may be lost or not (reliability.md 2.2).
func TestFeedPollsAsItHearsWakes(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]factlog.Following{
		"wakes may be lost":   {Poll: 10 * time.Millisecond, Idle: time.Hour},
		"all wakes are heard": {Poll: time.Hour, Idle: 10 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t)
			f.Signal = factlog.NewSignal()
			f.Signal.Hears(f.Poll == time.Hour)
			log := feed(t, pool, f)
			from, err := log.Begin(t.Context())
			require.NoError(t, err)
			require.NoError(t, appendOne(t.Context(), pool, "call.k", "1"))
			within, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			follow(within, t, log, from, func(factlog.Fact) bool { return true })
		})
	}
}

// A change of what is heard is looked at once, for wakes may have been lost before it.
func TestFeedLooksWhenLessIsHeard(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	signal := factlog.NewSignal()
	signal.Hears(true)
	log := feed(t, pool, factlog.Following{Signal: signal, Poll: 10 * time.Millisecond, Idle: time.Hour})
	from, err := log.Begin(t.Context())
	require.NoError(t, err)
	require.NoError(t, appendOne(t.Context(), pool, "call.k", "1"))
	signal.Hears(false)
	within, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	follow(within, t, log, from, func(factlog.Fact) bool { return true })
}

// What an older transaction holds back is known to be there, and read soon after that has ended though nobody wakes the feed again.
func TestFeedLooksAgainWhileHeld(t *testing.T) {
	t.Parallel()
	pool, count := pgtest.Counted(t, pgtest.New(t))
	signal := factlog.NewSignal()
	log := feed(t, pool, factlog.Following{Signal: signal, Poll: time.Hour})
	from, err := log.Begin(t.Context())
	require.NoError(t, err)
	older, err := pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = older.Rollback(context.WithoutCancel(t.Context())) }) // again, when all went well
	_, err = older.Exec(t.Context(), `SELECT pg_current_xact_id()`)
	require.NoError(t, err)
	require.NoError(t, appendOne(t.Context(), pool, "call.k", "1"))
	before := count.Matching("FROM fact")
	require.Eventually(t, func() bool {
		signal.Wake() // a look that was under way came before the fact
		return count.Matching("FROM fact") > before+1
	}, 20*time.Second, 10*time.Millisecond)
	require.NoError(t, older.Rollback(t.Context()))
	within, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	follow(within, t, log, from, func(factlog.Fact) bool { return true })
}

// RH6: memory holds the newest facts alone; who is further behind reads the log.
func TestFeedKeepsTheNewestAlone(t *testing.T) {
	t.Parallel()
	writer := pgtest.New(t)
	pool, count := pgtest.Counted(t, writer)
	log := feed(t, pool, factlog.Following{Poll: 10 * time.Millisecond, Keep: 2, Page: 1})
	from, err := log.Begin(t.Context())
	require.NoError(t, err)
	const n = 10
	for i := range n {
		require.NoError(t, appendOne(t.Context(), writer, "call.k", strconv.Itoa(i)))
	}
	last := func(f factlog.Fact) bool { return f.Subject == strconv.Itoa(n-1) }
	within, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	follow(within, t, log, from, last) // the feed has read them all
	count.Take()
	follow(within, t, log, from, last)
	require.Positive(t, count.Matching("(xid, id) <= "))
}
