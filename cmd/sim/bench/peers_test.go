package bench_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/cmd/sim/bench"
	"hotline/telephony/trace"
)

// pgbench says the same as hotline, but for what names the one assignment that was listened to.
func TestPgbenchSaysWhatHotlineSays(t *testing.T) {
	t.Parallel()
	call, seat, offer := bench.SampleNames()
	null := (*string)(nil)
	args := []any{
		call, int64(bench.FirstVersion), int64(bench.FirstVersion + 1), null, &seat,
		json.RawMessage(`{"leg":"h-` + offer + `","at":null}`),
		[]string{"line:session", `a"b`},
		time.Date(2026, 11, 27, 1, 2, 3, 0, time.UTC),
		[]byte{1, 2},
		true, []byte(nil),
	}
	got := bench.PgbenchScript("-- name: Save :exec\nSELECT $1::uuid, $2, $3, $4, $5, $6::json, $7::text[], $8, $9, $10, $11", args, args[:3])
	require.NotContains(t, got, call)
	require.NotContains(t, got, offer)
	require.NotContains(t, got, "-- name")
	require.Contains(t, got, "SELECT (E'0190a000-0000-7000-8000-' || lpad(:client_id::text, 12, '0'))::uuid::uuid, :v0, :v1, NULL, ((E'B' || lpad(:client_id::text, 2, '0')))")
	require.Contains(t, got, `(E'{"leg"\x3a"h-' || (E'0190c000-0000-7000-8000-' || lpad(:n::text, 12, '0')) || E'","at"\x3anull}')::json`)
	require.Contains(t, got, `E'{"line\x3asession","a\\"b"}'::text[]`)
	require.Contains(t, got, `E'2026-11-27T01\x3a02\x3a03Z', E'\\x0102', E'true', NULL`)
	require.Equal(t, 2, strings.Count(got, "\\startpipeline\n"), "each commit is a pipeline")
}

// A journey shows the steps of the call that a seat has ended and of the one that it gets, and nobody else's.
func TestWayOfACall(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 11, 27, 1, 0, 0, 0, time.UTC)
	at := func(micros int, step string, ids ...string) trace.Mark {
		return trace.Mark{At: from.Add(time.Duration(micros) * time.Microsecond), Step: step, IDs: ids}
	}
	lines := bench.Lines("A01", from, from.Add(5*time.Millisecond), []trace.Mark{
		at(3000, "ring asked", "leg2", "ep"), at(-900, "offer committed", "call1", "leg1", "A01"),
		at(-950, "offer committed", "call0", "leg0", "A01"), at(800, "routed", "leg0"),
		at(1000, "routed", "leg1"), at(1500, "routed", "elsewhere"), at(2000, "offer committed", "call2", "leg2", "A01"),
		at(2100, "offer committed", "call3", "leg3", "A02"), at(2500, "ended committed", "call1"), at(5100, "ring answered", "leg2"),
	})
	var steps []string
	for _, line := range lines[2:] {
		steps = append(steps, strings.Join(strings.Fields(line), " "))
	}
	require.Equal(t, []string{
		"0 0 BYE sent", "1000 1000 of the ended call: routed", "2000 1000 offer committed", "2500 500 of the ended call: ended committed",
		"3000 500 ring asked", "5000 2000 INVITE seen",
	}, steps)
}

// The time of a database's connections that have ended is in its own.
func TestEndedChildrenCount(t *testing.T) {
	t.Parallel()
	used, ok := bench.ParseStat("42 (post) gres) S 1 2 3 4 5 6 7 8 9 10 100 20 3000 400 20 0")
	require.True(t, ok)
	require.Equal(t, 3520*10*time.Millisecond, used)
}
