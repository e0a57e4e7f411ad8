package main

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/auth"
	agentstore "hotline/agent/store"
	"hotline/cmd/sim/seat"
	"hotline/realtime/realtimetest"
)

// side is one unit's people at its own seat.
type side struct {
	unit, seat, other         string
	official, recorder, clerk *seat.Client
	call, ticket              string
}

// heard is a fact as a browser gets it.
type heard struct {
	Type, Kind, Subject, Actor string
}

// twoUnits are two units, each with an official and a recorder at a seat of the session's line, and a clerk at home.
func (b *bundle) twoUnits(t *testing.T) (*side, *side) {
	t.Helper()
	store := b.srv.agentStore
	one, two := &side{unit: "EDU", seat: "A02", other: "A03"}, &side{unit: "TAX", seat: "A03", other: "A02"}
	for _, s := range []*side{one, two} {
		require.NoError(t, store.PutSeats(t.Context(), time.Now(), agentstore.Seat{ID: agent.SeatID(s.seat), Line: "session", Kind: agent.SeatOfficial, Unit: s.unit, Label: s.unit}))
		for role, c := range map[agent.Role]**seat.Client{agent.RoleOfficial: &s.official, agent.RoleRecorder: &s.recorder, agent.RoleUnit: &s.clerk} {
			name := "u-" + string(role) + "-" + s.seat[2:]
			_, err := b.srv.auth.CreatePerson(t.Context(), auth.NewPerson{LoginName: name, Name: name, Unit: s.unit, Roles: []agent.Role{role}, Password: password}, "test")
			require.NoError(t, err)
			if place := agent.Place(role); role != agent.RoleUnit {
				_, err = store.Assign(t.Context(), agent.NewAssignment{LoginName: name, Seat: agent.SeatID(s.seat), Place: place}, "test", time.Now())
				require.NoError(t, err)
			}
			*c, err = seat.SignIn(t.Context(), b.base, name, password)
			require.NoError(t, err)
		}
	}
	return one, two
}

// sitDown has official and recorder take their places, and a telephone.
func (b *bundle) sitDown(t *testing.T, s *side) {
	t.Helper()
	require.NoError(t, s.recorder.Do(t.Context(), http.MethodPost, "/api/v1/seats/"+s.seat+"/take", map[string]any{"place": "recorder"}, nil))
	require.NoError(t, s.official.Do(t.Context(), http.MethodPost, "/api/v1/seats/"+s.seat+"/take", map[string]any{"place": "official"}, nil))
	phone := map[string]any{"client": "page-" + s.seat, "phone": "sip", "contact": "sip:" + s.seat + "@127.0.0.3:5070"}
	require.NoError(t, s.official.Do(t.Context(), http.MethodPost, "/api/v1/seats/"+s.seat+"/phone", phone, nil))
}

// serve has the seat talk with a citizen; its draft is there.
func (b *bundle) serve(t *testing.T, s *side, number string) {
	t.Helper()
	var now struct{ Version int64 }
	require.NoError(t, s.official.Do(t.Context(), http.MethodGet, "/api/v1/seats/"+s.seat, nil, &now))
	require.NoError(t, s.official.Do(t.Context(), http.MethodPost, "/api/v1/seats/"+s.seat+"/intent", map[string]any{"intent": "ready", "version": now.Version}, nil))
	var endpoint string
	require.NoError(t, b.db.QueryRow(t.Context(), `SELECT endpoint FROM seat_state WHERE seat = $1`, s.seat).Scan(&endpoint))
	citizen := b.fake.Call(number, "12345")
	require.Eventually(t, func() bool {
		if l, ok := b.fake.Leg(citizen); ok && len(l.Playing) > 0 {
			b.fake.EndPlayback(l.Playing[0])
		}
		if l, ok := b.fake.SeatLeg(endpoint); ok && l.State != "Up" {
			b.fake.AnswerSeat(l.ID)
		}
		err := b.db.QueryRow(t.Context(), `SELECT t.call, t.id FROM ticket t JOIN segment g ON g.call = t.call WHERE t.seat = $1 AND g.seat = $1`, s.seat).Scan(&s.call, &s.ticket)
		return err == nil
	}, 20*time.Second, 20*time.Millisecond, "a conversation at %s", s.seat)
}

