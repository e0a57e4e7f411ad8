package agent

import "slices"

// Action is something that a person may or may not do; rights to single rows are decided beside the row.
type Action string

// The actions of this domain and those that every domain asks about (reliability.md 8).
const (
	ActReadSeats      Action = "seats.read"         // who sits where, and in what state
	ActSitOfficial    Action = "seat.sit.official"  // the answering place at an official's seat
	ActSitOperator    Action = "seat.sit.operator"  // the answering place at an operator's seat
	ActSitRecorder    Action = "seat.sit.recorder"  // the place beside
	ActForce          Action = "seat.force"         // ready, rest, busy, sign-out for somebody else, with a reason (A14)
	ActReadBoard      Action = "board.read"         // waiting callers and counts
	ActWriteTickets   Action = "tickets.write"      // drafts, registration
	ActReadTickets    Action = "tickets.read"       // of the own unit, or all: decided beside the row
	ActReadAllTickets Action = "tickets.read.all"   // of every unit
	ActCallBack       Action = "callbacks.handle"   // the list of callers nobody reached
	ActManagePeople   Action = "people.manage"      // people, seats, lines
	ActManageRights   Action = "rights.manage"      // roles and policies
	ActReadAudit      Action = "audit.read"         // the audit trail
	ActSeeNumber      Action = "numbers.see"        // a citizen's full number, audited
	ActExport         Action = "export.with_reason" // lists with personal data
)

// rights is the whole matrix in one place; TestRights holds it against the golden table.
func rights() map[Action][]Role {
	answering := []Role{RoleOfficial, RoleRecorder, RoleOperator, RoleSupervisor}
	return map[Action][]Role{
		ActReadSeats:      {RoleOfficial, RoleRecorder, RoleOperator, RoleSupervisor, RoleOffice, RoleSystemAdmin},
		ActSitOfficial:    {RoleOfficial},
		ActSitOperator:    {RoleOperator, RoleSupervisor},
		ActSitRecorder:    {RoleRecorder, RoleOperator, RoleSupervisor},
		ActForce:          {RoleSupervisor},
		ActReadBoard:      {RoleRecorder, RoleOperator, RoleSupervisor, RoleOffice},
		ActWriteTickets:   slices.Concat(answering, []Role{RoleOffice}),
		ActReadTickets:    slices.Concat(answering, []Role{RoleOffice, RoleUnit}),
		ActReadAllTickets: {RoleSupervisor, RoleOffice},
		ActCallBack:       {RoleOperator, RoleSupervisor},
		ActManagePeople:   {RoleSystemAdmin},
		ActManageRights:   {RoleSecurityAdmin},
		ActReadAudit:      {RoleAuditAdmin},
		ActSeeNumber:      slices.Concat(answering, []Role{RoleOffice}),
		ActExport:         {RoleOffice},
	}
}

// Actions lists every action, sorted.
func Actions() []Action {
	var as []Action
	for a := range rights() {
		as = append(as, a)
	}
	slices.Sort(as)
	return as
}

// Roles lists every role.
func Roles() []Role {
	return []Role{
		RoleOfficial, RoleRecorder, RoleOperator, RoleSupervisor, RoleOffice, RoleUnit,
		RoleSystemAdmin, RoleSecurityAdmin, RoleAuditAdmin,
	}
}

// May reports whether the person's roles allow the action.
func (i Identity) May(a Action) bool { return i.Has(rights()[a]...) }

// CheckRoles refuses unknown roles and two administrators in one person (三员分立, GB/T 22239-2019 8.1.5).
func CheckRoles(roles []Role) error {
	admins := 0
	for _, r := range roles {
		if !slices.Contains(Roles(), r) {
			return &FieldError{Field: "roles", Mend: "no role is called " + string(r)}
		}
		if r == RoleSystemAdmin || r == RoleSecurityAdmin || r == RoleAuditAdmin {
			admins++
		}
	}
	switch {
	case len(roles) == 0:
		return &FieldError{Field: "roles", Mend: "name at least one"}
	case admins > 1:
		return &FieldError{Field: "roles", Mend: "one person holds at most one of system_admin, security_admin, audit_admin"}
	case admins == 1 && len(roles) > 1:
		return &FieldError{Field: "roles", Mend: "an administrator has no part in calls and tickets"}
	}
	return nil
}
