package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/agent"
	"hotline/telephony"
	"hotline/telephony/store/db"
)

// Call loads one call. ErrNotFound.
func (s *Store) Call(ctx context.Context, id telephony.CallID) (telephony.Call, error) {
	c, err := loadCall(ctx, s.q, id)
	if err == nil {
		err = s.rule(ctx, &c)
	}
	if err != nil {
		return telephony.Call{}, fmt.Errorf("load call %s: %w", id, err)
	}
	return c, nil
}

func loadCall(ctx context.Context, q *db.Queries, id telephony.CallID) (telephony.Call, error) {
	if id == "" {
		return telephony.Call{}, telephony.ErrNotFound
	}
	found, err := loadCalls(ctx, q, null(id))
	switch {
	case err != nil:
		return telephony.Call{}, notFound(err)
	case len(found) == 0:
		return telephony.Call{}, telephony.ErrNotFound
	}
	return found[0], nil
}

// Open loads every call that has not ended, in order of priority and arrival.
func (s *Store) Open(ctx context.Context) ([]telephony.Call, error) {
	calls, err := loadCalls(ctx, s.q, nil)
	for i := range calls {
		err = errors.Join(err, s.rule(ctx, &calls[i]))
	}
	if err != nil {
		return nil, fmt.Errorf("load open calls: %w", err)
	}
	return calls, nil
}

// loadCalls loads one call, or all open ones when none is named.
func loadCalls(ctx context.Context, q *db.Queries, id *string) ([]telephony.Call, error) {
	found, err := q.Calls(ctx, id)
	if err != nil {
		return nil, err
	}
	calls := make([]telephony.Call, len(found))
	for i, row := range found {
		if calls[i], err = call(row); err != nil {
			return nil, fmt.Errorf("call %s: %w", row.Call.ID, err)
		}
	}
	return calls, nil
}

func call(r db.CallsRow) (telephony.Call, error) {
	c := telephony.Call{
		ID: telephony.CallID(r.Call.ID), Channel: text[telephony.LegID](r.Call.Channel), Entity: r.Call.Entity,
		Line: text[agent.LineID](r.Call.Line), Session: text[string](r.Call.Session), Dialled: r.Call.Dialled, Masked: r.Call.NumTail,
		Place: r.Call.Place, Phase: telephony.Phase(r.Call.Phase), Seq: r.Call.Seq, Priority: int(r.Call.Priority),
		ArrivedAt: r.Call.ArrivedAt.UTC(), QueuedAt: timeOf(r.Call.QueuedAt), AnsweredAt: timeOf(r.Call.AnsweredAt),
		EndedAt: timeOf(r.Call.EndedAt), Outcome: text[telephony.Outcome](r.Call.Outcome), Cause: r.Call.Cause,
		Seat: text[agent.SeatID](r.Call.Seat), Resumes: text[telephony.CallID](r.Call.Resumes), Prefer: text[agent.SeatID](r.Prefer),
		Epoch: r.Call.Epoch, Version: r.Call.Version,
		Rules: telephony.Rules{Open: r.Open},
	}
	parts, err := decode[[]participantRow](r.Participants)
	if err != nil {
		return c, err
	}
	for _, p := range parts {
		c.Parts = append(c.Parts, p.participant())
	}
	offers, err := decode[[]offerRow](r.Offers)
	if err != nil {
		return c, err
	}
	for _, row := range offers {
		o := row.offer()
		if o.State != telephony.OfferOpen {
			c.Skips = telephony.Remember(c.Skips, o)
			continue
		}
		c.Offers = append(c.Offers, o)
		c.Parts = asked(c.Parts, o)
	}
	segment, err := decode[*segmentRow](r.Segment)
	if segment != nil {
		c.Segment = segment.segment()
	}
	return c, err
}

// asked are the participants with the one that an open offer asks. Who never took part has no row; who is to come back is
// rung on the offer's leg; who has answered keeps the leg.
func asked(parts []telephony.Participant, o telephony.Offer) []telephony.Participant {
	i := slices.IndexFunc(parts, func(p telephony.Participant) bool { return p.ID == o.Part })
	if i < 0 {
		parts = append(parts, telephony.Participant{ID: o.Part, Role: o.Role, Want: telephony.RoomTalk, Seat: o.Seat, Person: o.Person})
		i = len(parts) - 1
	}
	p := &parts[i]
	p.Offer, p.Phone, p.Endpoint = o.ID, o.Phone, o.Endpoint
	if p.State != telephony.StateUp {
		p.State, p.Leg, p.Since, p.Deadline = telephony.StateAsked, o.Leg(), o.OfferedAt, time.Time{}
	}
	return parts
}

