package auth

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"hotline/agent"
)

// NewPerson is someone to be given an account.
type NewPerson struct {
	LoginName string
	Name      string
	Unit      string // code; empty for people of the hotline itself
	Roles     []agent.Role
	Password  string
}

// CreatePerson adds an account. Actor says who did it, as the audit trail has it. *agent.FieldError, agent.ErrExists.
func (a *Service) CreatePerson(ctx context.Context, n NewPerson, actor string) (agent.Person, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return agent.Person{}, fmt.Errorf("person id: %w", err)
	}
	p := agent.Person{
		ID: agent.PersonID(id.String()), LoginName: n.LoginName, Name: strings.TrimSpace(n.Name), Unit: n.Unit, Roles: n.Roles, CreatedAt: a.cfg.Now(),
	}
	if err := checkPerson(p); err != nil {
		return agent.Person{}, err
	}
	hash, err := a.newHash(ctx, n.Password, p)
	if err != nil {
		return agent.Person{}, err
	}
	if err := a.cfg.Store.CreatePerson(ctx, p, hash, actor); err != nil {
		return agent.Person{}, err
	}
	return p, nil
}

func checkPerson(p agent.Person) error {
	const longestName = 50
	switch n := utf8.RuneCountInString(p.Name); {
	case !agent.IsLoginName(p.LoginName):
		return &agent.FieldError{Field: "login_name", Mend: "2 to 32 of a-z 0-9 . _ - and a letter or digit first"}
	case n == 0 || n > longestName:
		return &agent.FieldError{Field: "name", Mend: fmt.Sprintf("1 to %d characters", longestName)}
	}
	if err := agent.CheckText(p.Name); err != nil {
		return &agent.FieldError{Field: "name", Mend: err.Error()}
	}
	return agent.CheckRoles(p.Roles)
}

// SetPassword gives a person another password, lifts a lock and ends their logins.
func (a *Service) SetPassword(ctx context.Context, loginName, password, actor string) error {
	p, err := a.cfg.Store.PersonByLoginName(ctx, loginName)
	if err != nil {
		return err
	}
	hash, err := a.newHash(ctx, password, p)
	if err != nil {
		return err
	}
	ended, err := a.cfg.Store.SetPassword(ctx, p.ID, hash, actor, a.cfg.Now())
	if err != nil {
		return err
	}
	a.ended(ended...)
	return nil
}

// Unlock lets a person try again whose account failures have locked, wherever they came from.
func (a *Service) Unlock(ctx context.Context, loginName, actor string) error {
	p, err := a.cfg.Store.PersonByLoginName(ctx, loginName)
	if err != nil {
		return err
	}
	return a.cfg.Store.Unlock(ctx, p.ID, actor, a.cfg.Now())
}

// SetDisabled bars a person, ending their logins at once, or lets them in again.
func (a *Service) SetDisabled(ctx context.Context, loginName string, disabled bool, actor string) error {
	p, err := a.cfg.Store.PersonByLoginName(ctx, loginName)
	if err != nil {
		return err
	}
	ended, err := a.cfg.Store.SetDisabled(ctx, p.ID, disabled, actor, a.cfg.Now())
	if err != nil {
		return err
	}
	a.forget(p.ID)
	a.ended(ended...)
	return nil
}

func (a *Service) newHash(ctx context.Context, password string, p agent.Person) (string, error) {
	if err := CheckPassword(password, p); err != nil {
		return "", err
	}
	return a.hasher.hash(ctx, password)
}
