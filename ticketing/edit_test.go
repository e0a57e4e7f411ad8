package ticketing_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/ticketing"
)

func TestEdit(t *testing.T) {
	t.Parallel()
	before := ticketing.Ticket{State: ticketing.StateDraft, Version: 3, Title: "旧", Content: "原文"}
	title, same, class := "  新标题 ", "原文", ticketing.ClassOther
	after, fields, err := ticketing.Edit(before, ticketing.Patch{Version: 3, Title: &title, Content: &same, Class: &class})
	require.NoError(t, err)
	require.Equal(t, []string{"title", "class"}, fields)
	require.Equal(t, "新标题", after.Title)
	require.EqualValues(t, 4, after.Version)

	after, fields, err = ticketing.Edit(before, ticketing.Patch{Version: 3, Content: &same})
	require.NoError(t, err)
	require.Empty(t, fields)
	require.Equal(t, before, after, "what changes nothing makes no version")

	_, _, err = ticketing.Edit(before, ticketing.Patch{Version: 2, Title: &title})
	require.ErrorIs(t, err, ticketing.ErrStale)
	_, _, err = ticketing.Edit(ticketing.Ticket{State: ticketing.StateClosed, Version: 3}, ticketing.Patch{Version: 3})
	require.ErrorIs(t, err, ticketing.ErrNotDraft)
}

func TestEditNamesEveryWrongField(t *testing.T) {
	t.Parallel()
	title, content, name := strings.Repeat("长", 201), "零\x00字符", strings.Repeat("名", 100)
	class, outcome := ticketing.Class("vip"), ticketing.Outcome("won")
	_, _, err := ticketing.Edit(ticketing.Ticket{State: ticketing.StateDraft, Version: 1}, ticketing.Patch{
		Version: 1, Title: &title, Content: &content, ContactName: &name, Class: &class, Outcome: &outcome,
	})
	fields, ok := ticketing.Invalid(err)
	require.True(t, ok)
	require.Equal(t, []ticketing.FieldError{{"title", "too_long"}, {"content", "bad_character"}, {"class", "unknown"}, {"outcome", "unknown"}}, fields)
}
