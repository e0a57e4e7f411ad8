package store_test

import (
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/agent/vault"
)

func (s *safe) trail() []string {
	s.t.Helper()
	rows, err := s.pool.Query(s.ctx(), `SELECT concat_ws(' ', actor, action, subject, outcome, data) FROM audit ORDER BY id`)
	require.NoError(s.t, err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(s.t, err)
	return out
}

// everything is what acts on the keys change: the file, what the database knows of the keys, and what they have sealed.
func (s *safe) everything() string {
	s.t.Helper()
	file, err := os.ReadFile(s.path)
	if err != nil {
		require.ErrorIs(s.t, err, os.ErrNotExist)
	}
	var known string
	require.NoError(s.t, s.pool.QueryRow(s.ctx(), `SELECT coalesce((SELECT string_agg(k::text, E'\n' ORDER BY k::text) FROM vault_key k), '')
  || coalesce((SELECT string_agg(concat(id, num_enc, num_idx), E'\n' ORDER BY id) FROM call), '') || (SELECT count(*) FROM vault_reseal)`).Scan(&known))
	return string(file) + known
}

// reliability.md 8: no act on the keys of citizens' numbers without its record, in the file neither.
func TestActsOnTheKeysAndTheirRecordsAreOne(t *testing.T) {
	t.Parallel()
	s := &safe{hallOf: setup(t), path: t.TempDir() + "/number.keys", preset: vault.International}
	s.exec(`UPDATE controller SET holder = '', renewed_at = 'epoch'`)
	s.keys = s.openKeys()
	reseal := func() error {
		s.exec(`UPDATE controller SET holder = '', renewed_at = 'epoch'`)
		_, err := s.keys.Reseal(s.ctx(), func(int64, int64) {})
		return err
	}
	for _, act := range []struct {
		do   func() error
		want []string
	}{
		{func() error { return s.keys.Init(s.ctx(), s.preset) }, []string{"vault.init keys done {}"}},
		{func() error {
			_, err := s.keys.Rotate(s.ctx(), vault.GM, false)
			return err
		}, []string{"vault.rotate keys done {}"}},
		{reseal, []string{"vault.reseal_begun keys done {}", `vault.reseal keys done {"changed":1,"unreadable":0}`}},
		{func() error {
			s.exec(`UPDATE controller SET holder = '', renewed_at = 'epoch'`)
			_, err := s.keys.Retire(s.ctx())
			return err
		}, []string{"vault.retire keys done {}"}},
		{func() error {
			_, err := s.keys.Rotate(s.ctx(), vault.GM, true)
			return err
		}, []string{"vault.rotate keys done {}"}},
		{reseal, []string{"vault.reseal_begun keys done {}", `vault.reseal keys done {"changed":1,"unreadable":0}`}},
		{func() error { // the database of a restored file knows none
			s.exec(`DELETE FROM vault_key`)
			_, err := s.keys.Adopt(s.ctx())
			return err
		}, []string{"vault.adopt keys done {}"}},
	} {
		s.exec(`ALTER TABLE audit ADD CONSTRAINT broken CHECK (false) NOT VALID`)
		if act.want[0] == "vault.adopt keys done {}" {
			s.exec(`DELETE FROM vault_key`)
		}
		before := s.everything()
		require.ErrorContains(t, act.do(), "broken", act.want)
		require.Equal(t, before, s.everything(), act.want)
		s.exec(`ALTER TABLE audit DROP CONSTRAINT broken`)
		known := s.trail()
		require.NoError(t, act.do())
		for _, w := range act.want {
			known = append(known, "cli:test@here "+w)
		}
		require.Equal(t, known, s.trail())
		if len(known) == 1 { // a number that the first key seals
			s.arrive(s.store(), callerNo(0))
		}
	}
	s.exec(`ALTER TABLE vault_key ADD CONSTRAINT broken CHECK (false) NOT VALID`)
	known := s.trail()
	_, err := s.keys.Rotate(s.ctx(), vault.GM, false)
	require.ErrorContains(t, err, "broken")
	require.Equal(t, known, s.trail(), "no record of what was not done")
	s.exec(`ALTER TABLE vault_key DROP CONSTRAINT broken`)
	finished, err := s.keys.Rotate(s.ctx(), vault.GM, false)
	require.NoError(t, err)
	require.True(t, finished)
	require.Len(t, s.trail(), len(known)+1, "what is finished later is told then")
}
