package migrations_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What has been released stays as it is: databases that have it never run it again, so a change to it reaches new ones only. Whoever
// releases a migration adds the line that sha256sum prints.
func TestReleasedMigrationsStay(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("testdata/released.sha256")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(list)), "\n")
	require.GreaterOrEqual(t, len(lines), 15)
	for _, line := range lines {
		sum, name, _ := strings.Cut(line, "  ")
		file, err := os.ReadFile(name)
		require.NoError(t, err)
		is := sha256.Sum256(file)
		require.Equal(t, sum, hex.EncodeToString(is[:]), "%s has been released: what it lacks belongs into a migration of its own", name)
	}
}
