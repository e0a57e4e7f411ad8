package realtime_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/realtime/realtimetest"
)

// RP3: what the description of the push does not know is found.
func TestMessagesAreHeldToTheDescription(t *testing.T) {
	t.Parallel()
	const fact = `"type":"fact","position":"1-2","kind":"call.offered","subject":"x","topics":["seat:A01"],"at":"2026-11-26T00:30:00Z","actor":"controller","data":{}`
	for message, fine := range map[string]bool{
		`{"type":"hello","position":"1-2","resumed":false}`: true,
		`{` + fact + `}`:                     true,
		`{` + fact + `,"early":true}`:        true,
		`{"type":"passed","position":"1-2"}`: true,
		`{"type":"gauge","topic":"board","at":"2026-11-26T00:30:00Z","data":{"waiting":1}}`: true,
		`{` + fact + `,"early":false}`:                                           false,
		`{` + fact + `,"masked":"138"}`:                                          false,
		`{"type":"hello","position":"now","resumed":false}`:                      false,
		`{"type":"passed"}`:                                                      false,
		`{"type":"gauge","topic":"BOARD","at":"2026-11-26T00:30:00Z","data":{}}`: false,
		`{"type":"gauge","topic":"board","at":"today","data":{}}`:                false,
		`{"type":"other"}`:                                                       false,
		`{`:                                                                      false,
	} {
		require.Equal(t, fine, realtimetest.Check([]byte(message)) == nil, message)
	}
}
