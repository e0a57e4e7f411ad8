package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"hotline/agent"
	"hotline/telephony"
)

// phoneNews is what the agent service has not heard yet of the seats' telephones: the latest of each, in order, so it is never
// longer than there are telephones and putting never waits, however slow the store is. What matters is where a telephone is
// now, not the way there.
type phoneNews struct {
	wake chan struct{} // holds one

	mu    sync.Mutex
	queue []telephony.Signal // guarded by mu; Up or Overflow stand first: they call for a comparison, which tells what was before them
}

func newPhoneNews() *phoneNews { return &phoneNews{wake: make(chan struct{}, 1)} }

// put takes what is news of telephones, and leaves the rest.
func (n *phoneNews) put(sig telephony.Signal) {
	phone, changed := sig.(telephony.EndpointChanged)
	switch {
	case changed:
		n.replace(phone)
	case missed(sig):
		n.restart(sig)
	default:
		return
	}
	select {
	case n.wake <- struct{}{}:
	default: // awake already
	}
}

// missed: events were lost before this signal.
func missed(sig telephony.Signal) bool {
	_, up := sig.(telephony.Up)
	_, overflow := sig.(telephony.Overflow)
	return up || overflow
}

func (n *phoneNews) restart(sig telephony.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, overflow := sig.(telephony.Overflow); overflow && len(n.queue) > 0 {
		if up, waits := n.queue[0].(telephony.Up); waits { // it compares too, and pushes besides
			sig = up
		}
	}
	n.queue = append(n.queue[:0], sig)
}

func (n *phoneNews) replace(sig telephony.EndpointChanged) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.queue = append(slices.DeleteFunc(n.queue, about(sig.Endpoint)), sig)
}

// older adds what is not so fresh: it could not be applied before, or was found by a comparison. Newer news wins.
func (n *phoneNews) older(sig telephony.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.queue) > 0 && missed(n.queue[0]) {
		return // a comparison is due
	}
	phone, changed := sig.(telephony.EndpointChanged)
	switch {
	case !changed:
		n.queue = slices.Insert(n.queue, 0, sig)
	case !slices.ContainsFunc(n.queue, about(phone.Endpoint)):
		n.queue = append(n.queue, sig)
	}
}

func about(endpoint string) func(telephony.Signal) bool {
	return func(sig telephony.Signal) bool {
		phone, changed := sig.(telephony.EndpointChanged)
		return changed && phone.Endpoint == endpoint
	}
}

// next is the oldest news; false when there is none.
func (n *phoneNews) next() (telephony.Signal, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.queue) == 0 {
		return nil, false
	}
	sig := n.queue[0]
	n.queue = slices.Delete(n.queue, 0, 1)
	return sig, true
}

// tellPhones applies news of telephones in order, away from the call path: each is a transaction.
func (s *server) tellPhones(ctx context.Context) error {
	var retry <-chan time.Time
	for told := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-s.phoneNews.wake:
		case <-retry:
		}
		err := s.applyPhones(ctx)
		if err != nil && !told && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "news of telephones not stored, trying again", slog.Any("err", err))
		}
		if told = err != nil; told {
			retry = time.After(500 * time.Millisecond)
		}
	}
}

// applyPhones empties the queue, or stops at what cannot be stored. That waits behind the others' news, so that no telephone holds
// up the rest.
func (s *server) applyPhones(ctx context.Context) error {
	for news, ok := s.phoneNews.next(); ok; news, ok = s.phoneNews.next() {
		if err := s.tellPhone(ctx, news); err != nil {
			s.phoneNews.older(news)
			return err
		}
	}
	return nil
}

func (s *server) tellPhone(ctx context.Context, news telephony.Signal) error {
	if missed(news) {
		clear(s.phonesAt) // what came then is not known
	}
	if up, ok := news.(telephony.Up); ok {
		s.pushSeats(ctx, up.Entity)
		return nil
	}
	if phone, ok := news.(telephony.EndpointChanged); ok {
		return s.phoneChanged(ctx, phone)
	}
	return s.comparePhones(ctx)
}

// phoneAt is where a seat's telephone was, as stored lately. The exchange tells it at every call of the seat anew; it is asked about the
// store again only now and then.
type phoneAt struct {
	seat   agent.SeatID // empty: no seat's
	online bool
	until  time.Time
}

const (
	phoneKnown = time.Minute
	mostPhones = 4096
)

// phoneChanged stores where a telephone is, unless that is known. A conversation that waits for it need not wait for its next try (A11).
func (s *server) phoneChanged(ctx context.Context, v telephony.EndpointChanged) error {
	at, known := s.phonesAt[v.Endpoint]
	if now := s.now(); !known || at.online != v.Online || now.After(at.until) {
		if err := s.agents.EndpointOnline(ctx, v.Endpoint, v.Online); err != nil {
			return err
		}
		seat, err := s.agentStore.SeatOfEndpoint(ctx, v.Endpoint)
		if err != nil && !errors.Is(err, agent.ErrNotFound) {
			return err
		}
		if len(s.phonesAt) >= mostPhones {
			clear(s.phonesAt)
		}
		at = phoneAt{seat: seat, online: v.Online, until: now.Add(phoneKnown)}
		s.phonesAt[v.Endpoint] = at
	}
	if at.seat != "" && v.Online {
		s.controller.SeatOnline(at.seat)
	}
	return nil
}

// comparePhones finds the telephones that came or went while events were missed. One at a fixed contact does not register: it
// counts as there.
func (s *server) comparePhones(ctx context.Context) error {
	seen, err := s.ari.Registered(ctx)
	if err != nil {
		return err
	}
	seats, err := s.agentStore.Seats(ctx)
	if err != nil {
		return err
	}
	for _, seat := range seats {
		if seat.Endpoint != "" && seat.Phone == agent.PhoneBrowser && seat.Registered != seen[seat.Endpoint] {
			s.phoneNews.older(telephony.EndpointChanged{Endpoint: seat.Endpoint, Online: seen[seat.Endpoint]})
		}
	}
	return nil
}
