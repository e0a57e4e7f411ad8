package ticketing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/ticketing"
)

var (
	now  = time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)
	wang = agent.Identity{Person: "w", Name: "王五"}
	li   = agent.Identity{Person: "l", Name: "李四"}
)

// RC6: two people in two fields are in nobody's way, whatever version they saw; in one field the later one is told, and nothing is
// stored of what they sent.
func TestFieldsHaveVersions(t *testing.T) {
	t.Parallel()
	edit := func(t ticketing.Ticket, who agent.Identity, p ticketing.Patch) (ticketing.Ticket, error) {
		after, _, err := ticketing.Edit(t, p, who, now)
		return after, err
	}
	d, err := edit(ticketing.Ticket{State: ticketing.StateDraft, Version: 1}, wang, ticketing.Patch{Version: 1, Title: new("异地就医")})
	require.NoError(t, err)
	for version, title := range []string{2: "甲", 3: "乙", 4: "丙"} {
		if version > 0 && title != "" {
			d, err = edit(d, wang, ticketing.Patch{Version: int64(version), Title: &title})
			require.NoError(t, err)
		}
	}
	d, err = edit(d, li, ticketing.Patch{Version: 1, Content: new("在南京住院")})
	require.NoError(t, err, "another field, four versions later")
	require.EqualValues(t, 6, d.Version)

	_, err = edit(d, li, ticketing.Patch{Version: 4, Title: new("医保"), Answer: new("已告知")})
	var stale *ticketing.StaleError
	require.ErrorAs(t, err, &stale)
	require.ErrorIs(t, err, ticketing.ErrStale)
	require.Equal(t, []ticketing.Field{ticketing.FieldTitle}, stale.Fields)
	require.Equal(t, d, stale.Now, "what is there now, and nothing else")
	require.Equal(t, ticketing.Written{Version: 5, By: "w", Name: "王五", At: now}, stale.Now.Written[ticketing.FieldTitle])

	_, err = edit(d, li, ticketing.Patch{Version: 6, Seen: map[ticketing.Field]int64{"title": 4}, Title: new("医保")})
	require.ErrorIs(t, err, ticketing.ErrStale, "the ticket was read since, the field was begun before")
	d, err = edit(d, li, ticketing.Patch{Version: 4, Seen: map[ticketing.Field]int64{"title": 1 << 40}, Title: new("医保")})
	require.ErrorIs(t, err, ticketing.ErrStale, "nobody has seen what is not there yet")
	d, err = edit(d, li, ticketing.Patch{Version: 6, Seen: map[ticketing.Field]int64{"title": 5}, Title: new("医保")})
	require.NoError(t, err)
	d, err = edit(d, wang, ticketing.Patch{Version: 5, Title: new("医保")})
	require.NoError(t, err, "both wrote the same")
	require.EqualValues(t, 7, d.Version)
	require.Equal(t, "李四", d.Written[ticketing.FieldTitle].Name)
}

func TestEdit(t *testing.T) {
	t.Parallel()
	before := ticketing.Ticket{State: ticketing.StateDraft, Version: 3, Title: "旧", Content: "原文"}
	title, same, class := "  新标题 ", "原文", ticketing.ClassOther
	after, fields, err := ticketing.Edit(before, ticketing.Patch{Version: 3, Title: &title, Content: &same, Class: &class}, wang, now)
	require.NoError(t, err)
	require.Equal(t, []ticketing.Field{"title", "class"}, fields)
	require.Equal(t, map[ticketing.Field]ticketing.Written{"title": {4, "w", "王五", now}, "class": {4, "w", "王五", now}}, after.Written)
	require.Equal(t, "新标题", after.Title)
	require.EqualValues(t, 4, after.Version)

	after, fields, err = ticketing.Edit(before, ticketing.Patch{Version: 3, Content: &same}, wang, now)
	require.NoError(t, err)
	require.Empty(t, fields)
	require.Equal(t, before, after, "what changes nothing makes no version")

	_, _, err = ticketing.Edit(before, ticketing.Patch{Version: 4, Title: &title}, wang, now)
	require.ErrorIs(t, err, ticketing.ErrStale, "nobody has seen what is not there yet")
	_, _, err = ticketing.Edit(ticketing.Ticket{State: ticketing.StateClosed, Version: 3}, ticketing.Patch{Version: 3}, wang, now)
	require.ErrorIs(t, err, ticketing.ErrNotDraft)
}

func TestEditNamesEveryWrongField(t *testing.T) {
	t.Parallel()
	title, content, name := strings.Repeat("长", 201), "零\x00字符", strings.Repeat("名", 100)
	class, outcome := ticketing.Class("vip"), ticketing.Outcome("won")
	_, _, err := ticketing.Edit(ticketing.Ticket{State: ticketing.StateDraft, Version: 1}, ticketing.Patch{
		Version: 1, Title: &title, Content: &content, ContactName: &name, Class: &class, Outcome: &outcome, Seen: map[ticketing.Field]int64{"number": 1},
	}, wang, now)
	fields, ok := ticketing.Invalid(err)
	require.True(t, ok)
	require.Equal(t, []ticketing.FieldError{{"title", "too_long"}, {"content", "bad_character"}, {"seen", "unknown"}, {"class", "unknown"}, {"outcome", "unknown"}}, fields)
}
