package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/alexedwards/scs/v2"
	"github.com/google/uuid"

	"hotline/agent"
	"hotline/agent/store"
)

// Lifetimes of a login (V7.3).
const (
	idleLimit     = 30 * time.Minute
	absoluteLimit = 12 * time.Hour
	touchEvery    = time.Minute // how often a busy login is written anew
	personCached  = time.Second // how long a person's rights are believed
)

// Keys of a login's data.
const (
	keyPerson = "person"
	keyLogin  = "login"
	keySeen   = "seen"
)

// Config is what New needs; zero values of the lower part mean the defaults.
type Config struct {
	Store  *store.Store
	Now    func() time.Time
	Log    *slog.Logger
	Secure bool // the panel is reached by TLS: __Host- cookie

	Limits Limits
	Params *argon2id.Params                                 // of new hashes
	Wait   func(ctx context.Context, d time.Duration) error // the delay after failures
	// OnLogout cuts the sockets of a login that has ended in this process; see Alive for the others.
	OnLogout func(login string)
}

// Service signs people in and tells who acts. It is safe for concurrent use.
type Service struct {
	cfg       Config
	hasher    *hasher
	logins    *scs.SessionManager
	names     *throttle
	addresses *throttle

	mu     sync.Mutex
	people map[agent.PersonID]cachedPerson // guarded by mu
	kept   time.Time                       // guarded by mu; when logins with sockets were last prolonged
}

type cachedPerson struct {
	person agent.Person
	until  time.Time
}

