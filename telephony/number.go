package telephony

import "log/slog"

// PhoneNumber is a citizen's number. It never reaches a log in full (style 18).
type PhoneNumber string

// LogValue masks.
func (n PhoneNumber) LogValue() slog.Value { return slog.StringValue(n.Masked()) }

// String masks too, so that a stray %s or %v tells nothing.
func (n PhoneNumber) String() string { return n.Masked() }
