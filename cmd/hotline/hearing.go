package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hotline/agent"
	"hotline/agent/policy"
	agentstore "hotline/agent/store"
	"hotline/realtime"
	"hotline/realtime/factlog"
	"hotline/telephony"
	"hotline/ticketing"
)

// hearing says who may hear which topic, by the table of rights and by what people are now: a right that was taken away ends
// at the next look, whatever was true when the socket was opened (V8.3.2, RS6).
type hearing struct{ hall *agentstore.Store }

var _ realtime.Authorizer = hearing{}

// Rule looks up in one query what everybody is who hears.
func (a hearing) Rule(ctx context.Context, who ...realtime.Subject) (realtime.Rule, error) {
	people := make([]agent.PersonID, len(who))
	for i, w := range who {
		people[i] = agent.PersonID(w.ID)
	}
	standings, err := a.hall.StandingsOf(ctx, people)
	if err != nil {
		return nil, err
	}
	return func(w realtime.Subject, topic string) (factlog.Position, bool) {
		return hears(standings[agent.PersonID(w.ID)], topic)
	}, nil
}

// hears compares a topic with the person's scope. What is theirs because they sit there is theirs from when they sat down (RS5).
func hears(who agent.Standing, topic string) (factlog.Position, bool) {
	kind, name, _ := strings.Cut(topic, ":")
	var r policy.Resource
	switch {
	case name == "":
	case kind == agent.TopicSeat:
		r.Own = who.Place.AtDesk() && name == string(who.Seat)
	case kind == agent.TopicLine, kind == agent.TopicWaiting:
		r.Own = who.Place.AtDesk() && name == string(who.Line)
	case kind == ticketing.TopicTickets:
		r.SameUnit = name == who.Unit
	}
	action := hearingOf(kind)
	var from factlog.Position
	if r.Own && !who.Can(action, policy.Resource{}) {
		from.XID = who.Tx
	}
	return from, who.Can(action, r)
}

// hearingOf is the action that hearing a kind of topic is.
func hearingOf(kind string) policy.Action {
	switch kind {
	case agent.TopicBoard:
		return policy.ReadBoard
	case agent.TopicLine:
		return policy.HearLine
	case agent.TopicWaiting:
		return policy.HearWaiting
	case agent.TopicSeat:
		return policy.ReadDesk
	case agent.TopicAudit:
		return policy.ReadAudit
	case agent.TopicSettings:
		return policy.ReadSettings
	case ticketing.TopicTickets:
		return policy.ReadTickets
	case ticketing.TopicTicket, telephony.TopicCall:
		return policy.FollowOne
	}
	return 0
}

// published are the kinds of topics that news goes to.
func published() []string {
	kinds := slices.Concat(agent.Topics(), telephony.Topics(), ticketing.Topics())
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// checkTopics refuses a kind of topic for which no action is declared.
func checkTopics(kinds []string) error {
	for _, kind := range kinds {
		if !hearingOf(kind).Declared() {
			return fmt.Errorf("no action is declared for the topic %s: nobody could say who may hear it", kind)
		}
	}
	return nil
}
