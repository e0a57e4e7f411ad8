package store_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent/vault"
	"hotline/telephony"
	"hotline/telephony/store"
)

// many lets more citizens call than one batch holds.
func (s *safe) many(n int) []telephony.CallID {
	s.t.Helper()
	calls, in := make([]telephony.CallID, n), s.store()
	for i := range calls {
		calls[i] = s.arrive(in, callerNo(i))
	}
	return calls
}

// A reseal that was stopped goes on where it was, sealing key and index alike; until its end no server starts on a new index.
func TestResealGoesOnWhereItWasStopped(t *testing.T) {
	t.Parallel()
	each(t, func(s *safe) {
		require.NoError(s.t, s.keys.Init(s.ctx(), s.preset))
		calls := s.many(450)
		for _, index := range []bool{false, true} {
			_, err := s.keys.Rotate(s.ctx(), s.preset, index)
			require.NoError(s.t, err)
			stopped, stop := context.WithCancel(s.ctx())
			_, err = s.keys.Reseal(stopped, func(done, all int64) {
				require.EqualValues(s.t, len(calls), all)
				require.EqualValues(s.t, 200, done)
				stop()
			})
			require.ErrorIs(s.t, err, context.Canceled)
			if index {
				require.ErrorIs(s.t, s.check(s.vault()), vault.ErrReseal)
			}
			s.keys = s.openKeys() // that connection is gone
			done := s.reseal()
			require.Equal(s.t, store.Resealed{Changed: 250}, done)
			require.Zero(s.t, s.count(`SELECT count(*) FROM vault_reseal`))
			require.NoError(s.t, s.check(s.vault()))
			s.requireNumbers(calls)
		}
		require.Zero(s.t, s.count(`SELECT count(*) FROM call WHERE get_byte(num_enc, 0) <> 2`))
	})
}

// What one rotation has left half done does not count for the next.
func TestResealBeginsAnewAfterAnotherRotation(t *testing.T) {
	t.Parallel()
	s := &safe{hallOf: setup(t), path: t.TempDir() + "/keys", preset: vault.GM}
	s.keys = s.openKeys()
	require.NoError(t, s.keys.Init(t.Context(), s.preset))
	calls := s.many(210)
	stopped, stop := context.WithCancel(t.Context())
	_, err := s.keys.Rotate(t.Context(), s.preset, false)
	require.NoError(t, err)
	_, err = s.keys.Reseal(stopped, func(_, _ int64) { stop() })
	require.ErrorIs(t, err, context.Canceled)
	s.keys = s.openKeys()
	_, err = s.keys.Rotate(t.Context(), s.preset, false)
	require.NoError(t, err)
	require.Equal(t, 210, s.reseal().Changed)
	require.Zero(t, s.count(`SELECT count(*) FROM call WHERE get_byte(num_enc, 0) <> 3`))
	s.requireNumbers(calls)
}

// A call that is being written is not waited for, and taken in the next round; the write has the row first.
func TestResealWaitsForNoCall(t *testing.T) {
	t.Parallel()
	s := &safe{hallOf: setup(t), path: t.TempDir() + "/keys", preset: vault.GM}
	s.keys = s.openKeys()
	require.NoError(t, s.keys.Init(t.Context(), s.preset))
	calls := s.many(3)
	_, err := s.keys.Rotate(t.Context(), s.preset, false)
	require.NoError(t, err)
	tx, err := s.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `UPDATE call SET version = version + 1 WHERE id = $1`, string(calls[1]))
	require.NoError(t, err)
	rounds := 0
	_, err = s.keys.Reseal(t.Context(), func(_, _ int64) {
		if rounds++; rounds == 2 {
			require.Equal(t, 1, s.count(`SELECT count(*) FROM call WHERE get_byte(num_enc, 0) = 1`), "all but the one")
			require.NoError(t, tx.Commit(t.Context()))
		}
	})
	require.NoError(t, err)
	s.requireNumbers(calls)
	require.Zero(t, s.count(`SELECT count(*) FROM call WHERE get_byte(num_enc, 0) = 1`))
}

// A number that no key opens holds up nobody else's, and is named; its key is not retired.
func TestResealNamesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	each(t, func(s *safe) {
		require.NoError(s.t, s.keys.Init(s.ctx(), s.preset))
		calls := s.many(3)
		s.exec(`UPDATE call SET num_enc = '\x01ff' WHERE id = $1`, calls[1])
		for _, index := range []bool{false, true} {
			_, err := s.keys.Rotate(s.ctx(), s.preset, index)
			require.NoError(s.t, err)
			require.Equal(s.t, store.Resealed{Changed: 2, Unreadable: []string{string(calls[1])}}, s.reseal())
			require.NoError(s.t, s.check(s.vault()))
		}
		gone, err := s.keys.Retire(s.ctx())
		require.NoError(s.t, err)
		require.Empty(s.t, gone)
	})
}

// Whatever would let a server find nobody, or lose what it seals, is done while none works.
func TestIndexAndRetirementNeedTheLease(t *testing.T) {
	t.Parallel()
	s := &safe{hallOf: setup(t), path: t.TempDir() + "/keys", preset: vault.GM}
	s.keys = s.openKeys()
	require.NoError(t, s.keys.Init(t.Context(), s.preset))
	calls := s.many(1)
	lease := store.NewLease(s.pool.Config().ConnConfig, store.LeaseOptions{Holder: "a server", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, lease.Take(t.Context()))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- lease.Run(ctx) }()
	_, err := s.keys.Rotate(t.Context(), s.preset, false)
	require.NoError(t, err)
	require.Equal(t, 1, s.reseal().Changed, "sealing anew needs no rest")
	_, err = s.keys.Retire(t.Context())
	require.ErrorIs(t, err, store.ErrServerRuns)
	_, err = s.keys.Rotate(t.Context(), s.preset, true)
	require.NoError(t, err)
	_, err = s.keys.Reseal(t.Context(), func(_, _ int64) {})
	require.ErrorIs(t, err, store.ErrServerRuns)
	stop()
	require.NoError(t, <-ended)
	s.reseal()
	gone, err := s.keys.Retire(t.Context())
	require.NoError(t, err)
	require.Equal(t, []byte{1}, gone)
	s.requireNumbers(calls)
}
