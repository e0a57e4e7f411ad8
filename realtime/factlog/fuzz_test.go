package factlog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/realtime/factlog"
)

// FuzzPosition : a position is read from what String writes, and from nothing else: two browsers never spell one place in two ways.
func FuzzPosition(f *testing.F) {
	for _, seed := range []string{"0-0", "12-34", "18446744073709551615-9223372036854775807", "", "-", "1-", "-1-2", "1--2", " 1-2", "1-2 ", "1-2x", "+1-+2", "01-2", "1_0-2", "１-２"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := factlog.ParsePosition(s)
		if err != nil {
			require.Zero(t, p)
			return
		}
		require.Equal(t, s, p.String())
		require.GreaterOrEqual(t, p.ID, int64(0))
	})
}
