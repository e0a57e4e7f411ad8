package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/ticketing"
)

// trail is what the audit trail holds, with the names of people, a line each.
func (h *hall) trail() []string {
	h.t.Helper()
	rows, err := h.pool.Query(h.t.Context(), `SELECT concat_ws(' ', coalesce(p.name, a.actor), a.action, a.outcome, a.data)
FROM audit a LEFT JOIN person p ON a.actor = 'person:' || p.id ORDER BY a.id`)
	require.NoError(h.t, err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(h.t, err)
	return out
}

func (h *hall) everything() string {
	h.t.Helper()
	var all strings.Builder
	for _, table := range []string{"ticket", "ticket_event", "ticket_unit", "ticket_counter", "promise", "fact", "audit"} {
		var rows string
		require.NoError(h.t, h.pool.QueryRow(h.t.Context(), `SELECT coalesce(string_agg(x::text, E'\n' ORDER BY x::text), '') FROM `+table+` x`).Scan(&rows))
		all.WriteString(table + ":\n" + rows + "\n")
	}
	return all.String()
}

// reliability.md 8: no edit, further appeal or registration without its record, and no record without the act; none holds what was said.
func TestTicketActsAndTheirRecordsAreOne(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call, d := h.atSeat("a")
	recorder := h.who["recorder"]
	require.Empty(t, h.trail(), "what opens and follows by itself is no person's act")
	const said = "井盖在光武镇 13855121234"
	class, outcome := ticketing.ClassOther, ticketing.OutcomeTicket
	var appeal ticketing.Ticket
	patch := func(p ticketing.Patch) func() error {
		return func() error {
			p.Version = d.Version
			next, err := h.Patch(context.Background(), recorder, d.ID, p)
			if err == nil {
				d = next
			}
			return err
		}
	}
	for _, act := range []struct {
		do   func() error
		want string
	}{
		{patch(ticketing.Patch{Title: new(said), Content: new(said), ContactName: new(said)}), `recorder ticket.drafted done {"fields":["title","content","contact_name"]}`},
		{patch(ticketing.Patch{Class: &class, Outcome: &outcome}), `recorder ticket.drafted done {"fields":["class","outcome"]}`},
		{func() error {
			var err error
			appeal, err = h.AddAppeal(context.Background(), recorder, call)
			return err
		}, `recorder ticket.opened done {"kind":"appeal"}`},
		{func() error {
			_, err := h.Register(context.Background(), recorder, d.ID, d.Version)
			return err
		}, `recorder ticket.registered done {"class":"other","due_at":"2026-12-10T16:00:00Z","number":"` + ticketing.Number(2026, ticketing.SourceCall, 1) + `","provisional":false,"working_days":10}`},
		{func() error {
			title, none := said, ticketing.OutcomeNoContent
			next, err := h.Patch(context.Background(), h.who["official"], appeal.ID, ticketing.Patch{Version: appeal.Version, Title: &title, Outcome: &none})
			if err == nil {
				appeal = next
			}
			return err
		}, `official ticket.drafted done {"fields":["title","outcome"]}`},
		{func() error {
			_, err := h.Register(context.Background(), h.who["official"], appeal.ID, appeal.Version)
			return err
		}, `official ticket.closed done {"class":"","number":"` + ticketing.Number(2026, ticketing.SourceCall, 2) + `","outcome":"no_content"}`},
	} {
		before := h.everything()
		for _, table := range []string{"audit", "fact"} {
			h.exec(`ALTER TABLE ` + table + ` ADD CONSTRAINT broken CHECK (false) NOT VALID`)
			require.ErrorContains(t, act.do(), "broken", act.want)
			h.exec(`ALTER TABLE ` + table + ` DROP CONSTRAINT broken`)
			require.Equal(t, before, h.everything(), "%s: without %s", act.want, table)
		}
		known := h.trail()
		require.NoError(t, act.do())
		require.Equal(t, append(known, act.want), h.trail())
	}
	require.Zero(t, h.count(`SELECT count(*) FROM audit a WHERE a::text ~ '井盖|光武|1385512'`))
}

// A page saves a draft as often as its person pauses: of each person, ticket and minute the trail keeps every field once.
func TestDraftingDoesNotFillTheTrail(t *testing.T) {
	t.Parallel()
	h := setup(t)
	_, d := h.atSeat("a")
	text := ""
	write := func(who string, p ticketing.Patch) {
		t.Helper()
		p.Version = d.Version
		var err error
		d, err = h.Patch(t.Context(), h.who[who], d.ID, p)
		require.NoError(t, err)
	}
	type saves func()
	typed := func(who string, n int) saves {
		return func() {
			for range n {
				text += "字"
				write(who, ticketing.Patch{Content: new(text)})
				h.later(time.Second)
			}
		}
	}
	for _, c := range []struct {
		do   saves
		want string
	}{
		{typed("recorder", 20), `recorder ticket.drafted done {"fields":["content"]}`},
		{func() { text += "！"; write("recorder", ticketing.Patch{Content: new(text), Title: new("题")}) }, `recorder ticket.drafted done {"fields":["title","content"]}`},
		{func() { write("recorder", ticketing.Patch{Title: new("题目")}) }, ""},
		{typed("official", 3), `official ticket.drafted done {"fields":["content"]}`},
		{typed("recorder", 3), ""},
		{func() { h.later(time.Minute); typed("recorder", 3)() }, `recorder ticket.drafted done {"fields":["content"]}`},
	} {
		known := h.trail()
		c.do()
		if c.want != "" {
			known = append(known, c.want)
		}
		require.Equal(t, known, h.trail())
	}
}
