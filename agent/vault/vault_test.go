package vault_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/emmansun/gmsm/sm3"
	"github.com/stretchr/testify/require"

	"hotline/agent/vault"
)

const (
	number  = "13812345678"
	subject = "01970000-0000-7000-8000-000000000001"
)

// each runs a test with each preset.
func each(t *testing.T, test func(*testing.T, vault.Preset)) {
	t.Helper()
	for _, p := range []vault.Preset{vault.International, vault.GM} {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

func create(t *testing.T, p vault.Preset) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "number.keys")
	require.NoError(t, vault.Create(path, p))
	return path
}

func open(t *testing.T, path string) *vault.Vault {
	t.Helper()
	v, err := vault.Open(path)
	require.NoError(t, err)
	return v
}

func opens(t *testing.T, v *vault.Vault, sealed []byte) {
	t.Helper()
	plain, err := v.Open(subject, sealed)
	require.NoError(t, err)
	require.Equal(t, number, plain)
}

// What is sealed is read by the same subject alone, and every bit of it counts.
func TestSealedIsBoundToItsSubject(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p vault.Preset) {
		t.Helper()
		v := open(t, create(t, p))
		sealed := v.Seal(subject, number)
		opens(t, v, sealed)
		require.Len(t, sealed, 1+12+len(number)+16)
		require.NotContains(t, string(sealed), number)
		require.NotEqual(t, sealed, v.Seal(subject, number), "each has a nonce of its own")
		_, err := v.Open("01970000-0000-7000-8000-000000000002", sealed)
		require.ErrorContains(t, err, "authentication")
		for i := range sealed {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1
			_, err := v.Open(subject, bad)
			require.Error(t, err, i)
			_, err = v.Open(subject, sealed[:i])
			require.Equal(t, i == 0, err == nil, i)
		}
		require.Nil(t, v.Seal(subject, ""))
		plain, err := v.Open(subject, nil)
		require.NoError(t, err)
		require.Empty(t, plain)
	})
}

func TestIndexFindsAndTellsNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p vault.Preset) {
		t.Helper()
		path := create(t, p)
		v := open(t, path)
		require.Equal(t, v.Index(number), open(t, path).Index(number))
		require.Len(t, v.Index(number), 32)
		require.NotEqual(t, v.Index(number), v.Index("13812345679"))
		require.NotEqual(t, v.Index(number), open(t, create(t, p)).Index(number), "under another key it is another")
		require.Nil(t, v.Index(""))
	})
}

// Keys come and go, and who was known stays known (RS13).
func TestRotatedKeys(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p vault.Preset) {
		t.Helper()
		path := create(t, p)
		first := open(t, path)
		old := first.Seal(subject, number)
		require.NoError(t, vault.Rotate(path, p))
		second := open(t, path)
		fresh := second.Seal(subject, number)
		require.EqualValues(t, 1, vault.SealedBy(old))
		require.EqualValues(t, 2, vault.SealedBy(fresh))
		opens(t, second, old)
		opens(t, second, fresh)
		_, err := first.Open(subject, fresh)
		require.ErrorContains(t, err, "key 2")
		require.Equal(t, first.Index(number), second.Index(number))

		require.ErrorContains(t, vault.Drop(path, 2), "rotate first")
		require.NoError(t, vault.Drop(path, 1))
		third := open(t, path)
		_, err = third.Open(subject, old)
		require.ErrorContains(t, err, "key 1")
		opens(t, third, fresh)
		require.Equal(t, first.Index(number), third.Index(number), "the index has a key of its own")

		require.NoError(t, vault.RotateIndex(path, p))
		last := open(t, path)
		opens(t, last, fresh)
		require.NotEqual(t, first.Index(number), last.Index(number))
	})
}

