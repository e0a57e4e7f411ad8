package store_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/store"
)

const (
	hall   = agent.LineID("session")
	number = "12345"
)

// at is the session's first minute; times are whole microseconds, as Postgres keeps them.
var at = time.Date(2026, 11, 26, 0, 30, 0, 0, time.UTC)

// hallOf is a hall with an open session, two ready seats and a controller that holds epoch 1.
type hallOf struct {
	*store.Store

	t       testing.TB
	pool    *pgxpool.Pool
	session string
	people  map[agent.SeatID]agent.PersonID
	epoch   int64
}

func setup(tb testing.TB) *hallOf {
	tb.Helper()
	pool := pgtest.New(tb)
	h := &hallOf{t: tb, pool: pool, session: id(tb), people: map[agent.SeatID]agent.PersonID{}, epoch: 1}
	h.exec(`INSERT INTO unit VALUES ('EDU', '省教育厅', '安徽省教育厅', 'department')`)
	h.exec(`INSERT INTO line (id, name, number) VALUES ('session', '接热线、办实事', '12345'), ('ordinary', '普通', '12346')`)
	h.exec(`INSERT INTO session (id, number, unit, theme, opens_at, closes_at, state) VALUES ($1, 1, 'EDU', '教育', $2, $3, 'open')`,
		h.session, at, at.Add(3*time.Hour))
	h.exec(`UPDATE controller SET epoch = 1, holder = 'test', renewed_at = clock_timestamp()`)
	for i, seat := range []agent.SeatID{"A01", "A02"} {
		h.people[seat] = agent.PersonID(id(tb))
		h.exec(`INSERT INTO person (id, login_name, name, password_hash, created_at) VALUES ($1, $2, '张三', '-', $3)`,
			h.people[seat], "p"+string(seat[1:]), at)
		h.exec(`INSERT INTO seat VALUES ($1, 'session', 'official', 'EDU', '一号席')`, seat)
		h.exec(`INSERT INTO seat_state (seat, person, endpoint, intent, device, since) VALUES ($1, $2, $3, 'ready', 'ok', $4)`,
			seat, h.people[seat], "ep-"+string(seat), at.Add(time.Duration(i)*time.Second))
		h.exec(`INSERT INTO seat_work (seat, since) VALUES ($1, $2)`, seat, at)
	}
	h.Store = store.New(pool, vault(tb))
	return h
}

func vault(tb testing.TB) *store.Vault {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "number.key")
	require.NoError(tb, store.NewKeyFile(path))
	v, err := store.OpenVault(path)
	require.NoError(tb, err)
	return v
}

func id(t require.TestingT) string {
	v, err := uuid.NewV7()
	require.NoError(t, err)
	return v.String()
}

func (h *hallOf) exec(sql string, args ...any) {
	h.t.Helper()
	_, err := h.pool.Exec(context.Background(), sql, args...)
	require.NoError(h.t, err, sql)
}

func (h *hallOf) count(sql string, args ...any) int {
	h.t.Helper()
	var n int
	require.NoError(h.t, h.pool.QueryRow(context.Background(), sql, args...).Scan(&n))
	return n
}

func (h *hallOf) arrive(num telephony.PhoneNumber) telephony.Call {
	h.t.Helper()
	a := telephony.Arrival{ID: telephony.CallID(id(h.t)), Channel: telephony.LegID("ch-" + id(h.t)), Entity: "asterisk/1", Number: num, Dialled: number, At: at}
	c, created, err := h.Arrive(context.Background(), h.epoch, a)
	require.NoError(h.t, err)
	require.True(h.t, created)
	return c
}

// step saves a change of the call and gives it as it is then.
func (h *hallOf) step(c telephony.Call, change func(*telephony.Change)) (telephony.Call, error) {
	ch := h.change(c, change)
	return ch.After, h.Save(context.Background(), h.epoch, ch)
}

func (h *hallOf) change(c telephony.Call, change func(*telephony.Change)) telephony.Change {
	ch := telephony.Change{Before: c, After: c, Actor: "controller", At: at.Add(time.Duration(c.Version) * time.Second)}
	ch.After.Version++
	ch.After.Epoch = h.epoch
	change(&ch)
	return ch
}

func (h *hallOf) mustStep(c telephony.Call, change func(*telephony.Change)) telephony.Call {
	h.t.Helper()
	c, err := h.step(c, change)
	require.NoError(h.t, err)
	return c
}

func queued(ch *telephony.Change) {
	ch.After.State, ch.After.QueuedAt = telephony.StateQueued, ch.At
	ch.Facts = []telephony.Fact{{
		Kind: "call.admitted", Subject: string(ch.After.ID), Topics: []string{"board", "line:session"},
		Data: map[string]any{"line": ch.After.Line, "session": ch.After.Session},
	}}
}

