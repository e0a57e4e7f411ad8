package store

import (
	"context"
	"fmt"
	"time"

	"hotline/agent"
	"hotline/agent/store/db"
)

// Command is a command that was carried out, and what was answered.
type Command struct {
	Key    string // of the person's own making
	Person agent.PersonID
	Path   string
	Status int
	Body   []byte
	At     time.Time
}

// Command finds what was answered to a command. ErrNotFound.
func (s *Store) Command(ctx context.Context, key, path string) (Command, error) {
	row, err := s.q.Command(ctx, db.CommandParams{Key: key, Path: path})
	if err != nil {
		return Command{}, fmt.Errorf("recall command: %w", missing(err))
	}
	return Command{Key: key, Path: path, Status: int(row.Status), Body: row.Body}, nil
}

// SaveCommand keeps what was answered to a command. Under one key the first one stays.
func (s *Store) SaveCommand(ctx context.Context, c Command) error {
	if c.Body == nil { // nothing was answered but the status; the column takes no NULL
		c.Body = []byte{}
	}
	err := s.q.SaveCommand(ctx, db.SaveCommandParams{
		Key: c.Key, Person: string(c.Person), Path: c.Path, Status: int32(c.Status), Body: c.Body, At: c.At,
	})
	if err != nil {
		return fmt.Errorf("remember command: %w", err)
	}
	return nil
}

// ForgetCommands clears away the commands from before then, and says how many.
func (s *Store) ForgetCommands(ctx context.Context, before time.Time) (int64, error) {
	n, err := s.q.ForgetCommands(ctx, before)
	if err != nil {
		return 0, fmt.Errorf("forget commands: %w", err)
	}
	return n, nil
}
