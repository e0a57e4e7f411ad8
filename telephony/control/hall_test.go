package control_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	agentstore "hotline/agent/store"
	"hotline/agent/vault"
	"hotline/agent/vault/vaulttest"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/telephony/ari"
	"hotline/telephony/aritest"
	"hotline/telephony/control"
	"hotline/telephony/journal"
	"hotline/telephony/line"
	"hotline/telephony/store"
)

const (
	hallLine = agent.LineID("session")
	number   = "12345"
	patience = time.Minute // for what is not measured, on a machine that is shared
)

// hall is a hall with a fake Asterisk, and a real ledger and queue; controllers come and go in it.
type hall struct {
	t      *testing.T
	fake   *aritest.Asterisk
	pool   *pgxpool.Pool
	rdb    *redis.Client
	prefix string // of its keys
	vault  *vault.Vault
	kept   string // the journal's folder
	store  *store.Store
	people *agentstore.Store
	agents *agent.Service
	who    map[agent.SeatID]agent.Identity
	queue  *line.Queue
	epoch  atomic.Int64
	held   atomic.Bool // the lease is fresh
	each   func()      // before every look at what must come true

	mu  sync.Mutex // guards now
	now *shift     // the controller on duty
}

// shift is one controller's life.
type shift struct {
	*control.Controller
	ari    *ari.Client
	ledger *ledger
	power  *power
	queue  *queue
	watch  *observer
	ended  chan error   // what Run ended with
	stop   func() error // and what Run ended with
}

type option func(*aritest.Options)

func newHall(t *testing.T, seats []agent.SeatID, options ...option) *hall {
	t.Helper()
	o := aritest.Options{Now: time.Now}
	for _, set := range options {
		set(&o)
	}
	h := &hall{t: t, fake: aritest.New(t, o), pool: pgtest.New(t), who: map[agent.SeatID]agent.Identity{}, vault: vaulttest.New(t)}
	h.kept = filepath.Join(t.TempDir(), "journal")
	h.held.Store(true)
	h.rdb, h.prefix = pgtest.Redis(t)
	var err error
	h.queue, err = line.New(h.rdb, h.prefix)
	require.NoError(t, err)
	h.store = store.New(h.pool, h.vault)
	h.people = agentstore.New(h.pool, func() {})
	h.agents = &agent.Service{
		Store: h.people, Phones: phones{h}, Now: time.Now, Log: slog.New(slog.DiscardHandler), Realm: "hotline",
		OnChange: func(st agent.State) {
			if s := h.onDuty(); s != nil {
				s.SeatChanged(st)
			}
		},
	}
	h.agents.ClientReplaced = func(_ context.Context, seat agent.SeatID) {
		if s := h.onDuty(); s != nil {
			s.ClientReplaced(seat)
		}
	}
	h.exec(`INSERT INTO unit VALUES ('EDU', '省教育厅', '安徽省教育厅', 'department')`)
	require.NoError(t, h.people.PutLine(t.Context(), agentstore.Line{ID: hallLine, Name: "接热线、办实事", Number: number}))
	_, err = h.people.OpenSession(t.Context(), agentstore.NewSession{Unit: "EDU", Theme: "教育", OpensAt: time.Now().Add(-time.Hour), ClosesAt: time.Now().Add(3 * time.Hour)})
	require.NoError(t, err)
	h.exec(pgtest.SetLines("notice", "", "wrapup", "0"))
	for _, seat := range seats {
		h.addSeat(seat, hallLine, agent.SeatOfficial)
	}
	return h
}

// addSeat has a seat with a person who may sit there.
func (h *hall) addSeat(seat agent.SeatID, at agent.LineID, kind agent.SeatKind) {
	h.t.Helper()
	require.NoError(h.t, h.people.PutSeats(h.t.Context(), time.Now(), agentstore.Seat{ID: seat, Line: at, Kind: kind, Unit: "EDU", Label: string(seat)}))
	id := agent.PersonID(uuid.Must(uuid.NewV7()).String())
	role := agent.RoleOfficial
	if kind == agent.SeatOperator {
		role = agent.RoleOperator
	}
	p := agent.Person{ID: id, LoginName: "p" + string(seat[1:]) + string(rune('a'+seat[0]-'A')), Name: "张三", Unit: "EDU", Roles: []agent.Role{role}, CreatedAt: time.Now()}
	require.NoError(h.t, h.people.CreatePerson(h.t.Context(), p, "-", "test"))
	_, err := h.people.Assign(h.t.Context(), agent.NewAssignment{LoginName: p.LoginName, Seat: seat, Place: agent.Chair(kind, agent.PlaceOfficial)}, "test", time.Now())
	require.NoError(h.t, err)
	h.who[seat] = agent.Identity{Person: id, Roles: []agent.Role{role}}
}

