package telephony

import (
	"maps"
	"time"

	"hotline/agent"
)

const topicBoard = "board"

// tell appends a fact about the call, with what every reader needs to place it: line, seat, offer and person.
func (s *step) tell(kind string, o *Offer, data map[string]any) {
	all := map[string]any{"line": s.c.Line}
	seat := agent.SeatID("")
	if o != nil {
		seat = o.Seat
		all["seat"], all["offer"], all["person"] = o.Seat, o.ID, o.Person
	}
	maps.Copy(all, data)
	s.tellSeat(kind, seat, all)
}

func (s *step) tellSeat(kind string, seat agent.SeatID, data map[string]any) {
	topics := []string{topicBoard, "line:" + string(s.c.Line), "call:" + string(s.c.ID)}
	if seat != "" {
		topics = append(topics, "seat:"+string(seat))
	} else {
		delete(data, "seat")
	}
	s.record(Tell{Fact{Kind: kind, Subject: string(s.c.ID), Topics: topics, Data: data}})
}

// setWork says what a seat does from now on, to the ledger and in the fact log.
func (s *step) setWork(w SeatWork) {
	w.Call = s.c.ID
	data := map[string]any{"work": w.Work}
	if w.Work != agent.WorkIdle {
		data["call"] = w.Call
	}
	if !w.Until.IsZero() {
		data["until"] = w.Until
	}
	s.record(SetWork{w}, Tell{Fact{
		Kind: "seat.work", Subject: string(w.Seat),
		Topics: []string{topicBoard, "line:" + string(s.c.Line), "seat:" + string(w.Seat)}, Data: data,
	}})
}

// change gathers the records among the effects of a step into what is stored as one; false when there is nothing to store.
func change(before, after Call, effects []Effect, actor string, at time.Time) (Change, bool) {
	ch := Change{Before: before, After: after, Actor: actor, At: at}
	for _, e := range effects {
		switch e := e.(type) {
		case StoreOffer:
			ch.Offer = &e.Offer
		case SetWork:
			ch.Work = append(ch.Work, e.SeatWork)
		case RecordLeg:
			ch.Legs = append(ch.Legs, e.Leg)
		case Tell:
			ch.Facts = append(ch.Facts, e.Fact)
		case OpenCallback:
			ch.Callback = true
		case Watch, Answer, Hangup, Ring, EnsureBridge, DeleteBridge, Hold, Join, Play, StopPlay, JoinLine, LeaveLine,
			FreeSeat, StartWrapUp, AskSeat, SetTimer, StopTimer: // acts: they follow
		}
	}
	return ch, after.Version != before.Version
}
