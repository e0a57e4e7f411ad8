package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/cmd/sim/floor"
)

// exchangeAt is where Asterisk is found.
type exchangeAt struct {
	URL          string `name:"ari-url" required:"" help:"Asterisk's HTTP server."`
	User         string `name:"ari-user" default:"controller" help:"ARI user."`
	PasswordFile string `name:"ari-password-file" required:"" type:"path" help:"File that holds the ARI password."`
}

func (e exchangeAt) password() (string, error) {
	b, err := os.ReadFile(e.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("read the ARI password: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

type floorCmd struct {
	exchangeAt

	Listen string   `required:"" help:"Own address."`
	Seats  []string `required:"" help:"Endpoints of the seats."`
	Marks  int      `help:"Marks of a trace to keep."`
}

// Run is the opponent of B2 and B3 until the context ends.
func (c *floorCmd) Run(ctx context.Context) error {
	password, err := c.password()
	if err != nil {
		return err
	}
	return floor.Serve(ctx, floor.Options{
		URL: c.URL, User: c.User, Password: password, Listen: c.Listen, Seats: c.Seats, Marks: c.Marks,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})),
	})
}

// lookCmd is the opponent of B8: the least that a controller must know before it may decide anything.
type lookCmd struct {
	exchangeAt

	DatabaseURLFile string `required:"" type:"path" help:"File that holds the Postgres URL."`
}

// Run reads the calls that go on and the channels that exist, and ends.
func (c *lookCmd) Run(ctx context.Context) error {
	password, err := c.password()
	if err != nil {
		return err
	}
	url, err := os.ReadFile(c.DatabaseURLFile)
	if err != nil {
		return fmt.Errorf("read the database's URL: %w", err)
	}
	conn, err := pgx.Connect(ctx, strings.TrimSpace(string(url)))
	if err != nil {
		return fmt.Errorf("reach Postgres: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // it was read
	rows, err := conn.Query(ctx, `SELECT id, channel, phase, priority, seq FROM call WHERE ended_at IS NULL ORDER BY line, priority, seq`)
	if err != nil {
		return fmt.Errorf("read calls: %w", err)
	}
	if _, err := pgx.CollectRows(rows, pgx.RowToMap); err != nil {
		return fmt.Errorf("read calls: %w", err)
	}
	return c.channels(ctx, password)
}

func (c *lookCmd) channels(ctx context.Context, password string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/ari/channels", http.NoBody)
	if err != nil {
		return fmt.Errorf("read channels: %w", err)
	}
	req.SetBasicAuth(c.User, password)
	res, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return fmt.Errorf("read channels: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("read channels: %s", res.Status)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("read channels: %w", err)
	}
	var all []struct {
		ID string `json:"id"`
	}
	return json.Unmarshal(text, &all)
}
