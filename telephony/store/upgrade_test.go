package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/policy"
	"hotline/agent/vault/vaulttest"
	"hotline/deploy/migrations"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/store"
)

// older is a hall as the version before participants left it: every state that a call could be in.
type older struct {
	*hallOf

	calls  map[string]telephony.Call // by what they do; Channel, Seq and Segment.ID are the old rows'
	offers map[string]string
}

func setupOlder(t *testing.T) (*older, func(version int)) {
	t.Helper()
	pool, to := pgtest.At(t, 4)
	h := &hallOf{t: t, pool: pool, super: pool, session: id(t), people: map[agent.SeatID]agent.PersonID{}, epoch: 3, now: at}
	h.Store = store.New(pool, vaulttest.New(t))
	o := &older{hallOf: h, calls: map[string]telephony.Call{}, offers: map[string]string{}}
	h.exec(`INSERT INTO unit VALUES ('EDU', '省教育厅', '安徽省教育厅', 'department')`)
	h.exec(`INSERT INTO line (id, name, number, grace_seconds) VALUES ('session', '接热线、办实事', '12345', 30), ('ordinary', '普通', '12346', 20)`)
	h.exec(`INSERT INTO session (id, number, unit, theme, opens_at, closes_at, state) VALUES ($1, 1, 'EDU', '教育', $2, $3, 'open')`, h.session, at, farAway)
	h.exec(`UPDATE controller SET epoch = 3, holder = 'old', renewed_at = clock_timestamp()`)
	for _, seat := range []agent.SeatID{"A01", "A02", "A03", "A04", "A05", "A06"} {
		h.people[seat] = agent.PersonID(id(t))
		h.exec(`INSERT INTO person (id, login_name, name, password_hash, created_at) VALUES ($1, $2, '张三', '-', $3)`, h.people[seat], "p"+string(seat[1:]), at)
		h.exec(`INSERT INTO seat VALUES ($1, 'session', 'official', 'EDU', '席')`, seat)
		h.exec(`INSERT INTO seat_state (seat, person, endpoint, intent, device, since) VALUES ($1, $2, $3, 'ready', 'ok', $4)`,
			seat, h.people[seat], "ep-"+string(seat), at)
		h.exec(`INSERT INTO seat_work (seat, since) VALUES ($1, $2)`, seat, at)
	}
	return o, to
}

// newest is the version that the store of today reads.
func (o *older) newest() int {
	o.t.Helper()
	conn, err := o.pool.Acquire(o.t.Context())
	require.NoError(o.t, err)
	defer conn.Release()
	_, newest, err := migrations.Version(o.t.Context(), conn.Conn())
	require.NoError(o.t, err)
	return newest
}

func (o *older) call(name, state string) string {
	call := telephony.CallID(id(o.t))
	ch := telephony.LegID("ch-" + name)
	o.exec(`INSERT INTO call (id, channel, entity, line, session, dialled, num_enc, num_tail, state, seq, arrived_at, queued_at, epoch, version)
		VALUES ($1, $2, 'e', 'session', $3, '12345', '\x01', '138****5678', $4, nextval('call_seq'), $5::timestamptz,
			CASE WHEN $4 NOT IN ('arrived', 'screening') THEN $5::timestamptz + interval '5 s' END, 3, 4)`,
		call, ch, o.session, state, at)
	o.exec(`INSERT INTO leg (channel, call, role) VALUES ($1, $2, 'caller')`, ch, call)
	o.calls[name] = telephony.Call{ID: call, Channel: ch}
	return string(call)
}

// offer is an offer of that call at a seat; leg is the seat's channel: the offer's id when it is empty.
func (o *older) offer(name string, seat agent.SeatID, state, leg string, after time.Duration) string {
	offer := id(o.t)
	if leg == "" {
		leg = offer
	}
	var closed *time.Time
	if state != "open" {
		end := at.Add(after + 2*time.Second)
		closed = &end
	}
	o.exec(`INSERT INTO offer (id, call, seat, person, state, offered_at, expires_at, closed_at, epoch, leg)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 3, $9)`, offer, o.calls[name].ID, seat, o.people[seat], state, at.Add(after), at.Add(after+20*time.Second), closed, leg)
	return offer
}

