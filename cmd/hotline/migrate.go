package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"hotline/deploy/migrations"
)

type migrateCmd struct {
	DatabaseURLFile string `name:"database-url-file" type:"path" required:"" placeholder:"FILE" help:"File that holds the Postgres URL, of hotline_migrate."`
	Bootstrap       bool   `help:"First make the roles and give them the database: once, with a superuser's URL (deploy/migrations/roles.sql)."`
}

// Run applies what is missing and says from where to where.
func (c *migrateCmd) Run(e env) error {
	dbURL, err := secret("database-url-file", c.DatabaseURLFile)
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(e.ctx, dbURL)
	if err != nil {
		return fmt.Errorf("reach Postgres: %w", err)
	}
	defer func() { _ = conn.Close(e.ctx) }()
	if err := checkLocale(e.ctx, conn); err != nil {
		return err
	}
	have, want, err := migrations.Version(e.ctx, conn)
	if err != nil {
		return err
	}
	if have > want {
		return fmt.Errorf("the database's schema is version %d, newer than this program's %d: run the newer hotline", have, want)
	}
	if c.Bootstrap || have != want {
		if err := noServer(e.ctx, conn); err != nil {
			return err
		}
	}
	if c.Bootstrap {
		if err := migrations.Bootstrap(e.ctx, conn); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(e.stdout, "roles: hotline_owner, "+strings.Join(migrations.Logins(), ", ")+" are as they should be")
	}
	if err := migrations.Migrate(e.ctx, conn); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(e.stdout, "schema: version %d → %d\n", have, want)
	return settleFacts(e, conn)
}

// noServer refuses to take a schema and rights from a server that works with them.
func noServer(ctx context.Context, conn *pgx.Conn) error {
	var n int
	err := conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'hotline' AND pid <> pg_backend_pid()`).Scan(&n)
	if err != nil {
		return fmt.Errorf("look for servers: %w", err)
	}
	if n > 0 {
		return fmt.Errorf("a server works with this database (%d connections): stop it first, conversations go on meanwhile", n)
	}
	return nil
}
