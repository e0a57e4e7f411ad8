package door

import (
	"context"
	"errors"
	"net/http"
	"time"

	"hotline/agent"
	"hotline/agent/problem"
)

// Command is what is answered when something is the matter with a command's key, or with the time it took, rather than with the command;
// nil: nothing is.
func Command(err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return problem.New(http.StatusServiceUnavailable, "unavailable")
	case errors.Is(err, agent.ErrKeyReused):
		return problem.New(http.StatusUnprocessableEntity, "command.key_reused").
			With(problem.Field{Location: "header.Idempotency-Key", Message: "want a key of its own for every command"})
	case errors.Is(err, agent.ErrRunning):
		return problem.New(http.StatusConflict, "command.running").After(time.Second)
	case errors.Is(err, agent.ErrUnsure):
		return problem.New(http.StatusServiceUnavailable, "unavailable").Because("unsure")
	}
	return nil
}

// Moved refuses, 409, a command that was made on something older: it says what there is now, so that nobody has to ask again.
func Moved(code string, now any) *problem.Problem {
	return problem.New(http.StatusConflict, code).Showing(now)
}
