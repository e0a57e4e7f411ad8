package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"hotline/agent"
	"hotline/agent/problem"
)

// plainJSON is JSON of which every string is plain text, names of fields included: no operation has to think of it (RS16).
func plainJSON() huma.Format {
	f := huma.DefaultJSONFormat
	f.Unmarshal = func(data []byte, v any) error {
		if err := checkJSON(data); err != nil {
			return err
		}
		return json.Unmarshal(data, v)
	}
	return f
}

// checkJSON names the field that is no plain text.
func checkJSON(data []byte) error {
	if err := agent.CheckText(string(data)); err != nil { // before strings are read, which mends bad bytes in silence
		return fmt.Errorf("body: %w", err)
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	mended := !bytes.ContainsRune(data, '\ufffd') && !strings.Contains(strings.ToLower(string(data)), `\ufffd`)
	return checkValue("body", v, mended)
}

// checkValue walks; when mended, a replacement character can only stand for half a surrogate pair.
func checkValue(path string, v any, mended bool) error {
	switch v := v.(type) {
	case string:
		return checkString(path, v, mended)
	case []any:
		for i, e := range v {
			if err := checkValue(path+"["+strconv.Itoa(i)+"]", e, mended); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, e := range v {
			if err := checkString(path, name, mended); err != nil {
				return err
			}
			if err := checkValue(path+"."+name, e, mended); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkString(path, s string, mended bool) error {
	err := agent.CheckText(s)
	if err == nil && mended && strings.ContainsRune(s, '\ufffd') {
		err = &agent.TextError{What: "half a surrogate pair"}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// plain refuses a request of which address or idempotency key is no plain text, that spells an id in another way than we do, or says something twice.
func plain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if where, err := checkAddress(r); err != nil {
			problem.Write(w, r, problem.New(http.StatusBadRequest, "invalid").With(problem.Field{Location: where, Message: err.Error()}))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// errSpelling: an id has one spelling, in answers, topics and the trail. The parser of ids knows more, among them some that the database does not.
var errSpelling = errors.New("an id is written as xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx, in small letters")

// errTwice: of two values one would be read and the other not be missed.
var errTwice = errors.New("given more than once")

// checkAddress says where what is not as it should be stands.
func checkAddress(r *http.Request) (string, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return "query", &agent.TextError{What: "what is not escaped well"}
	}
	if err := agent.CheckText(r.URL.Path); err != nil {
		return "path", err
	}
	for part := range strings.SplitSeq(r.URL.Path, "/") {
		if id, err := uuid.Parse(part); err == nil && id.String() != part {
			return "path", errSpelling
		}
	}
	if err := agent.CheckText(r.Header.Get("Idempotency-Key")); err != nil {
		return "header.Idempotency-Key", err
	}
	for name, values := range query {
		if err := agent.CheckText(name + strings.Join(values, "")); err != nil {
			return "query", err
		}
		if len(values) > 1 {
			return "query." + name, errTwice
		}
	}
	return "", nil
}