// accepted is a call with an accepted offer whose leg has joined.
func (o *older) accepted(name, state string, seat agent.SeatID) string {
	o.call(name, state)
	offer := o.offer(name, seat, "accepted", "", 10*time.Second)
	o.exec(`INSERT INTO leg (channel, call, role, seat, joined_at) VALUES ($1, $2, 'official', $3, $4)`, offer, o.calls[name].ID, seat, at.Add(12*time.Second))
	o.exec(`UPDATE leg SET joined_at = $1 WHERE role = 'caller' AND call = $2`, at.Add(12*time.Second), o.calls[name].ID)
	o.exec(`UPDATE call SET answered_at = $1, seat = $2, offer = $3 WHERE id = $4`, at.Add(12*time.Second), seat, offer, o.calls[name].ID)
	o.exec(`UPDATE seat_work SET work = 'engaged', call = $1 WHERE seat = $2`, o.calls[name].ID, seat)
	o.offers[name] = offer
	return offer
}

func (o *older) ended(name, outcome, cause string) {
	o.exec(`UPDATE call SET state = 'ended', outcome = $1, cause = $2, ended_at = $3, offer = NULL WHERE id = $4`, outcome, cause, at.Add(time.Minute), o.calls[name].ID)
	o.exec(`UPDATE leg SET left_at = $1, cause = $2 WHERE call = $3 AND left_at IS NULL`, at.Add(time.Minute), cause, o.calls[name].ID)
	o.exec(`INSERT INTO fact (at, kind, subject, topics, actor) VALUES ($1, 'call.ended', $2, '{}', 'controller')`, at, o.calls[name].ID)
}

// fill leaves the hall as the old code did.
func (o *older) fill() {
	o.accepted("talks", "talking", "A02")
	o.accepted("talks after a reload", "talking", "A03")
	o.exec(`UPDATE offer SET leg = 'second' WHERE id = $1`, o.offers["talks after a reload"])
	o.exec(`UPDATE leg SET left_at = $1, cause = 'page_reloaded' WHERE channel = $2`, at.Add(20*time.Second), o.offers["talks after a reload"])
	o.exec(`INSERT INTO leg (channel, call, role, seat, joined_at) VALUES ('second', $1, 'official', 'A03', $2)`, o.calls["talks after a reload"].ID, at.Add(25*time.Second))
	o.accepted("has lost its seat", "reconnecting", "A04")
	o.exec(`UPDATE offer SET leg = '' WHERE id = $1`, o.offers["has lost its seat"])
	o.exec(`UPDATE leg SET left_at = $1, cause = 'leg_lost' WHERE channel = $2`, at.Add(20*time.Second), o.offers["has lost its seat"])

	o.accepted("waits after the grace", "queued", "A05")
	o.exec(`UPDATE call SET offer = NULL WHERE id = $1`, o.calls["waits after the grace"].ID)
	o.exec(`UPDATE leg SET left_at = $1, cause = 'leg_lost' WHERE channel = $2`, at.Add(20*time.Second), o.offers["waits after the grace"])
	o.exec(`UPDATE seat_work SET work = 'wrap_up', until = $1 WHERE seat = 'A05'`, at.Add(3*time.Minute))

	o.accepted("is over", "talking", "A06")
	o.ended("is over", "answered_official", "seat")
	o.exec(`UPDATE seat_work SET work = 'wrap_up', until = $1 WHERE seat = 'A06'`, at.Add(3*time.Minute))

	o.call("arrived", "arrived")
	o.call("hears the notice", "screening")
	o.call("waits", "queued")
	o.offer("waits", "A01", "expired", "", 9*time.Second)
	o.call("is offered", "offered")
	offer := o.offer("is offered", "A01", "open", "", 21*time.Second)
	o.offers["is offered"] = offer
	o.exec(`UPDATE call SET offer = $1 WHERE id = $2`, offer, o.calls["is offered"].ID)
	o.exec(`UPDATE seat_work SET work = 'offered', offer = $1, call = $2, misses = 2 WHERE seat = 'A01'`, offer, o.calls["is offered"].ID)
	o.call("gave up", "queued")
	o.ended("gave up", "abandoned_in_queue", "caller")
	o.exec(`INSERT INTO callback (id, call, reason, created_at) VALUES ($1, $2, 'abandoned_in_queue', $3)`, id(o.t), o.calls["gave up"].ID, at)
}