func (h *hallOf) offered(seat agent.SeatID) func(*telephony.Change) {
	offer := telephony.OfferID(id(h.t))
	return func(ch *telephony.Change) {
		ch.After.State = telephony.StateOffered
		ch.After.Offer = &telephony.Offer{
			ID: offer, Leg: telephony.LegID(offer), Seat: seat, Person: h.people[seat], Phone: agent.PhoneBrowser, Endpoint: "ep-" + string(seat),
			State: telephony.OfferOpen, OfferedAt: ch.At, ExpiresAt: ch.At.Add(20 * time.Second),
		}
		ch.Offer = ch.After.Offer
		ch.Work = []telephony.SeatWork{{Seat: seat, Work: agent.WorkOffered, Offer: offer, Call: ch.After.ID}}
		ch.Facts = []telephony.Fact{{Kind: "call.offered", Subject: string(ch.After.ID), Topics: []string{"seat:" + string(seat)}}}
	}
}

func answered(ch *telephony.Change) {
	o := *ch.Before.Offer
	o.State, o.ClosedAt = telephony.OfferAccepted, ch.At
	ch.After.State, ch.After.AnsweredAt, ch.After.Seat, ch.After.Offer = telephony.StateTalking, ch.At, o.Seat, &o
	ch.Offer = &o
	ch.Work = []telephony.SeatWork{{Seat: o.Seat, Work: agent.WorkEngaged, Call: ch.After.ID}}
	ch.Legs = []telephony.Leg{{Channel: o.Leg, Role: "official", Seat: o.Seat, Joined: ch.At}}
}

func declined(ch *telephony.Change) {
	o := *ch.Before.Offer
	o.State, o.Reason, o.ClosedAt = telephony.OfferDeclined, "away", ch.At
	ch.After.State, ch.After.Offer = telephony.StateQueued, nil
	ch.Offer = &o
	ch.Work = []telephony.SeatWork{{Seat: o.Seat, Work: agent.WorkIdle, Miss: true}}
}

func talkedOut(ch *telephony.Change) {
	o := *ch.Before.Offer
	ended(telephony.OutcomeAnsweredOfficial)(ch)
	ch.Callback = false
	ch.Work = []telephony.SeatWork{{Seat: o.Seat, Work: agent.WorkWrapUp, Call: ch.After.ID, Until: ch.At.Add(2 * time.Minute)}}
	ch.Legs = []telephony.Leg{{Channel: o.Leg, Role: "official", Seat: o.Seat, Left: ch.At, Cause: "seat"}}
}

func ended(outcome telephony.Outcome) func(*telephony.Change) {
	return func(ch *telephony.Change) {
		ch.After.State, ch.After.Outcome, ch.After.EndedAt, ch.After.Cause = telephony.StateEnded, outcome, ch.At, "caller"
		ch.After.Offer = nil
		ch.Callback = true
		ch.Facts = []telephony.Fact{{Kind: "call.ended", Subject: string(ch.After.ID), Topics: []string{"board"}}}
	}
}

func TestOneCallsWay(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	c := h.arrive("sip:+8613812345678@carrier")
	require.Equal(t, telephony.StateArrived, c.State)
	require.Equal(t, "138****5678", c.Masked)
	require.Equal(t, hall, c.Line)
	require.Equal(t, h.session, c.Session)
	require.Equal(t, telephony.Rules{Ring: 20 * time.Second, WrapUp: 2 * time.Minute, Grace: 20 * time.Second, Notice: "hotline/recording-notice", Open: true}, c.Rules)
	n, err := h.Number(ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, "13812345678", string(n))

	for _, step := range []func(*telephony.Change){queued, h.offered("A01"), answered} {
		c = h.mustStep(c, step)
		stored, err := h.Call(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, c, stored)
	}
	st, err := h.Seat(ctx, "A01")
	require.NoError(t, err)
	require.Equal(t, agent.WorkEngaged, st.Work)

	c = h.mustStep(c, talkedOut)
	stored, err := h.Call(ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, c, stored)
	open, err := h.Open(ctx)
	require.NoError(t, err)
	require.Empty(t, open)
	wraps, err := h.WrapUps(ctx)
	require.NoError(t, err)
	require.Equal(t, []telephony.SeatWork{{Seat: "A01", Work: agent.WorkWrapUp, Call: c.ID, Until: c.EndedAt.Add(2 * time.Minute)}}, wraps)

	st, over, err := h.Idle(ctx, h.epoch, "A01", "controller", c.EndedAt.Add(time.Minute))
	require.NoError(t, err)
	require.True(t, over)
	require.Equal(t, agent.WorkIdle, st.Work)
	_, over, err = h.Idle(ctx, h.epoch, "A01", "controller", c.EndedAt.Add(time.Minute))
	require.NoError(t, err)
	require.False(t, over)

	require.Equal(t, 2, h.count(`SELECT count(*) FROM leg WHERE call = $1`, c.ID))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM leg WHERE call = $1 AND joined_at < left_at`, c.ID))
	require.Zero(t, h.count(`SELECT count(*) FROM callback`))
	require.Equal(t, 4, h.count(`SELECT count(*) FROM fact WHERE subject = $1 AND epoch = 1`, c.ID))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM fact WHERE subject = 'A01' AND kind = 'seat.work'`))
}