// collect reads what comes until that.
func collect(t *testing.T, c *websocket.Conn, until func(heard) bool) []heard {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	var all []heard
	for {
		_, data, err := c.ReadMessage()
		require.NoError(t, err)
		var f heard
		require.NoError(t, realtimetest.Check(data), "%s", data)
		require.NoError(t, json.Unmarshal(data, &f))
		if f.Type != "fact" {
			continue
		}
		all = append(all, f)
		if until(f) {
			return all
		}
	}
}

func ofKind(kind string) func(heard) bool { return func(f heard) bool { return f.Kind == kind } }

// RS4, RS5, RG1: two units at one line, over HTTP and sockets: each is refused the other's seats, calls, tickets, pushes and resumes.
func TestUnitsAreApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	one, two := b.twoUnits(t)
	var start struct{ Position string }
	require.NoError(t, one.official.Do(ctx, http.MethodGet, "/api/v1/seats", nil, &start))
	refused(t, two.official.Do(ctx, http.MethodPost, "/api/v1/seats/"+one.seat+"/take", map[string]any{"place": "official"}, nil), http.StatusForbidden, "seat.not_assigned")
	b.sitDown(t, one)
	b.serve(t, one, "13800000001")
	b.sitDown(t, two)
	b.serve(t, two, "13800000002")

	for _, c := range []struct{ mine, theirs *side }{{one, two}, {two, one}} {
		for _, who := range []*seat.Client{c.mine.official, c.mine.recorder} {
			require.NoError(t, who.Do(ctx, http.MethodGet, "/api/v1/calls/"+c.mine.call+"/pop", nil, nil))
			require.NoError(t, who.Do(ctx, http.MethodGet, "/api/v1/tickets/"+c.mine.ticket, nil, nil))
			require.NoError(t, who.Do(ctx, http.MethodGet, "/api/v1/seats/"+c.mine.seat+"/call", nil, nil))
			refused(t, who.Do(ctx, http.MethodGet, "/api/v1/seats/"+c.theirs.seat+"/call", nil, nil), http.StatusForbidden, "not_allowed")
			refused(t, who.Do(ctx, http.MethodGet, "/api/v1/board", nil, nil), http.StatusForbidden, "not_allowed")
			b.seesNothingOf(t, who, c.theirs)
			for _, topic := range []string{"seat:" + c.theirs.seat, "tickets:" + c.theirs.unit, "tickets", "line:session", "board", "call:" + c.theirs.call, "ticket:" + c.theirs.ticket} {
				refused(t, who.Do(ctx, http.MethodPost, "/api/v1/ws-ticket", map[string]any{"topics": []string{"seat:" + c.mine.seat, topic}}, nil), http.StatusForbidden, "not_allowed")
			}
		}
		b.seesNothingOf(t, c.mine.clerk, c.theirs)
	}
}

func (b *bundle) seesNothingOf(t *testing.T, who *seat.Client, theirs *side) {
	t.Helper()
	ctx := t.Context()
	for _, path := range []string{"/api/v1/tickets/" + theirs.ticket, "/api/v1/calls/" + theirs.call + "/tickets"} {
		refused(t, who.Do(ctx, http.MethodGet, path, nil, nil), http.StatusNotFound, "not_found")
	}
	require.Error(t, who.Do(ctx, http.MethodGet, "/api/v1/calls/"+theirs.call+"/pop", nil, nil))
	var list struct{ Tickets []struct{ ID string } }
	require.NoError(t, who.Do(ctx, http.MethodGet, "/api/v1/tickets", nil, &list))
	require.False(t, slices.ContainsFunc(list.Tickets, func(x struct{ ID string }) bool { return x.ID == theirs.ticket }))
}

