package bench

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// pgbenchScript writes an assignment's commits as pgbench runs them: each a pipeline, and so one transaction and one trip. What
// names the sample is made from the client's number instead, and offers are numbered.
func pgbenchScript(commits [2][]statement) string {
	var b strings.Builder
	b.WriteString("\\set v0 :v\n\\set v1 :v + 1\n\\set v2 :v + 2\n\\set n (:client_id * 1000 + 500 + :turn) * 10000000 + :k\n")
	for _, commit := range commits {
		b.WriteString("\\startpipeline\n")
		for _, s := range commit {
			b.WriteString(s.text() + ";\n")
		}
		b.WriteString("\\endpipeline\n")
	}
	b.WriteString("\\set v :v + 2\n\\set k :k + 1\n")
	return b.String()
}

var (
	sqlComment   = regexp.MustCompile(`(?m)^\s*--.*$`)
	sqlParameter = regexp.MustCompile(`\$(\d+)`)
)

// text is the statement with its arguments in it.
func (s statement) text() string {
	sql := strings.TrimRight(strings.TrimSpace(sqlComment.ReplaceAllString(s.sql, "")), ";")
	return sqlParameter.ReplaceAllStringFunc(sql, func(p string) string {
		i, err := strconv.Atoi(p[1:])
		if err != nil || i < 1 || i > len(s.args) {
			return p
		}
		return argument(s.args[i-1])
	})
}

// argument writes a value as pgbench may say it: one of the sample's names as an expression, everything else as a constant whose
// type the statement gives it, as it does to a parameter.
func argument(arg any) string {
	if n, ok := whole(arg); ok && n >= firstVersion && n <= firstVersion+2 {
		return fmt.Sprintf(":v%d", n-firstVersion)
	}
	if n := reflect.ValueOf(arg); n.IsValid() && n.Kind() == reflect.Pointer {
		if n.IsNil() {
			return "NULL"
		}
		return argument(n.Elem().Interface())
	}
	if n := reflect.ValueOf(arg); !n.IsValid() || n.Kind() == reflect.Slice && n.IsNil() {
		return "NULL"
	}
	return expression(plain(arg))
}

// plain is a value as Postgres reads it from text.
func plain(arg any) string {
	switch v := arg.(type) {
	case string:
		return v
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case fmt.Stringer:
		return v.String()
	}
	v := reflect.ValueOf(arg)
	if v.Kind() != reflect.Slice {
		return fmt.Sprint(arg)
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return raw(v.Bytes())
	}
	items := make([]string, v.Len())
	for i := range items {
		items[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(plain(v.Index(i).Interface())) + `"`
	}
	return "{" + strings.Join(items, ",") + "}"
}

// raw bytes are JSON, or bytes.
func raw(b []byte) string {
	if json.Valid(b) {
		return string(b)
	}
	return `\x` + hex.EncodeToString(b)
}

// expression writes a text; where the sample's names are in it, it is put together from those of the client.
func expression(text string) string {
	sample := names(assigners)
	digits := "lpad(:client_id::text, 12, '0')"
	replaced := []struct{ old, expr, cast string }{
		{string(sample.call), quoted(callPrefix) + " || " + digits, "uuid"},
		{string(sample.person), quoted(personPrefix) + " || " + digits, "uuid"},
		{offerID(assigners, 0, 0), quoted(offerPrefix) + " || lpad(:n::text, 12, '0')", "uuid"},
		{string(sample.channel), quoted("bench-") + " || " + digits, ""},
		{sample.endpoint, quoted("bench-ep-") + " || " + digits, ""},
		{string(sample.seat), quoted("B") + " || lpad(:client_id::text, 2, '0')", ""},
	}
	for _, r := range replaced {
		if text == r.old && r.cast != "" {
			return "(" + r.expr + ")::" + r.cast
		}
	}
	pieces := []string{text} // names at odd places
	for _, r := range replaced {
		var next []string
		for i, piece := range pieces {
			if i%2 == 1 {
				next = append(next, piece)
				continue
			}
			for j, part := range strings.Split(piece, r.old) {
				if j > 0 {
					next = append(next, "("+r.expr+")")
				}
				next = append(next, part)
			}
		}
		pieces = next
	}
	if len(pieces) == 1 {
		return quoted(text)
	}
	var parts []string
	for i, piece := range pieces {
		switch {
		case i%2 == 1:
			parts = append(parts, piece)
		case piece != "":
			parts = append(parts, quoted(piece))
		}
	}
	return "(" + strings.Join(parts, " || ") + ")"
}

// quoted is a constant without a colon, which would begin a variable of pgbench's.
func quoted(text string) string {
	return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, ":", `\x3a`, "\n", `\n`, "\x1f", `\x1f`).Replace(text) + "'"
}
