package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alexedwards/scs/v2"

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
	return l.store.SaveLogin(ctx, store.Login{Digest: digest, ID: id, Person: agent.PersonID(person), Data: data, Expires: expires})
}

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
