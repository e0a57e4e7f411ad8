package agent

import (
	"context"
	"slices"
)

// PersonID is a person's UUID.
type PersonID string

// Role is a right-bearing part that a person plays; the table of rights is reliability.md 8.
type Role string

// The roles. The three administrators are separated (GB/T 22239-2019 8.1.5).
const (
	RoleOfficial      Role = "official"
	RoleRecorder      Role = "recorder"
	RoleOperator      Role = "operator"
	RoleSupervisor    Role = "supervisor"
	RoleOffice        Role = "office"
	RoleUnit          Role = "unit"
	RoleSystemAdmin   Role = "system_admin"
	RoleSecurityAdmin Role = "security_admin"
	RoleAuditAdmin    Role = "audit_admin"
)

// Identity is who acts: the signed-in person, as every handler and audit row sees it.
type Identity struct {
	Person    PersonID
	LoginName string
	Name      string
	Unit      string // code; empty for people of the hotline itself
	Roles     []Role
	Login     string // id of the login, for cutting its sockets; never the token
}

// Has reports whether the person plays one of the roles.
func (i Identity) Has(roles ...Role) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(i.Roles, r) })
}

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
