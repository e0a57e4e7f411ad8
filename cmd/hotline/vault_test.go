package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/agent/vault"
	"hotline/deploy/migrations/pgtest"
	callstore "hotline/telephony/store"
)

// keys are the flags of the acts on the keys, and the key file.
func keys(args []string) ([]string, string) {
	return args[:2], fromFlags(args).NumberKeyFile
}

func act(t *testing.T, want int, name string, flags []string, more ...string) string {
	t.Helper()
	code, said := command(t, nil, append(append([]string{"vault", name}, flags...), more...)...)
	require.Equal(t, want, code, said)
	return said
}

// RS13: a server starts with the keys of its database or not at all, and says what to do.
func TestServeRefusesMissingAndWrongKeys(t *testing.T) {
	t.Parallel()
	args := files(t, pgtest.URL(t), "secret")
	flags, path := keys(args)
	refused := func(words ...string) {
		t.Helper()
		s := fromFlags(args)
		s.Listen, s.MetricsListen, s.ARIURL, s.ARIUser = "127.0.0.1:0", "127.0.0.1:0", "http://127.0.0.1:1", "controller"
		srv, err := newServer(t.Context(), s, slog.New(slog.DiscardHandler))
		if srv != nil {
			srv.close()
		}
		for _, w := range words {
			require.ErrorContains(t, err, w)
		}
		if len(words) == 0 {
			require.NoError(t, err)
		}
	}
	refused()
	own, err := os.ReadFile(path)
	require.NoError(t, err)

	require.NoError(t, os.Remove(path))
	refused(path, "bring it back from its backup", "hotline vault init")
	require.NoFileExists(t, path, "no server makes keys")
	require.NoError(t, vault.Create(path, vault.International))
	refused(path, "is not the database's", "bring back the key file that belongs to this database")
	require.NoError(t, os.WriteFile(path, own, 0o600))
	require.NoError(t, os.Chmod(path, 0o644))
	refused("chmod 600")
	require.NoError(t, os.WriteFile(path, []byte("1 "+strings.Repeat("aa", 32)+"\n"), 0o600))
	require.NoError(t, os.Chmod(path, 0o600))
	refused("hotline vault adopt")
	require.NoError(t, os.WriteFile(path, own, 0o600))
	act(t, 0, "rotate", flags, "--index")
	refused("hotline vault reseal")
	act(t, 0, "reseal", flags)
	refused()
	require.NoError(t, os.WriteFile(path, own, 0o600))
	refused("is retired")
}

// Keys are made, changed and shown by the commands, with either preset; none of what they say tells a key.
func TestVaultCommands(t *testing.T) {
	t.Parallel()
	for _, preset := range []string{"international", "gm"} {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			flags, path := keys(files(t, url, "secret"))
			said := act(t, 1, "init", flags)
			require.Contains(t, said, "never replaced")
			require.NoError(t, os.Remove(path))
			require.Contains(t, act(t, 1, "init", flags), "bring back the key file")
			require.Contains(t, act(t, 1, "status", flags), "no such file")
			conn, err := pgx.Connect(t.Context(), pgtest.As(t, "", url))
			require.NoError(t, err)
			defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
			_, err = conn.Exec(t.Context(), `DELETE FROM vault_key`)
			require.NoError(t, err)

			said += act(t, 0, "init", flags, "--preset="+preset)
			require.Contains(t, said, "keys made: "+preset)
			said += act(t, 0, "adopt", flags)
			said += act(t, 0, "rotate", flags, "--preset="+preset)
			said += act(t, 0, "reseal", flags)
			require.NoError(t, os.MkdirAll(path+".journal", 0o700))
			require.NoError(t, os.WriteFile(path+".journal/1.journal", nil, 0o600))
			require.Contains(t, act(t, 1, "retire", flags), "not stored yet")
			require.NoError(t, os.Remove(path+".journal/1.journal"))
			said += act(t, 0, "retire", flags)
			status := act(t, 0, "status", flags)
			for _, line := range []string{"index 1 " + preset, "seal 1 " + preset, "seal 2 " + preset, "retired", "active, 0 numbers", "the file's keys are the database's"} {
				require.Contains(t, status, line)
			}
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, 2, strings.Count(string(content), " "+preset+" "))
			for word := range strings.FieldsSeq(string(content)) {
				if len(word) == 64 {
					require.NotContains(t, said+status, word[:12])
				}
			}
		})
	}
	code, said := command(t, nil, "vault", "init", "--controller-database-url-file=x", "--number-key-file=y", "--preset=rot13")
	require.Equal(t, 2, code)
	require.Contains(t, said, "--preset")
}

// A server that stood by while the keys changed goes rather than work with those that it has in memory, and gives the lease back.
func TestStandbyWithOlderKeysGoes(t *testing.T) {
	t.Parallel()
	args := files(t, pgtest.URL(t), "secret")
	flags, _ := keys(args)
	s := fromFlags(args)
	s.Listen, s.MetricsListen, s.ARIURL, s.ARIUser = "127.0.0.1:0", "127.0.0.1:0", "http://127.0.0.1:1", "controller"
	srv, err := newServer(t.Context(), s, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer srv.close()
	act(t, 0, "rotate", flags)
	working, end := context.WithTimeout(t.Context(), 5*callstore.LeaseTTL) // which it would do for ever
	defer end()
	require.ErrorContains(t, srv.control(working), "as it was read at the start")
	require.False(t, srv.master.Load())
	next := callstore.NewLease(srv.calls.Config().ConnConfig, callstore.LeaseOptions{Holder: "next", Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithTimeout(t.Context(), callstore.LeaseTTL/2)
	defer stop()
	require.NoError(t, next.Take(ctx), "the lease was given back")
}

// RS2, RS13: the doctor names what is wrong with the keys and with what Postgres writes down.
func TestDoctorLooksAtKeysAndStatementLogs(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	args := files(t, url, "secret")
	_, path := keys(args)
	doctor := func() string {
		_, said := command(t, nil, append([]string{"doctor", "--ari-url=http://127.0.0.1:1"}, args[:3]...)...)
		return said
	}
	said := doctor()
	require.Contains(t, said, "they are the database's")
	require.Contains(t, said, "holds no parameters")
	conn, err := pgx.Connect(t.Context(), pgtest.As(t, "", url))
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	for setting, bad := range map[string]string{"log_parameter_max_length": "-1", "log_parameter_max_length_on_error": "64", "log_error_verbosity": "default"} {
		alter := func(sql string) {
			_, err := conn.Exec(t.Context(), fmt.Sprintf(`ALTER DATABASE %s %s`, conn.Config().Database, sql))
			require.NoError(t, err)
		}
		alter("SET " + setting + " = '" + bad + "'")
		require.Contains(t, doctor(), "in postgresql.conf: "+setting+" = ")
		alter("RESET " + setting)
	}
	require.NoError(t, os.Remove(path))
	require.Contains(t, doctor(), "run 'hotline vault status'")
}
