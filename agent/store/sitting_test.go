package store_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/agent"
)

// sat is a row of history.
type sat struct {
	Seat, Place, Person, Client, Endpoint, Device string
	Ended                                         bool
}

func (h *hall) sittings(t *testing.T) []sat {
	t.Helper()
	rows, err := h.pool.Query(t.Context(), `SELECT seat, place, person::text, client, endpoint, device, ended_at IS NOT NULL FROM sitting ORDER BY id`)
	require.NoError(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[sat])
	require.NoError(t, err)
	return all
}

// Who sat where, from when to when, with which page: history beside what the seat is now.
func TestSittingsAreKept(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li, rec, op := h.person(t, "li", agent.RoleOfficial), h.person(t, "rec", agent.RoleRecorder), h.person(t, "op", agent.RoleOperator)
	s := h.ready(t, li, "A01")
	_, err := h.service.Take(t.Context(), rec, "A01", agent.PlaceRecorder, false)
	require.NoError(t, err)
	_, err = h.service.Take(t.Context(), op, "B01", agent.PlaceOfficial, false)
	require.NoError(t, err)
	first := sat{"A01", "official", string(li.Person), "page-1", s.Endpoint, "browser", false}
	beside := sat{"A01", "recorder", string(rec.Person), "", "", "", false}
	operator := sat{"B01", "operator", string(op.Person), "", "", "", false}
	require.Equal(t, []sat{first, beside, operator}, h.sittings(t))

	// Another page of the same person goes on with the sitting.
	_, err = h.service.Take(t.Context(), li, "A01", agent.PlaceOfficial, true)
	require.NoError(t, err)
	first.Client, first.Endpoint, first.Device = "", "", ""
	require.Equal(t, []sat{first, beside, operator}, h.sittings(t))
	acc, err := h.service.Phone(t.Context(), li, "A01", "page-2", agent.PhoneBrowser, "")
	require.NoError(t, err)
	first.Client, first.Endpoint, first.Device = "page-2", acc.Endpoint, "browser"

	// While a citizen is on the line the sitting goes on; what served the call ends first.
	h.work(t, "A01", "engaged")
	_, err = h.service.SignOut(t.Context(), li, "A01", agent.PlaceOfficial, "")
	require.NoError(t, err)
	require.Equal(t, []sat{first, beside, operator}, h.sittings(t))
	h.exec(t, `UPDATE seat_work SET work = 'idle', call = NULL, version = version + 1 WHERE seat = 'A01'`)
	require.NoError(t, h.service.WorkOver(t.Context(), "A01"))
	first.Ended = true
	require.Equal(t, []sat{first, beside, operator}, h.sittings(t), "the page and the telephone that it had stay in its row")

	_, err = h.service.SignOut(t.Context(), rec, "A01", agent.PlaceRecorder, "")
	require.NoError(t, err)
	beside.Ended = true
	_, err = h.service.Take(t.Context(), rec, "A02", agent.PlaceRecorder, false)
	require.NoError(t, err)
	require.Equal(t, []sat{first, beside, operator, {"A02", "recorder", string(rec.Person), "", "", "", false}}, h.sittings(t))

	// A clock that goes back leaves no sitting that ends before it begins.
	h.service.Now = func() time.Time { return at().Add(-time.Hour) }
	_, err = h.service.SignOut(t.Context(), rec, "A02", agent.PlaceRecorder, "")
	require.NoError(t, err)
	require.True(t, h.sittings(t)[3].Ended)
}

