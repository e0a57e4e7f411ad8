package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/policy"
	"hotline/telephony"
)

func TestRepeatedSaveIsOne(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	c := h.arrive("13812345678")
	save := func(e telephony.Event) {
		t.Helper()
		ch := h.change(c, e)
		for range 3 {
			require.NoError(t, h.Save(ctx, h.epoch, ch), "%T", e)
		}
		c = ch.After
	}
	save(telephony.Arrived{Up: true})
	save(telephony.PlayEnded{Playback: c.Cue.ID})
	save(h.offer("A01"))
	h.now = c.Offers[0].ExpiresAt
	save(telephony.LegEnded{Leg: c.Offers[0].Leg(), Cause: 19}) // nobody answered
	save(h.offer("A02"))
	var e telephony.Event
	c, e = h.together(c)
	save(e)
	save(telephony.HungUp{Seat: "A02"})
	require.Equal(t, 5, h.count(`SELECT count(*) FROM fact WHERE subject = $1 AND kind IN ('call.admitted', 'call.offered', 'call.talking', 'call.ended')`, c.ID))
	require.Equal(t, 2, h.count(`SELECT count(*) FROM offer`))
	require.Equal(t, 1, h.count(`SELECT misses FROM seat_work WHERE seat = 'A01'`))
	require.Zero(t, h.count(`SELECT misses FROM seat_work WHERE seat = 'A02'`))
}

func TestGuards(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c, other := h.queued("13812345678"), h.queued("13912345678")
	nothingStored := func(ch telephony.Change, epoch int64, want error, why string) {
		t.Helper()
		facts, offers := h.count(`SELECT count(*) FROM fact`), h.count(`SELECT count(*) FROM offer`)
		require.ErrorIs(t, h.Save(t.Context(), epoch, ch), want, why)
		require.Equal(t, facts, h.count(`SELECT count(*) FROM fact`))
		require.Equal(t, offers, h.count(`SELECT count(*) FROM offer`))
		require.Equal(t, ch.Before.ID == c.ID, h.stored(ch.Before).Version == c.Version)
	}
	nothingStored(h.change(c, h.offer("A01")), 2, telephony.ErrNotMaster, "R3, F7")
	nothingStored(h.change(c, h.offer("A01")), 0, telephony.ErrNotMaster, "")
	stale := c
	stale.Version--
	nothingStored(h.change(stale, h.offer("A01")), 1, telephony.ErrStale, "")
	h.exec(`UPDATE call SET epoch = 2 WHERE id = $1`, c.ID)
	nothingStored(h.change(c, h.offer("A01")), 1, telephony.ErrStale, "R3: a later controller has written the row")
	h.exec(`UPDATE call SET epoch = 1 WHERE id = $1`, c.ID)
	missing := c
	missing.ID = telephony.CallID(id(t))
	require.ErrorIs(t, h.Save(t.Context(), 1, h.change(missing, h.offer("A01"))), telephony.ErrNotFound)

	for _, change := range []string{
		`intent = 'rest'`, `pending = 'sign_out'`, `device = 'unregistered'`, `endpoint = 'ep-new'`, `person = (SELECT id FROM person WHERE login_name = 'p03')`,
	} {
		h.exec(`INSERT INTO person (id, login_name, name, password_hash, created_at) VALUES ($1, 'p03', '李四', '-', $2) ON CONFLICT DO NOTHING`, id(t), at)
		h.exec(`UPDATE seat_state SET ` + change + ` WHERE seat = 'A01'`)
		nothingStored(h.change(c, h.offer("A01")), 1, telephony.ErrSeatTaken, change)
		h.exec(`UPDATE seat_state SET intent = 'ready', pending = '', device = 'ok', endpoint = 'ep-A01', person = $1 WHERE seat = 'A01'`, h.people["A01"])
	}
	h.offered(other, "A01")
	nothingStored(h.change(c, h.offer("A01")), 1, telephony.ErrSeatTaken, "another call has it")
	h.offered(c, "A02")
}

// The seat's work ends only by the call that holds it: late news of another changes nothing.
func TestLateNewsLeavesTheSeatAlone(t *testing.T) {
	t.Parallel()
	h := setup(t)
	first := h.offered(h.queued("13812345678"), "A01")
	_, err := h.raw(h.queued("13912345678"), func(ch *telephony.Change) {
		ch.Work = []telephony.SeatWork{{Seat: "A01", Work: agent.WorkIdle, Miss: true}}
	})
	require.NoError(t, err)
	st, err := h.Seat(t.Context(), "A01")
	require.NoError(t, err)
	require.Equal(t, agent.WorkOffered, st.Work)
	h.answered(first)
}

