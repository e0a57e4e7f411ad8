// Package door is policy at HTTP: every operation and every socket declares the action that it is, and what has declared none is
// not served and lets the server not start (reliability.md 8, V8.2.1).
//
// It knows policy and who acts; it must not know what a domain does behind a door.
package door

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"hotline/agent"
	"hotline/agent/policy"
	"hotline/agent/problem"
)

// Rule is what a door declares. The zero Rule declares nothing.
type Rule struct {
	actions []policy.Action
	each    bool // any scope passes: what is behind compares it with the resource
	open    bool
	name    string
	kind    string
	kept    Kept
}

// Open is a door for everybody, signed in or not.
func Open() Rule { return Rule{open: true} }

// Whole takes the whole right to one of the actions: what is behind knows no resource that could be one's own or one's unit's.
func Whole(actions ...policy.Action) Rule { return Rule{actions: actions} }

// Each lets everybody in who has the right to one of the actions at any scope: what is behind compares the scope with each resource.
func Each(actions ...policy.Action) Rule { return Rule{actions: actions, each: true} }

// Kept is what the audit trail keeps of what a door does, beside what it refuses and what fails (RS14).
type Kept uint8

// The ways of keeping.
const (
	Elsewhere Kept = iota // it is recorded in the transaction of its effect, stands in the fact log, or shows nothing of a citizen
	Always                // each time
	Often                 // a page asks again with each piece of news: of a person, one a minute
)

// Kept says what the audit trail keeps.
func (r Rule) Kept(k Kept) Rule {
	r.kept = k
	return r
}

// As gives the door a name in the audit trail other than its one action's, and what it is done to, where its path does not say it.
func (r Rule) As(name, kind string) Rule {
	r.name, r.kind = name, kind
	return r
}

// Actions are those that the door has declared; an open door has none.
func (r Rule) Actions() []policy.Action { return slices.Clone(r.actions) }

// IsOpen says that nobody needs to be signed in.
func (r Rule) IsOpen() bool { return r.open }

func (r Rule) declared() bool {
	return r.open || len(r.actions) > 0 && !slices.ContainsFunc(r.actions, func(a policy.Action) bool { return !a.Declared() }) && r.called() != ""
}

// called is the door's name in the audit trail; an open one that has been given none is none of its business.
func (r Rule) called() string {
	if r.name == "" && len(r.actions) == 1 {
		return r.actions[0].String()
	}
	return r.name
}

// pass refuses who may not come in: 401 login.required, 403 not_allowed.
func (r Rule) pass(ctx context.Context) *problem.Problem {
	if r.open {
		return nil
	}
	who, ok := agent.FromContext(ctx)
	if !ok {
		return problem.New(http.StatusUnauthorized, "login.required")
	}
	for _, a := range r.actions {
		if scope := who.ScopeOf(a); scope == policy.All || r.each && scope > policy.None {
			return nil
		}
	}
	return NotAllowed(r.actions[0])
}

// NotAllowed is the refusal of an action: 403 not_allowed.
func NotAllowed(a policy.Action) *problem.Problem {
	return problem.New(http.StatusForbidden, "not_allowed", "right="+a.String()).Because("right")
}

// Who is who acts, behind a door that is not open.
func Who(ctx context.Context) agent.Identity {
	who, _ := agent.FromContext(ctx)
	return who
}

const ruleKey = "door"

// Register adds an operation that declares its rule. Without one it is left to Mux.Err.
func Register[I, O any](api huma.API, op huma.Operation, r Rule, handler func(context.Context, *I) (*O, error)) {
	op.Metadata = map[string]any{ruleKey: r}
	op.Responses = map[string]*huma.Response{}
	describe(&op, r)
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		if no := r.pass(ctx); no != nil {
			return nil, no
		}
		return handler(ctx, in)
	})
	described(&op)
}

// RuleOf is what an operation has declared.
func RuleOf(op *huma.Operation) Rule {
	r, _ := op.Metadata[ruleKey].(Rule)
	return r
}

// Mux serves what has declared its rule, and nothing else.
type Mux struct {
	mux        http.ServeMux
	undeclared []string
	watched    map[string]Watched // by pattern
}

// Watched is a door as the audit trail sees it.
type Watched struct {
	Action string // tickets.read
	Kind   string // of what it is done to: ticket
	Param  string // the part of the path that says which; empty: there is but one
	Hides  bool   // what is not the asker's is not there, for them: that it was not found is a refusal
	Kept   Kept
}

// Watched is the door of a pattern; false: the audit trail has nothing to do with it.
func (m *Mux) Watched(pattern string) (Watched, bool) {
	w, ok := m.watched[pattern]
	return w, ok
}

// watch reads from the path what the door's act is done to: /api/v1/tickets/{id} is about a ticket, /api/v1/tickets about tickets.
func (m *Mux) watch(pattern string, r Rule) {
	if r.called() == "" {
		return
	}
	w := Watched{Action: r.called(), Kept: r.kept}
	for part := range strings.SplitSeq(pattern, "/") {
		if w.Param = strings.Trim(part, "{}"); w.Param != part {
			w.Kind = strings.TrimSuffix(w.Kind, "s")
			break
		}
		w.Kind, w.Param = part, ""
	}
	w.Kind, w.Hides = cmp.Or(r.kind, w.Kind), r.each && w.Param != ""
	if m.watched == nil {
		m.watched = map[string]Watched{}
	}
	m.watched[pattern] = w
}

// ServeHTTP implements http.Handler.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

// Methods are those that the address of a request takes, whatever was asked of it; none: there is no such address.
func (m *Mux) Methods(r *http.Request) []string {
	var takes []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		asked := r.Clone(r.Context())
		asked.Method = method
		if _, pattern := m.mux.Handler(asked); strings.HasPrefix(pattern, method+" ") {
			takes = append(takes, method)
		}
	}
	return takes
}

// Handle serves a pattern to those whom the rule lets in.
func (m *Mux) Handle(pattern string, rule Rule, h http.Handler) {
	if !rule.declared() {
		m.undeclared = append(m.undeclared, pattern)
		return
	}
	m.watch(pattern, rule)
	m.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if no := rule.pass(r.Context()); no != nil {
			problem.Write(w, r, no)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// API is an API whose operations are served here.
func (m *Mux) API(cfg huma.Config) huma.API {
	return huma.NewAPI(cfg, adapter{humago.NewAdapter(&m.mux, ""), m})
}

// Err names the doors that have declared no action.
func (m *Mux) Err() error {
	if len(m.undeclared) == 0 {
		return nil
	}
	return fmt.Errorf("no action is declared for %s, or several without a name for the audit trail: nobody could say who may use it, or who did",
		strings.Join(m.undeclared, ", "))
}

// adapter keeps out what was registered past Register.
type adapter struct {
	huma.Adapter

	mux *Mux
}

// Handle implements huma.Adapter.
func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	rule, pattern := RuleOf(op), op.Method+" "+op.Path
	if !rule.declared() {
		a.mux.undeclared = append(a.mux.undeclared, pattern)
		return
	}
	a.mux.watch(pattern, rule)
	a.Adapter.Handle(op, handler)
}
