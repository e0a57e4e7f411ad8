package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"hotline/deploy/migrations"
)

// databaseURL is where a part of the server reaches the database, and as whom.
type databaseURL struct {
	flag, file string
	role       string
}

func (f databaseFiles) appURL() databaseURL {
	return databaseURL{"database-url-file", f.DatabaseURLFile, migrations.RoleApp}
}

func (f databaseFiles) controllerURL() databaseURL {
	return databaseURL{"controller-database-url-file", f.ControllerURLFile, migrations.RoleController}
}

func (f databaseFiles) reactionsURL() databaseURL {
	return databaseURL{"reactions-database-url-file", f.ReactionsURLFile, migrations.RoleReactions}
}

func (u databaseURL) mend() string {
	return "put the URL of " + u.role + " into the file of --" + u.flag + "; 'hotline migrate --bootstrap' makes the role"
}

// connect opens one connection.
func (u databaseURL) connect(ctx context.Context) (*pgx.Conn, error) {
	text, err := secret(u.flag, u.file)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("reach Postgres by --%s: %w", u.flag, err)
	}
	return conn, nil
}

// config is that of a pool whose sessions cannot hang (reliability.md 11.4). A tracer sees its statements.
func (u databaseURL) config(size int32, timeout string, tracer ...pgx.QueryTracer) (*pgxpool.Config, error) {
	text, err := secret(u.flag, u.file)
	if err != nil {
		return nil, err
	}
	cfg, err := pgxpool.ParseConfig(text)
	if err != nil {
		return nil, errors.New("--" + u.flag + ": not a Postgres URL (postgres://user@host/database)")
	}
	cfg.MaxConns = size
	for _, t := range tracer {
		cfg.ConnConfig.Tracer = t
	}
	cfg.ConnConfig.RuntimeParams["statement_timeout"] = timeout
	cfg.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "5s"
	cfg.ConnConfig.RuntimeParams["application_name"] = "hotline"
	return cfg, nil
}

// check refuses a role that could switch off what guards the log and the audit trail, or that is another one than this part's (RS3). It
// refuses, and does not only warn: a server is started by somebody who reads what it says, the mend is one line of a file, and a warning
// about rights is read after the harm. It is asked at the start alone, so nothing that somebody does to roles later takes a running
// hotline away.
func (u databaseURL) check(ctx context.Context, pool *pgxpool.Pool) error {
	err := pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error { return u.checkConn(ctx, c.Conn()) })
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && strings.HasPrefix(pg.Code, "28") { // no such role, or not as this one
		return fmt.Errorf("%w: %s", err, u.mend())
	}
	return err
}

func (u databaseURL) checkConn(ctx context.Context, conn *pgx.Conn) error {
	powers, err := migrations.Powers(ctx, conn, u.role)
	if err != nil {
		return err
	}
	if len(powers) > 0 {
		return fmt.Errorf("the database's role %s %s, which no server needs there: %s", conn.Config().User, strings.Join(powers, ", "), u.mend())
	}
	return nil
}
