package factlog_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations/pgtest"
	"hotline/realtime/factlog"
)

// clockOf gives the database a clock that can be put forward and back, for a reader and for whoever stores facts through it.
func clockOf(t *testing.T, pool *pgxpool.Pool) (*pgxpool.Pool, func(days float64)) {
	t.Helper()
	super := pgtest.Super(t, pool)
	exec := func(sql string, args ...any) {
		_, err := super.Exec(t.Context(), sql, args...)
		require.NoError(t, err)
	}
	for _, sql := range []string{
		`CREATE SCHEMA fake`, `GRANT USAGE ON SCHEMA fake TO PUBLIC`, `CREATE TABLE fake.clock (days float)`, `GRANT SELECT ON fake.clock TO PUBLIC`, `INSERT INTO fake.clock VALUES (0)`,
		`CREATE FUNCTION fake.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT pg_catalog.now() + days * interval '1 day' FROM fake.clock $$`,
		`GRANT EXECUTE ON FUNCTION fake.now() TO PUBLIC`,
		`ALTER TABLE fact ALTER COLUMN stored_at SET DEFAULT fake.now()`,
	} {
		exec(sql)
	}
	cfg := pool.Config().Copy()
	cfg.ConnConfig.RuntimeParams["search_path"] = "fake, pg_catalog, public"
	reader, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(reader.Close)
	return reader, func(days float64) { exec(`UPDATE fake.clock SET days = $1`, days) }
}

// hearing follows the log, one fact at a time.
func hearing(t *testing.T, db factlog.DB) func(subject string) {
	t.Helper()
	log := feed(t, db, factlog.Following{Poll: 2 * time.Millisecond})
	from, err := log.Begin(t.Context())
	require.NoError(t, err)
	return func(subject string) {
		t.Helper()
		within, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		follow(within, t, log, from, func(f factlog.Fact) bool {
			from = f.Position
			require.Equal(t, subject, f.Subject)
			return true
		})
	}
}

// However the database's clock is put, each fact is read, and in the order of the log: the day only says where it lies.
func TestClockDoesNotMatter(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	reader, put := clockOf(t, pool)
	super := pgtest.Super(t, pool)
	for _, clock := range [][]float64{{0, 1, 0.5, 2, 1.5}, {0, 9, 0, 9}, {0, -20, 0}, {0, 3000, 12, -3000, 0, 8}} {
		hear := hearing(t, reader)
		for _, days := range clock {
			put(days)
			require.NoError(t, appendOne(t.Context(), pool, "call.k", "1"))
			hear("1")
			_, err := super.Exec(t.Context(), `WITH back AS (UPDATE fake.clock SET days = 0)
INSERT INTO fact (at, kind, subject, topics, actor) VALUES (now(), 'call.k', '2', '{}', 'test')`) // the last one before the clock is put right
			require.NoError(t, err)
			hear("2")
		}
	}
}

var errAway = errors.New("the database is away")

// away is a database that can be away.
type away struct {
	factlog.DB

	gone  atomic.Bool
	asked atomic.Int64
}

func (a *away) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if a.gone.Load() {
		a.asked.Add(1)
		return nil, errAway
	}
	return a.DB.Query(ctx, sql, args...)
}

// While nobody could look, the clock may have been anywhere and back.
func TestAllDaysAreLookedAtAfterAnOutage(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	reader, put := clockOf(t, pool)
	db := &away{DB: reader}
	hear := hearing(t, db)
	require.NoError(t, appendOne(t.Context(), pool, "call.k", "1"))
	hear("1")
	db.gone.Store(true)
	require.Eventually(t, func() bool { return db.asked.Load() > 0 }, 10*time.Second, time.Millisecond)
	for i, days := range []float64{9, -20, 0} {
		put(days)
		require.NoError(t, appendOne(t.Context(), pool, "call.k", []string{"2", "3", "4"}[i]))
	}
	db.gone.Store(false)
	for _, subject := range []string{"2", "3", "4"} {
		hear(subject)
	}
}

