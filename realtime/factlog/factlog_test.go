package factlog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations/pgtest"
	"hotline/realtime/factlog"
)

// effects makes the table that a reaction of the test writes to.
func effects(t *testing.T, pool *pgxpool.Pool, columns string) {
	t.Helper()
	super := pgtest.Super(t, pool)
	defer super.Close() // a test may end all connections that it sees, and must not end this one
	_, err := super.Exec(t.Context(), `CREATE TABLE effect (`+columns+`); GRANT ALL ON effect TO hotline_app`)
	require.NoError(t, err)
}

func appendOne(ctx context.Context, pool *pgxpool.Pool, kind, subject string) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		return factlog.Append(ctx, tx, factlog.Fact{At: time.Unix(0, 0), Kind: kind, Subject: subject, Topics: []string{"t"}, Actor: "test"})
	})
}

// feed is the one reader of a process, from where the log is complete now.
func feed(t *testing.T, db factlog.DB, f factlog.Following) *factlog.Feed {
	t.Helper()
	feed := factlog.NewFeed(db, f)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- feed.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
	_, err := feed.Begin(t.Context())
	require.NoError(t, err)
	return feed
}

// follow hands over facts until it is told to stop.
func follow(ctx context.Context, t *testing.T, feed *factlog.Feed, from factlog.Position, handle func(factlog.Fact) bool) {
	t.Helper()
	done := errors.New("all seen")
	require.ErrorIs(t, feed.Follow(ctx, from, func(_ context.Context, facts []factlog.Fact) error {
		if slices.ContainsFunc(facts, handle) {
			return done
		}
		return nil
	}), done)
}

// Eight writers commit out of order, some long after they took their id: a follower still sees each fact once.
func TestNothingIsLostBetweenWriters(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const writers, each = 8, 100
	var wg sync.WaitGroup
	signal := factlog.NewSignal()
	log := feed(t, pool, factlog.Following{Signal: signal, Page: 16, Keep: 32})
	from, err := log.Begin(ctx)
	require.NoError(t, err)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if appendOne(ctx, pool, "call.k", strconv.Itoa(w*each+i)) != nil {
					return
				}
				signal.Wake()
			}
		})
	}
	for range 2 { // the second time most of it is no longer in memory
		seen := map[string]int{}
		var last factlog.Position
		follow(ctx, t, log, from, func(f factlog.Fact) bool {
			require.True(t, last.Less(f.Position), "in order")
			last = f.Position
			seen[f.Subject]++
			return len(seen) == writers*each
		})
		for subject, n := range seen {
			require.Equal(t, 1, n, subject)
		}
	}
	wg.Wait()
}

// A transaction that took its id early and commits late holds the later ones back; nothing is skipped.
func TestLateCommitIsNotSkipped(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := t.Context()
	log := feed(t, pool, factlog.Following{Poll: 10 * time.Millisecond})
	from, err := log.Begin(ctx)
	require.NoError(t, err)
	early, err := pool.Begin(ctx)
	require.NoError(t, err)
	require.NoError(t, factlog.Append(ctx, early, factlog.Fact{At: time.Unix(0, 0), Kind: "call.early", Subject: "1", Topics: []string{"t"}, Actor: "test"}))
	require.NoError(t, appendOne(ctx, pool, "call.late", "2"))
	facts, err := factlog.NewReader(pool).Read(ctx, from, 10)
	require.NoError(t, err)
	require.Empty(t, facts, "the later one waits for the earlier")
	require.NoError(t, early.Commit(ctx))
	// Transactions of other databases of the server hold the horizon too, so the follower's patience is needed, not one read.
	var kinds []string
	follow(ctx, t, log, from, func(f factlog.Fact) bool {
		kinds = append(kinds, f.Kind)
		return len(kinds) == 2
	})
	require.Equal(t, []string{"call.early", "call.late"}, kinds)
}

