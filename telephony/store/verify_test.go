package store_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/store"
)

func (h *hallOf) breaches() []string { return h.verify(store.Evidence{Since: at.Add(-time.Hour)}) }

func (h *hallOf) verify(e store.Evidence) []string {
	h.t.Helper()
	found, err := store.Verify(context.Background(), h.pool, e)
	require.NoError(h.t, err)
	out := []string{}
	for _, b := range found {
		out = append(out, b.String())
	}
	return out
}

// queue is what Redis would list of the session's line.
type queue struct {
	waiting []telephony.Waiting
	seats   []telephony.LineSeat
}

func (q *queue) List(_ context.Context, line agent.LineID) ([]telephony.Waiting, []telephony.LineSeat, error) {
	if line != hall {
		return nil, nil, nil
	}
	return q.waiting, q.seats, nil
}

// quiet is a hall where one call talks, one waits and one is over, with a queue and an exchange that agree.
type quiet struct {
	*hallOf

	queue        queue
	evidence     store.Evidence
	talks, waits telephony.Call
	snapshot     *telephony.Snapshot
}

func setupQuiet(t *testing.T) *quiet {
	t.Helper()
	q := &quiet{hallOf: setup(t)}
	q.talks = q.talking("13812345678", "A01")
	q.left(q.queued("13612345678"), false)
	q.waits = q.queued("13712345678")
	seats, err := q.Seats(t.Context(), hall)
	require.NoError(t, err)
	q.queue = queue{waiting: []telephony.Waiting{q.waits.Waits()}, seats: seats}
	q.snapshot = &telephony.Snapshot{
		Channels: []telephony.Channel{
			{ID: q.talks.Channel, InApp: true}, {ID: q.talks.Parts[1].Leg, InApp: true}, {ID: q.waits.Channel, InApp: true}, {ID: "other"},
		},
		Bridges: []telephony.Bridge{{ID: telephony.HoldBridge(hall)}, {ID: telephony.TalkBridge(q.talks.ID)}},
	}
	q.evidence = store.Evidence{Since: at.Add(-time.Hour), Lines: &q.queue, Snapshot: q.snapshot, Answered: []telephony.LegID{q.talks.Channel}}
	return q
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
			q.exec(`UPDATE call SET phase = 'ended', outcome = 'abandoned_in_queue', ended_at = $1 WHERE id = $2`, at, q.waits.ID)
			return string(q.waits.ID)
		}},
		"two open offers of the line": {"I3", func(q *quiet) string {
			q.exec(`DROP INDEX offer_open_call`)
			for _, seat := range []string{"A01", "A02"} {
				q.exec(`INSERT INTO offer (id, call, grp, participant, seat, state, offered_at, expires_at, epoch)
					VALUES ($1::uuid, $2, $1::uuid, $1::uuid, $3, 'open', $4, $4, 1)`, id(q.t), q.waits.ID, seat, at)
			}
			return string(q.waits.ID)
		}},
		"two seats at once": {"I3", func(q *quiet) string {
			q.exec(`DROP INDEX segment_serves`)
			q.exec(`INSERT INTO segment (id, call, seat, began_at) VALUES ($1, $2, 'A02', $3)`, id(q.t), q.talks.ID, q.now)
			return string(q.talks.ID)
		}},
		"accepted, not served": {"I3", func(q *quiet) string {
			q.exec(`INSERT INTO offer (id, call, grp, participant, seat, state, offered_at, expires_at, closed_at, epoch)
				VALUES ($1::uuid, $2, $1::uuid, $1::uuid, 'A02', 'accepted', $3, $3, $3, 1)`, id(q.t), q.talks.ID, at)
			return string(q.talks.ID)
		}},
		"accepted twice": {"I3", func(q *quiet) string {
			q.exec(`INSERT INTO offer (id, call, grp, participant, seat, state, offered_at, expires_at, closed_at, epoch)
				VALUES ($1::uuid, $2, $1::uuid, $3, 'A01', 'accepted', $4, $4, $4, 1)`, id(q.t), q.talks.ID, q.talks.Segment.ID, at)
			return string(q.talks.ID)
		}},
		"two calls at one seat": {"I4", func(q *quiet) string {
			q.exec(`INSERT INTO participant (id, call, role, seat, state, since) VALUES ($1, $2, 'consulted', 'A01', 'up', $3)`, id(q.t), q.waits.ID, at)
			return "A01"
		}},
		"seat stuck": {"I4", func(q *quiet) string {
			q.exec(`UPDATE participant SET state = 'gone', left_at = $1 WHERE seat = 'A01'`, at)
			return "A01"
		}},
		"seat idle in a conversation": {"I4", func(q *quiet) string {
			q.exec(`UPDATE seat_work SET work = 'idle', call = NULL WHERE seat = 'A01'`)
			return "A01"
		}},
		"left behind": {"I4", func(q *quiet) string {
			q.exec(`UPDATE call SET phase = 'ended', outcome = 'answered_official', ended_at = $1 WHERE id = $2`, at, q.talks.ID)
			return string(q.talks.ID)
		}},
		"overtaken": {"I5", func(q *quiet) string {
			late := q.queued("13912345678")
			q.now = q.now.Add(time.Hour)
			return string(q.offered(late, "A02").ID) + " before " + string(q.waits.ID)
		}},
		"told under an epoch that was over": {"I9", func(q *quiet) string {
			q.exec(`INSERT INTO fact (at, kind, subject, topics, actor, epoch) VALUES ($1, 'call.held', 'late', '{}', 'controller', 0)`, at)
			return "call.held of late under 0"
		}},
		"two calls with one place": {"I6", func(q *quiet) string {
			q.exec(`DROP TRIGGER call_keeps_its_place ON call`)
			q.exec(`UPDATE call SET seq = $1`, q.waits.Seq)
			return store.Texts([]int64{q.waits.Seq})[0]
		}},
		"moved in the line": {"I6", func(q *quiet) string {
			q.queue.waiting[0].Seq++
			return string(q.waits.ID)
		}},
		"forgotten in the line": {"I13", func(q *quiet) string {
			q.queue.waiting = nil
			return string(q.waits.ID)
		}},
		"ghost in the line": {"I13", func(q *quiet) string {
			q.queue.waiting = append(q.queue.waiting, telephony.Waiting{Call: "ghost", Seq: 1})
			return "ghost"
		}},
		"seat shown busy": {"I13", func(q *quiet) string {
			q.queue.seats[1].Since = time.Time{}
			return "A02"
		}},
		"seat shown free": {"I13", func(q *quiet) string {
			q.queue.seats[0].Since = at
			return "A01"
		}},
		"seat of somebody else": {"I13", func(q *quiet) string {
			q.queue.seats[1].Person = "other"
			return "A02"
		}},
		"seat forgotten": {"I13", func(q *quiet) string {
			q.queue.seats = q.queue.seats[:1]
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
			require.Empty(t, q.verify(q.evidence), "a quiet hall breaks nothing")
			row := c.damage(q)
			found, err := store.Verify(t.Context(), q.pool, q.evidence)
			require.NoError(t, err)
			named := slices.ContainsFunc(found, func(b store.Breach) bool { return b.Invariant == c.invariant && slices.Contains(b.Rows, row) })
			require.True(t, named, "%s %s in %v", c.invariant, row, found)
		})
	}
}

