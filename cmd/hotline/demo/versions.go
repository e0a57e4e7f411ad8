package demo

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// Versions are those of what runs, and of the tools that built it, as a newcomer reports them who finds something wrong.
func (d *Demo) Versions(ctx context.Context) (string, error) {
	conn, err := pgx.Connect(ctx, d.DatabaseURL())
	if err != nil {
		return "", fmt.Errorf("ask Postgres for its version: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // it was a question only
	var postgres string
	if err := conn.QueryRow(ctx, `SHOW server_version`).Scan(&postgres); err != nil {
		return "", fmt.Errorf("ask Postgres for its version: %w", err)
	}
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: d.Redis.Socket()})
	defer func() { _ = client.Close() }() // as above
	version, err := RedisVersion(ctx, client)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Asterisk %s, Postgres %s, Redis %s, %s", d.Exchange.Version, postgres, version, Tools(ctx)), nil
}

// RedisVersion asks a server.
func RedisVersion(ctx context.Context, client redis.Cmdable) (string, error) {
	info, err := client.Info(ctx, "server").Result()
	if err != nil {
		return "", fmt.Errorf("ask Redis for its version: %w", err)
	}
	_, after, _ := strings.Cut(info, "redis_version:")
	version, _, _ := strings.Cut(after, "\r\n")
	return version, nil
}

// Tools are the Go that built this program, and the Node that builds the panel, if it is here.
func Tools(ctx context.Context) string {
	node := "no Node"
	if out, err := exec.CommandContext(ctx, "node", "--version").Output(); err == nil {
		node = "Node " + strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
	}
	return "Go " + strings.TrimPrefix(runtime.Version(), "go") + ", " + node
}
