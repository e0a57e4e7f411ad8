package agent

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"time"
)

const actorSystem = "system"

// WorkOver applies what is pending once a seat's work is over (A4). The seat's index is refreshed in any case.
func (s *Service) WorkOver(ctx context.Context, seat SeatID) error {
	return s.happened(ctx, seat, WorkEnded{})
}

// CloseSession makes every seat of a line busy; running calls go on (A16).
func (s *Service) CloseSession(ctx context.Context, line LineID) error {
	seats, err := s.Store.Seats(ctx)
	if err != nil {
		return fmt.Errorf("close session on line %s: %w", line, err)
	}
	var errs []error
	for _, st := range seats {
		if st.Line == line && st.Person != "" {
			errs = append(errs, s.happened(ctx, st.Seat, SessionClosed{}))
		}
	}
	return errors.Join(errs...)
}

// RepushAll gives the exchange every telephone account again. After a restart of the exchange itself its registrations are
// gone, so browsers have to register anew before they count; sip phones at fixed contacts work at once.
func (s *Service) RepushAll(ctx context.Context, restarted bool) error {
	seats, err := s.Store.Seats(ctx)
	if err != nil {
		return fmt.Errorf("repush endpoints: %w", err)
	}
	var errs []error
	for _, st := range seats {
		if st.Endpoint == "" {
			continue
		}
		if restarted && st.Phone == PhoneBrowser {
			errs = append(errs, s.happened(ctx, st.Seat, Registered{Endpoint: st.Endpoint, Online: false}))
		}
		if err := s.Phones.Put(ctx, st.Endpoint, st.HA1, st.Contact); err != nil {
			errs = append(errs, fmt.Errorf("repush endpoint of seat %s: %w", st.Seat, err))
		}
	}
	return errors.Join(errs...)
}

// RebuildRoster fills the index of who is free from the store, after the index was lost (F9).
func (s *Service) RebuildRoster(ctx context.Context) error {
	seats, err := s.Store.Seats(ctx)
	if err != nil {
		return fmt.Errorf("rebuild roster: %w", err)
	}
	for _, st := range seats {
		if err := s.Roster.Open(ctx, st.Line, st.Seat, st.Open(), st.idleSince()); err != nil {
			return fmt.Errorf("rebuild roster: seat %s: %w", st.Seat, err)
		}
	}
	return nil
}

// happened applies an event that no person caused.
func (s *Service) happened(ctx context.Context, seat SeatID, e Event) error {
	if _, _, err := s.apply(ctx, seat, actorSystem, "", func(State) (Event, error) { return e, nil }); err != nil {
		return fmt.Errorf("seat %s: %T: %w", seat, e, err)
	}
	return nil
}

// apply is one step: decided and stored in one transaction, then told to index and matcher.
func (s *Service) apply(ctx context.Context, seat SeatID, actor string, sits PersonID, event func(State) (Event, error)) (State, State, error) {
	// Steps of one seat go one after the other, index included, so that the index ends with the last one's state.
	lock := &s.locks[crc32.ChecksumIEEE([]byte(seat))%lockShards]
	lock.Lock()
	before, after, err := s.step(ctx, seat, actor, sits, event)
	lock.Unlock()
	if err == nil && s.OnChange != nil {
		s.OnChange(after.Line)
	}
	return before, after, err
}

func (s *Service) step(ctx context.Context, seat SeatID, actor string, sits PersonID, event func(State) (Event, error)) (State, State, error) {
	now := s.Now()
	before, after, err := s.Store.Update(ctx, Step{
		Seat: seat, Actor: actor, Sits: sits, At: now,
		Decide: func(st State) (State, []Fact, error) {
			e, err := event(st)
			if err != nil {
				return st, nil, err
			}
			return Apply(st, e, now)
		},
	})
	if err != nil {
		return before, after, err
	}
	s.publish(ctx, after)
	return before, after, nil
}

// publish tells the index. The row is committed, so a lost index must not fail the command: it is rebuilt.
func (s *Service) publish(ctx context.Context, st State) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := s.Roster.Open(ctx, st.Line, st.Seat, st.Open(), st.idleSince()); err != nil {
		s.Log.WarnContext(ctx, "roster not told", slog.String("seat", string(st.Seat)), slog.Any("err", err))
	}
}

// dropOld removes the telephone account that a step has ended. It is random and will not come back, so an account that
// stays for want of the exchange is litter, not a risk: no row names it.
func (s *Service) dropOld(ctx context.Context, before, after State) {
	if before.Endpoint == "" || before.Endpoint == after.Endpoint {
		return
	}
	if err := s.Phones.Drop(context.WithoutCancel(ctx), before.Endpoint); err != nil {
		s.Log.WarnContext(ctx, "endpoint not dropped", slog.String("seat", string(before.Seat)), slog.Any("err", err))
	}
}