// A call that rings, a call back that has no citizen's leg yet and a leg that rings are no breaches.
func TestVerifyKnowsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	q := setupQuiet(t)
	q.waits = q.offered(q.waits, "A02")
	q.queue.seats[1].Since = time.Time{}
	require.Empty(t, q.verify(q.evidence), "taken for a pair")
	q.queue.waiting = nil
	q.snapshot.Channels = append(q.snapshot.Channels, telephony.Channel{ID: q.waits.Offers[0].Leg(), InApp: true})
	q.exec(`INSERT INTO call (id, line, dialled, phase, seq, arrived_at, epoch) VALUES ($1, 'ordinary', '', 'arrived', nextval('call_seq'), $2, 1)`, id(t), at)
	require.Empty(t, q.verify(q.evidence))
}

// I5: offers remember. Who missed or declined a seat, or rang for it, or came in the same moment, is not passed over.
func TestI5OrderOfOffers(t *testing.T) {
	t.Parallel()
	const slack = telephony.ComingFor + 250*time.Millisecond
	for name, c := range map[string]struct {
		earlier func(h *hallOf, c telephony.Call) telephony.Call // what became of the earlier caller before the later is offered A01
		after   time.Duration                                    // how much later
		broken  bool
	}{
		"waits":                 {after: time.Minute, broken: true},
		"just beyond the slack": {after: slack + time.Millisecond - time.Second, broken: true},
		"within the slack":      {after: slack - time.Millisecond - time.Second},
		"declined that seat":    {after: time.Minute, earlier: func(h *hallOf, c telephony.Call) telephony.Call { return h.declined(h.offered(c, "A01"), "away") }},
		"recused there":         {after: time.Minute, earlier: func(h *hallOf, c telephony.Call) telephony.Call { return h.declined(h.offered(c, "A01"), "conflict") }},
		"declined it long ago": {after: time.Minute + slack + time.Millisecond, broken: true, earlier: func(h *hallOf, c telephony.Call) telephony.Call {
			return h.declined(h.offered(c, "A01"), "away")
		}},
		"recused long ago":      {after: time.Hour, earlier: func(h *hallOf, c telephony.Call) telephony.Call { return h.declined(h.offered(c, "A01"), "conflict") }},
		"declined another seat": {after: time.Minute, broken: true, earlier: func(h *hallOf, c telephony.Call) telephony.Call { return h.declined(h.offered(c, "A02"), "away") }},
		"rings at another seat": {after: time.Minute, earlier: func(h *hallOf, c telephony.Call) telephony.Call { return h.offered(c, "A02") }},
		"talks at another seat": {after: time.Minute, earlier: func(h *hallOf, c telephony.Call) telephony.Call { return h.answered(h.offered(c, "A02")) }},
		"has hung up":           {after: time.Minute, earlier: func(h *hallOf, c telephony.Call) telephony.Call { return h.left(c, false) }},
		"went to another line": {after: time.Minute, earlier: func(h *hallOf, c telephony.Call) telephony.Call {
			return h.step(c, telephony.AllRecused{Line: "ordinary", Rules: c.Rules})
		}},
		"served, and waits again": {after: time.Minute, broken: true, earlier: servedAndLost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			first, second := h.queued("13812345678"), h.queued("13912345678")
			if c.earlier != nil {
				first = c.earlier(h, first)
			} else {
				h.now = first.QueuedAt
			}
			h.now = h.now.Add(c.after)
			second.QueuedAt = first.QueuedAt
			h.offered(second, "A01")
			if c.broken {
				h.now = h.now.Add(time.Minute)
				require.Equal(t, []string{"I5 calls offered before others with an earlier place: " + string(second.ID) + " before " + string(first.ID)}, h.breaches())
			} else {
				require.Empty(t, h.breaches())
			}
		})
	}
}

