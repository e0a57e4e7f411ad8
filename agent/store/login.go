package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hotline/agent"
	"hotline/agent/store/db"
)

// Login is a stored login: who, and the data of the session manager under the digest of the token.
type Login struct {
	Digest  string
	ID      string // names the login to the hub; not derived from the token
	Person  agent.PersonID
	Data    []byte
	Expires time.Time
}

// SaveLogin writes a login, or its data and expiry anew.
func (s *Store) SaveLogin(ctx context.Context, l Login) error {
	err := s.q.SaveLogin(ctx, db.SaveLoginParams{
		Token: l.Digest, ID: orNull(l.ID), Person: orNull(l.Person), Data: l.Data, Expires: l.Expires,
	})
	if err != nil {
		return fmt.Errorf("save login: %w", err)
	}
	return nil
}

// FindLogin loads the data of a login that has not run out; false when there is none.
func (s *Store) FindLogin(ctx context.Context, digest string, at time.Time) ([]byte, bool, error) {
	data, err := s.q.FindLogin(ctx, db.FindLoginParams{Token: digest, At: at})
	if err = missing(err); errors.Is(err, agent.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("find login: %w", err)
	}
	return data, true, nil
}

// DeleteLogin ends a login; one that is gone is success.
func (s *Store) DeleteLogin(ctx context.Context, digest string) error {
	if err := s.q.DeleteLogin(ctx, digest); err != nil {
		return fmt.Errorf("delete login: %w", err)
	}
	return nil
}

// AliveLogins returns those of the named logins that still count.
func (s *Store) AliveLogins(ctx context.Context, ids []string, at time.Time) ([]string, error) {
	alive, err := s.q.AliveLogins(ctx, db.AliveLoginsParams{Ids: ids, At: at})
	if err != nil {
		return nil, fmt.Errorf("check %d logins: %w", len(ids), err)
	}
	return alive, nil
}

// KeepLogins prolongs the named logins of people who sit at a seat, each until its own instant.
func (s *Store) KeepLogins(ctx context.Context, ids []string, untils []time.Time, at time.Time) error {
	if err := s.q.KeepLogins(ctx, db.KeepLoginsParams{Ids: ids, Untils: untils, At: at}); err != nil {
		return fmt.Errorf("keep %d logins: %w", len(ids), err)
	}
	return nil
}

// PurgeLogins clears away logins that have run out, and says how many.
func (s *Store) PurgeLogins(ctx context.Context, at time.Time) (int64, error) {
	n, err := s.q.PurgeLogins(ctx, at)
	if err != nil {
		return 0, fmt.Errorf("purge logins: %w", err)
	}
	return n, nil
}
