package factlog_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations/pgtest"
	"hotline/realtime/factlog"
)

// reacting runs a reaction to its end with the test.
func reacting(t *testing.T, pool factlog.Pool, r factlog.Reaction) {
	t.Helper()
	r.Now = time.Now
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- factlog.React(ctx, pool, r) }()
	t.Cleanup(func() {
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}

// RH6, RH8: one reader feeds everybody. With nothing to do a process asks its one question each idle pause and no other; a burst is
// read with a few statements however many follow, and takes effect in a few; what a reaction does not want costs it nothing.
func TestFollowersCostNothing(t *testing.T) {
	t.Parallel()
	const idlePause, gather = 200 * time.Millisecond, 20 * time.Millisecond
	writer := pgtest.New(t)
	pool, count := pgtest.Counted(t, writer)
	signal := factlog.NewSignal()
	signal.Hears(true)
	log := feed(t, pool, factlog.Following{Signal: signal, Gather: gather, Idle: idlePause})
	from, err := log.Begin(t.Context())
	require.NoError(t, err)
	const followers, burst = 5, 100
	heard, reacted := make(chan struct{}, followers*3*burst), make(chan struct{}, 2*followers*burst)
	for i := range followers {
		ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
		ended := make(chan error, 1)
		go func() {
			ended <- log.Follow(ctx, from, func(_ context.Context, facts []factlog.Fact) error {
				for range facts {
					heard <- struct{}{}
				}
				return nil
			})
		}()
		t.Cleanup(func() {
			stop()
			require.ErrorIs(t, <-ended, context.Canceled)
		})
		reacting(t, pool, factlog.Reaction{
			Consumer: "c" + strconv.Itoa(i), Kinds: []string{"call.k", "call.barren"}, Feed: log, Gather: gather,
			Wants: func(f factlog.Fact) bool { return f.Kind == "call.k" },
			Apply: func(_ context.Context, _ *factlog.Pipeline, facts []factlog.Fact) error {
				for range facts {
					reacted <- struct{}{}
				}
				return nil
			},
		})
	}
	wait := func(n int, from <-chan struct{}) {
		t.Helper()
		for range n {
			select {
			case <-from:
			case <-time.After(20 * time.Second):
				require.Fail(t, "not heard")
			}
		}
	}
	require.Eventually(t, func() bool { return count.Matching("(xid, id) <= ") == followers }, 10*time.Second, time.Millisecond, "begun")
	count.Take()
	require.Eventually(t, func() bool { return count.Matching("pg_snapshot_xmin") >= 3 }, 10*time.Second, time.Millisecond)
	idle, _ := count.Take()
	for _, sql := range idle {
		require.Contains(t, sql, "pg_snapshot_xmin", "one question each idle pause, and no other")
	}

	for i := range burst {
		require.NoError(t, appendOne(t.Context(), writer, "call.unwanted", strconv.Itoa(i)))
		require.NoError(t, appendOne(t.Context(), writer, "call.barren", strconv.Itoa(i)))
		signal.Wake()
	}
	wait(2*burst*followers, heard)
	require.Zero(t, count.Matching("fact_cursor"), "what nobody wants moves no cursor for some time")
	count.Take()
	began := time.Now()

	require.NoError(t, pgx.BeginFunc(t.Context(), writer, func(tx pgx.Tx) error {
		for i := range burst {
			f := factlog.Fact{At: time.Unix(0, 0), Kind: "call.k", Subject: strconv.Itoa(i), Topics: []string{"t"}, Actor: "test"}
			if err := factlog.Append(t.Context(), tx, f); err != nil {
				return err
			}
		}
		return nil
	}))
	for range burst {
		signal.Wake()
	}
	wait(burst*followers, heard)
	wait(burst*followers, reacted)
	require.Eventually(t, func() bool { return count.Matching("moved") == followers }, 10*time.Second, time.Millisecond, "one effect each")
	require.Less(t, count.Matching("pg_snapshot_xmin"), 12+int(time.Since(began)/gather),
		"one look each pause at most, when transactions of other tests hold the page; not one for each wake and each that follows")
}

// Two runners with their own readers, so with pages that overlap: each fact takes effect once, in order, many at a time, and a failure
// in their midst costs only itself.
func TestEffectsOfAPageAreMadeTogetherAndOnce(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := t.Context()
	effects(t, pool, `id bigint GENERATED ALWAYS AS IDENTITY, subject int, tx xid8 DEFAULT pg_current_xact_id()`)
	const n = 300
	var mu sync.Mutex
	var parked []string
	for i := range 2 {
		log := feed(t, pool, factlog.Following{Poll: time.Duration(5+2*i) * time.Millisecond, Page: 20 + 7*i})
		reacting(t, pool, factlog.Reaction{
			Consumer: "test", Kinds: []string{"call.k"}, Feed: log, Attempts: 2,
			Apply: func(ctx context.Context, w *factlog.Pipeline, facts []factlog.Fact) error {
				for _, f := range facts {
					if f.Subject == "123" {
						return errors.New("poison")
					}
					if _, err := w.Exec(ctx, `INSERT INTO effect (subject) VALUES ($1::text::int)`, f.Subject); err != nil {
						return err
					}
				}
				w.Tell(factlog.Fact{At: time.Unix(0, 0), Kind: "call.done", Subject: facts[0].Subject, Topics: []string{"t"}, Actor: "test"})
				return nil
			},
			Parked: func(_ string, f factlog.Fact, _ error) {
				mu.Lock()
				parked = append(parked, f.Subject)
				mu.Unlock()
			},
		})
	}
	for i := range n {
		require.NoError(t, appendOne(ctx, pool, "call.k", strconv.Itoa(i)))
	}
	scan := func(sql string) int {
		var n int
		require.NoError(t, pool.QueryRow(ctx, sql).Scan(&n))
		return n
	}
	require.Eventually(t, func() bool {
		return scan(`SELECT count(*) FROM effect`)+scan(`SELECT count(*) FROM fact_parked`) >= n
	}, 20*time.Second, 10*time.Millisecond)
	require.Equal(t, n-1, scan(`SELECT count(*) FROM effect`))
	require.Equal(t, n-1, scan(`SELECT count(DISTINCT subject) FROM effect`))
	require.Zero(t, scan(`SELECT count(*) FROM (SELECT subject < lag(subject) OVER (ORDER BY id) AS late FROM effect) e WHERE late`), "in order")
	require.Less(t, scan(`SELECT count(DISTINCT tx::text) FROM effect`), n/2, "many at a time")
	require.Equal(t, scan(`SELECT count(DISTINCT tx::text) FROM effect`), scan(`SELECT count(*) FROM fact WHERE kind = 'call.done'`))
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{"123"}, parked)
}

