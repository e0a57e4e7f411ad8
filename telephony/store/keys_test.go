package store_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/agent/vault"
	"hotline/telephony"
	"hotline/telephony/store"
)

// safe is a database with the key file of its numbers.
type safe struct {
	*hallOf

	path   string
	preset vault.Preset
	keys   *store.Keys
}

// each runs a test on a fresh database with each preset.
func each(t *testing.T, test func(*safe)) {
	t.Helper()
	for _, p := range []vault.Preset{vault.International, vault.GM} {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			s := &safe{hallOf: setup(t), path: filepath.Join(t.TempDir(), "number.keys"), preset: p}
			s.exec(`UPDATE controller SET holder = '', renewed_at = 'epoch'`) // no server runs
			s.keys = s.openKeys()
			test(s)
		})
	}
}

func (s *safe) openKeys() *store.Keys {
	s.t.Helper()
	conn, err := pgx.ConnectConfig(s.ctx(), s.pool.Config().ConnConfig)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	keys, err := store.OpenKeys(s.ctx(), conn, store.KeysOptions{Path: s.path, Now: time.Now, Log: slog.New(slog.DiscardHandler), By: "cli:test@here"})
	require.NoError(s.t, err)
	return keys
}

func (s *safe) ctx() context.Context { return s.t.Context() }

func (s *safe) vault() *vault.Vault {
	s.t.Helper()
	v, err := vault.Open(s.path)
	require.NoError(s.t, err)
	return v
}

// store is one that has read the key file as it is.
func (s *safe) store() *store.Store { return store.New(s.pool, s.vault()) }

// check is what a server asks when it starts.
func (s *safe) check(v *vault.Vault) error { return store.CheckKeys(s.ctx(), s.pool, v) }

func (s *safe) arrive(in *store.Store, number string) telephony.CallID {
	s.t.Helper()
	c, _, err := in.Arrive(s.ctx(), int64(s.count(`SELECT epoch FROM controller`)), telephony.Arrival{
		ID: telephony.CallID(id(s.t)), Channel: telephony.LegID(id(s.t)), Number: telephony.PhoneNumber(number), Dialled: "12345", At: at,
	})
	require.NoError(s.t, err)
	return c.ID
}

func callerNo(n int) string { return fmt.Sprintf("138123%05d", n) }

func (s *safe) requireNumbers(calls []telephony.CallID) {
	s.t.Helper()
	in, v := s.store(), s.vault()
	for n, c := range calls {
		number, err := in.Number(s.ctx(), c)
		require.NoError(s.t, err)
		require.Equal(s.t, callerNo(n), string(number))
		var idx []byte
		require.NoError(s.t, s.pool.QueryRow(s.ctx(), `SELECT num_idx FROM call WHERE id = $1`, string(c)).Scan(&idx))
		require.Equal(s.t, v.Index(callerNo(n)), idx)
	}
}

func (s *safe) reseal() store.Resealed {
	s.t.Helper()
	var last, all int64
	done, err := s.keys.Reseal(s.ctx(), func(d, a int64) {
		require.GreaterOrEqual(s.t, d, last)
		last, all = d, a
	})
	require.NoError(s.t, err)
	require.Equal(s.t, all, last, "progress ends at the end")
	return done
}

func TestNumbersAreSealedAndBoundToTheirCall(t *testing.T) {
	t.Parallel()
	each(t, func(s *safe) {
		require.NoError(s.t, s.keys.Init(s.ctx(), s.preset))
		older, newer := s.arrive(s.store(), callerNo(0)), s.arrive(s.store(), callerNo(0))
		require.Equal(s.t, 1, s.count(`SELECT count(DISTINCT num_idx) FROM call`))
		require.Equal(s.t, 2, s.count(`SELECT count(DISTINCT num_enc) FROM call`))
		require.Zero(s.t, s.count(`SELECT count(*) FROM call WHERE position($1::bytea IN num_enc) > 0 OR call::text LIKE '%' || convert_from($1, 'UTF8') || '%'`, []byte(callerNo(0))))
		s.exec(`UPDATE call SET num_enc = (SELECT num_enc FROM call WHERE id = $1) WHERE id = $2`, newer, older)
		_, err := s.store().Number(s.ctx(), older)
		require.ErrorContains(s.t, err, "authentication", "a number cannot be moved to another call")
		require.Zero(s.t, s.count(`SELECT count(*) FROM vault_key k, call c WHERE position(k.fingerprint IN c.num_enc || c.num_idx) > 0`))
	})
}

