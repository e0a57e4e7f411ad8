package panel

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// form is a compressed form of a file: its name in HTTP and the end of its file's name.
type form struct{ coding, suffix string }

// forms are what the build makes (build/compress.ts), the smaller one first.
func forms() []form { return []form{{"br", ".br"}, {"gzip", ".gz"}} }

// accepted are the forms that a request takes, the one it likes best first (RFC 9110 12.5.3). The plain file stands behind all of
// them, or before those it is liked better than.
func accepted(h http.Header) []form {
	weights := map[string]float64{}
	for item := range strings.SplitSeq(strings.ToLower(strings.Join(h.Values("Accept-Encoding"), ",")), ",") {
		coding, parameter, _ := strings.Cut(item, ";")
		weights[strings.TrimSpace(coding)] = weight(parameter)
	}
	of := func(f form) float64 {
		if q, named := weights[f.coding]; named {
			return q
		}
		return weights["*"]
	}
	taken := slices.DeleteFunc(forms(), func(f form) bool { return of(f) <= 0 || of(f) < weights["identity"] })
	slices.SortStableFunc(taken, func(a, b form) int { return cmp.Compare(of(b), of(a)) })
	return taken
}

// weight reads the q of an item: 1 without one, 0 where it cannot be read.
func weight(parameter string) float64 {
	parameter = strings.TrimSpace(parameter)
	if parameter == "" {
		return 1
	}
	q, err := strconv.ParseFloat(strings.TrimPrefix(parameter, "q="), 64)
	if err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return q
}