// sit takes a seat with a telephone of its own, and takes calls. A controller must be on duty.
func (h *hall) sit(seats ...agent.SeatID) {
	h.t.Helper()
	for _, seat := range seats {
		ctx, by := h.t.Context(), h.who[seat]
		_, err := h.agents.Take(ctx, by, seat, agent.PlaceOfficial, false)
		require.NoError(h.t, err)
		_, err = h.agents.Phone(ctx, by, seat, "desk-"+string(seat), agent.PhoneSIP, "sip:"+string(seat)+"@127.0.0.3:5062")
		require.NoError(h.t, err)
		h.wish(seat, agent.IntentReady)
	}
}

// sitWithBrowser takes a seat with a softphone that is registered.
func (h *hall) sitWithBrowser(seat agent.SeatID) {
	h.t.Helper()
	ctx, by := h.t.Context(), h.who[seat]
	_, err := h.agents.Take(ctx, by, seat, agent.PlaceOfficial, false)
	require.NoError(h.t, err)
	h.page(seat, "page-1")
	h.wish(seat, agent.IntentReady)
}

// page gives the seat's telephone to a page, which registers it.
func (h *hall) page(seat agent.SeatID, client string) {
	h.t.Helper()
	acc, err := h.agents.Phone(h.t.Context(), h.who[seat], seat, client, agent.PhoneBrowser, "")
	require.NoError(h.t, err)
	h.fake.Register(acc.Endpoint)
	require.NoError(h.t, h.agents.EndpointOnline(h.t.Context(), acc.Endpoint, true))
}

func (h *hall) wish(seat agent.SeatID, intent agent.Intent) {
	h.t.Helper()
	st := h.seat(seat)
	w := agent.Wish{Intent: intent, Version: st.Version}
	if intent == agent.IntentRest {
		w.RestCode, w.Minutes = "tea", 5
	}
	_, err := h.agents.SetIntent(h.t.Context(), h.who[seat], seat, w)
	require.NoError(h.t, err)
}

func (h *hall) seat(seat agent.SeatID) agent.State {
	h.t.Helper()
	st, err := h.store.Seat(h.t.Context(), seat)
	require.NoError(h.t, err)
	return st
}

