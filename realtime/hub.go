package realtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"hotline/realtime/factlog"
)

// Config says what the hub reads and whom it serves. The limits have defaults (reliability.md 7 and 11.4).
type Config struct {
	Facts      factlog.DB    // for what browsers that come back have missed
	Feed       *factlog.Feed // everything from now on
	Authorizer Authorizer
	Origins    []string // as browsers send them; others are refused
	Log        *slog.Logger
	Registry   prometheus.Registerer
	Now        func() time.Time // of the facts' stamps
	Machine    func() time.Time // of this machine, for the sockets' deadlines; nil: Now

	PingEvery    time.Duration // 5 s
	PongWait     time.Duration // 12 s
	WriteLimit   time.Duration // 5 s
	TicketLife   time.Duration // 30 s
	QueueFrames  int           // 1,024
	QueueBytes   int           // 1 MiB
	SocketsLogin int           // 6: a few pages of one person
	SocketsIP    int           // 50; a hall behind one address needs more
	ResumeFacts  int           // 500; whoever missed more reads a snapshot

	// Gather is how long news for a socket that hears no single seat, call or ticket waits for more of the same burst: a hundred
	// boards then cost one write each per call's step, not one per fact, and the seat that rings is told first. 0: not at all.
	Gather time.Duration

	// Refuse answers who gets no socket: with a status, and a word for why (socket.ticket, not_allowed, origin, unavailable).
	Refuse func(w http.ResponseWriter, r *http.Request, status int, why string)

	Told func(f factlog.Fact) // hears of each fact that the sockets have been given; nil: nobody does
}

func (c Config) withDefaults() Config {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	if c.Machine == nil {
		c.Machine = c.Now
	}
	if c.Refuse == nil {
		c.Refuse = func(w http.ResponseWriter, _ *http.Request, status int, why string) { http.Error(w, why, status) }
	}
	set(&c.PingEvery, 5*time.Second)
	set(&c.PongWait, 12*time.Second)
	set(&c.WriteLimit, 5*time.Second)
	set(&c.TicketLife, 30*time.Second)
	for _, n := range []struct {
		field *int
		value int
	}{{&c.QueueFrames, 1024}, {&c.QueueBytes, 1 << 20}, {&c.SocketsLogin, 6}, {&c.SocketsIP, 50}, {&c.ResumeFacts, 500}} {
		if *n.field <= 0 {
			*n.field = n.value
		}
	}
	return c
}

const (
	resumeScan     = 20_000 // facts looked at for one resuming browser
	handshakeLimit = 5 * time.Second
)

// Hub serves the sockets. Make one with New and Run it once.
type Hub struct {
	cfg      Config
	metrics  *metrics
	reader   *factlog.Reader
	upgrader websocket.Upgrader

	mu      sync.Mutex
	tickets map[string]ticket               // unused, by name; guarded by mu, as all below
	sockets map[*socket]struct{}            // open
	topics  map[string]map[*socket]struct{} // who hears what
	ended   map[string]time.Time            // logins cut lately: their handshakes may still be under way
	round   uint64                          // of hearersLocked
	at      factlog.Position                // delivered so far
	running bool
}

// New prepares a hub; it serves nobody before Run.
func New(cfg Config) *Hub {
	cfg = cfg.withDefaults()
	h := &Hub{
		cfg: cfg, metrics: newMetrics(cfg.Registry), reader: factlog.NewReader(cfg.Facts),
		tickets: map[string]ticket{}, sockets: map[*socket]struct{}{}, topics: map[string]map[*socket]struct{}{},
		ended: map[string]time.Time{},
	}
	h.upgrader = websocket.Upgrader{
		HandshakeTimeout: handshakeLimit, Subprotocols: []string{protocol},
		CheckOrigin: func(r *http.Request) bool { return slices.Contains(cfg.Origins, r.Header.Get("Origin")) },
		Error: func(w http.ResponseWriter, r *http.Request, status int, _ error) {
			w.Header().Set("Sec-WebSocket-Version", "13")
			why := "invalid"
			if status == http.StatusForbidden {
				why = "origin"
			}
			cfg.Refuse(w, r, status, why)
		},
	}
	return h
}

// Run follows the fact log and hands every fact to those who may hear it, until ctx ends; then the sockets are told to reconnect.
func (h *Hub) Run(ctx context.Context) error {
	from, err := h.cfg.Feed.Begin(ctx)
	if err != nil {
		return unlessOver(err)
	}
	h.mu.Lock()
	h.at, h.running = from, true
	h.mu.Unlock()
	err = h.cfg.Feed.Follow(ctx, from, h.deliver)
	h.stop()
	return unlessOver(err)
}

