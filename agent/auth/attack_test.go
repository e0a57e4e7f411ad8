package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/auth"
	"hotline/agent/store"
	"hotline/deploy/migrations/pgtest"
)

const wrong = "wrong-password-guess"

// browser signs in from an address, with the cookies that it has been given there before.
type browser struct {
	door    *door
	address string
	jar     map[string]*http.Cookie
}

func (d *door) browser(address string) *browser {
	return &browser{door: d, address: address, jar: map[string]*http.Cookie{}}
}

func (b *browser) signIn(t *testing.T, name, password string) error {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.RemoteAddr = b.address + ":4711"
	for _, c := range b.jar {
		r.AddCookie(c)
	}
	var err error
	b.door.Identify(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second) // whoever should be refused must not wait for ever
		defer cancel()
		var cookies []http.Cookie
		_, cookies, err = b.door.SignIn(ctx, name, password)
		for _, c := range cookies {
			b.jar[c.Name] = &c
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
	delete(b.jar, "sid") // only what it is known by stays
	return err
}

func (b *browser) fail(t *testing.T, name string, times int) {
	t.Helper()
	for range times {
		require.ErrorIs(t, b.signIn(t, name, wrong), agent.ErrLoginWrong)
	}
}

// RS7: failures from one address lock nobody out who comes from another.
func TestLockIsOfTheAddress(t *testing.T) {
	t.Parallel()
	d := setup(t)
	there, here := d.browser("192.0.2.1"), d.browser("192.0.2.2")
	there.fail(t, "li", 5)
	require.ErrorIs(t, there.signIn(t, "li", good), agent.ErrLoginWrong)
	require.NoError(t, here.signIn(t, "li", good))
	require.ErrorIs(t, there.signIn(t, "li", good), agent.ErrLoginWrong, "another's success forgives nothing there")
}

// RS8: whoever may not try is refused before the turn to hash, and told when to come again.
func TestBarredAddressWaitsForNothing(t *testing.T) {
	t.Parallel()
	d := setup(t, func(c *auth.Config) { c.Limits.Address = 2 })
	there := d.browser("192.0.2.1")
	there.fail(t, "nobody", 2)
	require.Equal(t, "login.address_barred", d.facts(t)[2])
	leave, err := d.Enter(t.Context(), "somebody else")
	require.NoError(t, err)
	defer leave()
	d.withoutDatabase(t, func() {
		var many *agent.TooManyError
		require.ErrorAs(t, there.signIn(t, "li", good), &many)
		require.Greater(t, many.After, 14*time.Minute)
		require.LessOrEqual(t, many.After, 15*time.Minute)
	})
	require.Len(t, d.facts(t), 3, "its knocking is not recorded")
}

// withoutDatabase runs fn while every statement fails.
func (d *door) withoutDatabase(t *testing.T, fn func()) {
	t.Helper()
	owner := pgtest.Super(t, d.pool)
	_, err := owner.Exec(t.Context(), `ALTER TABLE person RENAME TO away`)
	require.NoError(t, err)
	fn()
	_, err = owner.Exec(t.Context(), `ALTER TABLE away RENAME TO person`)
	require.NoError(t, err)
}

// RS8: guesses in parallel from one address do not outrun its bar.
func TestAddressIsBarredWhileItsGuessesWait(t *testing.T) {
	t.Parallel()
	d := setup(t, func(c *auth.Config) { c.Limits.Address = 3 })
	leave, err := d.Enter(t.Context(), "somebody else")
	require.NoError(t, err)
	ended := make(chan error)
	for i := range 20 {
		go func() { ended <- d.browser("192.0.2.1").signIn(t, fmt.Sprintf("guess%d", i), wrong) }()
	}
	require.Eventually(t, func() bool { return d.Waiting() == 20 }, 10*time.Second, time.Millisecond)
	leave()
	refused := 0
	for range 20 {
		if _, many := errors.AsType[*agent.TooManyError](<-ended); many {
			refused++
		}
	}
	require.Equal(t, 17, refused)
}

// RS8: nothing is made for whom the queue does not hold, and somebody from elsewhere is served next.
func TestCrowdAtOneAddressIsBounded(t *testing.T) {
	t.Parallel()
	d := setup(t)
	leave, err := d.Enter(t.Context(), "somebody else")
	require.NoError(t, err)
	ended := make(chan error, 60)
	for i := range 60 {
		go func() { ended <- d.browser("192.0.2.1").signIn(t, fmt.Sprintf("guess%d", i), wrong) }()
	}
	for range 12 { // of 60, 48 wait
		var many *agent.TooManyError
		require.ErrorAs(t, <-ended, &many)
	}
	require.Equal(t, 48, d.Waiting())
	elsewhere := make(chan error)
	go func() { elsewhere <- d.browser("192.0.2.2").signIn(t, "li", good) }()
	require.Eventually(t, func() bool { return d.Waiting() == 49 }, 10*time.Second, time.Millisecond)
	leave()
	require.NoError(t, <-elsewhere)
}

// RS8: a name that is locked somewhere has no hash made for it there.
func TestNoHashForWhoIsRefused(t *testing.T) {
	t.Parallel()
	d := setup(t)
	there := d.browser("192.0.2.1")
	there.fail(t, "li", 5)
	there.fail(t, "nobody", 5)
	_, err := d.pool.Exec(t.Context(), `UPDATE person SET password_hash = 'no hash at all'`)
	require.NoError(t, err)
	there.fail(t, "li", 1)
	require.NotErrorIs(t, d.browser("192.0.2.2").signIn(t, "li", wrong), agent.ErrLoginWrong, "this one is held against the hash")
}

// RS9: who knows an account's name can not lock its person out of the devices that the account knows.
func TestKnownDeviceIsExempt(t *testing.T) {
	t.Parallel()
	d := setup(t, func(c *auth.Config) { c.Limits.Strangers, c.Limits.Address = 8, 6 })
	desk := d.browser("192.0.2.1")
	require.NoError(t, desk.signIn(t, "li", good))
	require.Equal(t, http.SameSiteStrictMode, desk.jar["device"].SameSite)
	require.True(t, desk.jar["device"].HttpOnly)
	stranger := d.browser(desk.address)
	stranger.fail(t, "li", 6)
	var many *agent.TooManyError
	require.ErrorAs(t, stranger.signIn(t, "li", good), &many, "its address is barred")
	require.NoError(t, desk.signIn(t, "li", good), "the known device at the same address is not")

	for i := range 8 { // all together lock the account for every stranger
		d.browser(fmt.Sprintf("192.0.2.%d", 10+i)).fail(t, "li", 1)
	}
	require.ErrorIs(t, d.browser("192.0.2.99").signIn(t, "li", good), agent.ErrLoginWrong)
	require.NoError(t, desk.signIn(t, "li", good))
}

// RS9: a known device that fails is locked itself, alone.
func TestKnownDeviceLocksItself(t *testing.T) {
	t.Parallel()
	d := setup(t)
	desk := d.browser("192.0.2.1")
	require.NoError(t, desk.signIn(t, "li", good))
	desk.fail(t, "li", 5)
	require.ErrorIs(t, desk.signIn(t, "li", good), agent.ErrLoginWrong)
	require.NoError(t, d.browser("192.0.2.1").signIn(t, "li", good))
}

func TestDeviceIsKnownToItsAccountOnly(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for _, name := range []string{"wang", "zhao"} {
		_, err := d.CreatePerson(t.Context(), auth.NewPerson{LoginName: name, Name: "某人", Roles: []agent.Role{agent.RoleUnit}, Password: good}, "cli:root")
		require.NoError(t, err)
	}
	desk := d.browser("192.0.2.1")
	require.NoError(t, desk.signIn(t, "wang", good))
	require.NoError(t, desk.signIn(t, "zhao", good))
	for _, name := range []string{"li", "wang", "zhao"} {
		d.browser("192.0.2.1").fail(t, name, 5)
	}
	require.ErrorIs(t, desk.signIn(t, "li", good), agent.ErrLoginWrong, "wang's and zhao's browser is a stranger to li")
	require.NoError(t, desk.signIn(t, "wang", good), "known to both")
	require.NoError(t, desk.signIn(t, "zhao", good))

	for i, forged := range []string{
		"", "~~~", "a.b.c", strings.Repeat("a.b.c~", 5000), strings.Replace(desk.jar["device"].Value, "~", "x~", 1),
		strings.Replace(desk.jar["device"].Value, ".", "x.", 1), strings.ToUpper(desk.jar["device"].Value),
	} {
		other := d.browser("192.0.2.1")
		other.jar["device"] = &http.Cookie{Name: "device", Value: forged}
		require.ErrorIs(t, other.signIn(t, "zhao", good), agent.ErrLoginWrong, "forged %d", i)
	}

	require.NoError(t, d.SetPassword(t.Context(), "wang", "tintenfisch-im-garten", "cli:root"))
	d.browser("192.0.2.1").fail(t, "wang", 5)
	require.ErrorIs(t, desk.signIn(t, "wang", "tintenfisch-im-garten"), agent.ErrLoginWrong, "a new password knows no device")
}

// One browser is known to the sixteen accounts that used it last; its cookie does not grow beyond.
func TestDeviceCookieIsBounded(t *testing.T) {
	t.Parallel()
	d := setup(t)
	desk := d.browser("192.0.2.1")
	require.NoError(t, desk.signIn(t, "li", good))
	for i := range 16 {
		name := fmt.Sprintf("one%d", i)
		_, err := d.CreatePerson(t.Context(), auth.NewPerson{LoginName: name, Name: "某人", Roles: []agent.Role{agent.RoleUnit}, Password: good}, "cli:root")
		require.NoError(t, err)
		require.NoError(t, desk.signIn(t, name, good))
	}
	require.Less(t, len(desk.jar["device"].Value), 1300)
	for _, name := range []string{"li", "one0"} {
		d.browser("192.0.2.1").fail(t, name, 5)
	}
	require.ErrorIs(t, desk.signIn(t, "li", good), agent.ErrLoginWrong, "the seventeenth has taken its place")
	require.NoError(t, desk.signIn(t, "one0", good))
}

// RS9: an administrator lifts a lock, and that is on record.
func TestUnlock(t *testing.T) {
	t.Parallel()
	d := setup(t, func(c *auth.Config) { c.Limits.Strangers = 8 })
	there := d.browser("192.0.2.1")
	there.fail(t, "li", 6)
	d.browser("192.0.2.2").fail(t, "li", 4)
	require.ErrorIs(t, d.browser("192.0.2.3").signIn(t, "li", good), agent.ErrLoginWrong)
	require.NoError(t, d.Unlock(t.Context(), "li", "cli:root"))
	require.NoError(t, there.signIn(t, "li", good))
	require.NoError(t, d.browser("192.0.2.3").signIn(t, "li", good))
	require.ErrorIs(t, d.Unlock(t.Context(), "nobody", "cli:root"), agent.ErrNotFound)
	var actor string
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT actor FROM fact WHERE kind = 'person.unlocked' AND 'audit' = ANY(topics)`).Scan(&actor))
	require.Equal(t, "cli:root", actor)
}

// Failures are forgotten after a while, and nothing is kept of them.
func TestFailuresAreForgotten(t *testing.T) {
	t.Parallel()
	d := setup(t)
	there := d.browser("192.0.2.1")
	there.fail(t, "li", 4)
	d.pass(16 * time.Minute)
	there.fail(t, "li", 4)
	require.NoError(t, there.signIn(t, "li", good))
	there.fail(t, "li", 1)
	d.pass(16 * time.Minute)
	require.NoError(t, d.Purge(t.Context()))
	var n int
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT count(*) FROM sign_in_failure`).Scan(&n))
	require.Zero(t, n)
}

