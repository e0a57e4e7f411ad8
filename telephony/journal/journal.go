// Package journal keeps on disk what waits for Postgres: the arrivals and ends of legs that can not be stored while it is away
// (R7), and what the dialplan's net has written of calls that no controller took (R1).
//
// A Journal is a folder with one file per process that has something to keep, locked while the process lives. A line of it is
// one fact with its checksum, and is on the disk before Append returns. Whoever is master reads what the dead have left together
// with its own, stores it in that order, and clears it: to store a fact twice has the effect of once, so a crash in between
// does no harm. A line that is torn or damaged is left out, never guessed. Numbers are sealed.
//
// The package must not know Postgres, the exchange or the controller: it keeps, and gives back.
package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"

	"hotline/telephony"
)

// ErrDamaged means: a file holds lines that are not what was written. The others were read; the file is kept beside.
var ErrDamaged = errors.New("journal is damaged")

// Sealer keeps numbers from whoever reads the disk; a number's subject is the id of its call.
type Sealer interface {
	Seal(subject, plain string) []byte
	Open(subject string, sealed []byte) (string, error)
}

const (
	ending  = ".journal"
	damaged = ".damaged"
)

// Journal is a folder of facts. Its methods may be called by several goroutines.
type Journal struct {
	dir    string
	sealer Sealer

	mu   sync.Mutex // guards all below
	file *os.File   // ours; nil: nothing is kept
	size int64      // of what is whole in it
	left []inherited
}

// inherited is the file of a dead process, locked by us.
type inherited struct {
	file    *os.File
	damaged bool
}

// Open has a folder that nobody else may read. It makes no file.
func Open(dir string, sealer Sealer) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the journal's folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the journal's folder %s can be read by others: chmod 700 %s", dir, dir)
	}
	return &Journal{dir: dir, sealer: sealer}, nil
}

// Append writes facts, in order, and returns when the disk has them. Several at once cost one wait.
func (j *Journal) Append(facts ...telephony.Kept) error {
	var text []byte
	for _, f := range facts {
		line, err := j.line(f)
		if err != nil {
			return err
		}
		text = append(text, line...)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.openLocked(); err != nil {
		return err
	}
	_, err := j.file.Write(text)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil { // what is half there must not stand before the next line
		return errors.Join(fmt.Errorf("write the journal: %w", err), j.file.Truncate(j.size))
	}
	j.size += int64(len(text))
	return nil
}

// openLocked makes our file, whose name sorts by its age.
func (j *Journal) openLocked() error {
	if j.file != nil {
		return nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("name a journal: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(j.dir, id.String()+ending), os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("make a journal: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("lock the journal: %w", err), f.Close())
	}
	if err := j.syncDir(); err != nil { // a file whose name is not on the disk is none
		return errors.Join(err, os.Remove(f.Name()), f.Close())
	}
	j.file, j.size = f, 0
	return nil
}

// Inherit reads what dead processes have kept, in order, and holds their files until Clear. ErrDamaged comes with what was
// whole.
func (j *Journal) Inherit() ([]telephony.Kept, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	paths, err := list(j.dir, func(name string) bool { return strings.HasSuffix(name, ending) })
	if err != nil {
		return nil, fmt.Errorf("look for journals: %w", err)
	}
	var all []telephony.Kept
	var errs []error
	for _, path := range paths {
		facts, err := j.inheritLocked(path)
		all, errs = append(all, facts...), append(errs, err)
	}
	return all, errors.Join(errs...)
}

func (j *Journal) inheritLocked(path string) ([]telephony.Kept, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) { // its owner has cleared it
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open a journal: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, nil //nolint:nilerr // its owner lives, and will store it; or it is ours, or read already
	}
	content, err := io.ReadAll(f) // not by its name: its owner may have cleared it meanwhile
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read a journal: %w", err), f.Close())
	}
	facts, err := j.read(content)
	j.left = append(j.left, inherited{file: f, damaged: err != nil})
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return facts, err
}

