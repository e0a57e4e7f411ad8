package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/deploy/migrations/pgtest"
	"hotline/telephony"
	"hotline/ticketing"
	"hotline/ticketing/store"
)

// pages reads a list to its end, page by page, and does something in between.
func (h *hall) pages(q ticketing.Query, between func()) []string {
	h.t.Helper()
	var got []string
	for {
		page, err := h.List(context.Background(), h.who["office"], q)
		require.NoError(h.t, err)
		got = append(got, titles(page.Tickets)...)
		if q.Cursor = page.Next(); q.Cursor == "" {
			return got
		}
		between()
	}
}

// over is a ticket of a call that is over, registered or closed if it has an outcome.
func (h *hall) over(title string, outcome ticketing.Outcome) ticketing.Ticket {
	h.t.Helper()
	call, d := h.atSeat(title)
	h.ended(call, telephony.OutcomeAnsweredOfficial)
	if outcome != ticketing.OutcomeNone {
		return h.registered(d, title, outcome)
	}
	d, err := h.Patch(context.Background(), h.who["recorder"], d.ID, ticketing.Patch{Version: d.Version, Title: &title})
	require.NoError(h.t, err)
	return d
}

// RU18: what is due first stands first, then what waits to be written up, then what is closed, the latest first; drafts of people who are
// still on the line stand apart. Pages do not shift while others work.
func TestListIsInTheOrderOfWork(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.over("办结甲", ticketing.OutcomeAnswered)
	h.over("草稿甲", ticketing.OutcomeNone)
	h.over("后到期", ticketing.OutcomeTicket)
	h.exec(`UPDATE ticket SET due = due + interval '1 day' WHERE title = '后到期'`)
	h.later(time.Minute)
	h.over("办结乙", ticketing.OutcomeAnswered)
	h.over("草稿乙", ticketing.OutcomeNone)
	h.over("先到期", ticketing.OutcomeTicket)
	h.exec(`UPDATE ticket SET due = due - interval '1 day' WHERE title = '先到期'`)
	h.over("中到期甲", ticketing.OutcomeTicket) // two of one instant: by id
	h.over("中到期乙", ticketing.OutcomeTicket)
	_, live := h.atSeat("live")
	want := []string{"先到期", "中到期甲", "中到期乙", "后到期", "草稿甲", "草稿乙", "办结乙", "办结甲"}
	newer := 0
	for limit := 1; limit <= len(want)+1; limit++ {
		require.Equal(t, want, h.pages(ticketing.Query{Limit: limit}, func() {
			newer++
			h.atSeat(fmt.Sprint("newer", newer)) // somebody rings in
		}), "pages of %d", limit)
	}
	page, err := h.List(t.Context(), h.who["office"], ticketing.Query{Part: ticketing.PartLive, Limit: ticketing.MaxLimit})
	require.NoError(t, err)
	require.Len(t, page.Tickets, newer+1)
	require.Equal(t, live.ID, page.Tickets[0].ID, "who came first")
	require.True(t, page.Tickets[0].Live())
	require.Equal(t, "省教育厅", page.Tickets[0].Origin.Unit)
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	h, ctx := setup(t), context.Background()
	office := h.who["office"]
	for i := range 4 {
		h.over(fmt.Sprintf("100%%_噪音 %d", i), ticketing.OutcomeTicket)
	}
	draft := h.over("草稿", ticketing.OutcomeNone)
	_, live := h.atSeat("live")
	h.exec(`INSERT INTO ticket_unit (ticket, unit, role) SELECT id, 'TAX', 'co' FROM ticket WHERE title LIKE '%噪音 1'`)
	h.exec(`INSERT INTO ticket_unit (ticket, unit, role) SELECT id, 'TAX', 'accused' FROM ticket WHERE title LIKE '%噪音 2'`)
	second := ticketing.Number(2026, ticketing.SourceCall, 2)
	for name, c := range map[string]struct {
		q    ticketing.Query
		want int
	}{
		"all but live":       {ticketing.Query{}, 5},
		"registered":         {ticketing.Query{Part: ticketing.PartRegistered}, 4},
		"drafts":             {ticketing.Query{Part: ticketing.PartDraft}, 1},
		"live":               {ticketing.Query{Part: ticketing.PartLive}, 1},
		"closed":             {ticketing.Query{Part: ticketing.PartClosed}, 0},
		"class":              {ticketing.Query{Class: ticketing.ClassConsultation}, 4},
		"unit":               {ticketing.Query{Unit: "EDU"}, 5},
		"helps":              {ticketing.Query{Unit: "TAX"}, 1},
		"no such unit":       {ticketing.Query{Unit: "' OR 1=1 --"}, 0},
		"title":              {ticketing.Query{Text: "噪音"}, 4},
		"literal":            {ticketing.Query{Text: "100%_噪"}, 4},
		"no wildcard":        {ticketing.Query{Text: "1%噪音"}, 0},
		"number":             {ticketing.Query{Text: second}, 1},
		"part of it":         {ticketing.Query{Text: "2026-a-000002"}, 1},
		"without strokes":    {ticketing.Query{Text: strings.ReplaceAll(second, "-", "")}, 1},
		"with spaces":        {ticketing.Query{Text: " 2026 a 000002 "}, 1},
		"wide characters":    {ticketing.Query{Text: "２０２６—Ａ—０００００２"}, 1},
		"query code":         {ticketing.Query{Text: strings.ToLower(draft.QueryCode)}, 1},
		"of a live one":      {ticketing.Query{Text: live.QueryCode}, 1},
		"half a query code":  {ticketing.Query{Text: live.QueryCode[:4]}, 0},
		"injection":          {ticketing.Query{Text: `' OR 1=1 --`}, 0},
		"not overdue":        {ticketing.Query{Due: ticketing.DueOverdue}, 0},
		"due in a week":      {ticketing.Query{Due: ticketing.DueWeek}, 4},
		"not due now":        {ticketing.Query{Due: ticketing.DueToday}, 0},
		"not due later":      {ticketing.Query{Due: ticketing.DueLater}, 0},
		"two filters":        {ticketing.Query{Class: ticketing.ClassOther, Text: "噪音"}, 0},
		"due of no register": {ticketing.Query{Part: ticketing.PartClosed, Due: ticketing.DueWeek}, 0},
	} {
		page, err := h.List(ctx, office, c.q)
		require.NoError(t, err, name)
		require.Equal(t, c.want, page.Count, name)
		require.Len(t, page.Tickets, c.want, name)
	}
	h.exec(`UPDATE ticket SET due = due + interval '14 days' WHERE title LIKE '%噪音 3'`)
	for due, at := range map[ticketing.Due]struct {
		when time.Time
		want int
	}{
		ticketing.DueLater:   {at, 1},
		ticketing.DueToday:   {time.Date(2026, 12, 1, 15, 59, 0, 0, time.UTC), 3}, // 23:59 of the last day
		ticketing.DueOverdue: {time.Date(2026, 12, 1, 16, 0, 0, 0, time.UTC), 3},
	} {
		h.later(at.when.Sub(h.clock()))
		page, err := h.List(ctx, office, ticketing.Query{Due: due})
		require.NoError(t, err)
		require.Equal(t, at.want, page.Count, due)
	}

	_, err := h.List(ctx, office, ticketing.Query{Part: "lost", Class: "vip", Due: "soon", Unit: "\x00", Cursor: "!", Text: "\x00"})
	fields, ok := ticketing.Invalid(err)
	require.True(t, ok)
	require.Len(t, fields, 6)
}

