package store

import (
	"context"
	"fmt"

	"hotline/telephony"
	"hotline/telephony/store/db"
)

// Exchange is the identity of the run of the exchange that was remembered last; empty: none was.
func (s *Store) Exchange(ctx context.Context) (string, error) {
	entity, err := s.q.Exchange(ctx)
	if err != nil {
		return "", fmt.Errorf("recall the exchange's identity: %w", err)
	}
	return entity, nil
}

// RememberExchange keeps the identity of a run of the exchange, as the holder of the lease. ErrNotMaster.
func (s *Store) RememberExchange(ctx context.Context, epoch int64, entity string) error {
	n, err := s.q.RememberExchange(ctx, db.RememberExchangeParams{Exchange: entity, Epoch: epoch})
	if err == nil && n == 0 {
		err = telephony.ErrNotMaster
	}
	if err != nil {
		return fmt.Errorf("remember the exchange's identity: %w", err)
	}
	return nil
}
