// Package realtimetest holds messages of the push to their description in tests (RP3).
package realtimetest

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/pb33f/jsonschema/v6"

	"hotline/realtime"
)

var described = sync.OnceValues(compile) //nolint:gochecknoglobals // compiled once: tests hear thousands of messages

func compile() (*jsonschema.Schema, error) {
	const at = "asyncapi.json"
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(realtime.AsyncAPI()))
	if err != nil {
		return nil, fmt.Errorf("read the description: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(at, document); err != nil {
		return nil, fmt.Errorf("add the description: %w", err)
	}
	return c.Compile(at + "#/components/schemas/message")
}

// Check says what is wrong with a message of the push.
func Check(message []byte) error {
	messages, err := described()
	if err != nil {
		return fmt.Errorf("understand the description: %w", err)
	}
	told, err := jsonschema.UnmarshalJSON(bytes.NewReader(message))
	if err != nil {
		return fmt.Errorf("no JSON: %w", err)
	}
	if err := messages.Validate(told); err != nil {
		return fmt.Errorf("not described: %w", err)
	}
	return nil
}
