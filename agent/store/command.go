package store

import (
	"context"
	"fmt"
)

// ForgetCommands clears away the commands that nobody repeats any more, those of a day ago, and says how many.
func (s *Store) ForgetCommands(ctx context.Context) (int64, error) {
	n, err := s.q.ForgetCommands(ctx)
	if err != nil {
		return 0, fmt.Errorf("forget commands: %w", err)
	}
	return n, nil
}
