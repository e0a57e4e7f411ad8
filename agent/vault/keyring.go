package vault

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// ErrOldFormat is a key file of before the index had a key of its own: a line per key, the first of which made the index.
var ErrOldFormat = errors.New("key file is of the old format: run 'hotline vault adopt', which brings it to the new one")

// keyring is what a key file holds: the key of the index, and those that open, of which the last one seals.
type keyring struct {
	index entry
	seals []entry // by id, ascending
}

type entry struct {
	purpose Purpose
	id      byte
	preset  Preset
	key     []byte
}

const (
	heading = "keyring 2"
	words   = `# Keys of citizens' numbers, changed by 'hotline vault' alone. Keep a copy apart from the database's: without these keys no number can
# be read again. The last seal is the one that seals, all of them open, the index finds who has called before.
`
)

// load reads a key file of the present format.
func load(path string) (*keyring, error) {
	content, err := read(path)
	if err != nil {
		return nil, err
	}
	defer clear(content)
	ring, err := parse(content)
	if err != nil {
		ring.clear()
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return ring, nil
}

// read refuses what others can read, and what is no file.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("key file: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("key file %s is no file", path)
	case info.Mode().Perm()&0o177 != 0:
		return nil, fmt.Errorf("key file %s has mode %04o, and is for its owner alone: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return content, nil
}

// parse always gives back what it has read, for the caller to clear.
func parse(content []byte) (*keyring, error) {
	ring, headed := &keyring{}, false
	n := 0
	for line := range bytes.Lines(content) {
		n++
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0 || line[0] == '#':
			continue
		case headed:
			if err := ring.add(line); err != nil {
				return ring, fmt.Errorf("line %d: %w", n, err)
			}
		case string(line) == heading:
			headed = true
		case line[0] >= '0' && line[0] <= '9':
			return ring, ErrOldFormat
		default:
			return ring, fmt.Errorf("line %d: want %q before the keys", n, heading)
		}
	}
	switch {
	case len(ring.seals) == 0:
		return ring, errors.New("it holds no key that seals")
	case ring.index.key == nil:
		return ring, errors.New("it holds no key of the index")
	}
	return ring, nil
}

// add reads a line: purpose, id, preset, key.
func (r *keyring) add(line []byte) error {
	fields := bytes.Fields(line)
	if len(fields) != 4 {
		return errors.New("want seal or index, an id, a preset and the key")
	}
	id, key, err := keyOf(fields[1], fields[3])
	if err != nil {
		return err
	}
	e := entry{purpose: Purpose(fields[0]), id: id, preset: Preset(fields[2]), key: key}
	if _, err := e.preset.suite(); err != nil {
		clear(key)
		return err
	}
	switch e.purpose {
	case PurposeIndex:
		if r.index.key != nil {
			clear(key)
			return errors.New("a second key of the index")
		}
		r.index = e
	case PurposeSeal:
		if n := len(r.seals); n > 0 && r.seals[n-1].id >= id {
			clear(key)
			return fmt.Errorf("key %d comes after key %d: ids ascend", id, r.seals[n-1].id)
		}
		r.seals = append(r.seals, e)
	default:
		clear(key)
		return errors.New("want seal or index at the beginning")
	}
	return nil
}

func keyOf(name, digits []byte) (byte, []byte, error) {
	id, err := strconv.ParseUint(string(name), 10, 8)
	if err != nil || id == 0 {
		return 0, nil, errors.New("want an id from 1 to 255")
	}
	key := make([]byte, keySize)
	if len(digits) != hex.EncodedLen(keySize) {
		return 0, nil, fmt.Errorf("key %d: want 64 hexadecimal digits", id)
	}
	if _, err := hex.Decode(key, digits); err != nil { // whose error would tell a digit
		clear(key)
		return 0, nil, fmt.Errorf("key %d: want 64 hexadecimal digits", id)
	}
	return byte(id), key, nil
}

func newEntry(purpose Purpose, id byte, preset Preset) (entry, error) {
	if _, err := preset.suite(); err != nil {
		return entry{}, err
	}
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	return entry{purpose: purpose, id: id, preset: preset, key: key}, nil
}

// clear forgets the keys. What was derived from them stays in the vault.
func (r *keyring) clear() {
	if r == nil {
		return
	}
	clear(r.index.key)
	for _, e := range r.seals {
		clear(e.key)
	}
}

func (r *keyring) format() []byte {
	out := []byte(words + heading + "\n")
	for _, e := range append([]entry{r.index}, r.seals...) {
		out = fmt.Appendf(out, "%s %d %s ", e.purpose, e.id, e.preset)
		out = hex.AppendEncode(out, e.key)
		out = append(out, '\n')
	}
	return out
}

// save writes the file whole or not at all: whoever reads it sees the old one or the new one, after a power failure too. A fresh one
// never replaces what is there.
func (r *keyring) save(path string, fresh bool) error {
	content := r.format()
	defer clear(content)
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // the file behind a link is the one that is read
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // renamed as a rule
	_, err = f.Write(content)
	if !fresh {
		err = errors.Join(err, keepOwner(f, path))
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	if fresh {
		err = os.Link(f.Name(), path)
	} else {
		err = os.Rename(f.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("key file %s: %w, and keys are never replaced", path, fs.ErrExist)
	}
	if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// keepOwner gives a file the owner of the one whose place it takes: the server's, whoever gives the command.
func keepOwner(f *os.File, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("whose the key file is: %w", err)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		return f.Chown(int(owner.Uid), int(owner.Gid))
	}
	return nil
}