// Whoever knew the old password does not come in with it after a reset, though the sign-in was waiting for its turn by then; nor does a
// stronger hash of the old one take the new one's place.
func TestResetBeatsWhoWaits(t *testing.T) {
	t.Parallel()
	d := setup(t)
	const next = "ein-anderes-wort-2026"
	id, err := d.store.PersonByLoginName(t.Context(), "li")
	require.NoError(t, err)
	leave, err := d.Enter(t.Context(), "somebody else")
	require.NoError(t, err)
	came := make(chan error, 1)
	go func() { came <- d.browser("192.0.2.1").signIn(t, "li", good) }()
	require.Eventually(t, func() bool { return d.Waiting() == 1 }, 10*time.Second, time.Millisecond)
	hash, err := argon2id.CreateHash(next, cheap())
	require.NoError(t, err)
	_, err = d.store.SetPassword(t.Context(), id.ID, hash, "test", d.now())
	require.NoError(t, err)
	leave()
	require.ErrorIs(t, <-came, agent.ErrLoginWrong)
	require.NoError(t, d.store.Forgive(t.Context(), store.Attempt{Person: id.ID}, "the old hash", "a stronger one of the old password"))
	_, err = d.signIn(t, "li", next)
	require.NoError(t, err)
}

// The browser's login before gives way when the new one is there: in between the person would lose the seat.
func TestSecondSignInLeavesNoGap(t *testing.T) {
	t.Parallel()
	var d *door
	left := -1
	d = setup(t, func(c *auth.Config) {
		c.OnLogout = func(string) {
			require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT count(*) FROM login`).Scan(&left))
		}
	})
	cookie, err := d.signIn(t, "li", good)
	require.NoError(t, err)
	_, err = d.signInAs(t, cookie, "li", good)
	require.NoError(t, err)
	require.Equal(t, 1, left)
}

// A login that has ended stays ended, whatever request of it is under way.
func TestEndedLoginIsNotTouchedBack(t *testing.T) {
	t.Parallel()
	d := setup(t)
	l := store.Login{Digest: "gone", Data: []byte("x"), Expires: d.now().Add(time.Hour)}
	require.NoError(t, d.store.TouchLogin(t.Context(), l))
	_, found, err := d.store.FindLogin(t.Context(), "gone", d.now())
	require.NoError(t, err)
	require.False(t, found)
}