// Who came over from another line waits in this one only since then.
func TestI5CountsFromTheChangeOfLine(t *testing.T) {
	t.Parallel()
	h := setup(t)
	a := h.arrival("13812345678")
	a.Dialled = "12346"
	c, _, err := h.Arrive(t.Context(), 1, a)
	require.NoError(t, err)
	c, later := h.admitted(c), h.queued("13912345678")
	h.now = h.now.Add(time.Minute)
	h.offered(later, "A01")
	h.now = h.now.Add(time.Minute)
	h.step(c, telephony.AllRecused{Line: hall, Rules: c.Rules})
	require.Empty(t, h.breaches())
}

// RT14: two pairs were made; the controller died when one of them was stored. That the other was first is nobody's fault; but
// a controller that went on working has passed somebody over.
func TestI5ExcusesThePairThatDiedWithItsController(t *testing.T) {
	t.Parallel()
	h := setup(t)
	first, second := h.queued("13812345678"), h.queued("13912345678")
	h.now = first.QueuedAt.Add(time.Minute)
	second = h.offered(second, "A01")
	require.Contains(t, strings.Join(h.breaches(), " "), "I5")
	h.exec(`UPDATE controller SET epoch = epoch + 1`)
	require.NotContains(t, strings.Join(h.breaches(), " "), "I5", "the last that it did")
	h.exec(`UPDATE controller SET epoch = epoch - 1`)
	h.now = h.now.Add(10 * time.Second)
	h.step(second, telephony.LegEnded{Leg: second.Offers[0].Leg(), Cause: 19})
	h.exec(`UPDATE controller SET epoch = epoch + 1`)
	require.Contains(t, strings.Join(h.breaches(), " "), "I5", "it lived on")
}

// servedAndLost is a call whose seat did not come back, a while ago.
func servedAndLost(h *hallOf, c telephony.Call) telephony.Call {
	c = h.answered(h.offered(c, "A02"))
	c = h.step(c, telephony.LegDying{Leg: c.Parts[1].Leg})
	h.now = c.Parts[1].Deadline
	return h.step(c, telephony.TimePassed{})
}
