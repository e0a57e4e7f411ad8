package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"

	"hotline/agent"
	"hotline/agent/store"
)

// loginStore keeps the session manager's logins in the table login. It reads the person out of the data, so that a
// person's logins can be ended.
type loginStore struct {
	store *store.Store
	now   func() time.Time
	codec scs.Codec
}

var _ scs.CtxStore = (*loginStore)(nil)

// FindCtx implements scs.CtxStore.
func (l *loginStore) FindCtx(ctx context.Context, digest string) ([]byte, bool, error) {
	return l.store.FindLogin(ctx, digest, l.now())
}

// CommitCtx implements scs.CtxStore.
func (l *loginStore) CommitCtx(ctx context.Context, digest string, data []byte, expires time.Time) error {
	_, values, err := l.codec.Decode(data)
	if err != nil {
		return fmt.Errorf("login's data: %w", err)
	}
	person, _ := values[keyPerson].(string)
	id, _ := values[keyLogin].(string)
	if person == "" || id == "" {
		return errors.New("a login without a person is not kept")
	}
	login := store.Login{Digest: digest, ID: id, Person: agent.PersonID(person), Data: data, Expires: expires}
	if checked, begins := ctx.Value(checkedKey{}).(string); begins {
		return l.store.BeginLogin(ctx, login, checked)
	}
	return l.store.TouchLogin(ctx, login)
}

// checkedKey is the key of the hash that a login's password was checked against, in the context in which the login begins.
type checkedKey struct{}

// DeleteCtx implements scs.CtxStore.
func (l *loginStore) DeleteCtx(ctx context.Context, digest string) error {
	return l.store.DeleteLogin(ctx, digest)
}

// Find is never called: the session manager uses FindCtx.
func (l *loginStore) Find(string) ([]byte, bool, error) { return nil, false, errors.ErrUnsupported }

// Commit is never called: the session manager uses CommitCtx.
func (l *loginStore) Commit(string, []byte, time.Time) error { return errors.ErrUnsupported }

// Delete is never called: the session manager uses DeleteCtx.
func (l *loginStore) Delete(string) error { return errors.ErrUnsupported }

// Alive returns those of the named logins that still count, with what their people are now. Whoever holds sockets asks once a second, so that a login ended
// anywhere, by time, by another process or with its person, loses them within two (V7.4.2). A login with a socket whose
// person sits at a seat does not run idle, for it waits for calls or is in one (V7.3.1); its absolute limit stays.
func (a *Service) Alive(ctx context.Context, logins []string) (map[string]agent.Standing, error) {
	if len(logins) == 0 {
		return map[string]agent.Standing{}, nil
	}
	if err := a.keep(ctx, logins); err != nil {
		return nil, err
	}
	return a.cfg.Looks.AliveLogins(ctx, logins, a.cfg.Now())
}

func (a *Service) keep(ctx context.Context, logins []string) error {
	now := a.cfg.Now()
	a.mu.Lock()
	due := now.Sub(a.kept) >= touchEvery
	if due {
		a.kept = now
	}
	a.mu.Unlock()
	if !due {
		return nil
	}
	var ids []string
	var untils []time.Time
	for _, l := range logins {
		id, err := uuid.Parse(l)
		if err != nil {
			return fmt.Errorf("login %q: %w", l, err)
		}
		limit := time.Unix(id.Time().UnixTime()).Add(absoluteLimit) // a version 7 id bears its time of birth
		if idle := now.Add(idleLimit); idle.Before(limit) {
			limit = idle
		}
		ids, untils = append(ids, l), append(untils, limit)
	}
	return a.cfg.Looks.KeepLogins(ctx, ids, untils, now)
}
