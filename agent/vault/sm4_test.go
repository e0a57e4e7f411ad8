package vault_test

import (
	"crypto/cipher"
	"encoding/hex"
	"testing"

	"github.com/emmansun/gmsm/sm4"
	"github.com/stretchr/testify/require"
)

// RFC 8998 A.1: the library's SM4-GCM, which has code of its own for several processors.
func TestSM4GCM(t *testing.T) {
	t.Parallel()
	bytes := func(digits string) []byte {
		b, err := hex.DecodeString(digits)
		require.NoError(t, err)
		return b
	}
	block, err := sm4.NewCipher(bytes("0123456789abcdeffedcba9876543210"))
	require.NoError(t, err)
	gcm, err := cipher.NewGCM(block)
	require.NoError(t, err)
	sealed := gcm.Seal(nil, bytes("00001234567800000000abcd"),
		bytes("aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccddddddddddddddddeeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa"),
		bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2"))
	require.Equal(t, "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"+
		"83de3541e4c2b58177e065a9bf7b62ec", hex.EncodeToString(sealed))
}
