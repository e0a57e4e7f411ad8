package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony/journal"
)

// FuzzNet : whatever stands in the net's file, each call that is read has a channel and times that can be, what cannot be read is told,
// and a line that is whole is read wherever it stands.
func FuzzNet(f *testing.F) {
	entered := `"NET_ENTERED","1764147600.500000","1764.2","12345","{""extra"":""13812345679""}"` + "\n"
	left := `"NET_LEFT","1764147620.000000","1764.2","h",""` + "\n"
	for _, seed := range []string{
		"", entered, left, entered + left, left + entered, entered[:40], entered[:40] + "\n" + left, `"NET_ENTERED","1e99","1","",""` + "\n", `"NET_ENTERED","NaN","1","",""` + "\n",
		`"NET_ENTERED","-1","1","",""` + "\n", `"NET_ENTERED","1","","",""` + "\n", "\n", "\"\n", `"NET_ENTERED","1","a","b","{""extra"":7}"` + "\n", "\xff\x00\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		n := journal.OpenNet(dir)
		require.NoError(t, os.WriteFile(filepath.Join(dir, journal.NetFile), content, 0o600))
		calls, err := n.Calls()
		if err != nil && !errors.Is(err, journal.ErrDamaged) {
			require.NoError(t, err)
		}
		seen := map[string]bool{}
		for _, c := range calls {
			require.NotEmpty(t, c.Channel)
			require.False(t, seen[string(c.Channel)], "one call, told twice")
			seen[string(c.Channel)] = true
			require.True(t, c.Began.After(time.Unix(0, -1)) && c.Began.Before(time.Unix(1<<32, 0)), "%s", c.Began)
			require.True(t, c.Ended.IsZero() || c.Ended.Before(time.Unix(1<<32, 0)), "%s", c.Ended)
		}
		if bytes.HasSuffix(content, []byte("\n")) { // what comes next begins a line
			const fresh = "fresh.1"
			write(t, dir, fmt.Sprintf("\"NET_ENTERED\",\"1764147700.0\",%q,\"12345\",\"\"\n", fresh))
			more, _ := n.Calls()
			require.GreaterOrEqual(t, len(more), len(calls))
			require.True(t, len(more) > len(calls) || seen[fresh])
		}
	})
}
