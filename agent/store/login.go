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

// BeginLogin writes a new login, if the person may sign in still and the hash of their password is the one that was checked:
// agent.ErrLoginWrong otherwise.
func (s *Store) BeginLogin(ctx context.Context, l Login, checked string) error {
	n, err := s.q.BeginLogin(ctx, db.BeginLoginParams{
		Token: l.Digest, ID: l.ID, Person: string(l.Person), Data: l.Data, Expires: l.Expires, Checked: checked,
	})
	if err != nil {
		return fmt.Errorf("begin login: %w", err)
	}
	if n == 0 {
		return agent.ErrLoginWrong
	}
	return nil
}

// TouchLogin writes a login's data and expiry anew; one that has ended meanwhile stays ended.
func (s *Store) TouchLogin(ctx context.Context, l Login) error {
	if err := s.q.TouchLogin(ctx, db.TouchLoginParams{Token: l.Digest, Data: l.Data, Expires: l.Expires}); err != nil {
		return fmt.Errorf("touch login: %w", err)
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

// AliveLogins returns those of the named logins that still count, with what their people are now, in one look.
func (s *Store) AliveLogins(ctx context.Context, ids []string, at time.Time) (map[string]agent.Standing, error) {
	rows, err := s.q.AliveLogins(ctx, db.AliveLoginsParams{Ids: ids, At: at})
	if err != nil {
		return nil, fmt.Errorf("check %d logins: %w", len(ids), err)
	}
	alive := make(map[string]agent.Standing, len(rows))
	for _, r := range rows {
		who := standing(db.StandingsOfRow{Person: r.Person, Unit: r.Unit, Roles: r.Roles, Seat: r.Seat, Line: r.Line, Place: r.Place, Tx: r.Tx})
		who.Login = r.ID
		alive[r.ID] = who
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