// RH6: what the log asks all day looks at the days at hand alone, however many are prepared and kept, and plans once.
func TestALookIsAtFewDays(t *testing.T) {
	t.Parallel()
	pool, count := pgtest.Counted(t, pgtest.New(t))
	log := feed(t, pool, factlog.Following{Poll: time.Millisecond})
	from, err := log.Begin(t.Context())
	require.NoError(t, err)
	require.NoError(t, appendOne(t.Context(), pool, "call.k", "1"))
	follow(t.Context(), t, log, from, func(factlog.Fact) bool { return true })
	var look string
	require.Eventually(t, func() bool {
		all, _ := count.Take()
		for _, sql := range all {
			if strings.Contains(sql, "now()") {
				look = sql
			}
		}
		return look != ""
	}, 10*time.Second, time.Millisecond)
	conn, err := pgtest.Super(t, pool).Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	for _, sql := range []string{`SELECT fact_days(60)`, `SET plan_cache_mode = force_generic_plan`, `PREPARE look (xid8, bigint, bigint, timestamptz) AS ` + look} {
		_, err := conn.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	rows, err := conn.Query(t.Context(), `EXPLAIN EXECUTE look ('5', 7, 256, now())`)
	require.NoError(t, err)
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	whole := strings.Join(plan, "\n")
	require.Contains(t, whole, "Subplans Removed: ", "of a plan that is made once")
	require.LessOrEqual(t, strings.Count(whole, " on fact_"), 4, whole)
	require.NotContains(t, whole, "Sort  ", whole)
	require.NotContains(t, whole, "Seq Scan", whole)
}

// The log is prepared by whoever asks, and once.
func TestDaysArePrepared(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	_, err := factlog.Prepare(t.Context(), pool)
	require.NoError(t, err)
	made, err := factlog.Prepare(t.Context(), pool)
	require.NoError(t, err)
	require.Zero(t, made)
	d, err := factlog.LookAtDays(t.Context(), pool)
	require.NoError(t, err)
	require.GreaterOrEqual(t, d.Ready, factlog.DaysAhead)
	require.Zero(t, d.Strays)
}

// BenchmarkLook is what a feed asks all day: nothing has happened, and 20 facts have, with ten days of 20,000 facts behind and 30 ahead.
func BenchmarkLook(b *testing.B) {
	pool := pgtest.New(b)
	super := pgtest.Super(b, pool)
	_, err := super.Exec(b.Context(), `SELECT fact_days(30)`)
	require.NoError(b, err)
	for day := range 10 {
		_, err := super.Exec(b.Context(), `SELECT fact_make_day((now() AT TIME ZONE 'Asia/Shanghai')::date + 30 + $1::int)`, 10-day) // as far ahead as others are behind
		require.NoError(b, err)
		_, err = super.Exec(b.Context(), `INSERT INTO fact (at, kind, subject, topics, actor, stored_at)
SELECT now(), 'call.k', md5(i::text), '{board}', 'test', now() + CASE WHEN $1::int = 9 THEN '0 days' ELSE (40 - $1::int) * interval '1 day' END FROM generate_series(1, 20000) AS i`, day)
		require.NoError(b, err)
	}
	_, err = super.Exec(b.Context(), `VACUUM ANALYZE fact`)
	require.NoError(b, err)
	cfg := pool.Config().Copy()
	cfg.ConnConfig.RuntimeParams["plan_cache_mode"], cfg.ConnConfig.RuntimeParams["jit"] = "force_generic_plan", "off"
	follow, err := pgxpool.NewWithConfig(b.Context(), cfg)
	require.NoError(b, err)
	b.Cleanup(follow.Close)
	var last factlog.Position
	require.NoError(b, super.QueryRow(b.Context(), `SELECT xid, id FROM fact ORDER BY xid DESC, id DESC LIMIT 1`).Scan(&last.XID, &last.ID))
	reader := factlog.NewReader(follow)
	head := factlog.Position{XID: last.XID + 1}
	web := reader
	b.Run("between", func(b *testing.B) {
		for b.Loop() {
			got, _, err := web.Between(b.Context(), factlog.Position{XID: last.XID, ID: last.ID - 20}, head, []string{"board"}, 5000, 500)
			require.NoError(b, err)
			require.Len(b, got, 20)
		}
	})
	for name, stored := range map[string]time.Time{"near": time.Now(), "all": {}} {
		for what, facts := range map[string]int{"nothing": 0, "20 facts": 20} {
			b.Run(name+"/"+what, func(b *testing.B) {
				after := factlog.Position{XID: last.XID, ID: last.ID - int64(facts)}
				for b.Loop() {
					got, err := reader.Look(b.Context(), after, stored, 256)
					require.NoError(b, err)
					require.Len(b, got, facts)
				}
			})
		}
	}
}
