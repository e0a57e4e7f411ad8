package door

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"hotline/agent/problem"
)

// Config is what every API of the house has: the one rule of null, problems in the reader's language, and how one signs in.
func Config(title, version string) huma.Config {
	cfg := huma.DefaultConfig(title, version)
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.CreateHooks = nil // no $schema links in answers
	cfg.RejectUnknownQueryParameters = true
	cfg.Transformers = []huma.Transformer{refuse}
	cfg.Components = &huma.Components{
		Schemas: schemas{huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)},
		SecuritySchemes: map[string]*huma.SecurityScheme{login: {
			Type: "apiKey", In: "cookie", Name: "sid",
			Description: "The cookie that sign-in sets, __Host-sid over TLS. Whatever changes something is refused when a browser sends it from a page of another " +
				"site (Sec-Fetch-Site, Origin): no token beside the cookie is needed.",
		}},
	}
	return cfg
}

const login = "login"

// schemas holds all schemas to one rule of null (RP1): a pointer that is always told is null for "none", what is left out when it is
// not there is never null, and neither is a list.
type schemas struct{ huma.Registry }

// Schema implements huma.Registry.
func (s schemas) Schema(t reflect.Type, allowRef bool, hint string) *huma.Schema {
	if t == reflect.TypeFor[huma.ErrorModel]() {
		t = reflect.TypeFor[problem.Problem]()
	}
	known := s.Map()
	before := make(map[string]bool, len(known))
	for name := range known {
		before[name] = true
	}
	made := s.Registry.Schema(t, allowRef, hint)
	for name, schema := range s.Map() {
		if !before[name] {
			s.settle(schema, s.TypeFromRef("#/components/schemas/"+name))
		}
	}
	if made.Type == huma.TypeArray {
		made.Nullable = false
	}
	return made
}

// MarshalJSON writes them as components.
func (s schemas) MarshalJSON() ([]byte, error) { return json.Marshal(s.Registry) }

func (s schemas) settle(schema *huma.Schema, t reflect.Type) {
	if t == nil || t.Kind() != reflect.Struct {
		return
	}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := schema.Properties[name]
		switch {
		case p == nil:
		case p.Nullable && len(p.Enum) > 0:
			p.Enum = append(p.Enum, nil)
		case p.Type == huma.TypeArray:
			p.Nullable = false
		case p.Ref != "" && f.Type.Kind() == reflect.Pointer && options == "":
			schema.Properties[name] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}, Description: p.Description}
		}
	}
}

// refusals are the errors that an operation may answer with: what its door, its input and the server's middleware say (RP2), and what it
// has declared itself.
func refusals(op *huma.Operation, r Rule) []int {
	errs := append(slices.Clone(op.Errors), http.StatusBadRequest, http.StatusUnprocessableEntity, // a query parameter that nobody knows
		http.StatusTooManyRequests, http.StatusRequestHeaderFieldsTooLarge, http.StatusInternalServerError, http.StatusServiceUnavailable)
	if strings.Contains(op.Path, "{") {
		errs = append(errs, http.StatusNotFound)
	}
	if !r.open {
		errs = append(errs, http.StatusUnauthorized, http.StatusForbidden)
	}
	if op.Method != http.MethodGet {
		errs = append(errs, http.StatusForbidden, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
		if !r.open {
			errs = append(errs, http.StatusConflict)
		}
	}
	slices.Sort(errs)
	return slices.Compact(errs)
}

// describe says of an operation who may use it, how it is repeated, and how it is refused.
func describe(op *huma.Operation, r Rule) {
	op.Errors = refusals(op, r)
	op.RejectUnknownQueryParameters = true
	if r.open {
		op.Security = []map[string][]string{}
		return
	}
	op.Security = []map[string][]string{{login: {}}}
	if op.Method == http.MethodPost {
		most := 100
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &most},
			Example:     "019be6a4-5c1f-7000-8000-000000000001",
			Description: "A name that the client gives this command. Sent again with the same name within a day, the command has no second effect, and the answer tells what there is now. What answers with a secret (login, ws-ticket, phone) is done anew each time.",
		})
	}
}

// described adds what huma does not: when a refusal is worth another try.
func described(op *huma.Operation) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		if res := op.Responses[strconv.Itoa(status)]; res != nil {
			res.Headers = map[string]*huma.Param{"Retry-After": {
				Schema: &huma.Schema{Type: huma.TypeInteger}, Description: "Seconds after which another try is worth it", Example: 1,
			}}
		}
	}
}

// refuse turns every refusal into a problem in the reader's language, huma's own among them, of which it takes out what was sent: it may
// be a password (RS16).
func refuse(ctx huma.Context, _ string, answer any) (any, error) {
	switch no := answer.(type) {
	case *problem.Problem:
		return no.For(ctx.Context(), ctx.Header("Accept-Language")), nil
	case *huma.ErrorModel:
		p := ofLibrary(no, ctx.Operation())
		for _, e := range no.Errors {
			if no.Status < http.StatusInternalServerError {
				p.Errors = append(p.Errors, problem.Field{Location: e.Location, Message: e.Message})
			}
		}
		return p.For(ctx.Context(), ctx.Header("Accept-Language")), nil
	}
	return answer, nil
}

// ofLibrary is a refusal that huma has made. What it says of a body names the limits of the operation.
func ofLibrary(no *huma.ErrorModel, op *huma.Operation) *problem.Problem {
	if code, own := strings.CutPrefix(no.Type, "urn:hotline:"); own {
		return problem.New(no.Status, code)
	}
	switch no.Status {
	case http.StatusInternalServerError:
		return problem.New(http.StatusInternalServerError, "internal")
	case http.StatusUnsupportedMediaType:
		return problem.New(http.StatusUnsupportedMediaType, "media_type").With(problem.Field{Location: "header.Content-Type", Message: "want application/json"})
	case http.StatusRequestTimeout:
		return problem.New(http.StatusRequestTimeout, "slow", "most="+strconv.FormatFloat(op.BodyReadTimeout.Seconds(), 'g', -1, 64))
	case http.StatusRequestEntityTooLarge:
		return problem.New(http.StatusRequestEntityTooLarge, "too_large", "most="+problem.Size(op.MaxBodyBytes)).
			With(problem.Field{Location: "body", Message: "want at most " + problem.Size(op.MaxBodyBytes)})
	}
	return problem.New(no.Status, "invalid")
}
