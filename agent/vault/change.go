package vault

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Create makes a key file with one key that seals and one of the index. It never replaces a file (fs.ErrExist): without its key a
// number is gone.
func Create(path string, preset Preset) error {
	index, err := newEntry(PurposeIndex, 1, preset)
	if err != nil {
		return err
	}
	seal, err := newEntry(PurposeSeal, 1, preset)
	if err != nil {
		return err
	}
	ring := &keyring{index: index, seals: []entry{seal}}
	defer ring.clear()
	return ring.save(path, true)
}

// OpenAny is Open of a file of either format; true: it is of the old one.
func OpenAny(path string) (*Vault, bool, error) {
	v, err := Open(path)
	if !errors.Is(err, ErrOldFormat) {
		return v, false, err
	}
	ring, err := loadOld(path)
	if err != nil {
		return nil, true, err
	}
	defer ring.clear()
	v, err = ring.vault()
	return v, true, err
}

// Upgrade brings a file of the old format to the present one. Its first key, which made the index as well, stands there twice then:
// what was indexed is found, whatever becomes of it as a sealing key.
func Upgrade(path string) error {
	ring, err := loadOld(path)
	if err != nil {
		return err
	}
	defer ring.clear()
	return ring.save(path, false)
}

// Rotate adds a key that seals from now on; the others go on opening. Servers that run learn of it when they start again.
func Rotate(path string, preset Preset) error {
	return change(path, func(r *keyring) error {
		last := r.seals[len(r.seals)-1].id
		if last == 255 {
			return errors.New("it has all the 255 keys that there can be")
		}
		e, err := newEntry(PurposeSeal, last+1, preset)
		if err != nil {
			return err
		}
		r.seals = append(r.seals, e)
		return nil
	})
}

// RotateIndex replaces the key of the index: nobody is found any more until everything sealed has been indexed anew.
func RotateIndex(path string, preset Preset) error {
	return change(path, func(r *keyring) error {
		if r.index.id == 255 {
			return errors.New("its index has had all the 255 keys that there can be")
		}
		e, err := newEntry(PurposeIndex, r.index.id+1, preset)
		if err != nil {
			return err
		}
		clear(r.index.key)
		r.index = e
		return nil
	})
}

// Drop takes sealing keys out of the file: what is sealed with them can not be opened again. The one that seals stays.
func Drop(path string, ids ...byte) error {
	return change(path, func(r *keyring) error {
		if slices.Contains(ids, r.seals[len(r.seals)-1].id) {
			return errors.New("the key that seals is not dropped: rotate first")
		}
		r.seals = slices.DeleteFunc(r.seals, func(e entry) bool {
			gone := slices.Contains(ids, e.id)
			if gone {
				clear(e.key)
			}
			return gone
		})
		return nil
	})
}

func change(path string, how func(*keyring) error) error {
	ring, err := load(path)
	if err != nil {
		return err
	}
	defer ring.clear()
	if err := how(ring); err != nil {
		return fmt.Errorf("key file %s: %w", path, err)
	}
	return ring.save(path, false)
}

func loadOld(path string) (*keyring, error) {
	content, err := read(path)
	if err != nil {
		return nil, err
	}
	defer clear(content)
	ring, err := parseOld(content)
	if err != nil {
		ring.clear()
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return ring, nil
}

// parseOld reads a line per key, its id and 64 hexadecimal digits; the first one makes the index too. It always gives back what it has
// read, for the caller to clear.
func parseOld(content []byte) (*keyring, error) {
	ring := &keyring{}
	n := 0
	for line := range bytes.Lines(content) {
		n++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		name, digits, _ := bytes.Cut(line, []byte(" "))
		id, key, err := keyOf(name, bytes.TrimSpace(digits))
		if err != nil {
			return ring, fmt.Errorf("line %d: %w", n, err)
		}
		if slices.ContainsFunc(ring.seals, func(e entry) bool { return e.id == id }) {
			clear(key)
			return ring, fmt.Errorf("line %d: key %d is there twice", n, id)
		}
		if ring.index.key == nil {
			ring.index = entry{purpose: PurposeIndex, id: 1, preset: International, key: slices.Clone(key)}
		}
		ring.seals = append(ring.seals, entry{purpose: PurposeSeal, id: id, preset: International, key: key})
	}
	if ring.index.key == nil {
		return ring, errors.New("it holds no key")
	}
	slices.SortFunc(ring.seals, func(a, b entry) int { return cmp.Compare(a.id, b.id) })
	return ring, nil
}
