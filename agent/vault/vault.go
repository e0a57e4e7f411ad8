// Package vault seals personal data (reliability.md 8, RS13): citizens' numbers are encrypted, and indexed by a keyed hash so that the
// same number is found again without being read. It keeps the keys in a file, changes them by explicit acts only, and tells by
// fingerprints whether a file is the one that a database was sealed with. It knows no database and no telephone: whoever stores what
// is sealed imports it.
package vault

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
)

// Vault seals, opens and indexes. Its methods may be called by several goroutines.
//
// What is sealed is the sealing key's id, a random nonce of 12 bytes and the ciphertext with its tag of 16. The subject, which is the
// id of the row that it stands in, and the key's id are authenticated with it, so that nothing sealed can be moved to another row.
type Vault struct {
	seals   map[byte]cipher.AEAD
	current byte
	digest  func() hash.Hash
	index   []byte
	keys    []Key
}

var (
	_ slog.LogValuer = Vault{}
	_ fmt.Formatter  = Vault{}
)

// Open reads a key file, which nobody but its owner may be able to read. ErrOldFormat, or what is wrong with which line; no error
// tells a key.
func Open(path string) (*Vault, error) {
	ring, err := load(path)
	if err != nil {
		return nil, err
	}
	defer ring.clear()
	v, err := ring.vault()
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return v, nil
}

// Seal encrypts what belongs to a subject with the newest key; nothing stays nothing.
func (v *Vault) Seal(subject, plain string) []byte {
	if plain == "" {
		return nil
	}
	seal := v.seals[v.current]
	sealed := make([]byte, 1+seal.NonceSize(), 1+seal.NonceSize()+len(plain)+seal.Overhead())
	sealed[0] = v.current
	_, _ = rand.Read(sealed[1:])                                                   // never fails
	return seal.Seal(sealed, sealed[1:], []byte(plain), bound(subject, v.current)) //nolint:gosec // G407: the nonce was drawn the line before
}

// Open reads what Seal has made of the same subject, with whichever key of the file.
func (v *Vault) Open(subject string, sealed []byte) (string, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	id := sealed[0]
	seal, known := v.seals[id]
	if !known {
		return "", fmt.Errorf("%s is sealed with key %d, which the key file does not hold", subject, id)
	}
	if len(sealed) < 1+seal.NonceSize() {
		return "", fmt.Errorf("what is sealed of %s is too short", subject)
	}
	nonce, rest := sealed[1:1+seal.NonceSize()], sealed[1+seal.NonceSize():]
	plain, err := seal.Open(nil, nonce, rest, bound(subject, id))
	if err != nil {
		return "", fmt.Errorf("open what is sealed of %s: %w", subject, err)
	}
	return string(plain), nil
}

// Index is the keyed hash of 32 bytes under which something is found; nil for nothing. Its key is none of the sealing keys: these come
// and go, and who was known stays known.
func (v *Vault) Index(plain string) []byte {
	if plain == "" {
		return nil
	}
	mac := hmac.New(v.digest, v.index)
	mac.Write([]byte(plain))
	return mac.Sum(nil)
}

// Current is the id of the key that seals.
func (v *Vault) Current() byte { return v.current }

// SealedBy is the id of the key that something is sealed with; 0: nothing is sealed.
func SealedBy(sealed []byte) byte {
	if len(sealed) == 0 {
		return 0
	}
	return sealed[0]
}

// Keys are the public sides of the keys: that of the index, and those that open in the order of their ids.
func (v *Vault) Keys() []Key { return append([]Key(nil), v.keys...) }

// String names the keys and tells none.
func (v Vault) String() string { return fmt.Sprintf("vault%v", v.keys) }

// Format keeps every verb from the keys.
func (v Vault) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.String()) }

// LogValue keeps logs from the keys.
func (v Vault) LogValue() slog.Value { return slog.StringValue(v.String()) }

// bound is what something sealed is tied to.
func bound(subject string, key byte) []byte { return append([]byte(subject), key) }

// vault derives from each key what it is used for, and its fingerprint.
func (r *keyring) vault() (*Vault, error) {
	v := &Vault{seals: map[byte]cipher.AEAD{}}
	for _, e := range append([]entry{r.index}, r.seals...) {
		s, err := e.preset.suite()
		if err != nil {
			return nil, err
		}
		tells, err := s.derive(e.key, fmt.Sprintf("hotline fingerprint %s %s", e.purpose, e.preset), fingerprintSize)
		if err != nil {
			return nil, errors.New("derive a fingerprint")
		}
		v.keys = append(v.keys, Key{Purpose: e.purpose, ID: e.id, Preset: e.preset, Fingerprint: Fingerprint(tells)})
		if e.purpose == PurposeIndex {
			v.digest = s.digest
			if v.index, err = s.derive(e.key, "hotline number index", indexKeySize); err != nil {
				return nil, errors.New("derive the key of the index")
			}
			continue
		}
		if v.seals[e.id], err = s.seal(e.key); err != nil {
			return nil, fmt.Errorf("key %d cannot be used", e.id)
		}
		v.current = e.id
	}
	return v, nil
}
