package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryGuardIsFound : a guard whose text has changed is no longer tried, so it is named at once.
func TestEveryGuardIsFound(t *testing.T) {
	t.Chdir("../..")
	names := map[string]bool{}
	for _, g := range guards() {
		_, err := g.without()
		require.NoError(t, err, g.name)
		require.False(t, names[g.name], "two guards are called %q", g.name)
		names[g.name] = true
		require.NotEqual(t, g.old, g.new, g.name)
	}
}

func TestTheFirstThatFallsIsNamed(t *testing.T) {
	t.Parallel()
	require.Equal(t, "TestAccess/unit", fallen("=== RUN\n    --- FAIL: TestAccess/unit (0.01s)\n--- FAIL: TestAccess (0.02s)\nFAIL\n"))
	require.Empty(t, fallen("ok"))
}
