package asterisk_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/deploy/asterisk"
)

// RI5: the version that the tests have seen is asked for. Where the suite has moved on that is told, and what there is is taken.
func TestRootIsBuiltWithTheVersionThatIsPinned(t *testing.T) {
	for _, gone := range []bool{false, true} {
		cache, tools := t.TempDir(), t.TempDir()
		script := fmt.Sprintf(`#!/bin/sh
echo "$@" >>%[1]s/asked
for dir; do :; done
case "$*" in *=1:*) if %[2]t; then echo "E: Version '%[3]s' for 'asterisk' was not found"; exit 25; fi;; esac
mkdir -p "$dir/etc"
`, tools, gone, asterisk.Pinned)
		require.NoError(t, os.WriteFile(filepath.Join(tools, "unshare"), []byte(script), 0o755))
		t.Setenv("PATH", tools+":"+os.Getenv("PATH"))
		var said []string
		require.NoError(t, asterisk.BuildRoot(t.Context(), cache, func(line string) { said = append(said, line) }))
		require.DirExists(t, filepath.Join(cache, "asterisk-root"))
		asked, err := os.ReadFile(filepath.Join(tools, "asked"))
		require.NoError(t, err)
		calls := strings.Split(strings.TrimSpace(string(asked)), "\n")
		require.Contains(t, calls[0], "--include=asterisk="+asterisk.Pinned+",asterisk-modules="+asterisk.Pinned)
		require.Contains(t, calls[0], "--kill-child", "whatever ends it ends all of it")
		if !gone {
			require.Len(t, calls, 1)
			continue
		}
		require.Contains(t, calls[1], "--include=asterisk,asterisk-modules ")
		require.Contains(t, strings.Join(said, "\n"), "has moved on and has no Asterisk "+asterisk.Pinned)
	}
}

func TestRootThatIsNotBuiltLeavesNothing(t *testing.T) {
	cache, tools := t.TempDir(), t.TempDir()
	script := "#!/bin/sh\nfor dir; do :; done\nmkdir -p \"$dir\"\necho E: the mirror is gone\nexit 25\n"
	require.NoError(t, os.WriteFile(filepath.Join(tools, "unshare"), []byte(script), 0o755))
	t.Setenv("PATH", tools+":"+os.Getenv("PATH"))
	require.ErrorContains(t, asterisk.BuildRoot(t.Context(), cache, nil), "the mirror is gone")
	left, err := filepath.Glob(filepath.Join(cache, "*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
