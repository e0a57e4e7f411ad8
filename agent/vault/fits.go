package vault

import (
	"errors"
	"fmt"
)

// State is what a database makes of a key.
type State string

// What a key may be to a database.
const (
	Pending State = "pending" // of the index: everything is still indexed with the one before
	Active  State = "active"  // something may be sealed or indexed with it
	Retired State = "retired" // nothing is any more
)

// Known is a key as a database knows it.
type Known struct {
	Key

	State State
}

// What Fits can find; each says the mend.
var (
	ErrNoneKnown = errors.New("this database knows no keys yet: run 'hotline vault init', or 'hotline vault adopt' for a key file that is there already")
	ErrWrongKeys = errors.New("bring back the key file that belongs to this database, from its backup if need be")
	ErrUnstored  = errors.New("a change of the keys was not finished: run 'hotline vault rotate' again, which finishes it")
	ErrReseal    = errors.New("numbers are still found by the index's key of before: run 'hotline vault reseal' while no server runs")
)

// Fits says whether these are the keys of a database, by their fingerprints: nil, or one of ErrNoneKnown, ErrWrongKeys, ErrUnstored and
// ErrReseal with which key it is about.
func (v *Vault) Fits(known []Known) error {
	if len(known) == 0 {
		return ErrNoneKnown
	}
	ours := map[Purpose]map[byte]Key{PurposeIndex: {}, PurposeSeal: {}}
	for _, k := range v.keys {
		ours[k.Purpose][k.ID] = k
	}
	theirs := map[Purpose]map[byte]Known{PurposeIndex: {}, PurposeSeal: {}}
	for _, k := range known {
		theirs[k.Purpose][k.ID] = k
		our, here := ours[k.Purpose][k.ID]
		switch {
		case here && our != k.Key:
			return fmt.Errorf("key %v of the file is not the database's %v: %w", our, k.Key, ErrWrongKeys)
		case !here && k.Purpose == PurposeSeal && k.State == Active:
			return fmt.Errorf("the file lacks key %v, with which numbers are sealed: %w", k.Key, ErrWrongKeys)
		}
	}
	if their, there := theirs[PurposeSeal][v.current]; there && their.State == Retired {
		return fmt.Errorf("the file seals with key %v, which is retired: %w", their.Key, ErrWrongKeys)
	}
	return v.stored(theirs)
}

// stored looks at what the database makes of each of our keys, none of which is anybody else's.
func (v *Vault) stored(theirs map[Purpose]map[byte]Known) error {
	var pending error
	strangers, ours := 0, 0
	for _, k := range v.keys {
		their, there := theirs[k.Purpose][k.ID]
		switch {
		case !there:
			strangers++
		case k.Purpose == PurposeSeal:
			ours++
		case their.State == Retired:
			return fmt.Errorf("the file's key %v is retired: %w", k, ErrWrongKeys)
		case their.State == Pending:
			pending = fmt.Errorf("key %v: %w", k, ErrReseal)
		default:
			for _, other := range theirs[PurposeIndex] {
				if other.State == Pending {
					return fmt.Errorf("the file lacks key %v, with which numbers are to be found: %w", other.Key, ErrWrongKeys)
				}
			}
		}
	}
	switch {
	case strangers > 0 && ours == 0:
		return fmt.Errorf("the file holds no key that the database knows: %w", ErrWrongKeys)
	case strangers > 0:
		return ErrUnstored
	}
	return pending
}

// Unstored are the keys that a database does not know, when otherwise they are its keys.
func (v *Vault) Unstored(known []Known) []Key {
	var out []Key
	for _, k := range v.keys {
		there := false
		for _, their := range known {
			there = there || their.Purpose == k.Purpose && their.ID == k.ID
		}
		if !there {
			out = append(out, k)
		}
	}
	return out
}