// RS5: who resumes from before the own sitting is told nothing of the seat from then; one unit's news comes to nobody of another.
func TestUnitsHearApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	one, two := b.twoUnits(t)
	var start struct{ Position string }
	require.NoError(t, one.official.Do(ctx, http.MethodGet, "/api/v1/seats", nil, &start))
	b.sitDown(t, one)
	b.serve(t, one, "13800000001")

	// Somebody else sits down beside: the log since the morning has the whole call of before, and brings none of it.
	require.NoError(t, one.recorder.Do(ctx, http.MethodPost, "/api/v1/seats/"+one.seat+"/sign-out", map[string]any{"place": "recorder"}, nil))
	_, err := b.srv.agentStore.Assign(ctx, agent.NewAssignment{LoginName: "jilu", Seat: agent.SeatID(one.seat), Place: agent.PlaceRecorder}, "test", time.Now())
	require.NoError(t, err)
	jilu, err := seat.SignIn(ctx, b.base, "jilu", password)
	require.NoError(t, err)
	require.NoError(t, jilu.Do(ctx, http.MethodPost, "/api/v1/seats/"+one.seat+"/take", map[string]any{"place": "recorder"}, nil))
	var me struct{ Person struct{ ID string } }
	require.NoError(t, jilu.Do(ctx, http.MethodGet, "/api/v1/me", nil, &me))
	kinds := func(c *seat.Client) []string {
		conn, err := c.Resume(ctx, start.Position, "seat:"+one.seat)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		var all []string
		for _, f := range collect(t, conn, func(f heard) bool { return f.Kind == "seat.taken" && f.Actor == "person:"+me.Person.ID }) {
			all = append(all, f.Kind)
		}
		return all
	}
	require.Equal(t, []string{"seat.taken"}, kinds(jilu), "the own sitting's begin is the first news")
	whole := kinds(one.official)
	require.Contains(t, whole, "call.offered")
	require.Equal(t, "seat.taken", whole[0], "the official's own begin; the recorder of before had sat down earlier")
	require.Equal(t, "seat.client", whole[1])

	// The registration is news to the own unit's clerk, and to no other.
	clerk, err := one.clerk.Listen(ctx, "tickets:"+one.unit)
	require.NoError(t, err)
	stranger, err := two.clerk.Listen(ctx, "tickets:"+two.unit)
	require.NoError(t, err)
	_, err = b.db.Exec(ctx, `UPDATE session SET unit = $1`, one.unit)
	require.NoError(t, err)
	b.register(ctx, t, one)
	require.Equal(t, one.ticket, collect(t, clerk, ofKind("ticket.closed"))[0].Subject)
	require.NoError(t, one.clerk.Do(ctx, http.MethodGet, "/api/v1/tickets/"+one.ticket, nil, nil))
	refused(t, two.clerk.Do(ctx, http.MethodGet, "/api/v1/tickets/"+one.ticket, nil, nil), http.StatusNotFound, "not_found")
	b.sitDown(t, two)
	_, err = b.db.Exec(ctx, `UPDATE session SET unit = $1`, two.unit)
	require.NoError(t, err)
	b.serve(t, two, "13800000002")
	b.register(ctx, t, two)
	require.Equal(t, two.ticket, collect(t, stranger, ofKind("ticket.closed"))[0].Subject, "nothing of the other unit came before")
}

// register answers the seat's matter at once.
func (b *bundle) register(ctx context.Context, t *testing.T, s *side) {
	t.Helper()
	var draft struct{ Version int64 }
	path := "/api/v1/tickets/" + s.ticket
	require.NoError(t, s.official.Do(ctx, http.MethodGet, path, nil, &draft))
	require.NoError(t, s.official.Do(ctx, http.MethodPatch, path, map[string]any{
		"version": draft.Version, "title": "学籍", "class": "consultation", "outcome": "answered", "answer": "已答复",
	}, &draft))
	require.NoError(t, s.official.Do(ctx, http.MethodPost, path+"/register", map[string]any{"version": draft.Version}, nil))
}
