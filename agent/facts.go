package agent

import "time"

// Fact is one piece of news, appended in the transaction of its change. Nothing personal in Data.
type Fact struct {
	Kind    string
	Subject string
	Topics  []string
	Data    map[string]any
	Trail   string // what the audit trail, which then keeps the change too, says it was done to: seat:A01; empty: news alone
}

// Reason is what whoever acted has given for it; empty: none.
func (f Fact) Reason() string {
	reason, _ := f.Data["reason"].(string)
	return reason
}

// The kinds of topics that news goes to, alone or with a name behind a colon: seat:A01.
const (
	TopicBoard = "board"
	TopicLine  = "line"
	TopicSeat  = "seat"
	TopicAudit = "audit"
	// TopicSettings is for whoever may read settings; the server itself reads them anew by it.
	TopicSettings = "settings"
	// TopicWaiting carries no facts, only how many wait in a line: what its seats may know of the others.
	TopicWaiting = "waiting"
)

// Topics lists the kinds of this domain's topics.
func Topics() []string {
	return []string{TopicBoard, TopicLine, TopicSeat, TopicAudit, TopicSettings, TopicWaiting}
}

// seatFact addresses news of a seat to those who look at it: its people, its line, the board.
func seatFact(s State, kind string, data map[string]any) Fact {
	return Fact{
		Kind: kind, Subject: string(s.Seat), Data: data,
		Topics: []string{TopicBoard, TopicLine + ":" + string(s.Line), TopicSeat + ":" + string(s.Seat)},
	}
}

// forced keeps what was done to somebody else's seat (A14).
func forced(force bool, f Fact) Fact {
	if force {
		f.Trail = "seat:" + f.Subject
	}
	return f
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
