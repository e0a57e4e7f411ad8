package ticketing_test

import (
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/ticketing"
)

func TestNumber(t *testing.T) {
	t.Parallel()
	n := ticketing.Number(2026, ticketing.SourceCall, 123)
	require.Regexp(t, `^2026-A-000123-\d$`, n)
	require.True(t, ticketing.ValidNumber(n))
	for _, bad := range []string{"", "2026-A-123-4", n + "0", " " + n, "2026-K-000123-1", "2026-a-000123-1", "二〇二六-A-000123-1"} {
		require.False(t, ticketing.ValidNumber(bad), bad)
	}
}

func TestNumberFindsSlips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := ticketing.Number(rapid.IntRange(2000, 9999).Draw(t, "year"), ticketing.Source('A'+rapid.IntRange(0, 9).Draw(t, "source")),
			rapid.Int64Range(1, 9_999_999).Draw(t, "place"))
		require.True(t, ticketing.ValidNumber(n))
		var digits []int
		for i, r := range n {
			if r >= '0' && r <= '9' {
				digits = append(digits, i)
			}
		}
		for k, i := range digits {
			for d := byte('0'); d <= '9'; d++ {
				wrong := []byte(n)
				wrong[i] = d
				require.Equal(t, d == n[i], ticketing.ValidNumber(string(wrong)), "%s for %s", wrong, n)
			}
			if k == 0 {
				continue
			}
			j, swapped := digits[k-1], []byte(n)
			swapped[i], swapped[j] = swapped[j], swapped[i]
			if n[i] != n[j] && i-j != len("0-A-0")-1 { // across the source the pair is no neighbour
				require.False(t, ticketing.ValidNumber(string(swapped)), "%s for %s", swapped, n)
			}
		}
	})
}

func TestQueryCode(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 200 {
		code, err := ticketing.QueryCode(rand.Reader)
		require.NoError(t, err)
		require.Regexp(t, `^[34679ACDEFGHJKMNPQRTWXY]{6}$`, code)
		seen[code] = true
	}
	require.Greater(t, len(seen), 195)
}

// A number is found however people write it, and a word is no number.
func TestSign(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"2026-A-000123-7": "2026A0001237", "２０２６—a—０００１２３": "2026A000123", " 2026 a ": "2026A", "acdefg": "ACDEFG", "12": "", "路灯": "", "路灯 2026": "", "": "", "a_b": "", "100%": "",
	} {
		require.Equal(t, want, ticketing.Sign(typed), typed)
	}
	for sign, want := range map[string]bool{"2026A": true, "2026A0001237": true, "2026": false, "2026Z1": false, "ACDEFG": false, "2026A0A": false, "": false} {
		require.Equal(t, want, ticketing.IsNumber(sign), sign)
	}
}
