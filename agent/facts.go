package agent

import "time"

// Fact is one piece of news, appended in the transaction of its change. Nothing personal in Data.
type Fact struct {
	Kind    string
	Subject string
	Topics  []string
	Data    map[string]any
}

// seatFact addresses news of a seat to those who look at it: its people, its line, the board.
func seatFact(s State, kind string, data map[string]any) Fact {
	return Fact{
		Kind: kind, Subject: string(s.Seat), Data: data,
		Topics: []string{"board", "line:" + string(s.Line), "seat:" + string(s.Seat)},
	}
}

func intentFact(s State, reason string) Fact {
	data := map[string]any{
		"intent": s.Intent, "pending": s.Pending, "rest_code": s.RestCode, "rest_until": instant(s.RestUntil), "version": s.Version,
	}
	if reason != "" {
		data["reason"] = reason
	}
	return seatFact(s, "seat.intent", data)
}

func deviceFact(s State) Fact {
	return seatFact(s, "seat.device", map[string]any{"device": s.Device, "version": s.Version})
}

func clientFact(s State) Fact {
	return seatFact(s, "seat.client", map[string]any{"client": s.Client, "version": s.Version})
}

// instant is how a time travels in a fact; no time is null.
func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339Nano)
}
