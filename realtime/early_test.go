package realtime_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/realtime"
	"hotline/realtime/factlog"
)

// commit appends facts in one transaction, and returns them with their positions; nobody is woken.
func (b *bundle) commit(t *testing.T, kind string, topics ...string) []factlog.Fact {
	t.Helper()
	facts := []factlog.Fact{{At: time.Now(), Kind: kind, Subject: "s", Topics: topics, Actor: "test"}}
	require.NoError(t, pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error { return factlog.Append(t.Context(), tx, facts...) }))
	return facts
}

// RH7: whoever waits for news of one seat hears it from the committer, before the log and once; a board hears it in the log's order. What
// was told early is no place to resume from until everything before it has been told: then the browser learns of it.
func TestTheSeatHearsEarlyAndOnce(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := setup(t, func(c *realtime.Config) {
		c.Facts = gatedLog{c.Facts, g, "pg_snapshot_xmin(pg_current_snapshot()) FROM fact", "\x00"}
	})
	t.Cleanup(g.release)
	seat, board := b.open(t, "A01", "", "seat:A01", "board"), b.open(t, "B02", "", "board")
	next(t, seat)
	next(t, board)
	g.shut.Store(true)
	<-g.entered // the log is not read for a while
	before := b.commit(t, "call.before", "board")
	offered := b.commit(t, "call.offered", "board", "seat:A01")
	b.hub.Early(before)
	b.hub.Early(offered)
	b.hub.Early(offered)
	early := next(t, seat)
	require.Equal(t, "call.offered", early.Kind)
	require.True(t, early.Early)
	require.Equal(t, offered[0].Position.String(), early.Position)

	g.release()
	b.signal.Wake()
	got := next(t, seat)
	require.Equal(t, "call.before", got.Kind)
	require.False(t, got.Early)
	for _, kind := range []string{"call.before", "call.offered"} {
		got := next(t, board)
		require.Equal(t, kind, got.Kind)
		require.False(t, got.Early)
	}
	b.hub.Early(offered) // a committer that comes after the log
	b.hub.Gauge("board", map[string]int{"waiting": 1})
	passed := next(t, seat)
	require.Equal(t, "passed", passed.Type)
	require.Equal(t, early.Position, passed.Position)
	require.Equal(t, "gauge", next(t, seat).Type)

	b.append(t, "call.after", "board")
	require.Equal(t, "call.after", next(t, seat).Kind)
}

// RH7, F20: a browser that is lost after an early fact resumes from before it, and misses nothing.
func TestWhatWasToldEarlyIsToldAgainAfterALoss(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := setup(t, func(c *realtime.Config) {
		c.Facts = gatedLog{c.Facts, g, "pg_snapshot_xmin(pg_current_snapshot()) FROM fact", "\x00"}
	})
	t.Cleanup(g.release)
	seat := b.open(t, "A01", b.head(t), "seat:A01", "board")
	since := next(t, seat).Position
	g.shut.Store(true)
	<-g.entered
	b.commit(t, "call.before", "board")
	b.hub.Early(b.commit(t, "call.offered", "board", "seat:A01"))
	require.True(t, next(t, seat).Early)
	_ = seat.Close()
	g.release()
	b.signal.Wake()
	again := b.open(t, "A01", since, "seat:A01", "board")
	require.True(t, next(t, again).Resumed)
	for _, kind := range []string{"call.before", "call.offered"} {
		got := next(t, again)
		require.Equal(t, kind, got.Kind)
		require.False(t, got.Early)
	}
}
