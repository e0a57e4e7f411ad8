package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"hotline/agent/setting"
	agentstore "hotline/agent/store"
	"hotline/realtime/factlog"
)

// How often business settings are read although no fact told of a change, and how long a failed look waits.
const (
	settingsPoll  = 10 * time.Second
	settingsRetry = 500 * time.Millisecond
	planLag       = 50 * time.Millisecond // the database's clock may be behind ours by less, as a rule;
	clockLag      = 5 * time.Second       // never by more: so long, each second, the lines are read again
	settingsAgain = time.Second
)

// followSettings keeps the business settings in memory as they are in the database: read anew when a fact tells of a version, and when
// one that was planned begins to count. Nothing that serves a call or a request reads them for itself.
func (s *server) followSettings(ctx context.Context) error {
	told := make(chan struct{}, 1) // one that is full says it already
	from, err := s.feed.Begin(ctx)
	if err != nil {
		return canceled(err)
	}
	followed := make(chan error, 1)
	go func() {
		followed <- s.feed.Follow(ctx, from, func(_ context.Context, facts []factlog.Fact) error {
			if slices.ContainsFunc(facts, func(f factlog.Fact) bool { return f.Kind == agentstore.SettingChanged }) {
				select {
				case told <- struct{}{}:
				default:
				}
			}
			return nil
		})
	}()
	for {
		timer := time.NewTimer(s.settingsHold(ctx))
		select {
		case err := <-followed:
			timer.Stop()
			return canceled(err)
		case <-told:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// settingsHold reads them, and says how long that holds at most. While the database is away, what was read last does.
func (s *server) settingsHold(ctx context.Context) time.Duration {
	if err := s.readSettings(ctx); err != nil {
		if !s.unread && ctx.Err() == nil { // once for a row of failures
			s.unread = true
			s.log.ErrorContext(ctx, "settings cannot be read: what was read last goes on", slog.Any("err", err))
		}
		return settingsRetry
	}
	s.unread = false
	hold, _ := nextLook(s.live.Book(), s.ruledAt)
	return hold
}

// nextLook says how long settings that were read at an instant hold, and whether the lines are read again although they have not changed:
// the call path goes by the database's clock, by which what has just begun may still be to come.
func nextLook(book setting.Book, now time.Time) (time.Duration, bool) {
	hold, again := settingsPoll, false
	for _, d := range setting.Catalogue() {
		for _, at := range book.Changes(d.Key) {
			switch left := at.Sub(now); {
			case left > 0:
				hold = min(hold, left+planLag)
			case left > -clockLag && d.Per == setting.PerLine:
				hold, again = min(hold, settingsAgain), true
			}
		}
	}
	return hold, again
}

// readSettings takes over what there is. The start does it too: nothing is promised by anything else.
func (s *server) readSettings(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settingsPoll)
	defer cancel()
	book, err := agentstore.New(s.follow, s.spread.Wake).Settings(ctx)
	if err != nil {
		return err
	}
	now := s.now()
	was := s.live.Book()
	s.live.Put(book)
	s.replaceCalendar(ctx, book, now)
	if _, again := nextLook(book, now); again || !slices.Equal(lineRules(was, s.ruledAt), lineRules(book, now)) {
		s.controller.RulesChanged()
	}
	s.ruledAt = now
	return nil
}

// lineRules are the versions that the call path goes by at an instant.
func lineRules(book setting.Book, t time.Time) []string {
	var all []string
	for _, d := range setting.Catalogue() {
		if d.Per != setting.PerLine {
			continue
		}
		for _, line := range book.Scopes(d.Key) {
			in, _ := book.At(d.Key, line, t)
			all = append(all, string(d.Key)+" "+line+" "+strconv.Itoa(in.Number))
		}
	}
	return all
}

// replaceCalendar counts with the papers that are in force from the next promise on. One that is wrong changes nothing.
func (s *server) replaceCalendar(ctx context.Context, book setting.Book, now time.Time) {
	papers := papersOf(book, now)
	changed, err := s.days.Replace(papers)
	switch {
	case err != nil && !maps.Equal(papers, s.refused):
		s.refused = papers
		s.log.ErrorContext(ctx, "the working days of the settings are wrong, counting goes on with those before", slog.Any("err", err))
	case changed:
		s.refused = nil
		s.log.InfoContext(ctx, "counting with other working days", slog.String("calendar", s.days.Now().Version()))
	}
}

// papersOf are the papers in force, by year.
func papersOf(book setting.Book, now time.Time) map[int]string {
	papers := map[int]string{}
	for _, scope := range book.Scopes(setting.Workdays) {
		if in, ok := book.At(setting.Workdays, scope, now); ok {
			year, _ := strconv.Atoi(scope) // checked when it was proposed
			papers[year] = in.Value
		}
	}
	return papers
}

func canceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
