package agent

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// TextError says why something that was typed is no plain text. It does not say what was typed.
type TextError struct{ What string }

func (e *TextError) Error() string { return "is no plain text: it holds " + e.What }

// CheckText is the one rule for every text that comes in: valid UTF-8 without what no keyboard types, and what would be shown otherwise than
// it is stored. Tabs and line breaks are text. *TextError.
func CheckText(s string) error {
	if !utf8.ValidString(s) {
		return &TextError{"bytes that are not UTF-8"}
	}
	for _, r := range s {
		if what := unprintable(r); what != "" {
			return &TextError{fmt.Sprintf("%s (U+%04X)", what, r)}
		}
	}
	return nil
}

func unprintable(r rune) string {
	const plane, last = 0x10000, 0xFFFE
	switch {
	case r == '\t' || r == '\n' || r == '\r':
		return ""
	case unicode.IsControl(r):
		return "a control character"
	case unicode.Is(unicode.Bidi_Control, r):
		return "a sign that turns the direction of writing"
	case r%plane >= last || r >= 0xFDD0 && r <= 0xFDEF:
		return "a code that is no character"
	}
	return ""
}
