package store_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"hotline/agent"
	"hotline/agent/store"
	"hotline/deploy/migrations/pgtest"
)

func at() time.Time { return time.Date(2026, 11, 26, 0, 30, 0, 0, time.UTC) }

// hall is a database with a line, three seats and some people, and the service over it.
type hall struct {
	pool    *pgxpool.Pool
	store   *store.Store
	service *agent.Service
	phones  *exchange
	told    *told
	waked   chan struct{}
}

func setup(t *testing.T) *hall {
	t.Helper()
	h := &hall{pool: pgtest.New(t), phones: &exchange{accounts: map[string]string{}}, told: &told{}}
	h.waked = make(chan struct{}, 1000)
	h.store = store.New(h.pool, func() { h.waked <- struct{}{} })
	h.service = &agent.Service{
		Store: h.store, Phones: h.phones, OnChange: h.told.change, Now: at, Log: slog.New(slog.DiscardHandler), Realm: "hotline",
	}
	units, err := store.SampleUnits()
	require.NoError(t, err)
	require.Len(t, units, 43)
	require.NoError(t, h.store.PutUnits(t.Context(), units))
	require.NoError(t, h.store.PutLine(t.Context(), store.Line{ID: "session", Name: "接热线", Number: "12345"}))
	require.NoError(t, h.store.PutSeats(t.Context(), at(),
		store.Seat{ID: "A01", Line: "session", Kind: agent.SeatOfficial, Unit: "MED", Label: "1号席"},
		store.Seat{ID: "A02", Line: "session", Kind: agent.SeatOfficial, Unit: "MED", Label: "2号席"},
		store.Seat{ID: "B01", Line: "session", Kind: agent.SeatOperator, Label: "话务1"}))
	return h
}

// person is somebody to whom every place is assigned.
func (h *hall) person(t *testing.T, login string, roles ...agent.Role) agent.Identity {
	t.Helper()
	id := agent.PersonID(uuid.Must(uuid.NewV7()).String())
	p := agent.Person{ID: id, LoginName: login, Name: "名" + login, Unit: "MED", Roles: roles, CreatedAt: at()}
	require.NoError(t, h.store.CreatePerson(t.Context(), p, "hash", "system"))
	h.exec(t, `INSERT INTO assignment (id, seat, place, person, made_at)
		SELECT gen_random_uuid(), s.id, p.place, $1, now() FROM seat s, unnest('{official,recorder,operator,deputy,room,supervisor}'::text[]) AS p (place)`, string(id))
	return agent.Identity{Person: id, LoginName: login, Name: p.Name, Roles: roles}
}

// ready signs the person in, connects a telephone and makes the seat ready.
func (h *hall) ready(t *testing.T, who agent.Identity, seat agent.SeatID) agent.State {
	t.Helper()
	_, err := h.service.Take(t.Context(), who, seat, agent.PlaceOfficial, false)
	require.NoError(t, err)
	acc, err := h.service.Phone(t.Context(), who, seat, "page-1", agent.PhoneBrowser, "")
	require.NoError(t, err)
	require.NoError(t, h.service.EndpointOnline(t.Context(), acc.Endpoint, true))
	s := h.seat(t, seat)
	s, err = h.service.SetIntent(t.Context(), who, seat, agent.Wish{Intent: agent.IntentReady, Version: s.Version})
	require.NoError(t, err)
	return s
}

func (h *hall) seat(t *testing.T, id agent.SeatID) agent.State {
	t.Helper()
	v, err := h.store.SeatView(t.Context(), id)
	require.NoError(t, err)
	return v.State
}

type fact struct {
	Kind, Subject, Actor string
	Topics               []string
	Data                 map[string]any
}

func (h *hall) facts(t *testing.T, subject string) []fact {
	t.Helper()
	rows, err := h.pool.Query(t.Context(), `SELECT kind, subject, actor, topics, data FROM fact WHERE subject = $1 ORDER BY id`, subject)
	require.NoError(t, err)
	facts, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (fact, error) {
		var f fact
		var data []byte
		err := r.Scan(&f.Kind, &f.Subject, &f.Actor, &f.Topics, &data)
		return f, errors.Join(err, json.Unmarshal(data, &f.Data))
	})
	require.NoError(t, err)
	return facts
}

