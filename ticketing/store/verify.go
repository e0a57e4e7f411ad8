package store

import (
	"context"
	"fmt"
	"time"

	"hotline/ticketing/store/db"
)

// Breaches are the calls since then that break I7: those that have no first ticket and must have one, and those with several.
func (s *Store) Breaches(ctx context.Context, since time.Time) ([]string, []string, error) {
	without, err := s.q.CallsWithoutTicket(ctx, db.CallsWithoutTicketParams{Since: since, Max: sweepMax})
	if err != nil {
		return nil, nil, fmt.Errorf("find calls without a ticket: %w", err)
	}
	several, err := s.q.CallsWithTwoTickets(ctx, since)
	if err != nil {
		return nil, nil, fmt.Errorf("find calls with several tickets: %w", err)
	}
	return without, several, nil
}