// New prepares sign-in; it makes one hash, which takes some 60 ms.
func New(c Config) (*Service, error) {
	c.Limits = c.Limits.withDefaults()
	if c.Params == nil {
		c.Params = defaultParams()
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	h, err := newHasher(c.Params)
	if err != nil {
		return nil, err
	}
	m := scs.New()
	m.Store = &loginStore{store: c.Store, now: c.Now, codec: m.Codec}
	m.HashTokenInStore = true
	m.IdleTimeout = idleLimit
	m.Lifetime = absoluteLimit
	return &Service{
		cfg: c, hasher: h, logins: m,
		names:     newThrottle(c.Limits.Account, c.Limits.Lock),
		addresses: newThrottle(c.Limits.Address, c.Limits.Lock),
		people:    map[agent.PersonID]cachedPerson{},
	}, nil
}

// CookieName is that of the login's cookie. Browsers take __Host- over TLS only, so the panel on loopback has a plain name.
func (a *Service) CookieName() string {
	if a.cfg.Secure {
		return "__Host-sid"
	}
	return "sid"
}

// SignIn checks the password and begins a login; the cookie carries its token. ErrLoginWrong for an unknown name, a wrong
// password, a locked or a disabled account alike, after the same work. Logins that the person has already stay untouched,
// so that a lock is no weapon against them.
func (a *Service) SignIn(ctx context.Context, loginName, password string) (agent.Identity, *http.Cookie, error) {
	id, err := a.check(ctx, strings.ToLower(strings.TrimSpace(loginName)), password)
	if err != nil {
		return agent.Identity{}, nil, err
	}
	person, err := a.cfg.Store.Person(ctx, id)
	if err != nil {
		return agent.Identity{}, nil, err
	}
	if old, ok := agent.FromContext(ctx); ok { // the browser's login before gives way
		if err := a.logins.Destroy(ctx); err != nil {
			return agent.Identity{}, nil, fmt.Errorf("end the login before: %w", err)
		}
		a.ended(old.Login)
	}
	login, err := uuid.NewV7()
	if err != nil {
		return agent.Identity{}, nil, fmt.Errorf("login id: %w", err)
	}
	fresh, err := a.logins.Load(ctx, "") // never the token that the browser came with
	if err != nil {
		return agent.Identity{}, nil, fmt.Errorf("begin login: %w", err)
	}
	a.logins.Put(fresh, keyPerson, string(id))
	a.logins.Put(fresh, keyLogin, login.String())
	a.logins.Put(fresh, keySeen, a.cfg.Now().Unix())
	token, _, err := a.logins.Commit(fresh)
	if err != nil {
		return agent.Identity{}, nil, fmt.Errorf("begin login: %w", err)
	}
	who := identity(person, login.String())
	err = a.cfg.Store.Audit(ctx, "login.succeeded", id, a.where(ctx), who.Actor(), a.cfg.Now())
	return who, a.cookie(token), err
}

// check is the same path for everybody: one wait, one count, one hash, one answer.
func (a *Service) check(ctx context.Context, name, password string) (agent.PersonID, error) {
	addr := remote(ctx)
	delay, _ := a.names.look(name, a.cfg.Now())
	slower, _ := a.addresses.look(addr, a.cfg.Now())
	if delay = max(delay, slower); delay > 0 {
		if err := a.cfg.Wait(ctx, delay); err != nil {
			return "", fmt.Errorf("sign-in: %w", err)
		}
	}
	acc, err := a.cfg.Store.Account(ctx, name)
	if err != nil && !errors.Is(err, agent.ErrNotFound) {
		return "", fmt.Errorf("sign-in: %w", err)
	}
	count, usable := 0, false
	if acc.Person != "" {
		now := a.cfg.Now()
		if count, usable, err = a.cfg.Store.CountAttempt(ctx, acc.Person, a.cfg.Limits.Account, now, now.Add(a.cfg.Limits.Lock)); err != nil {
			return "", fmt.Errorf("sign-in: %w", err)
		}
	}
	hash := acc.Hash
	if hash == "" {
		hash = a.hasher.dummy
	}
	var rehash string
	barred := false
	err = a.hasher.alone(ctx, func() error {
		_, barred = a.addresses.look(addr, a.cfg.Now())
		match, params, err := argon2id.CheckHash(password, hash)
		switch {
		case err != nil:
			return fmt.Errorf("check password: %w", err)
		case !match || !usable || acc.Disabled || barred:
			a.addresses.fail(addr, a.cfg.Now())
			return agent.ErrLoginWrong
		case a.hasher.weaker(params):
			rehash, err = argon2id.CreateHash(password, a.cfg.Params)
		}
		return err
	})
	if errors.Is(err, agent.ErrLoginWrong) {
		a.names.fail(name, a.cfg.Now())
		if barred { // the failures that barred the address are on record; its knocking must not flood it
			return "", err
		}
		return "", a.failed(ctx, acc.Person, usable && count >= a.cfg.Limits.Account)
	}
	if err != nil {
		return "", fmt.Errorf("sign-in: %w", err)
	}
	a.names.forgive(name)
	if err := a.cfg.Store.Forgive(ctx, acc.Person, rehash); err != nil {
		return "", fmt.Errorf("sign-in: %w", err)
	}
	return acc.Person, nil
}

// failed records a failure, without what a stranger typed, and gives the one answer.
func (a *Service) failed(ctx context.Context, person agent.PersonID, locked bool) error {
	kind := "login.failed"
	if locked {
		kind = "login.locked"
	}
	if person == "" {
		person = "unknown"
	}
	if err := a.cfg.Store.Audit(ctx, kind, person, a.where(ctx), "system", a.cfg.Now()); err != nil {
		return err
	}
	return agent.ErrLoginWrong
}

func (a *Service) where(ctx context.Context) map[string]any {
	return map[string]any{"address": remote(ctx)}
}

// SignOut ends the login of the request and its sockets. The cookie it returns clears the browser's.
func (a *Service) SignOut(ctx context.Context) (*http.Cookie, error) {
	gone := a.cookie("") //nolint:gosec // Secure is a.cfg.Secure, as below
	gone.MaxAge = -1
	who, ok := agent.FromContext(ctx)
	if !ok {
		return gone, nil
	}
	if err := a.logins.Destroy(ctx); err != nil {
		return nil, fmt.Errorf("end login: %w", err)
	}
	a.ended(who.Login)
	return gone, a.cfg.Store.Audit(ctx, "login.ended", who.Person, a.where(ctx), who.Actor(), a.cfg.Now())
}

func (a *Service) ended(logins ...string) {
	if a.cfg.OnLogout == nil {
		return
	}
	for _, l := range logins {
		a.cfg.OnLogout(l)
	}
}

// Purge clears away logins that have run out.
func (a *Service) Purge(ctx context.Context) error {
	_, err := a.cfg.Store.PurgeLogins(ctx, a.cfg.Now())
	return err
}

func (a *Service) cookie(token string) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure but on loopback, where browsers refuse it over plain HTTP
		Name: a.CookieName(), Value: token, Path: "/", Secure: a.cfg.Secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}

func identity(p agent.Person, login string) agent.Identity {
	return agent.Identity{Person: p.ID, LoginName: p.LoginName, Name: p.Name, Unit: p.Unit, Roles: p.Roles, Login: login}
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
