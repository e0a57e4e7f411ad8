package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"hotline/agent"
	"hotline/agent/calendar"
	agentstore "hotline/agent/store"
	"hotline/deploy/migrations"
	"hotline/deploy/migrations/pgtest"
	"hotline/realtime/factlog"
	"hotline/telephony"
	"hotline/ticketing"
	"hotline/ticketing/store"
)

// at is a Thursday 9:00 in Hefei.
var at = time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)

// hall is an open session of the education department with seat A01: an official and a recorder; and people elsewhere.
type hall struct {
	desk

	t       testing.TB
	pool    *pgxpool.Pool
	records *pgxpool.Pool // as the web has it: of the reader's rows alone
	super   *pgxpool.Pool // whom nothing is forbidden: what a test does to the database by hand
	store   *store.Store
	session string
	who     map[string]agent.Identity
	seq     int

	mu  sync.Mutex // guards now
	now time.Time
}

func setup(tb testing.TB) *hall {
	tb.Helper()
	pool := pgtest.New(tb)
	cal, err := calendar.Vendored()
	require.NoError(tb, err)
	h := &hall{t: tb, pool: pool, super: pgtest.Super(tb, pool), store: store.New(pool, factlog.NewSignal()), session: id(tb), who: map[string]agent.Identity{}, now: at}
	cfg, err := pgxpool.ParseConfig(pgtest.As(tb, migrations.RoleApp, pool.Config().ConnString()))
	require.NoError(tb, err)
	cfg.PrepareConn = agentstore.ForReader
	h.records, err = pgxpool.NewWithConfig(tb.Context(), cfg)
	require.NoError(tb, err)
	tb.Cleanup(h.records.Close)
	h.of = &ticketing.Service{Store: store.New(h.records, factlog.NewSignal()), Calendar: func() ticketing.Calendar { return cal }, Rules: ticketing.PlanRules, Now: h.clock, Random: rand.Reader}
	h.exec(`INSERT INTO unit VALUES ('EDU', '省教育厅', '安徽省教育厅', 'department'), ('TAX', '省税务局', '安徽省税务局', 'department')`)
	h.exec(`INSERT INTO line (id, name) VALUES ('session', '接热线、办实事')`)
	h.exec(`INSERT INTO session (id, number, unit, theme, opens_at, closes_at, state) VALUES ($1, 41, 'EDU', '教育', $2, $3, 'open')`,
		h.session, at.Add(-30*time.Minute), at.Add(150*time.Minute))
	for name, p := range map[string]struct {
		unit string
		role agent.Role
	}{
		"official": {"EDU", agent.RoleOfficial}, "recorder": {"", agent.RoleRecorder}, "other official": {"TAX", agent.RoleOfficial},
		"other recorder": {"", agent.RoleRecorder}, "operator": {"", agent.RoleOperator}, "supervisor": {"", agent.RoleSupervisor},
		"office": {"", agent.RoleOffice}, "clerk": {"EDU", agent.RoleUnit}, "other clerk": {"TAX", agent.RoleUnit}, "admin": {"", agent.RoleSystemAdmin},
	} {
		who := agent.Identity{Person: agent.PersonID(id(tb)), Name: name, Unit: p.unit, Roles: []agent.Role{p.role}}
		h.who[name] = who
		h.exec(`INSERT INTO person (id, login_name, name, unit, password_hash, created_at) VALUES ($1::uuid, 'p' || right($1::uuid::text, 12), $2, nullif($3, ''), '-', $4)`,
			string(who.Person), name, p.unit, at)
	}
	for seat, people := range map[string][2]string{"A01": {"official", "recorder"}, "A02": {"other official", "other recorder"}} {
		h.exec(`INSERT INTO seat VALUES ($1, 'session', 'official', NULL, '席')`, seat)
		h.sits(seat, "official", people[0])
		h.sits(seat, "recorder", people[1])
	}
	return h
}

func id(tb testing.TB) string {
	tb.Helper()
	v, err := uuid.NewV7()
	require.NoError(tb, err)
	return v.String()
}

func (h *hall) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hall) later(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *hall) exec(sql string, args ...any) {
	h.t.Helper()
	_, err := h.super.Exec(context.Background(), sql, args...)
	require.NoError(h.t, err, sql)
}

func (h *hall) count(sql string, args ...any) int {
	h.t.Helper()
	var n int
	require.NoError(h.t, h.pool.QueryRow(context.Background(), sql, args...).Scan(&n))
	return n
}

// sits lets somebody sit at a place from now on, in place of who sat there.
func (h *hall) sits(seat, place, person string) {
	h.t.Helper()
	h.leaves(seat, place)
	h.exec(`INSERT INTO sitting (seat, place, person, began_at) VALUES ($1, $2, $3, $4)`, seat, place, string(h.who[person].Person), h.clock())
}

