package store_test

import (
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony/store"
)

// clocks are a machine's and a database's, each as far off as the test says.
type clocks struct {
	passed         time.Duration // in truth
	machine, ahead time.Duration // off
	wall           *store.Clock
	log            strings.Builder
}

func newClocks(machine, database time.Duration) *clocks {
	c := &clocks{machine: machine, ahead: database}
	c.wall = store.NewClock(func() time.Time { return at.Add(c.passed + c.machine) }, slog.New(slog.NewTextHandler(&c.log, nil)))
	return c
}

func (c *clocks) database() time.Time { return at.Add(c.passed + c.ahead) }

// ask lets the database's answer take so long there and back.
func (c *clocks) ask(there, back time.Duration) {
	asked := at.Add(c.passed + c.machine)
	c.passed += there
	told := c.database()
	c.passed += back
	c.wall.Saw(asked, told)
}

// F26: stamps are by the database's clock, whatever this machine's shows; deadlines are kept through a step of either.
func TestF26StampsAreByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{time.Hour, -time.Hour} {
		c := newClocks(off, 0)
		require.Equal(t, at.Add(off), c.wall.Now(), "nothing else is known")
		c.ask(time.Millisecond, time.Millisecond)
		require.Equal(t, c.database(), c.wall.Now())
		offset, owed := c.wall.Offset()
		require.InDelta(t, -off, offset, float64(2*time.Millisecond))
		require.Zero(t, owed)
		require.Contains(t, c.log.String(), "clocks are apart")

		c.passed += time.Minute
		c.ask(300*time.Millisecond, 0)
		c.ask(0, 300*time.Millisecond)
		require.Equal(t, c.database(), c.wall.Now(), "a slow answer says less, and moves nothing")
		require.Equal(t, 1, strings.Count(c.log.String(), "apart"), "told once")
	}
}

// F26: no deadline passes early because the database's clock was set.
func TestF26AStepMovesNoDeadline(t *testing.T) {
	t.Parallel()
	for _, step := range []time.Duration{time.Hour, -time.Hour} {
		c := newClocks(0, 0)
		c.ask(0, 0)
		began := c.wall.Now()
		c.ahead = step
		for range 100 {
			c.ask(0, 0)
			before := c.wall.Now()
			c.passed += time.Second
			passed := c.wall.Now().Sub(before)
			require.InDelta(t, time.Second, passed, float64(5*time.Millisecond))
		}
		require.InDelta(t, 100*time.Second, c.wall.Now().Sub(began), float64(500*time.Millisecond))
		_, owed := c.wall.Offset()
		require.InDelta(t, step, owed, float64(time.Second))
		require.Contains(t, c.log.String(), "clocks are apart")

		c.ahead = 0
		for range 200 {
			c.passed += time.Second
			c.ask(0, 0)
		}
		require.Equal(t, c.database(), c.wall.Now(), "what was made up is given back")
		require.Contains(t, c.log.String(), "clocks agree again")
	}
}

// F26: a step of a second is made up within minutes.
func TestF26ASmallStepIsMadeUp(t *testing.T) {
	t.Parallel()
	for _, step := range []time.Duration{time.Second, -time.Second} {
		c := newClocks(0, 0)
		c.ask(0, 0)
		c.ahead = step
		for range 201 {
			c.passed += time.Second
			c.ask(0, 0)
		}
		require.Equal(t, c.database(), c.wall.Now())
		c.passed += time.Hour // the database is away: what is made up stays so
		require.Equal(t, c.database(), c.wall.Now())
		require.NotContains(t, c.log.String(), "apart")
	}
}

// F26: whatever the database tells, and whenever, time never goes back.
func TestF26TimeNeverGoesBack(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(26, 0))
	c := newClocks(-time.Hour, 0)
	c.ask(0, 0)
	last := c.wall.Now()
	for range 10_000 {
		switch rnd.IntN(4) {
		case 0:
			c.ahead += time.Duration(rnd.Int64N(int64(20*time.Second))) - 10*time.Second
		case 1:
			c.ask(time.Duration(rnd.Int64N(int64(time.Second))), time.Duration(rnd.Int64N(int64(time.Second))))
		default:
			c.passed += time.Duration(rnd.Int64N(int64(time.Second)))
		}
		now := c.wall.Now()
		require.False(t, now.Before(last))
		last = now
	}
}
