package main

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

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

func (c tracedCommands) FinishWrapUp(ctx context.Context, seat agent.SeatID, actor string) error {
	c.trace.Mark("next asked", string(seat))
	return c.Controller.FinishWrapUp(ctx, seat, actor)
}
