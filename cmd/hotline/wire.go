package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"hotline/agent"
	"hotline/agent/auth"
	agentstore "hotline/agent/store"
	"hotline/deploy/migrations"
	"hotline/realtime"
	"hotline/realtime/factlog"
	"hotline/telephony"
	"hotline/telephony/ari"
	"hotline/telephony/control"
	"hotline/telephony/journal"
	"hotline/telephony/line"
	callstore "hotline/telephony/store"
	"hotline/telephony/trace"
	"hotline/ticketing"
	ticketstore "hotline/ticketing/store"
)

// How long news waits for more of the same moment. Seats do not: they hear of their calls early (RH7).
const (
	gatherFacts   = 50 * time.Millisecond
	gatherTickets = 200 * time.Millisecond
)

// server is the wired product. Read newServer from top to bottom: it is the whole picture of who knows whom.
type server struct {
	settings settings
	log      *slog.Logger
	clock    *callstore.Clock
	now      func() time.Time // the clock's; what needs the machine's own time takes time.Now
	metrics  *prometheus.Registry
	trace    *trace.Recorder // of the ways of calls; nil: nobody looks into them

	calls  *pgxpool.Pool // the controller's own connections: nothing of the web waits before a call
	web    *pgxpool.Pool
	redis  *redis.Client // may be away at any time, at the start as well (F10)
	stores *storeWatch

	lock       *os.File // proves that no other process bears our name; nil when it could not be had
	lease      *callstore.Lease
	ari        *ari.Client
	phoneNews  *phoneNews
	phonesAt   map[string]phoneAt // by endpoint, as phoneNews has been stored; of tellPhones alone
	journal    *journal.Journal
	gauged     gauge // what boards were shown last; of sampleGauges alone
	pages      pages // likewise
	controller *control.Controller
	pushed     atomic.Value     // the run of the exchange that knows the seats' telephones
	ledger     *callstore.Store // the calls' own, on their connections
	callReads  *callstore.Store // what the web reads, on its own connections
	agentStore *agentstore.Store
	agents     *agent.Service
	auth       *auth.Service
	tickets    *ticketing.Service
	drafts     *ticketstore.Store
	hub        *realtime.Hub
	feed       *factlog.Feed   // this process's one reader of the fact log
	wake       *factlog.Signal // wakes it
	spread     *realtime.Wake  // told by the writers: wakes it, and those of other processes
	sip        *sipProxy
	handler    http.Handler
	seatsMoved atomic.Bool // somebody has taken or left a seat
	master     atomic.Bool
}

func newServer(ctx context.Context, cfg settings, log *slog.Logger) (*server, error) {
	s := &server{settings: cfg, log: log, clock: callstore.NewClock(time.Now, log), metrics: prometheus.NewRegistry(), wake: factlog.NewSignal()}
	s.now = s.clock.Now
	s.clockMetrics()
	s.trace = trace.New(cfg.TraceMarks, s.now)
	s.stores = newStoreWatch(s.metrics, s.now, log)
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, step := range []func(context.Context) error{s.openStores, s.wireCalls, s.wirePeople, s.wireHub} {
		if err := step(ctx); err != nil {
			s.close()
			return nil, err
		}
	}
	handler, err := s.routes()
	if err != nil {
		s.close()
		return nil, err
	}
	s.handler = handler
	return s, nil
}

// openStores connects to Postgres and refuses what cannot work. Redis may come later.
func (s *server) openStores(ctx context.Context) error {
	dbURL, err := secret("database-url-file", s.settings.DatabaseURLFile)
	if err != nil {
		return err
	}
	// The controller's few statements run all day: planned once, and never worth compiling.
	if s.calls, err = openPool(ctx, dbURL, 8, map[string]string{"statement_timeout": "2s", "plan_cache_mode": "force_generic_plan", "jit": "off"}); err != nil {
		return err
	}
	if s.web, err = openPool(ctx, dbURL, 24, map[string]string{"statement_timeout": "10s"}, s.writeTracer()...); err != nil {
		return err
	}
	if err := checkDatabase(ctx, s.web); err != nil {
		return err
	}
	if err := callstore.SetClock(ctx, s.web, s.clock); err != nil { // before anything is stamped
		return err
	}
	redisURL, err := secret("redis-url-file", s.settings.RedisURLFile)
	if err != nil {
		return err
	}
	if s.redis, err = newRedis(redisURL); err != nil {
		return err
	}
	s.spread = realtime.NewWake(s.wake, s.redis, s.settings.RedisPrefix, s.log)
	s.feed = factlog.NewFeed(s.web, factlog.Following{Signal: s.wake, Gather: gatherFacts, Log: s.log})
	return nil
}

