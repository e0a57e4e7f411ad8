package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"hotline/agent"
	"hotline/agent/setting"
	agentstore "hotline/agent/store"
	"hotline/agent/vault"
	"hotline/deploy/migrations"
	"hotline/telephony"
	"hotline/telephony/line"
	callstore "hotline/telephony/store"
)

// assigners is how many wait for assignments at once in B4.
const assigners = 50

// assignments measures B4: hotline's queue and ledger as packages, on the servers of the hall but in a database and under a prefix
// of their own. An assignment is the pair out of Redis and the committed offer; the seat's refusal, committed as well, makes it
// possible again, here and with pgbench.
type assignments struct {
	hall     *hall
	store    *callstore.Store
	pool     *pgxpool.Pool
	redis    *redis.Client
	queue    *line.Queue
	heard    *hearing // what the queue and the ledger really send
	calls    []telephony.Call
	seats    []telephony.LineSeat
	database string
	turns    int // so far: every offer has an id of its own
}

const (
	assignLine  = agent.LineID("session")
	assignEpoch = 1
	connections = 8 // of the controller's pool (reliability.md 11.4)
)

func openAssignments(ctx context.Context, h *hall, o Options) (*assignments, error) {
	a := &assignments{hall: h, database: "assignments", heard: &hearing{}}
	if _, err := h.sql.Exec(ctx, "CREATE DATABASE "+a.database); err != nil {
		return nil, fmt.Errorf("make the database of B4: %w", err)
	}
	cfg, err := pgxpool.ParseConfig(h.demo.Postgres.URLOf(migrations.RoleController, a.database))
	if err != nil {
		return nil, fmt.Errorf("read the URL of B4: %w", err)
	}
	cfg.MaxConns, cfg.ConnConfig.Tracer = connections, a.heard
	cfg.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan" // as the server's
	if a.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return nil, fmt.Errorf("open the database of B4: %w", err)
	}
	keys := filepath.Join(o.Dir, "assignments.keys")
	if err := vault.Create(keys, vault.International); err != nil {
		return nil, err
	}
	seals, err := vault.Open(keys)
	if err != nil {
		return nil, err
	}
	a.store = callstore.New(a.pool, seals)
	at, err := redis.ParseURL(h.demo.Redis.URL())
	if err != nil {
		return nil, fmt.Errorf("read Redis' URL: %w", err)
	}
	at.MaxRetries, at.PoolSize = -1, assigners
	a.redis = redis.NewClient(at)
	a.redis.AddHook(a.heard)
	if a.queue, err = line.New(a.redis, "assignments:"); err != nil {
		return nil, err
	}
	return a, a.seed(ctx)
}

func (a *assignments) close() {
	a.pool.Close()
	_ = a.redis.Close() // it is the end
}

// seed has one call and one seat for each assigner, and one more of both, from which the peers learn what is sent.
func (a *assignments) seed(ctx context.Context) error {
	pool, err := pgxpool.New(ctx, a.hall.demo.Postgres.URL(a.database))
	if err != nil {
		return fmt.Errorf("reach the database of B4: %w", err)
	}
	defer pool.Close()
	return pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error { return a.fill(ctx, c.Conn(), agentstore.New(pool, nil)) })
}

func (a *assignments) fill(ctx context.Context, conn *pgx.Conn, people *agentstore.Store) error {
	if err := migrations.Bootstrap(ctx, conn); err != nil {
		return err
	}
	if err := migrations.Migrate(ctx, conn); err != nil {
		return err
	}
	now := time.Now().Truncate(time.Microsecond)
	err := errors.Join(
		people.PutUnits(ctx, []agent.Unit{{Code: "EDU", ShortName: "省教育厅", FullName: "安徽省教育厅", Kind: "department"}}),
		people.PutLine(ctx, agentstore.Line{ID: assignLine, Name: "接热线、办实事", Number: "12345"}),
		people.TuneLine(ctx, assignLine, setting.Notice, "", now))
	if err == nil {
		_, err = people.OpenSession(ctx, agentstore.NewSession{Unit: "EDU", Theme: "B4", OpensAt: now, ClosesAt: now.Add(time.Hour)})
	}
	if err != nil {
		return err
	}
	for _, sql := range []string{
		`UPDATE controller SET epoch = 1, holder = 'bench', renewed_at = clock_timestamp()`,
	} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("prepare B4: %w", err)
		}
	}
	for i := range assigners + 1 {
		if err := a.seedOne(ctx, conn, people, i, now); err != nil {
			return err
		}
	}
	return nil
}

