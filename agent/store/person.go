package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hotline/agent"
	"hotline/agent/store/db"
)

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
		return []agent.Fact{kept("person.created", p.ID, map[string]any{"roles": p.Roles, "unit": p.Unit})}, nil
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
		err := errors.Join(q.ForgiveAllFailures(ctx, string(id)), q.SetHash(ctx, db.SetHashParams{ID: string(id), PasswordHash: hash}))
		if err != nil {
			return nil, err
		}
		ended, err = endLogins(ctx, q, id)
		return []agent.Fact{kept("person.password_set", id, nil)}, err
	})
	if err != nil {
		return nil, fmt.Errorf("set password of %s: %w", id, err)
	}
	return ended, nil
}

// Unlock forgives all failures of a person, wherever they come from.
func (s *Store) Unlock(ctx context.Context, id agent.PersonID, actor string, at time.Time) error {
	err := s.write(ctx, actor, at, func(q *db.Queries) ([]agent.Fact, error) {
		return []agent.Fact{kept("person.unlocked", id, nil)}, q.ForgiveAllFailures(ctx, string(id))
	})
	if err != nil {
		return fmt.Errorf("unlock %s: %w", id, err)
	}
	return nil
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
		return []agent.Fact{kept(kind, id, nil)}, err
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

// Audit tells one fact of a sign-in, whose record the door writes.
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
	return agent.Fact{Kind: kind, Subject: string(subject), Topics: []string{agent.TopicAudit}, Data: data}
}

// kept is a fact about a person whose act leaves a record.
func kept(kind string, subject agent.PersonID, data map[string]any) agent.Fact {
	f := auditFact(kind, subject, data)
	f.Trail = "person:" + f.Subject
	return f
}
