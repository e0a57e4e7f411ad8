package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"hotline/agent"
	"hotline/realtime"
)

// pageGrace is how long the page of somebody at a seat may be away before supervisors see it: a reload takes less (F22). Who sits beside
// has a grace of their own (agent.UsualGrace).
const pageGrace = 15 * time.Second

// sitter is a person at a seat.
type sitter struct {
	seat   agent.SeatID
	person agent.PersonID
}

// pages knows when people had the page of their seat open last, in this process. Who never had one, at a telephone alone, misses none.
type pages map[sitter]time.Time

// pageAway is a seat whose person has no page any more. The call goes on all the same.
type pageAway struct {
	Seat  agent.SeatID `json:"seat"`
	Since time.Time    `json:"since"`
}

func isSeat(topic string) bool { return strings.HasPrefix(topic, agent.TopicSeat+":") }

// look notes who has a page open now.
func (p pages) look(hearers map[string][]realtime.Subject, now time.Time) {
	for topic, all := range hearers {
		for _, w := range all {
			p[sitter{agent.SeatID(strings.TrimPrefix(topic, agent.TopicSeat+":")), agent.PersonID(w.ID)}] = now
		}
	}
}

// gone are those who have had none for longer than the grace.
func (p pages) gone(now time.Time) []sitter {
	var all []sitter
	for who, seen := range p {
		if now.Sub(seen) >= pageGrace {
			all = append(all, who)
		}
	}
	return all
}

// away are the seats whose person speaks there still, without a page. Who has left is forgotten, and so is who only watched.
func (p pages) away(gone []sitter, people map[agent.PersonID]agent.Standing) []pageAway {
	all := []pageAway{}
	for _, who := range gone {
		if at := people[who.person]; at.Seat != who.seat || at.Place != agent.PlaceOfficial {
			delete(p, who)
			continue
		}
		all = append(all, pageAway{who.seat, p[who].UTC()})
	}
	slices.SortFunc(all, func(a, b pageAway) int { return cmp.Compare(a.Seat, b.Seat) })
	return all
}

// pagesAway asks the database only when somebody's page has been away for long.
func (s *server) pagesAway(ctx context.Context) ([]pageAway, error) {
	gone := s.pages.gone(s.now())
	if len(gone) == 0 {
		return []pageAway{}, nil
	}
	people := make([]agent.PersonID, len(gone))
	for i, who := range gone {
		people[i] = who.person
	}
	standings, err := s.agentStore.StandingsOf(ctx, people)
	if err != nil {
		return nil, err
	}
	return s.pages.away(gone, standings), nil
}
