package agent

import (
	"context"
	"regexp"

	"hotline/agent/policy"
)

// PersonID is a person's UUID.
type PersonID string

// Role is a right-bearing part that a person plays; package policy has the table of rights.
type Role = policy.Role

// The roles, as policy has them.
const (
	RoleOfficial      = policy.Official
	RoleRecorder      = policy.Recorder
	RoleOperator      = policy.Operator
	RoleSupervisor    = policy.Supervisor
	RoleOffice        = policy.Office
	RoleUnit          = policy.UnitClerk
	RoleSystemAdmin   = policy.SystemAdmin
	RoleSecurityAdmin = policy.SecurityAdmin
	RoleAuditAdmin    = policy.AuditAdmin
)

var loginName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,31}$`)

// IsLoginName says that a person may have it as login name; 0001's CHECK is the authority.
func IsLoginName(name string) bool { return loginName.MatchString(name) }

// CheckRoles refuses roles that one person must not have: *FieldError.
func CheckRoles(roles []Role) error {
	if err := policy.CheckRoles(roles); err != nil {
		return &FieldError{Field: "roles", Mend: err.Error()}
	}
	return nil
}

// Identity is who acts: the signed-in person, as every handler and audit row sees it.
type Identity struct {
	Person    PersonID
	LoginName string
	Name      string
	Unit      string // code; empty for people of the hotline itself
	Roles     []Role
	Login     string // id of the login, for cutting its sockets; never the token
}

// Can says that the person may do that to the resource; Resource{} takes the whole right.
func (i Identity) Can(a policy.Action, r policy.Resource) bool { return policy.Can(i.Roles, a, r) }

// ScopeOf is how far the person's right to an action goes.
func (i Identity) ScopeOf(a policy.Action) policy.Scope { return policy.ScopeOf(i.Roles, a) }

// Reach is how far the person's right goes in a list.
func (i Identity) Reach(a policy.Action) policy.Reach {
	return policy.Reach{Scope: i.ScopeOf(a), Person: string(i.Person), Unit: i.Unit}
}

// Is says that somebody is this person; nobody is no person's.
func (i Identity) Is(p PersonID) bool { return p != "" && p == i.Person }

// Actor is the name under which acts are recorded in the fact log.
func (i Identity) Actor() string { return "person:" + string(i.Person) }

type identityKey struct{}

// NewContext returns a context that carries who acts.
func NewContext(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

// FromContext returns who acts; false when nobody is signed in.
func FromContext(ctx context.Context) (Identity, bool) {
	id, ok := ctx.Value(identityKey{}).(Identity)
	return id, ok
}
