package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/deploy/migrations/pgtest"
)

// RS9: the lock of an account is lifted at the command line, and for a name that nobody has it says so.
func TestUserUnlock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "url")
	require.NoError(t, os.WriteFile(path, []byte(pgtest.URL(t)), 0o600))
	user := func(args ...string) (int, string) {
		return command(t, nil, append([]string{"user", "--database-url-file=" + path}, args...)...)
	}
	code, said := user("add", "wangwu", "--name=王五", "--role=official")
	require.Zero(t, code, said)
	code, said = user("unlock", "wangwu")
	require.Zero(t, code, said)
	require.Contains(t, said, "wangwu may try again")
	code, said = user("unlock", "zhaoliu")
	require.Equal(t, 1, code)
	require.Contains(t, said, "hotline user list")
}
