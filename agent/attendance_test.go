package agent_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
)

const zhao agent.PersonID = "zhao"

// RU13: a place counts as empty when its page has been gone for longer than a reload, and is given back much later. What was before
// anybody knew who has a page is no absence, but a page that has been seen is one.
func TestRU13WhatAnAbsenceBecomes(t *testing.T) {
	t.Parallel()
	g := agent.UsualGrace()
	at := time.Date(2031, 5, 8, 0, 30, 0, 0, time.UTC)
	long := at.Add(-time.Hour)
	away, back := agent.Attended{Who: wang, Place: agent.PlaceRecorder, Away: true}, agent.Attended{Who: wang, Place: agent.PlaceRecorder}
	left := agent.Left{By: wang, Place: agent.PlaceRecorder, Reason: "page closed"}
	for name, c := range map[string]struct {
		was   bool
		gone  time.Duration
		since time.Time
		want  agent.Event
	}{
		"there":                                {false, time.Second, long, nil},
		"a reload":                             {false, g.Away - 1, long, nil},
		"gone":                                 {false, g.Away, long, away},
		"gone, but nobody was looking":         {false, time.Hour, at.Add(1 - g.Away), nil},
		"gone since before somebody looked":    {false, time.Hour, at.Add(-g.Away), away},
		"still away":                           {true, g.Away, long, nil},
		"back":                                 {true, g.Away - 1, long, back},
		"back, as soon as somebody looks":      {true, 0, at, back},
		"away when somebody begins to look":    {true, time.Hour, at, nil},
		"away for long":                        {true, g.Free, long, left},
		"away for long, not looked at as long": {true, time.Hour, at.Add(1 - g.Free), nil},
	} {
		a := agent.Attendance{Sitting: agent.Sitting{Seat: "A01", Place: agent.PlaceRecorder}, Person: wang, SeenAt: at.Add(-c.gone), Away: c.was}
		require.Equal(t, c.want, a.Event(g, at, c.since), name)
	}
}

// RU13: who is away keeps the place until somebody else takes it; nobody takes it from who is there.
func TestRU13WhoIsAwayMayBeReplaced(t *testing.T) {
	t.Parallel()
	s := ready(t)
	s.Work = agent.WorkEngaged
	s = after(t, s, agent.Took{By: wang, Place: agent.PlaceRecorder})
	var taken *agent.SeatTakenError
	_, _, err := agent.Apply(s, agent.Took{By: zhao, Place: agent.PlaceRecorder}, at())
	require.ErrorAs(t, err, &taken)

	n, facts, err := agent.Apply(s, agent.Attended{Who: wang, Place: agent.PlaceRecorder, Away: true}, at())
	require.NoError(t, err)
	require.Equal(t, []string{"seat.away"}, kinds(facts))
	require.Equal(t, []agent.Place{agent.PlaceRecorder}, n.Absent())
	require.Equal(t, wang, n.Recorder.Person, "the place is theirs")
	back, facts, err := agent.Apply(n, agent.Attended{Who: wang, Place: agent.PlaceRecorder}, at())
	require.NoError(t, err)
	require.Equal(t, []string{"seat.back"}, kinds(facts))
	require.Empty(t, back.Absent())

	other, facts, err := agent.Apply(n, agent.Took{By: zhao, Place: agent.PlaceRecorder}, at())
	require.NoError(t, err)
	require.Equal(t, []string{"seat.signed_out", "seat.taken"}, kinds(facts))
	require.Equal(t, agent.Side{Person: zhao}, other.Recorder)
	late, _, err := agent.Apply(other, agent.Attended{Who: wang, Place: agent.PlaceRecorder, Away: true}, at())
	require.NoError(t, err)
	require.Equal(t, other, late, "what is told late of somebody else changes nothing")

	// The official's place is not the socket's to take, in a call or out of one.
	for _, work := range []agent.Work{agent.WorkIdle, agent.WorkEngaged} {
		s.Work = work
		same, _, err := agent.Apply(s, agent.Attended{Who: li, Place: agent.PlaceOfficial, Away: true}, at())
		require.NoError(t, err)
		require.Equal(t, s, same)
	}
}
