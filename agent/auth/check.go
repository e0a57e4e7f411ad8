package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alexedwards/argon2id"

	"hotline/agent"
	"hotline/agent/store"
)

// attempt is one sign-in that is being checked.
type attempt struct {
	store.Attempt

	name     string
	address  string
	account  store.Account // empty: nobody has the name
	password string
	rehash   string // a stronger hash of the right password; empty: the one there is will do
	bars     bool   // its failure bars the address
}

// check holds a password against an account. An address that has failed too often is refused before any work, and a crowd that no
// queue holds is too (*agent.TooManyError); everybody else goes the same way: one turn, one count, one hash, one answer. A name that
// is locked there gets that answer without the hash, whether anybody has the name or not.
func (a *Service) check(ctx context.Context, name, password string) (store.Account, error) {
	at, err := a.attempt(ctx, name, password)
	if err != nil {
		return store.Account{}, err
	}
	nth, right, err := a.inTurn(ctx, at)
	switch {
	case err != nil:
		return store.Account{}, err
	case !right:
		return store.Account{}, a.failed(ctx, at, nth)
	}
	if err := a.cfg.Store.Forgive(ctx, at.Attempt, at.account.Hash, at.rehash); err != nil {
		return store.Account{}, fmt.Errorf("sign-in: %w", err)
	}
	if at.rehash != "" {
		at.account.Hash = at.rehash
	}
	return at.account, nil
}

// attempt looks who comes from where, and refuses whoever may not try at all.
func (a *Service) attempt(ctx context.Context, name, password string) (*attempt, error) {
	asker := from(ctx)
	barred := a.addresses.barred(asker.address, a.cfg.Now())
	if barred > 0 && asker.devices == "" {
		return nil, &agent.TooManyError{After: barred}
	}
	acc, err := a.cfg.Store.Account(ctx, name)
	if err != nil && !errors.Is(err, agent.ErrNotFound) {
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	device := known(asker.devices, acc)
	if barred > 0 && device == "" {
		return nil, &agent.TooManyError{After: barred}
	}
	at := &attempt{name: name, address: asker.address, account: acc, password: password}
	at.Attempt = store.Attempt{
		Person: acc.Person, Source: asker.address, Stranger: device == "",
		Window: a.cfg.Limits.Lock, Limit: a.cfg.Limits.Account, Strangers: a.cfg.Limits.Strangers,
	}
	if device != "" {
		at.Source = "device:" + device
	}
	return at, nil
}

// inTurn waits for the turn to hash and takes it: the how manieth failure in a row it would be, and whether the password is right. 0:
// there may be none from there now.
func (a *Service) inTurn(ctx context.Context, at *attempt) (int, bool, error) {
	leave, err := a.hasher.enter(ctx, at.Source)
	if err != nil {
		return 0, false, err
	}
	defer leave()
	at.At = a.cfg.Now()
	if barred := a.addresses.barred(at.address, at.At); barred > 0 && at.Stranger { // meanwhile
		return 0, false, &agent.TooManyError{After: barred}
	}
	nth, err := a.count(ctx, at)
	if err != nil {
		return 0, false, fmt.Errorf("sign-in: %w", err)
	}
	right := false
	if nth > 0 {
		if right, err = a.matches(at); err != nil {
			return 0, false, fmt.Errorf("sign-in: %w", err)
		}
	}
	if !right && at.Stranger { // before the next one's turn
		at.bars = a.addresses.count(at.address, at.At) == a.cfg.Limits.Address
	}
	return nth, right, nil
}

// count says the how manieth failure in a row it is as long as the password is not found right, here or among strangers; 0: too many.
func (a *Service) count(ctx context.Context, at *attempt) (int, error) {
	if at.Person == "" {
		nth := a.nobodys.count(at.name+" "+at.Source, at.At)
		if nth > 0 && a.names.count(at.name, at.At) == 0 {
			nth = 0
		}
		return nth, nil
	}
	nth, everybodys, err := a.cfg.Store.CountAttempt(ctx, at.Attempt)
	if at.Stranger && everybodys == 0 {
		nth = 0
	}
	return nth, err
}

// matches does the work of a hash for everybody alike.
func (a *Service) matches(at *attempt) (bool, error) {
	hash := at.account.Hash
	if hash == "" {
		hash = a.hasher.dummy
	}
	match, params, err := argon2id.CheckHash(at.password, hash)
	if err != nil {
		return false, fmt.Errorf("check password: %w", err)
	}
	if !match || at.Person == "" || at.account.Disabled {
		return false, nil
	}
	if a.hasher.weaker(params) {
		at.rehash, err = argon2id.CreateHash(at.password, a.cfg.Params)
	}
	return true, err
}

// failed records a failure, without what a stranger typed, waits the longer the more there were, and gives the one answer.
func (a *Service) failed(ctx context.Context, at *attempt, nth int) error {
	person, kind := at.Person, "login.failed"
	if person == "" {
		person = "unknown"
	}
	if nth == a.cfg.Limits.Account {
		kind = "login.locked"
	}
	if err := a.cfg.Store.Audit(ctx, kind, person, a.where(ctx), "system", a.cfg.Now()); err != nil {
		return err
	}
	if at.bars { // what it knocks from now on is not recorded
		if err := a.cfg.Store.Audit(ctx, "login.address_barred", "unknown", a.where(ctx), "system", a.cfg.Now()); err != nil {
			return err
		}
	}
	if nth == 0 {
		nth = a.cfg.Limits.Account
	}
	if d := a.cfg.Limits.delay(nth); d > 0 {
		_ = a.cfg.Wait(ctx, d) // whoever gives up waiting gets no other answer
	}
	return agent.ErrLoginWrong
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
