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

// Subject is who hears.
type Subject struct {
	ID    string
	Login string // sockets end with it
}

// Authorizer says who may hear what. It is asked when a ticket is issued and when it is used: once for everything that is looked at
// then, so that it can find out in one step what it needs to know.
type Authorizer interface {
	Rule(ctx context.Context, who ...Subject) (Rule, error)
}

// Rule says whether one of the subjects that it was made for may hear a topic, as things stood then, and from which place in the log on:
// what was told before is not for them, neither resumed nor late (RS5). The zero place is the log's beginning.
type Rule func(who Subject, topic string) (from factlog.Position, ok bool)

// Errors of Issue.
var (
	ErrNotAllowed  = errors.New("topic not allowed")
	ErrTooMany     = errors.New("too many topics")
	ErrBadTopic    = errors.New("not the form of a topic: want kind or kind:name")
	ErrBadPosition = errors.New("position is not one of ours")
)

// all says from where on each of the topics may be heard; false: one of them may not.
func (r Rule) all(who Subject, topics []string) (map[string]factlog.Position, bool) {
	from := make(map[string]factlog.Position, len(topics))
	for _, topic := range topics {
		at, ok := r(who, topic)
		if !ok {
			return nil, false
		}
		from[topic] = at
	}
	return from, true
}

const (
	maxTopics   = 32
	maxTickets  = 10_000
	ofOneLogin  = 8 // unused tickets: a page that is loaded anew leaves one
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

// Issue makes a ticket, and says when it ends. A login has a few at a time: the oldest gives way. ErrNotAllowed, ErrTooMany, ErrBadTopic,
// ErrBadPosition.
func (h *Hub) Issue(ctx context.Context, r Request) (string, time.Time, error) {
	if len(r.Topics) > maxTopics {
		return "", time.Time{}, ErrTooMany
	}
	if slices.ContainsFunc(r.Topics, malformed) {
		return "", time.Time{}, ErrBadTopic
	}
	rule, err := h.cfg.Authorizer.Rule(ctx, r.Who)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("ask what %s may hear: %w", r.Who.ID, err)
	}
	if _, ok := rule.all(r.Who, r.Topics); !ok {
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
	h.forgetTicketsLocked(r.Who.Login)
	h.tickets[name] = t
	return name, t.expires, nil
}

// malformed topics are none that a fact could have: kind or kind:name, of letters, digits and . _ -.
func malformed(topic string) bool {
	const longest = 80
	const small, others = "abcdefghijklmnopqrstuvwxyz_", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"
	kind, name, named := strings.Cut(topic, ":")
	return kind == "" || named && name == "" || len(topic) > longest ||
		strings.Trim(kind, small) != "" || strings.Trim(name, small+others) != ""
}

// forgetTicketsLocked keeps the number of unused tickets bounded, in all and of the login that is to have another.
func (h *Hub) forgetTicketsLocked(login string) {
	now := h.cfg.Now()
	var own []string
	for name, t := range h.tickets {
		if now.After(t.expires) || len(h.tickets) >= maxTickets {
			delete(h.tickets, name)
		} else if t.who.Login == login {
			own = append(own, name)
		}
	}
	if len(own) >= ofOneLogin {
		oldest := slices.MinFunc(own, func(a, b string) int { return h.tickets[a].expires.Compare(h.tickets[b].expires) })
		delete(h.tickets, oldest)
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
