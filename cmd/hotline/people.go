package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"hotline/agent"
	"hotline/agent/auth"
	"hotline/agent/calendar"
	agentstore "hotline/agent/store"
	"hotline/realtime"
	"hotline/realtime/factlog"
	"hotline/ticketing"
	ticketstore "hotline/ticketing/store"
)

// wirePeople joins sign-in and the ticketing desk.
func (s *server) wirePeople(context.Context) error {
	var err error
	s.auth, err = auth.New(auth.Config{Store: s.agentStore, Now: s.now, Log: s.log, Secure: s.settings.Secure, OnLogout: s.cut})
	if err != nil {
		return fmt.Errorf("wire sign-in: %w", err)
	}
	days, err := calendar.Vendored()
	if err != nil {
		return fmt.Errorf("wire the calendar: %w", err)
	}
	s.drafts = ticketstore.New(s.web, s.spread)
	s.tickets = &ticketing.Service{Store: s.drafts, Calendar: days, Rules: ticketing.PlanRules(), Now: s.now, Random: rand.Reader}
	return nil
}

// cut ends everything that a login holds open.
func (s *server) cut(login string) {
	s.hub.Cut(login)
	s.sip.Cut(login)
}

// wireHub joins the push and the softphone proxy.
func (s *server) wireHub(context.Context) error {
	s.hub = realtime.New(realtime.Config{
		Facts: s.web, Feed: s.feed, Authorizer: hearing{s.agentStore}, Origins: s.settings.origins(), Log: s.log, Registry: s.metrics, Now: s.now,
		Machine:   time.Now,
		SocketsIP: s.settings.SocketsPerAddress, SocketsLogin: s.settings.SocketsPerLogin,
		Gather: 30 * time.Millisecond, Told: s.told(),
	})
	u, err := s.asterisk()
	if err != nil {
		return err
	}
	s.sip = newSIPProxy(u, s.settings.origins(), s.log)
	return nil
}

// hearing says who may hear which topic: one's own seat; everybody's for those who may force seats.
type hearing struct{ hall *agentstore.Store }

var _ realtime.Authorizer = hearing{}

// Rule looks up in one query where everybody sits whose hearing depends on it.
func (a hearing) Rule(ctx context.Context, who ...realtime.Subject) (realtime.Rule, error) {
	var seated []agent.PersonID
	for _, w := range who {
		if id, ok := w.Value.(agent.Identity); ok && !id.May(agent.ActForce) {
			seated = append(seated, id.Person)
		}
	}
	var sittings map[agent.PersonID]agent.Sitting
	if len(seated) > 0 {
		var err error
		if sittings, err = a.hall.SittingsOf(ctx, seated); err != nil {
			return nil, err
		}
	}
	return func(w realtime.Subject, topic string) bool {
		id, ok := w.Value.(agent.Identity)
		return ok && hears(id, sittings[id.Person].Seat, topic)
	}, nil
}

func hears(id agent.Identity, own agent.SeatID, topic string) bool {
	kind, name, _ := strings.Cut(topic, ":")
	switch kind {
	case "board":
		return id.May(agent.ActReadBoard)
	case "line":
		return id.May(agent.ActReadSeats)
	case "tickets":
		return id.May(agent.ActReadTickets) && !id.Has(agent.RoleUnit)
	case "audit":
		return id.May(agent.ActReadAudit)
	case "seat":
		return id.May(agent.ActForce) || own != "" && string(own) == name
	}
	return false
}

// react opens and seats the tickets of calls as their facts come.
func (s *server) react(ctx context.Context) error {
	err := factlog.React(ctx, s.web, factlog.Reaction{
		Consumer: ticketstore.Consumer, Kinds: ticketstore.Kinds(), Wants: ticketstore.Wants, Apply: s.drafts.Handler(rand.Reader),
		Feed: s.feed, Wake: s.spread, Gather: gatherTickets, Now: s.now, Log: s.log,
		Parked: func(consumer string, f factlog.Fact, err error) {
			s.log.ErrorContext(ctx, "a fact took no effect", slog.String("consumer", consumer), slog.String("fact", f.Position.String()), slog.Any("err", err))
		},
	})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// sweepTickets looks back over days now and then, and over hours in between.
func (s *server) sweepTickets(ctx context.Context, far bool) error {
	sweep := s.drafts.SweepAgain
	if far {
		sweep = s.drafts.Sweep
	}
	n, err := sweep(ctx, rand.Reader, s.now())
	if n > 0 {
		s.log.WarnContext(ctx, "tickets opened by the sweep, not by their fact", slog.Int("tickets", n))
	}
	return err
}

// keepLogins cuts the sockets, of push and of softphones, of logins that ended elsewhere, by time, by another process, with their person
// (V7.4.2: 2 s), and those that hear what their person may no longer hear.
func (s *server) keepLogins(ctx context.Context) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for looks := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		open := s.openLogins()
		alive, err := s.auth.Alive(ctx, open)
		if err != nil {
			continue // the database is away; nobody is cut for that
		}
		still := map[string]bool{}
		for _, login := range alive {
			still[login] = true
		}
		for _, login := range open {
			if !still[login] {
				s.cut(login)
			}
		}
		if looks--; s.seatsMoved.Swap(false) {
			looks = looksAfterMove
		}
		if looks > 0 || looks%looksEvery == 0 || s.feed.Held() { // who has left a seat no longer hears it (V8.3.1)
			if s.hub.Recheck(ctx, alive) != nil {
				looks = max(looks, 0) + 1 // the database that is away is asked again
			}
		}
	}
}

// What people may hear changes with their seats alone. A socket that was just being opened when its person moved is found by another look.
// While the log is held back nobody knows who has moved, and a seat's calls are told early all the same: then each second has its look.
const (
	looksAfterMove = 6
	looksEvery     = 30 // seconds, all the same
)

// watchSeats notes that somebody has taken or left a seat, here or in another process.
func (s *server) watchSeats(ctx context.Context) error {
	from, err := s.feed.Begin(ctx)
	if err == nil {
		err = s.feed.Follow(ctx, from, func(_ context.Context, facts []factlog.Fact) error {
			if slices.ContainsFunc(facts, func(f factlog.Fact) bool { return f.Kind == "seat.taken" || f.Kind == "seat.signed_out" }) {
				s.seatsMoved.Store(true)
			}
			return nil
		})
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// openLogins are those that have a socket of either kind, each once.
func (s *server) openLogins() []string {
	open := append(s.hub.Logins(), s.sip.Logins()...)
	slices.Sort(open)
	return slices.Compact(open)
}
