package realtime

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"hotline/realtime/factlog"
)

// Close codes (package comment).
const (
	closeGoingAway   = 3001
	closeSlow        = 3008
	closeTooOld      = 3010
	closeLoginEnded  = 3500
	closeNotAllowed  = 3501
	closeTooManySent = 4429
)

type helloMessage struct {
	Type     string `json:"type"`
	Position string `json:"position"`
	Resumed  bool   `json:"resumed"`
}

type factMessage struct {
	Type     string          `json:"type"`
	Position string          `json:"position"`
	Early    bool            `json:"early,omitempty"`
	Kind     string          `json:"kind"`
	Subject  string          `json:"subject"`
	Topics   []string        `json:"topics"`
	At       time.Time       `json:"at"`
	Actor    string          `json:"actor"`
	Data     json.RawMessage `json:"data"`
}

type gaugeMessage struct {
	Type  string    `json:"type"`
	Topic string    `json:"topic"`
	At    time.Time `json:"at"`
	Data  any       `json:"data"`
}

func factFrame(f factlog.Fact, early bool) ([]byte, error) {
	return textFrame(factMessage{
		Type: "fact", Position: f.Position.String(), Early: early, Kind: f.Kind, Subject: f.Subject, Topics: f.Topics,
		At: f.At.UTC(), Actor: f.Actor, Data: f.Data,
	})
}

// passedFrame says up to where everything has been told.
func passedFrame(p factlog.Position) []byte {
	return frame(0x81, []byte(`{"type":"passed","position":"`+p.String()+`"}`))
}

// textFrame is a whole unmasked text frame, made once and written to every socket as it is.
func textFrame(message any) ([]byte, error) {
	payload, err := json.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	return frame(0x81, payload), nil
}

func closeFrame(code uint16, reason string) []byte {
	return frame(0x88, append(binary.BigEndian.AppendUint16(nil, code), reason...))
}

// frame prepends the header of RFC 6455 to a payload.
func frame(opcode byte, payload []byte) []byte {
	n := len(payload)
	head := make([]byte, 0, 10+n)
	switch {
	case n < 126:
		head = append(head, opcode, byte(n))
	case n < 1<<16:
		head = binary.BigEndian.AppendUint16(append(head, opcode, 126), uint16(n))
	default:
		head = binary.BigEndian.AppendUint64(append(head, opcode, 127), uint64(n))
	}
	return append(head, payload...)
}
