package main

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	agentstore "hotline/agent/store"
	"hotline/cmd/sim/seat"
	"hotline/telephony"
)

func TestPhoneNewsKeepsTheLatestOfEach(t *testing.T) {
	t.Parallel()
	phone := func(name string, online bool) telephony.Signal {
		return telephony.EndpointChanged{Endpoint: name, Online: online}
	}
	all := func(n *phoneNews) []telephony.Signal {
		var out []telephony.Signal
		for sig, ok := n.next(); ok; sig, ok = n.next() {
			out = append(out, sig)
		}
		return out
	}
	up := telephony.Up{Entity: "e"}
	for name, c := range map[string]struct {
		put, older, want []telephony.Signal
	}{
		"the latest of each, in order": {
			put:  []telephony.Signal{phone("a", true), phone("b", true), phone("a", false)},
			want: []telephony.Signal{phone("b", true), phone("a", false)},
		},
		"what is no news of telephones is left": {put: []telephony.Signal{telephony.Down{}, telephony.Answered{Leg: "l"}}},
		"a comparison tells what was before it": {
			put:  []telephony.Signal{phone("a", true), up, phone("b", true)},
			want: []telephony.Signal{up, phone("b", true)},
		},
		"an overflow is compared": {
			put:  []telephony.Signal{phone("a", true), telephony.Overflow{}},
			want: []telephony.Signal{telephony.Overflow{}},
		},
		"a push is not forgotten for an overflow": {
			put:  []telephony.Signal{up, phone("a", true), telephony.Overflow{}, phone("b", true)},
			want: []telephony.Signal{up, phone("b", true)},
		},
		"newer news wins": {
			put:   []telephony.Signal{phone("a", true)},
			older: []telephony.Signal{phone("a", false), phone("b", false)},
			want:  []telephony.Signal{phone("a", true), phone("b", false)},
		},
		"a comparison that failed is due before all": {
			put:   []telephony.Signal{phone("a", true)},
			older: []telephony.Signal{telephony.Overflow{}, phone("b", false)},
			want:  []telephony.Signal{telephony.Overflow{}, phone("a", true)},
		},
	} {
		n := newPhoneNews()
		for _, sig := range c.put {
			n.put(sig)
		}
		for _, sig := range c.older {
			n.older(sig)
		}
		require.Equal(t, c.want, all(n), name)
	}
}

// sit gives the official a seat and a browser's telephone, and returns its name.
func (b *bundle) sit(t *testing.T, name, place string) string {
	t.Helper()
	c, err := seat.SignIn(t.Context(), b.base, name, password)
	require.NoError(t, err)
	require.NoError(t, c.Do(t.Context(), http.MethodPost, "/api/v1/seats/"+place+"/take", map[string]any{"place": "official"}, nil))
	var account struct{ Endpoint string }
	require.NoError(t, c.Do(t.Context(), http.MethodPost, "/api/v1/seats/"+place+"/phone", map[string]any{"client": "page", "phone": "browser"}, &account))
	return account.Endpoint
}

// registered waits until the agent service takes the telephone for there, or away.
func (b *bundle) registered(t *testing.T, endpoint string, want bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		var is bool
		err := b.db.QueryRow(t.Context(), `SELECT registered FROM seat_state WHERE endpoint = $1`, endpoint).Scan(&is)
		return err == nil && is == want
	}, 20*time.Second, 10*time.Millisecond)
}

// RT12: news of telephones that the store cannot take now never holds up a call, and none is forgotten for it.
func TestSlowStoreHoldsUpNoCall(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := b.sit(t, "jieting", "A01")
	locked, err := b.db.Begin(t.Context())
	require.NoError(t, err)
	_, err = locked.Exec(t.Context(), `SELECT 1 FROM seat_state WHERE seat = 'A01' FOR UPDATE`)
	require.NoError(t, err)
	for range 1000 { // six signals each
		b.fake.Register(endpoint)
		b.fake.Unregister(endpoint)
	}
	b.fake.Register(endpoint)
	leg := b.fake.Call("055112345678", "12345")
	require.Eventually(t, func() bool {
		l, ok := b.fake.Leg(leg)
		return ok && len(l.Playing) > 0
	}, 7*time.Second, 10*time.Millisecond, "the notice is played before the comparison of every ten seconds finds the call")
	require.NoError(t, locked.Rollback(t.Context()))
	b.registered(t, endpoint, true)
}

