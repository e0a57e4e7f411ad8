package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"

	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"
)

// Preset names the algorithms of a key; it stands beside the key in the file.
type Preset string

// The presets; a key file may have keys of both.
const (
	International Preset = "international" // AES-256-GCM, HMAC and HKDF with SHA-256
	GM            Preset = "gm"            // 国密: SM4-GCM, HMAC and HKDF with SM3 (GB/T 39786)
)

// Purpose is what a key is for.
type Purpose string

// A key either finds or seals.
const (
	PurposeIndex Purpose = "index"
	PurposeSeal  Purpose = "seal"
)

// Fingerprint tells keys apart and tells nothing of them: it is derived from 256 random bits for itself alone, so that neither the key
// nor what is sealed or indexed with it can be tried against it.
type Fingerprint [fingerprintSize]byte

// String is the beginning, enough for people to compare.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:6]) }

// Key is the public side of a key.
type Key struct {
	Purpose     Purpose
	ID          byte // from 1 to 255
	Preset      Preset
	Fingerprint Fingerprint
}

// String names a key for people: "seal 2 gm 0f1e2d3c4b5a".
func (k Key) String() string {
	return fmt.Sprintf("%s %d %s %s", k.Purpose, k.ID, k.Preset, k.Fingerprint)
}

const (
	keySize         = 32 // of what the file holds, whatever the preset derives from it
	indexKeySize    = 32
	fingerprintSize = 16
)

// suite are the algorithms of a preset.
type suite struct {
	digest  func() hash.Hash
	keySize int
	block   func([]byte) (cipher.Block, error)
}

func (p Preset) suite() (suite, error) {
	switch p {
	case International:
		return suite{digest: sha256.New, keySize: 32, block: aes.NewCipher}, nil
	case GM:
		return suite{digest: sm3.New, keySize: 16, block: sm4.NewCipher}, nil
	default:
		return suite{}, fmt.Errorf("unknown preset: want %s or %s", International, GM)
	}
}

func (s suite) derive(key []byte, what string, size int) ([]byte, error) {
	return hkdf.Key(s.digest, key, nil, what, size)
}

func (s suite) seal(key []byte) (cipher.AEAD, error) {
	sealing, err := s.derive(key, "hotline number seal", s.keySize)
	if err != nil {
		return nil, err
	}
	defer clear(sealing)
	block, err := s.block(sealing)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
