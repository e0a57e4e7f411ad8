package ari

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hotline/telephony"
)

// The verbs, as errors and metrics name them.
const (
	opInfo         = "info"
	opFilter       = "event_filter"
	opApplication  = "application"
	opChannels     = "channels"
	opBridges      = "bridges"
	opAnswer       = "answer"
	opHangup       = "hangup"
	opReturn       = "return"
	opMute         = "mute"
	opPlays        = "plays"
	opRing         = "ring"
	opEnsureBridge = "ensure_bridge"
	opDeleteBridge = "delete_bridge"
	opHold         = "hold"
	opJoin         = "join"
	opLeave        = "leave"
	opPlay         = "play"
	opStopPlay     = "stop_play"
	opWatch        = "watch"
	opPutEndpoint  = "put_endpoint"
	opDropEndpoint = "drop_endpoint"
	opEndpoints    = "endpoints"
)

// guard says what a request must ask before it goes out.
type guard int

const (
	guarded   guard = iota // the lease, and not replaced
	cleanup                // not replaced: the one clean-up that hold-only allows (R4)
	unguarded              // changes nothing in any call
)

// request is one REST call. again marks those that may be repeated once after an unknown outcome: reads, and commands
// whose id is chosen by us or whose second time has no effect (telephony.md 1.6).
type request struct {
	op     string
	method string
	path   []string // segments, escaped when sent
	query  url.Values
	body   any
	again  bool
	guard  guard
	about  string     // what else it is about than what the path names, for the trace
	slow   bool       // its answer grows with the number of calls: it is waited for longer (RT8)
	date   *time.Time // is told the exchange's clock, if the exchange says it
}

// slowFactor is how much longer.
const slowFactor = 4

// transport is the client's own pool. Every connection is a thread of Asterisk and one of its HTTP sessions, and it is
// closed by Asterisk after 15 s of silence: ours must be gone before, or a POST meets a closing connection.
type transport struct {
	*http.Client
	pool          *pool
	authorization string
}

func newTransport(cfg Config) *transport {
	const connections = 48
	open := &pool{Dialer: net.Dialer{Timeout: cfg.DialTimeout}, open: make(map[*fenced]struct{})}
	secret := base64.StdEncoding.EncodeToString([]byte(cfg.User + ":" + cfg.Password))
	return &transport{
		pool:          open,
		authorization: "Basic " + secret,
		Client: &http.Client{
			Transport: &http.Transport{
				DialContext:         open.DialContext,
				MaxConnsPerHost:     connections,
				MaxIdleConns:        connections,
				MaxIdleConnsPerHost: connections,
				IdleConnTimeout:     10 * time.Second,
				DisableCompression:  true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// do sends a request and decodes the answer into out, unless that is nil. An error is telephony.ErrNoDecision, an
// *Error with Asterisk's words, or the transport's own.
func (c *Client) do(ctx context.Context, r request, out any) error {
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return fmt.Errorf("ari %s: encode: %w", r.op, err)
		}
	}
	err := c.once(ctx, r, body, out)
	if err != nil && r.again && ctx.Err() == nil && unknownOutcome(err) {
		err = c.once(ctx, r, body, out)
	}
	return err
}

func (c *Client) once(ctx context.Context, r request, body []byte, out any) error {
	if err := c.permit(r.guard); err != nil {
		return fmt.Errorf("ari %s: %w", r.op, err)
	}
	limit := c.cfg.RequestTimeout
	if r.slow {
		limit *= slowFactor
	}
	ctx, cancel := context.WithTimeout(withPermit(ctx, func() error { return c.permit(r.guard) }), limit)
	defer cancel()
	status := "broken"
	timer := prometheus.NewTimer(prometheus.ObserverFunc(func(s float64) {
		c.metrics.requests.WithLabelValues(r.op, status).Observe(s)
	}))
	defer timer.ObserveDuration()

	req, err := http.NewRequestWithContext(ctx, r.method, c.address(r), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ari %s: %w", r.op, err)
	}
	req.Header.Set("Authorization", c.http.authorization)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	c.mark(r, " asked")
	resp, err := c.http.Do(req)
	c.mark(r, " answered")
	if err != nil {
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			status = "timeout"
		case errors.Is(err, telephony.ErrNoDecision):
			status = "fenced"
		}
		return fmt.Errorf("ari %s: %w", r.op, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	status = strconv.Itoa(resp.StatusCode)
	const most = 64 << 20                                    // 20,000 channels
	said, err := io.ReadAll(io.LimitReader(resp.Body, most)) // to its end, or the connection could not be used again
	if err != nil {
		return fmt.Errorf("ari %s: read answer: %w", r.op, err)
	}
	if resp.StatusCode/100 != 2 {
		return &Error{Op: r.op, Status: resp.StatusCode, Message: message(resp.StatusCode, said)}
	}
	if r.date != nil {
		*r.date, _ = http.ParseTime(resp.Header.Get("Date")) // none is no fault
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(said, out); err != nil {
		return fmt.Errorf("ari %s: decode answer: %w", r.op, err)
	}
	return nil
}

// mark notes a request's way, by the leg or bridge that it is about.
func (c *Client) mark(r request, what string) {
	if !c.cfg.Trace.On() {
		return
	}
	subject := ""
	if len(r.path) > 1 {
		subject = r.path[1]
	}
	c.cfg.Trace.Mark(r.op+what, subject, r.about)
}

// permit is asked before a connection is looked for, which spares one, and again as the request is written.
func (c *Client) permit(g guard) error {
	if g != unguarded && c.replaced.Load() {
		c.metrics.fenced.Inc()
		return fmt.Errorf("%w: %w", telephony.ErrNoDecision, ErrReplaced)
	}
	if g != guarded {
		return nil
	}
	if err := c.cfg.Fence(); err != nil {
		c.metrics.fenced.Inc()
		return fmt.Errorf("%w: %w", telephony.ErrNoDecision, err)
	}
	return nil
}

func (c *Client) address(r request) string {
	var path strings.Builder
	path.WriteString(strings.TrimSuffix(c.rest.String(), "/"))
	for _, segment := range r.path {
		path.WriteByte('/')
		path.WriteString(strings.ReplaceAll(url.PathEscape(segment), "+", "%2B")) // Asterisk reads + as a space
	}
	if len(r.query) > 0 {
		path.WriteByte('?')
		path.WriteString(r.query.Encode())
	}
	return path.String()
}

// unknownOutcome: the command may or may not have been carried out. A refusal in ARI's words is known.
func unknownOutcome(err error) bool {
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		return !errors.Is(err, telephony.ErrNoDecision)
	}
	return refusal.Status >= http.StatusInternalServerError && !refusal.Offline()
}
