package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Pair is a Postgres and a Redis for tests: fast, not durable, in the first free slot below a directory.
type Pair struct {
	Postgres *Postgres
	Redis    *Redis
	slot     *os.File
}

// StartPair starts both servers in a slot of base. Both inherit the slot's lock, so it is free again when the last of them has
// gone: after Stop, or after the end of this process.
func StartPair(ctx context.Context, base string, progress Progress) (*Pair, error) {
	base, err := filepath.Abs(base)
	if err != nil {
		return nil, fmt.Errorf("directory of test servers: %w", err)
	}
	dir, slot, err := Slot(base)
	if err != nil {
		return nil, err
	}
	pair := &Pair{slot: slot}
	pair.Postgres, err = StartPostgres(ctx, PostgresConfig{
		Dir: filepath.Join(dir, "postgres"), Volatile: true, MaxConnections: 400, Lock: slot, Progress: progress,
	})
	if err == nil {
		pair.Redis, err = StartRedis(ctx, RedisConfig{Dir: filepath.Join(dir, "redis"), Volatile: true, Lock: slot, Progress: progress})
	}
	if err != nil {
		return nil, errors.Join(err, pair.Stop(context.WithoutCancel(ctx)))
	}
	return pair, nil
}

// Stop ends what was started.
func (p *Pair) Stop(ctx context.Context) error {
	var errs []error
	if p.Redis != nil {
		errs = append(errs, p.Redis.Stop(ctx))
	}
	if p.Postgres != nil {
		errs = append(errs, p.Postgres.Stop(ctx))
	}
	_ = p.slot.Close() // the servers' Stop has closed it already
	return errors.Join(errs...)
}

// ModuleRoot is the folder of go.mod, looked for from the working directory upwards.
func ModuleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find module root: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find module root: no go.mod here or above")
		}
		dir = parent
	}
}