// Each fact takes effect once, although two runners race and effects fail half way; a poison fact is set aside (F34).
func TestReactionTakesEffectOnce(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	effects(t, pool, `subject text`)
	const n = 40
	for i := range n {
		require.NoError(t, appendOne(ctx, pool, "call.k", strconv.Itoa(i)))
	}
	require.NoError(t, appendOne(ctx, pool, "call.unwanted", "x"))
	require.NoError(t, appendOne(ctx, pool, "call.last", "last"))
	failed := map[string]bool{}
	var mu sync.Mutex
	parked := make(chan string, 1)
	done := make(chan struct{})
	last := sync.OnceFunc(func() { close(done) }) // both runners may come to it, and one of them is late
	one := func(ctx context.Context, w *factlog.Pipeline, f factlog.Fact) error {
		if _, err := w.Exec(ctx, `INSERT INTO effect VALUES ($1)`, f.Subject); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		n, _ := strconv.Atoi(f.Subject)
		switch {
		case f.Subject == "7":
			return errors.New("poison")
		case !failed[f.Subject] && n%2 == 0:
			failed[f.Subject] = true
			_, err := w.Exec(ctx, `SELECT must(false, 'HL002')`) // found by the database, after the effect, before the commit
			return err
		case !failed[f.Subject]:
			failed[f.Subject] = true
			return fmt.Errorf("found out too late: %w", factlog.ErrStale)
		}
		if f.Kind == "call.last" {
			last()
		}
		return nil
	}
	apply := func(ctx context.Context, w *factlog.Pipeline, facts []factlog.Fact) error {
		for _, f := range facts {
			if err := one(ctx, w, f); err != nil {
				return err
			}
		}
		return nil
	}
	var wg sync.WaitGroup
	for range 2 {
		log := feed(t, pool, factlog.Following{Poll: 20 * time.Millisecond})
		wg.Go(func() {
			_ = factlog.React(ctx, pool, factlog.Reaction{
				Consumer: "test", Kinds: []string{"call.k", "call.last"}, Apply: apply, Now: time.Now, Attempts: 3, Feed: log,
				Parked: func(_ string, f factlog.Fact, _ error) { parked <- f.Subject },
			})
		})
	}
	require.Equal(t, "7", <-parked)
	<-done
	// The last effect's commit follows its announcement.
	var all, distinct int
	require.Eventually(t, func() bool {
		err := pool.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT subject) FROM effect`).Scan(&all, &distinct)
		return err == nil && all == n && distinct == n // 39 of call.k and the last one
	}, 10*time.Second, 10*time.Millisecond)
	cancel()
	wg.Wait()
	var aside int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM fact_parked`).Scan(&aside))
	require.Equal(t, 1, aside)

	// I10: what took no effect is named, what nobody wants is not.
	for _, kind := range []string{"call.k", "call.unwanted", "call.last"} {
		require.NoError(t, appendOne(t.Context(), pool, kind, "late"))
	}
	left, err := factlog.Unsettled(t.Context(), pool, factlog.Reaction{
		Consumer: "test", Kinds: []string{"call.k", "call.last"}, Wants: func(f factlog.Fact) bool { return f.Kind != "call.last" },
	})
	require.NoError(t, err)
	require.Equal(t, []string{"call.k of late", "call.k of 7, set aside"}, left)
	left, err = factlog.Unsettled(t.Context(), pool, factlog.Reaction{Consumer: "never ran", Kinds: []string{"call.last"}})
	require.NoError(t, err)
	require.Equal(t, []string{"call.last of last", "call.last of late"}, left)
}

// RT13: while a handler reads and decides, its transaction has not begun, so nobody who reads the log waits for it.
func TestReactionHoldsBackNobodyWhileItReads(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	log := feed(t, pool, factlog.Following{Poll: 10 * time.Millisecond})
	from, err := log.Begin(ctx)
	require.NoError(t, err)
	require.NoError(t, appendOne(ctx, pool, "call.k", "slow"))
	reading, read, applied := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		applied <- factlog.React(ctx, pool, factlog.Reaction{
			Consumer: "test", Kinds: []string{"call.k"}, Now: time.Now, Feed: log,
			Apply: func(context.Context, *factlog.Pipeline, []factlog.Fact) error {
				close(reading)
				<-read
				return nil
			},
		})
	}()
	<-reading
	require.NoError(t, appendOne(ctx, pool, "call.other", "after"))
	within, stop := context.WithTimeout(ctx, 20*time.Second) // transactions of other tests hold readers back, too, but not for long
	defer stop()
	follow(within, t, log, from, func(f factlog.Fact) bool { return f.Subject == "after" })
	close(read)
	cancel()
	require.ErrorIs(t, <-applied, context.Canceled)
}

