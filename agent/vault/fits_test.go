package vault_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent/vault"
)

// known are a vault's keys as the database has them after an init.
func known(v *vault.Vault) []vault.Known {
	var out []vault.Known
	for _, k := range v.Keys() {
		out = append(out, vault.Known{Key: k, State: vault.Active})
	}
	return out
}

func TestFits(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p vault.Preset) {
		t.Helper()
		path := create(t, p)
		first := open(t, path)
		require.NoError(t, first.Fits(known(first)))
		require.ErrorIs(t, first.Fits(nil), vault.ErrNoneKnown)
		stranger := open(t, create(t, p))
		require.ErrorIs(t, stranger.Fits(known(first)), vault.ErrWrongKeys)

		require.NoError(t, vault.Rotate(path, p))
		second := open(t, path)
		require.ErrorIs(t, second.Fits(known(first)), vault.ErrUnstored)
		require.Equal(t, second.Keys()[2:], second.Unstored(known(first)))
		require.NoError(t, second.Fits(known(second)))
		require.ErrorIs(t, first.Fits(known(second)), vault.ErrWrongKeys, "a file of before")

		retired := known(second)
		retired[1].State = vault.Retired
		require.NoError(t, second.Fits(retired), "what was retired may stay in the file for a moment")
		require.ErrorIs(t, first.Fits(retired), vault.ErrWrongKeys, "but must not seal")
		require.NoError(t, vault.Drop(path, 1))
		require.NoError(t, open(t, path).Fits(retired))
		all := known(second)
		all[1].State, all[2].State = vault.Retired, vault.Retired
		require.ErrorIs(t, second.Fits(all), vault.ErrWrongKeys)

		swapped := known(second)
		swapped[1].Fingerprint = stranger.Keys()[1].Fingerprint
		require.ErrorIs(t, second.Fits(swapped), vault.ErrWrongKeys)
	})
}

func TestFitsOfTheIndex(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p vault.Preset) {
		t.Helper()
		path := create(t, p)
		first := open(t, path)
		require.NoError(t, vault.RotateIndex(path, p))
		second := open(t, path)
		require.ErrorIs(t, second.Fits(known(first)), vault.ErrUnstored)
		during := append(known(first), vault.Known{Key: second.Keys()[0], State: vault.Pending})
		require.ErrorIs(t, second.Fits(during), vault.ErrReseal)
		require.ErrorIs(t, first.Fits(during), vault.ErrWrongKeys)
		after := append(known(second), vault.Known{Key: first.Keys()[0], State: vault.Retired})
		require.NoError(t, second.Fits(after))
		require.ErrorIs(t, first.Fits(after), vault.ErrWrongKeys, "it would find nobody")
		mixed := known(first)
		mixed[0].Fingerprint = second.Keys()[0].Fingerprint
		require.ErrorIs(t, first.Fits(mixed), vault.ErrWrongKeys)
	})
}

// A file of another database whose ids happen to be none of this one's is no half rotation.
func TestStrangersKeysAreNoHalfRotation(t *testing.T) {
	t.Parallel()
	path := create(t, vault.GM)
	ours := open(t, path)
	other := create(t, vault.GM)
	require.NoError(t, vault.RotateIndex(other, vault.GM))
	require.NoError(t, vault.Rotate(other, vault.GM))
	require.NoError(t, vault.Drop(other, 1))
	retired := known(ours)
	retired[1].State = vault.Retired
	require.ErrorIs(t, open(t, other).Fits(retired), vault.ErrWrongKeys)
}
