package store_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/policy"
	"hotline/telephony"
	"hotline/ticketing"
	"hotline/ticketing/store"
)

// RS3: the database itself shows a reader the tickets that the table of rights gives them, and beside these what a citizen whom they
// serve has brought before and is not confidential (pop); a statement that forgets to ask gets no more.
func TestRowsAreTheReaders(t *testing.T) {
	t.Parallel()
	h := setup(t)
	world := h.world()
	drawn := 0
	for name, who := range h.who {
		ctx := agent.NewContext(t.Context(), who)
		access := ticketing.Access{Who: who}
		var want []string
		for _, ticket := range world {
			if access.Read(ticket) || !ticket.Confidential && h.ofACaller(who, ticket) && !h.accuses(ticket, who.Unit) {
				want = append(want, string(ticket.ID))
			}
		}
		got := h.seen(ctx, `SELECT id::text FROM ticket`)
		require.ElementsMatch(t, want, got, name)
		require.ElementsMatch(t, want, h.seen(ctx, `SELECT DISTINCT ticket::text FROM ticket_event`), name)
		calls := h.seen(ctx, `SELECT id::text FROM call`)
		for _, ticket := range world {
			require.Equal(t, slices.Contains(got, string(ticket.ID)) || h.ofACaller(who, ticket), slices.Contains(calls, string(ticket.Call)), "%s: the call of %s", name, ticket.ID)
		}
		listed := 0
		for _, part := range []ticketing.Part{ticketing.PartAny, ticketing.PartLive} {
			page, err := store.New(h.records, nil).List(ctx, ticketing.Filter{Part: part, Places: ticketing.Places{Last: math.MaxInt64}, Limit: 100, Reach: policy.Reach{Scope: policy.All}})
			require.NoError(t, err)
			listed += page.Count
		}
		require.Equal(t, len(want), listed, "%s: a list of everything", name)
		tag, err := h.records.Exec(ctx, `UPDATE ticket SET title = title`)
		require.NoError(t, err)
		may := 0
		for _, ticket := range world {
			if access.Edit(ticket) {
				may++
			}
		}
		require.EqualValues(t, may, tag.RowsAffected(), "%s: writes", name)
		drawn += len(want)
	}
	require.Greater(t, drawn, 3*len(world), "the world is not empty for everybody")
	require.Empty(t, h.seen(t.Context(), `SELECT id::text FROM ticket`), "nobody reads for nobody")
}

// Whoever has written in a ticket may read it for good, also after they have been given another post; nothing else of the same call.
func TestWhoHasWrittenMayRead(t *testing.T) {
	t.Parallel()
	h := setup(t)
	call, d := h.atSeat("a")
	h.ended(call, telephony.OutcomeAnsweredOfficial) // until then the draft is its people's
	office := h.who["office"]
	later := office
	later.Roles = []agent.Role{agent.RoleOfficial}
	reads := func() []string {
		return h.seen(agent.NewContext(t.Context(), later), `SELECT id::text FROM ticket ORDER BY id`)
	}
	require.Empty(t, reads())
	_, err := h.Patch(t.Context(), h.who["recorder"], d.ID, ticketing.Patch{Version: d.Version, Title: new("学籍")})
	require.NoError(t, err)
	require.Empty(t, reads(), "others have written")
	for range 2 {
		_, err = h.Patch(t.Context(), office, d.ID, ticketing.Patch{Version: d.Version, Content: new("转学"), Answer: new(h.clock().String())})
		require.NoError(t, err)
		d = h.draft(call)
		require.Equal(t, []string{string(d.ID)}, reads())
	}
	require.Equal(t, 1, h.count(`SELECT count(*) FROM ticket WHERE cardinality(writers) = 2`), "each once")
	further, err := h.AddAppeal(t.Context(), office, call)
	require.NoError(t, err)
	require.Equal(t, []string{string(d.ID), string(further.ID)}, reads(), "or has opened it")
	read, _, err := h.Ticket(t.Context(), later, d.ID)
	require.NoError(t, err)
	require.Contains(t, read.Origin.Holders, office.Person)
}