// RT12: what the exchange could not tell, for want of a connection, is found by comparison.
func TestMissedNewsOfATelephoneIsFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint := b.sit(t, "jieting", "A01")
	b.fake.Register(endpoint)
	b.registered(t, endpoint, true)
	b.fake.Drop()
	b.fake.Unregister(endpoint)
	b.registered(t, endpoint, false)
	b.fake.Drop()
	b.fake.Register(endpoint)
	b.registered(t, endpoint, true)
}

// flaky is a store that is away for a few writes.
type flaky struct {
	agent.Store

	failures atomic.Int64
}

func (f *flaky) Update(ctx context.Context, step agent.Step) (agent.State, agent.State, error) {
	if f.failures.Add(-1) >= 0 {
		return agent.State{}, agent.State{}, errors.New("away")
	}
	return f.Store.Update(ctx, step)
}

// RT12: what could not be stored is tried again.
func TestNewsOfATelephoneOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	var store *flaky
	b := setup(t, func(s *server) {
		store = &flaky{Store: s.agents.Store}
		s.agents.Store = store
	})
	endpoint := b.sit(t, "jieting", "A01")
	store.failures.Store(5)
	b.fake.Register(endpoint)
	b.registered(t, endpoint, true)
}

// asking is a store that counts how often it is asked whose a telephone is.
type asking struct {
	agent.Store

	asked atomic.Int64
}

func (a *asking) SeatOfEndpoint(ctx context.Context, endpoint string) (agent.SeatID, error) {
	a.asked.Add(1)
	return a.Store.SeatOfEndpoint(ctx, endpoint)
}

// RH8: the exchange tells at every call where a telephone is; what is known is no question to the database. After events were missed
// nothing is known.
func TestWhatIsKnownOfATelephoneIsNotAsked(t *testing.T) {
	t.Parallel()
	var store *asking
	b := setup(t, func(s *server) {
		store = &asking{Store: s.agents.Store}
		s.agents.Store = store
	})
	require.NoError(t, b.srv.agentStore.PutSeats(t.Context(), time.Now(), agentstore.Seat{ID: "A02", Line: "session", Kind: agent.SeatOfficial, Label: "二号"}))
	_, err := b.srv.agentStore.Assign(t.Context(), agent.NewAssignment{LoginName: "lingyige", Seat: "A02", Place: agent.PlaceOfficial}, "test", time.Now())
	require.NoError(t, err)
	here, other := b.sit(t, "jieting", "A01"), b.sit(t, "lingyige", "A02")
	b.fake.Register(here)
	b.registered(t, here, true)
	before := store.asked.Load()
	for range 20 {
		b.srv.phoneNews.put(telephony.EndpointChanged{Endpoint: here, Online: true}) // as at each INVITE, answer and BYE
		require.Eventually(t, func() bool {
			b.srv.phoneNews.mu.Lock()
			defer b.srv.phoneNews.mu.Unlock()
			return len(b.srv.phoneNews.queue) == 0
		}, 10*time.Second, time.Millisecond)
	}
	b.fake.Register(other)
	b.registered(t, other, true) // and so all before it
	require.LessOrEqual(t, store.asked.Load()-before, int64(3), "of the other one, and of both when it was new")
	b.fake.Unregister(here)
	b.registered(t, here, false)
	b.fake.Register(here)
	b.registered(t, here, true)
	b.fake.Drop()
	b.fake.Unregister(here)
	b.registered(t, here, false)
}
