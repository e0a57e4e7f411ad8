package ticketing

import (
	"fmt"
	"io"
	"strings"
)

// Source is the letter in a number that tells by which channel the matter came. The closed list runs from A to J, so that
// a source counts as one digit in the check.
type Source byte

// SourceCall is the telephone.
const SourceCall Source = 'A'

// Number writes a ticket's number: year, source, place in the year, check digit: 2026-A-000123-7. The check digit is Damm's
// (2004): it finds every single wrong digit and every transposition of neighbours. Luhn misses 09/90 and ISO 7064 MOD 11,10
// misses about one transposition in 45; numbers are read out on the telephone, so none may be missed.
func Number(year int, source Source, place int64) string {
	body := fmt.Sprintf("%04d%c%06d", year, source, place)
	return fmt.Sprintf("%04d-%c-%06d-%d", year, source, place, damm(body))
}

// ValidNumber says whether a number can have been given: form and check digit are right.
func ValidNumber(s string) bool {
	var year, place, check int64
	var source Source
	n, err := fmt.Sscanf(s, "%d-%c-%d-%d", &year, &source, &place, &check)
	if err != nil || n != 4 || source < 'A' || source > 'J' || year < 1 || place < 1 {
		return false
	}
	return s == Number(int(year), source, place)
}

// Sign is what of a number or a query code somebody may have typed: letters and digits alone, of any width and case, without the strokes
// that people leave out. Empty: what they typed is neither, or too little to look for.
func Sign(typed string) string {
	const least, fullWidth = 3, 0xfee0
	sign := make([]byte, 0, len(typed))
	for _, r := range typed {
		if r >= '！' && r <= '～' {
			r -= fullWidth
		}
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z':
			sign = append(sign, byte(r))
		case r >= 'a' && r <= 'z':
			sign = append(sign, byte(r-'a'+'A'))
		case r == ' ', r == '-', r == '　', r == '—', r == '–':
		default:
			return ""
		}
	}
	if len(sign) < least {
		return ""
	}
	return string(sign)
}

// IsNumber says that a sign can only be the beginning of a number: a year and a source.
func IsNumber(sign string) bool {
	const year = 4
	return len(sign) > year && !strings.ContainsFunc(sign[:year], func(r rune) bool { return r < '0' || r > '9' }) &&
		sign[year] >= 'A' && sign[year] <= 'J' && !strings.ContainsFunc(sign[year+1:], func(r rune) bool { return r < '0' || r > '9' })
}

// damm folds the characters through Damm's quasigroup of order 10; letters A to J count as 0 to 9.
func damm(s string) int {
	const table = "" +
		"0317598642" +
		"7092154863" +
		"4206871359" +
		"1750983426" +
		"6123045978" +
		"3674209581" +
		"5869720134" +
		"8945362017" +
		"9438617205" +
		"2581436790"
	interim := 0
	for _, r := range s {
		d := int(r - '0')
		if r >= 'A' {
			d = int(r - 'A')
		}
		interim = int(table[interim*10+d] - '0')
	}
	return interim
}

// queryAlphabet leaves out what is confused on the telephone or on paper: 0 O, 1 I L, 2 Z, 5 S, 8 B, U V.
const queryAlphabet = "34679ACDEFGHJKMNPQRTWXY"

// QueryCode draws the six characters that prove to us that who asks for progress was told the number (N-30).
// They are a second factor beside the number, not a secret on their own: 148 million possibilities, rate-limited asking.
func QueryCode(random io.Reader) (string, error) {
	const fair = 256 / len(queryAlphabet) * len(queryAlphabet) // beyond it the first letters would come more often
	code, buf := make([]byte, 0, 6), make([]byte, 16)
	for len(code) < cap(code) {
		if _, err := io.ReadFull(random, buf); err != nil {
			return "", fmt.Errorf("draw a query code: %w", err)
		}
		for _, b := range buf {
			if int(b) < fair && len(code) < cap(code) {
				code = append(code, queryAlphabet[int(b)%len(queryAlphabet)])
			}
		}
	}
	return string(code), nil
}