func TestCallbackForWhoeverCanBeCalled(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	named := h.queued("13812345678")
	h.now = h.now.Add(time.Minute)
	named = h.left(named, false)
	h.left(h.queued(""), false)
	tasks, err := h.Callbacks(ctx, policy.Reach{Scope: policy.All}, "open")
	require.NoError(t, err)
	require.Len(t, tasks, 1)
	require.Equal(t, named.ID, tasks[0].Call)
	require.Equal(t, "138****5678", tasks[0].Masked)
	require.Equal(t, "abandoned_in_queue", tasks[0].Reason)
}

// A list reaches as far as the scope of who reads it, and no further.
func TestCallbacksReachAsFarAsTheScope(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	c := h.queued("13812345678")
	h.now = h.now.Add(time.Minute)
	h.left(c, false)
	for _, want := range []struct {
		reach policy.Reach
		tasks int
	}{
		{policy.Reach{Scope: policy.All}, 1},
		{policy.Reach{Scope: policy.Unit, Unit: "EDU"}, 1},
		{policy.Reach{Scope: policy.Unit, Unit: "TAX"}, 0},
		{policy.Reach{Scope: policy.Unit}, 0},
		{policy.Reach{Scope: policy.Own, Person: string(c.ID), Unit: "EDU"}, 0},
		{policy.Reach{}, 0},
	} {
		tasks, err := h.Callbacks(ctx, want.reach, "open")
		require.NoError(t, err)
		require.Len(t, tasks, want.tasks, "%+v", want.reach)
	}
}

func TestI6PlaceNeverChanges(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.arrive("13812345678")
	for _, sql := range []string{
		`UPDATE call SET seq = seq + 1 WHERE id = $1`, `UPDATE call SET channel = 'x' WHERE id = $1`, `UPDATE call SET channel = NULL WHERE id = $1`,
		`UPDATE call SET arrived_at = now() WHERE id = $1`,
	} {
		_, err := h.pool.Exec(t.Context(), sql, c.ID)
		require.ErrorContains(t, err, "never change", sql)
	}
	born := id(t)
	h.exec(`INSERT INTO call (id, line, dialled, phase, seq, arrived_at, epoch) VALUES ($1, 'session', '12345', 'waiting', nextval('call_seq'), $2, 1)`, born, at)
	h.exec(`UPDATE call SET channel = 'citizen' WHERE id = $1`, born) // a call back: the leg comes later
	require.EqualValues(t, "citizen", h.stored(telephony.Call{ID: telephony.CallID(born)}).Channel)
}

// A take-over waits for the decision in flight, and every later one is refused (R3, I9).
func TestTakeOverExcludesDecisions(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	ch := h.change(h.queued("13812345678"), h.offer("A01"))
	tx, err := h.pool.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, `UPDATE controller SET epoch = 2`)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- h.Save(ctx, 1, ch) }()
	h.blocked()
	require.NoError(t, tx.Commit(ctx))
	require.ErrorIs(t, <-done, telephony.ErrNotMaster)
	require.Zero(t, h.count(`SELECT count(*) FROM offer`))
}

// A person who goes to rest in the moment of the offer gets one or the other, never both (A4, A5).
func TestOfferWaitsForTheIntent(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	ch := h.change(h.queued("13812345678"), h.offer("A01"))
	tx, err := h.pool.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, `UPDATE seat_state SET intent = 'rest', version = version + 1 WHERE seat = 'A01'`)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- h.Save(ctx, 1, ch) }()
	h.blocked()
	require.NoError(t, tx.Commit(ctx))
	require.ErrorIs(t, <-done, telephony.ErrSeatTaken)
}

// Many calls want one seat at once: one gets it, nobody deadlocks.
func TestF7OneSeatManyCalls(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	const callers = 8
	done := make(chan error, callers)
	for range callers {
		ch := h.change(h.queued(""), h.offer("A01"))
		go func() { done <- h.Save(ctx, 1, ch) }()
	}
	won := 0
	for range callers {
		if err := <-done; err == nil {
			won++
		} else {
			require.ErrorIs(t, err, telephony.ErrSeatTaken)
		}
	}
	require.Equal(t, 1, won)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM offer`))
}

// A8: a conversation ends a row of misses when it begins: the next offer counts from none.
func TestConversationEndsARowOfMisses(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.exec(`UPDATE seat_work SET misses = 2 WHERE seat = 'A01'`)
	h.talking("13812345678", "A01")
	require.Zero(t, h.count(`SELECT misses FROM seat_work WHERE seat = 'A01'`))
}
