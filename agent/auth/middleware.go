package auth

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"hotline/agent"
	"hotline/agent/problem"
)

type askerKey struct{}

// asker is where a request comes from.
type asker struct {
	address string // key of it
	devices string // the cookie of a browser that accounts know
}

func from(ctx context.Context) asker {
	who, ok := ctx.Value(askerKey{}).(asker)
	if !ok {
		return asker{address: "unknown"}
	}
	return who
}

// Identify puts who acts into the request's context, where agent.FromContext finds it; without a valid login it puts
// nothing, and the handlers refuse. The person is looked up anew at least every second, so that someone disabled is cut off.
// It passes the ResponseWriter on as it is, so sockets may be upgraded behind it. It takes the address from RemoteAddr:
// a proxy's header has to be translated before, for the configured proxy only (V4.1.3).
func (a *Service) Identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := asker{address: address(r.RemoteAddr)}
		if c, err := r.Cookie(a.deviceCookieName()); err == nil {
			who.devices = c.Value
		}
		ctx := context.WithValue(r.Context(), askerKey{}, who)
		if c, err := r.Cookie(a.CookieName()); err == nil && c.Value != "" {
			signedIn, err := a.identify(ctx, c.Value)
			if err != nil { // fail closed, but do not send people to the sign-in page for a database that is away
				a.cfg.Log.ErrorContext(ctx, "login not checked", slog.Any("err", err))
				problem.Write(w, r, problem.New(http.StatusServiceUnavailable, "unavailable"))
				return
			}
			ctx = signedIn
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (a *Service) identify(ctx context.Context, token string) (context.Context, error) {
	loaded, err := a.logins.Load(ctx, token)
	if err != nil {
		return nil, err
	}
	id, login := agent.PersonID(a.logins.GetString(loaded, keyPerson)), a.logins.GetString(loaded, keyLogin)
	if id == "" {
		return ctx, nil
	}
	person, err := a.person(loaded, id)
	if err != nil {
		return nil, err
	}
	if !person.DisabledAt.IsZero() {
		return ctx, nil
	}
	now := a.cfg.Now()
	if now.Sub(time.Unix(a.logins.GetInt64(loaded, keySeen), 0)) >= touchEvery {
		a.logins.Put(loaded, keySeen, now.Unix())
		if _, _, err := a.logins.Commit(loaded); err != nil {
			return nil, err
		}
	}
	return agent.NewContext(loaded, identity(person, login)), nil
}

// person looks a person up, at most once a second each.
func (a *Service) person(ctx context.Context, id agent.PersonID) (agent.Person, error) {
	now := a.cfg.Now()
	a.mu.Lock()
	c, ok := a.people[id]
	a.mu.Unlock()
	if ok && now.Before(c.until) {
		return c.person, nil
	}
	p, err := a.cfg.Store.Person(ctx, id)
	if err != nil {
		return agent.Person{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for other, c := range a.people { // few: those of the last second
		if !now.Before(c.until) {
			delete(a.people, other)
		}
	}
	a.people[id] = cachedPerson{person: p, until: now.Add(personCached)}
	return p, nil
}

func (a *Service) forget(id agent.PersonID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.people, id)
}