// A page costs one statement, and whose rows it shows is said before it; a long list is counted as far as people read numbers, and its
// page comes through the index.
func TestWhatAPageCosts(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.over("一件", ticketing.OutcomeTicket)
	h.exec(`INSERT INTO call (id, channel, line, session, dialled, num_tail, place, phase, seq, arrived_at, ended_at, outcome, epoch)
		SELECT i.id, i.id::text, 'session', $1, '12345', '', '', 'ended', 1000 + n, $2, $2, 'answered_official', 0
		FROM (SELECT n, gen_random_uuid() AS id FROM generate_series(1, 5000) n) i`, h.session, at)
	h.exec(`INSERT INTO ticket (id, query_code, kind, call, state, title, outcome, number, opened_at, registered_at, closed_at)
		SELECT gen_random_uuid(), 'ACDEFG', 'call', c.id, 'closed', 't', 'no_content', 'n' || c.seq, c.arrived_at, c.arrived_at, c.arrived_at FROM call c WHERE c.seq > 1000`)
	h.exec(`ANALYZE ticket, call`)
	records, count := pgtest.Counted(t, h.records)
	service := *h.of
	service.Store = store.New(records, nil)
	ctx := agent.NewContext(t.Context(), h.who["office"])
	_, err := service.List(ctx, h.who["office"], ticketing.Query{}) // opens a connection
	require.NoError(t, err)
	count.Take()
	page, err := service.List(ctx, h.who["office"], ticketing.Query{Limit: 30})
	require.NoError(t, err)
	statements, _ := count.Take()
	require.Len(t, statements, 1)
	require.Len(t, page.Tickets, 30)
	require.Equal(t, "一件", page.Tickets[0].Title)
	require.Equal(t, ticketing.MaxCount+1, page.Count)
}
