package auth_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/auth"
)

func TestDisabledPersonIsCutOff(t *testing.T) { // V7.4.2
	t.Parallel()
	d := setup(t)
	cookie, err := d.signIn(t, "li", good)
	require.NoError(t, err)
	id, ok := d.who(t, cookie)
	require.True(t, ok)

	// by another process, on the bare table: within the second that a person is believed
	_, err = d.pool.Exec(t.Context(), `UPDATE person SET disabled_at = now() WHERE login_name = 'li'`)
	require.NoError(t, err)
	d.pass(time.Second)
	_, ok = d.who(t, cookie)
	require.False(t, ok)
	alive, err := d.Alive(t.Context(), []string{id.Login})
	require.NoError(t, err)
	require.Empty(t, alive)

	// by this one: at once, sockets included, and for good
	require.NoError(t, d.SetDisabled(t.Context(), "li", true, "cli:root"))
	require.Equal(t, []string{id.Login}, d.logout)
	_, err = d.signIn(t, "li", good)
	require.ErrorIs(t, err, agent.ErrLoginWrong, "the right password opens nothing")
	require.NoError(t, d.SetDisabled(t.Context(), "li", false, "cli:root"))
	_, ok = d.who(t, cookie)
	require.False(t, ok, "the old login is gone")
	_, err = d.signIn(t, "li", good)
	require.NoError(t, err)
}

func TestSetPassword(t *testing.T) {
	t.Parallel()
	d := setup(t)
	cookie, err := d.signIn(t, "li", good)
	require.NoError(t, err)
	for range 6 {
		_, err := d.signIn(t, "li", "wrong-password-guess")
		require.ErrorIs(t, err, agent.ErrLoginWrong)
	}
	const other = "tintenfisch-im-garten"
	require.NoError(t, d.SetPassword(t.Context(), "li", other, "cli:root"))
	_, ok := d.who(t, cookie)
	require.False(t, ok, "a new password ends the logins")
	_, err = d.signIn(t, "li", other)
	require.NoError(t, err, "and lifts the lock")
	require.ErrorIs(t, d.SetPassword(t.Context(), "nobody", other, "cli:root"), agent.ErrNotFound)
}

func TestWeakHashIsMadeAnew(t *testing.T) {
	t.Parallel()
	d := setup(t)
	weak := cheap()
	weak.Memory = 32
	hash, err := argon2id.CreateHash(good, weak)
	require.NoError(t, err)
	_, err = d.pool.Exec(t.Context(), `UPDATE person SET password_hash = $1`, hash)
	require.NoError(t, err)
	for range 2 {
		_, err = d.signIn(t, "li", good)
		require.NoError(t, err)
	}
	require.NoError(t, d.pool.QueryRow(t.Context(), `SELECT password_hash FROM person`).Scan(&hash))
	require.Contains(t, hash, "m=64,")
}

func TestPasswordPolicy(t *testing.T) { // V6.2.1–V6.2.12
	t.Parallel()
	p := agent.Person{LoginName: "wangwei", Name: "王伟华", Unit: "MED", UnitName: "省医保局"}
	for _, bad := range []string{
		"", "short-1", "aaaaaaaaaaaaaaaaaaaa", "abab-abab-abab", "my-WangWei-is-here", "安全口令王伟华安全口令好", "x12345-aber-lang-genug",
		"省医保局的十二位口令呀呀", "Password-sehr-sicher", strings.Repeat("abcdefghij", 13), "bad\xffutf8-is-no-text",
	} {
		var field *agent.FieldError
		require.ErrorAs(t, auth.CheckPassword(bad, p), &field, "%q", bad)
		require.Equal(t, "password", field.Field)
	}
	for _, ok := range []string{good, "十二个汉字也可以做成口令", "a b c d e f g h", auth.RandomPassword()} {
		require.NoError(t, auth.CheckPassword(ok, p), "%q", ok)
	}
}

func TestCreatePersonRefusesBadInput(t *testing.T) {
	t.Parallel()
	d := setup(t)
	fine := auth.NewPerson{LoginName: "wang", Name: "王伟", Roles: []agent.Role{agent.RoleOperator}, Password: good}
	for field, change := range map[string]func(*auth.NewPerson){
		"login_name": func(n *auth.NewPerson) { n.LoginName = "Wang Wei" },
		"name":       func(n *auth.NewPerson) { n.Name = "  " },
		"roles":      func(n *auth.NewPerson) { n.Roles = []agent.Role{"king"} },
		"unit":       func(n *auth.NewPerson) { n.Unit = "XXX" },
		"password":   func(n *auth.NewPerson) { n.Password = "123456" },
	} {
		n := fine
		change(&n)
		_, err := d.CreatePerson(t.Context(), n, "cli:root")
		var bad *agent.FieldError
		require.ErrorAs(t, err, &bad, field)
		require.Equal(t, field, bad.Field)
	}
	_, err := d.CreatePerson(t.Context(), fine, "cli:root")
	require.NoError(t, err)
	_, err = d.CreatePerson(t.Context(), fine, "cli:root")
	require.ErrorIs(t, err, agent.ErrExists)
	people, err := d.store.People(t.Context())
	require.NoError(t, err)
	require.Len(t, people, 2)
}

// RA7: what the service is configured with is nobody else's to change.
func TestServiceShowsNoSettings(t *testing.T) {
	t.Parallel()
	for f := range reflect.TypeFor[auth.Service]().Fields() {
		require.False(t, f.IsExported(), f.Name)
	}
}
