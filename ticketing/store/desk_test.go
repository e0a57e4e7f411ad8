package store_test

import (
	"context"

	"hotline/agent"
	"hotline/telephony"
	"hotline/ticketing"
)

// desk is the service as the web uses it: who asks is whose rows the database shows.
type desk struct{ of *ticketing.Service }

func (d desk) Patch(ctx context.Context, who agent.Identity, id ticketing.TicketID, p ticketing.Patch) (ticketing.Ticket, error) {
	return d.of.Patch(agent.NewContext(ctx, who), who, id, p)
}

func (d desk) Register(ctx context.Context, who agent.Identity, id ticketing.TicketID, version int64) (ticketing.Ticket, error) {
	return d.of.Register(agent.NewContext(ctx, who), who, id, version)
}

func (d desk) AddAppeal(ctx context.Context, who agent.Identity, call telephony.CallID) (ticketing.Ticket, error) {
	return d.of.AddAppeal(agent.NewContext(ctx, who), who, call)
}

func (d desk) Ticket(ctx context.Context, who agent.Identity, id ticketing.TicketID) (ticketing.Ticket, []ticketing.Event, error) {
	return d.of.Ticket(agent.NewContext(ctx, who), who, id)
}

func (d desk) OfCall(ctx context.Context, who agent.Identity, call telephony.CallID) ([]ticketing.Ticket, string, error) {
	return d.of.OfCall(agent.NewContext(ctx, who), who, call)
}

func (d desk) Pop(ctx context.Context, who agent.Identity, call telephony.CallID) (ticketing.Pop, error) {
	return d.of.Pop(agent.NewContext(ctx, who), who, call)
}

func (d desk) List(ctx context.Context, who agent.Identity, q ticketing.Query) (ticketing.Page, error) {
	return d.of.List(agent.NewContext(ctx, who), who, q)
}
