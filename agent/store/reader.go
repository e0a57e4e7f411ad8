package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"hotline/agent"
	"hotline/agent/policy"
)

// reader is whose rows a connection shows: what the policies of migration 0013, and of 0017 for settings, ask for.
type reader struct {
	person, unit                              string
	tickets, writes, calls, callbacks, audits policy.Scope
	settings                                  string // propose, agree, or both
	actor                                     string // who acts, whatever they may read
}

const setReader = `SELECT set_config('hotline.person', $1, false), set_config('hotline.unit', $2, false), set_config('hotline.tickets', $3, false),
  set_config('hotline.writes', $4, false), set_config('hotline.calls', $5, false), set_config('hotline.callbacks', $6, false),
  set_config('hotline.audit', $7, false), set_config('hotline.settings', $8, false), set_config('hotline.actor', $9, false)`

// readerOf takes the scopes out of the table of rights. Calls are read by whoever has to do with one in any way.
func readerOf(who agent.Identity) reader {
	r := reader{
		person: string(who.Person), unit: who.Unit, tickets: who.ScopeOf(policy.ReadTickets), writes: who.ScopeOf(policy.WriteTickets),
		callbacks: who.ScopeOf(policy.ReadCallbacks), audits: who.ScopeOf(policy.ReadAudit),
	}
	if r.writes == policy.None { // who may not write has no tickets of their own, whatever they did in another role (ticketing.Access)
		r.person = ""
	}
	for _, a := range []policy.Action{policy.ReadPop, policy.ReadDesk, policy.ReadBoard, policy.SeeNumber} {
		r.calls = max(r.calls, who.ScopeOf(a))
	}
	if who.ScopeOf(policy.TuneLines) == policy.All || who.ScopeOf(policy.PlanSettings) == policy.All {
		r.settings = "propose "
	}
	if who.ScopeOf(policy.AgreeSettings) == policy.All {
		r.settings += "agree"
	}
	if who.Person != "" {
		r.actor = who.Actor()
	}
	return r
}

// ForReader is the PrepareConn of a pool of hotline_app: a connection shows what is the signed-in person's to see, and for nobody no row
// of a citizen. A connection that serves the same person again is left as it is.
func ForReader(ctx context.Context, conn *pgx.Conn) (bool, error) {
	const known = "hotline.reader"
	who, _ := agent.FromContext(ctx) // nobody: the zero Identity, which may nothing
	now, is := readerOf(who), conn.PgConn().CustomData()
	if is[known] == now {
		return true, nil
	}
	delete(is, known)
	_, err := conn.Exec(ctx, setReader, now.person, now.unit, word(now.tickets), word(now.writes), word(now.calls), word(now.callbacks), word(now.audits),
		now.settings, now.actor)
	if err != nil {
		return false, fmt.Errorf("say who reads: %w", err)
	}
	is[known] = now
	return true, nil
}

// word is a scope as the policies spell it; none is nothing.
func word(s policy.Scope) string {
	if s == policy.None {
		return ""
	}
	return s.String()
}
