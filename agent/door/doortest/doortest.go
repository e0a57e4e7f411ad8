// Package doortest holds answers to the API's description in tests: an answer that the description does not know fails the test whose
// request it answers (RP4).
package doortest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	verrors "github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/paths"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"hotline/agent/problem"
)

// Description is an OpenAPI document that answers are held to. It may be shared.
type Description struct {
	model    *v3.Document
	valid    validator.Validator
	findings *config.ValidationOptions
}

// Read reads the document, and refuses one that is no OpenAPI.
func Read(document []byte) (*Description, error) {
	doc, err := libopenapi.NewDocument(document)
	if err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		return nil, fmt.Errorf("understand the description: %w", err)
	}
	// Who may ask is the door's to say, and is asked in tests without cookies too.
	v, errs := validator.NewValidator(doc, config.WithFormatAssertions(), config.WithoutSecurityValidation())
	if len(errs) > 0 {
		return nil, fmt.Errorf("take the description for a rule: %w", errs[0])
	}
	if ok, wrong := v.ValidateDocument(); !ok {
		return nil, fmt.Errorf("the description is no OpenAPI: %s", findings(wrong))
	}
	return &Description{model: &model.Model, valid: v, findings: config.NewValidationOptions()}, nil
}

// Of is the description of an API as it stands.
func Of(tb testing.TB, api huma.API) *Description {
	tb.Helper()
	document, err := json.Marshal(api.OpenAPI())
	if err != nil {
		tb.Fatalf("write the description: %v", err)
	}
	d, err := Read(document)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// API is an API whose operations have been registered, with every answer of its adapter held to its description.
func API(tb testing.TB, api huma.API) huma.API {
	tb.Helper()
	return checkedAPI{api, Of(tb, api).Checked(tb, api.Adapter())}
}

type checkedAPI struct {
	huma.API

	handler http.Handler
}

// Adapter implements huma.API.
func (a checkedAPI) Adapter() huma.Adapter { return checkedAdapter{a.API.Adapter(), a.handler} }

type checkedAdapter struct {
	huma.Adapter

	handler http.Handler
}

// ServeHTTP implements huma.Adapter.
func (a checkedAdapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Checked passes requests on and holds the answers of declared operations to the description: status, type and body, and of what was
// accepted the request as well. Whatever else is asked for is refused by the rule of this API: with a problem.
func (d *Description) Checked(tb testing.TB, next http.Handler) http.Handler {
	tb.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, read := &copied{ReadCloser: r.Body}, *r
		read.Body = asked // of a copy: the server cuts by its own whether the body was read
		told := &answer{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(told, &read)
		if told.hijacked {
			return
		}
		d.hold(tb, r, asked.kept.Bytes(), said{told.status, told.Header(), told.body.Bytes()})
	})
}

// Transport is a client's way to a server elsewhere, whose answers are held to the description likewise. Nil: the usual way.
func (d *Description) Transport(tb testing.TB, next http.RoundTripper) http.RoundTripper {
	tb.Helper()
	if next == nil {
		next = &http.Transport{}
	}
	return &transport{tb, d, next}
}

type transport struct {
	tb   testing.TB
	d    *Description
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	asked := &copied{ReadCloser: http.NoBody}
	if r.Body != nil {
		asked.ReadCloser = r.Body
	}
	sent := r.Clone(r.Context())
	sent.Body = asked
	res, err := t.next.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	t.d.hold(t.tb, r, asked.kept.Bytes(), said{res.StatusCode, res.Header, body})
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// said is an answer.
type said struct {
	status int
	header http.Header
	body   []byte
}

func (d *Description) hold(tb testing.TB, r *http.Request, asked []byte, told said) {
	tb.Helper()
	if err := d.check(r, asked, told); err != nil {
		tb.Errorf("%s %s answered %d, which the description does not know: %v\nasked: %.2000s\ntold: %.2000s", r.Method, r.URL.Path, told.status, err, asked, told.body)
	}
}

func (d *Description) check(r *http.Request, asked []byte, told said) error {
	request := r.Clone(r.Context())
	query := request.URL.Query()
	maps.DeleteFunc(query, func(_ string, values []string) bool { return slices.Equal(values, []string{""}) }) // what is empty is left out
	request.URL.RawQuery = query.Encode()
	request.Body = io.NopCloser(bytes.NewReader(asked))
	if len(asked) == 0 {
		request.Header.Del("Content-Type") // of nothing
	}
	item, _, _ := paths.FindPath(request, d.model, d.findings)
	if item == nil || path.Clean(r.URL.Path) != r.URL.Path || item.GetOperations().GetOrZero(strings.ToLower(r.Method)) == nil {
		return undeclared(told)
	}
	response := &http.Response{StatusCode: told.status, Header: told.header.Clone(), Body: io.NopCloser(bytes.NewReader(told.body)), Request: request}
	if ok, wrong := d.valid.ValidateHttpResponse(request, response); !ok {
		return errors.New(findings(wrong))
	}
	if told.status >= http.StatusMultipleChoices { // such a request was not read
		return nil
	}
	if ok, wrong := d.valid.ValidateHttpRequestSync(request); !ok {
		return fmt.Errorf("the accepted request: %s", findings(wrong))
	}
	return nil
}

// undeclared are answers of no operation: a page or a socket, or a problem.
func undeclared(told said) error {
	if told.status < http.StatusBadRequest || told.status == http.StatusServiceUnavailable && told.header.Get("Content-Type") == "application/json" {
		return nil // /readyz tells JSON both ways
	}
	var p problem.Problem
	strict := json.NewDecoder(bytes.NewReader(told.body))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&p); err != nil || p.Status != told.status || p.Title == "" || p.Detail == "" || told.header.Get("Content-Type") != "application/problem+json" {
		return fmt.Errorf("a refusal that is no problem (%s): %w", told.header.Get("Content-Type"), err)
	}
	return nil
}

func findings(wrong []*verrors.ValidationError) string {
	var b bytes.Buffer
	for _, w := range wrong {
		_, _ = fmt.Fprintf(&b, "%s: %s", w.Message, w.Reason)
		for _, s := range w.SchemaValidationErrors {
			_, _ = fmt.Fprintf(&b, "; %s: %s", s.FieldPath, s.Reason)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// copied keeps what was read of a body.
type copied struct {
	io.ReadCloser

	kept bytes.Buffer
}

func (c *copied) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.kept.Write(b[:n])
	return n, err
}

// answer keeps what was told.
type answer struct {
	http.ResponseWriter
	status   int
	body     bytes.Buffer
	hijacked bool
}

var _ http.Hijacker = (*answer)(nil)

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	a.body.Write(b)
	return a.ResponseWriter.Write(b)
}

// Hijack hands the connection to a socket, whose messages are described elsewhere.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	a.hijacked = true
	return http.NewResponseController(a.ResponseWriter).Hijack()
}

// Unwrap lets deadlines be set and answers be flushed through it.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
