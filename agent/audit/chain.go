package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"
)

// Hash is a SHA-256.
type Hash [sha256.Size]byte

// Row is a record as it lies in the database. Times are microseconds since 1970, as Postgres keeps them.
type Row struct {
	ID, StoredAt, At                                       int64
	XID                                                    uint64
	Actor, Action, Subject, Outcome, Address, Reason, Data string
}

// String names a row for whoever has to look for it.
func (r Row) String() string { return fmt.Sprintf("row %d (%s)", r.ID, r.Action) }

// Seal ties a row to all before it.
type Seal struct {
	N      int64 // place in the chain, from 1
	ID     int64 // of the row
	XID    uint64
	Digest Hash // of the row
	Hash   Hash // of everything up to here
}

func (s Seal) String() string { return fmt.Sprintf("row %d", s.ID) }

// Canonical is the one form of a row that is hashed: every field in a fixed order, with its length before it, so that no two rows share one.
func (r Row) Canonical() []byte {
	out := []byte("hotline audit 1\n")
	for _, n := range []uint64{uint64(r.ID), r.XID, uint64(r.StoredAt), uint64(r.At)} {
		out = binary.BigEndian.AppendUint64(out, n)
	}
	for _, s := range []string{r.Actor, r.Action, r.Subject, r.Outcome, r.Address, r.Reason, r.Data} {
		out = binary.BigEndian.AppendUint64(out, uint64(len(s)))
		out = append(out, s...)
	}
	return out
}

// after is the seal of a row that follows another seal; the first one follows the zero one.
func after(prev Seal, r Row) Seal {
	s := Seal{N: prev.N + 1, ID: r.ID, XID: r.XID, Digest: sha256.Sum256(r.Canonical())}
	s.Hash = join(prev.Hash, s.N, s.Digest)
	return s
}

func join(prev Hash, n int64, digest Hash) Hash {
	b := make([]byte, 0, 2*len(prev)+8)
	b = append(b, prev[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(n))
	return sha256.Sum256(append(b, digest[:]...))
}

// Patience is how long a row may wait for its seal.
const Patience = 10 * time.Second

// Finding is something that is not as it was written, and the rows by name.
type Finding struct {
	What string
	Rows []string
}

// What can be found.
const (
	Changed   = "changed after they were sealed"
	Removed   = "removed: only their seals are left"
	Missing   = "removed with their seals"
	Inserted  = "inserted among sealed ones, or stripped of their seals"
	Unsealed  = "not sealed within 10 s (no server runs that seals, or a long transaction holds the trail back)"
	Moved     = "not in the order in which they were sealed"
	Rewritten = "whose seals do not join"
	Unlike    = "rewritten since they were anchored, with all seals after them"
	Cut       = "anchored, and gone from the end of the chain"
	Illegible = "anchored in lines that cannot be read"
)

// checker walks the chain once: sealed entries in the order of their numbers, then rows without a seal.
type checker struct {
	now      int64 // of the database
	last     Seal
	anchors  map[int64]Hash
	fast     int64 // the newest anchor that the chain agrees with
	loose    int64 // the oldest that it contradicts; 0: none
	findings map[string][]string
	more     map[string]int // of each, beyond those that are named
}

func newChecker(anchors []Anchor) *checker {
	c := &checker{anchors: map[int64]Hash{}, findings: map[string][]string{}, more: map[string]int{}}
	for _, a := range anchors {
		if was, twice := c.anchors[a.N]; twice && was != a.Hash { // the chain cannot agree with both
			c.loosen(a.N)
		}
		c.anchors[a.N] = a.Hash
	}
	return c
}

// mostNamed bounds what is kept of a finding; more than that are counted.
const mostNamed = 1000

func (c *checker) found(what, row string) {
	if len(c.findings[what]) == mostNamed {
		c.more[what]++
		return
	}
	c.findings[what] = append(c.findings[what], row)
}

// sealed looks at the next seal and its row; nil: the row is not there.
func (c *checker) sealed(s Seal, r *Row) {
	switch {
	case s.N > c.last.N+1:
		c.found(Missing, fmt.Sprintf("%d to %d of the chain, between %s and %s", c.last.N+1, s.N-1, c.last.place(), s))
	case join(c.last.Hash, s.N, s.Digest) != s.Hash:
		c.found(Rewritten, fmt.Sprintf("%s and %s", c.last.place(), s))
	}
	switch {
	case r == nil:
		c.found(Removed, s.String())
	case Hash(sha256.Sum256(r.Canonical())) != s.Digest || r.XID != s.XID:
		c.found(Changed, r.String())
	}
	if c.last.N > 0 && !less(c.last.XID, c.last.ID, s.XID, s.ID) {
		c.found(Moved, s.String())
	}
	if want, anchored := c.anchors[s.N]; anchored {
		switch {
		case want != s.Hash:
			c.loosen(s.N)
		case c.loose == 0:
			c.fast = s.N
		}
	}
	c.last = s
}

func (c *checker) loosen(n int64) {
	if c.loose == 0 || n < c.loose {
		c.loose = n
	}
}

// unsealed looks at a row that has no seal.
func (c *checker) unsealed(r Row) {
	waited := time.Duration(c.now-r.StoredAt) * time.Microsecond
	switch {
	case less(r.XID, r.ID, c.last.XID, c.last.ID):
		c.found(Inserted, r.String())
	case waited > Patience || waited < -Patience:
		c.found(Unsealed, r.String())
	}
}

// end says what was found, in an order that does not change.
func (c *checker) end() []Finding {
	if c.loose > 0 {
		c.found(Unlike, fmt.Sprintf("one of %d to %d of the chain", c.fast+1, c.loose))
	}
	gone := int64(0)
	for n := range c.anchors {
		gone = max(gone, n)
	}
	if gone > c.last.N {
		c.found(Cut, fmt.Sprintf("%d to %d of the chain, after %s", c.last.N+1, gone, c.last.place()))
	}
	var out []Finding
	for _, what := range []string{Changed, Removed, Missing, Inserted, Unsealed, Moved, Rewritten, Unlike, Cut, Illegible} {
		if rows := c.findings[what]; len(rows) > 0 {
			if n := c.more[what]; n > 0 {
				rows = append(rows, fmt.Sprintf("and %d more", n))
			}
			out = append(out, Finding{what, rows})
		}
	}
	return out
}

func (s Seal) place() string {
	if s.N == 0 {
		return "the beginning"
	}
	return s.String()
}

func less(xid uint64, id int64, xid2 uint64, id2 int64) bool {
	return xid < xid2 || xid == xid2 && id < id2
}