// RH7: whoever has written facts knows where.
func TestWritersLearnThePositions(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	facts := make([]factlog.Fact, 50)
	for i := range facts {
		facts[i] = factlog.Fact{At: time.Unix(0, 0), Kind: "call.k", Subject: strconv.Itoa(i), Topics: []string{"t"}, Actor: "test"}
	}
	var b pgx.Batch
	factlog.Queue(&b, facts[:25]...)
	require.NoError(t, pool.SendBatch(t.Context(), &b).Close())
	require.NoError(t, pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return factlog.Append(t.Context(), tx, facts[25:]...) }))
	for _, f := range facts {
		var subject string
		err := pool.QueryRow(t.Context(), `SELECT subject FROM fact WHERE xid = $1 AND id = $2`, f.Position.XID, f.Position.ID).Scan(&subject)
		require.NoError(t, err)
		require.Equal(t, f.Subject, subject)
	}
}

// A page of one runner begins where that of another does and ends elsewhere: whoever comes second applies the rest alone.
func TestPagesThatOverlapTakeEffectOnce(t *testing.T) {
	t.Parallel()
	for name, pages := range map[string][2]int{"the first has less": {4, 10}, "the first has more": {10, 4}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t)
			effects(t, pool, `subject int`)
			const n = 10
			for i := range n {
				require.NoError(t, appendOne(t.Context(), pool, "call.k", strconv.Itoa(i)))
			}
			entered, goOn := make(chan struct{}, 2), [2]chan struct{}{make(chan struct{}), make(chan struct{})}
			var later sync.Once
			t.Cleanup(func() { later.Do(func() { close(goOn[1]) }) })
			for i, page := range pages {
				var first sync.Once
				reacting(t, pool, factlog.Reaction{
					Consumer: "test", Kinds: []string{"call.k"}, Feed: feed(t, pool, factlog.Following{Poll: 5 * time.Millisecond, Page: page}),
					Apply: func(ctx context.Context, w *factlog.Pipeline, facts []factlog.Fact) error {
						first.Do(func() {
							entered <- struct{}{}
							<-goOn[i]
						})
						for _, f := range facts {
							if _, err := w.Exec(ctx, `INSERT INTO effect VALUES ($1::text::int)`, f.Subject); err != nil {
								return err
							}
						}
						return nil
					},
				})
			}
			<-entered
			<-entered // both have read, and neither has written
			count := func() (int, int) {
				var all, distinct int
				require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT subject) FROM effect`).Scan(&all, &distinct))
				return all, distinct
			}
			close(goOn[0])
			require.Eventually(t, func() bool {
				all, _ := count()
				return all >= pages[0]
			}, 10*time.Second, time.Millisecond)
			later.Do(func() { close(goOn[1]) })
			require.Eventually(t, func() bool {
				_, distinct := count()
				return distinct == n
			}, 10*time.Second, time.Millisecond)
			all, _ := count()
			require.Equal(t, n, all)
		})
	}
}
