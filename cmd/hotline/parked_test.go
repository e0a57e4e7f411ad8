package main

import (
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
)

// RC3: a fact that was set aside is told by doctor and by a metric until it has taken effect, and the server tries it again.
func TestFactSetAsideIsToldAndMended(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	shown := func() float64 {
		var m dto.Metric
		require.NoError(t, b.srv.parked.Write(&m))
		return m.GetGauge().GetValue()
	}
	require.NoError(t, b.srv.mendFacts(ctx))
	require.Zero(t, shown())
	require.Empty(t, checkParked(ctx, b.srv.follow).mend)

	_, err := b.db.Exec(ctx, `INSERT INTO fact (at, kind, subject, topics, actor) VALUES (now(), 'call.admitted', 'nonsense', '{t}', 'test')`)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		var n int
		return b.db.QueryRow(ctx, `SELECT count(*) FROM fact_parked`).Scan(&n) == nil && n == 1
	}, 20*time.Second, 10*time.Millisecond, "it is no call")
	_, err = b.db.Exec(ctx, `WITH f AS (INSERT INTO fact (at, kind, subject, topics, actor) VALUES (now(), 'ticket.x', gen_random_uuid(), '{t}', 'test') RETURNING *)
		INSERT INTO fact_parked (consumer, xid, id, at, attempts, error, told_at, kind, subject, topics, actor, data)
		SELECT 'ticketing', xid, id, now(), 1, 'it had a reason', at, kind, subject, topics, actor, data FROM f`)
	require.NoError(t, err)
	require.NoError(t, b.srv.mendFacts(ctx))
	require.InDelta(t, 1, shown(), 0, "the one took effect, the other never will")
	said := checkParked(ctx, b.srv.follow)
	require.Equal(t, "1 were set aside: what should have followed from them is missing", said.detail)
	require.NotEmpty(t, said.mend)
}
