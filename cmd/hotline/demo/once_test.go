package demo_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/cmd/hotline/demo"
	"hotline/cmd/sim/seat"
	"hotline/telephony"
)

// RC2: a command is sent to one server, which is killed outright after it has kept the command's key and before the effect is there; the
// same command waits at another server meanwhile. It has one effect, and whoever sends it again anywhere is answered with that.
func TestCommandHasOneEffectThroughAKill(t *testing.T) {
	first, between := linked(t)
	s := start(t, 1, between)
	other := second(s, linkTo(t, first.target))
	s.hall.behave(pickUp(0))
	s.hall.sit()
	s.citizens.arrive(0, 1)
	s.until("they talk", patience, func() bool { return s.count(telephony.WordTalking) == 1 })
	s.until("the ticket is open", patience, func() bool { return one[int](s, `SELECT count(*) FROM ticket`) == 1 })
	path := "/api/v1/calls/" + one[string](s, `SELECT id::text FROM call`) + "/appeals"
	at := func(panel string) *seat.Client {
		a := s.People[slices.IndexFunc(s.People, func(a demo.Account) bool { return a.Role == "official" && a.Seat == "A01" })] // who talks
		c, err := seat.SignIn(s.ctx, panel, a.LoginName, a.Password)
		require.NoError(t, err)
		c.Key = "019be6a4-5c1f-7000-8000-00000000000a"
		return c
	}
	type made struct {
		id  string
		err error
	}
	send := func(c *seat.Client) made {
		var appeal struct{ ID string }
		err := c.Do(s.ctx, http.MethodPost, path, map[string]any{}, &appeal)
		return made{appeal.ID, err}
	}
	doomed, survivor := at(s.Panel), at(other.Panel)
	killed, answered := make(chan made, 1), make(chan made, 1)

	hold, err := s.db.Begin(s.ctx)
	require.NoError(t, err)
	defer func() { _ = hold.Rollback(s.ctx) }()
	_, err = hold.Exec(s.ctx, `LOCK TABLE ticket IN SHARE MODE`) // it is read, and nothing is written
	require.NoError(t, err)
	waits := func(statement string) {
		s.until(statement+" waits", patience, func() bool {
			return one[int](s, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%'`, statement) == 1
		})
	}
	go func() { killed <- send(doomed) }()
	waits("OpenAppeal") // the key is kept, the appeal is not there yet
	go func() { answered <- send(survivor) }()
	waits("command_begin")
	pid := s.ServerPID()
	s.KillServer()
	require.Error(t, (<-killed).err)
	s.until("another process has come", patience, func() bool { return s.ServerPID() != pid })
	require.NoError(t, hold.Rollback(s.ctx))

	got := <-answered
	for limit := time.Now().Add(patience); got.err != nil && time.Now().Before(limit); { // it may be told to ask again
		got = send(survivor)
	}
	require.NoError(t, got.err)
	s.until("the killed one's successor answers", patience, func() bool {
		return doomed.Do(s.ctx, http.MethodGet, "/api/v1/me", nil, nil) == nil
	})
	for _, c := range []*seat.Client{doomed, survivor} {
		again := send(c)
		require.NoError(t, again.err)
		require.Equal(t, got.id, again.id)
	}
	require.Equal(t, 1, one[int](s, `SELECT count(*) FROM ticket WHERE kind = 'appeal'`))
	require.Equal(t, 1, one[int](s, `SELECT count(*) FROM fact WHERE kind = 'ticket.opened' AND actor LIKE 'person:%'`))
	require.Equal(t, 1, one[int](s, `SELECT count(*) FROM command`))
}
