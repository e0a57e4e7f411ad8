package agent

import (
	"fmt"
	"time"
)

func wish(s State, e Wished, now time.Time) (State, []Fact, error) {
	if err := mayAct(s, e.By, e.Force, e.Reason); err != nil {
		return s, nil, err
	}
	if e.Version != s.Version {
		return s, nil, ErrStale
	}
	if err := checkWish(e); err != nil {
		return s, nil, err
	}
	n := s
	switch {
	case e.Intent == IntentReady && s.Device != DeviceOK:
		return s, nil, ErrDeviceNotOK
	case e.Intent == IntentReady || s.Work == WorkIdle:
		n = withIntent(s, e.Intent, e.RestCode, e.Minutes, now)
	default:
		// During a call the wish waits; the offered call is not refused for it (A4).
		n.Pending = pendingOf(e.Intent)
		n.RestCode, n.RestMinutes = e.RestCode, e.Minutes
	}
	if n == s {
		return s, nil, nil
	}
	n.Version++
	return n, []Fact{forced(e.Force, intentFact(n, e.Reason))}, nil
}

func checkWish(e Wished) error {
	switch e.Intent {
	case IntentReady, IntentBusy:
		if e.RestCode != "" || e.Minutes != 0 {
			return &FieldError{Field: "rest_code", Mend: "belongs to a rest only"}
		}
		return nil
	case IntentRest:
		if e.RestCode == "" {
			return &FieldError{Field: "rest_code", Mend: "say what the rest is for"}
		}
		if e.Minutes < 0 || e.Minutes > maxRest {
			return &FieldError{Field: "rest_minutes", Mend: fmt.Sprintf("want 0 to %d", maxRest)}
		}
		return nil
	}
	return &FieldError{Field: "intent", Mend: "want ready, rest or busy"}
}

func pendingOf(i Intent) Pending {
	switch i {
	case IntentRest:
		return PendingRest
	case IntentBusy:
		return PendingBusy
	case IntentReady:
	}
	return PendingNone
}

func cancelPending(s State, e PendingCancelled) (State, []Fact, error) {
	switch {
	case s.Person == "" || s.Person != e.By && !e.Force:
		return s, nil, ErrNotAllowed
	case e.Version != s.Version:
		return s, nil, ErrStale
	case s.Pending == PendingNone:
		return s, nil, nil
	}
	n := s
	n.Pending = PendingNone
	if n.Intent != IntentRest {
		n.RestCode, n.RestMinutes = "", 0
	}
	n.Version++
	return n, []Fact{forced(e.Force, intentFact(n, ""))}, nil
}

// withIntent sets what the person wants from now on. The same intent keeps the time since which it holds; a new length of
// rest counts from now.
func withIntent(s State, i Intent, code string, minutes int, now time.Time) State {
	n := s
	if n.Intent != i {
		n.Since = now
	}
	n.Intent, n.Pending = i, PendingNone
	n.RestCode, n.RestMinutes, n.RestUntil = code, minutes, time.Time{}
	if i == IntentRest && minutes > 0 {
		n.RestUntil = now.Add(time.Duration(minutes) * time.Minute)
	}
	return n
}

// mayAct: the person at the seat, or a supervisor who says why.
func mayAct(s State, by PersonID, force bool, reason string) error {
	switch {
	case s.Person == "":
		return ErrNotAllowed
	case force && reason == "":
		return ErrReasonMissing
	case s.Person != by && !force:
		return ErrNotAllowed
	}
	return nil
}
