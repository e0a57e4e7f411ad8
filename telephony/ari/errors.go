package ari

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"hotline/telephony"
)

// ErrReplaced is what Run ends with when another controller has opened the application's socket (R3). Asterisk would
// go on obeying our commands, so the client refuses them from then on.
var ErrReplaced = errors.New("another controller has taken the application over")

// Error is a refusal of Asterisk, with its own words: a 404 alone does not say what is missing.
type Error struct {
	Op      string // verb of the Switch
	Status  int
	Message string
}

// Error tells the verb, the status and ARI's text.
func (e *Error) Error() string {
	return fmt.Sprintf("ari %s: %d %s", e.Op, e.Status, e.Message)
}

// Gone says that the thing asked for has left, or is leaving: events tell what follows.
func (e *Error) Gone() bool {
	switch e.Status {
	case http.StatusNotFound, http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity:
	default:
		return false
	}
	text := strings.ToLower(e.Message)
	for _, known := range goneTexts() {
		if strings.Contains(text, known) {
			return true
		}
	}
	return false
}

// Offline says that a telephone could not be rung because none is registered (telephony.md 2.5).
func (e *Error) Offline() bool {
	return e.Op == opRing && e.Status == http.StatusInternalServerError && strings.EqualFold(e.Message, "allocation failed")
}

// Is lets errors.Is find telephony.ErrGone and telephony.ErrSeatOffline in a refusal.
func (e *Error) Is(target error) bool {
	switch target {
	case telephony.ErrGone:
		return e.Gone()
	case telephony.ErrSeatOffline:
		return e.Offline()
	default:
		return false
	}
}

// exists says that the id we chose is taken: our own command has been carried out before (F18).
func (e *Error) exists() bool {
	return e.Status == http.StatusConflict && strings.Contains(strings.ToLower(e.Message), "already exists")
}

// goneTexts are the words of res_ari_*.so 22.10.1 for what is not there (any more), in lower case.
func goneTexts() []string {
	return []string{
		"channel not found",
		"provided channel was not found",
		"provided originator channel was not found",
		"channel not in stasis application",
		"channel not in this bridge",
		"bridge not found",
		"bridge not in stasis application",
		"playback not found",
		"event source does not exist",
		"object with id",
	}
}

// without drops the errors that mean success for the verb.
func without(err error, drop func(*Error) bool) error {
	if refusal, ok := errors.AsType[*Error](err); ok && drop(refusal) {
		return nil
	}
	return err
}

// message finds ARI's text in an error body: "message" as a rule, "error" for a failed originate, else the body itself.
func message(status int, body []byte) string {
	var said struct {
		Message string `json:"message"`
		Error   string `json:"error"`
	}
	if json.Unmarshal(body, &said) == nil && said.Message+said.Error != "" {
		return said.Message + said.Error
	}
	const most = 200
	if text := strings.TrimSpace(string(body)); text != "" {
		return text[:min(len(text), most)]
	}
	return http.StatusText(status)
}

// noBridge tells a missing bridge from a missing leg.
func noBridge(err error) bool {
	refusal, ok := errors.AsType[*Error](err)
	return ok && refusal.Gone() && strings.HasPrefix(strings.ToLower(refusal.Message), "bridge not")
}