// What the version before has stored is loaded as the core expects it: conversations go on.
func TestUpgradeKeepsEveryCall(t *testing.T) {
	t.Parallel()
	o, to := setupOlder(t)
	o.fill()
	to(5)
	to(o.newest())
	open, err := o.Open(t.Context())
	require.NoError(t, err)
	found := map[telephony.CallID]telephony.Call{}
	for _, c := range open {
		found[c.ID] = c
	}
	require.Len(t, found, 8)
	get := func(name string) telephony.Call {
		c, there := found[o.calls[name].ID]
		require.True(t, there, name)
		require.Equal(t, o.calls[name].Channel, c.Channel)
		require.EqualValues(t, 4, c.Version)
		caller := c.Parts[0]
		require.Equal(t, telephony.RoleCaller, caller.Role)
		require.EqualValues(t, c.ID, caller.ID)
		require.Equal(t, c.Channel, caller.Leg)
		require.Equal(t, telephony.StateUp, caller.State)
		return c
	}
	for name, word := range map[string]telephony.Word{
		"arrived": telephony.WordArrived, "hears the notice": telephony.WordScreening, "waits": telephony.WordQueued, "is offered": telephony.WordOffered,
		"talks": telephony.WordTalking, "talks after a reload": telephony.WordTalking, "has lost its seat": telephony.WordReconnecting,
		"waits after the grace": telephony.WordQueued,
	} {
		require.Equal(t, word, get(name).Word(), name)
	}
	require.Equal(t, telephony.RoomHold, get("waits").Parts[0].Want)
	require.EqualValues(t, "A01", get("waits").Skips[0].Seat)
	require.True(t, get("waits").Rules.Open)

	ringing := get("is offered")
	offer := telephony.OfferID(o.offers["is offered"])
	require.Equal(t, offer, ringing.Offers[0].ID)
	require.Equal(t, telephony.OfferLine, ringing.Offers[0].Kind)
	require.Equal(t, 2, ringing.Offers[0].Misses)
	require.Equal(t, telephony.Participant{
		ID: telephony.ParticipantID(offer), Role: telephony.RoleOfficial, Seat: "A01", Person: o.people["A01"], Phone: agent.PhoneBrowser, Endpoint: "ep-A01",
		Leg: telephony.LegOf(offer), Offer: offer, Want: telephony.RoomTalk, State: telephony.StateAsked, Since: ringing.Offers[0].OfferedAt,
	}, ringing.Parts[1])

	talks := get("talks")
	require.Equal(t, telephony.RoomTalk, talks.Parts[0].Want)
	require.Equal(t, telephony.StateUp, talks.Parts[1].State)
	require.EqualValues(t, o.offers["talks"], talks.Parts[1].Leg, "the old version named it so")
	require.Equal(t, at.Add(12*time.Second), talks.Parts[1].Joined)
	require.Equal(t, &telephony.Segment{
		ID: telephony.ParticipantID(o.offers["talks"]), Seat: "A02", Person: o.people["A02"], BeganAt: at.Add(12 * time.Second),
	}, talks.Segment)
	reloaded := get("talks after a reload")
	require.Len(t, reloaded.Parts, 2)
	require.EqualValues(t, "second", reloaded.Parts[1].Leg)
	require.Equal(t, at.Add(12*time.Second), reloaded.Segment.BeganAt)
	lost := get("has lost its seat")
	require.Equal(t, telephony.StateLost, lost.Parts[1].State)
	require.Empty(t, lost.Parts[1].Leg)
	require.WithinDuration(t, time.Now().Add(30*time.Second), lost.Parts[1].Deadline, 25*time.Second, "the whole grace")
	require.NotNil(t, lost.Segment)
	require.Nil(t, get("waits after the grace").Segment)

	require.Equal(t, 1, o.count(`SELECT count(*) FROM segment WHERE call = $1 AND why = 'lost' AND wrapup_until = $2`,
		o.calls["waits after the grace"].ID, at.Add(3*time.Minute)))
	require.Equal(t, 1, o.count(`SELECT count(*) FROM segment WHERE call = $1 AND why = 'finished' AND ended_at = $2 AND wrapup_until = $3`,
		o.calls["is over"].ID, at.Add(time.Minute), at.Add(3*time.Minute)))
	require.Equal(t, 5, o.count(`SELECT count(*) FROM segment`))
	require.Equal(t, 15, o.count(`SELECT count(*) FROM participant`))
	require.Empty(t, o.breaches())

	tasks, err := o.Callbacks(t.Context(), policy.Reach{Scope: policy.All}, "open")
	require.NoError(t, err)
	require.Len(t, tasks, 1)
	lines, err := o.Lines(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"12346"}, lines[0].Numbers)
	require.Equal(t, []string{"12345"}, lines[1].Numbers)
}

