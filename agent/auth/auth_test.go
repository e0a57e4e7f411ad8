package auth_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/auth"
	"hotline/agent/store"
	"hotline/deploy/migrations/pgtest"
)

const good = "korrekt-pferd-batterie"

// door is a sign-in service on a database of its own, with cheap hashes and a clock that the test moves.
type door struct {
	*auth.Service

	pool  *pgxpool.Pool
	store *store.Store

	mu     sync.Mutex
	ahead  time.Duration   // of the real clock, which the session manager reads
	waits  []time.Duration // delays that were asked for
	logout []string
}

func cheap() *argon2id.Params {
	return &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

func setup(t *testing.T, change ...func(*auth.Config)) *door {
	t.Helper()
	d := &door{pool: pgtest.New(t)}
	d.store = store.New(d.pool, nil)
	c := auth.Config{
		Store: d.store, Now: d.now, Log: slog.New(slog.DiscardHandler), Params: cheap(),
		Wait: func(_ context.Context, w time.Duration) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.waits = append(d.waits, w)
			return nil
		},
		OnLogout: func(l string) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.logout = append(d.logout, l)
		},
	}
	for _, f := range change {
		f(&c)
	}
	var err error
	d.Service = auth.New(c)
	_, err = d.CreatePerson(t.Context(), auth.NewPerson{LoginName: "li", Name: "李明", Roles: []agent.Role{agent.RoleOfficial}, Password: good}, "cli:root")
	require.NoError(t, err)
	return d
}

func (d *door) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Now().Add(d.ahead)
}

func (d *door) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ahead += by
}

// as runs fn as a handler behind the middleware, for a browser that holds the cookie.
func (d *door) as(t *testing.T, c *http.Cookie, fn func(ctx context.Context)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.RemoteAddr = "192.0.2.7:4711"
	if c != nil {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	d.Identify(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { fn(r.Context()) })).ServeHTTP(w, r)
	return w
}

func (d *door) signIn(t *testing.T, name, password string) (*http.Cookie, error) {
	t.Helper()
	return d.signInAs(t, nil, name, password)
}

func (d *door) signInAs(t *testing.T, c *http.Cookie, name, password string) (*http.Cookie, error) {
	t.Helper()
	var cookies []http.Cookie
	var err error
	d.as(t, c, func(ctx context.Context) { _, cookies, err = d.SignIn(ctx, name, password) })
	if err != nil {
		return nil, err
	}
	require.Len(t, cookies, 2)
	return &cookies[0], nil
}

// who is the identity that a request with the cookie has; false when none.
func (d *door) who(t *testing.T, c *http.Cookie) (agent.Identity, bool) {
	t.Helper()
	var id agent.Identity
	var ok bool
	d.as(t, c, func(ctx context.Context) { id, ok = agent.FromContext(ctx) })
	return id, ok
}

