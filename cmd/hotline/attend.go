package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"hotline/agent"
)

// looksApart is the silence after which a process knows nothing of who had a page meanwhile.
const looksApart = 5 * time.Second

// pageBook is what one process knows of people's pages: who has one here, as the others have been told.
type pageBook struct {
	every  time.Duration // everybody is told again
	here   map[agent.PersonID]bool
	told   time.Time // when everybody was told last
	looked time.Time
	since  time.Time // from when on it is known who has none anywhere; zero: it is not
}

// news are the people to tell the others of: who has come, who has just gone, and now and then everybody.
func (b *pageBook) news(here map[agent.PersonID]bool, now time.Time) []agent.PersonID {
	all := now.Sub(b.told) >= b.every
	var news []agent.PersonID
	for p := range here {
		if all || !b.here[p] {
			news = append(news, p)
		}
	}
	for p := range b.here {
		if !here[p] {
			news = append(news, p)
		}
	}
	return news
}

// noted says that the others have been told.
func (b *pageBook) noted(here map[agent.PersonID]bool, now time.Time) {
	if now.Sub(b.told) >= b.every {
		b.told = now
	}
	b.here = here
}

// judges says that absences may be judged, and since when they are known. A process that has just become the one that judges, or has not
// looked for a while, knows nothing of before: browsers have yet to come back.
func (b *pageBook) judges(master bool, now time.Time) (time.Time, bool) {
	if !master || now.Sub(b.looked) >= looksApart {
		b.since = time.Time{}
	}
	if b.looked = now; b.since.IsZero() && master {
		b.since = now
	}
	return b.since, master
}

// attend keeps the presence of who sits beside an official by their sockets (RU13). Each server tells the database of those that are open
// at it; the one that has the lease compares.
func (s *server) attend(ctx context.Context) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	book := pageBook{every: s.grace.Away / 3}
	for failed := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		err := s.attendOnce(ctx, &book)
		if err != nil && !failed && ctx.Err() == nil {
			s.log.WarnContext(ctx, "not known who has a page, trying again", slog.Any("err", err))
		}
		failed = err != nil
	}
}

// attendOnce counts as no look when the database does not answer: nobody is away for that.
func (s *server) attendOnce(ctx context.Context, book *pageBook) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	now, here := s.now(), map[agent.PersonID]bool{}
	for _, id := range s.hub.Open().People() {
		here[agent.PersonID(id)] = true
	}
	if news := book.news(here, now); len(news) > 0 {
		if err := s.agentStore.SawPages(ctx, news, now); err != nil {
			return err
		}
	}
	book.noted(here, now)
	since, judges := book.judges(s.master.Load(), now)
	if !judges {
		return nil
	}
	all, err := s.agentStore.Attendances(ctx)
	if err != nil {
		book.looked = time.Time{}
		return err
	}
	var errs []error
	for _, who := range all {
		changed, err := s.agents.Attend(ctx, who, s.grace, since)
		errs = append(errs, err)
		if changed {
			s.log.InfoContext(ctx, "page of who sits beside has come or gone", slog.String("seat", string(who.Seat)), slog.String("place", string(who.Place)))
		}
	}
	return errors.Join(errs...)
}
