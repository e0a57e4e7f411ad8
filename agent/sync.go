package agent

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
)

const actorSystem = "system"

// WorkOver applies what is pending once a seat's work is over (A4).
func (s *Service) WorkOver(ctx context.Context, seat SeatID) error {
	return s.happened(ctx, seat, WorkEnded{})
}

// Unseat takes a place from a person who has lost what it takes to sit there, at once or when the seat's work is over. Who has left
// meanwhile has left. True: the seat has changed.
func (s *Service) Unseat(ctx context.Context, who Sitter) (bool, error) {
	before, after, err := s.step(ctx, Step{Seat: who.Seat, Actor: actorSystem}, func(State) (Event, error) {
		return Left{By: who.Person, Place: who.Place, Reason: who.Lost()}, nil
	})
	if err != nil && !errors.Is(err, ErrNotAllowed) {
		return false, fmt.Errorf("take seat %s back: %w", who.Seat, err)
	}
	s.dropOld(ctx, before, after)
	return before.Version != after.Version, nil
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
	return errors.Join(append(errs, s.repushBeside(ctx))...)
}

// happened applies an event that no person caused.
func (s *Service) happened(ctx context.Context, seat SeatID, e Event) error {
	if _, _, err := s.step(ctx, Step{Seat: seat, Actor: actorSystem}, func(State) (Event, error) { return e, nil }); err != nil {
		return fmt.Errorf("seat %s: %T: %w", seat, e, err)
	}
	return nil
}

// step is one step of a seat: decided and stored in one transaction, then told.
func (s *Service) step(ctx context.Context, step Step, event func(State) (Event, error)) (State, State, error) {
	// Steps of one seat go one after the other, telling included, so that who is told ends with the last one's state.
	lock := &s.locks[crc32.ChecksumIEEE([]byte(step.Seat))%lockShards]
	lock.Lock()
	defer lock.Unlock()
	step.At = s.Now()
	step.Decide = func(st State) (State, []Fact, error) {
		e, err := event(st)
		if err != nil {
			return st, nil, err
		}
		return Apply(st, e, step.At)
	}
	before, after, err := s.Store.Update(ctx, step)
	if err == nil && after.Version != before.Version && s.OnChange != nil {
		s.OnChange(after)
	}
	return before, after, err
}

// dropOld removes the telephone account that a step has ended. It is random and will not come back, so an account that
// stays for want of the exchange is litter, not a risk: no row names it.
func (s *Service) dropOld(ctx context.Context, before, after State) {
	s.dropLeft(ctx, before, after)
	if before.Endpoint != "" && before.Endpoint != after.Endpoint {
		s.drop(ctx, before.Seat, before.Endpoint)
	}
}

func (s *Service) drop(ctx context.Context, seat SeatID, endpoint string) {
	if err := s.Phones.Drop(context.WithoutCancel(ctx), endpoint); err != nil {
		s.Log.WarnContext(ctx, "endpoint not dropped", slog.String("seat", string(seat)), slog.Any("err", err))
	}
}
