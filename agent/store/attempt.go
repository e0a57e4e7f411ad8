package store

import (
	"context"
	"fmt"
	"time"

	"hotline/agent"
	"hotline/agent/store/db"
)

// Account is what a sign-in is checked against.
type Account struct {
	Person   agent.PersonID
	Hash     string
	Disabled bool
}

// Account loads what a sign-in under that name is checked against. ErrNotFound.
func (s *Store) Account(ctx context.Context, loginName string) (Account, error) {
	row, err := s.q.Account(ctx, loginName)
	if err != nil {
		return Account{}, fmt.Errorf("load account: %w", missing(err))
	}
	return Account{Person: agent.PersonID(row.ID), Hash: row.PasswordHash, Disabled: row.DisabledAt != nil}, nil
}

// Attempt is one sign-in at a known account.
type Attempt struct {
	Person   agent.PersonID
	Source   string // where it comes from: an address, or a device that the account knows
	Stranger bool   // it comes from no device that the account knows
	At       time.Time
	Window   time.Duration // after which a failure is forgotten, and how long a lock lasts

	Limit     int // of failures in a row from the source
	Strangers int // of failures in a row from all unknown devices together
}

// CountAttempt counts a sign-in before its password is looked at, as a failure until Forgive is called: how many there have been
// from its source, and from all strangers. Each is 0 where there may be none now; of a device that is known the second always is.
func (s *Store) CountAttempt(ctx context.Context, a Attempt) (int, int, error) {
	n, err := s.q.CountAttempt(ctx, db.CountAttemptParams{
		Person: string(a.Person), Source: a.Source, Stranger: a.Stranger, At: a.At, Since: a.At.Add(-a.Window),
		OwnLimit: int32(a.Limit), StrangerLimit: int32(a.Strangers),
	})
	if err != nil {
		return 0, 0, fmt.Errorf("count sign-in of %s: %w", a.Person, err)
	}
	return int(n.Own), int(n.Everybodys), nil
}

// Forgive ends a row of failures after a success, and stores a stronger hash of the password when one is given, in place of the one that
// was checked.
func (s *Store) Forgive(ctx context.Context, a Attempt, checked, newHash string) error {
	sources := []string{a.Source}
	if a.Stranger {
		sources = append(sources, "")
	}
	err := s.q.ForgiveFailures(ctx, db.ForgiveFailuresParams{Person: string(a.Person), Sources: sources})
	if err == nil && newHash != "" {
		err = s.q.StrengthenHash(ctx, db.StrengthenHashParams{ID: string(a.Person), Checked: checked, PasswordHash: newHash})
	}
	if err != nil {
		return fmt.Errorf("forgive failures of %s: %w", a.Person, err)
	}
	return nil
}

// PurgeFailures clears away failures from before then.
func (s *Store) PurgeFailures(ctx context.Context, before time.Time) error {
	if err := s.q.PurgeFailures(ctx, before); err != nil {
		return fmt.Errorf("purge failures of sign-in: %w", err)
	}
	return nil
}
