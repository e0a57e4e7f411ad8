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
	"hotline/telephony/control"
	"hotline/telephony/store"
)

const (
	hall   = agent.LineID("session")
	number = "12345"
)

// The controller finds here what it needs.
var (
	_ control.Ledger = (*store.Store)(nil)
	_ control.Lease  = (*store.Lease)(nil)
)

// at is the session's first minute; times are whole microseconds, as Postgres keeps them.
var at = time.Date(2026, 11, 26, 0, 30, 0, 0, time.UTC)

// farAway is when the window of the session ends: the database's own clock looks at it.
var farAway = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)

// hallOf is a hall with an open session, two ready seats and a controller that holds epoch 1.
type hallOf struct {
	*store.Store

	t       testing.TB
	pool    *pgxpool.Pool
	session string
	people  map[agent.SeatID]agent.PersonID
	epoch   int64
	now     time.Time // a second later with every step
}

func setup(tb testing.TB) *hallOf {
	tb.Helper()
	pool := pgtest.New(tb)
	h := &hallOf{t: tb, pool: pool, session: id(tb), people: map[agent.SeatID]agent.PersonID{}, epoch: 1, now: at}
	h.exec(`INSERT INTO unit VALUES ('EDU', '省教育厅', '安徽省教育厅', 'department')`)
	h.exec(`INSERT INTO line (id, name) VALUES ('session', '接热线、办实事'), ('ordinary', '普通')`)
	h.exec(`INSERT INTO line_number (number, line, rank, during) VALUES ('12345', 'session', 0, 'session'), ('12346', 'ordinary', 1, 'always')`)
	h.exec(`INSERT INTO session (id, number, unit, theme, opens_at, closes_at, state) VALUES ($1, 1, 'EDU', '教育', $2, $3, 'open')`,
		h.session, at, farAway)
	h.exec(`UPDATE controller SET epoch = 1, holder = 'test', renewed_at = clock_timestamp()`)
	for i, seat := range []agent.SeatID{"A01", "A02"} {
		h.people[seat] = agent.PersonID(id(tb))
		h.exec(`INSERT INTO person (id, login_name, name, password_hash, created_at) VALUES ($1, $2, '张三', '-', $3)`,
			h.people[seat], "p"+string(seat[1:]), at)
		h.exec(`INSERT INTO seat VALUES ($1, 'session', 'official', 'EDU', '一号席')`, seat)
		h.exec(`INSERT INTO seat_state (seat, person, endpoint, ha1, intent, device, since) VALUES ($1, $2, $3, 'secret', 'ready', 'ok', $4)`,
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

func (h *hallOf) arrival(num telephony.PhoneNumber) telephony.Arrival {
	h.t.Helper()
	return telephony.Arrival{
		ID: telephony.CallID(id(h.t)), Channel: telephony.LegID("ch-" + id(h.t)), Entity: "asterisk/1", Number: num, Dialled: number, At: h.now,
	}
}

func (h *hallOf) arrive(num telephony.PhoneNumber) telephony.Call {
	h.t.Helper()
	c, created, err := h.Arrive(context.Background(), h.epoch, h.arrival(num))
	require.NoError(h.t, err)
	require.True(h.t, created)
	return c
}

// change is what the core makes of an event, a second later.
func (h *hallOf) change(c telephony.Call, e telephony.Event) telephony.Change {
	h.t.Helper()
	h.now = h.now.Add(time.Second)
	after, records := telephony.Apply(c, e, h.now)
	after.Epoch = h.epoch
	ch, stores := telephony.Gather(c, after, records, "controller", h.now)
	require.True(h.t, stores, "%T stores nothing", e)
	return ch
}

// step lets an event happen to a call and stores what follows.
func (h *hallOf) step(c telephony.Call, e telephony.Event) telephony.Call {
	h.t.Helper()
	ch := h.change(c, e)
	require.NoError(h.t, h.Save(context.Background(), h.epoch, ch), "%T", e)
	return ch.After
}

// seen lets events happen that store nothing.
func (h *hallOf) seen(c telephony.Call, events ...telephony.Event) telephony.Call {
	h.t.Helper()
	for _, e := range events {
		after, records := telephony.Apply(c, e, h.now)
		require.Empty(h.t, records, "%T", e)
		require.Equal(h.t, c.Version, after.Version, "%T", e)
		c = after
	}
	return c
}

// raw stores a step that no event makes.
func (h *hallOf) raw(c telephony.Call, change func(*telephony.Change)) (telephony.Call, error) {
	h.t.Helper()
	h.now = h.now.Add(time.Second)
	ch := telephony.Change{Before: c, After: c, Actor: "controller", At: h.now}
	ch.After.Version++
	ch.After.Epoch = h.epoch
	change(&ch)
	return ch.After, h.Save(context.Background(), h.epoch, ch)
}

// queued is a call that waits in its line.
func (h *hallOf) queued(num telephony.PhoneNumber) telephony.Call {
	h.t.Helper()
	return h.admitted(h.arrive(num))
}

func (h *hallOf) admitted(c telephony.Call) telephony.Call {
	h.t.Helper()
	c = h.step(c, telephony.Arrived{Up: true})
	return h.step(c, telephony.PlayEnded{Playback: c.Cue.ID})
}

func (h *hallOf) offer(seat agent.SeatID) telephony.Offered {
	h.t.Helper()
	return telephony.Offered{Offer: telephony.Offer{
		ID: telephony.OfferID(id(h.t)), Kind: telephony.OfferLine, Seat: seat, Person: h.people[seat], Phone: agent.PhoneBrowser,
		Endpoint: "ep-" + string(seat), OfferedAt: h.now.Add(time.Second), ExpiresAt: h.now.Add(21 * time.Second),
	}}
}

func (h *hallOf) offered(c telephony.Call, seat agent.SeatID) telephony.Call {
	h.t.Helper()
	return h.step(c, h.offer(seat))
}

// together is the last event of an answer.
func (h *hallOf) together(c telephony.Call) (telephony.Call, telephony.Event) {
	h.t.Helper()
	leg, talk := c.Offers[0].Leg(), telephony.TalkBridge(c.ID)
	c = h.seen(c, telephony.LegEntered{Leg: c.Channel, Bridge: telephony.HoldBridge(c.Line)}, telephony.LegUp{Leg: leg},
		telephony.LegEntered{Leg: leg, Bridge: talk})
	return c, telephony.LegEntered{Leg: c.Channel, Bridge: talk}
}

func (h *hallOf) answered(c telephony.Call) telephony.Call {
	h.t.Helper()
	c, e := h.together(c)
	return h.step(c, e)
}

func (h *hallOf) talking(num telephony.PhoneNumber, seat agent.SeatID) telephony.Call {
	h.t.Helper()
	return h.answered(h.offered(h.queued(num), seat))
}

func (h *hallOf) declined(c telephony.Call, reason string) telephony.Call {
	h.t.Helper()
	return h.step(c, telephony.Declined{Offer: c.Offers[0].ID, Reason: reason})
}

func (h *hallOf) hungUp(c telephony.Call) telephony.Call {
	h.t.Helper()
	return h.step(c, telephony.HungUp{Seat: c.Segment.Seat})
}

// left: the citizen hangs up; soft: the exchange lets the leg fall.
func (h *hallOf) left(c telephony.Call, soft bool) telephony.Call {
	h.t.Helper()
	return h.step(c, telephony.LegDying{Leg: c.Channel, Soft: soft})
}

// stored is a call as a controller that knows nothing of it finds it.
func (h *hallOf) stored(c telephony.Call) telephony.Call {
	h.t.Helper()
	loaded, err := h.Call(context.Background(), c.ID)
	require.NoError(h.t, err)
	return loaded
}

// same says that what is stored is what the core has: all but what the exchange shows, and those who have left.
func (h *hallOf) same(c telephony.Call) {
	h.t.Helper()
	c.Seen, c.Cue = telephony.Seen{}, nil
	parts := c.Parts
	c.Parts = nil
	for _, p := range parts {
		if p.State != telephony.StateGone {
			p.Retry = time.Time{} // asked again at once
			c.Parts = append(c.Parts, p)
		}
	}
	if len(c.Offers) == 0 {
		c.Offers = nil
	}
	require.Equal(h.t, c, h.stored(c))
}

func TestOneCallsWay(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	c := h.arrive("sip:+8613812345678@carrier")
	require.Equal(t, telephony.PhaseArrived, c.Phase)
	require.Equal(t, "138****5678", c.Masked)
	require.Equal(t, hall, c.Line)
	require.Equal(t, h.session, c.Session)
	require.Equal(t, telephony.Rules{Ring: 20 * time.Second, WrapUp: 2 * time.Minute, Grace: 20 * time.Second, Notice: "hotline/recording-notice", Open: true}, c.Rules)
	require.Equal(t, []telephony.Participant{{
		ID: telephony.ParticipantID(c.ID), Role: telephony.RoleCaller, Leg: c.Channel, State: telephony.StateUp, Since: at,
	}}, c.Parts)
	n, err := h.Number(ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, "13812345678", string(n))

	c = h.step(c, telephony.Arrived{Up: true})
	h.same(c)
	require.Equal(t, telephony.RoomHold, h.stored(c).Parts[0].Want)
	c = h.step(c, telephony.PlayEnded{Playback: c.Cue.ID})
	h.same(c)
	c = h.offered(c, "A01")
	h.same(c)
	c = h.answered(c)
	h.same(c)
	require.Equal(t, h.now, c.Segment.BeganAt)
	st, err := h.Seat(ctx, "A01")
	require.NoError(t, err)
	require.Equal(t, agent.WorkEngaged, st.Work)
	require.Equal(t, h.people["A01"], st.Person)
	require.Equal(t, "ep-A01", st.Endpoint)
	require.Empty(t, st.HA1, "RA5")

	c = h.step(c, telephony.Held{Seat: "A01", On: true})
	h.same(c)
	c = h.step(c, telephony.Muted{Seat: "A01", On: true})
	h.same(c)
	c = h.hungUp(c)
	h.same(c)
	open, err := h.Open(ctx)
	require.NoError(t, err)
	require.Empty(t, open)
	wraps, err := h.WrapUps(ctx)
	require.NoError(t, err)
	require.Equal(t, []telephony.SeatWork{{Seat: "A01", Work: agent.WorkWrapUp, Call: c.ID, Until: c.EndedAt.Add(2 * time.Minute), Since: c.EndedAt}}, wraps)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM segment WHERE call = $1 AND why = 'finished' AND wrapup_until = $2 AND wrapup_ended_at IS NULL`,
		c.ID, c.EndedAt.Add(2*time.Minute)))

	for _, want := range []bool{true, false} {
		over, err := h.EndWrapUp(ctx, h.epoch, "A01", "controller", c.EndedAt.Add(time.Minute))
		require.NoError(t, err)
		require.Equal(t, want, over)
	}
	require.Equal(t, 1, h.count(`SELECT count(*) FROM segment WHERE call = $1 AND wrapup_ended_at = $2`, c.ID, c.EndedAt.Add(time.Minute)))
	_, err = h.EndWrapUp(ctx, h.epoch, "Z99", "controller", at)
	require.ErrorIs(t, err, telephony.ErrNotFound)

	require.Equal(t, 2, h.count(`SELECT count(*) FROM participant WHERE call = $1 AND joined_at < left_at AND state = 'gone'`, c.ID))
	require.Zero(t, h.count(`SELECT count(*) FROM callback`))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM fact WHERE subject = $1 AND kind = 'call.ended' AND epoch = 1`, c.ID))
	require.Equal(t, 4, h.count(`SELECT count(*) FROM fact WHERE subject = 'A01' AND kind = 'seat.work'`))
}

// A seat whose leg is lost is rung again by an offer of its own, which may stand while the seat is in the conversation.
func TestComingBack(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.talking("13812345678", "A01")
	first := c.Segment.ID
	c = h.step(c, telephony.LegDying{Leg: c.Parts[1].Leg})
	h.same(c)
	require.Equal(t, telephony.StateLost, c.Parts[1].State)
	require.Equal(t, telephony.WordReconnecting, h.stored(c).Word())

	known := telephony.SeatKnown{
		Seat:  agent.State{Seat: "A01", Person: h.people["A01"], Phone: agent.PhoneBrowser, Endpoint: "ep-A01", Device: agent.DeviceOK},
		Offer: telephony.OfferID(id(t)),
	}
	other := h.change(c, known)
	other.Opened[0].Person = h.people["A02"]
	require.ErrorIs(t, h.Save(t.Context(), 1, other), telephony.ErrSeatTaken, "somebody else sits there now")
	c = h.step(c, known)
	h.same(c)
	loaded := h.stored(c)
	require.Equal(t, telephony.OfferResume, loaded.Offers[0].Kind)
	require.Equal(t, telephony.StateAsked, loaded.Parts[1].State)
	require.Equal(t, telephony.LegOf(known.Offer), loaded.Parts[1].Leg)
	require.Equal(t, first, loaded.Parts[1].ID)
	require.Equal(t, telephony.WordReconnecting, loaded.Word())

	c = h.answered(c)
	h.same(c)
	require.Equal(t, telephony.LegOf(known.Offer), h.stored(c).Parts[1].Leg, "who is up keeps the leg")
	require.Equal(t, 1, h.count(`SELECT count(*) FROM segment`))

	// A seat that another call holds can not come back to this one.
	other2 := h.queued("13912345678")
	wrong := h.change(other2, h.offer("A01"))
	wrong.Work, wrong.Opened[0].Kind = nil, telephony.OfferResume
	require.ErrorIs(t, h.Save(t.Context(), 1, wrong), telephony.ErrSeatTaken)
}

// RT9: after the grace the seat wraps up while its call waits again, first of all.
func TestRT9GraceOver(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.talking("13812345678", "A01")
	c = h.step(c, telephony.LegDying{Leg: c.Parts[1].Leg})
	h.now = c.Parts[1].Deadline
	c = h.step(c, telephony.TimePassed{})
	require.Equal(t, telephony.PhaseWaiting, c.Phase)
	h.same(c)
	require.Equal(t, telephony.WordQueued, h.stored(c).Word())
	require.Equal(t, 1, h.count(`SELECT count(*) FROM seat_work WHERE seat = 'A01' AND work = 'wrap_up' AND call = $1`, c.ID))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM segment WHERE why = 'lost' AND wrapup_until IS NOT NULL`))
	require.Empty(t, h.breaches())
	c = h.answered(h.offered(c, "A02"))
	require.Empty(t, h.breaches())
	require.Equal(t, 2, h.count(`SELECT count(*) FROM segment WHERE call = $1`, c.ID))
	h.exec(`DELETE FROM segment WHERE seat = 'A01'`)
	require.Contains(t, h.breaches(), "I4 seats whose work is not their call's: A01", "a wrap-up without a conversation before it")
}

func TestSkipsAreRemembered(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.declined(h.offered(h.queued("13812345678"), "A01"), telephony.ReasonRecusal)
	c = h.offered(c, "A02")
	h.now = c.Offers[0].ExpiresAt
	c = h.step(c, telephony.LegEnded{Leg: c.Offers[0].Leg(), Cause: 19}) // nobody answered
	h.same(c)
	require.Len(t, c.Skips, 2)
	require.True(t, c.Skips[0].Never)
	require.Equal(t, h.people["A01"], c.Skips[0].Person)
	require.Equal(t, 1, h.count(`SELECT misses FROM seat_work WHERE seat = 'A02'`))
	c = h.declined(h.offered(c, "A02"), "away")
	h.same(c)
	require.Len(t, c.Skips, 2, "the last word of each seat")
}

// A pair of offers by kind: one of the line, and beside it one that asks a second seat.
func TestOffersByKind(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	c := h.offered(h.queued("13812345678"), "A01")
	second := h.offer("A02").Offer
	ask := func(kind telephony.OfferKind) error {
		_, err := h.raw(c, func(ch *telephony.Change) {
			second.ID, second.Kind, second.Part, second.Group, second.State = telephony.OfferID(id(t)), kind, telephony.ParticipantID(second.ID), c.Offers[0].ID, telephony.OfferOpen
			ch.Opened = []telephony.Offer{second}
			ch.Work = []telephony.SeatWork{{Seat: "A02", Work: agent.WorkOffered, Offer: second.ID, Call: c.ID}}
		})
		return err
	}
	require.ErrorIs(t, ask(telephony.OfferLine), telephony.ErrSeatTaken, "one open line offer per call")
	require.NoError(t, ask(telephony.OfferConsult))
	loaded, err := h.Call(ctx, c.ID)
	require.NoError(t, err)
	require.Len(t, loaded.Offers, 2)
	require.Equal(t, c.Offers[0].ID, loaded.Offers[1].Group)
	require.Equal(t, []telephony.Role{telephony.RoleCaller, telephony.RoleOfficial, telephony.RoleConsulted},
		[]telephony.Role{loaded.Parts[0].Role, loaded.Parts[1].Role, loaded.Parts[2].Role})
	require.Equal(t, second.Leg(), loaded.Parts[2].Leg)
	require.Empty(t, h.breaches())
}

// RT2, F34: what the database will never take is told apart from a database that is away.
func TestUnstorable(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.offered(h.queued("13812345678"), "A01")
	ch := h.change(c, telephony.Declined{Offer: c.Offers[0].ID, Reason: "a\x00b"})
	err := h.Save(t.Context(), 1, ch)
	require.ErrorIs(t, err, telephony.ErrUnstorable)
	_, err = h.raw(c, func(ch *telephony.Change) { ch.After.Priority = 77 })
	require.ErrorIs(t, err, telephony.ErrUnstorable)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = h.Save(ctx, 1, ch)
	require.Error(t, err)
	require.NotErrorIs(t, err, telephony.ErrUnstorable)
	h.declined(c, "away")
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
	h := setup(t)
	c := h.arrive("13812345678")
	for _, state := range []string{"open", "closing", "draining", "closed"} {
		h.exec(`UPDATE session SET state = $1`, state)
		require.Equal(t, state == "open", h.stored(c).Rules.Open, state)
		tagged := h.arrive("13812345678").Session
		require.Equal(t, state != "closed", tagged == h.session, state)
	}
	h.exec(`UPDATE session SET state = 'open', closes_at = now()`)
	require.False(t, h.stored(c).Rules.Open, "the window is over")
	a := h.arrival("13812345678")
	a.Dialled = "12346"
	ordinary, _, err := h.Arrive(t.Context(), 1, a)
	require.NoError(t, err)
	require.True(t, ordinary.Rules.Open, "the ordinary line is always open")
	require.Empty(t, ordinary.Session)
}

// Number and window choose the line: of two behind one number the session's while it takes calls, else the operators'.
func TestNumberAndWindowChooseTheLine(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	require.Equal(t, hall, h.arrive("13812345678").Line)
	h.exec(`UPDATE session SET state = 'closing'`)
	c := h.arrive("13812345678")
	require.Equal(t, hall, c.Line, "alone it takes the call all the same, and says that it is closed")
	require.False(t, c.Rules.Open)
	h.exec(`INSERT INTO line_number (number, line, rank, during) VALUES ('12345', 'ordinary', 1, 'always')`)
	c = h.arrive("13812345678")
	require.EqualValues(t, "ordinary", c.Line)
	require.True(t, c.Rules.Open)
	require.Empty(t, c.Session)
	h.exec(`UPDATE session SET state = 'open'`)
	require.Equal(t, hall, h.arrive("13812345678").Line)

	lines, err := h.Lines(ctx)
	require.NoError(t, err)
	require.Len(t, lines, 2)
	require.EqualValues(t, "ordinary", lines[0].ID)
	require.Equal(t, []string{"12345", "12346"}, lines[0].Numbers)
	require.Equal(t, c.Rules, lines[0].Rules)
	require.Equal(t, []string{"12345"}, lines[1].Numbers)
}

// A call may change its line, with history; nothing else of its place (I6).
func TestLineChangeHasAHistory(t *testing.T) {
	t.Parallel()
	h := setup(t)
	c := h.queued("13812345678")
	c = h.step(c, telephony.AllRecused{Line: "ordinary", Rules: c.Rules})
	require.EqualValues(t, "ordinary", c.Line)
	require.EqualValues(t, "ordinary", h.stored(c).Line)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM call_line WHERE call = $1 AND from_line = 'session' AND to_line = 'ordinary' AND why = 'all_recused' AND at = $2`,
		c.ID, h.now))
}

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

