package audit

// What tests of the pure part use.
var (
	After       = after
	WriteAnchor = writeAnchor
	ReadAnchors = readAnchors
)

// VerifyPage is how many rows Verify reads at a time.
const VerifyPage = verifyPage

// Entry is a row beside its seal; either may be missing.
type Entry struct {
	Row  *Row
	Seal *Seal
}

// Check walks entries in the order in which the database gives them.
func Check(entries []Entry, anchors []Anchor, now int64) []Finding {
	c := newChecker(anchors)
	c.now = now
	for _, e := range entries {
		if e.Seal != nil {
			c.sealed(*e.Seal, e.Row)
		} else {
			c.unsealed(*e.Row)
		}
	}
	return c.end()
}