// Clear forgets everything: all of it is stored. A damaged file is kept beside, for a person to look at. What can not be
// cleared is held, so that only the next process reads it again.
func (j *Journal) Clear() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := j.left
	if j.file != nil {
		all = append(all, inherited{file: j.file})
	}
	j.left, j.file = nil, nil
	var errs []error
	for _, l := range all {
		if err := l.clear(); err != nil {
			j.left, errs = append(j.left, l), append(errs, err)
			continue
		}
		errs = append(errs, l.file.Close())
	}
	if err := errors.Join(append(errs, j.syncDir())...); err != nil {
		return fmt.Errorf("clear the journal: %w", err)
	}
	return nil
}

// clear takes the file away; one that its owner has cleared at last is gone already.
func (l inherited) clear() error {
	var err error
	if l.damaged {
		err = os.Rename(l.file.Name(), l.file.Name()+damaged)
	} else {
		err = os.Remove(l.file.Name())
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// Close lets go of the files and leaves them to whoever comes next.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var errs []error
	for _, l := range j.left {
		errs = append(errs, l.file.Close())
	}
	j.left = nil
	if j.file != nil {
		errs = append(errs, j.file.Close())
		j.file = nil
	}
	return errors.Join(errs...)
}

// list gives the paths of the files in a folder with such names, in order.
func list(dir string, named func(string) bool) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var paths []string
	for _, e := range entries {
		if named(e.Name()) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, err
}

func (j *Journal) syncDir() error {
	d, err := os.Open(j.dir)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// record is a fact as it is written. Kind tells which; a kind that this version does not know is damage.
type record struct {
	Kind    string           `json:"kind"`
	Call    telephony.CallID `json:"call,omitempty"`
	Leg     telephony.LegID  `json:"leg"`
	Entity  string           `json:"entity,omitempty"`
	Number  []byte           `json:"number,omitempty"` // sealed
	Dialled string           `json:"dialled,omitempty"`
	Soft    bool             `json:"soft,omitempty"`
	At      time.Time        `json:"at"`
}

const (
	kindArrived = "arrived"
	kindLeft    = "left"
)

const sumDigits = 8 // of the checksum that a line begins with

func (j *Journal) line(f telephony.Kept) ([]byte, error) {
	var r record
	switch a, l := f.Arrival, f.Left; {
	case a != nil:
		r = record{
			Kind: kindArrived, Call: a.ID, Leg: a.Channel, Entity: a.Entity, Number: j.sealer.Seal(string(a.ID), string(a.Number)), Dialled: a.Dialled, At: a.At,
		}
	case l != nil:
		r = record{Kind: kindLeft, Leg: l.Leg, Soft: l.Soft, At: l.At}
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write a fact down: %w", err)
	}
	return fmt.Appendf(nil, "%0*x %s\n", sumDigits, crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)), text), nil
}

// read gives the lines that are whole. The last one may be torn: it was never promised to anybody.
func (j *Journal) read(content []byte) ([]telephony.Kept, error) {
	var all []telephony.Kept
	bad := 0
	for line := range bytes.Lines(content) {
		f, err := j.fact(line)
		switch {
		case err == nil:
			all = append(all, f)
		case bytes.HasSuffix(line, []byte("\n")):
			bad++
		}
	}
	if bad > 0 {
		return all, fmt.Errorf("%w: %d lines", ErrDamaged, bad)
	}
	return all, nil
}

func (j *Journal) fact(line []byte) (telephony.Kept, error) {
	sum, text, found := strings.Cut(strings.TrimSuffix(string(line), "\n"), " ")
	if !found || !bytes.HasSuffix(line, []byte("\n")) || sum != fmt.Sprintf("%0*x", sumDigits, crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli))) {
		return telephony.Kept{}, ErrDamaged
	}
	var r record
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return telephony.Kept{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	switch r.Kind {
	case kindArrived:
		number, err := j.sealer.Open(string(r.Call), r.Number)
		if err != nil {
			return telephony.Kept{}, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return telephony.Kept{Arrival: &telephony.Arrival{
			ID: r.Call, Channel: r.Leg, Entity: r.Entity, Number: telephony.PhoneNumber(number), Dialled: r.Dialled, At: r.At,
		}}, nil
	case kindLeft:
		return telephony.Kept{Left: &telephony.Left{Leg: r.Leg, Soft: r.Soft, At: r.At}}, nil
	}
	return telephony.Kept{}, fmt.Errorf("%w: kind %q", ErrDamaged, r.Kind)
}