func (h *hall) leaves(seat, place string) {
	h.t.Helper()
	h.exec(`UPDATE sitting SET ended_at = $3 WHERE seat = $1 AND place = $2 AND ended_at IS NULL`, seat, place, h.clock())
}

// admitted is a queued call of that citizen; empty: anonymous.
func (h *hall) admitted(citizen string) telephony.CallID {
	h.t.Helper()
	call := id(h.t)
	h.seq++
	var index []byte
	if citizen != "" {
		index = []byte(citizen)
	}
	h.exec(`INSERT INTO call (id, channel, line, session, dialled, num_idx, num_tail, place, phase, seq, arrived_at, queued_at, epoch)
		VALUES ($1::uuid, $1::uuid::text, 'session', $2, '12345', $3, $4, '合肥', 'waiting', $5, $6, $6, 0)`, call, h.session, index, "138****5678", h.seq, h.clock())
	return telephony.CallID(call)
}

// talking lets the seat take the call.
func (h *hall) talking(call telephony.CallID, seat, person string) {
	h.t.Helper()
	h.exec(`INSERT INTO segment (id, call, seat, person, began_at) VALUES ($1, $2, $3, $4, $5)`,
		id(h.t), string(call), seat, string(h.who[person].Person), h.clock())
	h.exec(`UPDATE call SET phase = 'serving', answered_at = coalesce(answered_at, $2), seat = $3, version = version + 1 WHERE id = $1`, string(call), h.clock(), seat)
}

// handedOver ends the segment that goes on.
func (h *hall) handedOver(call telephony.CallID) {
	h.t.Helper()
	h.exec(`UPDATE segment SET ended_at = $2, why = 'handed_over' WHERE call = $1 AND ended_at IS NULL`, string(call), h.clock())
}

// resumes is an admitted call of somebody who has rung again.
func (h *hall) resumes(old telephony.CallID) telephony.CallID {
	h.t.Helper()
	call := h.admitted("again")
	h.exec(`UPDATE call SET resumes = $2 WHERE id = $1`, string(call), string(old))
	return call
}

func (h *hall) ended(call telephony.CallID, outcome telephony.Outcome) {
	h.t.Helper()
	h.exec(`UPDATE call SET phase = 'ended', ended_at = $2, outcome = $3, version = version + 1 WHERE id = $1`, string(call), h.clock(), string(outcome))
}

// handle lets the reaction see one fact, and again as long as somebody else gets in between.
func (h *hall) handle(kind string, call telephony.CallID) error {
	for {
		if err := h.handleWhile(kind, call, func() {}); !errors.Is(err, factlog.ErrStale) {
			return err
		}
	}
}

// handleWhile does something between the reaction's reading and its writing.
func (h *hall) handleWhile(kind string, call telephony.CallID, meanwhile func()) error {
	var w factlog.Pipeline
	err := h.store.Handler(rand.Reader)(context.Background(), &w, []factlog.Fact{{Kind: kind, Subject: string(call), At: h.clock()}})
	if err != nil {
		return err
	}
	meanwhile()
	return w.Commit(context.Background(), h.pool)
}

// atSeat is a call that A01 is talking with, and its draft.
func (h *hall) atSeat(citizen string) (telephony.CallID, ticketing.Ticket) {
	h.t.Helper()
	call := h.admitted(citizen)
	require.NoError(h.t, h.handle("call.admitted", call))
	h.talking(call, "A01", "official")
	require.NoError(h.t, h.handle("call.talking", call))
	return call, h.draft(call)
}

func (h *hall) draft(call telephony.CallID) ticketing.Ticket {
	h.t.Helper()
	tickets, _, err := h.OfCall(context.Background(), h.who["office"], call)
	require.NoError(h.t, err)
	require.NotEmpty(h.t, tickets)
	return tickets[0]
}

// registered fills a draft so that it can be registered, and registers it: whoever took its call does, or the office.
func (h *hall) registered(t ticketing.Ticket, title string, outcome ticketing.Outcome) ticketing.Ticket {
	h.t.Helper()
	who := h.who["office"]
	for _, p := range h.who {
		if p.Is(t.Official) {
			who = p
		}
	}
	class, answer := ticketing.ClassConsultation, "已答复"
	t, err := h.Patch(context.Background(), who, t.ID,
		ticketing.Patch{Version: t.Version, Title: &title, Outcome: &outcome, Class: &class, Answer: &answer})
	require.NoError(h.t, err)
	t, err = h.Register(context.Background(), who, t.ID, t.Version)
	require.NoError(h.t, err)
	return t
}
