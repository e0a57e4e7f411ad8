package audit

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Anchor is the head of the chain at some time, kept where the database's superuser has no hand in it.
type Anchor struct {
	At   time.Time
	N    int64
	Hash Hash
}

// writeAnchor adds a line to the file and waits for the disk. A line that a crash has cut short is ended first.
func writeAnchor(path string, a Anchor) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the anchor file: %w", err)
	}
	line := fmt.Sprintf("%s %d %x\n", a.At.UTC().Format(time.RFC3339), a.N, a.Hash)
	last := []byte{'\n'}
	if size, err := f.Seek(0, io.SeekEnd); err == nil && size > 0 {
		if _, err := f.ReadAt(last, size-1); err != nil {
			return errors.Join(fmt.Errorf("read the anchor file: %w", err), f.Close())
		}
	}
	if last[0] != '\n' {
		line = "\n" + line
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.WriteString(line)
	}
	if err == nil {
		err = f.Sync()
	} else { // a full disk cuts a line short: nothing of it stays
		err = errors.Join(err, f.Truncate(size))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the anchor file: %w", err)
	}
	return nil
}

// readAnchors reads the file; a line that is none is told by its number. A file that is not there has none.
func readAnchors(path string) ([]Anchor, []string, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open the anchor file: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	var out []Anchor
	var bad []string
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		a, ok := parseAnchor(lines.Text())
		if !ok {
			bad = append(bad, fmt.Sprintf("line %d", n))
			continue
		}
		out = append(out, a)
	}
	if err := lines.Err(); err != nil {
		return nil, nil, fmt.Errorf("read the anchor file: %w", err)
	}
	return out, bad, nil
}

func parseAnchor(line string) (Anchor, bool) {
	var at, hash string
	var a Anchor
	if n, err := fmt.Sscanf(line, "%s %d %s", &at, &a.N, &hash); err != nil || n != 3 {
		return a, false
	}
	b, err := hex.DecodeString(hash)
	if err != nil || len(b) != len(a.Hash) || a.N <= 0 {
		return a, false
	}
	copy(a.Hash[:], b)
	a.At, err = time.Parse(time.RFC3339, at)
	return a, err == nil && line == fmt.Sprintf("%s %d %x", at, a.N, a.Hash)
}
