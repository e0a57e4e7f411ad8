package main

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"hotline/agent"
	"hotline/realtime/factlog"
	"hotline/telephony"
	"hotline/telephony/control"
	"hotline/telephony/line"
	callstore "hotline/telephony/store"
	"hotline/telephony/trace"
)

// The marks of a call's way that belong to no package of its own: around the stores, the queue and a person's command.

// traced gives the marks that were noted since it was asked last.
func (s *server) traced(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.trace.Take()) // the asker has gone
}

// told marks that a fact has been given to the sockets; nil when nobody looks.
func (s *server) told() func(factlog.Fact) {
	if !s.trace.On() {
		return nil
	}
	return func(f factlog.Fact) { s.trace.Mark("pushed "+f.Kind, f.Subject) }
}

// tracedLedger marks the writes of calls.
type tracedLedger struct {
	*callstore.Store
	trace *trace.Recorder
}

func (l tracedLedger) Arrive(ctx context.Context, epoch int64, a telephony.Arrival) (telephony.Call, bool, error) {
	l.trace.Mark("row begun", string(a.Channel))
	c, created, err := l.Store.Arrive(ctx, epoch, a)
	l.trace.Mark("row committed", string(a.Channel), string(c.ID))
	return c, created, err
}

func (l tracedLedger) Save(ctx context.Context, epoch int64, changes ...telephony.Change) error {
	l.mark("commit begun", changes)
	err := l.Store.Save(ctx, epoch, changes...)
	l.mark("committed", changes)
	return err
}

// mark names the step by what the call has become, and ties call, leg and seat of an offer together.
func (l tracedLedger) mark(what string, changes []telephony.Change) {
	if !l.trace.On() {
		return
	}
	for _, ch := range changes {
		if ch.Freed != "" {
			l.trace.Mark("wrap-up's end "+what, string(ch.Freed))
			continue
		}
		if len(ch.Opened) == 0 {
			l.trace.Mark(string(ch.After.Phase)+" "+what, string(ch.After.ID))
		}
		for _, o := range ch.Opened {
			l.trace.Mark("offer "+what, string(ch.After.ID), string(o.Leg()), string(o.Seat))
		}
	}
}

// tracedQueue marks what the queue is asked for.
type tracedQueue struct {
	*line.Queue
	trace *trace.Recorder
}

// Pair is asked by the id of the offer that will be.
func (q tracedQueue) Pair(
	ctx context.Context, id agent.LineID, news []telephony.News, request string, now time.Time,
) (telephony.CallID, agent.SeatID, bool, error) {
	leg := string(telephony.LegOf(telephony.OfferID(request)))
	q.trace.Mark("pair asked", leg)
	call, seat, ok, err := q.Queue.Pair(ctx, id, news, request, now)
	q.trace.Mark("pair given", leg, string(call), string(seat))
	return call, seat, ok, err
}

// tracedCommands marks the word of a person who asks for the next caller.
type tracedCommands struct {
	*control.Controller
	trace *trace.Recorder
}

func (c tracedCommands) FinishWrapUp(ctx context.Context, seat agent.SeatID, call telephony.CallID, actor string) error {
	c.trace.Mark("next asked", string(seat))
	return c.Controller.FinishWrapUp(ctx, seat, call, actor)
}

// tracedWrites marks what the stores of people and tickets write: each commit, by the name of the last write in it.
type tracedWrites struct {
	trace *trace.Recorder

	mu   sync.Mutex // guards last
	last map[*pgx.Conn]string
}

var (
	_ pgx.QueryTracer = (*tracedWrites)(nil)
	_ pgx.BatchTracer = (*tracedWrites)(nil)
)

// writeTracer is one tracer, or none when nobody looks.
func (s *server) writeTracer() []pgx.QueryTracer {
	if !s.trace.On() {
		return nil
	}
	return []pgx.QueryTracer{&tracedWrites{trace: s.trace, last: make(map[*pgx.Conn]string)}}
}

// written is a query of ours that writes.
var written = regexp.MustCompile(`(?s)^-- name: (\w+).*\b(?:INSERT INTO|UPDATE \w+|DELETE FROM)\b`)

func writes(sql string) string {
	if m := written.FindStringSubmatch(sql); m != nil {
		return m[1]
	}
	return ""
}

const inTransaction = 'T' // Postgres' own sign

type stepKey struct{}

// TraceQueryStart marks a write of its own, and the commit of several.
func (t *tracedWrites) TraceQueryStart(ctx context.Context, conn *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	name := writes(q.SQL)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case q.SQL == "commit":
		name = t.last[conn]
		delete(t.last, conn)
	case q.SQL == "rollback":
		delete(t.last, conn)
	case name != "" && conn.PgConn().TxStatus() == inTransaction:
		t.last[conn] = name
		return ctx
	}
	return t.begun(ctx, name)
}

// TraceQueryEnd marks that it is over, well or badly.
func (t *tracedWrites) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	t.done(ctx)
}

// TraceBatchStart marks writes that go out together, which are a transaction.
func (t *tracedWrites) TraceBatchStart(ctx context.Context, _ *pgx.Conn, b pgx.TraceBatchStartData) context.Context {
	name := ""
	for _, q := range b.Batch.QueuedQueries {
		if w := writes(q.SQL); w != "" {
			name = w
		}
	}
	return t.begun(ctx, name)
}

// TraceBatchQuery is one answer of several.
func (t *tracedWrites) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd marks that they are over.
func (t *tracedWrites) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) {
	t.done(ctx)
}

func (t *tracedWrites) begun(ctx context.Context, name string) context.Context {
	if name == "" {
		return ctx
	}
	t.trace.Mark(name + " commit begun")
	return context.WithValue(ctx, stepKey{}, name)
}

func (t *tracedWrites) done(ctx context.Context) {
	if name, ok := ctx.Value(stepKey{}).(string); ok {
		t.trace.Mark(name + " committed")
	}
}
