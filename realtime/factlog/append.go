package factlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// appendSQL writes any number of facts with one statement and one plan. The rows come in order, so their ids do too.
// Topics travel joined by the unit separator, because unnest would flatten an array of arrays.
const appendSQL = `INSERT INTO fact (at, kind, subject, topics, actor, epoch, data)
SELECT f.at, f.kind, f.subject, string_to_array(f.topics, E'\x1f'), f.actor, nullif(f.epoch, 0), f.data::jsonb
FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[])
  WITH ORDINALITY AS f (at, kind, subject, topics, actor, epoch, data, ord)
ORDER BY f.ord
RETURNING xid, id`

const separator = "\x1f"

// Append writes the facts in the transaction of the change they tell. Make it the last statement before the commit, because the
// facts take their order from it. The transaction has its id, and holds readers back, since its first lock or write already: read
// and decide before that, or use a Pipeline. The facts given get their positions, which hold once the transaction has committed.
func Append(ctx context.Context, tx pgx.Tx, facts ...Fact) error {
	if len(facts) == 0 {
		return nil
	}
	if err := check(facts); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, appendSQL, columns(facts)...)
	if err == nil {
		err = place(rows, facts)
	}
	if err != nil {
		return fmt.Errorf("append %d facts, first %s: %w", len(facts), facts[0].Kind, err)
	}
	return nil
}

// Queue puts the same statement last into a pipelined transaction. A malformed fact is refused by the database when the
// batch is sent, and the whole transaction with it. The facts given get their positions when the batch's results are closed.
func Queue(b *pgx.Batch, facts ...Fact) {
	if len(facts) > 0 {
		b.Queue(appendSQL, columns(facts)...).Query(func(rows pgx.Rows) error { return place(rows, facts) })
	}
}

// place gives facts the positions that they were written at. Their ids came in their order.
func place(rows pgx.Rows, facts []Fact) error {
	at, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Position, error) {
		var p Position
		err := row.Scan(&p.XID, &p.ID)
		return p, err
	})
	if err != nil {
		return err
	}
	if len(at) != len(facts) {
		return fmt.Errorf("%d facts written of %d", len(at), len(facts))
	}
	slices.SortFunc(at, Position.Compare)
	for i := range facts {
		facts[i].Position = at[i]
	}
	return nil
}

// The pattern is compiled per process, not per fact: the table's CHECK is the authority, this names the field.
var kindPattern = regexp.MustCompile(`^[a-z_]+\.[a-z_]+$`)

func check(facts []Fact) error {
	for i, f := range facts {
		switch {
		case !kindPattern.MatchString(f.Kind):
			return fmt.Errorf("fact %d: kind %q: want area.what", i, f.Kind)
		case f.At.IsZero():
			return fmt.Errorf("fact %d (%s): no time", i, f.Kind)
		case f.Subject == "":
			return fmt.Errorf("fact %d (%s): no subject", i, f.Kind)
		case f.Actor == "":
			return fmt.Errorf("fact %d (%s): no actor", i, f.Kind)
		}
		if err := checkTopics(f.Topics); err != nil {
			return fmt.Errorf("fact %d (%s): %w", i, f.Kind, err)
		}
		if len(f.Data) > 0 && !json.Valid(f.Data) {
			return fmt.Errorf("fact %d (%s): data is not JSON", i, f.Kind)
		}
	}
	return nil
}

func checkTopics(topics []string) error {
	for _, t := range topics {
		if t == "" {
			return errors.New("empty topic")
		}
		if strings.ContainsAny(t, " \n"+separator) {
			return fmt.Errorf("topic %q holds a blank", t)
		}
	}
	return nil
}

func columns(facts []Fact) []any {
	n := len(facts)
	at, epoch := make([]time.Time, n), make([]int64, n)
	kind, subject, topics, actor, data := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, f := range facts {
		at[i], epoch[i] = f.At, f.Epoch
		kind[i], subject[i], actor[i] = f.Kind, f.Subject, f.Actor
		topics[i] = strings.Join(f.Topics, separator)
		data[i] = "{}"
		if len(f.Data) > 0 {
			data[i] = string(f.Data)
		}
	}
	return []any{at, kind, subject, topics, actor, epoch, data}
}
