package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
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
	"hotline/agent/calendar"
	"hotline/agent/setting"
	agentstore "hotline/agent/store"
	"hotline/agent/vault"
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
	gatherFacts   = 200 * time.Millisecond
	gatherTickets = 200 * time.Millisecond
)

// server is the wired product. Read newServer from top to bottom: it is the whole picture of who knows whom.
type server struct {
	settings settings
	log      *slog.Logger
	clock    *callstore.Clock
	patience time.Duration    // with a request to the API
	now      func() time.Time // the clock's; what needs the machine's own time takes time.Now
	metrics  *prometheus.Registry
	parked   prometheus.Gauge // facts that were set aside
	trace    *trace.Recorder  // of the ways of calls; nil: nobody looks into them

	calls   *pgxpool.Pool // the controller's own connections: nothing of the web waits before a call
	follow  *pgxpool.Pool // of what follows from facts: the feed, and the tickets that open by themselves
	web     *pgxpool.Pool // of people, logins and seats: before it is known who asks
	records *pgxpool.Pool // of calls and tickets, as far as the signed-in person may see them
	redis   *redis.Client // may be away at any time, at the start as well (F10)
	stores  *storeWatch

	vault      *vault.Vault // the database's own keys (RS13)
	lock       *os.File     // proves that no other process bears our name; nil when it could not be had
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
	callReads  *callstore.Store // what the web reads, for a reader
	overview   *callstore.Store // what boards are shown, of all calls
	agentStore *agentstore.Store
	agents     *agent.Service
	auth       *auth.Service
	tickets    *ticketing.Service
	business   *setting.Service // the settings that people change, where cfg are the technical ones
	live       setting.Live     // those in memory, and
	days       *calendar.Provider
	ruledAt    time.Time          // when the controller was last told of its lines; of followSettings alone
	unread     bool               // the settings could not be read at the last look; of followSettings alone
	refused    map[int]string     // papers of years that cannot be counted with; likewise
	follows    *ticketstore.Store // opens tickets, and looks back over all of them
	hub        *realtime.Hub
	feed       *factlog.Feed   // this process's one reader of the fact log
	wake       *factlog.Signal // wakes it
	spread     *realtime.Wake  // told by the writers: wakes it, and those of other processes
	sip        *sipProxy
	handler    http.Handler
	names      func(ctx context.Context) (map[string]string, error) // of lines and people, as settings show them
	sitters    func(ctx context.Context, at time.Time) ([]agent.Sitter, error)
	rightsLost atomic.Bool // somebody has, perhaps: seats are looked at
	grace      agent.Grace // of who sits beside without a page
	master     atomic.Bool
	oldPaths   atomic.Int64 // requests without a version
}

func newServer(ctx context.Context, cfg settings, log *slog.Logger) (*server, error) {
	s := &server{
		settings: cfg, log: log, clock: callstore.NewClock(time.Now, log), metrics: prometheus.NewRegistry(), wake: factlog.NewSignal(),
		grace: agent.UsualGrace(), patience: usualPatience().api,
	}
	s.now = s.clock.Now
	s.clockMetrics()
	s.unversionedMetrics()
	s.parked = parkedGauge(s.metrics)
	s.trace = trace.New(cfg.TraceMarks, s.now)
	s.stores = newStoreWatch(s.metrics, s.now, log)
	s.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, step := range []func(context.Context) error{s.openStores, s.wireCalls, s.wirePeople, s.wireHub} {
		if err := step(ctx); err != nil {
			s.close()
			return nil, err
		}
	}
	handler, err := s.routes(s.register)
	if err != nil {
		s.close()
		return nil, err
	}
	s.handler = handler
	return s, nil
}

