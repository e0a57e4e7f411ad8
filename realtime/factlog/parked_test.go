package factlog_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations/pgtest"
	"hotline/realtime/factlog"
)

// RC3: facts that can never be mended, however many, keep none that can from its turn; and what they failed of is kept with them.
func TestMendingComesToEveryFact(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := t.Context()
	effects(t, pool, `subject text`)
	const poisoned = 100
	now := time.Now().Truncate(time.Microsecond)
	r := factlog.Reaction{
		Consumer: "test", Now: func() time.Time { return now },
		Apply: func(ctx context.Context, w *factlog.Pipeline, facts []factlog.Fact) error {
			if facts[0].Subject == "poison" {
				return errors.New("still poison")
			}
			_, err := w.Exec(ctx, `INSERT INTO effect VALUES ($1)`, facts[0].Subject)
			return err
		},
	}
	_, err := pool.Exec(ctx, `INSERT INTO fact_parked (consumer, xid, id, at, attempts, error, told_at, kind, subject, topics, actor, data)
SELECT 'test', '7', i, $1, 1, 'first', $1, 'call.k', CASE WHEN i <= $2 THEN 'poison' ELSE 'whole' END, '{}', 'test', '{}' FROM generate_series(1, $2::int + 1) i`, now.Add(-time.Hour), poisoned)
	require.NoError(t, err)
	for _, want := range []int{0, 1, 0} {
		now = now.Add(10 * time.Second)
		mended, err := factlog.Mend(ctx, pool, r)
		require.NoError(t, err)
		require.Equal(t, want, mended)
	}
	var errs, attempts int
	require.NoError(t, pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE error = 'still poison'), min(attempts) FROM fact_parked`).Scan(&errs, &attempts))
	require.Equal(t, poisoned, errs)
	require.GreaterOrEqual(t, attempts, 3)
}

// RC3: a fact that can not be digested is set aside at its first try, so eight of them hold nobody up; it takes effect as soon as it can.
func TestPoisonIsSetAsideAtOnceAndMended(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := t.Context()
	effects(t, pool, `subject text`)
	var poisoned atomic.Bool
	poisoned.Store(true)
	var tries atomic.Int32
	r := factlog.Reaction{
		Consumer: "test", Kinds: []string{"call.k"}, Feed: feed(t, pool, factlog.Following{Poll: 5 * time.Millisecond}), Attempts: 1000, Now: time.Now,
		Apply: func(ctx context.Context, w *factlog.Pipeline, facts []factlog.Fact) error {
			for _, f := range facts {
				if n, _ := strconv.Atoi(f.Subject); n < 8 && poisoned.Load() {
					if len(facts) == 1 {
						tries.Add(1)
					}
					return errors.New("poison")
				}
				if _, err := w.Exec(ctx, `INSERT INTO effect VALUES ($1)`, f.Subject); err != nil {
					return err
				}
			}
			return nil
		},
	}
	for i := range 9 {
		require.NoError(t, appendOne(ctx, pool, "call.k", strconv.Itoa(i)))
	}
	reacting(t, pool, r)
	require.Eventually(t, func() bool {
		var n int
		return pool.QueryRow(ctx, `SELECT count(*) FROM effect WHERE subject = '8'`).Scan(&n) == nil && n == 1
	}, 20*time.Second, 5*time.Millisecond, "the fact behind them")
	require.LessOrEqual(t, tries.Load(), int32(8), "one try each")
	mended, err := factlog.Mend(ctx, pool, r)
	require.NoError(t, err)
	require.Zero(t, mended)
	n, err := factlog.CountParked(ctx, pool)
	require.NoError(t, err)
	require.Equal(t, 8, n)

	_, err = pgtest.Super(t, pool).Exec(ctx, pgtest.DropToday)
	require.NoError(t, err)
	require.NoError(t, pool.QueryRow(ctx, `SELECT count(*) FROM fact`).Scan(&n))
	require.Zero(t, n, "the log keeps days, and what is set aside stays until it is mended")
	all, err := factlog.Unsettled(ctx, pool, r)
	require.NoError(t, err)
	require.Contains(t, all, "call.k of 0, set aside")

	poisoned.Store(false)
	for _, want := range []int{8, 0} {
		mended, err = factlog.Mend(ctx, pool, r)
		require.NoError(t, err)
		require.Equal(t, want, mended)
	}
	n, err = factlog.CountParked(ctx, pool)
	require.NoError(t, err)
	require.Zero(t, n)
	require.NoError(t, pool.QueryRow(ctx, `SELECT count(*) FROM effect`).Scan(&n))
	require.Equal(t, 9, n)
}
