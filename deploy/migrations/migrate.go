// Package migrations holds the one line of the database's history and brings a database to its end. It knows no domain.
package migrations

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/tern/v2/migrate"
)

//go:embed *.sql
var files embed.FS

const versionTable = "public.schema_version"

// Migrate applies what is missing, each file in its own transaction, under an advisory lock: two servers that start together
// do it once. It acts as the owner, whom the connection's role must be allowed to become: ErrNoOwner.
func Migrate(ctx context.Context, conn *pgx.Conn) error {
	return asOwner(ctx, conn, func() error {
		m, err := migrator(ctx, conn)
		if err != nil {
			return err
		}
		if err := m.Migrate(ctx); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		return nil
	})
}

// MigrateTo brings a database to a version of its history, up or down: for tests of a single step.
func MigrateTo(ctx context.Context, conn *pgx.Conn, version int) error {
	return asOwner(ctx, conn, func() error {
		m, err := migrator(ctx, conn)
		if err != nil {
			return err
		}
		if err := m.MigrateTo(ctx, int32(version)); err != nil {
			return fmt.Errorf("migrate to version %d: %w", version, err)
		}
		return nil
	})
}

func migrator(ctx context.Context, conn *pgx.Conn) (*migrate.Migrator, error) {
	m, err := migrate.NewMigrator(ctx, conn, versionTable)
	if err != nil {
		return nil, fmt.Errorf("prepare migration: %w", err)
	}
	if err := m.LoadMigrations(files); err != nil {
		return nil, fmt.Errorf("load migrations: %w", err)
	}
	return m, nil
}

// Version compares a database with this program: first what the database has, then what the program wants. It changes nothing.
func Version(ctx context.Context, conn *pgx.Conn) (int, int, error) {
	names, err := migrate.FindMigrations(files)
	if err != nil {
		return 0, 0, fmt.Errorf("list migrations: %w", err)
	}
	var exists bool
	if err := conn.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, versionTable).Scan(&exists); err != nil {
		return 0, 0, fmt.Errorf("look for the schema's version: %w", err)
	}
	if !exists {
		return 0, len(names), nil
	}
	var v int32
	if err := conn.QueryRow(ctx, `SELECT version FROM public.schema_version`).Scan(&v); err != nil {
		return 0, 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return int(v), len(names), nil
}

// Hash names the whole history: a database cloned from a template of the same hash needs no migration.
func Hash() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(h, "%s %d\n", path, len(b))
		_, _ = h.Write(b) // a hash never fails
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("hash migrations: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}
