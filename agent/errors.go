package agent

import (
	"errors"
	"fmt"
	"time"
)

// Errors of the presence machine and the service.
var (
	// ErrStale: the command was given on a version of the seat that is no longer the current one.
	ErrStale = errors.New("the seat has changed since")
	// ErrDeviceNotOK: the seat's telephone is not ready, so it cannot take calls (A2).
	ErrDeviceNotOK = errors.New("the seat's telephone is not ready")
	// ErrNotAllowed: the person has no right to this act.
	ErrNotAllowed = errors.New("not allowed")
	// ErrNotAssigned: the place is not assigned to the person now (RS4).
	ErrNotAssigned = errors.New("the place is not assigned to the person")
	// ErrNotFound: there is no such seat, person or unit.
	ErrNotFound = errors.New("not found")
	// ErrReplaced: the page that reports no longer holds the seat's telephone; another one does.
	ErrReplaced = errors.New("another page has taken the seat over")
	// ErrReasonMissing: a supervisor's act on somebody else's seat needs a reason (A14).
	ErrReasonMissing = errors.New("a reason is needed")
	// ErrLoginWrong: login name and password do not belong together, or may not be tried now; which of them is not told.
	ErrLoginWrong = errors.New("login name or password is wrong")
	// ErrExists: a person with that login name is there already.
	ErrExists = errors.New("exists already")
)

// TooManyError says when what is asked too often, or by too many at once, may be tried again.
type TooManyError struct{ After time.Duration }

func (e *TooManyError) Error() string { return fmt.Sprintf("too many: try again in %s", e.After) }

// SeatTakenError says who has the place already. It may be the same person, on another page (A1: take-over dialog).
type SeatTakenError struct{ By PersonID }

func (e *SeatTakenError) Error() string { return fmt.Sprintf("the place is taken by person %s", e.By) }

// PersonElsewhereError says where the person sits already: one person, one place.
type PersonElsewhereError struct{ Seat SeatID }

func (e *PersonElsewhereError) Error() string {
	return fmt.Sprintf("the person has seat %s already", e.Seat)
}

// FieldError names a field that cannot be as given, and the mend.
type FieldError struct{ Field, Mend string }

func (e *FieldError) Error() string { return e.Field + ": " + e.Mend }