// Seat loads a seat as AskSeat needs it; the secrets of its telephone are none of ours (RA5). ErrNotFound.
func (s *Store) Seat(ctx context.Context, id agent.SeatID) (agent.State, error) {
	r, err := s.q.SeatByID(ctx, string(id))
	if err != nil {
		return agent.State{}, fmt.Errorf("load seat %s: %w", id, notFound(err))
	}
	return agent.State{
		Seat: id, Line: agent.LineID(r.Line), Person: text[agent.PersonID](r.Person), Recorder: agent.Side{Person: text[agent.PersonID](r.Recorder)},
		Client: r.Client, Phone: agent.Phone(r.Phone), Endpoint: r.Endpoint, Intent: agent.Intent(r.Intent), RestCode: r.RestCode,
		RestUntil: timeOf(r.RestUntil), Pending: agent.Pending(r.Pending), Device: agent.Device(r.Device), Since: r.IntentSince.UTC(),
		Version: r.Version, Kind: agent.SeatKind(r.Kind), Work: agent.Work(r.Work), WorkSince: r.WorkSince.UTC(), Until: timeOf(r.WrapupUntil),
	}, nil
}

// Seats lists the seats of a line with somebody there.
func (s *Store) Seats(ctx context.Context, line agent.LineID) ([]telephony.LineSeat, error) {
	found, err := s.q.LineSeats(ctx, string(line))
	if err != nil {
		return nil, fmt.Errorf("load seats of line %s: %w", line, err)
	}
	out := make([]telephony.LineSeat, len(found))
	for i, r := range found {
		out[i] = telephony.LineSeat{
			Seat: agent.SeatID(r.Seat), Kind: agent.SeatKind(r.Kind), Person: text[agent.PersonID](r.Person), Phone: agent.Phone(r.Phone),
			Endpoint: r.Endpoint, Open: r.Open, Misses: int(r.Misses),
		}
		if r.Work == string(agent.WorkIdle) {
			out[i].Since = r.Since.UTC()
		}
	}
	return out, nil
}

// WrapUps loads the seats in wrap-up with their end.
func (s *Store) WrapUps(ctx context.Context) ([]telephony.SeatWork, error) {
	found, err := s.q.WrapUps(ctx)
	if err != nil {
		return nil, fmt.Errorf("load wrap-ups: %w", err)
	}
	out := make([]telephony.SeatWork, len(found))
	for i, r := range found {
		out[i] = telephony.SeatWork{
			Seat: agent.SeatID(r.Seat), Work: agent.WorkWrapUp, Call: text[telephony.CallID](r.Call), Until: timeOf(r.Until), Since: r.Since.UTC(),
		}
	}
	return out, nil
}

// Pending lists the idle seats whose person's wish still waits for the end of their work (A4, RT4).
func (s *Store) Pending(ctx context.Context) ([]agent.SeatID, error) {
	found, err := s.q.PendingSeats(ctx)
	if err != nil {
		return nil, fmt.Errorf("load seats with a pending wish: %w", err)
	}
	out := make([]agent.SeatID, len(found))
	for i, seat := range found {
		out[i] = agent.SeatID(seat)
	}
	return out, nil
}

// Lines lists the lines with their rules as they are now. Calls that are loaded from then on have these.
func (s *Store) Lines(ctx context.Context) ([]telephony.LineInfo, error) {
	found, err := s.q.Lines(ctx)
	if err != nil {
		return nil, fmt.Errorf("load lines: %w", err)
	}
	out, rules := make([]telephony.LineInfo, len(found)), make(map[agent.LineID]telephony.Rules, len(found))
	for i, r := range found {
		out[i] = telephony.LineInfo{ID: agent.LineID(r.ID), Numbers: r.Numbers, Rules: telephony.Rules{
			Ring: seconds(r.RingSeconds), WrapUp: seconds(r.WrapupSeconds), Grace: seconds(r.GraceSeconds), Notice: r.Notice, Open: r.Open,
		}}
		rules[out[i].ID] = out[i].Rules
	}
	s.rules.Store(&rules)
	return out, nil
}

// rule gives a call the rules of its line as they were read last, so that no statement on its way reads them; whether the line is open
// its row says. Only the first call of a line that nobody has read yet has them read.
func (s *Store) rule(ctx context.Context, c *telephony.Call) error {
	if c.Line == "" {
		return nil
	}
	rules, ok := (*s.rules.Load())[c.Line]
	if !ok {
		if _, err := s.Lines(ctx); err != nil {
			return err
		}
		rules = (*s.rules.Load())[c.Line]
	}
	rules.Open = c.Rules.Open
	c.Rules = rules
	return nil
}

// Number opens the number of a call, for whoever dials it or shows it by an audited act; empty when anonymous.
func (s *Store) Number(ctx context.Context, id telephony.CallID) (telephony.PhoneNumber, error) {
	sealed, err := s.q.CallNumber(ctx, string(id))
	if err != nil {
		return "", fmt.Errorf("load number of call %s: %w", id, notFound(err))
	}
	number, err := s.vault.Open(string(id), sealed)
	if err != nil {
		return "", fmt.Errorf("number of a call: %w", err)
	}
	return telephony.PhoneNumber(number), nil
}

func seconds(n int32) time.Duration { return time.Duration(n) * time.Second }
