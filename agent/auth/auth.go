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
	Looks  *store.Store // for what is asked every second, on connections that nothing of the web waits for; nil: Store
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
	addresses *throttle
	nobodys   *throttle // names that nobody has, each from one address: so that they answer like others
	names     *throttle // likewise, from everywhere

	mu     sync.Mutex
	people map[agent.PersonID]cachedPerson // guarded by mu
	kept   time.Time                       // guarded by mu; when logins with sockets were last prolonged
}

type cachedPerson struct {
	person agent.Person
	until  time.Time
}

// New prepares sign-in.
func New(c Config) *Service {
	c.Limits = c.Limits.withDefaults()
	if c.Looks == nil {
		c.Looks = c.Store
	}
	if c.Params == nil {
		c.Params = defaultParams()
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	m := scs.New()
	m.Store = &loginStore{store: c.Store, now: c.Now, codec: m.Codec}
	m.HashTokenInStore = true
	m.IdleTimeout = idleLimit
	m.Lifetime = absoluteLimit
	return &Service{
		cfg: c, hasher: newHasher(c.Params), logins: m,
		addresses: newThrottle(c.Limits.Address, c.Limits.Lock),
		nobodys:   newThrottle(c.Limits.Account, c.Limits.Lock),
		names:     newThrottle(c.Limits.Strangers, c.Limits.Lock),
		people:    map[agent.PersonID]cachedPerson{},
	}
}

// CookieName is that of the login's cookie. Browsers take __Host- over TLS only, so the panel on loopback has a plain name.
func (a *Service) CookieName() string {
	if a.cfg.Secure {
		return "__Host-sid"
	}
	return "sid"
}

// SignIn checks the password and begins a login; the first cookie carries its token, the second makes the browser known to the
// account. ErrLoginWrong for an unknown name, a wrong password, a locked or a disabled account alike; *agent.TooManyError when the
// address may not try now, or too many do. Logins that the person has already stay untouched, so that a lock is no weapon against them.
func (a *Service) SignIn(ctx context.Context, loginName, password string) (agent.Identity, []http.Cookie, error) {
	acc, err := a.check(ctx, strings.ToLower(strings.TrimSpace(loginName)), password)
	if err != nil {
		return agent.Identity{}, nil, err
	}
	person, err := a.cfg.Store.Person(ctx, acc.Person)
	if err != nil {
		return agent.Identity{}, nil, err
	}
	who, token, err := a.begin(context.WithValue(anew{ctx}, checkedKey{}, acc.Hash), person) //nolint:contextcheck // it inherits all but the values
	if err != nil {
		return agent.Identity{}, nil, fmt.Errorf("begin login: %w", err)
	}
	if old, ok := agent.FromContext(ctx); ok { // the browser's login before gives way, and only now: the person is never without one
		if err := a.logins.Destroy(ctx); err != nil {
			return agent.Identity{}, nil, fmt.Errorf("end the login before: %w", err)
		}
		a.ended(old.Login)
	}
	err = a.cfg.Store.Audit(ctx, "login.succeeded", person.ID, a.where(ctx), who.Actor(), a.cfg.Now())
	return who, []http.Cookie{*a.cookie(token), a.deviceCookie(ctx, acc)}, err
}

// anew is a context that knows nothing of the login with which the browser came.
type anew struct{ context.Context } //nolint:containedctx // it is one

// Value implements context.Context.
func (anew) Value(any) any { return nil }

// begin makes a login and its token.
func (a *Service) begin(ctx context.Context, person agent.Person) (agent.Identity, string, error) {
	login, err := uuid.NewV7()
	if err != nil {
		return agent.Identity{}, "", err
	}
	fresh, err := a.logins.Load(ctx, "")
	if err != nil {
		return agent.Identity{}, "", err
	}
	a.logins.Put(fresh, keyPerson, string(person.ID))
	a.logins.Put(fresh, keyLogin, login.String())
	a.logins.Put(fresh, keySeen, a.cfg.Now().Unix())
	token, _, err := a.logins.Commit(fresh)
	return identity(person, login.String()), token, err
}

func (a *Service) where(ctx context.Context) map[string]any {
	return map[string]any{"address": from(ctx).address}
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

// Purge clears away logins that have run out, and failures that bar nobody any more.
func (a *Service) Purge(ctx context.Context) error {
	_, err := a.cfg.Store.PurgeLogins(ctx, a.cfg.Now())
	return errors.Join(err, a.cfg.Store.PurgeFailures(ctx, a.cfg.Now().Add(-a.cfg.Limits.Lock)))
}

func (a *Service) cookie(token string) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure but on loopback, where browsers refuse it over plain HTTP
		Name: a.CookieName(), Value: token, Path: "/", Secure: a.cfg.Secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}

func identity(p agent.Person, login string) agent.Identity {
	return agent.Identity{Person: p.ID, LoginName: p.LoginName, Name: p.Name, Unit: p.Unit, Roles: p.Roles, Login: login}
}
