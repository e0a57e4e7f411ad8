package store_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"hotline/agent"
	"hotline/agent/command"
	"hotline/realtime/factlog"
	"hotline/telephony"
	"hotline/ticketing"
	"hotline/ticketing/store"
)

// sends is a request of a person under a key, read to its end.
func (h *hall) sends(who, key, path, body string) context.Context {
	c := command.New(h.who[who].Person, key, http.MethodPost, path, h.records)
	_, err := io.Copy(io.Discard, c.Body(io.NopCloser(strings.NewReader(body))))
	require.NoError(h.t, err)
	return command.NewContext(h.t.Context(), c)
}

// otherServer is the service of a second process on the same database.
func (h *hall) otherServer() desk {
	pool, err := pgxpool.NewWithConfig(h.t.Context(), h.records.Config())
	require.NoError(h.t, err)
	h.t.Cleanup(pool.Close)
	of := *h.of
	of.Store = store.New(pool, factlog.NewSignal())
	return desk{&of}
}

// RC2: fifty times the same command, at two servers at once, are one.
func TestCommandSentFiftyTimesIsOne(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call, _ := h.atSeat("a")
	servers := []desk{h.desk, h.otherServer()}
	made := make([]ticketing.Ticket, 50)
	var racers errgroup.Group
	for i := range made {
		ctx := h.sends("recorder", "k", "/appeals", "{}")
		racers.Go(func() error {
			var err error
			made[i], err = servers[i%2].AddAppeal(ctx, h.who["recorder"], call)
			return err
		})
	}
	require.NoError(t, racers.Wait())
	for _, m := range made {
		require.Equal(t, made[0].ID, m.ID)
	}
	require.Equal(t, 2, h.count(`SELECT count(*) FROM ticket`), "the draft and one appeal")
	require.Equal(t, 1, h.count(`SELECT count(*) FROM fact WHERE kind = 'ticket.opened' AND actor LIKE 'person:%'`))
}

// RC2: a key is one person's, and one command's.
func TestKeyIsOfOnePersonAndOneCommand(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call, d := h.atSeat("a")
	add := func(who, path, body string) error {
		_, err := h.AddAppeal(h.sends(who, "k", path, body), h.who[who], call)
		return err
	}
	require.NoError(t, add("recorder", "/appeals", "{}"))
	require.NoError(t, add("official", "/appeals", "{}"))
	require.Equal(t, 3, h.count(`SELECT count(*) FROM ticket`), "each has made one")
	require.ErrorIs(t, add("recorder", "/elsewhere", "{}"), agent.ErrKeyReused)
	require.ErrorIs(t, add("recorder", "/appeals", `{"x":1}`), agent.ErrKeyReused)
	_, err := h.Register(h.sends("recorder", "k", "/register", ""), h.who["recorder"], d.ID, d.Version)
	require.ErrorIs(t, err, agent.ErrKeyReused)
	require.Equal(t, 3, h.count(`SELECT count(*) FROM ticket`))
}

// RC2: who repeats a command is answered with what is there now and is theirs to see; nothing of an answer is kept.
func TestRepeatIsAnsweredWithWhatIsThereNow(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call, _ := h.atSeat("a")
	add := func() (ticketing.Ticket, error) {
		return h.AddAppeal(h.sends("recorder", "k", "/appeals", "{}"), h.who["recorder"], call)
	}
	first, err := add()
	require.NoError(t, err)
	_, err = h.Patch(t.Context(), h.who["recorder"], first.ID, ticketing.Patch{Version: first.Version, Title: new("路灯"), Outcome: new(ticketing.OutcomeNoContent)})
	require.NoError(t, err)
	second, err := add()
	require.NoError(t, err)
	require.Equal(t, "路灯", second.Title)
	register := func() (ticketing.Ticket, error) {
		return h.Register(h.sends("recorder", "r", "/register", ""), h.who["recorder"], first.ID, second.Version)
	}
	closed, err := register()
	require.NoError(t, err)
	again, err := register()
	require.NoError(t, err)
	require.Equal(t, closed, again)

	_, err = h.AddAppeal(h.sends("other recorder", "k", "/appeals", "{}"), h.who["other recorder"], call)
	require.ErrorIs(t, err, ticketing.ErrNotFound)
}

// RC2: a command that is refused or killed before its end has left no key, and may be sent again.
func TestKilledCommandIsDoneTheNextTime(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call, d := h.atSeat("a")
	_, err := h.Register(h.sends("recorder", "r", "/register", ""), h.who["recorder"], d.ID, d.Version)
	require.Error(t, err, "fields are missing")
	var kept int
	require.NoError(t, h.super.QueryRow(t.Context(), `SELECT count(*) FROM command`).Scan(&kept))
	require.Zero(t, kept)

	hold, err := h.super.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = hold.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = hold.Exec(t.Context(), `SELECT FROM call WHERE id = $1 FOR UPDATE`, string(call))
	require.NoError(t, err)
	type answer struct {
		t   ticketing.Ticket
		err error
	}
	send := func(to desk, answered chan answer) {
		a := answer{}
		a.t, a.err = to.AddAppeal(h.sends("recorder", "k", "/appeals", "{}"), h.who["recorder"], call)
		answered <- a
	}
	first, second := make(chan answer, 1), make(chan answer, 1)
	go send(h.desk, first)
	waits := func(sql string) int {
		var pid int
		require.Eventually(t, func() bool {
			return h.super.QueryRow(t.Context(), `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1`, sql).Scan(&pid) == nil
		}, 10*time.Second, 5*time.Millisecond, sql)
		return pid
	}
	pid := waits(`%OpenAppeal%`) // the key is kept, the appeal is not yet
	go send(h.otherServer(), second)
	waits(`%command_begin%`)
	_, err = h.super.Exec(t.Context(), `SELECT pg_terminate_backend($1)`, pid)
	require.NoError(t, err)
	require.ErrorIs(t, (<-first).err, agent.ErrUnsure)
	waits(`%OpenAppeal%`)
	require.NoError(t, hold.Rollback(t.Context()))
	done := <-second
	require.NoError(t, done.err)
	send(h.desk, first)
	repeated := <-first
	require.NoError(t, repeated.err)
	require.Equal(t, done.t.ID, repeated.t.ID)
	require.Equal(t, 2, h.count(`SELECT count(*) FROM ticket`), "the draft and one appeal")
}

// RC2: who waits too long for the same command is told so; a database that says nothing is no leave to do it again.
func TestCommandThatRunsIsWaitedForAWhile(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call, _ := h.atSeat("a")
	err := pgx.BeginFunc(t.Context(), h.super, func(tx pgx.Tx) error {
		require.NoError(t, command.Begin(h.sends("recorder", "k", "/appeals", "{}"), tx, ""))
		_, err := h.AddAppeal(h.sends("recorder", "k", "/appeals", "{}"), h.who["recorder"], call)
		require.ErrorIs(t, err, agent.ErrRunning)
		return nil
	})
	require.NoError(t, err)
	ctx := h.sends("recorder", "k2", "/appeals", "{}")
	h.records.Close()
	require.ErrorIs(t, command.Known(ctx), agent.ErrUnsure)
	_, err = h.of.Store.Appeal(ctx, telephony.CallID(id(t)), "1234", "person:x", at)
	require.Error(t, err)
}
