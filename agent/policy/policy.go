// Package policy is the one table of rights: who may do what, and how far that goes (reliability.md 8, RG3). Doors ask it about one
// resource, lists take their scope from it, and so will row-level security.
//
// It is ground: pure, and it must know nothing of ours, so that everybody may ask it.
package policy

import (
	"errors"
	"fmt"
	"slices"
)

// Role is a right-bearing part that a person plays, as the schema spells it.
type Role string

// The roles. The three administrators are separated (GB/T 22239-2019 8.1.5).
const (
	Official      Role = "official"
	Recorder      Role = "recorder"
	Operator      Role = "operator"
	Supervisor    Role = "supervisor"
	Office        Role = "office"
	UnitClerk     Role = "unit"
	SystemAdmin   Role = "system_admin"
	SecurityAdmin Role = "security_admin"
	AuditAdmin    Role = "audit_admin"
)

// Roles lists every role, in the order of the table's columns.
func Roles() []Role {
	return []Role{Official, Recorder, Operator, Supervisor, Office, UnitClerk, SystemAdmin, SecurityAdmin, AuditAdmin}
}

// Scope is how far a right goes. Each one holds what the smaller ones hold.
type Scope uint8

// The scopes.
const (
	None Scope = iota
	Own        // what one sits at, holds or has written oneself
	Unit       // and what lies with one's unit, unless it is kept from units
	All
)

// String is the word of the table.
func (s Scope) String() string { return [...]string{"-", "own", "unit", "all"}[s] }

// Resource is what a scope is compared with. The zero Resource is nobody's: only All reaches it.
type Resource struct {
	Own      bool // the person's own
	SameUnit bool // of the person's unit; whoever has no unit shares it with nobody
	Withheld bool // from units: confidential (P-01, P-02), or not registered yet
}

// Covers says that a right of this scope reaches the resource.
func (s Scope) Covers(r Resource) bool {
	switch s {
	case All:
		return true
	case Unit:
		return r.Own || r.SameUnit && !r.Withheld
	case Own:
		return r.Own
	case None:
	}
	return false
}

// ScopeOf is the widest scope that the roles have for an action. What is not in the table is allowed to nobody, and roles that
// must not meet in one person give nothing, however they came together.
func ScopeOf(roles []Role, a Action) Scope {
	if !a.Declared() || mixed(roles) {
		return None
	}
	widest := None
	for _, r := range roles {
		widest = max(widest, table[a].scope(r))
	}
	return widest
}

// Can says that the roles allow the action on the resource. Without a resource to name it takes the whole right: Resource{}.
func Can(roles []Role, a Action, r Resource) bool { return ScopeOf(roles, a).Covers(r) }

// Reach is a scope as a list asks for it: its rows are everybody's, those of the unit and one's own, or one's own. The zero Reach
// gets no row.
type Reach struct {
	Scope  Scope
	Person string // whose own; empty: nobody's
	Unit   string // code; empty: none
}

// Errors of CheckRoles.
var (
	ErrNoRole         = errors.New("name at least one")
	ErrTwoAdmins      = errors.New("one person holds at most one of system_admin, security_admin, audit_admin")
	ErrAdminWithOther = errors.New("an administrator has no part in calls and tickets")
)

// CheckRoles refuses unknown roles, two administrators in one person, and an administrator who takes part in the work
// (三员分立, GB/T 22239-2019 8.1.5).
func CheckRoles(roles []Role) error {
	admins := 0
	for _, r := range roles {
		if column(r) < 0 {
			return fmt.Errorf("no role is called %s", string(r))
		}
		if r.admin() {
			admins++
		}
	}
	switch {
	case len(roles) == 0:
		return ErrNoRole
	case admins > 1:
		return ErrTwoAdmins
	case admins == 1 && len(roles) > 1:
		return ErrAdminWithOther
	}
	return nil
}

// mixed says that an administrator's role stands beside another one.
func mixed(roles []Role) bool { return len(roles) > 1 && slices.ContainsFunc(roles, Role.admin) }

func (r Role) admin() bool { return r == SystemAdmin || r == SecurityAdmin || r == AuditAdmin }
