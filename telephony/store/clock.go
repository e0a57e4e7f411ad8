package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"hotline/telephony/store/db"
)

const (
	// slew is the part by which our time runs faster or slower while it is drawn to the database's: no deadline moves by more.
	slew = 200
	// strayed is how far two clocks may be apart before people are told.
	strayed = 2 * time.Second
)

// Clock is the database's time as this process knows it: every stamp of ours is made by it, so that what two processes write can
// be compared (F26). It is set when the database first tells its time, and runs by the machine's monotonic clock from then on: no
// step of either clock makes a deadline pass early, and it never goes back. What the database's clock is ahead or behind since is
// made up by one part in 200, a step of seconds within minutes; one of hours in effect never, until a restart takes it over.
//
// What needs the monotonic reading itself, as a socket's deadline or the trust in a lease, uses the machine's clock.
type Clock struct {
	machine func() time.Time
	log     *slog.Logger

	mu     sync.Mutex // guards all below
	since  time.Time  // the machine's when the rest was true; zero: the database has not told its time
	ours   time.Time
	owed   time.Duration // the database's time less ours
	offset time.Duration // the database's time less the machine's wall clock
	told   bool          // people know that the clocks are apart
}

// NewClock returns a clock that shows the machine's time until the database has told its own.
func NewClock(machine func() time.Time, log *slog.Logger) *Clock {
	return &Clock{machine: machine, log: log}
}

// SetClock asks the database for its time.
func SetClock(ctx context.Context, q db.DBTX, c *Clock) error {
	asked := c.machine()
	told, err := db.New(q).TellTime(ctx)
	if err != nil {
		return fmt.Errorf("ask the database for its time: %w", err)
	}
	c.Saw(asked, told)
	return nil
}

// Now is the time for everything that is stored, and that is compared with what is stored.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.atLocked(c.machine())
}

// Offset is how far the database's clock is ahead of this machine's, and how far ahead of Now.
func (c *Clock) Offset() (time.Duration, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset, c.owed
}

// atLocked has no monotonic reading: two of these differ by what we say has passed.
func (c *Clock) atLocked(machine time.Time) time.Time {
	if c.since.IsZero() {
		return machine.Round(0)
	}
	passed := machine.Sub(c.since)
	most := passed / slew
	return c.ours.Add(passed + min(max(c.owed, -most), most))
}

// Saw takes over what the database's clock showed at some moment between the question and now.
func (c *Clock) Saw(asked, database time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.machine()
	took := now.Sub(asked)
	if c.since.IsZero() {
		c.ours = database.Add(took / 2).Round(0)
	} else {
		c.ours = c.atLocked(now)
	}
	c.since = now
	// The database's time is now at least what it showed, and at most that and all that has passed: within this nothing is wrong.
	c.owed = beyond(database.Sub(c.ours), took)
	c.offset = beyond(database.Sub(now.Round(0)), took)
	c.tellLocked()
}

// beyond is what is left of a difference that lies somewhere from low to low+width.
func beyond(low, width time.Duration) time.Duration {
	switch {
	case low > 0:
		return low
	case low+width < 0:
		return low + width
	}
	return 0
}

func (c *Clock) tellLocked() {
	apart := max(c.offset.Abs(), c.owed.Abs()) > strayed
	switch {
	case apart && !c.told:
		c.log.Warn("clocks are apart; stamps are by the database's, deadlines by this process's own",
			slog.Duration("database_ahead_of_machine", c.offset), slog.Duration("database_ahead_of_stamps", c.owed))
	case !apart && c.told:
		c.log.Info("clocks agree again")
	}
	c.told = apart
}
