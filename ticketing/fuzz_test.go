package ticketing_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/calendar"
	"hotline/ticketing"
)

// FuzzEdit : what is typed into a draft is kept as typed, within its limits, or refused with the field's name and nothing changed; and
// what is registered from it is whole (reliability.md 10).
func FuzzEdit(f *testing.F) {
	f.Add(int64(3), uint8(0xff), "噪音扰民", "晚上施工", "已答复", "consultation", "answered", "王伟华", "合肥", true)
	f.Add(int64(3), uint8(0xff), "  t ", "<script>alert(1)</script>", "\n", "other", "ticket", "", "", false)
	f.Add(int64(3), uint8(1), strings.Repeat("长", ticketing.MaxTitle+1), "", "", "", "", "", "", false)
	f.Add(int64(3), uint8(1), " "+strings.Repeat("长", ticketing.MaxTitle)+" ", "", "", "", "", "", "", false)
	f.Add(int64(2), uint8(1), strings.Repeat("长", 201), "", "", "", "", "", "", false)
	f.Add(int64(3), uint8(0x41), "x\x00", "\u202e", "", "king", "queen", "\xff", "\x1b", true)
	f.Add(int64(3), uint8(0xff), "\u3000", " ", "", "", "", " ", "\u00a0", false)
	cal, err := calendar.Vendored()
	require.NoError(f, err)
	who, now := agent.Identity{Person: "p", Name: "某人"}, time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, version int64, fields uint8, title, content, answer, class, outcome, contact, place string, secret bool) {
		draft := ticketing.Ticket{ID: "t", State: ticketing.StateDraft, Version: 3, Title: "before", Content: "before"}
		p := ticketing.Patch{Version: version}
		for i, set := range []func(){
			func() { p.Title = &title },
			func() { p.Content = &content },
			func() { p.Answer = &answer },
			func() { p.Class = (*ticketing.Class)(&class) },
			func() { p.Outcome = (*ticketing.Outcome)(&outcome) },
			func() { p.ContactName = &contact },
			func() { p.EventPlace = &place },
			func() { p.Confidential = &secret },
		} {
			if fields&(1<<i) != 0 {
				set()
			}
		}
		next, changed, err := ticketing.Edit(draft, p, who, now)
		if err != nil {
			require.Equal(t, draft, next, "a refused edit changes nothing")
			require.Empty(t, changed)
			return
		}
		checkTexts(t, next)
		require.Equal(t, len(changed) > 0, next.Version == draft.Version+1)
		require.Len(t, next.Written, len(changed), "who wrote which field")
		if p.Content != nil {
			require.Equal(t, content, next.Content, "the long ones stay as typed")
		}
		p.Version = next.Version
		again, changed, err := ticketing.Edit(next, p, who, now)
		require.NoError(t, err)
		require.Empty(t, changed, "the same edit twice")
		require.Equal(t, next, again)
		checkRegister(t, cal, next)
	})
}

func checkTexts(t *testing.T, next ticketing.Ticket) {
	t.Helper()
	for _, f := range []struct {
		text  string
		limit int
	}{
		{next.Title, ticketing.MaxTitle},
		{next.Content, ticketing.MaxText},
		{next.Answer, ticketing.MaxText},
		{next.ContactName, ticketing.MaxContactName},
		{next.EventPlace, ticketing.MaxEventPlace},
	} {
		require.NoError(t, agent.CheckText(f.text))
		require.LessOrEqual(t, utf8.RuneCountInString(f.text), f.limit)
	}
	require.Equal(t, strings.TrimSpace(next.Title), next.Title)
}

func checkRegister(t *testing.T, cal ticketing.Calendar, draft ticketing.Ticket) {
	t.Helper()
	now := time.Date(2026, 11, 26, 2, 0, 0, 0, time.UTC)
	done, err := ticketing.Register(draft, cal, ticketing.PlanRules(), now)
	if err != nil {
		require.Equal(t, draft, done, "a refused registration changes nothing")
		return
	}
	require.NotEmpty(t, done.Title)
	require.NotEmpty(t, done.Outcome)
	require.Equal(t, done.Outcome == ticketing.OutcomeTicket, done.Promise != nil)
	require.Equal(t, done.Promise == nil, done.State == ticketing.StateClosed)
	require.True(t, done.Promise == nil || done.Promise.DueAt.After(now))
	_, _, err = ticketing.Edit(done, ticketing.Patch{Version: done.Version}, agent.Identity{}, now)
	require.ErrorIs(t, err, ticketing.ErrNotDraft)
}