func (h *hall) kinds(t *testing.T, subject string) []string {
	t.Helper()
	var ks []string
	for _, f := range h.facts(t, subject) {
		ks = append(ks, f.Kind)
	}
	return ks
}

// exchange is a ten-line fake of the other side.
type exchange struct {
	mu       sync.Mutex
	accounts map[string]string
	err      error
	puts     func(endpoint string) // comes first; nil: nothing does
}

func (e *exchange) Put(_ context.Context, endpoint, ha1, contact string) error {
	if e.puts != nil {
		e.puts(endpoint)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.accounts[endpoint] = ha1 + contact
	}
	return e.err
}

func (e *exchange) Drop(_ context.Context, endpoint string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		delete(e.accounts, endpoint)
	}
	return e.err
}

// told is what the service said of each change, in order.
type told struct {
	mu     sync.Mutex
	states []agent.State
}

func (o *told) change(s agent.State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.states = append(o.states, s)
}

func TestASeatFromSignInToSignOut(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li := h.person(t, "li", agent.RoleOfficial)
	s := h.ready(t, li, "A01")
	require.True(t, s.Open())
	require.Len(t, h.phones.accounts[s.Endpoint], 32, "the exchange holds the digest, never the secret")

	v, err := h.store.SeatView(t.Context(), "A01")
	require.NoError(t, err)
	require.Equal(t, "名li", v.PersonName)
	require.Equal(t, "省医保局", v.UnitName)
	require.Equal(t, agent.ShownReady, v.Shown())
	sitting, err := h.store.SittingOf(t.Context(), li.Person)
	require.NoError(t, err)
	require.Equal(t, agent.Sitting{Seat: "A01", Place: agent.PlaceOfficial}, sitting)

	s, err = h.service.SignOut(t.Context(), li, "A01", agent.PlaceOfficial, "")
	require.NoError(t, err)
	require.Empty(t, s.Person)
	require.Empty(t, h.phones.accounts, "the account ends with the sign-in")
	require.Equal(t, []string{"seat.taken", "seat.client", "seat.device", "seat.device", "seat.intent", "seat.signed_out"}, h.kinds(t, "A01"))
	f := h.facts(t, "A01")[0]
	require.Equal(t, li.Actor(), f.Actor)
	require.Equal(t, []string{"board", "line:session", "seat:A01"}, f.Topics)
	require.NoError(t, h.service.WorkOver(t.Context(), "A01"))
	var versions []int64
	for _, told := range h.told.states {
		versions = append(versions, told.Version)
	}
	require.Equal(t, []int64{2, 3, 4, 5, 6}, versions, "each change is told once, in order, and what changes nothing is not")
	require.Equal(t, h.seat(t, "A01"), h.told.states[4])
	require.True(t, h.told.states[3].Open())
	require.Equal(t, at(), h.told.states[3].IdleSince())
	require.NotEmpty(t, h.waked)
}

