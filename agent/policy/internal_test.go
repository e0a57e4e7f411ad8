package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The table is read by its columns, by people and by the machine alike: every row has one word per role, and all stand in line.
func TestTheTableIsInLine(t *testing.T) {
	t.Parallel()
	for _, a := range Actions() {
		r := table[a]
		words := strings.Fields(r.cells)
		require.Len(t, words, len(Roles()), a)
		var line string
		for i, role := range Roles() {
			require.Equal(t, words[i], r.scope(role).String(), "%s %s", a, role)
			line += fmt.Sprintf("%-*s", width, words[i])
		}
		require.Equal(t, strings.TrimRight(line, " "), r.cells, a)
	}
}
