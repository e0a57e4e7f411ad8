package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations"
	"hotline/deploy/migrations/pgtest"
)

// RS3: no server starts that could switch off what guards it, and the doctor says why.
func TestServerRefusesPowers(t *testing.T) {
	t.Parallel()
	for role, why := range map[string]string{"": "is a superuser", migrations.RoleMigrate: "may act as hotline_owner"} {
		args := files(t, pgtest.As(t, role, pgtest.URL(t)), "secret")
		code, said := command(t, nil, append([]string{"serve", "--allow-root", "--listen=127.0.0.1:0"}, args...)...)
		require.Equal(t, 1, code)
		require.Contains(t, said, why)
		require.Contains(t, said, "hotline_app")
		_, said = command(t, nil, append([]string{"doctor"}, args...)...)
		require.Contains(t, said, why)
	}
	for flag, why := range map[string]string{
		"controller-database-url-file": "is not hotline_controller", "reactions-database-url-file": "is not hotline_reactions", "database-url-file": "is not hotline_app",
	} {
		args := files(t, pgtest.URL(t), "secret")
		for i, a := range args {
			if strings.HasPrefix(a, "--"+flag+"=") {
				path := filepath.Join(t.TempDir(), "url")
				require.NoError(t, os.WriteFile(path, []byte(pgtest.As(t, migrations.RoleReport, pgtest.URL(t))), 0o600))
				args[i] = "--" + flag + "=" + path
			}
		}
		code, said := command(t, nil, append([]string{"serve", "--allow-root", "--listen=127.0.0.1:0"}, args...)...)
		require.Equal(t, 1, code, said)
		require.Contains(t, said, why)
		require.Contains(t, said, "--"+flag)
		_, said = command(t, nil, append([]string{"doctor"}, args...)...)
		require.Contains(t, said, why)
	}
	_, said := command(t, nil, append([]string{"doctor"}, files(t, pgtest.URL(t), "secret")...)...)
	require.Contains(t, said, "hotline_app may do what is granted, and no more")
}

// The way of an installation, by the commands that its operator gives.
func TestBootstrapThenMigrate(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	file := func(role string) string {
		path := filepath.Join(t.TempDir(), "url")
		require.NoError(t, os.WriteFile(path, []byte(pgtest.As(t, role, url)), 0o600))
		return "--database-url-file=" + path
	}
	code, said := command(t, nil, "migrate", file(migrations.RoleApp))
	require.Equal(t, 1, code)
	require.Contains(t, said, "--bootstrap")
	code, said = command(t, nil, "migrate", "--bootstrap", file(migrations.RoleMigrate))
	require.Equal(t, 0, code, said)
	require.Contains(t, said, "as they should be")
	code, said = command(t, nil, "migrate", "--bootstrap", file(""))
	require.Equal(t, 0, code, said)
	code, said = command(t, nil, "migrate", file(migrations.RoleMigrate))
	require.Equal(t, 0, code, said)
}

// No command takes schema and rights from a server that works with them.
func TestNoMigrationUnderAServer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	url, err := secret("database-url-file", b.srv.settings.DatabaseURLFile)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "url")
	require.NoError(t, os.WriteFile(path, []byte(pgtest.As(t, "", url)), 0o600))
	code, said := command(t, nil, "migrate", "--bootstrap", "--database-url-file="+path)
	require.Equal(t, 1, code)
	require.Contains(t, said, "stop it first")
}

// RS4: that nobody could sit is found the evening before.
func TestDoctorMissesAssignments(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	args := files(t, url, "secret")
	doctor := func() string {
		_, said := command(t, nil, append([]string{"doctor", "--ari-url=http://127.0.0.1:1"}, args[:3]...)...)
		return said
	}
	require.NotContains(t, doctor(), "no place is assigned")
	conn, err := pgx.Connect(t.Context(), pgtest.As(t, "", url))
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	_, err = conn.Exec(t.Context(), `INSERT INTO line (id, name) VALUES ('session', 'l'); INSERT INTO seat (id, line, kind, label) VALUES ('A01', 'session', 'official', '1')`)
	require.NoError(t, err)
	require.Contains(t, doctor(), "no place is assigned to anybody")
}
