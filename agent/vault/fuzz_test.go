package vault_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent/vault/vaulttest"
)

// FuzzOpen : what is opened is what was sealed, of that subject; a bit that has flipped, a byte that is missing or another's
// envelope is an error, never another number (RS13).
func FuzzOpen(f *testing.F) {
	v := vaulttest.New(f)
	f.Add("call-1", "13812345678", "call-2", 3, byte(1), 0)
	f.Add("", "", "x", 0, byte(0), 1)
	f.Add("call-1", "张", "call-1\x01", 0, byte(0xff), 12)
	f.Fuzz(func(t *testing.T, subject, plain, other string, at int, mask byte, cut int) {
		sealed := v.Seal(subject, plain)
		back, err := v.Open(subject, sealed)
		require.NoError(t, err)
		require.Equal(t, plain, back)
		if len(sealed) == 0 {
			return
		}
		if other != subject {
			_, err := v.Open(other, sealed)
			require.Error(t, err)
		}
		bad := bytes.Clone(sealed)
		bad[uint(at)%uint(len(bad))] ^= mask
		bad = bad[:len(bad)-int(uint(cut)%uint(len(bad)))]
		if back, err := v.Open(subject, bad); !bytes.Equal(bad, sealed) {
			require.Error(t, err)
			require.Empty(t, back)
		}
	})
}
