package telephony

import (
	"maps"

	"hotline/agent"
)

// TopicCall is the kind of topic that the news of one call goes to, with its id behind a colon.
const TopicCall = "call"

// Topics lists the kinds of topics that news of calls goes to.
func Topics() []string {
	return []string{agent.TopicBoard, agent.TopicLine, agent.TopicSeat, TopicCall}
}

// tell appends a fact about the call, with what every reader needs to place it.
func (s *step) tell(kind string, seat agent.SeatID, data map[string]any) {
	all := map[string]any{"line": s.c.Line}
	topics := []string{agent.TopicBoard, agent.TopicLine + ":" + string(s.c.Line), TopicCall + ":" + string(s.c.ID)}
	if seat != "" {
		all["seat"] = seat
		topics = append(topics, agent.TopicSeat+":"+string(seat))
	}
	maps.Copy(all, data)
	s.record(Tell{Fact{Kind: kind, Subject: string(s.c.ID), Topics: topics, Data: all}})
}

func (s *step) tellOffer(kind string, o Offer, data map[string]any) {
	all := map[string]any{"offer": o.ID, "kind": o.Kind, "person": o.Person}
	maps.Copy(all, data)
	s.tell(kind, o.Seat, all)
}

func (s *step) tellPart(kind string, p Participant, data map[string]any) {
	all := map[string]any{"participant": p.ID, "person": p.Person}
	maps.Copy(all, data)
	s.tell(kind, p.Seat, all)
}

// setWork says what a seat does from now on, to the ledger and in the fact log.
func (s *step) setWork(w SeatWork) {
	w.Call, w.Since = s.c.ID, s.now
	data := map[string]any{"work": w.Work}
	if w.Work != agent.WorkIdle {
		data["call"] = w.Call
	}
	if !w.Until.IsZero() {
		data["until"] = w.Until
	}
	s.record(SetWork{w}, Tell{Fact{
		Kind: "seat.work", Subject: string(w.Seat),
		Topics: []string{agent.TopicBoard, agent.TopicLine + ":" + string(s.c.Line), agent.TopicSeat + ":" + string(w.Seat)}, Data: data,
	}})
}
