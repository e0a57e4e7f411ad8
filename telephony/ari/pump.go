package ari

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"hotline/telephony"
)

// readLimit is far above Asterisk's largest event; a longer one is a fault and costs the connection.
const readLimit = 1 << 20

// Run holds the event socket open until ctx is done (nil) or another controller replaces us (ErrReplaced). Call it once,
// and only after the lease has been taken: connecting takes the application over (R3).
func (c *Client) Run(ctx context.Context) error {
	if !c.running.CompareAndSwap(false, true) {
		return errors.New("the exchange client has been run before")
	}
	defer c.http.CloseIdleConnections()
	var delivering sync.WaitGroup
	delivering.Go(func() { c.deliver(ctx) })
	err := c.connect(ctx)
	c.queue.close()
	delivering.Wait()
	return err
}

// deliver decodes and hands over, one by one; it alone may wait for the controller.
func (c *Client) deliver(ctx context.Context) {
	defer close(c.signals)
	for {
		it, ok := c.queue.next(ctx)
		if !ok {
			return
		}
		s := it.signal
		if it.frame != nil {
			s = c.decode(it.frame)
			c.heard(s, it.at)
		}
		if s == nil {
			continue
		}
		select {
		case c.signals <- s:
		case <-ctx.Done():
			return
		}
	}
}

// heard marks an event's way up to here.
func (c *Client) heard(s telephony.Signal, read time.Time) {
	if leg := telephony.LegIn(s); leg != "" && c.cfg.Trace.On() {
		kind := strings.TrimPrefix(fmt.Sprintf("%T", s), "telephony.")
		c.cfg.Trace.MarkAt(read, kind+" read", string(leg))
		c.cfg.Trace.Mark(kind+" decoded", string(leg))
	}
}

func (c *Client) decode(frame []byte) telephony.Signal {
	kind, s := c.decoder.decode(frame)
	c.metrics.events.WithLabelValues(kind).Inc()
	if unknown, ok := s.(telephony.Unknown); ok {
		c.log.Debug("unknown event", slog.String("type", unknown.Type), slog.Int("bytes", len(frame)))
	}
	if left, ok := s.(telephony.LegLeft); ok {
		c.forget(left.Leg)
	}
	if gone, ok := s.(telephony.LegGone); ok {
		c.forget(gone.Leg)
	}
	return s
}

// connect opens socket after socket, with a jittered pause that doubles while none comes up.
func (c *Client) connect(ctx context.Context) error {
	var said string
	for pause := c.cfg.BackoffMin; ctx.Err() == nil; pause = min(2*pause, c.cfg.BackoffMax) {
		wasUp, err := c.session(ctx)
		if errors.Is(err, ErrReplaced) {
			c.log.Error("application taken over by another controller")
			c.queue.tell(telephony.Replaced{})
			return ErrReplaced
		}
		if wasUp {
			pause, said = c.cfg.BackoffMin, ""
		}
		if ctx.Err() == nil && said != err.Error() { // once per reason: an exchange that is down for an hour is one line
			said = err.Error()
			c.log.Warn("event socket lost", slog.Bool("was_up", wasUp), slog.Any("err", err))
		}
		wait := time.NewTimer(pause/2 + rand.N(pause/2+1)) //nolint:gosec // jitter needs no secrecy
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
	}
	return nil
}

// session is the life of one socket, from dial to loss (telephony.md 1.6). It says whether Up was told.
func (c *Client) session(ctx context.Context) (bool, error) {
	conn, err := c.dial(ctx)
	if err != nil {
		c.metrics.connects.WithLabelValues("refused").Inc()
		return false, err
	}
	defer conn.Close() //nolint:errcheck // the socket is given up, whatever it says (L8)
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()

	alive := c.keepAlive(conn)
	defer alive.stop()
	c.queue.hold()
	ended := make(chan error, 1)
	go func() { ended <- c.read(conn) }()

	entity, err := c.greet(ctx)
	if err != nil {
		_ = conn.Close()
		read := <-ended
		c.queue.discard()
		c.metrics.connects.WithLabelValues("greeting").Inc()
		if errors.Is(read, ErrReplaced) {
			err = read
		}
		return false, err
	}
	c.metrics.connects.WithLabelValues("up").Inc()
	c.metrics.connection.Set(1)
	c.log.Info("event socket up", slog.String("entity", entity))
	c.up.Store(true)
	c.queue.release(telephony.Up{Entity: entity})

	err = alive.cause(<-ended)
	if alive.stalled.Load() {
		c.http.pool.drop() // they are as dead as the socket: neither the next greeting nor a comparison may wait for one of them (F17)
	}
	c.up.Store(false)
	c.metrics.connection.Set(0)
	if !errors.Is(err, ErrReplaced) && ctx.Err() == nil {
		c.queue.tell(telephony.Down{Err: err})
	}
	return true, err
}

