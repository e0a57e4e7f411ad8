package store

import (
	"context"
	"fmt"

	"hotline/agent"
	"hotline/agent/store/db"
)

// ConnectBeside implements agent.Store.
func (s *Store) ConnectBeside(ctx context.Context, at agent.Sitting, who agent.PersonID, client string, phone agent.Account) (string, error) {
	old, err := s.q.ConnectBeside(ctx, db.ConnectBesideParams{
		Seat: string(at.Seat), Place: string(at.Place), Person: string(who), Client: client, Endpoint: phone.Endpoint, Ha1: phone.HA1,
	})
	if err != nil {
		return "", fmt.Errorf("telephone of the %s at seat %s: %w", at.Place, at.Seat, missing(err))
	}
	return old, nil
}

// PhonesBeside implements agent.Store.
func (s *Store) PhonesBeside(ctx context.Context) ([]agent.PhoneBeside, error) {
	rows, err := s.q.PhonesBeside(ctx)
	if err != nil {
		return nil, fmt.Errorf("load telephones of places beside: %w", err)
	}
	all := make([]agent.PhoneBeside, len(rows))
	for i, r := range rows {
		all[i] = agent.PhoneBeside{Endpoint: r.Endpoint, HA1: r.Ha1, Over: r.Over}
	}
	return all, nil
}

// ForgetPhone implements agent.Store.
func (s *Store) ForgetPhone(ctx context.Context, endpoint string) error {
	if err := s.q.ForgetPhone(ctx, endpoint); err != nil {
		return fmt.Errorf("forget telephone %s: %w", endpoint, err)
	}
	return nil
}