// A conversation of the old version goes on and ends in the new one.
func TestUpgradedConversationGoesOn(t *testing.T) {
	t.Parallel()
	o, to := setupOlder(t)
	o.fill()
	to(5)
	to(o.newest())
	c := o.stored(o.calls["talks"])
	talk := telephony.TalkBridge(c.ID)
	c = o.seen(c, telephony.Looked{At: o.now, Adopted: true, Talk: true, Legs: map[telephony.LegID]telephony.LegSeen{
		c.Channel: {Up: true, In: talk}, c.Parts[1].Leg: {Up: true, In: talk},
	}})
	for _, order := range telephony.Plan(c, c.Seen, o.now) {
		_, watch := order.Act.(telephony.Watch)
		_, unmute := order.Act.(telephony.SetMute)
		require.True(t, watch || unmute, "nobody is moved, rung or hung up: %T", order.Act)
	}
	c = o.hungUp(c)
	o.same(c)
	require.Equal(t, telephony.OutcomeAnsweredOfficial, c.Outcome)
	require.Empty(t, o.breaches())
}

// The way back loses no call either.
func TestDowngrade(t *testing.T) {
	t.Parallel()
	o, to := setupOlder(t)
	o.fill()
	to(5)
	to(4)
	for name, state := range map[string]string{
		"arrived": "arrived", "hears the notice": "screening", "waits": "queued", "is offered": "offered", "talks": "talking", "is over": "ended",
	} {
		require.Equal(t, 1, o.count(`SELECT count(*) FROM call WHERE id = $1 AND state = $2`, o.calls[name].ID, state), name)
	}
	require.Equal(t, 1, o.count(`SELECT count(*) FROM offer o JOIN call c ON c.offer = o.id WHERE c.id = $1 AND o.leg = $2`, o.calls["talks"].ID, o.offers["talks"]))
	require.Equal(t, 1, o.count(`SELECT count(*) FROM line WHERE id = 'session' AND number = '12345'`))
	to(5)
	require.Empty(t, o.breaches())
}

// Two calls with the same id of two runs of the exchange are both kept by a version that knows one run only.
func TestDowngradeOfTheSameChannelTwice(t *testing.T) {
	t.Parallel()
	o, to := setupOlder(t)
	o.fill()
	to(8)
	o.exec(`INSERT INTO call (id, channel, entity, line, dialled, num_tail, phase, seq, arrived_at, ended_at, outcome, epoch)
		SELECT gen_random_uuid(), channel, 'f', line, dialled, num_tail, 'ended', nextval('call_seq'), $2, $2, 'abandoned_in_queue', epoch
		FROM call WHERE id = $1`, o.calls["waits"].ID, at)
	all := o.count(`SELECT count(*) FROM call`)
	to(7)
	require.Equal(t, all, o.count(`SELECT count(DISTINCT channel) FROM call`))
	require.Equal(t, 1, o.count(`SELECT count(*) FROM call WHERE id = $1 AND channel = $2`, o.calls["waits"].ID, o.calls["waits"].Channel))
	to(8)
}
