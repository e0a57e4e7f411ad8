package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/policy"
	"hotline/cmd/sim/seat"
)

// places is a matrix whose people sit at A01 as they are assigned: one at each place beside the official, who talks with a citizen. Who
// is there for the room is named.
type places struct {
	*matrix

	at map[string]*seat.Client // by place
}

func newPlaces(t *testing.T, room string) *places {
	t.Helper()
	p := &places{matrix: newMatrix(t, setup(t)), at: map[string]*seat.Client{}}
	p.exec(`DELETE FROM assignment WHERE person IN (SELECT id FROM person WHERE login_name LIKE 'm-%' OR login_name = 'lingyige')`)
	for place, name := range map[string]string{"recorder": "m-recorder", "deputy": "m-official", "room": room, "supervisor": "m-supervisor"} {
		p.at[place] = p.signsIn(t, name)
		refused(t, p.takes(t, p.at[place], place), http.StatusForbidden, "seat.not_assigned")
		_, err := p.srv.agentStore.Assign(t.Context(), agent.NewAssignment{LoginName: name, Seat: "A01", Place: agent.Place(place)}, "test", time.Now())
		require.NoError(t, err)
		require.NoError(t, p.takes(t, p.at[place], place), place)
	}
	return p
}

func (p *places) signsIn(t *testing.T, name string) *seat.Client {
	t.Helper()
	c, err := seat.SignIn(t.Context(), p.base, name, password)
	require.NoError(t, err)
	return c
}

func (p *places) takes(t *testing.T, c *seat.Client, place string) error {
	t.Helper()
	return c.Do(t.Context(), http.MethodPost, "/api/v1/seats/A01/take", map[string]any{"place": place}, nil)
}

// seen is a seat as the list shows it.
type seen struct {
	ID                                         string
	Person, Recorder, Deputy, Room, Supervisor *struct{ Name string }
}

// Every place of a seat is taken by whom it is assigned to, shows who sits there, holds one person, and is given back.
func TestEveryPlaceIsTakenAndLeft(t *testing.T) {
	t.Parallel()
	p := newPlaces(t, "m-unit")
	var list struct {
		Seats    []seen
		Assigned []struct{ Seat, Place string }
	}
	require.NoError(t, p.at["room"].Do(t.Context(), http.MethodGet, "/api/v1/seats", nil, &list))
	require.Len(t, list.Seats, 1, "who has no right to the hall sees the seat that is assigned")
	s := list.Seats[0]
	require.Equal(t, []string{"A01", "jieting", "m-recorder", "m-official", "m-unit", "m-supervisor"},
		[]string{s.ID, s.Person.Name, s.Recorder.Name, s.Deputy.Name, s.Room.Name, s.Supervisor.Name})
	require.Equal(t, "room", list.Assigned[0].Place)
	for place, who := range p.at {
		var me struct{ Seat struct{ ID, Place string } }
		require.NoError(t, who.Do(t.Context(), http.MethodGet, "/api/v1/me", nil, &me))
		require.Equal(t, place, me.Seat.Place)
	}

	// One person at a place, and one place for a person, of the same seat or of another.
	assign := func(name, at, place string) {
		_, err := p.srv.agentStore.Assign(t.Context(), agent.NewAssignment{LoginName: name, Seat: agent.SeatID(at), Place: agent.Place(place)}, "test", time.Now())
		require.NoError(t, err)
	}
	for place, name := range map[string]string{"deputy": "x-five", "room": "x-six", "supervisor": "x-seven"} {
		p.exec(`UPDATE seat_state SET ` + place + ` = NULL WHERE seat = 'A03'`)
		assign(name, "A01", place)
		refused(t, p.takes(t, p.signsIn(t, name), place), http.StatusConflict, "seat.taken")
	}
	assign("m-official", "A01", "room")
	refused(t, p.takes(t, p.at["deputy"], "room"), http.StatusConflict, "person.elsewhere")
	assign("m-official", "A04", "deputy")
	refused(t, p.at["deputy"].Do(t.Context(), http.MethodPost, "/api/v1/seats/A04/take", map[string]any{"place": "deputy"}, nil), http.StatusConflict, "person.elsewhere")

	for place, who := range p.at {
		leave := func(c *seat.Client) error {
			return c.Do(t.Context(), http.MethodPost, "/api/v1/seats/A01/sign-out", map[string]any{"place": place}, nil)
		}
		if place != "room" {
			refused(t, leave(p.at["room"]), http.StatusForbidden, "not_allowed")
		}
		require.NoError(t, leave(who), place)
	}
	require.Equal(t, "0", p.scan(`SELECT count(*)::text FROM sitting WHERE seat = 'A01' AND ended_at IS NULL AND place <> 'official'`))
	require.Equal(t, "4", p.scan(`SELECT count(DISTINCT place)::text FROM sitting WHERE seat = 'A01' AND place <> 'official'`))
}