func (d *door) facts(t *testing.T) []string {
	t.Helper()
	rows, err := d.pool.Query(t.Context(), `SELECT kind FROM fact WHERE 'audit' = ANY(topics) AND kind LIKE 'login.%' ORDER BY id`)
	require.NoError(t, err)
	kinds, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return kinds
}

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	d := setup(t)
	cookie, err := d.signIn(t, " LI ", good)
	require.NoError(t, err)
	require.Equal(t, "sid", cookie.Name)
	require.True(t, cookie.HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
	require.False(t, cookie.Secure, "loopback")

	id, ok := d.who(t, cookie)
	require.True(t, ok)
	require.Equal(t, "李明", id.Name)
	require.Equal(t, []agent.Role{agent.RoleOfficial}, id.Roles)
	require.NotEmpty(t, id.Login)
	require.NotContains(t, id.Login, cookie.Value)
	var stored int
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT count(*) FROM login WHERE token = $1`, cookie.Value).Scan(&stored))
	require.Zero(t, stored, "the token is stored as a digest only (V7.2.3)")

	alive, err := d.Alive(t.Context(), []string{id.Login})
	require.NoError(t, err)
	require.Len(t, alive, 1)
	require.Equal(t, id.Person, alive[id.Login].Person)
	d.as(t, cookie, func(ctx context.Context) {
		gone, err := d.SignOut(ctx)
		require.NoError(t, err)
		require.Negative(t, gone.MaxAge)
	})
	require.Equal(t, []string{id.Login}, d.logout, "logout ends the sockets too (V7.4.1)")
	_, ok = d.who(t, cookie)
	require.False(t, ok)
	alive, err = d.Alive(t.Context(), []string{id.Login})
	require.NoError(t, err)
	require.Empty(t, alive)
	require.Equal(t, []string{"login.succeeded", "login.ended"}, d.facts(t))
}

func TestSecureCookie(t *testing.T) { // V3.3.1
	t.Parallel()
	d := setup(t, func(c *auth.Config) { c.Secure = true })
	cookie, err := d.signIn(t, "li", good)
	require.NoError(t, err)
	require.Equal(t, "__Host-sid", cookie.Name)
	require.True(t, cookie.Secure)
	require.Equal(t, "/", cookie.Path)
	require.Empty(t, cookie.Domain)
}

// V6.3.8: unknown name, wrong password, locked account, disabled account: one answer, after the same waits.
func TestOneAnswerForEveryFailure(t *testing.T) {
	t.Parallel()
	d := setup(t, func(c *auth.Config) { c.Limits.Address = 1000 })
	for _, name := range []string{"locked", "barred", "gone"} {
		_, err := d.CreatePerson(t.Context(), auth.NewPerson{LoginName: name, Name: "某人", Roles: []agent.Role{agent.RoleUnit}, Password: good}, "cli:root")
		require.NoError(t, err)
	}
	for _, name := range []string{"barred", "gone"} {
		require.NoError(t, d.SetDisabled(t.Context(), name, true, "cli:root"))
	}
	waits := map[string][]time.Duration{}
	for _, name := range []string{"li", "nobody", "locked", "barred", "gone", "Robert'); DROP TABLE person;--"} {
		d.waits = nil
		password := "wrong-password-guess"
		if name == "gone" { // who knows the password is not told that it is one
			password = good
		}
		for range 6 {
			_, err := d.signIn(t, name, password)
			require.Equal(t, agent.ErrLoginWrong, err, name)
		}
		waits[name] = d.waits
	}
	for name, w := range waits {
		require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second}, w, name)
	}
	for _, name := range []string{"locked", "barred", "li"} {
		_, err := d.signIn(t, name, good)
		require.Equal(t, agent.ErrLoginWrong, err, "the right password opens no lock: %s", name)
	}
	var typed int
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT count(*) FROM fact WHERE row_to_json(fact)::text ~ 'nobody|Robert|guess'`).Scan(&typed))
	require.Zero(t, typed, "what strangers type is not recorded")
}

func TestLockOut(t *testing.T) { // V6.3.1
	t.Parallel()
	d := setup(t)
	cookie, err := d.signIn(t, "li", good)
	require.NoError(t, err)
	for range 5 {
		_, err := d.signIn(t, "li", "wrong-password-guess")
		require.ErrorIs(t, err, agent.ErrLoginWrong)
	}
	require.Equal(t, "login.locked", d.facts(t)[5])
	_, ok := d.who(t, cookie)
	require.True(t, ok, "a lock is no weapon against who is signed in")
	d.pass(14 * time.Minute)
	_, err = d.signIn(t, "li", good)
	require.ErrorIs(t, err, agent.ErrLoginWrong)
	d.pass(2 * time.Minute)
	_, err = d.signIn(t, "li", good)
	require.NoError(t, err, "the lock runs out and knocking does not prolong it")
	for range 4 {
		_, err := d.signIn(t, "li", "wrong-password-guess")
		require.ErrorIs(t, err, agent.ErrLoginWrong)
	}
	_, err = d.signIn(t, "li", good)
	require.NoError(t, err, "four are not five")
}

// Parallel guesses cannot outrun the count.
func TestParallelGuesses(t *testing.T) {
	t.Parallel()
	d := setup(t)
	ctx := t.Context()
	done := make(chan error)
	for i := range 20 {
		go func() {
			_, _, err := d.SignIn(ctx, "li", fmt.Sprintf("wrong-password-%d", i))
			done <- err
		}()
	}
	for range 20 {
		require.ErrorIs(t, <-done, agent.ErrLoginWrong)
	}
	_, _, err := d.SignIn(ctx, "li", good)
	require.ErrorIs(t, err, agent.ErrLoginWrong, "locked")
	var failures int
	require.NoError(t, d.pool.QueryRow(ctx, `SELECT failures FROM sign_in_failure WHERE source = 'unknown'`).Scan(&failures))
	require.Equal(t, 5, failures)
}