// Who keeps a line by what is told must not end with an older state of a seat.
func TestChangesOfASeatAreToldInOrder(t *testing.T) {
	t.Parallel()
	h := setup(t)
	s := h.ready(t, h.person(t, "li", agent.RoleOfficial), "A01")
	h.service.OnChange = func(s agent.State) {
		for range s.Version % 2 * 30 { // long enough for the next step to pass
			_, _ = h.store.SeatView(t.Context(), s.Seat)
		}
		h.told.change(s)
	}
	var both errgroup.Group
	for range 2 {
		both.Go(func() error {
			for i := range 40 {
				if err := h.service.EndpointOnline(t.Context(), s.Endpoint, i%2 == 1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, both.Wait())
	require.True(t, slices.IsSortedFunc(h.told.states, func(a, b agent.State) int { return cmp.Compare(a.Version, b.Version) }))
	require.Equal(t, h.seat(t, "A01"), h.told.states[len(h.told.states)-1])
}

func TestOnePersonOnePlace(t *testing.T) { // A1
	t.Parallel()
	h := setup(t)
	both := h.person(t, "both", agent.RoleOfficial, agent.RoleRecorder)
	results := make(chan error)
	for _, seat := range []agent.SeatID{"A01", "A02"} {
		for _, place := range []agent.Place{agent.PlaceOfficial, agent.PlaceRecorder} {
			go func() {
				_, err := h.service.Take(t.Context(), both, seat, place, false)
				results <- err
			}()
		}
	}
	won := 0
	for range 4 {
		err := <-results
		if err == nil {
			won++
			continue
		}
		var elsewhere *agent.PersonElsewhereError
		require.ErrorAs(t, err, &elsewhere)
	}
	require.Equal(t, 1, won)
}

func TestOneSeatOnePerson(t *testing.T) { // A1, V2.3.4
	t.Parallel()
	h := setup(t)
	results := make(chan error)
	for _, name := range []string{"li", "wang", "zhao", "sun"} {
		who := h.person(t, name, agent.RoleOfficial)
		go func() {
			_, err := h.service.Take(t.Context(), who, "A01", agent.PlaceOfficial, false)
			results <- err
		}()
	}
	won := 0
	for range 4 {
		err := <-results
		if err == nil {
			won++
			continue
		}
		var taken *agent.SeatTakenError
		require.ErrorAs(t, err, &taken)
	}
	require.Equal(t, 1, won)
}

func TestWhoMaySitWhere(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for _, c := range []struct {
		role  agent.Role
		seat  agent.SeatID
		place agent.Place
		ok    bool
	}{
		{agent.RoleOfficial, "A01", agent.PlaceOfficial, true},
		{agent.RoleOfficial, "B01", agent.PlaceOfficial, false},
		{agent.RoleOfficial, "A01", agent.PlaceRecorder, false},
		{agent.RoleOfficial, "A02", agent.PlaceDeputy, true},
		{agent.RoleRecorder, "A01", agent.PlaceDeputy, false},
		{agent.RoleUnit, "A02", agent.PlaceRoom, true},
		{agent.RoleOffice, "A01", agent.PlaceRoom, true},
		{agent.RoleSupervisor, "A01", agent.PlaceSupervisor, true},
		{agent.RoleOfficial, "A02", agent.PlaceSupervisor, false},
		{agent.RoleSupervisor, "B01", agent.PlaceSupervisor, true},
		{agent.RoleRecorder, "A02", agent.PlaceRecorder, true},
		{agent.RoleRecorder, "A02", agent.PlaceOfficial, false},
		{agent.RoleOperator, "B01", agent.PlaceOfficial, true},
		{agent.RoleOffice, "A02", agent.PlaceOfficial, false},
		{agent.RoleSystemAdmin, "A02", agent.PlaceOfficial, false},
	} {
		who := h.person(t, "p"+uuid.Must(uuid.NewV7()).String()[24:], c.role)
		_, err := h.service.Take(t.Context(), who, c.seat, c.place, false)
		if c.ok {
			require.NoError(t, err, "%+v", c)
		} else {
			require.ErrorIs(t, err, agent.ErrNotAllowed, "%+v", c)
		}
	}
	_, err := h.service.Take(t.Context(), h.person(t, "lost", agent.RoleOfficial), "A99", agent.PlaceOfficial, false)
	require.ErrorIs(t, err, agent.ErrNotFound)
}

// RS4: a seat is assigned, not grabbed: to this person, at this place, now.
func TestWhoIsNotAssignedDoesNotSit(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li := h.person(t, "li", agent.RoleOfficial, agent.RoleRecorder)
	h.exec(t, `DELETE FROM assignment`)
	take := func(seat agent.SeatID, place agent.Place) error {
		_, err := h.service.Take(t.Context(), li, seat, place, false)
		return err
	}
	assign := func(n agent.NewAssignment) error {
		n.LoginName = cmp.Or(n.LoginName, "li")
		_, err := h.store.Assign(t.Context(), n, "test", at())
		return err
	}
	require.ErrorIs(t, take("A01", agent.PlaceOfficial), agent.ErrNotAssigned)
	require.NoError(t, assign(agent.NewAssignment{Seat: "A01", Place: agent.PlaceRecorder}))
	require.NoError(t, assign(agent.NewAssignment{Seat: "A02", Place: agent.PlaceOfficial}))
	require.ErrorIs(t, take("A01", agent.PlaceOfficial), agent.ErrNotAssigned, "the place beside is another one")
	require.Empty(t, h.seat(t, "A01").Person)
	require.NoError(t, take("A02", agent.PlaceOfficial))

	_, err := h.service.SignOut(t.Context(), li, "A02", agent.PlaceOfficial, "")
	require.NoError(t, err)
	all, err := h.store.Assignments(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, agent.SeatID("A02"), all[1].Seat)
	require.True(t, all[1].Holds)
	require.NoError(t, h.store.Unassign(t.Context(), all[1].ID, "test", at()))
	require.ErrorIs(t, h.store.Unassign(t.Context(), all[1].ID, "test", at()), agent.ErrNotFound)
	require.ErrorIs(t, take("A02", agent.PlaceOfficial), agent.ErrNotAssigned)

	// A session's assignments hold from its check-in to its end.
	number, err := h.store.OpenSession(t.Context(), store.NewSession{Unit: "MED", Theme: "医保", OpensAt: at(), ClosesAt: at().Add(3 * time.Hour)})
	require.NoError(t, err)
	require.NoError(t, assign(agent.NewAssignment{Seat: "A02", Place: agent.PlaceOfficial, Session: number}))
	for state, want := range map[string]error{"published": agent.ErrNotAssigned, "check_in": nil, "draining": nil, "closed": agent.ErrNotAssigned} {
		h.exec(t, `UPDATE session SET state = $1`, state)
		require.ErrorIs(t, take("A02", agent.PlaceOfficial), want, state)
		if want == nil {
			_, err := h.service.SignOut(t.Context(), li, "A02", agent.PlaceOfficial, "")
			require.NoError(t, err)
		}
	}

	for field, n := range map[string]agent.NewAssignment{
		"seat":       {Seat: "Z99", Place: agent.PlaceOfficial},
		"login_name": {LoginName: "nobody", Seat: "A01", Place: agent.PlaceOfficial},
		"session":    {Seat: "A01", Place: agent.PlaceOfficial, Session: 99},
		"place":      {Seat: "B01", Place: agent.PlaceOperator},
	} {
		var wrong *agent.FieldError
		require.ErrorAs(t, assign(n), &wrong, field)
		require.Equal(t, field, wrong.Field)
	}
}

// An assignment that is taken back while somebody sits down is seen by one of the two.
func TestAssignmentIsTakenBackMeanwhile(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li := h.person(t, "li", agent.RoleOfficial)
	_, _, err := h.store.Update(t.Context(), h.take(li, "A01", func(agent.State) { h.exec(t, `DELETE FROM assignment`) }))
	require.ErrorIs(t, err, agent.ErrNotAssigned)
	require.Empty(t, h.seat(t, "A01").Person)
}

func TestAStaleCommandChangesNothing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li := h.person(t, "li", agent.RoleOfficial)
	s := h.ready(t, li, "A01")
	before := h.kinds(t, "A01")
	_, err := h.service.SetIntent(t.Context(), li, "A01", agent.Wish{Intent: agent.IntentBusy, Version: s.Version - 1})
	require.ErrorIs(t, err, agent.ErrStale)
	require.Equal(t, s, h.seat(t, "A01"))
	require.Equal(t, before, h.kinds(t, "A01"))
}

// peers.md 5.1 (kazoo 1331): a wish and the end of the work at the same moment never leave the wish hanging.
func TestAWishMeetsTheEndOfTheWork(t *testing.T) { // A4
	t.Parallel()
	h := setup(t)
	li := h.person(t, "li", agent.RoleOfficial)
	s := h.ready(t, li, "A01")
	ctx := t.Context()
	for range 20 {
		h.work(t, "A01", "engaged")
		done := make(chan error, 2)
		go func() {
			_, err := h.service.SetIntent(ctx, li, "A01", agent.Wish{Intent: agent.IntentRest, RestCode: "meal", Version: s.Version})
			done <- err
		}()
		go func() {
			_, err := h.pool.Exec(ctx, `UPDATE seat_work SET work = 'idle', call = NULL, version = version + 1 WHERE seat = 'A01'`)
			done <- errors.Join(err, h.service.WorkOver(ctx, "A01"))
		}()
		require.NoError(t, <-done)
		require.NoError(t, <-done)
		s = h.seat(t, "A01")
		require.Equal(t, agent.IntentRest, s.Intent)
		require.Equal(t, agent.PendingNone, s.Pending)
		var err error
		s, err = h.service.SetIntent(ctx, li, "A01", agent.Wish{Intent: agent.IntentReady, Version: s.Version})
		require.NoError(t, err)
	}
}

// work puts a call at a seat, as the controller would.
func (h *hall) work(t *testing.T, seat, work string) {
	t.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	_, err := h.pool.Exec(t.Context(), `INSERT INTO call (id, channel, line, dialled, phase, seq, arrived_at, epoch)
		VALUES ($1, $2, 'session', '12345', 'serving', nextval('call_seq'), now(), 0)`, id, "ch-"+id)
	require.NoError(t, err)
	_, err = h.pool.Exec(t.Context(), `UPDATE seat_work SET work = $2, call = $3, version = version + 1 WHERE seat = $1`, seat, work, id)
	require.NoError(t, err)
}

func TestReloadTellsTheController(t *testing.T) { // A11, F2
	t.Parallel()
	h := setup(t)
	var replaced []agent.SeatID
	h.service.ClientReplaced = func(_ context.Context, s agent.SeatID) { replaced = append(replaced, s) }
	li := h.person(t, "li", agent.RoleOfficial)
	s := h.ready(t, li, "A01")
	require.Equal(t, []agent.SeatID{"A01"}, replaced)
	_, err := h.service.Phone(t.Context(), li, "A01", "page-1", agent.PhoneBrowser, "")
	require.NoError(t, err)
	require.Len(t, replaced, 1, "the same page with another account is no new page")
	_, err = h.service.Phone(t.Context(), li, "A01", "page-2", agent.PhoneBrowser, "")
	require.NoError(t, err)
	require.Len(t, replaced, 2)
	require.Len(t, h.phones.accounts, 1)
	require.NotContains(t, h.phones.accounts, s.Endpoint)
	require.ErrorIs(t, h.service.Device(t.Context(), li, "A01", "page-1", agent.DeviceOK), agent.ErrReplaced)
	require.NoError(t, h.service.EndpointOnline(t.Context(), s.Endpoint, true), "a dropped telephone is no news")
	require.Equal(t, agent.DeviceUnknown, h.seat(t, "A01").Device)
}

func TestSIPPhoneWorksAtOnce(t *testing.T) {
	t.Parallel()
	h := setup(t)
	op := h.person(t, "op", agent.RoleOperator)
	_, err := h.service.Take(t.Context(), op, "B01", agent.PlaceOfficial, false)
	require.NoError(t, err)
	acc, err := h.service.Phone(t.Context(), op, "B01", "sim", agent.PhoneSIP, "sip:B01@127.0.0.3:5070")
	require.NoError(t, err)
	require.Empty(t, acc.HA1)
	require.Equal(t, "sip:B01@127.0.0.3:5070", h.phones.accounts[acc.Endpoint])
	require.Equal(t, agent.DeviceOK, h.seat(t, "B01").Device)
}

func TestTheExchangeIsAway(t *testing.T) {
	t.Parallel()
	h := setup(t)
	li := h.person(t, "li", agent.RoleOfficial)
	_, err := h.service.Take(t.Context(), li, "A01", agent.PlaceOfficial, false)
	require.NoError(t, err)
	h.phones.err = errors.New("exchange away")
	_, err = h.service.Phone(t.Context(), li, "A01", "page-1", agent.PhoneBrowser, "")
	require.ErrorContains(t, err, "exchange away")
	require.Equal(t, agent.DeviceUnknown, h.seat(t, "A01").Device)
	h.phones.err = nil
	_, err = h.service.Phone(t.Context(), li, "A01", "page-1", agent.PhoneBrowser, "")
	require.NoError(t, err, "the page tries again")
}
