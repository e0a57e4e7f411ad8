package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
	"hotline/telephony/store"
)

func TestKeyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "number.key")
	require.NoError(t, store.NewKeyFile(path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.ErrorIs(t, store.NewKeyFile(path), os.ErrExist, "a key is never replaced")

	require.NoError(t, os.Chmod(path, 0o640))
	_, err = store.OpenVault(path)
	require.ErrorContains(t, err, "chmod 600")

	good := strings.Repeat("ab", 32)
	for content, want := range map[string]string{
		"": "holds no key", "# only words\n": "holds no key", "0 " + good: "line 1", "256 " + good: "line 1", "1 abcd": "64 hexadecimal",
		"1 " + good + "\n1 " + good: "line 2: key 1 is there twice", good: "line 1",
	} {
		file := filepath.Join(dir, "bad")
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		_, err := store.OpenVault(file)
		require.ErrorContains(t, err, want, content)
		require.NotContains(t, err.Error(), good, "an error tells no key")
	}
}

func TestNumbersAreBoundToTheirCallAndKeysRotate(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), t.Context()
	path := filepath.Join(t.TempDir(), "number.key")
	line := func(id int, digits string) string { return fmt.Sprintf("%d %s\n", id, strings.Repeat(digits, 32)) }
	use := func(content string) *store.Store {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		v, err := store.OpenVault(path)
		require.NoError(t, err)
		return store.New(h.pool, v)
	}
	call := func(s *store.Store) telephony.CallID {
		c, _, err := s.Arrive(ctx, 1, telephony.Arrival{ID: telephony.CallID(id(t)), Channel: telephony.LegID(id(t)), Number: "13812345678", Dialled: number, At: at})
		require.NoError(t, err)
		return c.ID
	}
	older := call(use(line(1, "aa")))
	rotated := use(line(1, "aa") + line(2, "bb"))
	newer := call(rotated)
	for _, c := range []telephony.CallID{older, newer} {
		n, err := rotated.Number(ctx, c)
		require.NoError(t, err)
		require.Equal(t, "13812345678", string(n))
	}
	require.Equal(t, 1, h.count(`SELECT count(DISTINCT num_idx) FROM call`), "one number has one index under every key")
	require.Equal(t, 2, h.count(`SELECT count(DISTINCT num_enc) FROM call`))
	require.Zero(t, h.count(`SELECT count(*) FROM call WHERE position('13812345678'::bytea IN num_enc) > 0 OR call::text LIKE '%13812345678%'`))

	_, err := use(line(2, "bb")).Number(ctx, older)
	require.ErrorContains(t, err, "key 1")
	h.exec(`UPDATE call SET num_enc = (SELECT num_enc FROM call WHERE id = $1) WHERE id = $2`, newer, older)
	_, err = rotated.Number(ctx, older)
	require.ErrorContains(t, err, "authentication", "a number cannot be moved to another call")
	h.exec(`UPDATE call SET num_enc = '\x01ff' WHERE id = $1`, older)
	_, err = rotated.Number(ctx, older)
	require.Error(t, err)
}