// A province may turn to 国密 with numbers sealed: each key has its own preset.
func TestPresetsStandSideBySide(t *testing.T) {
	t.Parallel()
	path := create(t, vault.International)
	old := open(t, path).Seal(subject, number)
	require.NoError(t, vault.Rotate(path, vault.GM))
	require.NoError(t, vault.RotateIndex(path, vault.GM))
	v := open(t, path)
	opens(t, v, old)
	opens(t, v, v.Seal(subject, number))
	require.Equal(t, vault.GM, v.Keys()[0].Preset)
	require.Error(t, vault.Rotate(path, "rot13"))
	require.Error(t, vault.Create(filepath.Join(t.TempDir(), "keys"), ""))
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p vault.Preset) {
		t.Helper()
		v := open(t, create(t, p))
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for i := range 200 {
					who := fmt.Sprint(number, i)
					plain, err := v.Open(who, v.Seal(who, who))
					if err != nil || plain != who || len(v.Index(who)) != 32 {
						t.Errorf("%v %q", err, plain)
					}
				}
			})
		}
		wg.Wait()
	})
}

// No verb, log or encoding shows a key, nor what is derived from it but the fingerprint; the fingerprint is neither.
func TestKeysAreNeverShown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, p vault.Preset) {
		t.Helper()
		path := create(t, p)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		v := open(t, path)
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("keys", "vault", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("keys", "vault", *v)
		encoded, err := json.Marshal(v) //nolint:staticcheck // SA9005: that it shows nothing is what is tested
		require.NoError(t, err)
		shown := log.String() + string(encoded) + v.String()
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			require.Equal(t, v.String(), fmt.Sprintf(verb, v), verb)
			require.Equal(t, v.String(), fmt.Sprintf(verb, *v), verb)
			require.Contains(t, fmt.Sprintf(verb, struct{ V vault.Vault }{*v}), v.String()+"}", verb)
		}
		for line := range strings.Lines(string(content)) {
			fields := strings.Fields(line)
			if len(fields) != 4 || len(fields[3]) != 64 {
				continue
			}
			key, err := hex.DecodeString(fields[3])
			require.NoError(t, err)
			require.NotContains(t, shown, fields[3][:16])
			require.NotContains(t, shown, strings.Trim(fmt.Sprintf("%d", key[:8]), "[]"))
			for _, k := range v.Keys() {
				require.NotContains(t, fields[3], hex.EncodeToString(k.Fingerprint[:4]))
				require.NotContains(t, hex.EncodeToString(v.Index(number)), hex.EncodeToString(k.Fingerprint[:4]))
			}
		}
		require.Contains(t, shown, v.Keys()[0].Fingerprint.String(), "whose key it is, is shown")
		require.NotEqual(t, v.Keys()[0].Fingerprint, v.Keys()[1].Fingerprint)
	})
}

// The library's SM3 and the sealing of both presets against fixed values: what is stored today is read by every later version.
func TestFixedValues(t *testing.T) {
	t.Parallel()
	sum := sm3.Sum([]byte("abc")) // GB/T 32905 A.1
	require.Equal(t, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0", hex.EncodeToString(sum[:]))

	path := filepath.Join(t.TempDir(), "keys")
	for preset, want := range map[vault.Preset]struct{ sealed, index, print string }{
		vault.International: {fixedInternational, fixedInternationalIndex, fixedInternationalPrint},
		vault.GM:            {fixedGM, fixedGMIndex, fixedGMPrint},
	} {
		content := fmt.Sprintf("keyring 2\nindex 1 %s %s\nseal 1 %s %s\n", preset, strings.Repeat("aa", 32), preset, strings.Repeat("bb", 32))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		v := open(t, path)
		sealed, err := hex.DecodeString(want.sealed)
		require.NoError(t, err)
		opens(t, v, sealed)
		require.Equal(t, want.index, hex.EncodeToString(v.Index(number)))
		require.Equal(t, want.print, v.Keys()[1].Fingerprint.String())
	}
}

// With keys of 32 bytes aa for the index and bb for the seal; the international ones were made by the version before.
const (
	fixedInternational      = "01d8466eb55d91199068fb17eab3b5da2b360161ae6c4d2c0a38213e78c54878b2fcef4b14d5dc1e"
	fixedInternationalIndex = "3cd0314acfd96e95b3b446ef899632b7b9495dec9754f838203e04f826974795"
	fixedInternationalPrint = "c79120be0564"
	fixedGM                 = "01e64778ff58eea1a0568822f36c7af5d25942725c062e07c13028c2004b6053a9ea3db802ed8205"
	fixedGMIndex            = "12466714271b8e6f5820fa1cca8a6edaa154dac600ae1110fa04348d82ff1753"
	fixedGMPrint            = "f778483d1338"
)
