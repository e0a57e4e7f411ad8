package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/telephony"
)

// What the README tells those outside works as it stands there, word by word (RP3).
func TestREADMEReadsTickets(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(readme), "## Reading tickets from outside\n")
	require.True(t, found)
	commands := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(section)[1]

	b := setup(t)
	var legs []telephony.LegID
	for range 2 {
		leg := b.fake.Call("anonymous", "12345")
		b.fake.Await(t, "the notice", func() bool {
			l, ok := b.fake.Leg(leg)
			return ok && len(l.Playing) > 0
		})
		l, _ := b.fake.Leg(leg)
		b.fake.EndPlayback(l.Playing[0])
		legs = append(legs, leg)
	}
	drafts := func(of string) {
		require.Eventually(t, func() bool {
			var n int
			return b.db.QueryRow(t.Context(), `SELECT count(*) FROM ticket t JOIN call c ON c.id = t.call WHERE `+of).Scan(&n) == nil && n == 2
		}, 10*time.Second, 20*time.Millisecond, "two drafts: %s", of)
	}
	drafts("true")
	for _, leg := range legs {
		b.fake.HangUp(leg)
	}
	drafts("c.ended_at IS NOT NULL")

	script := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", commands)
	script.Env = append(os.Environ(), "BASE="+b.base, "LOGIN=banzhang", "PASSWORD="+password, "TMPDIR="+t.TempDir())
	said, err := script.CombinedOutput()
	require.NoError(t, err, "%s", said)
	var answers []map[string]any
	for answer := json.NewDecoder(strings.NewReader(string(said))); answer.More(); {
		var a map[string]any
		require.NoError(t, answer.Decode(&a), "%s", said)
		answers = append(answers, a)
	}
	require.Len(t, answers, 5, "%s", said)
	me, page, next, ticket, no := answers[0], answers[1], answers[2], answers[3], answers[4]
	require.Equal(t, "banzhang", me["person"].(map[string]any)["login_name"])
	first, second := page["tickets"].([]any)[0].(map[string]any)["id"], next["tickets"].([]any)[0].(map[string]any)["id"]
	require.NotEqual(t, first, second)
	require.Empty(t, next["next_cursor"])
	require.Equal(t, first, ticket["id"])
	require.NotEmpty(t, ticket["history"])
	require.Equal(t, []any{"invalid", 422.0}, []any{no["code"], no["status"]})
	require.Equal(t, map[string]any{"location": "query.limit", "message": "expected number <= 200"}, no["errors"].([]any)[0])
}
