package httpapi_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/telephony"
	"hotline/ticketing"
)

// place is a seat as telephony answers of it, which notes what it was told.
type place struct {
	desk telephony.Desk
	told []string
	err  error
}

func (p *place) SeatPeople(_ context.Context, seat agent.SeatID) (telephony.Desk, error) {
	if seat != "A01" {
		return telephony.Desk{}, telephony.ErrNotFound
	}
	return p.desk, nil
}

func (p *place) Desk(ctx context.Context, seat agent.SeatID) (telephony.Desk, error) {
	return p.SeatPeople(ctx, seat)
}

func (p *place) FinishWrapUp(_ context.Context, seat agent.SeatID, call telephony.CallID, actor string) error {
	p.told = append(p.told, string(seat)+" "+string(call)+" "+actor)
	return p.err
}

// Drafts is the shelf's one ticket, while it is a draft.
func (s *shelf) Drafts(_ context.Context, call telephony.CallID) ([]ticketing.Ticket, error) {
	if s.broken != nil || call != s.ticket.Call || s.ticket.State != ticketing.StateDraft {
		return nil, s.broken
	}
	return []ticketing.Ticket{s.ticket}, nil
}

const (
	nextPath = "/api/v1/seats/A01/next"
	word     = `{"call":"` + callID + `"}`
	leave    = `{"call":"` + callID + `","leave":true}`
)

// RU11: who asks for the next caller is told what the call's tickets lack, until it is there or they leave it.
func TestNextNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.seat.desk.Card = &telephony.Card{ID: callID}
	lacks := func(want ...any) {
		t.Helper()
		code, out := s.do(http.MethodPost, nextPath, word)
		require.Equal(t, http.StatusUnprocessableEntity, code, out)
		require.Equal(t, "urn:hotline:ticket.unfinished", out["type"])
		require.Contains(t, out["detail"], "leave=true")
		require.Equal(t, want, out["errors"])
		require.Empty(t, s.seat.told)
	}
	field := func(name, what string) any {
		said := map[string]string{"required": "必须填写", "unregistered": "还没有登记"}[what]
		return map[string]any{"location": "tickets." + ticketID + "." + name, "code": what, "message": said}
	}
	lacks(field("title", "required"), field("class", "required"), field("outcome", "required"))
	s.ticket.Title, s.ticket.Class, s.ticket.Outcome = "学籍", ticketing.ClassOther, ticketing.OutcomeAnswered
	lacks(field("answer", "required"))
	s.ticket.Answer = "已告知"
	lacks(field("state", "unregistered"))
	s.ticket.State = ticketing.StateClosed
	require.Equal(t, http.StatusNoContent, s.status(http.MethodPost, nextPath, word))
	s.ticket = ticketing.Ticket{Call: callID, State: ticketing.StateDraft}
	require.Equal(t, http.StatusNoContent, s.status(http.MethodPost, nextPath, leave))
	told := "A01 " + callID + " person:p"
	require.Equal(t, []string{told, told}, s.seat.told)
}

func TestNextIsForTheSeatsPeople(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.seat.desk = telephony.Desk{Person: "o", Recorder: "r", Deputy: "d"}
	for who, code := range map[agent.PersonID]int{"o": http.StatusNoContent, "r": http.StatusNoContent, "d": http.StatusNoContent, "x": http.StatusForbidden} {
		s.who = &agent.Identity{Person: who, Roles: []agent.Role{agent.RoleOfficial}}
		require.Equal(t, code, s.status(http.MethodPost, nextPath, leave), who)
	}
	require.Len(t, s.seat.told, 3)
	s.who.Roles = []agent.Role{agent.RoleSupervisor}
	require.Equal(t, http.StatusNoContent, s.status(http.MethodPost, nextPath, leave))
	require.Equal(t, http.StatusNotFound, s.status(http.MethodPost, "/api/v1/seats/A09/next", leave))
	s.who.Roles = []agent.Role{agent.RoleSecurityAdmin}
	require.Equal(t, http.StatusForbidden, s.status(http.MethodPost, nextPath, leave))
	s.who = nil
	require.Equal(t, http.StatusUnauthorized, s.status(http.MethodPost, nextPath, leave))
}

// RC4: a word that comes too late is answered with what is at the seat now.
func TestLateNextIsToldWhatIsNow(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.seat.err = telephony.ErrStale
	for _, c := range []struct {
		card *telephony.Card
		now  map[string]any
	}{
		{&telephony.Card{ID: callID, State: telephony.WordTalking, Version: 7}, map[string]any{"call": callID, "state": "talking", "version": 7.0}},
		{nil, map[string]any{"call": nil, "state": "", "version": 0.0}},
	} {
		s.seat.desk.Card = c.card
		code, out := s.do(http.MethodPost, nextPath, leave)
		require.Equal(t, http.StatusConflict, code)
		require.Equal(t, "urn:hotline:version.stale", out["type"])
		require.Equal(t, c.now, out["now"])
	}
	s.seat.err = nil
	code, out := s.do(http.MethodPost, nextPath, word)
	require.Equal(t, http.StatusConflict, code, "what that call's draft lacks is no matter of the seat's any more")
	require.Equal(t, "urn:hotline:version.stale", out["type"])
	for _, err := range []error{telephony.ErrNoDecision, telephony.ErrNotMaster} {
		s.seat.err = err
		code, out := s.do(http.MethodPost, nextPath, leave)
		require.Equal(t, http.StatusServiceUnavailable, code)
		require.Equal(t, "urn:hotline:hold_only", out["type"])
	}
}

// RC6: who is late in a field is told what stands there, whose it is and of which version, and nothing of the patch is stored.
func TestClashIsToldWithWhatIsThere(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.who.Name = "王五"
	path := "/api/v1/tickets/" + ticketID
	code, out := s.do(http.MethodPatch, path, `{"version":1,"title":"异地就医"}`)
	require.Equal(t, http.StatusOK, code)
	mine := map[string]any{"version": 2.0, "by": "王五", "at": "2026-11-26T01:00:00Z"}
	require.Equal(t, map[string]any{"title": mine}, out["written"])
	s.who.Person, s.who.Name = "q", "李四"
	s.ticket.Origin.Holders = append(s.ticket.Origin.Holders, "q")
	code, out = s.do(http.MethodPatch, path, `{"version":1,"title":"医保","content":"南京"}`)
	require.Equal(t, http.StatusConflict, code)
	require.Equal(t, "urn:hotline:ticket.clash", out["type"])
	require.Equal(t, []any{map[string]any{"location": "body.title", "code": "changed", "message": "别人刚刚写过"}}, out["errors"])
	now := out["now"].(map[string]any)
	require.Equal(t, "异地就医", now["title"])
	require.InEpsilon(t, 2, now["version"], 0)
	require.Equal(t, map[string]any{"title": mine}, now["written"])
	require.Empty(t, s.ticket.Content)
	code, _ = s.do(http.MethodPatch, path, `{"version":1,"content":"南京"}`)
	require.Equal(t, http.StatusOK, code, "the other field")
	code, out = s.do(http.MethodPatch, path, `{"version":1,"title":"异地就医，医保","seen":{"title":2}}`)
	require.Equal(t, http.StatusOK, code, out)

	code, out = s.do(http.MethodPost, path+"/register", `{"version":2}`)
	require.Equal(t, http.StatusConflict, code)
	require.Equal(t, "urn:hotline:version.stale", out["type"])
	require.Equal(t, "南京", out["now"].(map[string]any)["content"])
}
