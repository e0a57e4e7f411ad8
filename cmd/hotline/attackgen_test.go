package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What a request is made of: drawn from the served description, and then spoilt.

// drafter makes requests of one description. Draws come from r alone, so that a number makes a request again.
type drafter struct {
	doc   apiDoc
	r     *rand.Rand
	names map[string][]string // by a parameter's name, or a dot and a field's: what there is, whosever it is
}

type apiDoc struct {
	Paths      map[string]map[string]apiOperation `json:"paths"`
	Components struct {
		Schemas map[string]apiSchema `json:"schemas"`
	} `json:"components"`
}

type apiOperation struct {
	OperationID string `json:"operationId"`
	Parameters  []struct {
		Name     string    `json:"name"`
		In       string    `json:"in"`
		Required bool      `json:"required"`
		Schema   apiSchema `json:"schema"`
	} `json:"parameters"`
	RequestBody *struct {
		Content map[string]struct {
			Schema apiSchema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
	Responses map[string]json.RawMessage `json:"responses"`
}

type apiSchema struct {
	Type       any                  `json:"type"`
	Ref        string               `json:"$ref"`
	Format     string               `json:"format"`
	Enum       []any                `json:"enum"`
	Examples   []any                `json:"examples"`
	Properties map[string]apiSchema `json:"properties"`
	Required   []string             `json:"required"`
	Items      *apiSchema           `json:"items"`
	AnyOf      []apiSchema          `json:"anyOf"`
	Minimum    *float64             `json:"minimum"`
	Maximum    *float64             `json:"maximum"`
	MinLength  *int                 `json:"minLength"`
	MaxLength  *int                 `json:"maxLength"`
	MaxItems   *int                 `json:"maxItems"`
}

// drafted is a request as it goes out.
type drafted struct {
	method string
	path   string // escaped
	query  string
	body   []byte
	header http.Header
	on     map[string]string // what the path names
}

func (d drafted) String() string {
	return fmt.Sprintf("%s %s?%s %v %.600q", d.method, d.path, d.query, d.header, d.body)
}

func (d *drafter) one(of ...string) string { return of[d.r.IntN(len(of))] }

func (d *drafter) chance(in int) bool { return d.r.IntN(in) == 0 }

// draft makes a request of an operation: half of them as the description wants it, the others near that or far from it.
func (d *drafter) draft(method, path string, op apiOperation) drafted {
	out := drafted{method: strings.ToUpper(method), header: http.Header{}, on: map[string]string{}}
	hostile := d.chance(2)
	query := url.Values{}
	for _, p := range op.Parameters {
		switch p.In {
		case "path":
			value := d.pathValue(p.Name, p.Schema, hostile)
			out.on[p.Name] = value
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(value))
		case "query":
			if p.Required && (!hostile || !d.chance(4)) || d.chance(2) {
				query.Set(p.Name, d.text(p.Schema, hostile))
			}
		}
	}
	out.path, out.query = path, query.Encode()
	if hostile {
		out.query = d.spoilQuery(out.query, query)
	}
	d.setBody(&out, op, hostile)
	d.setHeaders(&out, hostile)
	return out
}

// pathValue is a name of something, mostly of what there is: one's own, another unit's, nobody's.
func (d *drafter) pathValue(name string, s apiSchema, hostile bool) string {
	there := d.names[name]
	if len(there) > 0 && (!hostile || !d.chance(3)) {
		return there[d.r.IntN(len(there))]
	}
	if s.Format == "uuid" {
		if len(there) > 0 {
			return d.odd(there[0])
		}
		return d.odd(unknownID)
	}
	return d.one("Z99", "a01", "A1", "A0001", "A01 ", "A01/take", "..", "%2e%2e", "A01\x00", "席", "A０1", strings.Repeat("A", 3000), "A01\n")
}

// unknownID is an id of nothing.
const unknownID = "0193bb70-0000-7000-8000-00000000abcd"

// odd is an id of nothing, or one that is spelt otherwise.
func (d *drafter) odd(id string) string {
	return d.one(unknownID, "00000000-0000-0000-0000-000000000000", strings.ToUpper(id), "{"+id+"}", "urn:uuid:"+id, strings.ReplaceAll(id, "-", ""), id+"0", id[1:], "x", "..", id+"\x00", "１")
}

// text is a value as it stands in a query.
func (d *drafter) text(s apiSchema, hostile bool) string {
	if hostile && d.chance(2) {
		return d.one(evil()...)
	}
	switch v := d.value(s, hostile, 0).(type) {
	case string:
		return v
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return "?"
		}
		return string(b)
	}
}

