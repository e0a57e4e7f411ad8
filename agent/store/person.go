package store

import (
	"context"
	"errors"
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

// CreatePerson adds a person with their roles. ErrExists, *agent.FieldError.
func (s *Store) CreatePerson(ctx context.Context, p agent.Person, hash, actor string) error {
	err := s.write(ctx, actor, p.CreatedAt, func(q *db.Queries) ([]agent.Fact, error) {
		err := q.InsertPerson(ctx, db.InsertPersonParams{
			ID: string(p.ID), LoginName: p.LoginName, Name: p.Name, Unit: orNull(p.Unit), PasswordHash: hash, CreatedAt: p.CreatedAt,
		})
		if err != nil {
			return nil, err
		}
		for _, r := range p.Roles {
			if err := q.InsertRole(ctx, db.InsertRoleParams{Person: string(p.ID), Role: string(r)}); err != nil {
				return nil, err
			}
		}
		return []agent.Fact{auditFact("person.created", p.ID, map[string]any{"roles": p.Roles, "unit": p.Unit})}, nil
	})
	switch pgCode(err) {
	case codeUnique:
		err = fmt.Errorf("login name %s: %w", p.LoginName, agent.ErrExists)
	case codeForeignKey:
		err = &agent.FieldError{Field: "unit", Mend: "no unit has the code " + p.Unit}
	}
	if err != nil {
		return fmt.Errorf("create person: %w", err)
	}
	return nil
}

// SetPassword stores another hash, lifts a lock and ends the person's logins, which it names.
func (s *Store) SetPassword(ctx context.Context, id agent.PersonID, hash, actor string, at time.Time) ([]string, error) {
	var ended []string
	err := s.write(ctx, actor, at, func(q *db.Queries) ([]agent.Fact, error) {
		if err := q.ForgiveFailures(ctx, db.ForgiveFailuresParams{ID: string(id), PasswordHash: hash}); err != nil {
			return nil, err
		}
		var err error
		ended, err = endLogins(ctx, q, id)
		return []agent.Fact{auditFact("person.password_set", id, nil)}, err
	})
	if err != nil {
		return nil, fmt.Errorf("set password of %s: %w", id, err)
	}
	return ended, nil
}

// SetDisabled bars a person from signing in and ends their logins, which it names, or lets them in again. ErrNotFound.
func (s *Store) SetDisabled(ctx context.Context, id agent.PersonID, disabled bool, actor string, at time.Time) ([]string, error) {
	kind, since := "person.enabled", (*time.Time)(nil)
	if disabled {
		kind, since = "person.disabled", &at
	}
	var ended []string
	err := s.write(ctx, actor, at, func(q *db.Queries) ([]agent.Fact, error) {
		n, err := q.SetDisabled(ctx, db.SetDisabledParams{ID: string(id), DisabledAt: since})
		if err == nil && n == 0 {
			err = agent.ErrNotFound
		}
		if err == nil && disabled {
			ended, err = endLogins(ctx, q, id)
		}
		return []agent.Fact{auditFact(kind, id, nil)}, err
	})
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind, id, err)
	}
	return ended, nil
}

func endLogins(ctx context.Context, q *db.Queries, id agent.PersonID) ([]string, error) {
	person := string(id)
	rows, err := q.DeleteLoginsOf(ctx, &person)
	if err != nil {
		return nil, err
	}
	var ended []string
	for _, r := range rows {
		if r != nil {
			ended = append(ended, *r)
		}
	}
	return ended, nil
}

// People lists everybody by login name.
func (s *Store) People(ctx context.Context) ([]agent.Person, error) {
	return s.people(ctx, db.PeopleParams{})
}

// Person loads one person. ErrNotFound.
func (s *Store) Person(ctx context.Context, id agent.PersonID) (agent.Person, error) {
	return one(s.people(ctx, db.PeopleParams{ID: orNull(id)}))
}

// PersonByLoginName loads one person. ErrNotFound.
func (s *Store) PersonByLoginName(ctx context.Context, name string) (agent.Person, error) {
	if name == "" {
		return agent.Person{}, agent.ErrNotFound
	}
	return one(s.people(ctx, db.PeopleParams{LoginName: name}))
}

func one(people []agent.Person, err error) (agent.Person, error) {
	if err == nil && len(people) == 0 {
		err = fmt.Errorf("load person: %w", agent.ErrNotFound)
	}
	if err != nil {
		return agent.Person{}, err
	}
	return people[0], nil
}

func (s *Store) people(ctx context.Context, arg db.PeopleParams) ([]agent.Person, error) {
	rows, err := s.q.People(ctx, arg)
	if err != nil {
		return nil, fmt.Errorf("load people: %w", err)
	}
	people := make([]agent.Person, len(rows))
	for i, r := range rows {
		people[i] = agent.Person{
			ID: agent.PersonID(r.ID), LoginName: r.LoginName, Name: r.Name, Unit: text[string](r.Unit), UnitName: r.UnitName,
			DisabledAt: utc(r.DisabledAt), CreatedAt: r.CreatedAt.UTC(),
		}
		for _, role := range r.Roles {
			people[i].Roles = append(people[i].Roles, agent.Role(role))
		}
	}
	return people, nil
}

// Account loads what a sign-in under that name is checked against. ErrNotFound.
func (s *Store) Account(ctx context.Context, loginName string) (Account, error) {
	row, err := s.q.Account(ctx, loginName)
	if err != nil {
		return Account{}, fmt.Errorf("load account: %w", missing(err))
	}
	return Account{Person: agent.PersonID(row.ID), Hash: row.PasswordHash, Disabled: row.DisabledAt != nil}, nil
}

// CountAttempt counts a sign-in before its password is looked at; ok is false while the account is locked. The attempt that
// reaches the limit locks the account until then, unless it succeeds and Forgive is called.
func (s *Store) CountAttempt(ctx context.Context, id agent.PersonID, limit int, at, until time.Time) (int, bool, error) {
	n, err := s.q.CountAttempt(ctx, db.CountAttemptParams{ID: string(id), MaxFailures: int32(limit), At: at, LockUntil: until})
	if err = missing(err); errors.Is(err, agent.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("count sign-in of %s: %w", id, err)
	}
	return int(n), true, nil
}

// Forgive ends a row of failures after a success, and stores a stronger hash when one is given.
func (s *Store) Forgive(ctx context.Context, id agent.PersonID, newHash string) error {
	if err := s.q.ForgiveFailures(ctx, db.ForgiveFailuresParams{ID: string(id), PasswordHash: newHash}); err != nil {
		return fmt.Errorf("forgive failures of %s: %w", id, err)
	}
	return nil
}

// Audit appends one fact of the audit trail about a person.
func (s *Store) Audit(ctx context.Context, kind string, subject agent.PersonID, data map[string]any, actor string, at time.Time) error {
	err := s.write(ctx, actor, at, func(*db.Queries) ([]agent.Fact, error) {
		return []agent.Fact{auditFact(kind, subject, data)}, nil
	})
	if err != nil {
		return fmt.Errorf("audit %s: %w", kind, err)
	}
	return nil
}

func auditFact(kind string, subject agent.PersonID, data map[string]any) agent.Fact {
	if data == nil {
		data = map[string]any{}
	}
	return agent.Fact{Kind: kind, Subject: string(subject), Topics: []string{"audit"}, Data: data}
}
