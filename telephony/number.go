package telephony

import (
	_ "embed" // the area codes
	"errors"
	"log/slog"
	"net/url"
	"strings"
)

// PhoneNumber is a citizen's number in normal form (see Normalise). It never reaches a log in full (style 18).
type PhoneNumber string

// LogValue masks.
func (n PhoneNumber) LogValue() slog.Value { return slog.StringValue(n.Masked()) }

// String masks too, so that a stray %s or %v tells nothing.
func (n PhoneNumber) String() string { return n.Masked() }

// GoString masks as well: %#v is how test frameworks and panics print.
func (n PhoneNumber) GoString() string { return `"` + n.Masked() + `"` }

// ErrNumber says that what the carrier gave is no telephone number. Its text does not repeat it.
var ErrNumber = errors.New("not a telephone number")

const (
	maskStars  = "****"
	maxDigits  = 15 // E.164
	minDigits  = 3  // 110
	mobileLen  = 11
	shownHead  = 3
	shownTail  = 4
	shortLen   = 8 // up to here only a tail of at most half is shown
	chinaCode  = "86"
	areaPrefix = 4 // 0551; 010 and 02x have three
)

//go:embed area-codes.tsv
var areaCodes string

// Normalise gives the one form under which a caller is known, whatever form the carrier uses: a mobile as 13812345678, a
// fixed line with its area code as 055162345678, a foreign number as +85291234567, anything shorter as it is. It takes SIP
// and tel URIs, +86, 0086 and bare 86, full-width digits and the usual separators. A caller who withholds the number gives
// the empty one; ErrNumber is for the rest.
func Normalise(raw string) (PhoneNumber, error) {
	user, ok := userPart(raw)
	if !ok {
		return "", ErrNumber
	}
	if isAnonymous(user) {
		return "", nil
	}
	digits, plus, ok := dialDigits(user)
	if !ok {
		return "", ErrNumber
	}
	if !plus && strings.HasPrefix(digits, "00") {
		digits, plus = digits[2:], true
	}
	switch {
	case plus && strings.HasPrefix(digits, chinaCode):
		return national(digits[len(chinaCode):], true)
	case plus:
		if len(digits) < shortLen || len(digits) > maxDigits || digits[0] == '0' {
			return "", ErrNumber
		}
		return PhoneNumber("+" + digits), nil
	case len(digits) == len(chinaCode)+mobileLen && strings.HasPrefix(digits, chinaCode) && isMobile(digits[len(chinaCode):]):
		return PhoneNumber(digits[len(chinaCode):]), nil
	}
	return national(digits, false)
}

// Masked shows at most seven digits: the first three and the last four of a mobile or foreign number, the area code and the
// rest up to seven of a fixed line, at most half of a short one. What is not in normal form shows nothing.
func (n PhoneNumber) Masked() string {
	if n == "" {
		return ""
	}
	digits, plus := strings.CutPrefix(string(n), "+")
	if strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return maskStars
	}
	if len(digits) <= shortLen {
		return maskStars + digits[len(digits)-min(shownTail, len(digits)/2):]
	}
	head, tail := shownHead, shownTail
	if area := areaLen(digits); area > 0 && !plus {
		head, tail = area, shownHead+shownTail-area
	}
	sign := ""
	if plus {
		sign = "+"
	}
	return sign + digits[:head] + maskStars + digits[len(digits)-tail:]
}

// Place is the city of a fixed line's area code. It is empty for a mobile, whose prefix tells no city any more since numbers
// are portable, and for area codes outside the province.
func (n PhoneNumber) Place() string {
	if areaLen(string(n)) != areaPrefix {
		return ""
	}
	_, rest, found := strings.Cut(areaCodes, "\n"+string(n[:areaPrefix])+"\t")
	if !found {
		return ""
	}
	place, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(place)
}

// national brings a number of the Chinese plan into its normal form. Abroad says that it came with a country code, where
// the trunk zero of the area code is left out.
func national(digits string, abroad bool) (PhoneNumber, error) {
	bare := strings.TrimPrefix(digits, "0")
	switch {
	case isMobile(bare): // also with the trunk zero of old exchanges
		return PhoneNumber(bare), nil
	case areaLen(digits) > 0:
		return PhoneNumber(digits), nil
	case abroad && areaLen("0"+digits) > 0 && !isServiceLine(digits):
		return PhoneNumber("0" + digits), nil
	case len(digits) < minDigits || len(digits) > maxDigits || strings.HasPrefix(digits, "00"):
		return "", ErrNumber
	case abroad && (len(digits) > mobileLen || digits[0] == '0'):
		return "", ErrNumber
	}
	return PhoneNumber(digits), nil
}

func isMobile(digits string) bool {
	return len(digits) == mobileLen && digits[0] == '1' && digits[1] >= '3'
}

// isServiceLine: 400 and 800 numbers have ten digits and no area code.
func isServiceLine(digits string) bool {
	return len(digits) == 10 && (strings.HasPrefix(digits, "400") || strings.HasPrefix(digits, "800"))
}

// areaLen is the length of a fixed line's area code with its zero; 0 when the number is no fixed line.
func areaLen(digits string) int {
	if len(digits) < 10 || len(digits) > 12 || digits[0] != '0' || digits[1] == '0' {
		return 0
	}
	area := areaPrefix
	if digits[1] == '2' || strings.HasPrefix(digits, "010") {
		area = areaPrefix - 1
	} else if digits[1] == '1' {
		return 0 // 01x but 010 is a mobile with a trunk zero, or nothing
	}
	if local := len(digits) - area; local < 7 || local > 8 {
		return 0
	}
	return area
}

// userPart takes the user out of a name-addr, a sip: or a tel: URI, or returns the text itself.
func userPart(raw string) (string, bool) {
	s := strings.TrimSpace(raw)
	if _, after, found := strings.Cut(s, "<"); found {
		s, _, _ = strings.Cut(after, ">")
	}
	lower := strings.ToLower(s)
	for _, scheme := range []string{"sip:", "sips:", "tel:"} {
		if strings.HasPrefix(lower, scheme) {
			s = s[len(scheme):]
			break
		}
	}
	s, _, _ = strings.Cut(s, "@")
	s, _, _ = strings.Cut(s, ";")
	s, err := url.PathUnescape(s)
	return strings.TrimSpace(s), err == nil
}

func isAnonymous(user string) bool {
	switch strings.ToLower(user) {
	case "", "anonymous", "anonymous.invalid", "unknown", "unavailable", "private", "restricted", "withheld", "匿名", "未知":
		return true
	}
	return false
}

// dialDigits reads digits of either width, one leading plus, and the separators people and carriers write.
func dialDigits(s string) (string, bool, bool) {
	var b strings.Builder
	plus := false
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r >= '０' && r <= '９':
			b.WriteRune(r - '０' + '0')
		case r == '+' || r == '＋':
			if plus || b.Len() > 0 {
				return "", false, false
			}
			plus = true
		case strings.ContainsRune(" \t-.()\u00a0\u2010\u2011\u2013\u3000－（）", r):
		default:
			return "", false, false
		}
		if b.Len() > maxDigits+len("00") {
			return "", false, false
		}
	}
	return b.String(), plus, b.Len() > 0
}
