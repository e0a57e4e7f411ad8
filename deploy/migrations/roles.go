package migrations

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// The roles of an installation (RS3); roles.sql says who is who.
const (
	RoleOwner      = "hotline_owner"
	RoleMigrate    = "hotline_migrate"
	RoleApp        = "hotline_app"
	RoleController = "hotline_controller"
	RoleReactions  = "hotline_reactions"
	RoleReport     = "hotline_report"
)

// Logins are the roles that somebody logs in as.
func Logins() []string {
	return []string{RoleMigrate, RoleApp, RoleController, RoleReactions, RoleReport}
}

//go:embed roles.sql
var roles string

// ErrNoOwner says that the roles are missing, or the database is not the owner's, or this connection may not act as the owner.
var ErrNoOwner = errors.New("the database is not hotline_owner's, or this role may not act as it: " +
	"run 'hotline migrate --bootstrap' once as a superuser, and afterwards 'hotline migrate' as hotline_migrate")

// Bootstrap makes the roles where they are missing and gives the database to its owner. The connection is a superuser's.
func Bootstrap(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, roles, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("make the roles of the database: %w", err)
	}
	return nil
}

// asOwner lets f act as the owner, so that what it makes is the owner's.
func asOwner(ctx context.Context, conn *pgx.Conn, f func() error) error {
	var may bool
	err := conn.QueryRow(ctx, `SELECT to_regrole($1) IS NOT NULL AND coalesce(pg_has_role(to_regrole($1), 'MEMBER'), false)
  AND has_schema_privilege(to_regrole($1), 'public', 'CREATE')
  AND NOT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('public.fact') AND relowner <> to_regrole($1))
  AND NOT EXISTS (SELECT FROM unnest($2::text[]) AS role WHERE to_regrole(role) IS NULL)`, RoleOwner, Logins()).Scan(&may)
	if err != nil {
		return fmt.Errorf("look for the owner of the database: %w", err)
	}
	if !may {
		return ErrNoOwner
	}
	if _, err := conn.Exec(ctx, `SET ROLE `+RoleOwner); err != nil {
		return fmt.Errorf("become the owner of the database: %w", err)
	}
	err = f()
	if _, reset := conn.Exec(context.WithoutCancel(ctx), `RESET ROLE`); err == nil && reset != nil {
		err = fmt.Errorf("stop being the owner of the database: %w", reset)
	}
	return err
}

// Powers are what a connection may do beyond the grants of the role that it should have, or that it has not got that one; none is what
// a server runs with.
func Powers(ctx context.Context, conn *pgx.Conn, role string) ([]string, error) {
	rows, err := conn.Query(ctx, `SELECT p.what FROM pg_roles r, LATERAL (VALUES
  (r.rolsuper, 'is a superuser'), (r.rolbypassrls, 'passes by row-level security'), (r.rolcreaterole, 'may make roles'),
  (r.rolreplication, 'may replicate'),
  (NOT r.rolsuper AND pg_has_role(r.oid, to_regrole($1), 'MEMBER'), 'may act as ' || $1),
  (NOT r.rolsuper AND EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relowner = r.oid), 'owns tables'),
  (NOT pg_has_role(r.oid, to_regrole($2), 'USAGE'), 'is not ' || $2),
  (NOT r.rolsuper AND EXISTS (SELECT FROM unnest($3::text[]) AS other WHERE other <> $2 AND pg_has_role(r.oid, to_regrole(other), 'MEMBER')), 'is another of the hotline''s roles as well')
) AS p (so, what) WHERE r.rolname = current_user AND p.so`, RoleOwner, role, Logins())
	if err != nil {
		return nil, fmt.Errorf("read what the database's role may do: %w", err)
	}
	what, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read what the database's role may do: %w", err)
	}
	return what, nil
}
