package realtime

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"hotline/realtime/factlog"
)

// Subject is who hears. Value is the Authorizer's own.
type Subject struct {
	ID    string
	Login string // sockets end with it
	Value any
}

// Authorizer says who may hear what. It is asked when a ticket is issued, when it is used, and on Recheck: once for everybody and
// everything that is looked at then, so that it can find out in one step what it needs to know.
type Authorizer interface {
	Rule(ctx context.Context, who ...Subject) (Rule, error)
}

// Rule says whether one of the subjects that it was made for may hear a topic, as things stood then.
type Rule func(who Subject, topic string) bool

// Errors of Issue.
var (
	ErrNotAllowed  = errors.New("topic not allowed")
	ErrTooMany     = errors.New("too many topics")
	ErrBadPosition = errors.New("position is not one of ours")
)

func (r Rule) all(who Subject, topics []string) bool {
	return !slices.ContainsFunc(topics, func(topic string) bool { return !r(who, topic) })
}

const (
	maxTopics   = 32
	maxTickets  = 10_000
	protocol    = "v1.hotline"
	ticketStart = "t."
)

// ticket opens one socket, once.
type ticket struct {
	who     Subject
	topics  []string
	since   *factlog.Position // nil: nothing is resumed
	network string
	expires time.Time
}

// Request asks for a ticket: for a socket on these topics, with the facts after Since, which is empty or a position from a snapshot.
type Request struct {
	Who     Subject
	Address string // that the request came from, as net/http tells it: the ticket is bound to its network
	Topics  []string
	Since   string
}

// Issue makes a ticket, and says when it ends. ErrNotAllowed, ErrTooMany, ErrBadPosition.
func (h *Hub) Issue(ctx context.Context, r Request) (string, time.Time, error) {
	if len(r.Topics) > maxTopics {
		return "", time.Time{}, ErrTooMany
	}
	rule, err := h.cfg.Authorizer.Rule(ctx, r.Who)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("ask what %s may hear: %w", r.Who.ID, err)
	}
	if !rule.all(r.Who, r.Topics) {
		return "", time.Time{}, ErrNotAllowed
	}
	t := ticket{who: r.Who, topics: r.Topics, network: network(r.Address), expires: h.cfg.Now().Add(h.cfg.TicketLife)}
	if r.Since != "" {
		p, err := factlog.ParsePosition(r.Since)
		if err != nil {
			return "", time.Time{}, ErrBadPosition
		}
		t.since = &p
	}
	var key [16]byte
	_, _ = rand.Read(key[:]) // never fails (crypto/rand)
	name := hex.EncodeToString(key[:])
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forgetTicketsLocked()
	h.tickets[name] = t
	return name, t.expires, nil
}

// forgetTicketsLocked keeps the number of unused tickets bounded.
func (h *Hub) forgetTicketsLocked() {
	now := h.cfg.Now()
	for name, t := range h.tickets {
		if now.After(t.expires) || len(h.tickets) >= maxTickets {
			delete(h.tickets, name)
		}
	}
}

// redeem takes the ticket that the browser offers among its subprotocols.
func (h *Hub) redeem(r *http.Request) (ticket, bool) {
	var name string
	for _, header := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(header, ",") {
			if v, ok := strings.CutPrefix(strings.TrimSpace(p), ticketStart); ok {
				name = v
			}
		}
	}
	h.mu.Lock()
	t, ok := h.tickets[name]
	delete(h.tickets, name)
	h.mu.Unlock()
	return t, ok && !h.cfg.Now().After(t.expires) && t.network == network(r.RemoteAddr)
}

// network is the part of an address that does not change while a person signs in: /24, or /56.
func network(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	bits := 24
	if ip = ip.Unmap(); ip.Is6() {
		bits = 56
	}
	prefix, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return host
	}
	return prefix.String()
}