// RS4: the deputy sees the seat's calls as the recorder does. Who sits there for the room sees none before being named to it, and the
// supervisor what the role lets.
func TestWhatAPlaceSees(t *testing.T) {
	t.Parallel()
	p := newPlaces(t, "lingyige") // an official, whose role opens calls: what keeps them shut is the place
	see := map[string]func(*seat.Client) error{
		"the desk": func(c *seat.Client) error {
			return c.Do(t.Context(), http.MethodGet, "/api/v1/seats/A01/call", nil, nil)
		},
		"the pop": func(c *seat.Client) error {
			return c.Do(t.Context(), http.MethodGet, "/api/v1/calls/"+p.call+"/pop", nil, nil)
		},
		"the draft": func(c *seat.Client) error {
			return c.Do(t.Context(), http.MethodGet, "/api/v1/tickets/"+p.found["own"], nil, nil)
		},
		"the push": func(c *seat.Client) error {
			return c.Do(t.Context(), http.MethodPost, "/api/v1/ws-ticket", map[string]any{"topics": []string{"seat:A01"}}, nil)
		},
		"who waits": func(c *seat.Client) error {
			return c.Do(t.Context(), http.MethodPost, "/api/v1/ws-ticket", map[string]any{"topics": []string{"waiting:session"}}, nil)
		},
	}
	for place, want := range map[string]bool{"recorder": true, "deputy": true, "room": false, "supervisor": true} {
		for what, ask := range see {
			err := ask(p.at[place])
			require.Equal(t, want, err == nil, "%s at the place of the %s: %v", what, place, err)
		}
	}
	list := func(c *seat.Client) int {
		var page struct{ Tickets []struct{ ID string } }
		require.NoError(t, c.Do(t.Context(), http.MethodGet, "/api/v1/tickets?limit=200&state=live", nil, &page))
		n := 0
		for _, found := range page.Tickets {
			if found.ID == p.found["own"] {
				n++
			}
		}
		return n
	}
	require.Equal(t, []int{1, 1, 0}, []int{list(p.at["recorder"]), list(p.at["deputy"]), list(p.at["room"])})

	// The official's microphone stays the official's.
	refused(t, p.at["deputy"].Do(t.Context(), http.MethodPost, "/api/v1/calls/"+p.call+"/mute", map[string]any{"muted": true, "version": 1}, nil), http.StatusForbidden, "not_allowed")
	// It is the role that opens calls to the supervisor, not the place.
	for _, role := range []policy.Role{policy.Official, policy.Recorder, policy.Operator} {
		for _, place := range []agent.Place{agent.PlaceRoom, agent.PlaceSupervisor} {
			_, heard := hears(agent.Standing{Identity: agent.Identity{Roles: []agent.Role{role}}, Seat: "A01", Place: place, Line: "session"}, "seat:A01")
			require.False(t, heard, "%s %s", role, place)
		}
	}
}