// dial opens a socket, which takes the application over from whoever has it: that needs the lease like every decision, up to the
// moment in which the request goes out. One who was stopped, and whose socket has died meanwhile, would take it from the next.
func (c *Client) dial(ctx context.Context) (*websocket.Conn, error) {
	permit := func() error { return c.permit(guarded) }
	if err := permit(); err != nil {
		return nil, fmt.Errorf("open event socket: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.DialTimeout)
	defer cancel()
	var below *fenced
	dialer := websocket.Dialer{
		NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{Timeout: c.cfg.DialTimeout}).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			below = &fenced{Conn: conn}
			below.permit.Store(&permit)
			return below, nil
		},
		HandshakeTimeout: c.cfg.DialTimeout, // an application stuck inside Asterisk never answers it
	}
	head := http.Header{}
	head.Set("Authorization", c.http.authorization)
	conn, resp, err := dialer.DialContext(ctx, c.socket, head)
	if resp != nil {
		defer resp.Body.Close() //nolint:errcheck // nothing is written to it
	}
	if err != nil {
		if resp != nil {
			return nil, fmt.Errorf("open event socket: %s: %w", resp.Status, err)
		}
		return nil, fmt.Errorf("open event socket: %w", err)
	}
	below.permit.Store(nil) // from here on it only listens
	conn.SetReadLimit(readLimit)
	return conn, nil
}

// greet finds out which Asterisk this is, silences the events nobody reads, and asks again for those of the endpoints:
// subscriptions end with the application object.
func (c *Client) greet(ctx context.Context) (string, error) {
	entity, err := c.entity(ctx)
	if err != nil {
		return "", fmt.Errorf("greet the exchange: %w", err)
	}
	if err := c.silence(ctx); err != nil {
		return "", fmt.Errorf("filter events: %w", err)
	}
	for _, name := range c.endpoints() {
		err := c.Watch(ctx, endpointSource(name))
		if err != nil && !errors.Is(err, telephony.ErrGone) { // gone after a restart: the controller pushes it again
			return "", err
		}
	}
	return entity, nil
}

func (c *Client) silence(ctx context.Context) error {
	type eventType struct {
		Type string `json:"type"`
	}
	var noise []eventType
	for _, name := range []string{
		"ChannelVarset", "ChannelDialplan", "ChannelConnectedLine", "ChannelCallerId", "ChannelCreated",
		"PlaybackStarted", "PlaybackContinuing", "BridgeVideoSourceChanged",
	} {
		noise = append(noise, eventType{name})
	}
	return c.do(ctx, request{
		op: opFilter, method: http.MethodPut, path: []string{"applications", c.cfg.App, "eventFilter"},
		body: map[string]any{"disallowed": noise}, again: true, guard: unguarded,
	}, nil)
}

// read only reads and enqueues. ApplicationReplaced is looked for here and not behind the queue, because from that
// event on no command may go out any more.
func (c *Client) read(conn *websocket.Conn) error {
	for {
		_, frame, err := conn.ReadMessage()
		if err != nil {
			return fmt.Errorf("read event socket: %w", err)
		}
		if bytes.Contains(frame, []byte(replacedType)) && isReplaced(frame, c.cfg.App) {
			c.replaced.Store(true)
			c.metrics.events.WithLabelValues(replacedType).Inc()
			return ErrReplaced
		}
		if !c.queue.put(frame, c.cfg.Trace.Now()) {
			c.metrics.dropped.Inc()
		}
	}
}

// pulse pings a connection and ends it when the pongs stay away: TCP alone does not notice a half-open peer (L6).
type pulse struct {
	wait    time.Duration
	done    chan struct{}
	stalled atomic.Bool
	watch   *time.Timer
}

func (c *Client) keepAlive(conn *websocket.Conn) *pulse {
	p := &pulse{wait: c.cfg.PongWait, done: make(chan struct{})}
	p.watch = time.AfterFunc(p.wait, func() {
		p.stalled.Store(true)
		_ = conn.Close()
	})
	conn.SetPongHandler(func(string) error {
		p.watch.Reset(p.wait)
		return nil
	})
	go func() {
		tick := time.NewTicker(c.cfg.PingEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				// No deadline: closing the connection, which the watch does, ends a write that hangs.
				if conn.WriteControl(websocket.PingMessage, nil, time.Time{}) != nil {
					return
				}
			case <-p.done:
				return
			}
		}
	}()
	return p
}

func (p *pulse) stop() {
	p.watch.Stop()
	close(p.done)
}

// cause says why a read ended: the closed connection alone would not tell.
func (p *pulse) cause(err error) error {
	if p.stalled.Load() {
		return fmt.Errorf("no pong for %s", p.wait)
	}
	return err
}

// endpoints are those to subscribe to again.
func (c *Client) endpoints() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := make([]string, 0, len(c.watched))
	for name := range c.watched {
		names = append(names, name)
	}
	return names
}

func endpointSource(name string) string { return "endpoint:PJSIP/" + name }