func (h *hall) onDuty() *shift {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// start puts a controller on duty, under the next epoch.
func (h *hall) start(options ...func(*control.Config)) *shift {
	h.t.Helper()
	client, err := ari.New(ari.Config{
		URL: h.fake.URL(), User: h.fake.User, Password: h.fake.Password, App: h.fake.App,
		BackoffMin: time.Millisecond, BackoffMax: 5 * time.Millisecond,
		Fence: func() error {
			if !h.held.Load() {
				return telephony.ErrNoDecision
			}
			return nil
		},
	})
	require.NoError(h.t, err)
	kept, err := journal.Open(h.kept, h.vault)
	require.NoError(h.t, err)
	epoch := h.epoch.Add(1)
	h.exec(`UPDATE controller SET epoch = $1, holder = 'test', renewed_at = clock_timestamp()`, epoch)
	s := &shift{ari: client, power: newPower(), watch: &observer{}}
	s.ledger, s.queue = &ledger{Ledger: h.store, power: s.power}, &queue{Queue: h.queue, power: s.power}
	cfg := control.Config{
		Switch: &exchange{Switch: client, power: s.power}, Signals: client.Signals(), Ledger: s.ledger, Queue: s.queue,
		Presence: presence{h.agents, s.power}, Lease: lease{h, epoch}, Observer: s.watch, Now: time.Now, Journal: diary{kept, s.power},
		Log: slog.New(slog.NewTextHandler(h.t.Output(), nil)),
	}
	for _, set := range options {
		set(&cfg)
	}
	s.Controller = control.New(cfg)
	ctx, cancel := context.WithCancel(h.t.Context())
	h.mu.Lock()
	h.now = s
	h.mu.Unlock()
	s.ended = make(chan error, 1)
	ended := make(chan error, 1)
	var running sync.WaitGroup
	running.Go(func() { _ = client.Run(ctx) })
	running.Go(func() {
		err := s.Run(ctx)
		s.ended <- err
		ended <- err
	})
	s.stop = sync.OnceValue(func() error {
		s.power.cut()
		cancel()
		running.Wait()
		_ = kept.Close()
		return <-ended
	})
	h.t.Cleanup(func() { _ = s.stop() })
	h.until("the controller is synced", s.Synced)
	return s
}

// until waits for something that must come true.
func (h *hall) until(what string, cond func() bool) {
	h.t.Helper()
	h.await(cond, func() string { return what })
}

// await looks again and again, on the test's own goroutine; why says what is missing.
func (h *hall) await(cond func() bool, why func() string) {
	h.t.Helper()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	seen := func() bool {
		if h.each != nil {
			h.each()
		}
		return cond()
	}
	for end := time.Now().Add(patience); !seen(); <-look.C {
		if time.Now().After(end) {
			require.FailNow(h.t, "waited in vain: "+why())
		}
	}
}

// call lets a citizen call in and waits for the row.
func (h *hall) call(from string) (telephony.CallID, telephony.LegID) {
	h.t.Helper()
	leg := h.fake.Call(from, number)
	require.NotEmpty(h.t, leg)
	return h.callIn(leg, h.fake.Entity()), leg
}

// callIn waits for the row of a citizen's leg in a run of the exchange.
func (h *hall) callIn(leg telephony.LegID, run string) telephony.CallID {
	h.t.Helper()
	var id telephony.CallID
	h.until("the call has a row", func() bool {
		return h.pool.QueryRow(h.t.Context(), `SELECT id FROM call WHERE channel = $1 AND entity = $2`, string(leg), run).Scan(&id) == nil
	})
	return id
}

// read loads a call as it is stored.
func (h *hall) read(id telephony.CallID) telephony.Call {
	h.t.Helper()
	c, err := h.store.Call(h.t.Context(), id)
	require.NoError(h.t, err)
	return c
}

// becomes waits for the word that people see for a call.
func (h *hall) becomes(id telephony.CallID, want telephony.Word) telephony.Call {
	h.t.Helper()
	var c telephony.Call
	h.await(func() bool {
		c = h.read(id)
		return c.Word() == want
	}, func() string { return fmt.Sprintf("call becomes %s, is %s", want, c.Word()) })
	return c
}

// rings waits for the leg that rings for a call, and says at which seat.
func (h *hall) rings(id telephony.CallID) (telephony.LegID, agent.SeatID) {
	h.t.Helper()
	c := h.becomes(id, telephony.WordOffered)
	o := c.Offers[0]
	h.until("its telephone rings", func() bool { _, ok := h.fake.Leg(o.Leg()); return ok })
	return o.Leg(), o.Seat
}

// talk brings a call into conversation.
func (h *hall) talk(id telephony.CallID) (telephony.LegID, agent.SeatID) {
	h.t.Helper()
	leg, seat := h.rings(id)
	h.fake.AnswerSeat(leg)
	h.becomes(id, telephony.WordTalking)
	return leg, seat
}

func (h *hall) in(leg telephony.LegID) telephony.BridgeID {
	l, _ := h.fake.Leg(leg)
	return l.Bridge
}

func (h *hall) exec(sql string, args ...any) {
	h.t.Helper()
	_, err := h.pool.Exec(context.Background(), sql, args...)
	require.NoError(h.t, err, sql)
}

func (h *hall) count(sql string, args ...any) int {
	h.t.Helper()
	var n int
	require.NoError(h.t, h.pool.QueryRow(context.Background(), sql, args...).Scan(&n), sql)
	return n
}

// tidy waits for the invariants that a quiet hall must meet.
func (h *hall) tidy() {
	h.t.Helper()
	var last string
	h.await(func() bool {
		snap, err := h.onDuty().ari.Snapshot(h.t.Context())
		require.NoError(h.t, err)
		found, err := store.Verify(h.t.Context(), h.pool, store.Evidence{Lines: h.queue, Snapshot: &snap})
		require.NoError(h.t, err)
		last = fmt.Sprint(found)
		return len(found) == 0
	}, func() string { return "invariants: " + last })
	require.Empty(h.t, h.fake.Refused(), "RT15: nobody is refused")
}

type lease struct {
	h    *hall
	mine int64
}

func (l lease) Epoch() (int64, bool) { return l.mine, l.h.held.Load() }

// phones pushes accounts through whoever is on duty.
type phones struct{ h *hall }

func (p phones) Put(ctx context.Context, endpoint, ha1, contact string) error {
	return p.h.onDuty().ari.PutEndpoint(ctx, telephony.Endpoint{Name: endpoint, HA1: ha1, Contact: contact})
}

func (p phones) Drop(ctx context.Context, endpoint string) error {
	return p.h.onDuty().ari.DropEndpoint(ctx, endpoint)
}
