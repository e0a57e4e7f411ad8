package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/realtime"
)

// F22: a page that is away for longer than a reload is told of, for who still speaks at the seat; who has left, sits beside or only
// watched is forgotten.
func TestF22PagesThatAreAway(t *testing.T) {
	t.Parallel()
	began := time.Date(2031, 5, 8, 0, 30, 0, 0, time.UTC)
	hears := func(people ...agent.PersonID) []realtime.Subject {
		var all []realtime.Subject
		for _, p := range people {
			all = append(all, realtime.Subject{ID: string(p)})
		}
		return all
	}
	p := pages{}
	p.look(map[string][]realtime.Subject{"seat:A01": hears("speaks", "beside", "watches"), "seat:A02": hears("left")}, began)
	require.Empty(t, p.gone(began.Add(pageGrace-time.Millisecond)), "a reload takes less")
	p.look(map[string][]realtime.Subject{"seat:A01": hears("beside")}, began.Add(10*time.Second))
	gone := p.gone(began.Add(pageGrace))
	require.ElementsMatch(t, []sitter{{"A01", "speaks"}, {"A01", "watches"}, {"A02", "left"}}, gone)
	away := p.away(gone, map[agent.PersonID]agent.Standing{
		"speaks": {Seat: "A01", Place: agent.PlaceOfficial}, "left": {Seat: "A03", Place: agent.PlaceOfficial},
	})
	require.Equal(t, []pageAway{{"A01", began}}, away)
	gone = p.gone(began.Add(time.Minute))
	require.ElementsMatch(t, []sitter{{"A01", "speaks"}, {"A01", "beside"}}, gone, "the others are forgotten")
	require.Len(t, p.away(gone, map[agent.PersonID]agent.Standing{
		"speaks": {Seat: "A01", Place: agent.PlaceOfficial}, "beside": {Seat: "A01", Place: agent.PlaceRecorder},
	}), 1)
	p.look(map[string][]realtime.Subject{"seat:A01": hears("speaks")}, began.Add(time.Minute))
	require.Empty(t, p.gone(began.Add(time.Minute)), "it is back")
}
