package store_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"hotline/telephony"
	"hotline/ticketing"
)

// FuzzList : whatever is searched for, the list is what a reader who looks at every ticket would pick, of those that are theirs to see
// and no others; and what is refused names its field. Nothing of a query is ever SQL (reliability.md 10).
func FuzzList(f *testing.F) {
	for _, seed := range []string{"", "噪音", "%", "_", `\`, `\%`, "' OR 1=1 --", "100%", "a_b", "A_B", "\x00", "\u202e", "ß", "İ", "$1", "n-1", "  噪 ", "2026A0", "２０２６-a-000001", "000001"} {
		f.Add(seed, uint8(0), uint8(0), uint8(0), int16(50), "")
	}
	mark := ticketing.Mark{Place: at.UnixMicro(), ID: "0193bb70-0000-7000-8000-000000000000"}
	for _, cursor := range []string{
		mark.Cursor(), "x", cursorOf("9223372036854775807|" + string(mark.ID)), cursorOf("-9223372036854775808|" + string(mark.ID)),
		cursorOf("0|urn:uuid:" + string(mark.ID)), cursorOf("0|{" + string(mark.ID) + "}"), cursorOf("0|" + strings.ReplaceAll(string(mark.ID), "-", "")),
	} {
		f.Add("", uint8(1), uint8(2), uint8(3), int16(1), cursor)
	}
	h := setup(f)
	all, places := shelf(h)
	readers := []string{"official", "other official", "operator", "office", "clerk", "other clerk", "admin"}
	f.Fuzz(func(t *testing.T, text string, state, class, due uint8, limit int16, cursor string) {
		q := ticketing.Query{
			Part:  pick(state, ticketing.PartAny, ticketing.PartLive, ticketing.PartDraft, ticketing.PartRegistered, ticketing.PartClosed, "x"),
			Class: pick(class, ticketing.ClassNone, ticketing.ClassConsultation, ticketing.ClassOther, "x"),
			Due:   pick(due, ticketing.DueAny, ticketing.DueOverdue, ticketing.DueToday, ticketing.DueWeek, ticketing.DueLater, "x"),
			Text:  text, Limit: int(limit), Cursor: cursor,
		}
		for _, reader := range readers {
			who := h.who[reader]
			page, err := h.List(t.Context(), who, q)
			if _, refused := ticketing.Invalid(err); refused || reader == "admin" {
				require.Empty(t, page)
				continue
			}
			require.NoError(t, err)
			require.LessOrEqual(t, len(page.Tickets), ticketing.MaxLimit)
			for _, line := range page.Tickets {
				i := slices.IndexFunc(all, func(t ticketing.Ticket) bool { return t.ID == line.ID })
				require.True(t, ticketing.Access{Who: who}.Read(all[i]), "%s may not see %s", reader, line.Title)
				require.True(t, cursor == "" || places[i] >= placeOf(t, cursor), "%s is not behind %q", line.Title, cursor)
			}
			if plainly(text) && q.Due == ticketing.DueAny && cursor == "" && (limit <= 0 || int(limit) > len(all)) {
				require.Equal(t, slowly(all, ticketing.Access{Who: who}, q), titles(page.Tickets), "%s looks for %q", reader, text)
			}
		}
	})
}

func pick[T any](n uint8, of ...T) T { return of[int(n)%len(of)] }

// shelf are tickets of each kind, in the order of work, and their places in it.
func shelf(h *hall) ([]ticketing.Ticket, []int64) { //nolint:gocritic // told above
	_, draft := h.atSeat("a")
	title := "草稿 100%"
	_, err := h.Patch(h.t.Context(), h.who["official"], draft.ID, ticketing.Patch{Version: draft.Version, Title: &title})
	require.NoError(h.t, err)
	for i, title := range []string{"噪音扰民", "a_b", "aXb", `back\slash`, "' OR 1=1 --", "噪声%"} {
		h.later(time.Minute)
		_, ticket := h.atSeat(fmt.Sprintf("c%d", i))
		outcome := ticketing.OutcomeTicket
		if i%2 == 1 {
			outcome = ticketing.OutcomeAnswered
		}
		h.registered(ticket, title, outcome)
	}
	h.exec(`UPDATE ticket SET confidential = true WHERE title = 'aXb'`)
	call, _ := h.atSeat("over")
	h.ended(call, telephony.OutcomeAnsweredOfficial)
	rows, err := h.super.Query(h.t.Context(), `SELECT id::text, work_order FROM ticket ORDER BY work_order, id`)
	require.NoError(h.t, err)
	type row struct {
		ID    string
		Place int64
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	require.NoError(h.t, err)
	require.Len(h.t, found, 8)
	all, places := make([]ticketing.Ticket, len(found)), make([]int64, len(found))
	for i, r := range found {
		places[i] = r.Place
		all[i], _, err = h.store.Ticket(h.t.Context(), ticketing.TicketID(r.ID))
		require.NoError(h.t, err)
	}
	return all, places
}

// plainly says that Go and Postgres fold the case of the text alike.
func plainly(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > 0x7f && (r < 0x4e00 || r > 0x9fff) })
}

// slowly looks at every ticket.
func slowly(all []ticketing.Ticket, access ticketing.Access, q ticketing.Query) []string {
	text, sign := strings.ToLower(strings.TrimSpace(q.Text)), ticketing.Sign(q.Text)
	return titles(slices.DeleteFunc(slices.Clone(all), func(t ticketing.Ticket) bool {
		found := slices.ContainsFunc([]string{t.Title, t.Content, t.Number}, func(s string) bool { return strings.Contains(strings.ToLower(s), text) })
		if sign != "" {
			found = !ticketing.IsNumber(sign) && (found || t.QueryCode == sign) || strings.Contains(strings.ReplaceAll(t.Number, "-", ""), sign)
		}
		in := map[ticketing.Part]bool{
			ticketing.PartAny: !t.Live() || text != "", ticketing.PartLive: t.Live(), ticketing.PartDraft: t.State == ticketing.StateDraft && !t.Live(),
			ticketing.PartRegistered: t.State == ticketing.StateRegistered, ticketing.PartClosed: t.State == ticketing.StateClosed,
		}
		return !found || !access.Read(t) || !in[q.Part] || q.Class != "" && t.Class != q.Class
	}))
}

func titles(tickets []ticketing.Ticket) []string {
	out := make([]string, len(tickets))
	for i, t := range tickets {
		out[i] = t.Title
	}
	return out
}

// placeOf is where the last ticket of a cursor's page stands.
func placeOf(t *testing.T, cursor string) int64 {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	require.NoError(t, err)
	at, _, _ := strings.Cut(string(raw), "|")
	place, err := strconv.ParseInt(at, 10, 64)
	require.NoError(t, err)
	return place
}

func cursorOf(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