// Who sits by a seat for the room or to supervise has nothing to do with its calls, whoever asks (peers.md 4.3 no. 7).
func TestRoomIsNoPartyOfCalls(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.leaves("A02", "official")
	h.leaves("A02", "recorder")
	h.sits("A01", "room", "other official")
	h.sits("A01", "supervisor", "other recorder")
	call, _ := h.atSeat("a")
	origin, err := h.store.Call(t.Context(), call)
	require.NoError(t, err)
	require.ElementsMatch(t, []agent.PersonID{h.who["official"].Person, h.who["recorder"].Person}, origin.Holders)
}

// world is two units with two seats each that have served the same and other citizens, open, confidential and drafts, and tickets that are
// about a unit.
func (h *hall) world() []ticketing.Ticket {
	h.t.Helper()
	h.sits("A01", "deputy", "clerk") // an official until then
	h.sits("A02", "deputy", "other clerk")
	for i, citizen := range []string{"a", "b", "c", "a", "d"} {
		_, d := h.atSeat(citizen)
		if i == 1 {
			var err error
			d, err = h.Patch(h.t.Context(), h.who["recorder"], d.ID, ticketing.Patch{Version: d.Version, Confidential: new(true)})
			require.NoError(h.t, err)
		}
		if i != 2 {
			d = h.registered(d, "事", ticketing.OutcomeTicket)
		}
		if i == 0 { // and its citizen talks with that unit's official below
			h.exec(`INSERT INTO ticket_unit (ticket, unit, role) VALUES ($1, 'TAX', 'accused')`, string(d.ID))
		}
		if i == 3 {
			h.exec(`INSERT INTO ticket_unit (ticket, unit, role) VALUES ($1, 'TAX', 'co')`, string(d.ID))
			h.exec(`INSERT INTO ticket_unit (ticket, unit, role) VALUES ($1, 'EDU', 'accused')`, string(d.ID))
		}
		h.ended(d.Call, telephony.OutcomeAnsweredOfficial)
		h.exec(`UPDATE segment SET ended_at = $2, why = 'finished', wrapup_until = $2, wrapup_ended_at = $2 WHERE call = $1`, string(d.Call), h.clock())
		h.later(1)
	}
	call := h.admitted("a") // who called A01 before is served by the other seat now
	h.talking(call, "A02", "other official")
	require.NoError(h.t, h.handle("call.talking", call))
	rows, err := h.super.Query(h.t.Context(), `SELECT id::text FROM ticket`)
	require.NoError(h.t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(h.t, err)
	all := make([]ticketing.Ticket, len(ids))
	for i, id := range ids {
		all[i], _, err = h.store.Ticket(h.t.Context(), ticketing.TicketID(id))
		require.NoError(h.t, err)
	}
	return all
}

// seen is what the reader's connection shows.
func (h *hall) seen(ctx context.Context, sql string) []string {
	h.t.Helper()
	rows, err := h.records.Query(ctx, sql)
	require.NoError(h.t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(h.t, err)
	return found
}

// ofACaller says that the ticket's citizen is one whom the reader has served, by the rows that a superuser sees.
func (h *hall) ofACaller(who agent.Identity, t ticketing.Ticket) bool {
	h.t.Helper()
	if who.ScopeOf(policy.ReadPop) != policy.Own {
		return false
	}
	var so bool
	require.NoError(h.t, h.super.QueryRow(h.t.Context(), `SELECT EXISTS (
  SELECT FROM call c JOIN call mine ON mine.num_idx = c.num_idx JOIN call_party f ON f.call = mine.id WHERE c.id = $1 AND f.person = $2)`,
		string(t.Call), string(who.Person)).Scan(&so))
	return so
}

// accuses says that the ticket is about the unit (P-02).
func (h *hall) accuses(t ticketing.Ticket, unit string) bool {
	h.t.Helper()
	var so bool
	require.NoError(h.t, h.super.QueryRow(h.t.Context(), `SELECT EXISTS (SELECT FROM ticket_unit WHERE ticket = $1 AND unit = $2 AND role = 'accused')`,
		string(t.ID), unit).Scan(&so))
	return so
}
