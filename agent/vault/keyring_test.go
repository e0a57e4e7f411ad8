package vault_test

import (
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent/vault"
)

func TestKeyFileIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p vault.Preset) {
		t.Helper()
		path := create(t, p)
		require.ErrorIs(t, vault.Create(path, p), fs.ErrExist, "a key is never replaced")
		for i, act := range []func() error{
			func() error { return nil },
			func() error { return vault.Rotate(path, p) },
			func() error { return vault.Drop(path, 1) },
			func() error { return vault.RotateIndex(path, p) },
		} {
			require.NoError(t, act())
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), i)
			left, err := os.ReadDir(filepath.Dir(path))
			require.NoError(t, err)
			require.Len(t, left, 1, "nothing is left beside it")
		}
		for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o700} {
			require.NoError(t, os.Chmod(path, mode))
			_, err := vault.Open(path)
			require.ErrorContains(t, err, "chmod 600", mode)
			require.ErrorContains(t, vault.Rotate(path, p), "chmod 600")
		}
		_, err := vault.Open(filepath.Dir(path))
		require.ErrorContains(t, err, "is no file")
		_, err = vault.Open(path + ".gone")
		require.ErrorIs(t, err, fs.ErrNotExist)
	})
}

// A change that cannot be written changes nothing.
func TestKeyFileIsWrittenWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	path := create(t, vault.GM)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Error(t, vault.Rotate(path, "rot13"))
	require.Error(t, vault.Drop(path, 1))
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestBadKeyFilesAreRefusedAndNotShown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bad")
	good := strings.Repeat("ab", 32)
	const head = "keyring 2\n"
	for content, want := range map[string]string{
		"": "no key that seals", "# only words\n": "no key that seals", head + "index 1 gm " + good: "no key that seals",
		head + "seal 1 gm " + good:                        "no key of the index",
		head + "seal 0 gm " + good:                        "line 2: want an id",
		head + "seal 256 gm " + good:                      "line 2: want an id",
		head + "seal 1 gm " + good[:62]:                   "line 2: key 1: want 64 hexadecimal",
		head + "seal 1 gm " + good[:63] + "z":             "line 2: key 1: want 64 hexadecimal",
		head + "seal 1 rot13 " + good:                     "line 2: unknown preset",
		head + "open 1 gm " + good:                        "line 2: want seal or index",
		head + "seal 1 " + good:                           "line 2: want seal or index, an id",
		head + strings.Repeat("seal 1 gm "+good+"\n", 2):  "line 3: key 1 comes after key 1",
		head + strings.Repeat("index 1 gm "+good+"\n", 2): "line 3: a second key",
		"\n# words\nseal 1 gm " + good:                    `line 3: want "keyring 2"`,
		"keyring 3\nseal 1 gm " + good:                    "line 1: want",
	} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := vault.Open(path)
		require.ErrorContains(t, err, want, content)
		require.NotContains(t, err.Error(), good[:8], "an error tells no key")
		require.NotContains(t, err.Error(), "z")
	}
}

// sealedBefore is what the version before sealed with key 2 of TestOldFormat.
const sealedBefore = "02c7b93036211dfd96523f247b59dc8caa32864b768e235ab1e1eb2a3172248cad042b531fd4aa91"

// A file of the version before opens and finds the same after the upgrade, whatever becomes of its first key.
func TestOldFormat(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	put := func(content string) { require.NoError(t, os.WriteFile(path, []byte(content), 0o600)) }
	aa, bb := strings.Repeat("aa", 32), strings.Repeat("bb", 32)
	put("# Keys of citizens' numbers: <id> <64 hexadecimal digits>.\n1 " + aa + "\n2 " + bb + "\n")
	_, err := vault.Open(path)
	require.ErrorIs(t, err, vault.ErrOldFormat)
	require.ErrorIs(t, vault.Rotate(path, vault.GM), vault.ErrOldFormat)
	old, is, err := vault.OpenAny(path)
	require.NoError(t, err)
	require.True(t, is)
	sealed := old.Seal(subject, number)

	require.NoError(t, vault.Upgrade(path))
	v, is, err := vault.OpenAny(path)
	require.NoError(t, err)
	require.False(t, is)
	opens(t, v, sealed)
	require.Equal(t, old.Keys(), v.Keys())
	require.Equal(t, fixedInternationalIndex, hex.EncodeToString(v.Index(number)), "as the version before indexed it")
	before, err := hex.DecodeString(sealedBefore)
	require.NoError(t, err)
	opens(t, v, before)
	require.NoError(t, vault.Drop(path, 1))
	require.Equal(t, old.Index(number), open(t, path).Index(number))

	for content, want := range map[string]string{
		"1 " + aa + "\n1 " + bb: "line 2: key 1 is there twice", "1 abcd": "64 hexadecimal", "0 " + aa: "line 1", "1 " + aa + "\nx": "line 2",
	} {
		put(content)
		_, _, err := vault.OpenAny(path)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), aa[:8])
		require.ErrorContains(t, vault.Upgrade(path), want)
	}
}

// Whoever rotates the keys, root as a rule, leaves them to whom they belong, and where they are.
func TestKeyFileKeepsItsOwnerAndPlace(t *testing.T) {
	t.Parallel()
	path := create(t, vault.International)
	const owner = 4711
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chown(path, owner, owner))
	}
	before, err := os.Stat(path)
	require.NoError(t, err)
	link := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.Symlink(path, link))
	require.NoError(t, vault.Rotate(link, vault.International))
	target, err := os.Readlink(link)
	require.NoError(t, err)
	require.Equal(t, path, target)
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, before.Sys().(*syscall.Stat_t).Uid, after.Sys().(*syscall.Stat_t).Uid)
	require.Len(t, open(t, link).Keys(), 3)
}
