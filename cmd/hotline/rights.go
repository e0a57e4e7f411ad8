package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"hotline/agent"
	"hotline/agent/policy"
	"hotline/realtime"
	"hotline/realtime/factlog"
)

// keepLogins ends within two seconds what a right has opened that is gone (RS6, V7.4.2): the sockets, of push and of softphones, of
// logins that ended elsewhere, by time, by another process, with their person, and those by which a person hears what is no longer
// theirs, or telephones without a seat. Each second's look asks once, for everybody together.
func (s *server) keepLogins(ctx context.Context) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for looks := 0; ; looks++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		alive, err := s.look(ctx)
		if err != nil {
			continue // the database is away, or slow; nobody is cut for that
		}
		s.keepSockets(alive)
		if s.master.Load() && (s.rightsLost.Swap(false) || looks%looksEvery == 0) { // one server of all: not one of the next version that stands by
			lost, err := s.keepSeats(ctx)
			if err != nil && ctx.Err() == nil {
				s.log.WarnContext(ctx, "seats not looked at", slog.Any("err", err))
			}
			if lost || err != nil { // who has lost a seat and speaks there may wish to stay: again, until it is free
				s.rightsLost.Store(true)
			}
		}
	}
}

// looksEvery is how often everybody at a seat is looked at although nobody was told that a right is lost: in seconds.
const looksEvery = 30

// looked is what a look has found: the sockets that were open before it, and their logins that still count. Who has come since is looked
// at next time: what was true before they came is no reason to cut them.
type looked struct {
	push   realtime.Open
	phones map[string]*sipSocket // by login
	alive  map[string]agent.Standing
}

// look asks the database, for a second at most, on connections that nothing of the web waits for.
func (s *server) look(ctx context.Context) (looked, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	l := looked{push: s.hub.Open(), phones: s.sip.Open()}
	var err error
	l.alive, err = s.auth.Alive(ctx, l.logins())
	return l, err
}

// logins are those that have a socket of either kind, each once.
func (l looked) logins() []string {
	logins := slices.AppendSeq(l.push.Logins(), maps.Keys(l.phones))
	slices.Sort(logins)
	return slices.Compact(logins)
}

// keepSockets compares the sockets that a look found open with what their people are now.
func (s *server) keepSockets(l looked) {
	for _, login := range l.logins() {
		if _, ok := l.alive[login]; !ok {
			s.cut(login)
			s.rightsLost.Store(true)
		}
	}
	l.push.Recheck(func(w realtime.Subject, topic string) (factlog.Position, bool) { return hears(l.alive[w.Login], topic) })
	for login, phone := range l.phones {
		if !telephones(l.alive[login]) {
			phone.cut()
		}
	}
}

// telephones says that somebody sits where a telephone may be: every place has one of its own.
func telephones(who agent.Standing) bool {
	what := policy.PhoneBeside
	if who.Place == agent.PlaceOfficial {
		what = policy.UsePhone
	}
	return who.Can(what, policy.Resource{Own: who.Seat != ""})
}

// keepSeats takes the place of everybody who has lost what it takes to sit there, or whose last login is over; true: there are such, and
// those with a call or the work after it still sit there.
func (s *server) keepSeats(ctx context.Context) (bool, error) {
	sitters, err := s.sitters(ctx, s.now())
	if err != nil {
		return false, err
	}
	lost := false
	var errs []error
	for _, who := range sitters {
		why := who.Lost()
		if why == "" {
			continue
		}
		lost = true
		changed, err := s.agents.Unseat(ctx, who)
		if errs = append(errs, err); changed {
			s.log.InfoContext(ctx, "seat is taken back", slog.String("seat", string(who.Seat)), slog.String("place", string(who.Place)), slog.String("why", why))
		}
	}
	return lost, errors.Join(errs...)
}

// watchRights notes that somebody has lost a right, here or in another process.
func (s *server) watchRights(ctx context.Context) error {
	from, err := s.feed.Begin(ctx)
	if err == nil {
		err = s.feed.Follow(ctx, from, func(_ context.Context, facts []factlog.Fact) error {
			if slices.ContainsFunc(facts, ofRights) {
				s.rightsLost.Store(true)
			}
			return nil
		})
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func ofRights(f factlog.Fact) bool {
	return f.Kind == "login.ended" || strings.HasPrefix(f.Kind, "assignment.") || strings.HasPrefix(f.Kind, "person.")
}
