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

// happened applies an event that no person caused.
func (s *Service) happened(ctx context.Context, seat SeatID, e Event) error {
	if _, _, err := s.apply(ctx, seat, actorSystem, "", func(State) (Event, error) { return e, nil }); err != nil {
		return fmt.Errorf("seat %s: %T: %w", seat, e, err)
	}
	return nil
}

// apply is one step: decided and stored in one transaction, then told.
func (s *Service) apply(ctx context.Context, seat SeatID, actor string, sits PersonID, event func(State) (Event, error)) (State, State, error) {
	// Steps of one seat go one after the other, telling included, so that who is told ends with the last one's state.
	lock := &s.locks[crc32.ChecksumIEEE([]byte(seat))%lockShards]
	lock.Lock()
	defer lock.Unlock()
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
	if err == nil && after.Version != before.Version && s.OnChange != nil {
		s.OnChange(after)
	}
	return before, after, err
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