func (d *drafter) setBody(out *drafted, op apiOperation, hostile bool) {
	if op.RequestBody == nil {
		if hostile && d.chance(3) {
			out.body = []byte(d.one(`{}`, `{"a":1}`, `[`, "\xff"))
			out.header.Set("Content-Type", "application/json")
		}
		return
	}
	out.header.Set("Content-Type", "application/json")
	var v any
	for _, c := range op.RequestBody.Content {
		v = d.value(c.Schema, false, 0)
	}
	if hostile && d.chance(2) {
		v = d.spoil(v)
	}
	body, err := json.Marshal(v)
	if err != nil {
		body = []byte("null")
	}
	if hostile && d.chance(3) {
		body = d.spoilBytes(body)
	}
	out.body = body
	if hostile && d.chance(5) {
		out.header.Set("Content-Type", d.one("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "application/json; charset=utf-16",
			`application/json; charset="`, "application/problem+json", "application/cbor", "*/*", "/", "json", ""))
	}
}

// value is one that the schema takes; when it need not be, one that it just does not.
func (d *drafter) value(s apiSchema, near bool, depth int) any {
	s = d.resolve(s)
	if len(s.Enum) > 0 && (!near || !d.chance(4)) {
		return s.Enum[d.r.IntN(len(s.Enum))]
	}
	kind := typeOf(s)
	if depth > 4 {
		return nil
	}
	switch kind {
	case "object":
		out := map[string]any{}
		for _, name := range sorted(s.Properties) {
			switch there := d.names["."+name]; {
			case !slices.Contains(s.Required, name) && d.chance(2):
			case len(there) > 0 && !near && !d.chance(3):
				out[name] = d.one(there...)
			default:
				out[name] = d.value(s.Properties[name], near, depth+1)
			}
		}
		return out
	case "array":
		out := []any{}
		for range d.r.IntN(3) {
			out = append(out, d.value(*s.Items, near, depth+1))
		}
		if near && s.MaxItems != nil && d.chance(3) {
			for len(out) <= *s.MaxItems {
				out = append(out, d.value(*s.Items, false, depth+1))
			}
		}
		return out
	case "boolean":
		return d.chance(2)
	case "integer", "number":
		return d.number(s, near)
	case "null":
		return nil
	}
	return d.string(s, near)
}

func (d *drafter) resolve(s apiSchema) apiSchema {
	for range 8 {
		switch {
		case s.Ref != "":
			s = d.doc.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]]
		case len(s.AnyOf) > 0:
			s = s.AnyOf[d.r.IntN(len(s.AnyOf))]
		default:
			return s
		}
	}
	return s
}

func (d *drafter) number(s apiSchema, near bool) any {
	low, high := 1.0, 5.0
	if s.Minimum != nil {
		low, high = *s.Minimum, *s.Minimum+4
	}
	if s.Maximum != nil {
		high = *s.Maximum
	}
	if near {
		return []any{low - 1, high + 1, -1, 0, 1 << 31, json.Number("9223372036854775807"), json.Number("-9223372036854775808"), 1.5}[d.r.IntN(8)]
	}
	return []any{low, high, low + float64(d.r.IntN(int(min(high-low, 1000))+1))}[d.r.IntN(3)]
}

func (d *drafter) string(s apiSchema, near bool) string {
	if s.Format == "uuid" {
		if near {
			return d.odd(unknownID)
		}
		return unknownID
	}
	if s.Format == "date-time" {
		if near {
			return d.one("0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999+23:59", "2026-02-30T00:00:00Z", "2026-11-26", "2026-11-26T24:00:00Z", "1764147600")
		}
		return d.one("2026-11-26T01:00:00Z", "2126-11-26T09:00:00+08:00")
	}
	longest := 40
	if s.MaxLength != nil {
		longest = *s.MaxLength
	}
	if near {
		return d.one(strings.Repeat("x", longest+1), strings.Repeat("长", longest), "", d.one(evil()...))
	}
	topics := d.names["topic"]
	out := d.one("噪音扰民", "x", "reason", "sip:A02@127.0.0.3:5070", "page-1", topics[d.r.IntN(len(topics))], secretSent)
	for s.MinLength != nil && len(out) < *s.MinLength {
		out += "x"
	}
	return out[:min(len(out), max(longest, 12))]
}

func typeOf(s apiSchema) string {
	switch t := s.Type.(type) {
	case string:
		return t
	case []any:
		for _, one := range t {
			if name, ok := one.(string); ok && name != "null" {
				return name
			}
		}
	}
	if len(s.Properties) > 0 {
		return "object"
	}
	return "string"
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
