package agent_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"hotline/agent"
)

// FuzzText : what is let in is stored, sent and read as it was typed, and holds no byte that turns or ends a line of a log or a terminal.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "王伟华\t反映\r\n", "a\x00b", "\x1b]0;", "\u202e", "\xff", "\xed\xa0\x80", "\ufffe", "\U0010ffff", "\ufdd0", "\u061c", "<script>", "\u2028"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		err := agent.CheckText(s)
		require.Equal(t, err == nil, agent.CheckText(s+s) == nil, "a text twice is a text")
		if err != nil {
			require.False(t, len(s) > 3 && strings.Contains(err.Error(), s), "what was typed is not repeated")
			return
		}
		require.True(t, utf8.ValidString(s))
		require.NotContains(t, s, "\x00")
		require.NotContains(t, s, "\x1b")
		sent, err := json.Marshal(s)
		require.NoError(t, err)
		var back string
		require.NoError(t, json.Unmarshal(sent, &back))
		require.Equal(t, s, back)
	})
}
