package setting

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"hotline/agent"
	"hotline/agent/policy"
)

// Errors of the service.
var (
	ErrNotFound   = errors.New("no such setting or version")
	ErrNotAllowed = errors.New("not allowed")
	ErrStale      = errors.New("the setting has changed since")
	ErrWaits      = errors.New("another change waits for its second person")
	ErrOwn        = errors.New("who proposes does not approve")
)

// Store keeps versions. Each write is one transaction with its audit record and its fact.
type Store interface {
	// Settings loads every version of every setting.
	Settings(ctx context.Context) (Book, error)
	// Add lets decide see what there is, and writes the version that it makes; before is the value in force. ErrStale when another one
	// of that number came first, ErrWaits, ErrNotFound when there is no such line, *agent.RepeatedError, and whatever decide returns.
	Add(ctx context.Context, action policy.Action, decide func(Book) (v Version, before string, err error)) error
	// Decide locks a version, lets decide see it as it is then, and stores what it decides. ErrNotFound, *agent.RepeatedError, and
	// whatever decide returns.
	Decide(ctx context.Context, key Key, scope string, number int, act Act, decide func(Version) (Version, error)) error
}

// Act is what is done to a version, as the audit trail writes it.
type Act struct {
	Actor  string
	Action policy.Action
	What   string // proposed, approved, refused, withdrawn
	Before string // the value in force
	At     time.Time
}

// Service is what people do with settings.
type Service struct {
	Store Store
	Now   func() time.Time
}

// Proposal is a change as somebody asks for it.
type Proposal struct {
	Key           Key
	Scope         string
	Value         string
	EffectiveFrom time.Time // zero: at once
	Seen          int       // number of the newest version that the person has seen; 0: none
	Reason        string
}

// All loads every version. ErrNotAllowed.
func (s *Service) All(ctx context.Context, who agent.Identity) (Book, error) {
	if !who.Can(policy.ReadSettings, policy.Resource{}) {
		return Book{}, ErrNotAllowed
	}
	return s.Store.Settings(ctx)
}

// Propose adds a version, which counts from when it was asked for if nobody else has to agree. ErrNotFound, ErrNotAllowed, ErrStale,
// ErrWaits, *InvalidError.
func (s *Service) Propose(ctx context.Context, who agent.Identity, p Proposal) error {
	d, ok := Find(p.Key)
	switch {
	case !ok:
		return ErrNotFound
	case !who.Can(d.Propose, policy.Resource{}):
		return ErrNotAllowed
	}
	now := s.Now()
	return once(s.Store.Add(ctx, d.Propose, func(book Book) (Version, string, error) {
		v, err := d.next(book, p, who.Actor(), now)
		return v, book.Value(d, p.Scope, now), err
	}))
}

// once: who repeats a command that has had its effect is told what they were told then.
func once(err error) error {
	if _, repeated := errors.AsType[*agent.RepeatedError](err); repeated {
		return nil
	}
	return err
}

// The longest that a change is planned ahead, and how late "now" may come.
const (
	farthest = 2 * 366 * 24 * time.Hour
	slack    = time.Minute
	longest  = 200 // characters of a reason
)

// reason is one as it is kept. *InvalidError.
func reason(given string) (string, error) {
	given = strings.TrimSpace(given)
	if n := utf8.RuneCountInString(given); n == 0 || n > longest {
		return "", &InvalidError{"reason", fmt.Sprintf("say why, in at most %d characters", longest), nil}
	}
	if strings.ContainsFunc(given, unicode.IsControl) {
		return "", &InvalidError{"reason", "must be one line of readable text, without control characters", nil}
	}
	return given, nil
}

// next is the version that a proposal makes. ErrStale, ErrWaits, *InvalidError.
func (d Definition) next(book Book, p Proposal, author string, now time.Time) (Version, error) {
	value, err := d.Parse(p.Scope, p.Value)
	if err != nil {
		return Version{}, err
	}
	from := p.EffectiveFrom
	switch {
	case from.IsZero() || from.Before(now) && now.Sub(from) <= slack:
		from = now
	case from.Before(now):
		return Version{}, &InvalidError{"effective_from", "it has passed: leave it empty for at once, or give a later time", nil}
	case from.After(now.Add(farthest)):
		return Version{}, &InvalidError{"effective_from", "give a time within two years", nil}
	}
	why, err := reason(p.Reason)
	if err != nil {
		return Version{}, err
	}
	versions := book.Versions(d.Key, p.Scope)
	for _, v := range versions {
		if v.Waits() {
			return Version{}, ErrWaits
		}
	}
	if len(versions) != p.Seen {
		return Version{}, ErrStale
	}
	if value == book.Value(d, p.Scope, from) {
		return Version{}, &InvalidError{"value", "it is that already", nil}
	}
	v := Version{
		Key: d.Key, Scope: p.Scope, Number: len(versions) + 1, Value: value, EffectiveFrom: from, Author: author, Reason: why, ProposedAt: now,
	}
	if !d.TwoPeople {
		v.InForceFrom = from
	}
	return v, nil
}

// Answer is the second person's: the version counts, or is withdrawn for a reason. ErrNotFound, ErrNotAllowed, ErrStale, ErrOwn, *InvalidError.
func (s *Service) Answer(ctx context.Context, who agent.Identity, key Key, scope string, number int, agree bool, why string) error {
	if !who.Can(policy.AgreeSettings, policy.Resource{}) {
		return ErrNotAllowed
	}
	act := Act{Actor: who.Actor(), Action: policy.AgreeSettings, What: "approved"}
	if !agree {
		act.What = "refused"
	}
	return s.decide(ctx, key, scope, number, act, func(v Version) (Version, error) {
		if agree {
			return v.Approve(who.Actor(), s.Now())
		}
		return v.Withdraw(who.Actor(), why, s.Now())
	})
}

// Withdraw takes a version back before it counts, as whoever may propose one; somebody else's for a reason. ErrNotFound, ErrNotAllowed,
// ErrStale, *InvalidError.
func (s *Service) Withdraw(ctx context.Context, who agent.Identity, key Key, scope string, number int, why string) error {
	d, ok := Find(key)
	switch {
	case !ok:
		return ErrNotFound
	case !who.Can(d.Propose, policy.Resource{}):
		return ErrNotAllowed
	}
	act := Act{Actor: who.Actor(), Action: d.Propose, What: "withdrawn"}
	return s.decide(ctx, key, scope, number, act, func(v Version) (Version, error) { return v.Withdraw(who.Actor(), why, s.Now()) })
}

func (s *Service) decide(ctx context.Context, key Key, scope string, number int, act Act, next func(Version) (Version, error)) error {
	d, ok := Find(key)
	if !ok {
		return ErrNotFound
	}
	book, err := s.Store.Settings(ctx)
	if err != nil {
		return err
	}
	act.At = s.Now()
	act.Before = book.Value(d, scope, act.At)
	return once(s.Store.Decide(ctx, key, scope, number, act, next))
}
