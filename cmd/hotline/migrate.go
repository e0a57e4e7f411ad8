package main

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"hotline/deploy/migrations"
)

type migrateCmd struct {
	DatabaseURLFile string `name:"database-url-file" type:"path" required:"" placeholder:"FILE" help:"File that holds the Postgres URL."`
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
	if err := migrations.Migrate(e.ctx, conn); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(e.stdout, "schema: version %d → %d\n", have, want)
	return nil
}