// RS13: keys are made once, by Init, and never where there are some.
func TestKeysAreMadeOnce(t *testing.T) {
	t.Parallel()
	each(t, func(s *safe) {
		require.ErrorIs(s.t, s.check(vaultOf(s.t, s.preset)), vault.ErrNoneKnown)
		require.NoError(s.t, s.keys.Init(s.ctx(), s.preset))
		require.NoError(s.t, s.check(s.vault()))
		require.ErrorIs(s.t, s.check(vaultOf(s.t, s.preset)), vault.ErrWrongKeys)
		require.ErrorIs(s.t, s.keys.Init(s.ctx(), s.preset), fs.ErrExist)
		require.NoError(s.t, os.Rename(s.path, s.path+".kept"))
		require.ErrorIs(s.t, s.keys.Init(s.ctx(), s.preset), vault.ErrWrongKeys)
		require.NoFileExists(s.t, s.path)
		_, err := s.keys.Adopt(s.ctx())
		require.ErrorIs(s.t, err, fs.ErrNotExist)
		require.NoError(s.t, vault.Create(s.path, s.preset))
		_, err = s.keys.Adopt(s.ctx())
		require.ErrorIs(s.t, err, vault.ErrWrongKeys)
		require.NoError(s.t, os.Rename(s.path+".kept", s.path))
		_, err = s.keys.Adopt(s.ctx())
		require.NoError(s.t, err, "they are its own")
		require.Equal(s.t, 2, s.count(`SELECT count(*) FROM vault_key`))
	})
}

func vaultOf(tb testing.TB, p vault.Preset) *vault.Vault {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "keys")
	require.NoError(tb, vault.Create(path, p))
	v, err := vault.Open(path)
	require.NoError(tb, err)
	return v
}

func TestOneActOnTheKeysAtATime(t *testing.T) {
	t.Parallel()
	s := &safe{hallOf: setup(t)}
	s.openKeys()
	conn, err := pgx.ConnectConfig(t.Context(), s.pool.Config().ConnConfig)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = store.OpenKeys(t.Context(), conn, store.KeysOptions{})
	require.ErrorIs(t, err, store.ErrKeysBusy)
}

// An installation of the version before has numbers, a file of the old format, and no fingerprints.
func TestAdoptOfAnOlderInstallation(t *testing.T) {
	t.Parallel()
	s := &safe{hallOf: setup(t), path: filepath.Join(t.TempDir(), "number.keys")}
	s.keys = s.openKeys()
	put := func(digits ...string) {
		var lines strings.Builder
		for i, d := range digits {
			fmt.Fprintf(&lines, "%d %s\n", i+1, strings.Repeat(d, 32))
		}
		require.NoError(t, os.WriteFile(s.path, []byte(lines.String()), 0o600))
	}
	put("aa", "bb")
	v, old, err := vault.OpenAny(s.path)
	require.NoError(t, err)
	require.True(t, old)
	calls := []telephony.CallID{s.arrive(store.New(s.pool, v), callerNo(0)), s.arrive(store.New(s.pool, v), callerNo(1))}

	for name, wrong := range map[string][]string{"another key": {"aa", "cc"}, "another index": {"cc", "bb"}, "too few": {"aa"}} {
		put(wrong...)
		before, err := os.ReadFile(s.path)
		require.NoError(t, err)
		_, err = s.keys.Adopt(t.Context())
		require.ErrorIs(t, err, vault.ErrWrongKeys, name)
		after, err := os.ReadFile(s.path)
		require.NoError(t, err)
		require.Equal(t, before, after)
		require.ErrorIs(t, s.keys.Init(t.Context(), vault.GM), fs.ErrExist)
	}
	require.NoError(t, os.Remove(s.path))
	require.ErrorIs(t, s.keys.Init(t.Context(), vault.GM), vault.ErrWrongKeys, "there are numbers that other keys seal")
	require.Zero(t, s.count(`SELECT count(*) FROM vault_key`))

	put("aa", "bb")
	_, err = vault.Open(s.path)
	require.ErrorIs(t, err, vault.ErrOldFormat)
	old, err = s.keys.Adopt(t.Context())
	require.NoError(t, err)
	require.True(t, old)
	require.NoError(t, s.check(s.vault()))
	s.requireNumbers(calls)
	old, err = s.keys.Adopt(t.Context())
	require.NoError(t, err)
	require.False(t, old)
	require.Equal(t, 3, s.count(`SELECT count(*) FROM vault_key WHERE state = 'active'`))

	finished, err := s.keys.Rotate(t.Context(), vault.GM, false) // and from there to 国密
	require.NoError(t, err)
	require.False(t, finished)
	require.Equal(t, 2, s.reseal().Changed)
	s.exec(`UPDATE controller SET holder = '', renewed_at = 'epoch'`)
	gone, err := s.keys.Retire(t.Context())
	require.NoError(t, err)
	require.Equal(t, []byte{1, 2}, gone)
	s.requireNumbers(calls)
}