// openStores connects to Postgres and refuses what cannot work. Redis may come later.
func (s *server) openStores(ctx context.Context) error {
	if err := s.openPools(ctx); err != nil {
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
	s.feed = factlog.NewFeed(s.follow, factlog.Following{Signal: s.wake, Gather: gatherFacts, Log: s.log})
	return nil
}

// openPools opens one for each part of the server, as the role whose rows it needs. Of the calls and of what follows, a few statements
// run all day: planned once, and never worth compiling.
func (s *server) openPools(ctx context.Context) error {
	once := map[string]string{"plan_cache_mode": "force_generic_plan", "jit": "off"}
	for _, p := range []struct {
		pool       **pgxpool.Pool
		url        databaseURL
		size       int32
		timeout    string
		params     map[string]string
		forReaders bool
		tracer     []pgx.QueryTracer
	}{
		{pool: &s.calls, url: s.settings.controllerURL(), size: 8, timeout: "2s", params: once},
		{pool: &s.follow, url: s.settings.reactionsURL(), size: 8, timeout: "10s", params: once, tracer: s.writeTracer()},
		{pool: &s.web, url: s.settings.appURL(), size: 12, timeout: "10s", tracer: s.writeTracer()},
		{pool: &s.records, url: s.settings.appURL(), size: 12, timeout: "10s", forReaders: true, tracer: s.writeTracer()},
	} {
		cfg, err := p.url.config(p.size, p.timeout, p.tracer...)
		if err != nil {
			return err
		}
		maps.Copy(cfg.ConnConfig.RuntimeParams, p.params)
		if p.forReaders {
			cfg.PrepareConn = agentstore.ForReader
		}
		if *p.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
			return fmt.Errorf("open Postgres: %w", err)
		}
		if err := p.url.check(ctx, *p.pool); err != nil {
			return err
		}
	}
	return nil
}

// checkDatabase refuses a schema of another version and a locale in which Chinese text cannot be handled.
func checkDatabase(ctx context.Context, pool *pgxpool.Pool) error {
	return pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		if err := checkSchema(ctx, c.Conn()); err != nil {
			return err
		}
		return checkLocale(ctx, c.Conn())
	})
}

func checkSchema(ctx context.Context, conn *pgx.Conn) error {
	have, want, err := migrations.Version(ctx, conn)
	if err != nil {
		return fmt.Errorf("reach Postgres: %w", err)
	}
	if have != want {
		return fmt.Errorf("the database's schema is version %d and this program needs %d: run 'hotline migrate'", have, want)
	}
	return nil
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
	var err error
	if s.vault, err = openVault(ctx, s.settings.NumberKeyFile, s.calls); err != nil {
		return err
	}
	password, err := secret("ari-password-file", s.settings.ARIPasswordFile)
	if err != nil {
		return err
	}
	s.ledger = callstore.New(s.calls, s.vault)
	s.callReads = callstore.New(s.records, s.vault).Telling(func([]factlog.Fact) { s.spread.Wake() })
	s.overview = callstore.New(s.follow, s.vault)
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
	if s.journal, err = journal.Open(cmp.Or(s.settings.JournalDir, s.settings.NumberKeyFile+".journal"), s.vault); err != nil {
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

// openVault opens the keys and refuses those of another database, and to go without: what is sealed with the wrong ones is lost (RS13).
func openVault(ctx context.Context, path string, db *pgxpool.Pool) (*vault.Vault, error) {
	v, err := vault.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--number-key-file: %w: bring it back from its backup, or run 'hotline vault init' for a new database", err)
	}
	if err == nil {
		err = callstore.CheckKeys(ctx, db, v)
	}
	if err != nil {
		return nil, fmt.Errorf("--number-key-file %s: %w", path, err)
	}
	return v, nil
}

func (s *server) asterisk() (*url.URL, error) {
	u, err := url.Parse(s.settings.ARIURL)
	if err != nil {
		return nil, fmt.Errorf("--ari-url: %w", err)
	}
	return u, nil
}

func (s *server) close() {
	for _, pool := range []*pgxpool.Pool{s.calls, s.follow, s.web, s.records} {
		if pool != nil {
			pool.Close()
		}
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
