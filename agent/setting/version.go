package setting

import (
	"cmp"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// Version is one value that a setting had, has, will have, or would have had.
type Version struct {
	Key           Key
	Scope         string
	Number        int // from 1
	Value         string
	EffectiveFrom time.Time // as it was asked for
	InForceFrom   time.Time // zero: it waits for the second person, or was withdrawn
	Author        string    // person:<uuid>, system
	Reason        string
	ProposedAt    time.Time
	Approver      string // empty: none was needed, or none has been yet
	ApprovedAt    time.Time
	Withdrawer    string
	WithdrawnAt   time.Time
	WithdrawnWhy  string // empty where the author did it
}

// Waits says that a second person has to agree.
func (v Version) Waits() bool { return v.InForceFrom.IsZero() && v.WithdrawnAt.IsZero() }

// Planned says that the version counts, but not yet.
func (v Version) Planned(now time.Time) bool { return v.InForceFrom.After(now) }

// Approve lets a version count from when it was asked for, and not before it is approved. ErrStale, ErrOwn.
func (v Version) Approve(by string, now time.Time) (Version, error) {
	switch {
	case !v.Waits():
		return v, ErrStale
	case v.Author == by:
		return v, ErrOwn
	}
	v.Approver, v.ApprovedAt, v.InForceFrom = by, now, now
	if v.EffectiveFrom.After(now) {
		v.InForceFrom = v.EffectiveFrom
	}
	return v, nil
}

// Withdraw takes back what is not in force; whoever is not its author says why. ErrStale, *InvalidError.
func (v Version) Withdraw(by, why string, now time.Time) (Version, error) {
	why, err := reason(why)
	switch {
	case !v.Waits() && !v.Planned(now):
		return v, ErrStale
	case v.Author == by:
		why = ""
	case err != nil:
		return v, err
	}
	v.Withdrawer, v.WithdrawnAt, v.WithdrawnWhy, v.InForceFrom = by, now, why, time.Time{}
	return v, nil
}

// Book is all versions of all settings. It is immutable; the zero Book has none, and every setting its default.
type Book struct {
	of map[ref][]Version // in the order of their numbers
}

type ref struct {
	key   Key
	scope string
}

// NewBook takes versions in any order.
func NewBook(all []Version) Book {
	b := Book{of: map[ref][]Version{}}
	for _, v := range all {
		r := ref{v.Key, v.Scope}
		b.of[r] = append(b.of[r], v)
	}
	for _, versions := range b.of {
		slices.SortFunc(versions, func(x, y Version) int { return cmp.Compare(x.Number, y.Number) })
	}
	return b
}

// Versions are those of one setting, oldest first.
func (b Book) Versions(key Key, scope string) []Version { return b.of[ref{key, scope}] }

// Scopes are those for which the setting has versions, in order.
func (b Book) Scopes(key Key) []string {
	var all []string
	for r := range b.of {
		if r.key == key {
			all = append(all, r.scope)
		}
	}
	slices.Sort(all)
	return all
}

// At is the version in force at an instant: of those that had begun to count the one that began last, and of two at once the newer.
// False: none, the default holds.
func (b Book) At(key Key, scope string, t time.Time) (Version, bool) {
	var in Version
	found := false
	for _, v := range b.of[ref{key, scope}] {
		if !v.InForceFrom.IsZero() && !v.InForceFrom.After(t) && (!found || !v.InForceFrom.Before(in.InForceFrom)) {
			in, found = v, true
		}
	}
	return in, found
}

// Value is the one in force, or what the setting is without a version.
func (b Book) Value(d Definition, scope string, t time.Time) string {
	if v, ok := b.At(d.Key, scope, t); ok {
		return v.Value
	}
	return d.Initial(scope)
}

// Number is the value in force of a setting that is a number.
func (b Book) Number(key Key, scope string, t time.Time) int {
	d, _ := Find(key)
	n, _ := strconv.Atoi(b.Value(d, scope, t)) // parsed when it was proposed
	return n
}

// Changes are the instants at which one of the settings began or begins to count anew, in order, each once.
func (b Book) Changes(keys ...Key) []time.Time {
	var all []time.Time
	for r, versions := range b.of {
		if !slices.Contains(keys, r.key) {
			continue
		}
		for _, v := range versions {
			if !v.InForceFrom.IsZero() {
				all = append(all, v.InForceFrom)
			}
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// Live is the book as it was read last. Its zero value has the defaults. It is safe for concurrent use.
type Live struct{ book atomic.Pointer[Book] }

// Book is never waited for.
func (l *Live) Book() Book {
	if b := l.book.Load(); b != nil {
		return *b
	}
	return Book{}
}

// Put replaces it.
func (l *Live) Put(b Book) { l.book.Store(&b) }
