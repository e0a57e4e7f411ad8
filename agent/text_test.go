package agent_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"hotline/agent"
)

func TestText(t *testing.T) {
	t.Parallel()
	for _, fine := range []string{"", "王伟华 反映：噪音扰民\n第二行\t表格\r\n", "café ﹏ ½ 👩‍👩‍👧", "\ufffd", "\ufeffx\u2028y", strings.Repeat("长", 1<<20)} {
		require.NoError(t, agent.CheckText(fine))
	}
	for _, bad := range []string{
		"a\x00b", "\x1b[31m", "\x7f", "\u0085", "bad\xffutf8", "\xc0\x80", "\xed\xa0\x80", "\u202egnp.exe", "\u2066x", "\u200fx", "\u061cx",
		"\ufffe", "\U0001ffff", "\ufdd0", strings.Repeat("长", 1<<20) + "\x00",
	} {
		var not *agent.TextError
		require.ErrorAs(t, agent.CheckText(bad), &not, "%.20q", bad)
		require.NotContains(t, not.Error(), "exe")
	}
}

// RS16: what is let in is text, whatever is tried; and one bad sign anywhere spoils it.
func TestTextProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "s")
		if agent.CheckText(s) != nil {
			return
		}
		if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool {
			return r < ' ' && r != '\t' && r != '\n' && r != '\r' || unicode.Is(unicode.Bidi_Control, r)
		}) {
			t.Fatalf("let in: %q", s)
		}
		bad := rapid.SampledFrom([]string{"\x00", "\xff", "\u202e", "\u0080"}).Draw(t, "bad")
		at := rapid.IntRange(0, len(s)).Draw(t, "at")
		if agent.CheckText(s[:at]+bad+s[at:]) == nil {
			t.Fatalf("let in: %q", s[:at]+bad+s[at:])
		}
	})
}