// blocked returns once a statement waits for another's lock: Postgres itself is asked, nothing sleeps.
func (h *hallOf) blocked() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for h.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
		require.NoError(h.t, ctx.Err(), "nothing waits")
	}
}

func TestSeatsOfALine(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	c := h.offered(h.queued("13812345678"), "A02")
	h.exec(`UPDATE seat_work SET misses = 2 WHERE seat = 'A01'`)
	seats, err := h.Seats(ctx, hall)
	require.NoError(t, err)
	want := []telephony.LineSeat{
		{Seat: "A01", Kind: agent.SeatOfficial, Person: h.people["A01"], Phone: agent.PhoneBrowser, Endpoint: "ep-A01", Open: true, Since: at, Misses: 2},
		{Seat: "A02", Kind: agent.SeatOfficial, Person: h.people["A02"], Phone: agent.PhoneBrowser, Endpoint: "ep-A02", Open: true},
	}
	require.Equal(t, want, seats)
	h.exec(`UPDATE seat_state SET intent = 'busy' WHERE seat = 'A01'`)
	h.exec(`UPDATE seat_state SET pending = 'rest' WHERE seat = 'A02'`)
	want[0].Open, want[1].Open = false, false
	seats, err = h.Seats(ctx, hall)
	require.NoError(t, err)
	require.Equal(t, want, seats)

	pending, err := h.Pending(ctx)
	require.NoError(t, err)
	require.Empty(t, pending, "the call that rings goes first")
	h.left(c, false)
	pending, err = h.Pending(ctx)
	require.NoError(t, err)
	require.Equal(t, []agent.SeatID{"A02"}, pending, "RT4")

	_, err = h.Seat(ctx, "Z99")
	require.ErrorIs(t, err, telephony.ErrNotFound)
	for _, none := range []telephony.CallID{"no-uuid", "", telephony.CallID(id(t))} {
		_, err = h.Call(ctx, none)
		require.ErrorIs(t, err, telephony.ErrNotFound)
	}
}