func (a *assignments) seedOne(ctx context.Context, conn *pgx.Conn, people *agentstore.Store, i int, now time.Time) error {
	n := names(i)
	err := people.PutSeats(ctx, now, agentstore.Seat{ID: n.seat, Line: assignLine, Kind: agent.SeatOfficial, Unit: "EDU", Label: string(n.seat)})
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `INSERT INTO person (id, login_name, name, password_hash, created_at) VALUES ($1, $2, '张三', '-', $3)`,
		n.person, "b"+string(n.seat[1:]), now)
	if err == nil {
		_, err = conn.Exec(ctx, `UPDATE seat_state SET person = $2, endpoint = $3, ha1 = 'secret', intent = 'ready', device = 'ok', since = $4 WHERE seat = $1`,
			n.seat, n.person, n.endpoint, now)
	}
	if err != nil {
		return fmt.Errorf("seat somebody in B4: %w", err)
	}
	c, _, err := a.store.Arrive(ctx, assignEpoch, telephony.Arrival{ID: n.call, Channel: n.channel, Entity: "bench/1", Dialled: "12345", At: now})
	for _, e := range []telephony.Event{telephony.Arrived{Up: true}, telephony.PlayEnded{}} {
		if err == nil && !c.InLine() {
			if ended, ok := e.(telephony.PlayEnded); ok && c.Cue != nil {
				ended.Playback = c.Cue.ID
				e = ended
			}
			c, err = a.step(ctx, c, e)
		}
	}
	if err != nil {
		return err
	}
	if !c.InLine() {
		return fmt.Errorf("call %s of B4 does not wait but is %s", c.ID, c.Phase)
	}
	// So large that it is mistaken for nothing else in a statement.
	if _, err := conn.Exec(ctx, `UPDATE call SET version = $2 WHERE id = $1`, n.call, firstVersion); err != nil {
		return fmt.Errorf("number a call of B4: %w", err)
	}
	c.Version = firstVersion
	a.calls = append(a.calls, c)
	a.seats = append(a.seats, telephony.LineSeat{
		Seat: n.seat, Kind: agent.SeatOfficial, Person: n.person, Phone: agent.PhoneSIP, Endpoint: n.endpoint, Open: true, Since: now,
	})
	return nil
}

// step lets an event happen to a call, and stores what follows.
func (a *assignments) step(ctx context.Context, c telephony.Call, e telephony.Event) (telephony.Call, error) {
	now := time.Now()
	after, records := telephony.Apply(c, e, now)
	after.Epoch = assignEpoch
	ch, stores := telephony.Gather(c, after, records, "controller", now)
	if !stores {
		return after, nil
	}
	return ch.After, a.store.Save(ctx, assignEpoch, ch)
}

// claim takes a pair out of the queue, having put it in.
func (a *assignments) claim(ctx context.Context, i int, request string) error {
	waits, seat := a.calls[i].Waits(), a.seats[i]
	_, _, found, err := a.queue.Pair(ctx, assignLine, []telephony.News{{Joined: &waits}, {Seat: &seat}}, request, time.Now())
	if err == nil && !found {
		err = errors.New("the queue of B4 gives no pair")
	}
	return err
}

// assign commits the offer and its refusal. What waits afterwards is the call as it was, one version on.
func (a *assignments) assign(ctx context.Context, i int, offer telephony.OfferID) error {
	c, s, now := a.calls[i], a.seats[i], time.Now()
	offered, err := a.step(ctx, c, telephony.Offered{Offer: telephony.Offer{
		ID: offer, Kind: telephony.OfferLine, Role: telephony.RoleOfficial, Seat: s.Seat, Person: s.Person, Phone: s.Phone, Endpoint: s.Endpoint,
		OfferedAt: now, ExpiresAt: now.Add(20 * time.Second),
	}})
	if err != nil {
		return err
	}
	refused, err := a.step(ctx, offered, telephony.Declined{Offer: offer, Reason: "busy"})
	a.calls[i].Version = refused.Version
	return err
}

// rate is how often something was done in a turn of B4, and what it cost.
type rate struct {
	perSecond float64
	server    time.Duration // processor time of the store for each
	client    time.Duration // of the one who asked, as far as it is known
}

// ours lets all assigners work for so long. The Redis side alone, or with the commits.
func (a *assignments) ours(ctx context.Context, o Options, commits bool) (rate, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	var done atomic.Int64
	var failed atomic.Pointer[error]
	over := time.Now().Add(o.Burst)
	a.turns++
	turn := a.turns
	measure := a.meter(commits)
	for i := range assigners {
		all.Go(func() {
			for n := 0; time.Now().Before(over) && ctx.Err() == nil; n++ {
				offer := telephony.OfferID(offerID(i, turn, n))
				err := a.claim(ctx, i, string(offer))
				if err == nil && commits {
					err = a.assign(ctx, i, offer)
				}
				if err != nil {
					failed.CompareAndSwap(nil, &err)
					cancel()
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return rate{}, *err
	}
	return measure(done.Load()), nil
}

// meter begins to measure and gives what ends it.
func (a *assignments) meter(commits bool) func(n int64) rate {
	began, before, own := time.Now(), cpu(a.hall.processes()), ownCPU()
	return func(n int64) rate {
		used := cpu(a.hall.processes())
		server := used["redis"] - before["redis"]
		if commits {
			server += used["postgres"] - before["postgres"]
		}
		n = max(n, 1)
		return rate{perSecond: float64(n) / time.Since(began).Seconds(), server: server / time.Duration(n), client: (ownCPU() - own) / time.Duration(n)}
	}
}

// ownCPU is what this process has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// rebuild is how long it takes to fill the queue with 10,000 waiting callers.
func (a *assignments) rebuild(ctx context.Context) (time.Duration, error) {
	waiting := make([]telephony.Waiting, 10_000)
	for i := range waiting {
		waiting[i] = a.calls[0].Waits()
		waiting[i].Call, waiting[i].Seq = telephony.CallID(fmt.Sprintf("%s%012d", callPrefix, i)), int64(i)
	}
	began := time.Now()
	err := a.queue.Rebuild(ctx, "rebuilt", waiting, a.seats)
	return time.Since(began), err
}
