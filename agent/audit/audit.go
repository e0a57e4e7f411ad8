// Package audit is the trail of who did, read or was refused what (reliability.md 8): appended to in the transaction of the act, or
// alone for what has no other effect; chained by one sealer behind the commit; anchored in a file outside the database; and verified.
// It knows pgx and no domain. What calls do is told by the fact log, not here: nothing is appended on a call's way.
package audit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Outcome says how an act ended.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Refused Outcome = "refused" // the person may not
	Failed  Outcome = "failed"  // it should have worked
)

// Record is one act. Nothing of a citizen goes into it: ids, versions, codes.
type Record struct {
	At      time.Time // of the server's clock
	Actor   string    // person:<uuid>, cli:<user>@<host>, anonymous
	Action  string    // ticket.read
	Subject string    // ticket:<uuid>: what it was done to
	Outcome Outcome
	Address string          // where the request came from; "" takes it from the context, which may know of none
	Reason  string          // as its person gave it, or why it was refused
	Data    json.RawMessage // what else is worth knowing; nil is {}
	Once    time.Duration   // left out when, so long before it, one of the same act, actor and address has said all that its Data says; 0: kept
}

// DB is what appending needs of a transaction, a pool or a connection.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

var _ DB = pgx.Tx(nil)

// appendSQL writes any number of records with one statement and one plan, in order.
const (
	appendSQL = `INSERT INTO audit (at, actor, action, subject, outcome, address, reason, data)
SELECT a.at, a.actor, a.action, a.subject, a.outcome, a.address, a.reason, a.data::json
FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]`
	inOrder = `)
  WITH ORDINALITY AS a (at, actor, action, subject, outcome, address, reason, data, ord)
ORDER BY a.ord`
	// Those with a time of their own have it that nobody who repeats an act fills the trail: whoever appends them holds what they are
	// about, so that no two look at the same time, and reads what they have written before.
	unlessSaid = `, $9::timestamptz[])
  WITH ORDINALITY AS a (at, actor, action, subject, outcome, address, reason, data, since, ord)
WHERE a.since IS NULL OR NOT EXISTS (
  SELECT FROM audit o WHERE o.subject = a.subject AND o.actor = a.actor AND o.action = a.action AND o.outcome = a.outcome
    AND o.address = a.address AND o.reason = a.reason AND o.at > a.since AND o.data::jsonb @> a.data::jsonb)
ORDER BY a.ord`
)

// Append writes the records: in the transaction of their effect, or by a pool when they have none.
func Append(ctx context.Context, db DB, records ...Record) error {
	if len(records) == 0 {
		return nil
	}
	at, since := make([]time.Time, len(records)), make([]*time.Time, len(records))
	var columns [7][]string
	for i, r := range records {
		r.Address = cmp.Or(r.Address, addressOf(ctx))
		if err := r.check(); err != nil {
			return fmt.Errorf("audit record %d (%s): %w", i, r.Action, err)
		}
		at[i] = r.At
		if r.Once > 0 {
			t := r.At.Add(-r.Once)
			since[i] = &t
		}
		data := "{}"
		if len(r.Data) > 0 {
			data = string(r.Data)
		}
		for c, v := range []string{r.Actor, r.Action, r.Subject, string(r.Outcome), r.Address, r.Reason, data} {
			columns[c] = append(columns[c], v)
		}
	}
	if len(records) == 1 && since[0] == nil {
		return appendOne(ctx, db, at[0], columns)
	}
	args := []any{at}
	for _, c := range columns {
		args = append(args, c)
	}
	sql := appendSQL + inOrder
	if slices.ContainsFunc(since, func(t *time.Time) bool { return t != nil }) {
		sql, args = appendSQL+unlessSaid, append(args, since)
	}
	if _, err := db.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("append to the audit trail: %w", err)
	}
	return nil
}

const appendOneSQL = `INSERT INTO audit (at, actor, action, subject, outcome, address, reason, data) VALUES ($1, $2, $3, $4, $5, $6, $7, $8::json)`

// appendOne is a plain row: most acts leave one, and an array of each column costs more than the row itself.
func appendOne(ctx context.Context, db DB, at time.Time, columns [7][]string) error {
	args := []any{at}
	for _, c := range columns {
		args = append(args, c[0])
	}
	if _, err := db.Exec(ctx, appendOneSQL, args...); err != nil {
		return fmt.Errorf("append to the audit trail: %w", err)
	}
	return nil
}

func (r Record) check() error {
	switch {
	case r.At.IsZero():
		return errors.New("no time")
	case r.Actor == "":
		return errors.New("no actor")
	case r.Subject == "":
		return errors.New("no subject")
	case r.Outcome != Done && r.Outcome != Refused && r.Outcome != Failed:
		return fmt.Errorf("outcome %q: want done, refused or failed", r.Outcome)
	case len(r.Data) > 0 && !json.Valid(r.Data):
		return errors.New("data is not JSON")
	}
	for _, s := range []string{r.Actor, r.Action, r.Subject, r.Address, r.Reason, string(r.Data)} {
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return errors.New("not a text: invalid UTF-8 or a NUL")
		}
	}
	return nil
}
