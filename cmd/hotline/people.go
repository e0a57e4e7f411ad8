package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"hotline/agent/auth"
	"hotline/agent/calendar"
	"hotline/agent/problem"
	"hotline/agent/setting"
	agentstore "hotline/agent/store"
	"hotline/realtime"
	"hotline/realtime/factlog"
	"hotline/ticketing"
	ticketstore "hotline/ticketing/store"
)

// wirePeople joins sign-in and the ticketing desk.
func (s *server) wirePeople(ctx context.Context) error {
	looks := agentstore.New(s.follow, s.spread.Wake)
	s.sitters = looks.Sitters
	s.auth = auth.New(auth.Config{Store: s.agentStore, Looks: looks, Now: s.now, Log: s.log, Secure: s.settings.Secure, OnLogout: s.cut})
	var err error
	if s.days, err = calendar.NewProvider(); err != nil {
		return fmt.Errorf("wire the calendar: %w", err)
	}
	shelf := agentstore.New(s.records, s.spread.Wake)
	s.business, s.names = &setting.Service{Store: shelf, Now: s.now}, shelf.SettingNames
	s.follows = ticketstore.New(s.follow, s.spread)
	s.tickets = &ticketing.Service{
		Store: ticketstore.New(s.records, s.spread), Seats: seats{s.callReads, tracedCommands{s.controller, s.trace}}, Now: s.now, Random: rand.Reader,
		Calendar: func() ticketing.Calendar { return s.days.Now() }, Rules: func() ticketing.Rules { return ticketing.RulesOf(s.live.Book()) },
	}
	return s.readSettings(ctx)
}

// cut ends everything that a login holds open.
func (s *server) cut(login string) {
	s.hub.Cut(login)
	s.sip.Cut(login)
}

// wireHub joins the push and the softphone proxy.
func (s *server) wireHub(context.Context) error {
	s.hub = realtime.New(realtime.Config{
		Refuse: func(w http.ResponseWriter, r *http.Request, status int, why string) {
			problem.Write(w, r, problem.New(status, why))
		},
		Facts: s.follow, Feed: s.feed, Authorizer: hearing{s.agentStore}, Origins: s.settings.origins(), Log: s.log, Registry: s.metrics, Now: s.now,
		Machine:   time.Now,
		SocketsIP: s.settings.SocketsPerAddress, SocketsLogin: s.settings.SocketsPerLogin,
		Gather: 30 * time.Millisecond, Told: s.told(),
	})
	u, err := s.asterisk()
	if err != nil {
		return err
	}
	s.sip = newSIPProxy(u, s.settings.origins(), s.agentStore, s.log)
	return nil
}

// react opens and seats the tickets of calls as their facts come.
func (s *server) react(ctx context.Context) error {
	err := factlog.React(ctx, s.follow, s.reaction())
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// sweepTickets looks back over days now and then, and over hours in between.
func (s *server) sweepTickets(ctx context.Context, far bool) error {
	sweep := s.follows.SweepAgain
	if far {
		sweep = s.follows.Sweep
	}
	n, err := sweep(ctx, rand.Reader, s.now())
	if n > 0 {
		s.log.WarnContext(ctx, "tickets opened by the sweep, not by their fact", slog.Int("tickets", n))
	}
	return err
}