// unlessOver: to be told to stop is no fault.
func unlessOver(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (h *Hub) deliver(ctx context.Context, facts []factlog.Fact) error {
	for _, f := range facts {
		h.mu.Lock()
		h.at = f.Position
		to := h.hearersLocked(f.Topics, f.Position)
		h.mu.Unlock()
		if len(to) > 0 {
			frame, err := factFrame(f, false)
			if err != nil {
				h.cfg.Log.ErrorContext(ctx, "fact cannot be sent", slog.String("kind", f.Kind), slog.Any("err", err))
				continue
			}
			for _, s := range to {
				s.sendFact(f.Position, frame)
			}
		}
		if h.cfg.Told != nil {
			h.cfg.Told(f)
		}
		h.metrics.lag.Observe(h.cfg.Now().Sub(f.At).Seconds())
	}
	return nil
}

// Early hands facts that have just been committed, with their positions, to those who wait for news of one seat, call or ticket, before
// the log tells them (RH7). Who has heard a fact early hears it no second time from the log. Facts without a position are left to it.
func (h *Hub) Early(facts []factlog.Fact) {
	for _, f := range facts {
		if f.Position.XID == 0 {
			continue
		}
		h.mu.Lock()
		to := h.hearersLocked(particulars(f.Topics), f.Position)
		h.mu.Unlock()
		if len(to) == 0 {
			continue
		}
		frame, err := factFrame(f, true)
		if err != nil {
			h.cfg.Log.Error("fact cannot be sent", slog.String("kind", f.Kind), slog.Any("err", err))
			continue
		}
		for _, s := range to {
			s.sendEarly(f.Position, frame)
		}
	}
}

// hearersLocked are those of any of the topics who may hear of it what stands there in the log, each once.
func (h *Hub) hearersLocked(topics []string, at factlog.Position) []*socket {
	h.round++
	most := 0
	for _, topic := range topics {
		most = max(most, len(h.topics[topic]))
	}
	to := make([]*socket, 0, most)
	for _, topic := range topics {
		for s := range h.topics[topic] {
			if s.round != h.round && !at.Less(s.from[topic]) {
				s.round = h.round
				to = append(to, s)
			}
		}
	}
	return to
}

// now is beyond everything that has been told.
var now = factlog.Position{XID: math.MaxUint64} //nolint:gochecknoglobals // a constant

// Gauge sends a topic's figures; a browser that has not yet got the ones before gets these instead.
func (h *Hub) Gauge(topic string, data any) {
	h.mu.Lock()
	to := h.hearersLocked([]string{topic}, now)
	h.mu.Unlock()
	if len(to) == 0 {
		return
	}
	frame, err := textFrame(gaugeMessage{Type: "gauge", Topic: topic, At: h.cfg.Now().UTC(), Data: data})
	if err != nil {
		h.cfg.Log.Error("gauge cannot be sent", slog.String("topic", topic), slog.Any("err", err))
		return
	}
	for _, s := range to {
		s.sendGauge(topic, frame)
	}
}

// Heard tells whether anybody hears one of the topics that the question is true of.
func (h *Hub) Heard(topics func(topic string) bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for topic := range h.topics {
		if topics(topic) {
			return true
		}
	}
	return false
}

// Hearers lists who hears the topics that the question is true of.
func (h *Hub) Hearers(topics func(topic string) bool) map[string][]Subject {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[string][]Subject{}
	for topic, sockets := range h.topics {
		if !topics(topic) {
			continue
		}
		for s := range sockets {
			all[topic] = append(all[topic], s.who)
		}
	}
	return all
}

// Cut ends the sockets of a login that is over, within the call, and those that it is just opening. A login does not come back.
func (h *Hub) Cut(login string) {
	now := h.cfg.Now()
	h.mu.Lock()
	for old, at := range h.ended {
		if now.Sub(at) > h.cfg.TicketLife+handshakeLimit {
			delete(h.ended, old)
		}
	}
	h.ended[login] = now
	for name, t := range h.tickets {
		if t.who.Login == login {
			delete(h.tickets, name)
		}
	}
	h.mu.Unlock()
	for _, s := range h.of(login) {
		s.end(closeLoginEnded, "login ended")
	}
}

func (h *Hub) of(logins ...string) []*socket {
	named := make(map[string]bool, len(logins))
	for _, login := range logins {
		named[login] = true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []*socket
	for s := range h.sockets {
		if named[s.who.Login] {
			out = append(out, s)
		}
	}
	return out
}

// stop tells every browser to come back, and waits until they have been told.
func (h *Hub) stop() {
	h.mu.Lock()
	h.running = false
	open := make([]*socket, 0, len(h.sockets))
	for s := range h.sockets {
		open = append(open, s)
	}
	h.mu.Unlock()
	for _, s := range open {
		s.end(closeGoingAway, "going away")
	}
	for _, s := range open {
		<-s.done
	}
}

var (
	errTooManySockets = errors.New("too many sockets")
	errLoginEnded     = errors.New("login ended")
	errStopping       = errors.New("stopping")
)

// join counts a socket in and returns the place in the log from which it hears everything.
func (h *Hub) join(s *socket) (factlog.Position, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.running {
		return factlog.Position{}, errStopping
	}
	if _, over := h.ended[s.who.Login]; over {
		return factlog.Position{}, errLoginEnded
	}
	login, ip := 0, 0
	for other := range h.sockets {
		if other.who.Login == s.who.Login {
			login++
		}
		if other.ip == s.ip {
			ip++
		}
	}
	if login >= h.cfg.SocketsLogin || ip >= h.cfg.SocketsIP {
		return factlog.Position{}, fmt.Errorf("%d of this login, %d of this address: %w", login, ip, errTooManySockets)
	}
	h.sockets[s] = struct{}{}
	for _, topic := range s.topics {
		if h.topics[topic] == nil {
			h.topics[topic] = map[*socket]struct{}{}
		}
		h.topics[topic][s] = struct{}{}
	}
	h.metrics.connections.Set(float64(len(h.sockets)))
	return h.at, nil
}

func (h *Hub) leave(s *socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sockets, s)
	for _, topic := range s.topics {
		delete(h.topics[topic], s)
		if len(h.topics[topic]) == 0 {
			delete(h.topics, topic)
		}
	}
	h.metrics.connections.Set(float64(len(h.sockets)))
}