// RS4: a place is lost with the assignment by which one sits, whatever other sessions that person was or will be assigned to; a session that
// ends throws nobody out. Whoever has a call keeps the standing until it is over.
func TestWhatKeepsAPlace(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li := h.person(t, "li", agent.RoleOfficial)
	h.ready(t, li, "A01")
	kept := func() (bool, agent.SeatID) {
		t.Helper()
		all, err := h.store.Sitters(t.Context(), at())
		require.NoError(t, err)
		require.Len(t, all, 1)
		who, err := h.store.StandingsOf(t.Context(), []agent.PersonID{li.Person})
		require.NoError(t, err)
		return all[0].Assigned, who[li.Person].Seat
	}
	require.Equal(t, []any{true, agent.SeatID("A01")}, list(kept()))
	h.exec(t, `DELETE FROM assignment`)
	require.Equal(t, []any{false, agent.SeatID("")}, list(kept()))

	h.exec(t, `INSERT INTO unit VALUES ('X01', '甲', '甲厅', 'department') ON CONFLICT DO NOTHING`)
	session := func(number int, days int, state string) {
		h.exec(t, `WITH s AS (INSERT INTO session (id, number, unit, theme, opens_at, closes_at, state)
			SELECT gen_random_uuid(), $1, (SELECT code FROM unit LIMIT 1), 't', i.began_at + make_interval(days => $2), i.began_at + make_interval(days => $2, hours => 3), $3
			FROM sitting i WHERE i.ended_at IS NULL RETURNING id)
			INSERT INTO assignment (id, session, seat, place, person, made_at) SELECT gen_random_uuid(), s.id, 'A01', 'official', $4, now() FROM s`,
			number, days, state, li.Person)
	}
	session(40, -7, "closed")
	session(42, 7, "published")
	require.Equal(t, []any{false, agent.SeatID("")}, list(kept()), "sessions before and to come")
	h.work(t, "A01", "engaged")
	require.Equal(t, []any{false, agent.SeatID("A01")}, list(kept()), "a conversation ends first")
	h.exec(t, `UPDATE seat_work SET work = 'idle', call = NULL, version = version + 1 WHERE seat = 'A01'`)
	require.Equal(t, []any{false, agent.SeatID("")}, list(kept()))
	session(41, 0, "closed")
	require.Equal(t, []any{true, agent.SeatID("A01")}, list(kept()), "it ended while they sat there")
}

func list(all ...any) []any { return all }

// RU13: a page that is gone is noted of who sits beside, and of nobody else; the place goes to the next who takes it, and the history says so.
func TestRU13AbsenceIsKept(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li, rec, next := h.person(t, "li", agent.RoleOfficial), h.person(t, "rec", agent.RoleRecorder), h.person(t, "next", agent.RoleRecorder)
	h.ready(t, li, "A01")
	g, long := agent.UsualGrace(), at().Add(-time.Hour)
	_, err := h.service.Take(t.Context(), rec, "A01", agent.PlaceRecorder, false)
	require.NoError(t, err)
	look := func() agent.Attendance {
		t.Helper()
		all, err := h.store.Attendances(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 1, "the official's place is none of these")
		return all[0]
	}
	attend := func(after time.Duration) bool {
		t.Helper()
		h.service.Now = func() time.Time { return at().Add(after) }
		changed, err := h.service.Attend(t.Context(), look(), g, long)
		require.NoError(t, err)
		return changed
	}
	require.NoError(t, h.store.SawPages(t.Context(), []agent.PersonID{rec.Person, li.Person}, at().Add(time.Second)))
	require.NoError(t, h.store.SawPages(t.Context(), []agent.PersonID{rec.Person}, at()))
	require.Equal(t, at().Add(time.Second), look().SeenAt, "what another server saw earlier is not later")
	require.False(t, attend(g.Away))
	require.True(t, attend(g.Away+time.Second))
	require.False(t, attend(g.Away+2*time.Second))
	require.Equal(t, agent.Side{Person: rec.Person, Away: true}, h.seat(t, "A01").Recorder)
	old := look()
	_, err = h.service.Take(t.Context(), next, "A01", agent.PlaceRecorder, false)
	require.NoError(t, err)
	require.Equal(t, agent.Side{Person: next.Person}, h.seat(t, "A01").Recorder)
	changed, err := h.service.Attend(t.Context(), agent.Attendance{Sitting: old.Sitting, Person: old.Person, Away: true}, g, long)
	require.NoError(t, err)
	require.False(t, changed, "what was decided on another's absence")
	sat := h.sittings(t)
	require.Len(t, sat, 3)
	require.Equal(t, []any{string(rec.Person), true, string(next.Person), false}, []any{sat[1].Person, sat[1].Ended, sat[2].Person, sat[2].Ended})
	require.True(t, attend(g.Away+time.Hour), "who never had a page is away from when they sat down")
	require.True(t, attend(g.Free+time.Hour))
	require.Empty(t, h.seat(t, "A01").Recorder.Person)
	require.Equal(t, li.Person, h.seat(t, "A01").Person)
}
