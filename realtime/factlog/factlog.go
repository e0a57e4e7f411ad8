// Package factlog appends facts inside the transaction of the change they tell, and reads them after commit in an order
// that skips nothing (reliability.md 2.2). It knows pgx and no domain.
package factlog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Fact is one row of the append-only log. Nothing personal goes into it: ids, versions, states, masked numbers.
type Fact struct {
	At      time.Time
	Kind    string   // call.offered
	Subject string   // id of what it is about
	Topics  []string // who may hear it: seat:A01, line:session, call:<id>, ticket:<id>, board
	Actor   string   // person:<uuid>, controller, ticketing, system
	Epoch   int64    // of the controller; 0 when none was involved
	Data    json.RawMessage

	Position Position // set by the reader, and by whoever has written the fact
}

// Position is a place in the log: the transaction's id, then the row's.
type Position struct {
	XID uint64
	ID  int64
}

// String gives the form that travels to browsers: "xid-id".
func (p Position) String() string { return fmt.Sprintf("%d-%d", p.XID, p.ID) }

// ParsePosition reads what String wrote, and nothing else.
func ParsePosition(s string) (Position, error) {
	xid, id, _ := strings.Cut(s, "-")
	var p Position
	var errXID, errID error
	p.XID, errXID = strconv.ParseUint(xid, 10, 64)
	p.ID, errID = strconv.ParseInt(id, 10, 64)
	if errXID != nil || errID != nil || p.ID < 0 || p.String() != s {
		return Position{}, fmt.Errorf("position %q: want xid-id", s)
	}
	return p, nil
}

// Less orders positions.
func (p Position) Less(q Position) bool { return p.Compare(q) < 0 }

// Compare orders positions as slices.SortFunc wants it.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.XID, q.XID), cmp.Compare(p.ID, q.ID))
}
