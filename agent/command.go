package agent

import "errors"

// What may be wrong with a command that bears a key (RC2).
var (
	// ErrKeyReused: the person has sent another command under that key.
	ErrKeyReused = errors.New("another command was sent under that key")
	// ErrRunning: the same command is being carried out, and takes long.
	ErrRunning = errors.New("the same command is being carried out")
	// ErrUnsure: the database did not answer, or not to the end. The same command under its key may be sent again.
	ErrUnsure = errors.New("the database did not say whether the command was carried out")
)

// RepeatedError says that a command has had its effect already, and nothing was done now.
type RepeatedError struct {
	Made string // id of what it made then; empty: nothing that has one
}

func (*RepeatedError) Error() string { return "the command has had its effect" }
