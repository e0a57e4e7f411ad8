package ari

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/telephony"
	"hotline/telephony/trace"
)

// Config says where the exchange is. Only the first four fields are required.
type Config struct {
	URL      string // of Asterisk's HTTP server: http://127.0.0.1:8088
	User     string
	Password string
	App      string // ARI application name; one controller at a time

	Log      *slog.Logger
	Registry prometheus.Registerer

	// Fence is asked before every command that changes something; an error refuses it with telephony.ErrNoDecision.
	// It must not block: it is the controller's own monotonic clock that answers (R3).
	Fence func() error

	Seats Seats

	Trace *trace.Recorder // hears when events come and requests go; nil: nobody does

	RequestTimeout time.Duration // of one REST call; 3 s
	DialTimeout    time.Duration // 2 s
	PingEvery      time.Duration // 5 s
	PongWait       time.Duration // without a pong for so long the connection is dead; 15 s
	BackoffMin     time.Duration // 50 ms
	BackoffMax     time.Duration // 2 s
	QueueLimit     int           // events; 65,536
}

// Seats are the names in pjsip.conf and extensions.conf that a pushed endpoint refers to.
type Seats struct {
	Context          string        // dialplan context without extensions; seats-nothing
	BrowserTransport string        // transport-ws
	SIPTransport     string        // transport-udp
	Realm            string        // hotline
	Qualify          time.Duration // how often a browser's registration is probed; 2 s finds a pulled cable in 4
}

// Client is the one connection to an Asterisk: Run owns the event socket, the verbs go by REST and may be used from any
// goroutine, whether Run runs or not.
type Client struct {
	cfg     Config
	rest    *url.URL // …/ari
	socket  string   // ws://…/ari/events?app=…
	log     *slog.Logger
	http    *transport
	metrics *metrics

	queue   *queue
	signals chan telephony.Signal
	decoder decoder // of the delivering goroutine

	running  atomic.Bool
	up       atomic.Bool
	replaced atomic.Bool

	mu      sync.Mutex // guards below
	held    map[telephony.LegID]telephony.BridgeID
	watched map[string]struct{} // endpoints to subscribe to at each connect
}

// New prepares a client; nothing is opened before Run or the first verb.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("read the exchange's address: %w", err)
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("the exchange's address %q is not http://host:port", cfg.URL)
	}
	if cfg.User == "" || cfg.Password == "" || cfg.App == "" {
		return nil, errors.New("the exchange needs a user, a password and an application name")
	}
	cfg = withDefaults(cfg)
	base = base.JoinPath("ari")
	c := &Client{
		cfg:     cfg,
		rest:    base,
		socket:  socketURL(*base, cfg.App),
		log:     cfg.Log,
		queue:   newQueue(cfg.QueueLimit),
		signals: make(chan telephony.Signal),
		decoder: newDecoder(),
		held:    make(map[telephony.LegID]telephony.BridgeID),
		watched: make(map[string]struct{}),
	}
	c.metrics = newMetrics(cfg.Registry, c.queue.depth)
	c.http = newTransport(cfg)
	return c, nil
}

// Signals delivers what the exchange reports, in order. It is closed when Run has ended.
func (c *Client) Signals() <-chan telephony.Signal { return c.signals }

// Connected says whether the event socket stands, for a readiness check.
func (c *Client) Connected() bool { return c.up.Load() }

func withDefaults(cfg Config) Config {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Fence == nil {
		cfg.Fence = func() error { return nil }
	}
	cfg.RequestTimeout = cmp.Or(cfg.RequestTimeout, 3*time.Second)
	cfg.DialTimeout = cmp.Or(cfg.DialTimeout, 2*time.Second)
	cfg.PingEvery = cmp.Or(cfg.PingEvery, 5*time.Second)
	cfg.PongWait = cmp.Or(cfg.PongWait, 15*time.Second)
	cfg.BackoffMin = cmp.Or(cfg.BackoffMin, 50*time.Millisecond)
	cfg.BackoffMax = cmp.Or(cfg.BackoffMax, 2*time.Second)
	cfg.QueueLimit = cmp.Or(cfg.QueueLimit, 65_536)
	cfg.Seats.Context = cmp.Or(cfg.Seats.Context, "seats-nothing")
	cfg.Seats.BrowserTransport = cmp.Or(cfg.Seats.BrowserTransport, "transport-ws")
	cfg.Seats.SIPTransport = cmp.Or(cfg.Seats.SIPTransport, "transport-udp")
	cfg.Seats.Realm = cmp.Or(cfg.Seats.Realm, "hotline")
	cfg.Seats.Qualify = cmp.Or(cfg.Seats.Qualify, 2*time.Second)
	return cfg
}

// socketURL is derived from the REST address, so that the two can never disagree (L21). Without subscribeAll: with it a
// dropped socket destroys the application and may deadlock Asterisk (telephony.md 2.2).
func socketURL(base url.URL, app string) string {
	u := base.JoinPath("events")
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[base.Scheme]
	u.RawQuery = url.Values{"app": {app}, "subscribeAll": {"false"}}.Encode()
	return u.String()
}
