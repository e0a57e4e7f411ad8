package realtime_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/realtime"
	"hotline/realtime/factlog"
)

// holdBack keeps the log's readers from whatever is written from now on, until it is let go.
func (b *bundle) holdBack(t *testing.T) func() {
	t.Helper()
	tx, err := b.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `SELECT pg_current_xact_id()`)
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }) // again, when all went well
	return func() {
		require.NoError(t, tx.Rollback(t.Context()))
		b.signal.Wake()
	}
}

// RH7: what is told early while the log is held back is bounded; the rest comes in its turn, each once, and what has been passed makes
// room again.
func TestEarlyFactsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	c := b.open(t, "A01", "", "seat:A01", "board")
	next(t, c)
	const most, all = 256, 300
	for range 2 {
		letGo := b.holdBack(t)
		facts := make([]factlog.Fact, all)
		for i := range facts {
			facts[i] = factlog.Fact{At: time.Now(), Kind: "call.k", Subject: "s", Topics: []string{"seat:A01"}, Actor: "test"}
		}
		require.NoError(t, pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error { return factlog.Append(t.Context(), tx, facts...) }))
		b.hub.Early(facts)
		for i, f := range facts {
			if i == most {
				letGo()
			}
			m := next(t, c)
			require.Equal(t, f.Position.String(), m.Position)
			require.Equal(t, i < most, m.Early)
			if i == most-1 {
				b.hub.Gauge("board", map[string]int{})
				require.Equal(t, "gauge", next(t, c).Type, "nothing has been passed yet")
			}
		}
		b.hub.Gauge("board", map[string]int{})
		require.Equal(t, "gauge", next(t, c).Type, "the last fact has said what has been passed")
	}
}

// F20: to a browser that is just coming back nothing is early: hello comes first, then everything in its turn, and once.
func TestNothingIsEarlyBeforeTheHello(t *testing.T) {
	t.Parallel()
	g := newGate()
	b := setup(t, func(c *realtime.Config) { c.Facts = gatedLog{c.Facts, g, "count(*)", "\x00"} }) // resuming begins by counting
	t.Cleanup(g.release)
	other := b.open(t, "B02", "", "board")
	next(t, other)
	g.shut.Store(true)
	opening := b.dialing(t, b.ticket(t, "A01", b.head(t), "seat:A01", "board"))
	<-g.entered
	offered := b.commit(t, "call.offered", "board", "seat:A01")
	b.hub.Early(offered)
	b.signal.Wake()
	require.Equal(t, "call.offered", next(t, other).Kind) // so it waits for the other, too
	g.release()
	c := <-opening
	t.Cleanup(func() { _ = c.Close() })
	require.Equal(t, "hello", next(t, c).Type)
	got := next(t, c)
	require.Equal(t, "call.offered", got.Kind)
	require.False(t, got.Early)
	b.hub.Early(offered) // a committer that comes after the log
	b.append(t, "call.after", "board")
	require.Equal(t, "call.after", next(t, c).Kind)
}

// What a browser knows from its snapshot is not told again either when it comes while the browser is coming back.
func TestWhatComesWhileResumingIsNotRepeated(t *testing.T) {
	t.Parallel()
	follower, resuming := newGate(), newGate()
	b := setup(t, func(c *realtime.Config) {
		c.Facts = gatedLog{gatedLog{c.Facts, follower, "pg_snapshot_xmin(pg_current_snapshot()) FROM fact", "\x00"}, resuming, "count(*)", "\x00"}
	})
	t.Cleanup(follower.release)
	t.Cleanup(resuming.release)
	other := b.open(t, "B02", "", "board")
	next(t, other)
	follower.shut.Store(true)
	<-follower.entered
	known := b.commit(t, "call.known", "board")
	for head := known[0].Position; !known[0].Position.Less(head) || head == known[0].Position; { // other databases hold the horizon
		var err error
		head, err = factlog.Head(t.Context(), b.pool)
		require.NoError(t, err)
	}
	resuming.shut.Store(true)
	opening := b.dialing(t, b.ticket(t, "A01", known[0].Position.String(), "board"))
	<-resuming.entered
	follower.release()
	b.signal.Wake()
	require.Equal(t, "call.known", next(t, other).Kind)
	resuming.release()
	c := <-opening
	t.Cleanup(func() { _ = c.Close() })
	require.True(t, next(t, c).Resumed)
	b.append(t, "call.new", "board")
	require.Equal(t, "call.new", next(t, c).Kind)
}

// F24: the queue's bounds hold for early facts, for what was missed, and for what comes while that is being read.
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	t.Run("early", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(c *realtime.Config) { c.QueueBytes = 1000 })
		c := b.open(t, "A01", "", "seat:A01")
		next(t, c)
		big, err := json.Marshal(map[string]string{"pad": strings.Repeat("x", 1000)})
		require.NoError(t, err)
		b.hub.Early([]factlog.Fact{{
			At: time.Now(), Kind: "call.k", Subject: "s", Topics: []string{"seat:A01"}, Actor: "test", Data: big, Position: factlog.Position{XID: 1 << 40},
		}})
		require.Equal(t, 3008, closed(t, c))
	})
	t.Run("missed", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(c *realtime.Config) { c.QueueFrames = 3 })
		other := b.open(t, "B02", "", "board")
		next(t, other)
		since := b.head(t)
		for range 3 { // and the hello
			b.append(t, "call.k", "board")
			next(t, other)
		}
		require.Equal(t, 3008, closed(t, b.open(t, "A01", since, "board")))
	})
	t.Run("meanwhile", func(t *testing.T) {
		t.Parallel()
		g := newGate()
		b := setup(t, func(c *realtime.Config) {
			c.QueueFrames, c.Facts = 3, gatedLog{c.Facts, g, "count(*)", "\x00"}
		})
		t.Cleanup(g.release)
		other := b.open(t, "B02", "", "board")
		next(t, other)
		g.shut.Store(true)
		opening := b.dialing(t, b.ticket(t, "A01", b.head(t), "board"))
		<-g.entered
		for range 4 {
			b.append(t, "call.k", "board")
			next(t, other)
		}
		c := <-opening
		t.Cleanup(func() { _ = c.Close() })
		require.Equal(t, 3010, closed(t, c))
	})
}

func TestHubKnowsWhatIsHeard(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	heard := func(topic string) bool { return b.hub.Heard(func(t string) bool { return t == topic }) }
	require.False(t, heard("board"))
	c := b.open(t, "A01", "", "board")
	next(t, c)
	require.True(t, heard("board"))
	require.False(t, heard("seat:A01"))
	require.NoError(t, c.Close())
	require.Eventually(t, func() bool { return !heard("board") }, 10*time.Second, time.Millisecond)
}
