package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// RedisConfig says where a private Redis lives. The zero values of all but Dir are right for the demo.
type RedisConfig struct {
	Dir      string // data, socket and log; made when missing
	Port     int    // also listen on 127.0.0.1; 0 = unix socket only
	Volatile bool   // nothing on disk: for tests
	Clients  *User  // whose group may connect too; nil: only the server's own user and root
	Lock     *os.File
	Progress Progress
}

// Redis is a running private server.
type Redis struct {
	process *Process
	socket  string
	lock    *os.File
}

// StartRedis starts a server that keeps its writes, but for the last second's after a crash of the machine, evicts nothing, and
// waits until it answers. Everything in it can be rebuilt, and waiting for the disk would stand in the way of each call
// (reliability.md 11.4).
func StartRedis(ctx context.Context, cfg RedisConfig) (*Redis, error) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("redis directory: %w", err)
	}
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		if err := EnsurePackages(ctx, cfg.Progress, "redis-server"); err != nil {
			return nil, err
		}
		if bin, err = exec.LookPath("redis-server"); err != nil {
			return nil, fmt.Errorf("redis: %w", err)
		}
	}
	lock := cfg.Lock
	if lock == nil {
		if lock, err = LockServer(ctx, dir); err != nil {
			return nil, fmt.Errorf("redis: %w", err)
		}
	}
	r, err := startRedis(ctx, cfg, dir, bin, lock)
	if err != nil {
		_ = lock.Close() // the error says more
		return nil, err
	}
	return r, nil
}

func startRedis(ctx context.Context, cfg RedisConfig, dir, bin string, lock *os.File) (*Redis, error) {
	owner, err := ServerUser("redis", "nobody")
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	data, run := filepath.Join(dir, "data"), socketDir(filepath.Join(dir, "run"), "redis.sock")
	if err := errors.Join(owner.OwnDir(data), owner.OwnDir(run), owner.Share(run, cfg.Clients, 0o750)); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	socket := filepath.Join(run, "redis.sock")
	cfg.Progress.Say("starting Redis")
	process, err := StartProcess(ctx, ProcessSpec{
		Name: "redis", Path: bin, Args: redisArgs(cfg, data, socket), Dir: "/", Env: []string{"PATH=/usr/bin:/bin"},
		User: owner, Log: filepath.Join(dir, "redis.log"), DeathSignal: syscall.SIGTERM, Lock: lock,
	})
	if err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, time.Minute) // a long append-only file takes its time
	defer cancel()
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: socket, MaxRetries: -1})
	defer func() { _ = client.Close() }() // it was a question only
	err = process.WaitReady(wait, func(ctx context.Context) error { return client.Ping(ctx).Err() })
	if err != nil {
		process.Kill()
		return nil, err
	}
	return &Redis{process: process, socket: socket, lock: lock}, nil
}

// URL is for redis.ParseURL.
func (r *Redis) URL() string { return "unix://" + r.socket }

// Socket is the server's, for programs that take no URL.
func (r *Redis) Socket() string { return r.socket }

// PID is the server's.
func (r *Redis) PID() int { return r.process.PID() }

// Done is closed when the server has ended, whoever ended it.
func (r *Redis) Done() <-chan struct{} { return r.process.Done() }

// Stop shuts down cleanly; twice does no harm.
func (r *Redis) Stop(ctx context.Context) error {
	defer func() { _ = r.lock.Close() }() // closed twice is closed
	err := r.process.Stop(ctx, syscall.SIGTERM)
	_ = os.Remove(filepath.Dir(r.socket)) // as Postgres' folder
	return err
}

// Kill is kill -9: a crash, for tests of failure.
func (r *Redis) Kill() {
	r.process.Kill()
	_ = r.lock.Close()
}

func redisArgs(cfg RedisConfig, data, socket string) []string {
	args := []string{
		"--port", strconv.Itoa(cfg.Port), "--bind", "127.0.0.1", "--unixsocket", socket, "--unixsocketperm", socketMode(cfg.Clients),
		"--dir", data, "--maxmemory-policy", "noeviction", "--save", "", "--daemonize", "no",
	}
	if cfg.Volatile {
		return append(args, "--appendonly", "no")
	}
	return append(args, "--appendonly", "yes", "--appendfsync", "everysec")
}