// openPool opens a pool whose sessions cannot hang (reliability.md 11.4). A tracer sees its statements.
func openPool(ctx context.Context, dbURL string, size int32, params map[string]string, tracer ...pgx.QueryTracer) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(dbURL)
	if err != nil {
		return nil, errors.New("--database-url-file: not a Postgres URL (postgres://user@host/database)")
	}
	cfg.MaxConns = size
	for _, t := range tracer {
		cfg.ConnConfig.Tracer = t
	}
	maps.Copy(cfg.ConnConfig.RuntimeParams, params)
	cfg.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "5s"
	cfg.ConnConfig.RuntimeParams["application_name"] = "hotline"
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open Postgres: %w", err)
	}
	return pool, nil
}

// checkDatabase refuses a schema of another version and a locale in which Chinese text cannot be handled.
func checkDatabase(ctx context.Context, pool *pgxpool.Pool) error {
	return pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		have, want, err := migrations.Version(ctx, c.Conn())
		if err != nil {
			return fmt.Errorf("reach Postgres: %w", err)
		}
		if have != want {
			return fmt.Errorf("the database's schema is version %d and this program needs %d: run 'hotline migrate'", have, want)
		}
		return checkLocale(ctx, c.Conn())
	})
}

func checkLocale(ctx context.Context, conn *pgx.Conn) error {
	var encoding, ctype string
	err := conn.QueryRow(ctx, `SELECT pg_encoding_to_char(encoding), datctype FROM pg_database WHERE datname = current_database()`).Scan(&encoding, &ctype)
	if err != nil {
		return fmt.Errorf("read the database's locale: %w", err)
	}
	if encoding != "UTF8" || ctype == "C" || ctype == "POSIX" {
		return fmt.Errorf("the database has encoding %s and LC_CTYPE %s: make it anew with ENCODING UTF8 LOCALE C.UTF-8", encoding, ctype)
	}
	return nil
}

// newRedis is a client that connects when it is asked, and again after each loss. It repeats nothing: a repeated script would run
// twice (R6). It waits no longer than its caller would: by itself it heeds its own limits only, and a Redis that hangs would cost
// each pair half a second (F10).
func newRedis(redisURL string) (*redis.Client, error) {
	opt, err := redis.ParseURL(redisURL)
	if err != nil {
		return nil, errors.New("--redis-url-file: not a Redis URL (unix:///path/to/redis.sock or redis://host:port)")
	}
	opt.MaxRetries, opt.PoolSize = -1, 32
	opt.ReadTimeout, opt.WriteTimeout, opt.DialTimeout = 500*time.Millisecond, 500*time.Millisecond, 500*time.Millisecond
	opt.ContextTimeoutEnabled, opt.DialerRetries = true, 1
	logging.Disable() // it tells of every connection that it cannot make; who needed one tells it once
	return redis.NewClient(opt), nil
}

// openRedis is a client whose Redis answers.
func openRedis(ctx context.Context, redisURL string) (*redis.Client, error) {
	rdb, err := newRedis(redisURL)
	if err != nil {
		return nil, err
	}
	if err := rdb.Ping(ctx).Err(); err != nil {
		return nil, errors.Join(fmt.Errorf("reach Redis: %w", err), rdb.Close())
	}
	return rdb, nil
}

