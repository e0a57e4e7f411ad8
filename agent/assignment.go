package agent

import (
	"slices"
	"strings"
	"time"

	"hotline/agent/policy"
)

// Assignment says that a person may sit at a place (排位): in a session, or as a standing shift until it is taken back (RS4).
type Assignment struct {
	ID         string
	Session    int // number; 0: a standing shift
	Seat       SeatID
	Place      Place // as Chair names it
	Person     PersonID
	LoginName  string
	PersonName string
	MadeAt     time.Time
	Holds      bool // now: a session's begins with its check-in and ends with it
}

// NewAssignment asks for an assignment by the names that people use.
type NewAssignment struct {
	LoginName string
	Seat      SeatID
	Place     Place
	Session   int // number; 0: a standing shift
}

// CheckAssignment refuses a place that the seat has not, or at which none of the roles sits: *FieldError.
func CheckAssignment(kind SeatKind, place Place, roles []Role) error {
	if places := Places(kind); !slices.Contains(places, place) {
		names := make([]string, len(places))
		for i, p := range places {
			names[i] = string(p)
		}
		return &FieldError{Field: "place", Mend: "at this seat want " + strings.Join(names, ", ")}
	}
	if !policy.Can(roles, sitting(kind, place), policy.Resource{}) {
		return &FieldError{Field: "place", Mend: "none of the person's roles sits at the place of the " + string(place)}
	}
	return nil
}