// Connections that break are the database's failures, not the fact's: none is parked, and each takes effect once (F12).
func TestReactionOutlivesItsConnections(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	effects(t, pool, `subject text`)
	const n = 8
	for i := range n {
		require.NoError(t, appendOne(ctx, pool, "call.k", strconv.Itoa(i)))
	}
	apart := pool.Config().ConnConfig
	apart.RuntimeParams["application_name"] = "apart"
	var killer, looker *pgx.Conn
	for _, c := range []**pgx.Conn{&killer, &looker} {
		var err error
		*c, err = pgx.ConnectConfig(ctx, apart)
		require.NoError(t, err)
		defer func() { _ = (*c).Close(context.WithoutCancel(ctx)) }()
	}
	asked := 0
	log := feed(t, pool, factlog.Following{Poll: time.Millisecond, Page: 1})
	ended := make(chan error, 1)
	go func() {
		ended <- factlog.React(ctx, pool, factlog.Reaction{
			Consumer: "test", Kinds: []string{"call.k"}, Now: time.Now, Attempts: 1, Feed: log,
			Apply: func(ctx context.Context, w *factlog.Pipeline, facts []factlog.Fact) error {
				asked++
				if asked%4 == 0 { // a restart says so
					_, err := killer.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name <> 'apart'`)
					if err != nil {
						return err
					}
				}
				c, err := pool.Acquire(ctx)
				if err != nil {
					return err
				}
				defer c.Release()
				if half, ok := c.Conn().PgConn().Conn().(interface{ CloseRead() error }); ok && asked%4 == 1 { // a crash does not
					_ = half.CloseRead()
				}
				var one int
				if err := c.QueryRow(ctx, `SELECT 1`).Scan(&one); err != nil {
					return err
				}
				for _, f := range facts {
					if _, err = w.Exec(ctx, `INSERT INTO effect VALUES ($1)`, f.Subject); err != nil {
						return err
					}
				}
				return nil
			},
		})
	}()
	require.Eventually(t, func() bool {
		var all, distinct, parked int
		err := looker.QueryRow(t.Context(), `SELECT count(*), count(DISTINCT subject), (SELECT count(*) FROM fact_parked) FROM effect`).Scan(&all, &distinct, &parked)
		return err == nil && all == n && distinct == n && parked == 0
	}, 30*time.Second, 10*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestPipelineIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	ctx := t.Context()
	effects(t, pool, `subject text`)
	count := func() int {
		var n int
		require.NoError(t, pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM effect) + (SELECT count(*) FROM fact)`).Scan(&n))
		return n
	}
	fact := factlog.Fact{At: time.Unix(0, 0), Kind: "call.k", Subject: "s", Topics: []string{"t"}, Actor: "test"}
	fill := func(then string, facts ...factlog.Fact) *factlog.Pipeline {
		var p factlog.Pipeline
		p.Tell(facts...)
		for _, sql := range []string{`INSERT INTO effect VALUES ('1')`, then} {
			_, err := p.Exec(ctx, sql)
			require.NoError(t, err)
		}
		return &p
	}
	require.ErrorIs(t, fill(`SELECT must(false, 'HL002')`, fact).Commit(ctx, pool), factlog.ErrStale)
	require.Error(t, fill(`SELECT 1/0`, fact).Commit(ctx, pool))
	bad := fact
	bad.Actor = ""
	require.ErrorContains(t, fill(`SELECT 1`, bad).Commit(ctx, pool), "no actor")
	require.Zero(t, count())
	require.NoError(t, fill(`SELECT must(true, 'HL002')`, fact, fact).Commit(ctx, pool))
	require.Equal(t, 3, count())
	require.NoError(t, new(factlog.Pipeline).Commit(ctx, pool), "nothing to do")

	var p factlog.Pipeline
	_, err := p.Query(ctx, `SELECT 1`)
	require.Error(t, err)
	require.Error(t, p.QueryRow(ctx, `SELECT 1`).Scan())
}
