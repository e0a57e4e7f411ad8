package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations/pgtest"
)

func TestTheIDIsKeptInTheLockFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.lock")
	first, err := takeIdentity(path)
	require.NoError(t, err)
	require.NoError(t, uuid.Validate(first.id))

	twin, err := takeIdentity(path)
	require.Error(t, err, "the first one lives")
	require.Nil(t, twin.lock)
	require.NoError(t, uuid.Validate(twin.id))
	require.NotEqual(t, first.id, twin.id, "whoever starts again under the lock must not take the twin for its dead self")

	require.NoError(t, first.lock.Close())
	again, err := takeIdentity(path)
	require.NoError(t, err)
	require.Equal(t, first.id, again.id)
	require.NoError(t, again.lock.Close())

	require.NoError(t, os.WriteFile(path, []byte("half an i"), 0o600))
	mended, err := takeIdentity(path)
	require.NoError(t, err)
	require.NoError(t, uuid.Validate(mended.id))
	require.NoError(t, mended.lock.Close())
	again, err = takeIdentity(path)
	require.NoError(t, err)
	require.Equal(t, mended.id, again.id)
	require.NoError(t, again.lock.Close())
}

// RT7: two machines with one host name and one listen address never take each other for their own dead self; one that was
// restarted does, and need not wait (F1).
func TestAnotherMachineOfTheSameNameStealsNothing(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	made := fromFlags(files(t, url, "secret"))
	content, err := os.ReadFile(made.NumberKeyFile)
	require.NoError(t, err)
	machine := func(keys string) *server {
		require.NoError(t, os.WriteFile(keys, content, 0o600))
		s := made
		s.Listen, s.MetricsListen, s.ARIURL, s.ARIUser = "127.0.0.1:8080", "127.0.0.1:0", "http://127.0.0.1:1", "controller"
		s.NumberKeyFile = keys
		srv, err := newServer(t.Context(), s, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		return srv
	}
	take := func(s *server, patience time.Duration) error {
		ctx, stop := context.WithTimeout(t.Context(), patience)
		defer stop()
		return s.lease.Take(ctx)
	}
	one, other := filepath.Join(t.TempDir(), "keys"), filepath.Join(t.TempDir(), "keys")
	first, second := machine(one), machine(other)
	defer second.close()
	require.NoError(t, take(first, time.Minute))
	_, err = first.calls.Exec(t.Context(), `UPDATE controller SET renewed_at = clock_timestamp() + interval '1 hour'`) // it will not run out
	require.NoError(t, err)
	require.ErrorIs(t, take(second, time.Second), context.DeadlineExceeded)
	first.close()
	restarted := machine(one)
	defer restarted.close()
	require.NoError(t, take(restarted, time.Minute))
}