func TestArrivalIsRecordedOnceAndWhateverItIs(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	a := telephony.Arrival{ID: telephony.CallID(id(t)), Channel: "chan-1", Number: "055162345678", Dialled: number, At: at}
	first, created, err := h.Arrive(ctx, 1, a)
	require.NoError(t, err)
	require.True(t, created)
	require.Equal(t, "合肥", first.Place)
	again, created, err := h.Arrive(ctx, 1, a) // the answer was lost (R6)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, first, again)
	a.ID = telephony.CallID(id(t)) // the reconciler sees the channel too
	again, created, err = h.Arrive(ctx, 1, a)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, first, again)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM fact`))

	a = telephony.Arrival{ID: telephony.CallID(id(t)), Channel: "chan-2", Number: "garbage", Dialled: "99999", At: at}
	stray, created, err := h.Arrive(ctx, 1, a)
	require.NoError(t, err)
	require.True(t, created)
	require.Empty(t, stray.Line)
	require.Empty(t, stray.Masked)
	require.False(t, stray.Rules.Open)
	require.Greater(t, stray.Seq, first.Seq)

	_, _, err = h.Arrive(ctx, 2, telephony.Arrival{ID: telephony.CallID(id(t)), Channel: "chan-3", Dialled: number, At: at})
	require.ErrorIs(t, err, telephony.ErrNotMaster)
}

func TestRulesFollowTheSession(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	c := h.arrive("13812345678")
	for _, state := range []string{"open", "closing", "draining", "closed"} {
		h.exec(`UPDATE session SET state = $1`, state)
		c, err := h.Call(ctx, c.ID)
		require.NoError(t, err)
		require.Equal(t, state == "open", c.Rules.Open, state)
		tagged := h.arrive("13812345678").Session
		require.Equal(t, state != "closed", tagged == h.session, state)
	}
	ordinary, _, err := h.Arrive(ctx, 1, telephony.Arrival{ID: telephony.CallID(id(t)), Channel: "x", Dialled: "12346", At: at})
	require.NoError(t, err)
	require.True(t, ordinary.Rules.Open, "the ordinary line is always open")
	require.Empty(t, ordinary.Session)
}

func TestRepeatedSaveIsOne(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	c := h.arrive("13812345678")
	for _, step := range []func(*telephony.Change){queued, h.offered("A01"), declined, h.offered("A02"), answered, talkedOut} {
		ch := h.change(c, step)
		for range 3 {
			require.NoError(t, h.Save(ctx, h.epoch, ch), ch.After.State)
		}
		c = ch.After
	}
	require.Equal(t, 4, h.count(`SELECT count(*) FROM fact WHERE subject = $1 AND kind <> 'call.arrived'`, c.ID))
	require.Equal(t, 2, h.count(`SELECT count(*) FROM offer`))
	require.Equal(t, 1, h.count(`SELECT misses FROM seat_work WHERE seat = 'A01'`))
	require.Zero(t, h.count(`SELECT misses FROM seat_work WHERE seat = 'A02'`))
}

func TestGuards(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.mustStep(h.arrive("13812345678"), queued)
	other := h.mustStep(h.arrive("13912345678"), queued)
	nothingStored := func(ch telephony.Change, epoch int64, want error) {
		t.Helper()
		facts, offers := h.count(`SELECT count(*) FROM fact`), h.count(`SELECT count(*) FROM offer`)
		require.ErrorIs(t, h.Save(t.Context(), epoch, ch), want)
		require.Equal(t, facts, h.count(`SELECT count(*) FROM fact`))
		require.Equal(t, offers, h.count(`SELECT count(*) FROM offer`))
		stored, err := h.Call(t.Context(), ch.Before.ID)
		require.NoError(t, err)
		require.NotEqual(t, telephony.StateOffered, stored.State)
	}
	nothingStored(h.change(c, h.offered("A01")), 2, telephony.ErrNotMaster) // R3, F7
	nothingStored(h.change(c, h.offered("A01")), 0, telephony.ErrNotMaster)
	stale := c
	stale.Version--
	nothingStored(h.change(stale, h.offered("A01")), 1, telephony.ErrStale)
	missing := c
	missing.ID = telephony.CallID(id(t))
	require.ErrorIs(t, h.Save(t.Context(), 1, h.change(missing, queued)), telephony.ErrNotFound)

	for column, value := range map[string]string{"intent": "rest", "pending": "sign_out", "device": "unregistered"} {
		h.exec(`UPDATE seat_state SET ` + column + ` = '` + value + `' WHERE seat = 'A01'`)
		nothingStored(h.change(c, h.offered("A01")), 1, telephony.ErrSeatTaken)
		h.exec(`UPDATE seat_state SET intent = 'ready', pending = '', device = 'ok' WHERE seat = 'A01'`)
	}
	h.mustStep(other, h.offered("A01"))
	nothingStored(h.change(c, h.offered("A01")), 1, telephony.ErrSeatTaken)
	h.mustStep(c, h.offered("A02"))
}

// The seat's work ends only by the call that holds it: late news of another changes nothing.
func TestLateNewsLeavesTheSeatAlone(t *testing.T) {
	t.Parallel()
	h := setup(t)
	first := h.mustStep(h.mustStep(h.arrive("13812345678"), queued), h.offered("A01"))
	second := h.mustStep(h.arrive("13912345678"), queued)
	h.mustStep(second, func(ch *telephony.Change) {
		ended(telephony.OutcomeAbandonedInQueue)(ch)
		ch.Work = []telephony.SeatWork{{Seat: "A01", Work: agent.WorkIdle, Miss: true}}
	})
	st, err := h.Seat(t.Context(), "A01")
	require.NoError(t, err)
	require.Equal(t, agent.WorkOffered, st.Work)
	h.mustStep(first, answered)
}

func TestCallbackForWhoeverCanBeCalled(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	named := h.mustStep(h.mustStep(h.arrive("13812345678"), queued), ended(telephony.OutcomeAbandonedInQueue))
	h.mustStep(h.mustStep(h.arrive(""), queued), ended(telephony.OutcomeAbandonedInQueue))
	tasks, err := h.Callbacks(ctx, "open")
	require.NoError(t, err)
	require.Len(t, tasks, 1)
	require.Equal(t, named.ID, tasks[0].Call)
	require.Equal(t, "138****5678", tasks[0].Masked)
	require.Equal(t, "abandoned_in_queue", tasks[0].Reason)
}

func TestI6PlaceNeverChanges(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.arrive("13812345678")
	for _, sql := range []string{
		`UPDATE call SET seq = seq + 1 WHERE id = $1`, `UPDATE call SET channel = 'x' WHERE id = $1`, `UPDATE call SET line = NULL WHERE id = $1`,
	} {
		_, err := h.pool.Exec(t.Context(), sql, c.ID)
		require.ErrorContains(t, err, "never change", sql)
	}
}

// A take-over waits for the decision in flight, and every later one is refused (R3, I9).
func TestTakeOverExcludesDecisions(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	c := h.mustStep(h.arrive("13812345678"), queued)
	tx, err := h.pool.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, `UPDATE controller SET epoch = 2`)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- h.Save(ctx, 1, h.change(c, h.offered("A01"))) }()
	h.blocked()
	require.NoError(t, tx.Commit(ctx))
	require.ErrorIs(t, <-done, telephony.ErrNotMaster)
	require.Zero(t, h.count(`SELECT count(*) FROM offer`))
}

// A person who goes to rest in the moment of the offer gets one or the other, never both (A4, A5).
func TestOfferWaitsForTheIntent(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	c := h.mustStep(h.arrive("13812345678"), queued)
	tx, err := h.pool.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, `UPDATE seat_state SET intent = 'rest', version = version + 1 WHERE seat = 'A01'`)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- h.Save(ctx, 1, h.change(c, h.offered("A01"))) }()
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
		c := h.mustStep(h.arrive("13812345678"), queued)
		ch := h.change(c, h.offered("A01"))
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

// blocked returns once a statement waits for another's lock: Postgres itself is asked, nothing sleeps.
func (h *hallOf) blocked() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for h.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
		require.NoError(h.t, ctx.Err(), "nothing waits")
	}
}

func TestReadySeats(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	h.mustStep(h.mustStep(h.arrive("13812345678"), queued), h.offered("A02"))
	ready, err := h.Ready(ctx, hall)
	require.NoError(t, err)
	require.Equal(t, map[agent.SeatID]time.Time{"A01": at, "A02": {}}, ready)
	h.exec(`UPDATE seat_state SET intent = 'busy'`)
	ready, err = h.Ready(ctx, hall)
	require.NoError(t, err)
	require.Empty(t, ready)
	names, err := h.Lines(ctx)
	require.NoError(t, err)
	require.Equal(t, []agent.LineID{"ordinary", "session"}, names)
	_, err = h.Seat(ctx, "Z99")
	require.ErrorIs(t, err, telephony.ErrNotFound)
	_, err = h.Call(ctx, "no-uuid")
	require.ErrorIs(t, err, telephony.ErrNotFound)
}
