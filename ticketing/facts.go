package ticketing

import (
	"time"

	"hotline/agent"
	"hotline/agent/calendar"
	"hotline/telephony"
)

// What happened to a ticket, as its history calls it.
type What string

// The happenings.
const (
	WhatOpened     What = "opened"
	WhatDrafted    What = "drafted"
	WhatSeated     What = "seated"  // a seat has taken the call
	WhatMissed     What = "missed"  // the call ended and nobody had answered it
	WhatResumed    What = "resumed" // the citizen has rung again: the draft goes on with that call
	WhatRegistered What = "registered"
	WhatClosed     What = "closed"
)

// Change is one step of a ticket, stored with its history row and its fact in one transaction.
type Change struct {
	Before Ticket // zero when the ticket is new
	After  Ticket
	What   What
	Fields []Field // that were edited
	Actor  string
	At     time.Time
}

// Kept says that there is something to store.
func (c Change) Kept() bool { return c.After.Version != c.Before.Version }

// Numbered says that the store must give the ticket its number.
func (c Change) Numbered() bool { return c.After.State != StateDraft && c.After.Number == "" }

// The kinds of topics that news of tickets goes to: all of them together, or with a code behind a colon those that a unit may read; and
// one alone with its id.
const (
	TopicTickets = "tickets"
	TopicTicket  = "ticket"
)

// Topics lists the kinds of topics that news of tickets goes to.
func Topics() []string {
	return []string{TopicTickets, TopicTicket, telephony.TopicCall, agent.TopicSeat}
}

// Fact is one piece of news for the log. Nothing personal in Data.
type Fact struct {
	Kind    string
	Subject string
	Topics  []string
	Data    map[string]any
}

// Fact tells the change to desks, to both pages at the seat, and to whoever follows the ticket or its call.
func (c Change) Fact() Fact {
	t := c.After
	f := Fact{
		Subject: string(t.ID),
		Topics:  []string{TopicTickets, TopicTicket + ":" + string(t.ID), telephony.TopicCall + ":" + string(t.Call)},
		Data:    map[string]any{"call": t.Call},
	}
	if was := c.Before.Call; was != "" && was != t.Call { // whoever follows that call must drop it
		f.Topics = append(f.Topics, telephony.TopicCall+":"+string(was))
	}
	for _, unit := range t.Units {
		if t.For(unit) && !t.Withheld() {
			f.Topics = append(f.Topics, TopicTickets+":"+unit)
		}
	}
	for _, seat := range seatsOf(c) {
		f.Topics = append(f.Topics, agent.TopicSeat+":"+string(seat))
	}
	switch c.What {
	case WhatOpened:
		f.Kind, f.Data["kind"] = "ticket.opened", t.Kind
	case WhatDrafted, WhatSeated, WhatMissed, WhatResumed:
		f.Kind, f.Data["version"] = "ticket.drafted", t.Version
	case WhatRegistered:
		f.Kind, f.Data["version"] = "ticket.registered", t.Version
		f.Data["number"], f.Data["class"] = t.Number, t.Class
		if t.Promise != nil {
			f.Data["due_at"] = t.Promise.DueAt.UTC()
		}
	case WhatClosed:
		f.Kind, f.Data["version"] = "ticket.closed", t.Version
		f.Data["outcome"] = t.Outcome
	}
	return f
}

// seatsOf names the ticket's seat, and the one it left: that page must drop it.
func seatsOf(c Change) []agent.SeatID {
	var seats []agent.SeatID
	if c.After.Seat != "" {
		seats = append(seats, c.After.Seat)
	}
	if c.Before.Seat != "" && c.Before.Seat != c.After.Seat {
		seats = append(seats, c.Before.Seat)
	}
	return seats
}

// History is what the ticket's history keeps of the change: names of fields and the rules applied, not what was said.
func (c Change) History() map[string]any {
	t := c.After
	switch c.What {
	case WhatOpened:
		return map[string]any{"kind": t.Kind}
	case WhatDrafted:
		return map[string]any{"fields": c.Fields}
	case WhatSeated:
		return map[string]any{"seat": t.Seat}
	case WhatMissed:
		return map[string]any{}
	case WhatResumed:
		return map[string]any{"call": t.Call, "resumes": c.Before.Call}
	case WhatRegistered:
		h := map[string]any{"number": t.Number, "class": t.Class}
		if p := t.Promise; p != nil {
			h["due_at"], h["working_days"], h["provisional"] = p.DueAt.UTC(), p.WorkingDays, p.Provisional
		}
		return h
	case WhatClosed:
		return map[string]any{"number": t.Number, "class": t.Class, "outcome": t.Outcome}
	}
	return map[string]any{}
}

// Year is the year of the number: of the registration, in China.
func (c Change) Year() int { return calendar.DateOf(c.At).Year }
