package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/vault/vaulttest"
	"hotline/deploy/migrations"
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
	super   *pgxpool.Pool // whom nothing is forbidden: what a test does to the database by hand
	session string
	people  map[agent.SeatID]agent.PersonID
	epoch   int64
	now     time.Time // a second later with every step
}

func setup(tb testing.TB) *hallOf {
	tb.Helper()
	pool := pgtest.New(tb)
	h := &hallOf{t: tb, pool: pool, super: pgtest.Super(tb, pool), session: id(tb), people: map[agent.SeatID]agent.PersonID{}, epoch: 1, now: at}
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
	h.Store = store.New(pgtest.Open(tb, pgtest.As(tb, migrations.RoleController, pool.Config().ConnString())), vaulttest.New(tb))
	return h
}

// Board is read by the web: the controller knows neither units nor names.
func (h *hallOf) Board(ctx context.Context, now time.Time) (telephony.Board, error) {
	return store.New(h.pool, nil).Board(ctx, now)
}

func id(t require.TestingT) string {
	v, err := uuid.NewV7()
	require.NoError(t, err)
	return v.String()
}

func (h *hallOf) exec(sql string, args ...any) {
	h.t.Helper()
	_, err := h.super.Exec(context.Background(), sql, args...)
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

// blocked returns once a statement waits for another's lock: Postgres itself is asked, nothing sleeps.
func (h *hallOf) blocked() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for h.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
		require.NoError(h.t, ctx.Err(), "nothing waits")
	}
}
