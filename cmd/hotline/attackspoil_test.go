package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// How a request that was fine is spoilt.

// secretSent stands in what is sent, and must come back in no refusal (RS16).
const secretSent = "geheim-7391"

// evil are texts that something may stumble over.
func evil() []string {
	return []string{
		"", " ", "\x00", "a\x00b", "\x1b[31m", "\u202egnp.exe", "\ufffd", "\ufeff", "\ud7ff\ue000", "\U0010ffff", "\U0001F469\u200d\U0001F469", "İıß", "' OR 1=1 --", "%", "_", `\`, "${jndi:x}", "<script>",
		"../../etc/passwd", "null", "true", "-0", "1e309", "9223372036854775808", "NaN", "２０", strings.Repeat("长", 300), strings.Repeat("a", 5000), "A01\n", "system:x", secretSent, "{}",
		"9223372036854775807-9223372036854775807", "18446744073709551615-0", "MHx1cm46dXVpZDowMTkzYmI3MC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDA",
	}
}

func (d *drafter) spoilQuery(query string, values url.Values) string {
	switch d.r.IntN(7) {
	case 0:
		return query + "&nothing=1"
	case 1:
		return query + "&" + query
	case 2:
		return query + "&q=%zz"
	case 3:
		return query + "&%00=%00"
	case 4:
		for name := range values {
			return query + "&" + url.QueryEscape(name) + "=" + url.QueryEscape(d.one(evil()...))
		}
	}
	return query
}

// spoil changes one thing of a body that was fine.
func (d *drafter) spoil(v any) any {
	fields, ok := v.(map[string]any)
	if !ok {
		return []any{v, v}
	}
	names := sorted(fields)
	name := ""
	if len(names) > 0 {
		name = names[d.r.IntN(len(names))]
	}
	odd := []any{
		nil, true, -1, 0, 1.5, json.Number("1e999"), json.Number("9223372036854775808"), []any{}, map[string]any{}, []any{nil}, d.one(evil()...), strings.Repeat("长", 30000), map[string]any{"$ref": "#"},
	}
	switch d.r.IntN(6) {
	case 0:
		delete(fields, name)
	case 1:
		fields[d.one("extra", "__proto__", "$schema", "ID", "person", secretSent, "")] = odd[d.r.IntN(len(odd))]
	case 2:
		return odd[d.r.IntN(len(odd))]
	case 3:
		return []any{v}
	default:
		fields[name] = odd[d.r.IntN(len(odd))]
	}
	return fields
}

// spoilBytes changes the text of one.
func (d *drafter) spoilBytes(body []byte) []byte {
	s := string(body)
	switch d.r.IntN(10) {
	case 0:
		return []byte(s[:len(s)/2])
	case 1:
		return []byte(s + s)
	case 2:
		return []byte("\xef\xbb\xbf" + s)
	case 3:
		return nil
	case 4:
		return []byte(strings.Replace(s, "{", `{"version":null,"version":1,`, 1))
	case 5:
		return []byte(strings.Repeat("[", 20000))
	case 6:
		return []byte(strings.Replace(s, `"`, "\"\xff", 1))
	case 7:
		return []byte(strings.Replace(s, `"`, `"\ud800`, 2))
	case 8:
		return []byte(`{"` + strings.Repeat("a", 40<<10) + `":1}`)
	}
	return []byte(strings.ReplaceAll(s, ":", ": \t\n"))
}

func (d *drafter) setHeaders(out *drafted, hostile bool) {
	if out.method == http.MethodPost {
		switch d.r.IntN(6) {
		case 0:
			out.header.Set("Idempotency-Key", fmt.Sprintf("key-%d", d.r.Uint64()))
		case 1:
			out.header.Set("Idempotency-Key", "always the same")
		}
	}
	if !hostile {
		return
	}
	switch d.r.IntN(14) {
	case 0:
		out.header.Set("Idempotency-Key", strings.Repeat("k", 101))
	case 1:
		out.header.Set("Idempotency-Key", "\xff\u202e")
	case 2:
		out.header.Set("Accept", d.one("text/html", "application/xml;q=0.1", "*", "application/json;q=x", ""))
	case 3:
		out.header.Set("X-Http-Method-Override", "DELETE")
	case 4:
		out.header.Set("X-Forwarded-For", "198.51.100.1, "+strings.Repeat("1", 2000))
	case 5:
		out.header.Set("Accept-Language", d.one("en", "zh-CN;q=x", "\xff", strings.Repeat("de,", 900)))
	case 6:
		out.header.Set("Content-Encoding", d.one("gzip", "br", "identity, gzip"))
	case 7:
		out.method = d.one(http.MethodDelete, http.MethodPut, http.MethodHead, http.MethodOptions, http.MethodTrace, "BREW")
	}
}
