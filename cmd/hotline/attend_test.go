package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/cmd/sim/seat"
)

// RU13: the others are told at once of who comes and who goes, and of everybody now and then; absences are judged by one process, and
// by none that has just begun or has not looked for a while.
func TestRU13WhatAProcessKnowsOfPages(t *testing.T) {
	t.Parallel()
	at := time.Date(2031, 5, 8, 0, 30, 0, 0, time.UTC)
	b := pageBook{every: 5 * time.Second}
	look := func(after time.Duration, people ...agent.PersonID) []agent.PersonID {
		here := map[agent.PersonID]bool{}
		for _, p := range people {
			here[p] = true
		}
		news := b.news(here, at.Add(after))
		b.noted(here, at.Add(after))
		slices.Sort(news)
		return news
	}
	require.Equal(t, []agent.PersonID{"li"}, look(0, "li"))
	require.Empty(t, look(time.Second, "li"))
	require.Equal(t, []agent.PersonID{"wang"}, look(2*time.Second, "li", "wang"), "who has come")
	require.Equal(t, []agent.PersonID{"li"}, look(3*time.Second, "wang"), "who has just gone was there until now")
	require.Equal(t, []agent.PersonID{"wang"}, look(5*time.Second, "wang"), "everybody")
	require.Empty(t, look(6*time.Second, "wang"))

	judged := func(master bool, after time.Duration) time.Duration {
		since, ok := b.judges(master, at.Add(after))
		require.Equal(t, master, ok)
		return since.Sub(at)
	}
	judged(false, 0)
	require.Equal(t, time.Second, judged(true, time.Second), "it has just become the one that judges")
	require.Equal(t, time.Second, judged(true, 2*time.Second))
	require.Equal(t, time.Second, judged(true, 6*time.Second))
	require.Equal(t, 11*time.Second, judged(true, 11*time.Second), "nobody looked for five seconds")
}

// absence is how the seat's recorder stands, as the official's page reads it: "", "there" or "away".
func absence(t *testing.T, official *seat.Client) string {
	t.Helper()
	var s struct {
		Recorder *struct{ Name string }
		Away     []string
	}
	require.NoError(t, official.Do(t.Context(), http.MethodGet, "/api/v1/seats/A01", nil, &s))
	switch {
	case s.Recorder == nil:
		return ""
	case slices.Contains(s.Away, "recorder"):
		return "away"
	}
	return "there"
}

// standby is a second server on the same stores, which waits for the first one's lease.
func (b *bundle) standby(t *testing.T, change func(*server)) *bundle {
	t.Helper()
	s := b.srv.settings
	port, err := freePort(t)
	require.NoError(t, err)
	s.Listen = fmt.Sprintf("127.0.0.1:%d", port)
	srv, err := newServer(t.Context(), s, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	change(srv)
	b.runs(t, srv)
	other := &bundle{srv: srv, base: "http://" + s.Listen, fake: b.fake, db: b.db}
	require.Eventually(t, func() bool {
		res, err := http.Get(other.base + "/healthz")
		if err == nil {
			_ = res.Body.Close()
		}
		return err == nil
	}, 15*time.Second, 20*time.Millisecond)
	return other
}

// RU13, through real sockets at two servers: the official is told when the recorder's last page is gone, a reload and another server's page
// are no absence, who comes back has the place again, and who does not loses it at last. The official's own place is not touched.
func TestRU13PresenceComesFromTheSocket(t *testing.T) {
	t.Parallel()
	short := func(s *server) { s.grace = agent.Grace{Away: 3 * time.Second, Free: 8 * time.Second} }
	b := setup(t, short)
	other := b.standby(t, short)
	b.sit(t, "jieting", "A01")
	official, err := seat.SignIn(t.Context(), b.base, "jieting", password)
	require.NoError(t, err)
	news := b.hears(t, official, "seat:A01")
	recorder, err := seat.SignIn(t.Context(), b.base, "jilu", password)
	require.NoError(t, err)
	require.NoError(t, recorder.Do(t.Context(), http.MethodPost, "/api/v1/seats/A01/take", map[string]any{"place": "recorder"}, nil))
	elsewhere, err := seat.SignIn(t.Context(), other.base, "jilu", password)
	require.NoError(t, err)
	page, second := b.hears(t, recorder, "seat:A01"), other.hears(t, elsewhere, "seat:A01")
	ticks := func(n int) { // looks of the server that judges, with everything known as it is
		began := b.seenAt(t)
		require.Eventually(t, func() bool { return b.seenAt(t).Sub(began) >= time.Duration(n)*time.Second }, 20*time.Second, 50*time.Millisecond)
	}
	is := func(want string) {
		t.Helper()
		require.Eventually(t, func() bool { return absence(t, official) == want }, 30*time.Second, 50*time.Millisecond, want)
	}

	require.NoError(t, page.Close())
	ticks(4)
	require.Equal(t, "there", absence(t, official), "a page is open at the other server")
	began := time.Now()
	require.NoError(t, second.Close())
	is("away")
	require.GreaterOrEqual(t, time.Since(began), 2*time.Second, "a reload loses nothing")
	heard := collect(t, news, ofKind("seat.away"))
	require.NotEmpty(t, heard, "the official's page hears of it at once")

	page = other.hears(t, elsewhere, "seat:A01")
	is("there")
	var person, sitting string
	require.NoError(t, b.db.QueryRow(t.Context(), `SELECT count(*)::text, count(*) FILTER (WHERE ended_at IS NULL)::text FROM sitting WHERE place = 'recorder'`).Scan(&person, &sitting))
	require.Equal(t, []string{"1", "1"}, []string{person, sitting}, "it was one sitting")
	require.NoError(t, page.Close())
	is("away")
	is("")
	var at string
	require.NoError(t, b.db.QueryRow(t.Context(), `SELECT p.login_name FROM seat_state st JOIN person p ON p.id = st.person WHERE st.seat = 'A01'`).Scan(&at))
	require.Equal(t, "jieting", at)
}

// RU13: the official's page may be gone for ever; the place is not the socket's to take.
func TestRU13TheOfficialsPlaceIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t, func(s *server) { s.grace = agent.Grace{Away: 3 * time.Second, Free: 4 * time.Second} })
	b.sit(t, "jieting", "A01")
	recorder, err := seat.SignIn(t.Context(), b.base, "jilu", password)
	require.NoError(t, err)
	require.NoError(t, recorder.Do(t.Context(), http.MethodPost, "/api/v1/seats/A01/take", map[string]any{"place": "recorder"}, nil))
	require.Eventually(t, func() bool { return absence(t, recorder) == "" }, 30*time.Second, 50*time.Millisecond, "who never had a page is given up, too")
	var there bool
	require.NoError(t, b.db.QueryRow(t.Context(), `SELECT person IS NOT NULL FROM seat_state WHERE seat = 'A01'`).Scan(&there))
	require.True(t, there)
}

// seenAt is when a page of the recorder was seen last.
func (b *bundle) seenAt(t *testing.T) time.Time {
	t.Helper()
	var at time.Time
	require.NoError(t, b.db.QueryRow(t.Context(), `SELECT coalesce(max(seen_at), max(began_at)) FROM sitting WHERE place = 'recorder'`).Scan(&at))
	return at
}