func TestAddressIsBarred(t *testing.T) { // V6.3.1
	t.Parallel()
	d := setup(t, func(c *auth.Config) { c.Limits.Address = 8 })
	for i := range 8 {
		_, err := d.signIn(t, fmt.Sprintf("guess%d", i), "wrong-password-guess")
		require.ErrorIs(t, err, agent.ErrLoginWrong)
	}
	_, err := d.signIn(t, "li", good)
	var many *agent.TooManyError
	require.ErrorAs(t, err, &many)
	_, _, err = d.SignIn(t.Context(), "li", good) // from elsewhere
	require.NoError(t, err)
	d.pass(16 * time.Minute)
	_, err = d.signIn(t, "li", good)
	require.NoError(t, err)
}

func TestLoginRunsOut(t *testing.T) { // V7.3.1, V7.3.2
	t.Parallel()
	d := setup(t)
	cookie, err := d.signIn(t, "li", good)
	require.NoError(t, err)
	d.pass(29 * time.Minute)
	_, ok := d.who(t, cookie)
	require.True(t, ok)
	d.pass(32 * time.Minute)
	_, ok = d.who(t, cookie)
	require.False(t, ok, "idle for half an hour")
	require.NoError(t, d.Purge(t.Context()))
	var n int
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT count(*) FROM login`).Scan(&n))
	require.Zero(t, n)
}

// V7.3.1: a page that waits for calls at a seat is not idle, as long as its socket stands; twelve hours are enough all the same.
func TestWaitingForCallsIsNotIdle(t *testing.T) {
	t.Parallel()
	d := setup(t)
	require.NoError(t, d.store.PutLine(t.Context(), store.Line{ID: "session", Name: "接热线", Number: "12345"}))
	require.NoError(t, d.store.PutSeats(t.Context(), d.now(), store.Seat{ID: "A01", Line: "session", Kind: agent.SeatOfficial}))
	cookie, err := d.signIn(t, "li", good)
	require.NoError(t, err)
	id, ok := d.who(t, cookie)
	require.True(t, ok)
	_, err = d.pool.Exec(t.Context(), `UPDATE seat_state SET person = $1`, string(id.Person))
	require.NoError(t, err)
	waited := time.Duration(0)
	for ; ; waited += 20 * time.Minute {
		alive, err := d.Alive(t.Context(), []string{id.Login})
		require.NoError(t, err)
		if len(alive) == 0 {
			break
		}
		d.pass(20 * time.Minute)
	}
	require.InDelta(t, 12*time.Hour, waited, float64(time.Minute+20*time.Minute))
}

func TestSecondSignInReplacesTheBrowsersLogin(t *testing.T) { // V7.2.4
	t.Parallel()
	d := setup(t)
	first, err := d.signIn(t, "li", good)
	require.NoError(t, err)
	old, _ := d.who(t, first)
	second, err := d.signInAs(t, first, "li", good)
	require.NoError(t, err)
	require.NotEqual(t, first.Value, second.Value)
	_, ok := d.who(t, first)
	require.False(t, ok)
	require.Equal(t, []string{old.Login}, d.logout)
	_, ok = d.who(t, second)
	require.True(t, ok)
}

func TestForgedCookies(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for _, v := range []string{"x", strings.Repeat("A", 43), strings.Repeat("A", 5000), "%00"} {
		_, ok := d.who(t, &http.Cookie{Name: "sid", Value: v})
		require.False(t, ok)
	}
}

func TestDatabaseAwayFailsClosed(t *testing.T) { // V16.5.3
	t.Parallel()
	d := setup(t)
	cookie, err := d.signIn(t, "li", good)
	require.NoError(t, err)
	d.pool.Close()
	w := d.as(t, cookie, func(context.Context) { t.Error("the handler must not run") })
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
}
