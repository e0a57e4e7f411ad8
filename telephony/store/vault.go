package store

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"hotline/telephony"
)

const keySize = 32

// Vault keeps citizens' numbers: encrypted with AES-256-GCM, and indexed by a keyed hash so that the same number is found
// again without being read (reliability.md 8). A sealed number is the key's id, a random nonce and the ciphertext; call id
// and key id are authenticated with it, so that one cannot be moved to another row.
type Vault struct {
	seals   map[byte]cipher.AEAD
	current byte
	index   []byte
}

// NewKeyFile makes a key file that only its owner can read. It never replaces one: without its key a number is gone.
func NewKeyFile(path string) error {
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("draw a key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make number key file: %w", err)
	}
	_, err = fmt.Fprintf(f, "# Keys of citizens' numbers: <id> <64 hexadecimal digits>. The last seals; all open. The first makes the index: keep it.\n1 %x\n", key)
	return errors.Join(err, f.Sync(), f.Close())
}

// OpenVault reads a key file: a line per key, its id from 1 to 255 and 64 hexadecimal digits. The last one seals, all of
// them open, and the first one also makes the index; so a key is changed by adding a line.
func OpenVault(path string) (*Vault, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("number key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("number key file %s can be read by others: chmod 600 %s", path, path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("number key file: %w", err)
	}
	defer clear(content)
	v := &Vault{seals: map[byte]cipher.AEAD{}}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := v.add(line); err != nil {
			return nil, fmt.Errorf("number key file %s, line %d: %w", path, n, err)
		}
	}
	if v.current == 0 {
		return nil, fmt.Errorf("number key file %s holds no key", path)
	}
	return v, lines.Err()
}

func (v *Vault) add(line string) error {
	name, digits, _ := strings.Cut(line, " ")
	id, err := strconv.ParseUint(name, 10, 8)
	if err != nil || id == 0 {
		return errors.New("want an id from 1 to 255, a space and the key")
	}
	key, err := hex.DecodeString(strings.TrimSpace(digits))
	if err != nil || len(key) != keySize {
		return fmt.Errorf("key %d: want 64 hexadecimal digits", id)
	}
	if _, twice := v.seals[byte(id)]; twice {
		return fmt.Errorf("key %d is there twice", id)
	}
	sealing, err := hkdf.Key(sha256.New, key, nil, "hotline number seal", keySize)
	if err != nil {
		return fmt.Errorf("key %d: %w", id, err)
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return fmt.Errorf("key %d: %w", id, err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return fmt.Errorf("key %d: %w", id, err)
	}
	if v.index == nil {
		if v.index, err = hkdf.Key(sha256.New, key, nil, "hotline number index", keySize); err != nil {
			return fmt.Errorf("key %d: %w", id, err)
		}
	}
	v.seals[byte(id)], v.current = seal, byte(id)
	return nil
}

// Index is the keyed hash under which a number is found; nil for an anonymous caller.
func (v *Vault) Index(n telephony.PhoneNumber) []byte {
	if n == "" {
		return nil
	}
	mac := hmac.New(sha256.New, v.index)
	mac.Write([]byte(n))
	return mac.Sum(nil)
}

// seal gives the ciphertext and the index of a number; nothing for an anonymous caller.
func (v *Vault) seal(id telephony.CallID, n telephony.PhoneNumber) ([]byte, []byte) {
	if n == "" {
		return nil, nil
	}
	sealed := v.seals[v.current].Seal([]byte{v.current}, nil, []byte(n), bound(id, v.current)) //nolint:gosec // this AEAD draws its own nonces and takes none
	return sealed, v.Index(n)
}

func (v *Vault) open(id telephony.CallID, sealed []byte) (telephony.PhoneNumber, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	seal, known := v.seals[sealed[0]]
	if !known {
		return "", fmt.Errorf("number of call %s is sealed with key %d, which the key file does not hold", id, sealed[0])
	}
	plain, err := seal.Open(nil, nil, sealed[1:], bound(id, sealed[0]))
	if err != nil {
		return "", fmt.Errorf("open number of call %s: %w", id, err)
	}
	return telephony.PhoneNumber(plain), nil
}

// Seal gives the ciphertext of a number, tied to its call; nothing for an anonymous caller.
func (v *Vault) Seal(id telephony.CallID, n telephony.PhoneNumber) []byte {
	sealed, _ := v.seal(id, n)
	return sealed
}

// Open reads what Seal has made.
func (v *Vault) Open(id telephony.CallID, sealed []byte) (telephony.PhoneNumber, error) {
	return v.open(id, sealed)
}

// bound is what a sealed number is tied to.
func bound(id telephony.CallID, key byte) []byte { return append([]byte(id), key) }