// wireCalls joins the exchange, the ledger and the queue by the controller.
func (s *server) wireCalls(ctx context.Context) error {
	vault, err := openVault(s.settings.NumberKeyFile)
	if err != nil {
		return err
	}
	password, err := secret("ari-password-file", s.settings.ARIPasswordFile)
	if err != nil {
		return err
	}
	s.ledger = callstore.New(s.calls, vault)
	s.callReads = callstore.New(s.web, vault)
	s.lease = s.newLease(ctx)
	s.ari, err = ari.New(ari.Config{
		URL: s.settings.ARIURL, User: s.settings.ARIUser, Password: password, App: "hotline", Log: s.log, Registry: s.metrics,
		PingEvery: 2 * time.Second, PongWait: 6 * time.Second, // F17
		Trace: s.trace,
		Fence: func() error {
			if _, ok := s.lease.Epoch(); !ok {
				return telephony.ErrNoDecision
			}
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("wire Asterisk: %w", err)
	}
	if s.journal, err = journal.Open(cmp.Or(s.settings.JournalDir, s.settings.NumberKeyFile+".journal"), vault); err != nil {
		return fmt.Errorf("--journal-dir: %w", err)
	}
	queue, err := line.New(s.redis, s.settings.RedisPrefix)
	if err != nil {
		return fmt.Errorf("wire the queue: %w", err)
	}
	s.agentStore = agentstore.New(s.web, s.spread.Wake)
	s.agents = &agent.Service{
		Store: s.agentStore, Phones: phones{s.ari}, Now: s.now, Log: s.log, Realm: "hotline",
		OnChange:       func(st agent.State) { s.controller.SeatChanged(st) },
		ClientReplaced: func(_ context.Context, seat agent.SeatID) { s.controller.ClientReplaced(seat) },
	}
	s.phoneNews, s.phonesAt, s.pages = newPhoneNews(), map[string]phoneAt{}, pages{}
	var net control.Net
	if s.settings.NetDir != "" {
		net = journal.OpenNet(s.settings.NetDir)
	}
	s.controller = control.New(control.Config{
		Switch: s.ari, Signals: s.ari.Signals(), Heard: s.phoneNews.put, Presence: s.agents, Trace: s.trace,
		Ledger: tracedLedger{s.ledger.Telling(s.committed), s.trace}, Queue: tracedQueue{queue, s.trace},
		Lease: s.lease, Observer: newCallMetrics(s.metrics), Now: s.now, Log: s.log, Journal: s.journal, Net: net,
		PhonesReady: func(entity string) bool { return s.pushed.Load() == entity },
	})
	return nil
}

// newLease names this server by the id in its lock file, with its host for people to read. Renewal has a connection of its own.
func (s *server) newLease(ctx context.Context) *callstore.Lease {
	host, err := os.Hostname()
	if err != nil {
		host = "hotline"
	}
	who, err := takeIdentity(s.settings.NumberKeyFile + ".lock")
	if err != nil {
		s.log.WarnContext(ctx, "this server cannot prove its name; the lease is waited for", slog.Any("err", err))
	}
	s.lock = who.lock
	return callstore.NewLease(s.calls.Config().ConnConfig, callstore.LeaseOptions{
		Holder: host + " " + who.id, Alone: who.lock != nil, Now: time.Now, Clock: s.clock, Log: s.log,
	})
}

func openVault(path string) (*callstore.Vault, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := callstore.NewKeyFile(path); err != nil {
			return nil, fmt.Errorf("make the keys for citizens' numbers: %w", err)
		}
	}
	vault, err := callstore.OpenVault(path)
	if err != nil {
		return nil, fmt.Errorf("--number-key-file: %w", err)
	}
	return vault, nil
}

func (s *server) asterisk() (*url.URL, error) {
	u, err := url.Parse(s.settings.ARIURL)
	if err != nil {
		return nil, fmt.Errorf("--ari-url: %w", err)
	}
	return u, nil
}

func (s *server) close() {
	if s.calls != nil {
		s.calls.Close()
	}
	if s.web != nil {
		s.web.Close()
	}
	if s.redis != nil {
		_ = s.redis.Close()
	}
	if s.journal != nil {
		_ = s.journal.Close()
	}
	if s.lock != nil {
		_ = s.lock.Close()
	}
}

// phones gives the agent service the exchange's telephone accounts.
type phones struct{ exchange *ari.Client }

var _ agent.Phones = phones{}

func (p phones) Put(ctx context.Context, endpoint, ha1, contact string) error {
	return p.exchange.PutEndpoint(ctx, telephony.Endpoint{Name: endpoint, HA1: ha1, Contact: contact})
}

func (p phones) Drop(ctx context.Context, endpoint string) error {
	return p.exchange.DropEndpoint(ctx, endpoint)
}

var (
	_ control.Switch   = (*ari.Client)(nil)
	_ control.Ledger   = tracedLedger{}
	_ control.Queue    = tracedQueue{}
	_ control.Presence = (*agent.Service)(nil)
	_ control.Lease    = (*callstore.Lease)(nil)
	_ control.Journal  = (*journal.Journal)(nil)
	_ control.Net      = (*journal.Net)(nil)
)

// committed is what every writer of this process's calls calls after a commit, with the facts as far as it knows where they stand in
// the log: the seats that they are about hear of them at once, and everybody who reads the log is woken.
func (s *server) committed(facts []factlog.Fact) {
	s.hub.Early(facts)
	s.spread.Wake()
}