// RS13: a sealing key is rotated, everything is sealed anew, the old key goes: who called before is recognised all the time.
func TestRotationKeepsRecognition(t *testing.T) {
	t.Parallel()
	each(t, func(s *safe) {
		require.NoError(s.t, s.keys.Init(s.ctx(), s.preset))
		old := s.vault()
		calls := []telephony.CallID{s.arrive(s.store(), callerNo(0))}
		_, err := s.keys.Rotate(s.ctx(), s.preset, false)
		require.NoError(s.t, err)
		require.NoError(s.t, s.check(s.vault()))
		require.ErrorIs(s.t, s.check(old), vault.ErrWrongKeys, "a copy of before cannot read all")
		calls = append(calls, s.arrive(s.store(), callerNo(1)))
		s.arrive(s.store(), "anonymous")
		gone, err := s.keys.Retire(s.ctx())
		require.NoError(s.t, err)
		require.Empty(s.t, gone, "numbers need it")
		s.requireNumbers(calls)

		require.Equal(s.t, store.Resealed{Changed: 1}, s.reseal())
		require.Equal(s.t, store.Resealed{}, s.reseal())
		is, err := s.keys.Status(s.ctx())
		require.NoError(s.t, err)
		require.Equal(s.t, map[byte]int64{2: 2}, is.Numbers)
		require.NoError(s.t, is.Misfit)
		gone, err = s.keys.Retire(s.ctx())
		require.NoError(s.t, err)
		require.Equal(s.t, []byte{1}, gone)
		s.requireNumbers(calls)
		require.NoError(s.t, s.check(s.vault()))
		require.ErrorIs(s.t, s.check(old), vault.ErrWrongKeys)
		s.arrive(s.store(), callerNo(0))
		require.Equal(s.t, 2, s.count(`SELECT count(*) FROM call WHERE num_idx = (SELECT num_idx FROM call WHERE id = $1)`, calls[0]), "recognised")
	})
}

// What ends between file and database is finished by the same act again.
func TestHalfRotationIsFinished(t *testing.T) {
	t.Parallel()
	each(t, func(s *safe) {
		require.NoError(s.t, s.keys.Init(s.ctx(), s.preset))
		for _, index := range []bool{false, true} {
			if index {
				require.NoError(s.t, vault.RotateIndex(s.path, s.preset))
			} else {
				require.NoError(s.t, vault.Rotate(s.path, s.preset))
			}
			before, err := os.ReadFile(s.path)
			require.NoError(s.t, err)
			require.ErrorIs(s.t, s.check(s.vault()), vault.ErrUnstored)
			finished, err := s.keys.Rotate(s.ctx(), s.preset, index)
			require.NoError(s.t, err)
			require.True(s.t, finished)
			after, err := os.ReadFile(s.path)
			require.NoError(s.t, err)
			require.Equal(s.t, before, after)
		}
		require.ErrorIs(s.t, s.check(s.vault()), vault.ErrReseal)
		_, err := s.keys.Rotate(s.ctx(), s.preset, false)
		require.ErrorIs(s.t, err, vault.ErrReseal, "one after the other")
		s.reseal()
		require.NoError(s.t, s.check(s.vault()))
		require.Equal(s.t, 2, s.count(`SELECT count(*) FROM vault_key WHERE purpose = 'seal' AND state = 'active'`))
	})
}
