package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent/roster"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/line"
	"hotline/telephony/store"
)

// quiet is a hall where one call talks, one waits and one is over, with indexes and an exchange that agree.
type quiet struct {
	*hallOf

	lines        *line.Index
	seats        *roster.Roster
	evidence     store.Evidence
	talks, waits telephony.Call
	snapshot     *telephony.Snapshot
}

func setupQuiet(t *testing.T) *quiet {
	t.Helper()
	rdb, prefix := pgtest.Redis(t)
	q := &quiet{hallOf: setup(t)}
	var err error
	q.lines, err = line.New(rdb, prefix)
	require.NoError(t, err)
	q.seats, err = roster.New(rdb, prefix)
	require.NoError(t, err)
	q.talks = q.mustStep(q.mustStep(q.mustStep(q.arrive("13812345678"), queued), q.offered("A01")), answered)
	q.mustStep(q.mustStep(q.arrive("13812345678"), queued), ended(telephony.OutcomeAbandonedInQueue))
	q.waits = q.mustStep(q.arrive("13812345678"), queued)
	require.NoError(t, q.lines.Join(t.Context(), hall, telephony.Waiting{Call: q.waits.ID, Seq: q.waits.Seq}))
	ready, err := q.Ready(t.Context(), hall)
	require.NoError(t, err)
	require.NoError(t, q.seats.Rebuild(t.Context(), hall, ready))
	q.snapshot = &telephony.Snapshot{
		Channels: []telephony.Channel{{ID: q.talks.Channel, InApp: true}, {ID: q.talks.Offer.Leg, InApp: true}, {ID: q.waits.Channel, InApp: true}, {ID: "other"}},
		Bridges:  []telephony.Bridge{{ID: telephony.HoldBridge(hall)}, {ID: telephony.TalkBridge(q.talks.ID)}},
	}
	q.evidence = store.Evidence{
		Since: at.Add(-time.Hour), Now: at, Line: q.lines, Seats: q.seats, Snapshot: q.snapshot, Answered: []telephony.LegID{q.talks.Channel},
	}
	return q
}

func (q *quiet) breaches() []string {
	q.t.Helper()
	found, err := store.Verify(q.t.Context(), q.pool, q.evidence)
	require.NoError(q.t, err)
	out := []string{}
	for _, b := range found {
		out = append(out, b.String())
	}
	return out
}

// Every invariant is broken once by hand, and named with its rows.
func TestVerifyFindsWhatIsBroken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		invariant string
		damage    func(q *quiet) string // gives the row that must be named
	}{
		"answered channel without call": {"I1", func(q *quiet) string {
			q.evidence.Answered = append(q.evidence.Answered, "never-met")
			return "never-met"
		}},
		"no end told": {"I2", func(q *quiet) string {
			q.exec(`UPDATE call SET state = 'ended', outcome = 'abandoned_in_queue', ended_at = $1 WHERE id = $2`, at, q.waits.ID)
			return string(q.waits.ID)
		}},
		"two open offers": {"I3", func(q *quiet) string {
			q.exec(`DROP INDEX offer_open_call`)
			for _, seat := range []string{"A01", "A02"} {
				q.exec(`INSERT INTO offer (id, call, seat, state, offered_at, expires_at, epoch) VALUES ($1, $2, $3, 'open', $4, $4, 1)`, id(q.t), q.waits.ID, seat, at)
			}
			return string(q.waits.ID)
		}},
		"two seats at once": {"I3", func(q *quiet) string {
			q.exec(`INSERT INTO offer (id, call, seat, state, offered_at, expires_at, closed_at, epoch) VALUES ($1, $2, 'A02', 'accepted', $3, $3, $3, 1)`, id(q.t), q.talks.ID, at)
			return string(q.talks.ID)
		}},
		"two calls at one seat": {"I4", func(q *quiet) string {
			q.exec(`UPDATE call SET state = 'talking', seat = 'A01' WHERE id = $1`, q.waits.ID)
			return "A01"
		}},
		"seat stuck": {"I4", func(q *quiet) string {
			q.exec(`UPDATE call SET state = 'queued', offer = NULL WHERE id = $1`, q.talks.ID)
			return "A01"
		}},
		"overtaken": {"I5", func(q *quiet) string {
			late := q.mustStep(q.arrive("13812345678"), queued)
			q.exec(`UPDATE seat_work SET work = 'idle', offer = NULL, call = NULL, until = NULL WHERE seat = 'A02'`)
			late = q.mustStep(late, func(ch *telephony.Change) {
				q.offered("A02")(ch)
				ch.Offer.OfferedAt = at.Add(time.Hour)
			})
			return string(late.ID) + " before " + string(q.waits.ID)
		}},
		"moved in the line": {"I6", func(q *quiet) string {
			require.NoError(q.t, q.lines.Join(q.t.Context(), hall, telephony.Waiting{Call: q.waits.ID, Seq: q.waits.Seq + 1}))
			return string(q.waits.ID)
		}},
		"forgotten in the line": {"I13", func(q *quiet) string {
			require.NoError(q.t, q.lines.Leave(q.t.Context(), hall, q.waits.ID))
			return string(q.waits.ID)
		}},
		"ghost in the line": {"I13", func(q *quiet) string {
			require.NoError(q.t, q.lines.Join(q.t.Context(), hall, telephony.Waiting{Call: "ghost", Seq: 1}))
			return "ghost"
		}},
		"roster behind": {"I13", func(q *quiet) string {
			require.NoError(q.t, q.seats.Open(q.t.Context(), hall, "A02", false, at))
			return "A02"
		}},
		"channel lost": {"I14", func(q *quiet) string {
			q.snapshot.Channels = q.snapshot.Channels[:2]
			return string(q.waits.ID)
		}},
		"stray channel": {"I14", func(q *quiet) string {
			q.snapshot.Channels = append(q.snapshot.Channels, telephony.Channel{ID: "stray", InApp: true})
			return "stray"
		}},
		"stray bridge": {"I14", func(q *quiet) string {
			q.snapshot.Bridges = append(q.snapshot.Bridges, telephony.Bridge{ID: telephony.TalkBridge("gone")})
			return "talk-gone"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := setupQuiet(t)
			require.Empty(t, q.breaches(), "a quiet hall breaks nothing")
			row := c.damage(q)
			found, err := store.Verify(t.Context(), q.pool, q.evidence)
			require.NoError(t, err)
			named := false
			for _, b := range found {
				if b.Invariant == c.invariant {
					for _, r := range b.Rows {
						named = named || r == row
					}
				}
			}
			require.True(t, named, "%s %s in %v", c.invariant, row, found)
		})
	}
}
