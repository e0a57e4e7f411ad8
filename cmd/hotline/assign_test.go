package main

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	agentstore "hotline/agent/store"
	"hotline/deploy/migrations/pgtest"
)

// RS4: assignments are made, listed and taken back by command until their screen comes; bad input says which field and how to mend it.
func TestAssignFromTheCommandLine(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	url := pool.Config().ConnString()
	hall := agentstore.New(pool, nil)
	require.NoError(t, hall.PutLine(t.Context(), agentstore.Line{ID: "session", Name: "接热线", Number: "12345"}))
	require.NoError(t, hall.PutSeats(t.Context(), time.Now(), agentstore.Seat{ID: "A01", Line: "session", Kind: agent.SeatOfficial}))
	file := filepath.Join(t.TempDir(), "url")
	require.NoError(t, os.WriteFile(file, []byte(url), 0o600))
	assign := func(args ...string) (int, string) {
		return command(t, nil, append([]string{"assign", "--database-url-file=" + file}, args...)...)
	}
	code, said := command(t, nil, "user", "--database-url-file="+file, "add", "wangwu", "--name=王五", "--role=official")
	require.Zero(t, code, said)

	code, said = assign("add", "wangwu", "A01", "official")
	require.Zero(t, code, said)
	require.Contains(t, said, "wangwu is assigned to A01 (official), standing shift")
	_, said = assign("add", "wangwu", "A01", "official")
	require.Contains(t, said, "already")
	for field, args := range map[string][]string{
		"seat": {"wangwu", "A09", "official"}, "place": {"wangwu", "A01", "throne"}, "login_name": {"nobody", "A01", "official"},
		"session": {"wangwu", "A01", "official", "--session=7"},
	} {
		code, said = assign(append([]string{"add"}, args...)...)
		require.Equal(t, 1, code)
		require.Contains(t, said, field)
	}
	code, said = assign("list")
	require.Zero(t, code)
	rows := strings.Split(strings.TrimSpace(said), "\n")
	require.Len(t, rows, 2)
	require.Contains(t, rows[1], "王五")
	id := strings.Fields(rows[1])[0]
	code, said = assign("remove", id)
	require.Zero(t, code, said)
	code, said = assign("remove", id)
	require.Equal(t, 1, code)
	require.Contains(t, said, "assign list")

	acts, err := pool.Query(t.Context(), `SELECT concat_ws(' ', a.actor, a.action, p.login_name) FROM audit a JOIN person p ON a.subject = 'person:' || p.id ORDER BY a.id`)
	require.NoError(t, err)
	trail, err := pgx.CollectRows(acts, pgx.RowTo[string])
	require.NoError(t, err)
	host, err := os.Hostname()
	require.NoError(t, err)
	who, err := user.Current()
	require.NoError(t, err)
	me := "cli:" + who.Username + "@" + host
	require.Equal(t, []string{me + " person.created wangwu", me + " assignment.made wangwu", me + " assignment.taken_back wangwu"}, trail,
		"what changed nothing leaves no record")
}
