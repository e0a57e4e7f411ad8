package auth_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/audit"
	"hotline/agent/auth"
	"hotline/agent/store"
	"hotline/deploy/local"
	"hotline/deploy/migrations"
	"hotline/deploy/migrations/pgtest"
)

// BenchmarkAct bars people and lets them in again, as 'hotline user' does, on the disk and four at once: with the record of each act and
// the sealer behind it, and with a database that throws records away. The goal is that they cost at most 10 % of the commits a second.
//
//	go test -run '^$' -bench Act -benchtime 5000x -count 3 ./agent/auth
func BenchmarkAct(b *testing.B) {
	pg, err := local.StartPostgres(b.Context(), local.PostgresConfig{Dir: b.TempDir()})
	require.NoError(b, err)
	defer func() { _ = pg.Stop(context.WithoutCancel(b.Context())) }()
	conn, err := pgx.Connect(b.Context(), pg.URL(local.Database))
	require.NoError(b, err)
	defer func() { _ = conn.Close(context.WithoutCancel(b.Context())) }()
	require.NoError(b, migrations.Bootstrap(b.Context(), conn))
	require.NoError(b, migrations.Migrate(b.Context(), conn))
	pool := pgtest.Open(b, pg.URL(local.Database))
	svc := auth.New(auth.Config{Store: store.New(pool, nil), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	for n := range 10 {
		p := auth.NewPerson{LoginName: fmt.Sprintf("p%02d", n), Name: "李明", Roles: []agent.Role{agent.RoleOfficial}, Password: good}
		_, err = svc.CreatePerson(b.Context(), p, "bench")
		require.NoError(b, err)
	}
	b.Run("bare", func(b *testing.B) {
		_, err := conn.Exec(b.Context(), `CREATE RULE bare AS ON INSERT TO audit DO INSTEAD NOTHING`)
		require.NoError(b, err)
		benchAct(b, svc)
		_, err = conn.Exec(b.Context(), `DROP RULE bare ON audit`)
		require.NoError(b, err)
	})
	b.Run("audited", func(b *testing.B) {
		stop := seals(b, pool)
		benchAct(b, svc)
		stop()
	})
}

func benchAct(b *testing.B, svc *auth.Service) {
	b.Helper()
	var worker atomic.Int64
	b.SetParallelism(2)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		who := fmt.Sprintf("p%02d", worker.Add(1))
		for bar := true; pb.Next(); bar = !bar {
			if err := svc.SetDisabled(b.Context(), who, bar, "cli:root@bench"); err != nil {
				b.Error(err)
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}

// seals has the trail sealed until it is told to end.
func seals(b *testing.B, pool *pgxpool.Pool) func() {
	b.Helper()
	ctx, stop := context.WithCancel(b.Context())
	s := audit.Sealer{Pool: pool, Anchor: filepath.Join(b.TempDir(), "anchor"), Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return func() {
		stop()
		require.NoError(b, <-ended)
	}
}
